"""Ask for approvals, give them, and say what became of them.

`evaluate`, `request` and `outcome` are for services that decide on something in a transaction of
their own: they read, `request` adds one row, and none of them locks a row of anybody else. An
answer locks its request alone. PostgreSQL judges every answer once more (see
`gifting/migrations/sql/approvals.sql`); here its words are turned into refusals.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from gifting import models
from gifting.domain import access, approvals, ledger, refusals
from gifting.selectors import approvals as requests
from gifting.services import conflicts, operations, overrides

REASON: Final = "reason"


class ApprovalRequestClosed(refusals.Conflict):
    code = "APPROVAL_REQUEST_CLOSED"


class ApprovalExpired(refusals.Conflict):
    code = "APPROVAL_EXPIRED"


class AlreadyDecided(refusals.Conflict):
    code = "ALREADY_DECIDED"


class DelegationNotInForce(refusals.Forbidden):
    code = "DELEGATION_NOT_IN_FORCE"


class ApprovalMissing(refusals.Conflict):
    code = "APPROVAL_MISSING"


class PolicyVersionTaken(refusals.Conflict):
    code = "APPROVAL_POLICY_VERSION_TAKEN"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be approved: its kind, such as SEND, and its public id."""

    kind: str
    id: UUID


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request, and the version of the policy that it was judged by."""

    request_id: UUID
    state: approvals.RequestState
    policy_version: int
    decision: approvals.Decision
    decided_at: dt.datetime | None

    @property
    def is_approved(self) -> bool:
        return self.state is approvals.RequestState.APPROVED


def define_policy(
    *,
    actor: access.Actor,
    key: str,
    policy: approvals.Policy,
    reason: str,
    at: dt.datetime,
    effective_at: dt.datetime | None = None,
) -> int:
    """Put a new version of the matrix in place of the last one and return its number.

    The number that the policy carries is not read. Versions that were in use stay as they are.
    Raises Forbidden, PolicyUnusable, UnknownCurrency, TextUnusable and PolicyVersionTaken.
    """
    actor.require(access.Permission.MANAGE_POLICIES)
    approvals.require_usable(policy)
    operations.text(reason, field=REASON)
    for band in policy.bands:
        if band.approver.user_id is not None and requests.person(band.approver.user_id) is None:
            raise approvals.PolicyUnusable(
                f"Band {band.number} names somebody who is no member of your organization.",
                field="bands",
            )
    bands = [requests.band_as_json(band) for band in policy.bands]

    def plan(_: UUID) -> operations.Plan:
        last = models.ApprovalPolicy.objects.order_by("-version").values_list("version", flat=True)
        version = (last.first() or 0) + 1
        taken = PolicyVersionTaken(
            "Somebody else made a version at the same time. Look at it, then make yours."
        )
        with conflicts.judging({"approval_policy_version_is_unique": taken}):
            models.ApprovalPolicy.objects.create(
                organization_id=actor.organization_id,
                version=version,
                currency=policy.currency,
                bands=bands,
                forbids_delegates=policy.forbids_delegates,
                expires_after_hours=policy.expires_after_hours,
                escalates_after_hours=policy.escalates_after_hours,
                escalates_to=policy.escalates_to.value,
                effective_at=effective_at or at,
                reason=reason,
                user_id=actor.user_id,
            )
        return operations.Plan(response={"version": version})

    asked = {
        "act": "define_policy",
        "bands": bands,
        "currency": policy.currency,
        "forbids_delegates": policy.forbids_delegates,
        "hours": [policy.expires_after_hours, policy.escalates_after_hours],
        "escalates_to": policy.escalates_to.value,
        "effective_at": effective_at,
        REASON: reason,
    }
    return int(_perform(actor, key, asked, plan).response["version"])


def evaluate(
    *,
    actor: access.Actor,
    facts: approvals.Facts,
    at: dt.datetime,
    prepared_by: int | None = None,
) -> approvals.Decision:
    """Return who would have to approve these facts, and why; nothing is written or locked.

    The amount is in the currency of the policy. Raises Forbidden and CurrencyMismatch.
    """
    _require_asker(actor)
    _, policy = requests.policy_at(at)
    return _decide(policy, facts, approvals.Parties(operations.person_behind(actor), prepared_by))


def request(
    *,
    actor: access.Actor,
    subject: Subject,
    facts: approvals.Facts,
    at: dt.datetime,
    prepared_by: int | None = None,
    reason: str = "",
) -> Outcome:
    """Ask for the approval that these facts need, in the caller's transaction.

    What needs none is approved at once, with the version of the policy kept. A request that is open
    or approved, and that covers the facts, is answered with; one that is open for other facts is
    withdrawn for a new one. An override of the subject is used up. Raises Forbidden and
    CurrencyMismatch.
    """
    _require_asker(actor)
    standing = requests.latest(subject_kind=subject.kind, subject_id=subject.id)
    if standing is not None and _still_holds(standing, facts, at):
        return _outcome(standing, at)
    if standing is not None and standing.state is approvals.RequestState.PENDING:
        is_late = at >= standing.expires_at
        _tell(
            actor,
            standing,
            approvals.EventKind.EXPIRED if is_late else approvals.EventKind.WITHDRAWN,
            "Asked for anew",
            at,
        )
    policy_key, policy = requests.policy_at(at)
    parties = approvals.Parties(operations.person_behind(actor), prepared_by)
    decision = _decide(policy, facts, parties)
    if decision.needs_approval:
        decision = _let_through(actor, decision, subject, at)
    made = _make(
        actor,
        subject=subject,
        facts=facts,
        decision=decision,
        policy=policy,
        policy_key=policy_key,
        parties=parties,
        reason=reason,
        at=at,
    )
    return _outcome(requests.get(request_id=made.public_id), at)


def outcome(*, actor: access.Actor, request_id: UUID, at: dt.datetime) -> Outcome:
    """Return what became of a request by a moment; raises Forbidden, UnknownApprovalRequest."""
    _require_asker(actor)
    return _outcome(requests.get(request_id=request_id), at)


def require_approved(
    *, actor: access.Actor, subject: Subject, facts: approvals.Facts, at: dt.datetime
) -> Outcome:
    """Return the approval that covers these facts; raises Forbidden and ApprovalMissing."""
    _require_asker(actor)
    standing = requests.latest(subject_kind=subject.kind, subject_id=subject.id)
    if (
        standing is None
        or standing.state is not approvals.RequestState.APPROVED
        or not approvals.covers(standing.facts, facts)
    ):
        raise ApprovalMissing(
            "This is not approved, or was approved for less or for somebody else. Ask for an "
            "approval and wait for it."
        )
    return _outcome(standing, at)


def approve(
    *,
    actor: access.Actor,
    key: str,
    request_id: UUID,
    at: dt.datetime,
    on_behalf_of: int | None = None,
    reason: str = "",
) -> Outcome:
    """Approve a request for oneself, or for somebody who delegated it.

    Raises Forbidden, UnknownApprovalRequest, SelfApproval, DelegateOfRequester, NotAnApprover,
    DelegationNotInForce, ApprovalRequestClosed, ApprovalExpired, AlreadyDecided and what
    `operations.perform` refuses.
    """
    return _answer(
        actor,
        key,
        request_id=request_id,
        verdict=approvals.Verdict.APPROVED,
        on_behalf_of=on_behalf_of,
        reason=reason,
        at=at,
    )


def reject(
    *,
    actor: access.Actor,
    key: str,
    request_id: UUID,
    reason: str,
    at: dt.datetime,
    on_behalf_of: int | None = None,
) -> Outcome:
    """Refuse a request, which ends it; raises what `approve` raises, and TextUnusable."""
    operations.text(reason, field=REASON)
    return _answer(
        actor,
        key,
        request_id=request_id,
        verdict=approvals.Verdict.REJECTED,
        on_behalf_of=on_behalf_of,
        reason=reason,
        at=at,
    )


def withdraw(
    *, actor: access.Actor, key: str, request_id: UUID, reason: str, at: dt.datetime
) -> Outcome:
    """Take a request back, as the one who made or prepared it or as an administrator.

    Raises Forbidden, UnknownApprovalRequest, TextUnusable and ApprovalRequestClosed.
    """
    operations.text(reason, field=REASON)

    def plan(_: UUID) -> operations.Plan:
        asked = requests.get(request_id=request_id)
        if operations.person_behind(actor) not in asked.parties.people:
            actor.require(access.Permission.MANAGE_ACCESS)
        _tell(actor, asked, approvals.EventKind.WITHDRAWN, reason, at)
        return operations.Plan(response={"request": str(request_id)})

    _perform(actor, key, {"act": "withdraw", "request": request_id, REASON: reason}, plan)
    return _outcome(requests.get(request_id=request_id), at)


def sweep(*, actor: access.Actor, at: dt.datetime, most: int = 1000) -> tuple[int, int]:
    """Let requests lapse that nobody decided in time, and pass on those that wait too long.

    Returns how many of each. A request that somebody decides at this moment is left alone.
    """
    actor.require(access.Permission.MANAGE_POLICIES)
    open_requests = models.ApprovalRequest.objects.filter(
        state=approvals.RequestState.PENDING.value
    ).order_by("id")
    lapsed = open_requests.filter(expires_at__lte=at)[:most]
    late = open_requests.filter(escalates_at__lte=at, expires_at__gt=at, is_escalated=False)[:most]
    return (
        sum(_swept(actor, row, approvals.EventKind.EXPIRED, at) for row in lapsed),
        sum(_swept(actor, row, approvals.EventKind.ESCALATED, at) for row in late),
    )


def _answer(
    actor: access.Actor,
    key: str,
    *,
    request_id: UUID,
    verdict: approvals.Verdict,
    on_behalf_of: int | None,
    reason: str,
    at: dt.datetime,
) -> Outcome:
    if actor.user_id is None:
        raise refusals.Forbidden("Only people approve. Sign in as one.")
    if on_behalf_of is None:
        actor.require(access.Permission.APPROVE)
    user_id, principal = actor.user_id, on_behalf_of or actor.user_id
    if reason:
        operations.text(reason, field=REASON)

    def plan(_: UUID) -> operations.Plan:
        day = requests.day_of(at)
        asked = requests.get(request_id=request_id, day=day)
        delegation = _require_may_answer(asked, user_id, principal, day, at)
        with conflicts.judging(_ANSWER_REFUSALS):
            models.Approval.objects.create(
                organization_id=actor.organization_id,
                request_id=asked.id,
                verdict=verdict.value,
                approved_by_id=user_id,
                on_behalf_of_id=principal,
                delegation_id=delegation,
                step_numbers=list(_require_steps(asked, principal)),
                reason=reason,
                decided_at=at,
            )
        return operations.Plan(response={"request": str(request_id)})

    told = {
        "act": verdict.value,
        "request": request_id,
        "on_behalf_of": on_behalf_of,
        "user": user_id,
        REASON: reason,
    }
    _perform(actor, key, told, plan)
    return _outcome(requests.get(request_id=request_id), at)


def _require_may_answer(
    asked: requests.Request, user_id: int, principal: int, day: dt.date, at: dt.datetime
) -> int | None:
    """Refuse whoever may not answer; return the delegation that they answer by."""
    if asked.state_at(at) is not approvals.RequestState.PENDING:
        raise ApprovalRequestClosed(
            f"The request is {asked.state_at(at).lower()}. Look at it again."
        )
    approvals.require_separate(
        approver=user_id,
        on_behalf_of=principal,
        parties=asked.parties,
        forbids_delegates=asked.forbids_delegates,
    )
    if principal == user_id:
        return None
    delegation = requests.delegation_id(delegator=principal, delegate=user_id, day=day)
    if delegation is None:
        raise _NOT_DELEGATED
    return delegation


def _require_steps(asked: requests.Request, principal: int) -> tuple[int, ...]:
    person = requests.person(principal)
    steps = (
        approvals.fitting(
            asked.decision.steps,
            person,
            is_escalated=asked.is_escalated,
            escalates_to=asked.escalates_to,
        )
        if person
        else ()
    )
    if not steps:
        needed = ", ".join(str(step.approver) for step in asked.decision.steps)
        raise approvals.NotAnApprover(f"This waits for somebody else: {needed}.")
    return steps


def _decide(
    policy: approvals.Policy, facts: approvals.Facts, parties: approvals.Parties
) -> approvals.Decision:
    return requests.resolved(
        approvals.decide(policy, facts),
        policy=policy,
        cost_center_id=facts.cost_center_id,
        parties=parties,
    )


def _let_through(
    actor: access.Actor, decision: approvals.Decision, subject: Subject, at: dt.datetime
) -> approvals.Decision:
    """Drop the steps when an override of this subject is in force, and use it."""
    override = requests.override_id(rule_code="", subject_id=subject.id, recipient_ids=(), at=at)
    if override is None:
        return decision
    overrides.use(actor=actor, override_id=override, subject_id=subject.id, at=at)
    return replace(decision, steps=(), reasons=(*decision.reasons, f"override {override}"))


def _make(
    actor: access.Actor,
    *,
    subject: Subject,
    facts: approvals.Facts,
    decision: approvals.Decision,
    policy: approvals.Policy,
    policy_key: int | None,
    parties: approvals.Parties,
    reason: str,
    at: dt.datetime,
) -> models.ApprovalRequest:
    waits = decision.needs_approval
    made = models.ApprovalRequest(
        organization_id=actor.organization_id,
        subject_kind=subject.kind,
        subject_id=subject.id,
        policy_id=policy_key,
        policy_version=decision.policy_version,
        steps=decision.as_json()["steps"],
        reasons=list(decision.reasons),
        forbids_delegates=policy.forbids_delegates,
        amount_minor=facts.amount.amount_minor,
        currency=facts.amount.currency,
        recipient_class=facts.recipient_class.value,
        country=facts.country,
        cost_center_id=facts.cost_center_id,
        available_minor=facts.available_minor,
        revised_minor=facts.revised_minor,
        opportunity_minor=facts.opportunity_minor,
        rules=list(facts.rules),
        requested_by_id=parties.requested_by,
        prepared_by_id=parties.prepared_by,
        token_id=actor.token_id,
        reason=reason,
        requested_at=at,
        expires_at=approvals.expires_at(policy, at),
        escalates_at=approvals.escalates_at(policy, at),
        escalates_to=policy.escalates_to.value,
        state=(approvals.RequestState.PENDING if waits else approvals.RequestState.APPROVED).value,
        decided_at=None if waits else at,
    )
    made.save()
    return made


def _still_holds(standing: requests.Request, facts: approvals.Facts, at: dt.datetime) -> bool:
    state = standing.state_at(at)
    if state is approvals.RequestState.PENDING:
        return standing.facts == facts
    return state is approvals.RequestState.APPROVED and approvals.covers(standing.facts, facts)


def _swept(
    actor: access.Actor,
    row: models.ApprovalRequest,
    kind: approvals.EventKind,
    at: dt.datetime,
) -> bool:
    try:
        _tell(actor, requests.get(request_id=row.public_id), kind, "Nobody decided in time", at)
    except ApprovalRequestClosed:
        return False
    return True


def _tell(
    actor: access.Actor,
    asked: requests.Request,
    kind: approvals.EventKind,
    reason: str,
    at: dt.datetime,
) -> None:
    closed = ApprovalRequestClosed("The request is decided already. Look at it again.")
    with conflicts.judging(
        {"approval_event_is_due": closed, "approval_event_is_told_once": closed}
    ):
        models.ApprovalEvent.objects.create(
            organization_id=actor.organization_id,
            request_id=asked.id,
            kind=kind.value,
            reason=reason,
            user_id=actor.user_id,
            occurred_at=at,
        )


def _outcome(asked: requests.Request, at: dt.datetime) -> Outcome:
    return Outcome(
        request_id=asked.public_id,
        state=asked.state_at(at),
        policy_version=asked.decision.policy_version,
        decision=asked.decision,
        decided_at=asked.decided_at,
    )


def _require_asker(actor: access.Actor) -> None:
    askers = (access.Permission.WRITE_SENDS, access.Permission.WRITE_BUDGETS)
    if not any(actor.may(permission) for permission in (*askers, access.Permission.APPROVE)):
        actor.require(askers[0])


def _perform(
    actor: access.Actor, key: str, asked: Mapping[str, Any], plan: Any
) -> operations.Answer:
    return operations.perform(
        actor=actor, kind=ledger.OperationKind.DECISION, key=key, request=asked, plan=plan
    )


_NOT_DELEGATED: Final = DelegationNotInForce(
    "Nobody delegated this to you for today. Ask the approver, or an administrator.",
    field="on_behalf_of",
)
_TWICE: Final = AlreadyDecided(
    "You have answered this request, or somebody has for the same person. Nobody answers twice."
)
# What can still be refused when two people act at the same moment.
_ANSWER_REFUSALS: Final[Mapping[str, refusals.Refusal]] = {
    "approval_request_is_open": ApprovalRequestClosed("The request was decided just now."),
    "approval_is_in_time": ApprovalExpired("The request has expired. Have it made anew."),
    "delegation_is_in_force": _NOT_DELEGATED,
    "approval_person_is_unique": _TWICE,
    "approval_principal_is_unique": _TWICE,
    "approver_is_not_requester": approvals.SelfApproval(
        "You asked for this or prepared it, so somebody else has to decide on it."
    ),
    "approver_is_no_delegate_of_requester": approvals.DelegateOfRequester(
        "You act for the person who asked for this. Somebody else has to decide."
    ),
    "approval_fits_its_steps": approvals.NotAnApprover("This waits for somebody else."),
}

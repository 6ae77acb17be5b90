"""Decide on sends: room in the budgets, approval policy and recipient rule, in one transaction.

The rules kept here: an approval reserves its whole estimate, or there is no approval. What was
looked at is kept with the answer: the facts and their hash, the formula of the room, and the
versions of the terms, policies and rules that decided. A refusal is an answer as well, and is kept.

Locks: the key, the sends by id, their recipients, the period, the funds by id.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from gifting import models
from gifting.domain import access, decisions, ledger, lifecycle, money, refusals
from gifting.domain import approvals as matrix
from gifting.domain.budgets import Enforcement
from gifting.domain.decisions import Mode, Outcome
from gifting.domain.ledger import Bucket, OperationKind
from gifting.selectors import organizations
from gifting.services import (
    approvals,
    dimensions,
    gift_rules,
    operations,
    overrides,
    periods,
    postings,
    rulings,
    settlements,
    tenancy,
)
from gifting.services.operations import Plan, Step

APPROVED: Final = Outcome.APPROVED.value
NO_REACH: Final = 0
# What is refused by one of these is an answer about the send, and kept with it.
ANSWERS: Final = (
    ledger.BudgetExceeded,
    operations.FundParked,
    operations.PeriodClosed,
    approvals.ApprovalMissing,
    rulings.GiftBlocked,
    gift_rules.RegisterIncomplete,
    overrides.OverrideUsedUp,
)


class UnknownRequest(refusals.NotFound):
    code = "UNKNOWN_REQUEST"


class RequesterDecides(refusals.Conflict):
    code = "REQUESTER_DECIDES"


class AlreadyDecided(refusals.Conflict):
    code = "ALREADY_DECIDED"


class NothingFits(refusals.Conflict):
    code = "NOTHING_FITS"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a send was refused."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer to one request, and the commitments that hold its money.

    Without an outcome nothing is decided yet, and the reason says what it waits for.
    """

    send: UUID
    outcome: Outcome | None
    reasons: tuple[Reason, ...] = ()
    commitments: tuple[UUID, ...] = ()
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class DecidedBatch:
    """The answers to a batch, in the order in which it was asked."""

    approved: tuple[UUID, ...]
    refused: tuple[UUID, ...]
    replayed: bool


@dataclass(slots=True)
class _Case:
    """One request with what was found about it."""

    send: models.Send
    request: models.SendRequest
    shares: Sequence[settlements.Share]
    ruling: rulings.Ruling | None = None
    reasons: list[Reason] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    # The key of the limits beside each fund, and the funds that they are.
    reaches: dict[int, int | None] = field(default_factory=dict)
    beside: list[int] = field(default_factory=list)

    @property
    def by_fund(self) -> dict[int, int]:
        """Return what each fund is asked for."""
        return settlements.parts_of(self.request)


def decide(
    *,
    actor: access.Actor,
    key: str,
    send: UUID,
    at: dt.datetime,
    overrun_reason: str = "",
) -> Decided:
    """Approve a request and reserve its money, or say why not; the answer is kept either way.

    An approver's own answer to the matrix is given with it, and kept even if the budgets refuse.
    While others have to approve, nothing is decided: the answer has no outcome. Without a matrix,
    anybody who may APPROVE decides but the requester. A budget that is SOFT is passed with a
    reason, which is kept with the answer and opens an exception; an ADVISORY one with a warning.

    Raises Forbidden, UnknownRequest, RequesterDecides, AlreadyDecided, TextUnusable and what
    `operations.perform` refuses; what the budgets, the matrix or the rules refuse is an answer.
    """
    _require_decider(actor)
    why = overrun_reason and operations.text(overrun_reason, field="overrun_reason")
    with tenancy.organization(actor.organization_id):
        found: list[_Case] = []

        def plan(_: UUID) -> Plan:
            found[:] = _cases(actor, Q(send__public_id=send), why)
            (case,) = found
            _require_undecided(case)
            case.ruling = rulings.judge(actor=actor, request=case.request, at=at)
            rulings.require_allowed(case.ruling)
            _require_approved(actor, found, at)
            rulings.record(actor=actor, request=case.request, ruling=case.ruling, at=at)
            return _plan(actor, found, at, why=why)

        _answer_matrix(actor, Q(send__public_id=send), at)
        try:
            answer = operations.perform(
                actor=actor,
                kind=OperationKind.COMMIT,
                key=key,
                request={"decide": send} | ({"overrun_reason": why} if why else {}),
                plan=plan,
            )
        except ANSWERS as refusal:
            return _refuse(actor, found[0], refusal)
        except _Waiting as waiting:
            return Decided(send, None, (waiting.reason,))
    made = tuple(UUID(each) for each in answer.response["commitments"])
    return Decided(send, Outcome.APPROVED, (), made, answer.replayed)


def decide_batch(
    *,
    actor: access.Actor,
    key: str,
    batch: UUID,
    mode: Mode,
    at: dt.datetime,
    overrun_reason: str = "",
) -> DecidedBatch:
    """Reserve the money of a batch at once: its sends draw from one commitment a fund.

    Sends that meet other limits beside the fund draw from another one. Budgets that are SOFT or
    ADVISORY are passed as by `decide`.

    Either all or nothing, or as many as fit: in the order in which they were asked, each that the
    rules allow and that fits what is left. The rest is refused, and the refusals kept. Raises
    BudgetExceeded, GiftBlocked and the like for a batch of which all was asked, NothingFits,
    ApprovalMissing, and what `decide` raises.
    """
    _require_decider(actor)
    why = overrun_reason and operations.text(overrun_reason, field="overrun_reason")

    def plan(_: UUID) -> Plan:
        cases = [
            case
            for case in _cases(actor, Q(batch=batch), why)
            if not models.SendDecision.objects.filter(send=case.send, outcome=APPROVED).exists()
        ]
        if not cases:
            raise AlreadyDecided("All sends of the batch are approved already.", field="batch")
        _require_approved(actor, cases, at)
        gift_rules.hold(
            actor=actor,
            recipient_ids=[case.send.recipient_id for case in cases if case.send.recipient_id],
        )
        room = None if mode is Mode.ALL_OR_NOTHING else _room(actor, cases, at)
        fitting = [case for case in cases if _fits(actor, case, room, at, why)]
        if not fitting:
            raise NothingFits("No send of the batch fits its budgets. Have them revised.")
        left_out = [each for each in cases if each.reasons]
        return _plan(actor, fitting, at, left_out, why=why)

    with tenancy.organization(actor.organization_id):
        _answer_matrix(actor, Q(batch=batch), at)
        try:
            answer = operations.perform(
                actor=actor,
                kind=OperationKind.COMMIT,
                key=key,
                request={"decide_batch": batch, "mode": mode.value}
                | ({"overrun_reason": why} if why else {}),
                plan=plan,
            )
        except _Waiting as waiting:
            raise approvals.ApprovalMissing(waiting.reason.message) from None
    return DecidedBatch(
        tuple(UUID(each) for each in answer.response["approved"]),
        tuple(UUID(each) for each in answer.response["refused"]),
        answer.replayed,
    )


class _Waiting(Exception):  # noqa: N818 - an answer between two functions, not an error
    """Others have to approve first."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


def _require_decider(actor: access.Actor) -> None:
    if not actor.may(access.Permission.APPROVE):
        actor.require(access.Permission.WRITE_SENDS)


def _answer_matrix(actor: access.Actor, which: Q, at: dt.datetime) -> None:
    """Give the approver's own answer, when the matrix waits for one."""
    first = models.SendRequest.objects.filter(which).select_related("send").first()
    if first is None:
        raise UnknownRequest("There is no such request.", field="send")
    actor.require_cost_center(first.send.cost_center_id)
    standing = rulings.standing_of(rulings.subject_of(first))
    if (
        standing is None
        or standing.state_at(at) is not matrix.RequestState.PENDING
        or actor.user_id is None
        or not actor.may(access.Permission.APPROVE)
    ):
        return
    with contextlib.suppress(approvals.AlreadyDecided):
        approvals.approve(
            actor=actor,
            key=f"approve:{standing.public_id}:{actor.user_id}",
            request_id=standing.public_id,
            at=at,
        )


def _require_approved(actor: access.Actor, cases: Sequence[_Case], at: dt.datetime) -> None:
    """Refuse what the matrix does not cover; without one, whoever asked for it.

    Raises ApprovalMissing, RequesterDecides and Forbidden.
    """
    requests = [case.request for case in cases]
    for case in cases:
        if case.ruling is None:
            case.ruling = rulings.judge(actor=actor, request=case.request, at=at)
    standing = rulings.standing_of(rulings.subject_of(requests[0]))
    if standing is not None and standing.state_at(at) is matrix.RequestState.PENDING:
        needed = ", ".join(str(step.approver) for step in standing.decision.steps)
        missing = approvals.ApprovalMissing.code
        raise _Waiting(Reason(missing, f"This waits for others to approve: {needed}."))
    outcome = rulings.require_approved(
        actor=actor,
        requests=requests,
        rulings=[case.ruling for case in cases if case.ruling],
        at=at,
    )
    for case in cases:
        case.versions["approval_policy"] = str(outcome.policy_version)
        case.facts["approval"] = {
            "request": str(outcome.request_id),
            **outcome.decision.as_json(),
        }
    if outcome.policy_version == rulings.NO_POLICY:
        actor.require(access.Permission.APPROVE)
        for request in requests:
            _require_other(actor, request)


def _room(actor: access.Actor, cases: Sequence[_Case], at: dt.datetime) -> settlements.Room:
    zone = organizations.get(organization_id=actor.organization_id).time_zone
    day = periods.day_of(at=at, time_zone=zone)
    periods.hold(period_id=periods.of_decision(actor=actor, day=day))
    _find_limits(actor, cases)
    return settlements.Room.of(
        {share.fund_id for case in cases for share in case.shares},
        [reach_id for case in cases for reach_id in case.reaches.values()],
    )


def _find_limits(actor: access.Actor, cases: Sequence[_Case]) -> None:
    """Find what each use is held against beside its own fund.

    A reach that is new is written down, in one order, so that those who write the same ones wait
    for each other before they lock a fund.
    """
    values = {
        case.send.pk: tuple(dimensions.of_send(case.send, case.request.dimensions))
        for case in cases
    }
    wanted = {(share.fund_id, values[case.send.pk]) for case in cases for share in case.shares}
    reaches = {
        (fund_id, named): dimensions.reach_of(actor, fund_id, named)
        for fund_id, named in sorted(wanted)
    }
    beside = dimensions.funds_of(each for each in reaches.values() if each is not None)
    for case in cases:
        case.reaches = {
            share.fund_id: reaches[share.fund_id, values[case.send.pk]] for share in case.shares
        }
        met = [beside[each] for each in case.reaches.values() if each is not None]
        case.beside = sorted({fund_id for fund_ids in met for fund_id in fund_ids})


def _fits(
    actor: access.Actor,
    case: _Case,
    room: settlements.Room | None,
    at: dt.datetime,
    why: str,
) -> bool:
    """Record a gift that is allowed and fits, so that the next one to its recipient counts it.

    A batch of which all was asked has no room to look at: PostgreSQL judges its sum.
    """
    try:
        case.ruling = rulings.judge(actor=actor, request=case.request, at=at)
        rulings.require_allowed(case.ruling)
        may_pass = {Enforcement.ADVISORY, *([Enforcement.SOFT] if why else [])}
        if room is not None and not room.takes(case.by_fund, case.reaches, may_pass=may_pass):
            case.reasons.append(_no_room(case))
            return False
        rulings.record(actor=actor, request=case.request, ruling=case.ruling, at=at)
    except ANSWERS as refusal:
        if room is None:
            raise
        case.reasons.append(Reason(refusal.code, refusal.message))
        return False
    return True


def _cases(actor: access.Actor, which: Q, why: str) -> list[_Case]:
    """Lock the sends that were asked for, by id, and return them in their order."""
    requests = list(models.SendRequest.objects.filter(which).order_by("position", "id"))
    if not requests:
        raise UnknownRequest("There is no such request.", field="send")
    sends = {
        send.pk: send
        for send in models.Send.objects.select_for_update(no_key=True, of=("self",))
        .select_related("campaign__program")
        .filter(id__in=[request.send_id for request in requests])
        .order_by("id")
    }
    for request in requests:
        request.send = sends[request.send_id]
        actor.require_cost_center(request.send.cost_center_id)
    told = {"overrun_reason": why} if why else {}
    return [
        _Case(sends[request.send_id], request, settlements.shares_of(request), facts={**told})
        for request in requests
    ]


def _is_own(actor: access.Actor, request: models.SendRequest) -> bool:
    return (actor.user_id is not None and actor.user_id == request.requested_by_id) or (
        actor.token_id is not None and actor.token_id == request.token_id
    )


def _require_other(actor: access.Actor, request: models.SendRequest) -> None:
    if _is_own(actor, request):
        raise RequesterDecides(
            "Whoever asks for a send does not decide on it. Ask another approver.", field="send"
        )


def _require_undecided(case: _Case) -> None:
    if models.SendDecision.objects.filter(send=case.send, outcome=APPROVED).exists():
        raise AlreadyDecided(
            f"Send {case.send.external_id!r} is approved already. Look at its decision.",
            field="send",
        )
    if case.send.state not in {
        lifecycle.State.PENDING_APPROVAL,
        lifecycle.State.ON_HOLD,
        lifecycle.State.SCHEDULED,
    }:
        raise AlreadyDecided(
            f"Send {case.send.external_id!r} is {case.send.state} and waits for no decision.",
            field="send",
        )


def _plan(
    actor: access.Actor,
    cases: Sequence[_Case],
    at: dt.datetime,
    left_out: Sequence[_Case] = (),
    *,
    why: str,
) -> Plan:
    """Reserve the sum of the cases in each fund; the rest follows in the same transaction."""
    zone = organizations.get(organization_id=actor.organization_id).time_zone
    day = periods.day_of(at=at, time_zone=zone)
    reference = settlements.reference_of(cases[0].request)
    posting = postings.Posting(periods.of_decision(actor=actor, day=day), day, reference)
    waiting = settlements.waiting_for(cases[0].request)
    if not all(case.reaches for case in cases):
        _find_limits(actor, cases)
    asked: dict[tuple[int, int], int] = {}
    for case in cases:
        for fund_id, amount in case.by_fund.items():
            use = (fund_id, case.reaches[fund_id] or NO_REACH)
            asked[use] = asked.get(use, 0) + amount
    steps = [
        # What was requested for a batch goes with the first that its fund reserves.
        posting.step(
            fund_id,
            (Bucket.AVAILABLE, Bucket.COMMITTED),
            amount,
            reach_id=reach_id or None,
            request_id=request.pk if request else None,
        )
        for (fund_id, reach_id), amount in sorted(asked.items())
        for request in [waiting.pop(fund_id, None)]
    ]

    def then(operation_pk: int) -> None:
        _keep_approvals(actor, cases, steps, operation_pk, at)
        for case in left_out:
            _keep_refusal(actor, case, _room_facts(case), case.reasons)

    return Plan(
        response={
            "commitments": [str(step.public_id) for step in steps],
            "approved": [str(case.send.public_id) for case in cases],
            "refused": [str(case.send.public_id) for case in left_out],
        },
        steps=tuple(steps),
        overrun_reason=why,
        then=then,
    )


def _keep_approvals(
    actor: access.Actor,
    cases: Sequence[_Case],
    steps: Sequence[Step],
    operation_pk: int,
    at: dt.datetime,
) -> None:
    rows = models.Commitment.objects.filter(public_id__in=[step.public_id for step in steps])
    made = {
        (fund_id, reach_id or NO_REACH): pk
        for fund_id, reach_id, pk in rows.values_list("fund_id", "pend__reach_id", "id")
    }
    available = _available({each for case in cases for each in (*case.by_fund, *case.beside)})
    models.SendDecision.objects.bulk_create(
        _decision(
            actor,
            case,
            {
                **_facts(case),
                "available_after": {
                    str(each): available[each] for each in (*case.by_fund, *case.beside)
                },
            },
            operation_pk,
        )
        for case in cases
    )
    models.SendCommitment.objects.bulk_create(
        models.SendCommitment(
            organization_id=actor.organization_id,
            send=case.send,
            commitment_id=made[fund_id, case.reaches[fund_id] or NO_REACH],
            fund_id=fund_id,
            amount_minor=amount,
        )
        for case in cases
        for fund_id, amount in case.by_fund.items()
    )
    models.SendEvent.objects.bulk_create(
        models.SendEvent(
            organization_id=actor.organization_id,
            send=case.send,
            number=0,
            to_state=lifecycle.State.SCHEDULED.value,
            occurred_at=at,
            source="tribute",
            source_event_id="approval",
        )
        for case in cases
        if case.send.state != lifecycle.State.SCHEDULED
    )


def _refuse(actor: access.Actor, case: _Case, refusal: refusals.Refusal) -> Decided:
    """Keep a refusal, once for the same facts; the reservation was rolled back by then."""
    reason = Reason(refusal.code, refusal.message)
    _keep_refusal(actor, case, _room_facts(case), [reason])
    return Decided(case.send.public_id, Outcome.REFUSED, (reason,))


def _keep_refusal(
    actor: access.Actor, case: _Case, facts: Mapping[str, Any], reasons: Sequence[Reason]
) -> None:
    row = _decision(actor, case, facts, None)
    row.reasons = [{"code": reason.code, "message": reason.message} for reason in reasons]
    models.SendDecision.objects.bulk_create([row], ignore_conflicts=True)


def _decision(
    actor: access.Actor, case: _Case, facts: Mapping[str, Any], operation_pk: int | None
) -> models.SendDecision:
    return models.SendDecision(
        organization_id=actor.organization_id,
        send=case.send,
        outcome=(Outcome.REFUSED if operation_pk is None else Outcome.APPROVED).value,
        facts=facts,
        inputs_hash=decisions.inputs_hash(facts),
        formula=decisions.FORMULA,
        versions={
            "money_timing": str(case.request.money_timing_id or "standard"),
            **case.versions,
            **(case.ruling.versions if case.ruling else {}),
        },
        # What the policy lets a requester do alone, the policy decided.
        decided_by_id=None if _is_own(actor, case.request) else actor.user_id,
        token_id=actor.token_id,
        operation_id=operation_pk,
    )


def _facts(case: _Case) -> dict[str, Any]:
    return {
        "estimate": case.request.estimate,
        "total_minor": case.request.total_minor,
        "currency": case.request.currency,
        "asked": {str(fund_id): amount for fund_id, amount in case.by_fund.items()},
        "recipient": case.send.recipient_id,
        **case.facts,
        **(case.ruling.facts if case.ruling else {}),
    }


def _room_facts(case: _Case) -> dict[str, Any]:
    available = _available({*case.by_fund, *case.beside})
    return {**_facts(case), "available": {str(fund): left for fund, left in available.items()}}


def _no_room(case: _Case) -> Reason:
    total = money.Money(case.request.total_minor, case.request.currency)
    return Reason(
        ledger.BudgetExceeded.code,
        f"{total} did not fit what those before it in the batch left. Have the budget revised.",
    )


def _available(fund_ids: Collection[int]) -> dict[int, int]:
    funds = models.Fund.objects.filter(id__in=list(fund_ids))
    return {fund.pk: postings.available(fund) for fund in funds}

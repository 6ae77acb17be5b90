"""Decide on sends: room in the budgets, approval policy and recipient rule, in one transaction.

The rules kept here: an approval reserves its whole estimate, or there is no approval. What was
looked at is kept with the answer: the facts and their hash, the formula of the room, and the
versions of the terms, policies and rules that decided. A refusal is an answer as well, and is kept.

Locks: the key, the sends by id, the recipients, the period, the funds by id.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from gifting import models
from gifting.domain import access, decisions, ledger, lifecycle, money, refusals
from gifting.domain.decisions import Mode, Outcome
from gifting.domain.ledger import Bucket, OperationKind
from gifting.selectors import organizations
from gifting.services import operations, periods, postings, settlements, tenancy
from gifting.services.operations import Plan, Step

APPROVED: Final = Outcome.APPROVED.value


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
    """The answer to one request, and the commitments that hold its money."""

    send: UUID
    outcome: Outcome
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
    facts: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def by_fund(self) -> dict[int, int]:
        """Return what each fund is asked for."""
        parts = settlements.split(self.request.estimate, [share.weight for share in self.shares])
        sums = [sum(each) for each in zip(*parts.values(), strict=True)]
        return {
            share.fund_id: amount for share, amount in zip(self.shares, sums, strict=True) if amount
        }


def decide(*, actor: access.Actor, key: str, send: UUID, at: dt.datetime) -> Decided:
    """Approve a request and reserve its money, or say why not; the answer is kept either way.

    Raises Forbidden, UnknownRequest, RequesterDecides, AlreadyDecided and what `operations.perform`
    refuses; what the budgets, the policy or the rules refuse is an answer.
    """
    actor.require(access.Permission.APPROVE)
    with tenancy.organization(actor.organization_id):
        found: list[_Case] = []

        def plan(_: UUID) -> Plan:
            found[:] = _cases(actor, Q(send__public_id=send))
            (case,) = found
            _require_undecided(case)
            return _plan(actor, found, at)

        try:
            answer = operations.perform(
                actor=actor,
                kind=OperationKind.COMMIT,
                key=key,
                request={"decide": send},
                plan=plan,
            )
        except (ledger.BudgetExceeded, operations.FundParked, operations.PeriodClosed) as refusal:
            return _refuse(actor, found[0], refusal)
    made = tuple(UUID(each) for each in answer.response["commitments"])
    return Decided(send, Outcome.APPROVED, (), made, answer.replayed)


def decide_batch(
    *, actor: access.Actor, key: str, batch: UUID, mode: Mode, at: dt.datetime
) -> DecidedBatch:
    """Reserve the money of a batch at once, one commitment a fund, from which its sends draw.

    Either all or nothing, or as many as fit: in the order in which they were asked, each that fits
    what is left. What does not fit is refused, and the refusal kept. Raises BudgetExceeded for a
    batch that does not fit as a whole, NothingFits, and what `decide` raises.
    """
    actor.require(access.Permission.APPROVE)

    def plan(_: UUID) -> Plan:
        cases = [
            case
            for case in _cases(actor, Q(batch=batch))
            if not models.SendDecision.objects.filter(send=case.send, outcome=APPROVED).exists()
        ]
        if not cases:
            raise AlreadyDecided("All sends of the batch are approved already.", field="batch")
        fitting = cases if mode is Mode.ALL_OR_NOTHING else _fitting(actor, cases, at)
        if not fitting:
            raise NothingFits("No send of the batch fits its budgets. Have them revised.")
        return _plan(actor, fitting, at, left_out=[each for each in cases if each not in fitting])

    answer = operations.perform(
        actor=actor,
        kind=OperationKind.COMMIT,
        key=key,
        request={"decide_batch": batch, "mode": mode.value},
        plan=plan,
    )
    return DecidedBatch(
        tuple(UUID(each) for each in answer.response["approved"]),
        tuple(UUID(each) for each in answer.response["refused"]),
        answer.replayed,
    )


def _cases(actor: access.Actor, which: Q) -> list[_Case]:
    """Lock the sends that were asked for, by id, and return them in their order."""
    requests = list(models.SendRequest.objects.filter(which).order_by("position", "id"))
    if not requests:
        raise UnknownRequest("There is no such request.", field="send")
    sends = {
        send.pk: send
        for send in models.Send.objects.select_for_update(no_key=True)
        .filter(id__in=[request.send_id for request in requests])
        .order_by("id")
    }
    for request in requests:
        actor.require_cost_center(sends[request.send_id].cost_center_id)
        _require_other(actor, request)
    return [
        _Case(sends[request.send_id], request, settlements.shares_of(request))
        for request in requests
    ]


def _require_other(actor: access.Actor, request: models.SendRequest) -> None:
    is_own = (actor.user_id is not None and actor.user_id == request.requested_by_id) or (
        actor.token_id is not None and actor.token_id == request.token_id
    )
    if is_own:
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
    actor: access.Actor, cases: Sequence[_Case], at: dt.datetime, left_out: Sequence[_Case] = ()
) -> Plan:
    """Reserve the sum of the cases in each fund; the rest follows in the same transaction."""
    zone = organizations.get(organization_id=actor.organization_id).time_zone
    day = periods.day_of(at=at, time_zone=zone)
    reference = (
        f"send:{cases[0].send.public_id}"
        if cases[0].request.batch is None
        else f"batch:{cases[0].request.batch}"
    )
    posting = postings.Posting(periods.of_decision(actor=actor, day=day), day, reference)
    asked: dict[int, int] = {}
    for case in cases:
        for fund_id, amount in case.by_fund.items():
            asked[fund_id] = asked.get(fund_id, 0) + amount
    steps = [
        posting.step(fund_id, (Bucket.AVAILABLE, Bucket.COMMITTED), amount)
        for fund_id, amount in sorted(asked.items())
    ]

    def then(operation_pk: int) -> None:
        _keep_approvals(actor, cases, steps, operation_pk, at)
        for case in left_out:
            _keep_refusal(actor, case, _room_facts(case), [_no_room(case)])

    return Plan(
        response={
            "commitments": [str(step.public_id) for step in steps],
            "approved": [str(case.send.public_id) for case in cases],
            "refused": [str(case.send.public_id) for case in left_out],
        },
        steps=tuple(steps),
        then=then,
    )


def _fitting(actor: access.Actor, cases: Sequence[_Case], at: dt.datetime) -> list[_Case]:
    """Take each case, in their order, that fits what those before it left."""
    zone = organizations.get(organization_id=actor.organization_id).time_zone
    day = periods.day_of(at=at, time_zone=zone)
    periods.hold(period_id=periods.of_decision(actor=actor, day=day))
    room = settlements.Room.of({share.fund_id for case in cases for share in case.shares})
    return [case for case in cases if room.takes(case.by_fund)]


def _keep_approvals(
    actor: access.Actor,
    cases: Sequence[_Case],
    steps: Sequence[Step],
    operation_pk: int,
    at: dt.datetime,
) -> None:
    made = dict(
        models.Commitment.objects.filter(
            public_id__in=[step.public_id for step in steps]
        ).values_list("fund_id", "id")
    )
    available = _available(made)
    models.SendDecision.objects.bulk_create(
        _decision(
            actor,
            case,
            {**_facts(case), "available_after": {str(f): available[f] for f in case.by_fund}},
            operation_pk,
        )
        for case in cases
    )
    models.SendCommitment.objects.bulk_create(
        models.SendCommitment(
            organization_id=actor.organization_id,
            send=case.send,
            commitment_id=made[fund_id],
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
        },
        decided_by_id=actor.user_id,
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
    }


def _room_facts(case: _Case) -> dict[str, Any]:
    available = _available(case.by_fund)
    return {**_facts(case), "available": {str(fund): left for fund, left in available.items()}}


def _no_room(case: _Case) -> Reason:
    total = money.Money(case.request.total_minor, case.request.currency)
    return Reason(
        ledger.BudgetExceeded.code,
        f"{total} did not fit what those before it in the batch left. Have the budget revised.",
    )


def _available(fund_ids: Mapping[int, int]) -> dict[int, int]:
    funds = models.Fund.objects.filter(id__in=list(fund_ids))
    return {fund.pk: postings.available(fund) for fund in funds}

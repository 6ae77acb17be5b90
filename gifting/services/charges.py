"""Tell what happened to a send and what it cost; the money follows.

The rules kept here: a fact is told once, under its reference, and whenever it comes. News that is
older than what is known moves no state and counts for the money all the same. Sends that came from
a file, whose money was paid elsewhere, take events and no money: see `docs/sends.md`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from gifting import models
from gifting.domain import access, decisions, lifecycle, money, refusals, timing
from gifting.domain.lifecycle import State
from gifting.domain.timing import FactKind
from gifting.models import charges as tables
from gifting.models import sends as send_tables
from gifting.selectors import organizations
from gifting.selectors import timing as terms
from gifting.services import (
    gift_rules,
    operations,
    periods,
    settlements,
    spend_requests,
    tenancy,
)

PEOPLE: Final = "tribute"
# A gift that ended so never reached its recipient, and counts for no limit.
NOT_RECEIVED: Final = frozenset(
    {State.DECLINED, State.EXPIRED, State.CANCELLED, State.FAILED, State.UNDELIVERABLE}
)


class UnknownSend(refusals.NotFound):
    code = "UNKNOWN_SEND"


class SendNotRequested(refusals.Conflict):
    code = "SEND_NOT_REQUESTED"


class SendNotApproved(refusals.Conflict):
    code = "SEND_NOT_APPROVED"


class ChargeReferenceReused(refusals.Conflict):
    code = "CHARGE_REFERENCE_REUSED"


class AmountsUnusable(refusals.Invalid):
    code = "AMOUNTS_UNUSABLE"


class Outcome(StrEnum):
    """What a fact was to the books."""

    NEWS = "NEWS"
    LATE = "LATE"
    REPEATED = "REPEATED"


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a fact: the send's state after it, and the operation that moved its money."""

    outcome: Outcome
    state: State
    operation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A state that a send reached, as its source tells it."""

    state: State
    occurred_at: dt.datetime
    source: str = PEOPLE
    source_event_id: str = ""
    vendor_status: str = ""

    @property
    def event_id(self) -> str:
        return self.source_event_id or f"{self.state} {self.occurred_at.isoformat()}"


@dataclass(frozen=True, slots=True)
class Charge:
    """Amounts that a vendor tells of a send, by component, under its own id of the charge."""

    amounts: Mapping[str, money.Money]
    reference: str
    occurred_at: dt.datetime
    source: str = PEOPLE


def tell(*, actor: access.Actor, send: UUID, moment: Moment) -> Told:
    """Tell that a send reached a state, once for each state, in any order.

    Raises Forbidden, UnknownSend, IllegalTransition for what contradicts what is known, and
    PeriodClosed when every later period is closed.
    """
    actor.require(access.Permission.WRITE_SENDS)
    with tenancy.organization(actor.organization_id):
        row = lock(actor, send)
        return _tell(actor, row, moment)


def dispatch(*, actor: access.Actor, send: UUID, moment: Moment) -> Told:
    """Let an approved send go; raises SendNotApproved and what `tell` refuses."""
    actor.require(access.Permission.WRITE_SENDS)
    with tenancy.organization(actor.organization_id):
        row = lock(actor, send)
        _request_of(row)
        approved = models.SendDecision.objects.filter(
            send=row, outcome=decisions.Outcome.APPROVED.value
        )
        if not approved.exists():
            raise SendNotApproved(
                f"Send {row.external_id!r} is not approved. Have it decided first.", field="send"
            )
        return _tell(actor, row, moment)


def record_price(*, actor: access.Actor, send: UUID, charge: Charge) -> Told:
    """Record what the vendor says it will charge, by component; owed when the terms say so.

    Raises what `record_invoice` does.
    """
    actor.require(access.Permission.WRITE_SENDS)
    return _record(actor, send, FactKind.PRICE, charge)


def record_invoice(*, actor: access.Actor, send: UUID, charge: Charge) -> Told:
    """Record what the vendor did charge, whole, by component; it is owed, whatever was reserved.

    A later invoice stands for an earlier one. Raises Forbidden, UnknownSend, SendNotRequested,
    AmountsUnusable, CurrencyMismatch, TextUnusable and ChargeReferenceReused.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    return _record(actor, send, FactKind.INVOICE, charge)


def record_refund(*, actor: access.Actor, send: UUID, charge: Charge) -> Told:
    """Record what the vendor gave back of a charge, a part or all of it, under REFUND.

    Raises RefundExceedsSpend when it is more than stands, and what `record_invoice` refuses.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    return _record(actor, send, FactKind.REFUND, charge)


def record_breakage(
    *, actor: access.Actor, send_id: int, amount: money.Money, on: dt.date, reference: str
) -> Told:
    """Record that a credit for the send died with this much in it, which is lost."""
    zone = organizations.get(organization_id=actor.organization_id).time_zone
    public_id = models.Send.objects.values_list("public_id", flat=True).get(id=send_id)
    charge = Charge({timing.BREAKAGE: amount}, reference, periods.start_of(day=on, time_zone=zone))
    return _record(actor, UUID(str(public_id)), FactKind.BREAKAGE, charge)


def lock(actor: access.Actor, send: UUID) -> models.Send:
    """Return a send that the actor sees, locked until the transaction ends; raises UnknownSend."""
    row = models.Send.objects.select_for_update(no_key=True).filter(public_id=send).first()
    if row is None:
        raise UnknownSend(f"There is no send {send}.", field="send")
    actor.require_cost_center(row.cost_center_id)
    return row


def _tell(actor: access.Actor, send: models.Send, moment: Moment) -> Told:
    state = State(send.state)
    _require_tellable(send, moment)
    request = models.SendRequest.objects.filter(send=send).first()
    is_known = models.SendEvent.objects.filter(send=send, to_state=moment.state.value).exists()
    outcome = _judge(state, moment.state, is_known=is_known)
    if outcome is Outcome.NEWS:
        models.SendEvent.objects.create(
            organization_id=actor.organization_id,
            send=send,
            number=0,
            to_state=moment.state.value,
            occurred_at=moment.occurred_at,
            source=moment.source,
            source_event_id=moment.event_id,
            vendor_status=moment.vendor_status,
        )
        state = moment.state
    if request is None:
        return Told(outcome, state)
    if moment.state in timing.ENDS:
        _withdraw(actor, request, moment)
    if moment.state in NOT_RECEIVED:
        gift_rules.take_back(actor=actor, subject_id=UUID(str(send.public_id)))
    fact = models.SendFact(
        kind=FactKind.MOMENT.value,
        state=moment.state.value,
        occurred_at=moment.occurred_at,
        source=moment.source,
        reference=moment.state.value,
    )
    if not _keep(actor, send, fact):
        return Told(Outcome.REPEATED, state)
    answer = _settle(actor, send, request, fact)
    return Told(outcome, state, answer.operation_id if answer else None)


def _withdraw(actor: access.Actor, request: models.SendRequest, moment: Moment) -> None:
    """Take back what is still requested for a send that ended undecided.

    The request of a batch stands for all of its sends, and stays for the others.
    """
    waiting = settlements.waiting_for(request) if request.batch is None else {}
    if waiting:
        spend_requests.withdraw(
            actor=actor,
            key=f"withdraw:send:{request.send.public_id}",
            requests=[UUID(str(row.public_id)) for row in waiting.values()],
            reason=f"The send is {moment.state}",
        )


def _require_tellable(send: models.Send, moment: Moment) -> None:
    """Refuse what cannot be kept, and an event's id that stands for another state."""
    operations.text(moment.event_id, field="idempotency_key", most=send_tables.EXTERNAL_ID_LENGTH)
    if moment.vendor_status:
        operations.text(
            moment.vendor_status, field="vendor_status", most=send_tables.EXTERNAL_ID_LENGTH
        )
    other = models.SendEvent.objects.filter(
        send=send, source=moment.source, source_event_id=moment.event_id
    ).exclude(to_state=moment.state.value)
    if other.exists():
        raise ChargeReferenceReused(
            f"The event {moment.event_id!r} stands for another state of this send. Use the id of "
            "each event at its source.",
            field="idempotency_key",
        )


def _judge(state: State, reported: State, *, is_known: bool) -> Outcome:
    """Say whether the state is news; raises IllegalTransition for what cannot be."""
    if is_known and reported not in lifecycle.TRANSITIONS[state]:
        return Outcome.REPEATED
    if lifecycle.is_late(state, reported):
        return Outcome.LATE
    lifecycle.require(state, reported)
    return Outcome.NEWS


def _record(actor: access.Actor, send: UUID, kind: FactKind, charge: Charge) -> Told:
    operations.text(charge.reference, field="reference", most=tables.REFERENCE_LENGTH)
    with tenancy.organization(actor.organization_id):
        row = lock(actor, send)
        request = _request_of(row)
        fact = models.SendFact(
            kind=kind.value,
            amounts=_plain(kind, charge.amounts, request.currency),
            occurred_at=charge.occurred_at,
            source=charge.source,
            reference=charge.reference,
        )
        state = State(row.state)
        if not _keep(actor, row, fact):
            return Told(Outcome.REPEATED, state)
        if kind is FactKind.REFUND:
            _require_refundable(row, charge.amounts[timing.REFUND])
        answer = _settle(actor, row, request, fact)
        return Told(Outcome.NEWS, state, answer.operation_id if answer else None)


def _request_of(send: models.Send) -> models.SendRequest:
    request = models.SendRequest.objects.filter(send=send).first()
    if request is None:
        raise SendNotRequested(
            f"The money of send {send.external_id!r} is not in the ledger: it came as a fact from "
            f"{send.source!r}. Correct it there.",
            field="send",
        )
    return request


def _keep(actor: access.Actor, send: models.Send, fact: models.SendFact) -> bool:
    """Keep a fact, and tell whether it is new; raises ChargeReferenceReused for another amount."""
    known = models.SendFact.objects.filter(
        send=send, kind=fact.kind, reference=fact.reference
    ).first()
    if known is None:
        fact.organization_id = actor.organization_id
        fact.send = send
        fact.save()
        return True
    if known.amounts != fact.amounts:
        raise ChargeReferenceReused(
            f"The reference {fact.reference!r} stands for other amounts of this send. Use the "
            "vendor's own id of each charge.",
            field="reference",
        )
    return False


def _settle(
    actor: access.Actor, send: models.Send, request: models.SendRequest, fact: models.SendFact
) -> operations.Answer | None:
    agreed = terms.terms_of(request.money_timing)
    facts = [
        timing.Fact(
            FactKind(known.kind),
            known.occurred_at,
            State(known.state) if known.state else None,
            known.amounts,
        )
        for known in models.SendFact.objects.filter(send=send).order_by("id")
    ]
    zone = organizations.get(organization_id=actor.organization_id).time_zone
    return settlements.settle(
        actor=actor,
        order=settlements.Order(
            send=send,
            request=request,
            terms=agreed,
            position=timing.position(agreed, request.estimate, facts),
            day=periods.day_of(at=fact.occurred_at, time_zone=zone),
            key=f"send:{send.public_id}:fact:{fact.pk}",
        ),
    )


def _require_refundable(send: models.Send, amount: money.Money) -> None:
    """Refuse to give back what does not stand; the fact that was kept goes with the refusal."""
    lines = models.CostLine.objects.filter(send=send).order_by("component", "-version")
    left = sum(line.amount_minor for line in lines.distinct("component"))
    if amount.amount_minor > left:
        rest = money.Money(max(0, left), amount.currency)
        raise operations.RefundExceedsSpend(
            f"{rest} of the send's cost is left, and {amount} was to be given back. Look at its "
            "refunds so far.",
            field="amount",
        )


def _plain(kind: FactKind, amounts: Mapping[str, money.Money], currency: str) -> dict[str, int]:
    """Return the amounts by component, in the send's currency."""
    known = (
        {kind.value}
        if kind in {FactKind.REFUND, FactKind.BREAKAGE}
        else set(send_tables.Component) - {timing.REFUND, timing.BREAKAGE}
    )
    if not amounts or set(amounts) - known:
        raise AmountsUnusable(
            f"Give an amount for one or more of {', '.join(sorted(known))}.", field="amounts"
        )
    for amount in amounts.values():
        if amount.currency != currency:
            raise money.CurrencyMismatch(
                f"The send is in {currency} and {amount} is not. Convert it first, at a dated "
                "rate.",
                field="currency",
            )
        if amount.amount_minor < 0 or (kind is FactKind.REFUND and not amount.amount_minor):
            raise AmountsUnusable(
                "No amount is below zero, and no refund is empty.", field="amounts"
            )
    return {name: amount.amount_minor for name, amount in amounts.items()}

"""Ask the approval matrix and the gift rules about sends that want budget money.

A send asks for its approval when it is requested, a batch for all of its sends together. When it is
decided, the approval has to cover what is decided, and the rules are asked anew, with the
recipients held, so that of two gifts to one person the second sees the first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from gifting import models
from gifting.domain import access, exchange, gift_rules, money, recipients, refusals, timing
from gifting.domain import approvals as matrix
from gifting.selectors import approvals as asked
from gifting.selectors import exchange as rates
from gifting.selectors import gift_rules as people
from gifting.services import approvals, postings
from gifting.services import exchange as conversions
from gifting.services import gift_rules as rules

SEND: Final = "SEND"
BATCH: Final = "BATCH"
NO_POLICY: Final = 0
_VOUCHERS: Final = frozenset({timing.GiftKind.EGIFT, timing.GiftKind.CHOICE})


class GiftBlocked(refusals.Conflict):
    code = "GIFT_BLOCKED"


@dataclass(slots=True)
class Ruling:
    """What was found about one send, to be kept with its decision."""

    proposal: rules.Proposal | None
    findings: rules.Findings
    facts: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def ask(
    *, actor: access.Actor, requests: Sequence[models.SendRequest], at: dt.datetime, reason: str
) -> approvals.Outcome:
    """Ask for the approval that a send needs, or that all sends of a batch need together."""
    found = [_judge(actor, request, at, holds=False) for request in requests]
    currency = asked.policy_at(at)[1].currency
    facts = _facts(actor, requests, [ruling.findings for ruling in found], currency)
    return approvals.request(
        actor=actor, subject=subject_of(requests[0]), facts=facts, at=at, reason=reason
    )


def judge(*, actor: access.Actor, request: models.SendRequest, at: dt.datetime) -> Ruling:
    """Ask the rules about a gift, whose recipient is held from now on."""
    return _judge(actor, request, at, holds=True)


def require_allowed(ruling: Ruling) -> None:
    """Refuse a gift that a rule forbids; raises GiftBlocked."""
    if ruling.findings.is_blocked:
        raise GiftBlocked("; ".join(ruling.findings.reasons), field="recipient")


def require_approved(
    *,
    actor: access.Actor,
    requests: Sequence[models.SendRequest],
    rulings: Sequence[Ruling],
    at: dt.datetime,
) -> approvals.Outcome:
    """Return the approval that covers these sends; raises ApprovalMissing."""
    subject = subject_of(requests[0])
    standing = standing_of(subject)
    currency = standing.facts.amount.currency if standing else requests[0].currency
    facts = _facts(actor, requests, [ruling.findings for ruling in rulings], currency)
    return approvals.require_approved(actor=actor, subject=subject, facts=facts, at=at)


def record(
    *, actor: access.Actor, request: models.SendRequest, ruling: Ruling, at: dt.datetime
) -> None:
    """Remember what the recipient is given, in the transaction that approves it."""
    if ruling.proposal is not None:
        rules.record(
            actor=actor,
            proposal=ruling.proposal,
            at=at,
            send_id=request.send_id,
            findings=ruling.findings,
        )


def subject_of(request: models.SendRequest) -> approvals.Subject:
    if request.batch is None:
        return approvals.Subject(SEND, UUID(str(request.send.public_id)))
    return approvals.Subject(BATCH, request.batch)


def standing_of(subject: approvals.Subject) -> asked.Request | None:
    """Return what was asked last for the subject."""
    return asked.latest(subject_kind=subject.kind, subject_id=subject.id)


def _judge(
    actor: access.Actor, request: models.SendRequest, at: dt.datetime, *, holds: bool
) -> Ruling:
    proposal = _proposal(request)
    if proposal is None:
        return Ruling(None, rules.Findings(()))
    findings = rules.check(
        actor=actor, proposal=proposal, at=at, holds=holds, convert=_converter(actor)
    )
    return Ruling(
        proposal,
        findings,
        facts={"gift_rules": findings.as_json()},
        versions={
            f"gift_rule {each.verdict.code}": str(each.verdict.version)
            for each in findings.verdicts
        },
    )


def _proposal(request: models.SendRequest) -> rules.Proposal | None:
    if request.send.recipient_id is None:
        return None
    kind = timing.GiftKind(request.gift_kind)
    return rules.Proposal(
        subject_id=UUID(str(request.send.public_id)),
        given_on=request.requested_on,
        currency=request.currency,
        shares=(rules.Share(request.send.recipient_id, _cost(request.estimate)),),
        kind=gift_rules.GiftKind.VOUCHER if kind in _VOUCHERS else gift_rules.GiftKind.GOODS,
        has_advert=request.has_advert,
        is_widely_given=request.is_widely_given,
        nature=request.nature,
        purpose=request.purpose,
    )


def _cost(estimate: Mapping[str, int]) -> gift_rules.Cost:
    return gift_rules.Cost(
        item=estimate.get("ITEM", 0),
        personalization=estimate.get("PERSONALIZATION", 0),
        handling=estimate.get("HANDLING", 0) + estimate.get("PACKAGING", 0),
        shipping=estimate.get("SHIPPING", 0),
        tax=estimate.get("TAX", 0),
        duty=estimate.get("DUTY", 0),
        fee=estimate.get("FEE", 0),
    )


def _facts(
    actor: access.Actor,
    requests: Sequence[models.SendRequest],
    findings: Sequence[rules.Findings],
    currency: str,
) -> matrix.Facts:
    """Gather what the matrix asks about; of several budgets the one with the least counts."""
    first = requests[0]
    total = money.Money(sum(request.total_minor for request in requests), first.currency)
    persons = people.people(
        [request.send.recipient_id for request in requests if request.send.recipient_id]
    )
    classes = {person.recipient_class for person in persons.values()}
    countries = {person.country for person in persons.values()}
    centers = {request.send.cost_center_id for request in requests}
    fund = _tightest(requests)
    return matrix.Facts(
        amount=_in_currency(actor, total, currency, first.requested_on),
        recipient_class=classes.pop() if len(classes) == 1 else recipients.RecipientClass.UNKNOWN,
        country=countries.pop() if len(countries) == 1 else "",
        cost_center_id=centers.pop() if len(centers) == 1 else None,
        available_minor=postings.room(fund) if fund else None,
        revised_minor=fund.allocated_minor if fund else None,
        rules=tuple(sorted({code for each in findings for code in each.rules_asking})),
    )


def _tightest(requests: Sequence[models.SendRequest]) -> models.Fund | None:
    shares = models.SendShare.objects.filter(send_id__in=[request.send_id for request in requests])
    funds = models.Fund.objects.filter(budget_id__in=shares.values("budget_id")).order_by("id")
    return min(funds, key=postings.room, default=None)


def _in_currency(
    actor: access.Actor, amount: money.Money, currency: str, on: dt.date
) -> money.Money:
    if amount.currency == currency:
        return amount
    return conversions.convert(actor=actor, amount=amount, to_currency=currency, on=on).amount


def _converter(actor: access.Actor) -> gift_rules.Converter:
    """Convert at the spot rate of the day; what no rate is known for stays unknown."""

    def convert(amount: money.Money, currency: str, on: dt.date) -> money.Money | None:
        if amount.currency == currency:
            return amount
        try:
            path = rates.path(
                actor=actor, from_currency=amount.currency, to_currency=currency, on=on
            )
        except (exchange.RateMissing, exchange.RateStale):
            return None
        return path.convert(amount)

    return convert

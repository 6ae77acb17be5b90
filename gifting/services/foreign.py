"""Bring amounts of other currencies into the currency of the fund that pays them.

Rules kept here:
- A total is converted once and what came out is split, so that the shares add up to it.
- A commitment in a foreign currency is used up at its own rate. What the rate of the invoice's day
  adds or saves is moved apart, with the cause FX: it is nobody's overspending.
- What was spent in a foreign currency is given back at the rate it was spent at, so that a full
  refund leaves nothing behind.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet, Sum

from gifting import models
from gifting.domain import access, exchange, money, refusals
from gifting.domain.ledger import Bucket, Cause, OperationKind
from gifting.services import exchange as conversions
from gifting.services import operations, postings
from gifting.services.operations import Step

# A share that was rounded up may exceed what is left by this much, and then takes what is left.
ROUNDING_MINOR = 1


class AmountTooSmall(refusals.Invalid):
    """The amount is worth less than one minor unit of the fund's currency."""

    code = "AMOUNT_TOO_SMALL"


@dataclass(frozen=True, slots=True)
class Part:
    """An amount in the fund's currency, with what it was in another one."""

    amount_minor: int
    conversion_id: int | None = None
    transaction_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """What is owed, and what was reserved for it; they differ by a changed rate alone."""

    owed: Part
    reserved_minor: int

    @property
    def lost_minor(self) -> int:
        return max(0, self.owed.amount_minor - self.reserved_minor)

    @property
    def gained_minor(self) -> int:
        return max(0, self.reserved_minor - self.owed.amount_minor)


def parts(
    *, actor: access.Actor, amounts: Sequence[tuple[str, money.Money]], on: dt.date
) -> list[Part]:
    """Bring each amount into the currency beside it; amounts of one pair are converted as one.

    Raises RateMissing, RateStale and AmountTooSmall.
    """
    found = [Part(amount.amount_minor) for _, amount in amounts]
    pairs: dict[tuple[str, str], list[int]] = {}
    for place, (currency, amount) in enumerate(amounts):
        if currency != amount.currency:
            pairs.setdefault((currency, amount.currency), []).append(place)
    for (currency, foreign), places in pairs.items():
        minors = [amounts[place][1].amount_minor for place in places]
        total = money.Money(sum(minors), foreign)
        converted = conversions.convert(actor=actor, amount=total, to_currency=currency, on=on)
        shares = money.split_minor(converted.amount.amount_minor, minors)
        for place, share, minor in zip(places, shares, minors, strict=True):
            _require_worth(share, amounts[place][1], currency)
            found[place] = Part(share, converted.conversion_id, minor)
    return found


def part(*, actor: access.Actor, currency: str, amount: money.Money, on: dt.date) -> Part:
    """Bring one amount into a currency; refuses as `parts` does."""
    return parts(actor=actor, amounts=[(currency, amount)], on=on)[0]


def bill(
    *,
    actor: access.Actor,
    amount: money.Money,
    reserved: models.Commitment,
    currency: str,
    on: dt.date,
) -> Bill:
    """Tell what an invoice is at the rate of its day, and at the rate that it was reserved at."""
    owed = part(actor=actor, currency=currency, amount=amount, on=on)
    pend = _foreign_pend(reserved, amount)
    if pend is None or owed.transaction_minor is None:
        return Bill(owed, owed.amount_minor)
    invoices = models.Transfer.objects.filter(
        commitment=reserved,
        to_bucket=Bucket.ACTUAL.value,
        operation__kind=OperationKind.INVOICE.value,
    )
    done = _foreign_sum(
        models.Transfer.objects.filter(
            operation_id__in=invoices.values("operation_id"), to_bucket=Bucket.ACTUAL.value
        )
    )
    reserved_minor = _grown(pend, done, amount.amount_minor)
    return Bill(owed, reserved_minor or owed.amount_minor)


def pay(
    posting: postings.Posting,
    reserved: models.Commitment,
    funds: dict[int, models.Fund],
    billed: Bill,
    *,
    reach_id: int | None = None,
) -> list[Step]:
    """Spend what was reserved, then room; a changed rate's part last, with its cause."""
    steps = []
    left = min(billed.owed.amount_minor, billed.reserved_minor)
    gained = billed.gained_minor
    saved = []
    held = {
        Bucket.ACCRUED: reserved.accrued_minor,
        Bucket.COMMITTED: postings.open_minor(reserved),
    }
    for bucket, minor in held.items():
        used = min(left, minor)
        left -= used
        if used:
            way = (bucket, Bucket.ACTUAL)
            steps.append(posting.step(reserved.fund_id, way, used, commitment_id=reserved.pk))
        released = min(gained, minor - used)
        gained -= released
        if released:
            way = (bucket, Bucket.AVAILABLE)
            saved.append(
                posting.step(
                    reserved.fund_id,
                    way,
                    released,
                    commitment_id=reserved.pk,
                    conversion_id=billed.owed.conversion_id,
                    cause=Cause.FX,
                )
            )
    room = postings.spend_at_will(
        posting,
        reserved.fund_id,
        funds,
        left,
        reach_id=reach_id,
        fx_minor=billed.lost_minor,
        conversion_id=billed.owed.conversion_id,
    )
    return [*named([*steps, *room], billed.owed), *saved]


def named(steps: Sequence[Step], owed: Part) -> list[Step]:
    """Write on each step of a spend its part of the foreign amount, by largest remainder."""
    if owed.conversion_id is None or owed.transaction_minor is None:
        return list(steps)
    spends = [
        step for step in steps if Bucket.ACTUAL in step.move.pair and step.cause is not Cause.FX
    ]
    shares = money.split_minor(owed.transaction_minor, [step.move.amount_minor for step in spends])
    told = {
        step.public_id: step.in_currency(owed.conversion_id, share)
        for step, share in zip(spends, shares, strict=True)
    }
    return [told.get(step.public_id, step) for step in steps]


def moved(
    *, reserved: models.Commitment, currency: str, amount: money.Money, way: tuple[Bucket, Bucket]
) -> Part:
    """Tell what a part of a foreign commitment is in the fund's currency, at its own rate.

    Raises CurrencyMismatch for a currency that it was not made in, and AmountTooSmall.
    """
    if amount.currency == currency:
        return Part(amount.amount_minor)
    pend = _foreign_pend(reserved, amount)
    if pend is None:
        raise money.CurrencyMismatch(
            f"The commitment is neither in {amount.currency} nor from it. Name it in {currency}.",
            field="currency",
        )
    so_far = models.Transfer.objects.filter(
        commitment=reserved, from_bucket=way[0].value, to_bucket=way[1].value
    )
    minor = _grown(pend, _foreign_sum(so_far), amount.amount_minor)
    held = reserved.accrued_minor if way[0] is Bucket.ACCRUED else postings.open_minor(reserved)
    if 0 < minor - held <= ROUNDING_MINOR:
        minor = held
    _require_worth(minor, amount, currency)
    return Part(minor, pend.conversion_id, amount.amount_minor)


def given_back(
    *,
    actor: access.Actor,
    amount: money.Money,
    spent: Sequence[models.Transfer],
    currency: str,
    on: dt.date,
) -> Part:
    """Tell what a refund is in the fund's currency: of a foreign spend at the rate of the spend.

    Raises RefundExceedsSpend, and for a third currency what `part` refuses.
    """
    foreign = [each for each in spent if each.conversion_id is not None]
    if amount.currency == currency or not foreign:
        return part(actor=actor, currency=currency, amount=amount, on=on)
    conversion = models.Conversion.objects.filter(
        pk__in=[foreign[0].conversion_id], from_currency=amount.currency
    ).first()
    if conversion is None:
        return part(actor=actor, currency=currency, amount=amount, on=on)
    whole = sum(each.transaction_amount_minor or 0 for each in spent)
    paid = sum(each.amount_minor for each in spent)
    done = _foreign_sum(models.Transfer.objects.filter(refunds__in=spent))
    if done + amount.amount_minor > whole:
        left = money.Money(whole - done, amount.currency)
        raise operations.RefundExceedsSpend(
            f"{amount} is more than {left}, what is left of the spend. Look at the refunds so far.",
            field="amount",
        )
    minor = exchange.share_minor(paid, done + amount.amount_minor, whole)
    minor -= exchange.share_minor(paid, done, whole)
    _require_worth(minor, amount, currency)
    return Part(minor, conversion.pk, amount.amount_minor)


def _foreign_pend(reserved: models.Commitment, amount: money.Money) -> models.Transfer | None:
    """Return the transfer that reserved the money, if it was reserved in this currency."""
    pends = models.Transfer.objects.filter(conversion__from_currency=amount.currency)
    return pends.filter(pk__in=[reserved.pend_id]).first()


def _foreign_sum(transfers: QuerySet[models.Transfer]) -> int:
    return int(transfers.aggregate(total=Sum("transaction_amount_minor"))["total"] or 0)


def _grown(pend: models.Transfer, done: int, more: int) -> int:
    """Give the reserved money's share of what comes next, so that the shares add up to it."""
    of = pend.transaction_amount_minor or 1
    before = exchange.share_minor(pend.amount_minor, done, of)
    return exchange.share_minor(pend.amount_minor, done + more, of) - before


def _require_worth(minor: int, amount: money.Money, currency: str) -> None:
    if minor <= 0:
        raise AmountTooSmall(
            f"{amount} is worth less than one minor unit of {currency}. Add it to another amount.",
            field="amount",
        )

"""When the money of a gift is gone, and what comes back: the terms of a vendor, as data.

The rules kept here:

- A decision reserves the estimate. From then on what is owed follows from what is known to have
  happened, from the terms, and from nothing else: not from the order in which it was told, nor from
  how often. `position` says what should stand on the send by now; the ledger is moved there.
- Each moment of a gift's life owes something by its terms: NOTHING, the estimate (ACCRUE), or the
  final price (CHARGE). Vendors skip moments, so a later one counts for those before it.
- An end gives the reserve back. What was owed by then comes back as money (FUNDS), as a credit with
  a life of its own (CREDIT), or not at all (NOTHING: the loss stays a cost).
- What the vendor really charged or gave back is a fact and stands above its terms.

Amounts are minor units of the currency of the send, by cost component.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gifting.domain.lifecycle import State

REFUND: Final = "REFUND"
BREAKAGE: Final = "BREAKAGE"
FULL_RATE: Final = 10_000
MOST_DAYS: Final = 3_660

Amounts = Mapping[str, int]


class GiftKind(StrEnum):
    """What is bought, as far as vendors take money for it in different ways."""

    ANY = "ANY"
    EGIFT = "EGIFT"
    PHYSICAL = "PHYSICAL"
    LINK = "LINK"
    MARKETPLACE = "MARKETPLACE"
    CHOICE = "CHOICE"


class Effect(StrEnum):
    """What a moment owes."""

    NOTHING = "NOTHING"
    ACCRUE = "ACCRUE"
    CHARGE = "CHARGE"


class Return(StrEnum):
    """As what the money of a gift that ended comes back."""

    NOTHING = "NOTHING"
    FUNDS = "FUNDS"
    CREDIT = "CREDIT"


class Returnable(StrEnum):
    """Until when an end gives money back."""

    ALWAYS = "ALWAYS"
    UNOPENED = "UNOPENED"
    UNREDEEMED = "UNREDEEMED"


class Release(StrEnum):
    """When the reserve that a charge left over comes back."""

    AT_ONCE = "AT_ONCE"
    NEXT_MONTH = "NEXT_MONTH"


class FactKind(StrEnum):
    """What was told of a send: that it got somewhere, or an amount."""

    MOMENT = "MOMENT"
    PRICE = "PRICE"
    INVOICE = "INVOICE"
    REFUND = "REFUND"
    BREAKAGE = "BREAKAGE"


@dataclass(frozen=True, slots=True)
class Terms:
    """The money timing of one vendor for one kind of gift."""

    at_offer: Effect = Effect.NOTHING
    at_acceptance: Effect = Effect.NOTHING
    at_fulfillment: Effect = Effect.NOTHING
    at_shipping: Effect = Effect.NOTHING
    at_delivery: Effect = Effect.NOTHING
    on_decline: Return = Return.NOTHING
    on_expiry: Return = Return.NOTHING
    on_cancel: Return = Return.NOTHING
    on_undeliverable: Return = Return.NOTHING
    on_failure: Return = Return.NOTHING
    refunds_as: Return = Return.FUNDS
    returns_while: Returnable = Returnable.ALWAYS
    returns_within_days: int | None = None
    credit_days: int | None = None
    leftover: Release = Release.AT_ONCE
    fee_rate: int = 0
    tax_rate: int = 0

    def at(self, state: State) -> Effect:
        """Return what reaching the state owes by itself."""
        return {
            State.OFFERED: self.at_offer,
            State.ACCEPTED: self.at_acceptance,
            State.IN_FULFILLMENT: self.at_fulfillment,
            State.SHIPPED: self.at_shipping,
            State.DELIVERED: self.at_delivery,
        }.get(state, Effect.NOTHING)

    def on(self, end: State) -> Return:
        """Return as what the money comes back at this end, if nothing forbids it."""
        return {
            State.DECLINED: self.on_decline,
            State.EXPIRED: self.on_expiry,
            State.CANCELLED: self.on_cancel,
            State.UNDELIVERABLE: self.on_undeliverable,
            State.FAILED: self.on_failure,
            State.REFUNDED: self.refunds_as,
        }.get(end, Return.NOTHING)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing told of a send.

    A price or an invoice has amounts by component; a refund what came back, above zero; a breakage
    what was lost when a credit for the send died.
    """

    kind: FactKind
    occurred_at: dt.datetime
    state: State | None = None
    amounts: Amounts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Position:
    """What should stand on a send: its cost by component, and how far it is settled.

    `effect` says whether the cost is none yet, accrued or spent; `keeps_reserve` whether it may
    still need its reserve; `came_back` as what a return came.
    """

    amounts: Amounts
    effect: Effect
    keeps_reserve: bool
    came_back: Return = Return.NOTHING

    @property
    def total_minor(self) -> int:
        return sum(self.amounts.values())


# Terms for a vendor that tells none: owed when it arrived or was taken, paid by invoice.
STANDARD: Final = Terms(
    at_acceptance=Effect.ACCRUE,
    at_shipping=Effect.ACCRUE,
    at_delivery=Effect.ACCRUE,
    on_cancel=Return.FUNDS,
)

# The moments that may owe something, in the order of a gift's life.
MOMENTS: Final = (
    State.OFFERED,
    State.ACCEPTED,
    State.IN_FULFILLMENT,
    State.SHIPPED,
    State.DELIVERED,
)
ENDS: Final = (
    State.DECLINED,
    State.EXPIRED,
    State.CANCELLED,
    State.FAILED,
    State.UNDELIVERABLE,
    State.REFUNDED,
)
_SATURDAY: Final = 5
_LEVELS: Final = tuple(Effect)
_LOOKED_AT: Final = frozenset({State.OPENED, State.CLICKED})
_OPENED: Final = _LOOKED_AT | {State.ACCEPTED, State.IN_FULFILLMENT, State.SHIPPED, State.DELIVERED}
_REDEEMED: Final = _OPENED - _LOOKED_AT


def estimate(terms: Terms, told: Amounts) -> dict[str, int]:
    """Complete an estimate: a fee on the item, then a tax on both, where the terms hold for them.

    Rates are hundredths of a percent, rounded half up; a component that was told stays as told.
    """
    full = dict(told)
    if terms.fee_rate and "FEE" not in full:
        full["FEE"] = _rate(full.get("ITEM", 0), terms.fee_rate)
    if terms.tax_rate and "TAX" not in full:
        full["TAX"] = _rate(full.get("ITEM", 0) + full.get("FEE", 0), terms.tax_rate)
    return full


def position(terms: Terms, estimated: Amounts, facts: Iterable[Fact]) -> Position:
    """Return what should stand on a send of which these facts are known, in any order."""
    known = sorted(facts, key=lambda fact: (fact.occurred_at, sorted(fact.amounts.items())))
    reached = _reached(known)
    effect = _effect(terms, reached, known)
    end = next((state for state in reversed(ENDS) if state in reached), None)
    price = {name: amount for name, amount in _price(estimated, known).items() if amount}
    back = _comes_back(terms, end, reached, effect)
    if effect is Effect.NOTHING or (back is not Return.NOTHING and effect is Effect.ACCRUE):
        # What was owed by estimate alone is owed no more.
        return Position({}, Effect.NOTHING, keeps_reserve=end is None)
    refunded = _sum(known, FactKind.REFUND)
    if back is not Return.NOTHING and not (end is State.REFUNDED and refunded):
        refunded = sum(price.values())
    lost = _sum(known, FactKind.BREAKAGE)
    rest = {REFUND: -min(refunded, sum(price.values())), BREAKAGE: lost}
    return Position(
        price | {name: amount for name, amount in rest.items() if amount},
        effect,
        keeps_reserve=effect is Effect.ACCRUE and end is None,
        came_back=_as(terms, back) if refunded else Return.NOTHING,
    )


def returns_next_month(day: dt.date) -> dt.date:
    """Return the first working day, Monday to Friday, of the month after."""
    first = (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    is_weekend = first.weekday() >= _SATURDAY
    return first + dt.timedelta(days=7 - first.weekday()) if is_weekend else first


def _reached(known: Iterable[Fact]) -> dict[State, dt.datetime]:
    """Say when each state was first reached."""
    reached: dict[State, dt.datetime] = {}
    for fact in known:
        if fact.kind is FactKind.MOMENT and fact.state is not None:
            reached.setdefault(fact.state, fact.occurred_at)
    return reached


def _effect(terms: Terms, reached: Mapping[State, dt.datetime], known: Iterable[Fact]) -> Effect:
    """Return the most that any moment up to the furthest one owes; an invoice owes it all."""
    if any(fact.kind is FactKind.INVOICE for fact in known):
        return Effect.CHARGE
    passed = set(reached)
    if _LOOKED_AT & passed:
        passed.add(State.OFFERED)
    last = max((MOMENTS.index(state) for state in passed if state in MOMENTS), default=-1)
    owed = [terms.at(state) for state in MOMENTS[: last + 1]]
    return max(owed, key=_LEVELS.index, default=Effect.NOTHING)


def _price(estimated: Amounts, known: Iterable[Fact]) -> Amounts:
    """Return the last invoice, or the last price told, or the estimate."""
    price = estimated
    for kind in (FactKind.PRICE, FactKind.INVOICE):
        for fact in known:
            if fact.kind is kind:
                price = fact.amounts
    return price


def _sum(known: Iterable[Fact], kind: FactKind) -> int:
    return sum(sum(fact.amounts.values()) for fact in known if fact.kind is kind)


def _as(terms: Terms, back: Return) -> Return:
    """Say as what a refund came: as its end gives it, or as the vendor gives refunds."""
    return terms.refunds_as if back is Return.NOTHING else back


def _comes_back(
    terms: Terms, end: State | None, reached: Mapping[State, dt.datetime], effect: Effect
) -> Return:
    """Return as what an end gives the money back; what the vendor says it refunded, it did."""
    if end is None:
        return Return.NOTHING
    if end is State.REFUNDED:
        return terms.refunds_as
    spoilers: frozenset[State] = {
        Returnable.ALWAYS: frozenset[State](),
        Returnable.UNOPENED: _OPENED,
        Returnable.UNREDEEMED: _REDEEMED,
    }[terms.returns_while]
    if spoilers & set(reached):
        return Return.NOTHING
    if terms.returns_within_days is not None and effect is Effect.CHARGE:
        charged = min(
            (at for state, at in reached.items() if state in MOMENTS), default=reached[end]
        )
        if reached[end] - charged > dt.timedelta(days=terms.returns_within_days):
            return Return.NOTHING
    return terms.on(end)


def _rate(amount: int, rate: int) -> int:
    return (amount * rate + FULL_RATE // 2) // FULL_RATE

"""What each gift cost, as versions: an estimate first, the actual amount once it is known.

All amounts are whole minor units. A gift that was never accepted costs nothing in the end; one that
was lost on its way stays paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from integrations.domain.sandbox import company, gifts, moments, parameters
from integrations.domain.sandbox.draws import Draws, Flags, Ints, Topic
from integrations.domain.sandbox.gifts import STEP, State

COMPONENTS: Final = ("ITEM", "HANDLING", "SHIPPING", "TAX", "DUTY", "FEE")
ITEM, HANDLING, SHIPPING, TAX, DUTY, FEE = range(len(COMPONENTS))
ESTIMATED: Final = 0
ACTUAL: Final = 1
BASES: Final = ("ESTIMATED", "ACTUAL")

_SHIPPING_FROM_MINOR: Final = 6_50
_SHIPPING_TO_MINOR: Final = 19_99
_HANDLING_FROM_MINOR: Final = 2_50
_HANDLING_TO_MINOR: Final = 7_50
_TAX_PERCENT: Final = 8
_DUTY_PERCENT: Final = 5
_FEE_PERCENT: Final = 5
_ADJUSTED_FROM_PERCENT: Final = 85
_ADJUSTED_TO_PERCENT: Final = 140


@dataclass(frozen=True, slots=True)
class Lines:
    """Cost lines, first versions before second ones; `change` is against the version before."""

    gift: Ints
    component: Ints
    version: Ints
    basis: Ints
    amount_minor: Ints
    change_minor: Ints
    day: Ints


def charge(
    *,
    wanted: parameters.Parameters,
    block: int,
    chosen: gifts.Choices,
    events: gifts.Events,
    is_abroad: Flags,
) -> Lines:
    """Charge each gift when its vendor does."""
    draws = Draws(seed=wanted.seed, block=block, topic=Topic.COSTS)
    bill = _Bill(chosen=chosen, events=events)
    count = len(chosen.deal)
    price = gifts.price_minor(chosen)
    shipping = draws.whole(count, _SHIPPING_FROM_MINOR, _SHIPPING_TO_MINOR)
    percent = draws.whole(count, _ADJUSTED_FROM_PERCENT, _ADJUSTED_TO_PERCENT)
    handling = draws.whole(count, _HANDLING_FROM_MINOR, _HANDLING_TO_MINOR)
    is_mail = gifts.is_by(company.DIRECT_MAIL, chosen)
    is_event = gifts.is_by(company.EVENT, chosen)
    is_egift = gifts.is_by(company.EGIFT, chosen)
    bill.estimate(is_mail, State.OFFERED, ITEM, price, then=price)
    bill.estimate(is_mail, State.OFFERED, SHIPPING, shipping, then=shipping * percent // 100)
    bill.estimate(
        is_mail, State.OFFERED, TAX, price * _TAX_PERCENT // 100, then=price * _TAX_PERCENT // 100
    )
    bill.pay(is_mail, State.IN_FULFILLMENT, HANDLING, handling)
    bill.pay(is_mail & is_abroad, State.SHIPPED, DUTY, price * _DUTY_PERCENT // 100)
    bill.pay(is_event, State.SHIPPED, ITEM, price)
    bill.pay(is_event, State.SHIPPED, HANDLING, handling)
    bill.refundable(is_egift, ITEM, price)
    bill.refundable(is_egift, FEE, price * _FEE_PERCENT // 100)
    return bill.lines()


class _Bill:
    """Cost lines in the making."""

    def __init__(self, *, chosen: gifts.Choices, events: gifts.Events) -> None:
        self._days = np.full((len(chosen.deal), len(gifts.STEPS)), moments.NEVER, dtype=np.int64)
        self._days[events.gift, events.step] = events.at // moments.DAY
        self._parts: dict[int, list[tuple[Ints, ...]]] = {1: [], 2: []}

    def estimate(
        self, which: Flags, state: State, component: int, amount: Ints, *, then: Ints
    ) -> None:
        """Estimate at the state; correct it at shipping, take it back if it never ships."""
        nothing = np.zeros_like(amount)
        ends = (State.DECLINED, State.EXPIRED, State.CANCELLED)
        ended = np.max([self._day(end) for end in ends], axis=0)
        self._first(which, self._day(state), component, ESTIMATED, amount)
        self._second(which, self._day(State.SHIPPED), component, then, amount)
        self._second(which, ended, component, nothing, amount)

    def pay(self, which: Flags, state: State, component: int, amount: Ints) -> None:
        """Pay once and for good at the state."""
        self._first(which, self._day(state), component, ACTUAL, amount)

    def refundable(self, which: Flags, component: int, amount: Ints) -> None:
        """Pay at the offer and get it back at the refund."""
        self._first(which, self._day(State.OFFERED), component, ACTUAL, amount)
        self._second(which, self._day(State.REFUNDED), component, np.zeros_like(amount), amount)

    def lines(self) -> Lines:
        """Put first versions before second ones."""
        columns = zip(*(part for version in (1, 2) for part in self._parts[version]), strict=True)
        return Lines(*(np.concatenate(column) for column in columns))

    def _day(self, state: State) -> Ints:
        return np.asarray(self._days[:, STEP[state]], dtype=np.int64)

    def _first(self, which: Flags, day: Ints, component: int, basis: int, amount: Ints) -> None:
        gift = np.flatnonzero(which & (day != moments.NEVER))
        kinds = (component, 1, basis)
        self._parts[1].append(_columns(gift, kinds, amount[gift], amount[gift], day[gift]))

    def _second(self, which: Flags, day: Ints, component: int, amount: Ints, before: Ints) -> None:
        gift = np.flatnonzero(which & (day != moments.NEVER))
        kinds = (component, 2, ACTUAL)
        change = amount[gift] - before[gift]
        self._parts[2].append(_columns(gift, kinds, amount[gift], change, day[gift]))


def _columns(
    gift: Ints, kinds: tuple[int, int, int], amount: Ints, change: Ints, day: Ints
) -> tuple[Ints, ...]:
    return (gift, *(np.full(len(gift), kind) for kind in kinds), amount, change, day)

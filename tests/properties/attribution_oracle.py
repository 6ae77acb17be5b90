"""Attribution in its slow and obvious form: what the kernel is held to.

Written from the definitions, with lists, sorting and exact fractions, and nothing of the kernel's:
no arrays, no integer weights, no shards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

MICROSECONDS_PER_DAY = 24 * 60 * 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Deal:
    id: int
    account: int
    closed_at: int | None
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class Touch:
    id: int
    account: int
    occurred_at: int


Shares = Callable[[int], list[Fraction]]

SHARES: dict[str, Shares] = {
    "FIRST_TOUCH": lambda n: [Fraction(place == 0) for place in range(n)],
    "LAST_TOUCH": lambda n: [Fraction(place == n - 1) for place in range(n)],
    "LINEAR": lambda n: [Fraction(1, n) for _ in range(n)],
}


def journey_of(
    deal: Deal, touches: Sequence[Touch], *, as_of: int, lookback_days: int | None
) -> list[Touch]:
    """List the touches that may earn credit, in order."""
    end = as_of if deal.closed_at is None else deal.closed_at
    start = None if lookback_days is None else end - lookback_days * MICROSECONDS_PER_DAY
    eligible = [
        touch
        for touch in touches
        if touch.account == deal.account
        and touch.occurred_at <= end
        and (start is None or touch.occurred_at >= start)
    ]
    return sorted(eligible, key=lambda touch: (touch.occurred_at, touch.id))


def post_close_of(deal: Deal, touches: Sequence[Touch]) -> set[int]:
    """List the ids of touches after the close."""
    if deal.closed_at is None:
        return set()
    return {
        touch.id
        for touch in touches
        if touch.account == deal.account and touch.occurred_at > deal.closed_at
    }


def divide(amount_minor: int, shares: Sequence[Fraction]) -> list[int]:
    """Round exact shares to units that add up, one unit at a time to the best claim left."""
    size = abs(amount_minor)
    exact = [size * share for share in shares]
    units = [int(claim) for claim in exact]
    claims = [claim - unit for claim, unit in zip(exact, units, strict=True)]
    while sum(units) < size:
        winner = max(range(len(claims)), key=lambda place: (claims[place], -place))
        units[winner] += 1
        claims[winner] = Fraction(-1)
    return [-unit if amount_minor < 0 else unit for unit in units]


def credits_of(
    model: str,
    deals: Sequence[Deal],
    touches: Sequence[Touch],
    *,
    as_of: int,
    lookback_days: int | None,
) -> tuple[set[tuple[int, int, Fraction, int]], dict[int, int]]:
    """Give rows of (deal, touch, share, minor units), and what each touchless deal keeps."""
    rows: set[tuple[int, int, Fraction, int]] = set()
    unattributed: dict[int, int] = {}
    for deal in deals:
        journey = journey_of(deal, touches, as_of=as_of, lookback_days=lookback_days)
        amount_minor = deal.amount_minor or 0
        if not journey:
            unattributed[deal.id] = amount_minor
            continue
        shares = SHARES[model](len(journey))
        units = divide(amount_minor, shares)
        rows.update(
            (deal.id, touch.id, share, unit)
            for touch, share, unit in zip(journey, shares, units, strict=True)
            if share > 0
        )
    return rows, unattributed

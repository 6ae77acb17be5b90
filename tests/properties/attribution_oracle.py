"""Attribution in its slow and obvious form: what the kernel is held to.

Written from the definitions, with lists, sorting and exact fractions, and nothing of the kernel's:
no arrays, no integer weights, no shards.
"""

from __future__ import annotations

import decimal
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

DAY = MICROSECONDS_PER_DAY = 24 * 60 * 60 * 1_000_000
MOST_BITS = 48


@dataclass(frozen=True, slots=True)
class Deal:
    id: int
    account: int
    closed_at: int | None
    amount_minor: int | None
    opened_at: int = 0
    lead_created_at: int | None = None
    primary_campaign: int | None = None
    stages_at: tuple[int | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Touch:
    id: int
    account: int
    occurred_at: int
    channel: int = 0
    campaign: int | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """What an organization chooses; custom shares are percents of steps, middle last."""

    half_life: int = 30 * DAY
    step: int = 7 * DAY
    custom: tuple[tuple[str | int, int], ...] = (("FIRST", 100),)
    middle: int = 0


Journey = list[Touch]
Shares = Callable[[Deal, Journey, int, Choices], list[Fraction]]


def by_place(weights: Callable[[int], list[Fraction]]) -> Shares:
    return lambda _deal, path, _end, _choices: weights(len(path))


def ends_and_middle(first: Fraction, last: Fraction) -> Callable[[int], list[Fraction]]:
    def weights(n: int) -> list[Fraction]:
        middle = 1 - first - last
        if n <= 2:
            parts = [first + middle / 2, last + middle / 2]
            return [Fraction(1)] if n == 1 else parts
        return [first, *[middle / (n - 2)] * (n - 2), last]

    return weights


def place_of(step: str | int, deal: Deal, path: Journey) -> int | None:
    """Find the touch of a step."""
    if step == "FIRST":
        return 0
    if step == "CLOSED":
        return None if deal.closed_at is None else len(path) - 1
    if step == "LEAD":
        instant = deal.lead_created_at
    elif step == "OPENED":
        instant = deal.opened_at
    else:
        assert isinstance(step, int)
        instant = deal.stages_at[step]
    before = [
        place
        for place, touch in enumerate(path)
        if instant is not None and touch.occurred_at <= instant
    ]
    return before[-1] if before else None


def by_steps(steps: Sequence[tuple[str | int, Fraction]]) -> Shares:
    """Share by steps: what is left of 1 belongs to the touches between."""

    def weights(deal: Deal, path: Journey, _end: int, _choices: Choices) -> list[Fraction]:
        places = [(place_of(step, deal, path), part) for step, part in steps]
        there = [(place, part) for place, part in places if place is not None]
        whole = sum((part for _, part in steps), Fraction(0))
        if not there:
            there = [(0, whole)]
        known = sum((part for _, part in there), Fraction(0))
        shares = [Fraction(0)] * len(path)
        for place, part in there:
            shares[place] += whole * part / known
        others = sorted(set(range(len(path))) - {place for place, _ in there})
        for place in others or [place for place, _ in there]:
            shares[place] += (1 - whole) / len(others or there)
        return shares

    return weights


def custom(deal: Deal, path: Journey, end: int, choices: Choices) -> list[Fraction]:
    steps = [(step, Fraction(part, 100)) for step, part in choices.custom]
    return by_steps(steps)(deal, path, end, choices)


def distinct_channels(_deal: Deal, path: Journey, _end: int, _c: Choices) -> list[Fraction]:
    sizes = Counter(touch.channel for touch in path)
    return [Fraction(1, len(sizes) * sizes[touch.channel]) for touch in path]


def primary_campaign(deal: Deal, path: Journey, _end: int, _c: Choices) -> list[Fraction]:
    own = [
        place
        for place, touch in enumerate(path)
        if touch.campaign is not None and touch.campaign == deal.primary_campaign
    ]
    return [Fraction(place == min(own, default=-1)) for place in range(len(path))]


def normalized(whole: Sequence[int]) -> list[Fraction]:
    return [Fraction(weight, sum(whole)) for weight in whole]


def bits_for(n: int) -> int:
    return min(MOST_BITS, 62 - math.ceil(math.log2(n)))


def decay(_deal: Deal, path: Journey, _end: int, choices: Choices) -> list[Fraction]:
    """Round 2 ** (bits - age / half-life) half up, in sixty digits; at least 1."""
    youngest = path[-1].occurred_at
    whole = []
    with decimal.localcontext(decimal.Context(prec=60)):
        for touch in path:
            age = decimal.Decimal(youngest - touch.occurred_at) / choices.half_life
            value = decimal.Decimal(2) ** (bits_for(len(path)) - age)
            rounded = value.quantize(decimal.Decimal(1), decimal.ROUND_HALF_UP)
            whole.append(max(1, int(rounded)))
    return normalized(whole)


def real_decay(path: Journey, half_life: int) -> list[decimal.Decimal]:
    """Give the shares as they would be without whole numbers, to sixty digits."""
    with decimal.localcontext(decimal.Context(prec=60)):
        powers = [
            decimal.Decimal(2)
            ** (decimal.Decimal(touch.occurred_at - path[-1].occurred_at) / half_life)
            for touch in path
        ]
        return [power / sum(powers) for power in powers]


def step_decay(_deal: Deal, path: Journey, end: int, choices: Choices) -> list[Fraction]:
    steps = [(end - touch.occurred_at) // choices.step for touch in path]
    return normalized([2 ** max(0, bits_for(len(path)) - step + min(steps)) for step in steps])


ONE_FIFTH = Fraction(1, 5)
THREE_TENTHS = Fraction(3, 10)
NINE_FORTIETHS = Fraction(9, 40)

SHARES: dict[str, Shares] = {
    "FIRST_TOUCH": by_place(lambda n: [Fraction(place == 0) for place in range(n)]),
    "LAST_TOUCH": by_place(lambda n: [Fraction(place == n - 1) for place in range(n)]),
    "LEAD_CREATION": by_steps([("LEAD", Fraction(1))]),
    "LINEAR": by_place(lambda n: [Fraction(1, n) for _ in range(n)]),
    "LINEAR_DISTINCT_CHANNELS": distinct_channels,
    "U_SHAPED": by_place(ends_and_middle(2 * ONE_FIFTH, 2 * ONE_FIFTH)),
    "U_HUBSPOT": by_steps([("FIRST", 2 * ONE_FIFTH), ("LEAD", 2 * ONE_FIFTH)]),
    "U_ADOBE": by_steps([("FIRST", Fraction(1, 2)), ("LEAD", Fraction(1, 2))]),
    "W_SHAPED": by_steps([(step, THREE_TENTHS) for step in ("FIRST", "LEAD", "OPENED")]),
    "FULL_PATH": by_steps(
        [(step, NINE_FORTIETHS) for step in ("FIRST", "LEAD", "OPENED", "CLOSED")]
    ),
    "J_SHAPED": by_place(ends_and_middle(ONE_FIFTH, 3 * ONE_FIFTH)),
    "INVERSE_J": by_place(ends_and_middle(3 * ONE_FIFTH, ONE_FIFTH)),
    "TIME_DECAY": decay,
    "TIME_DECAY_STEP": step_decay,
    "PRIMARY_CAMPAIGN_SOURCE": primary_campaign,
    "CUSTOM": custom,
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
    choices: Choices,
) -> tuple[set[tuple[int, int, Fraction, int]], dict[int, int]]:
    """Give rows of (deal, touch, share, minor units), and what each touchless deal keeps."""
    rows: set[tuple[int, int, Fraction, int]] = set()
    unattributed: dict[int, int] = {}
    for deal in deals:
        path = journey_of(deal, touches, as_of=as_of, lookback_days=lookback_days)
        amount_minor = deal.amount_minor or 0
        end = as_of if deal.closed_at is None else deal.closed_at
        shares = SHARES[model](deal, path, end, choices) if path else []
        if not any(shares):
            unattributed[deal.id] = amount_minor
            continue
        units = divide(amount_minor, shares)
        rows.update(
            (deal.id, touch.id, share, unit)
            for touch, share, unit in zip(path, shares, units, strict=True)
            if share > 0
        )
    return rows, unattributed


def incomplete_of(model: str, deal: Deal, path: Journey, choices: Choices) -> bool:
    """Say whether a deal with touches lacks a step of the model."""
    steps: dict[str, tuple[str | int, ...]] = {
        "LEAD_CREATION": ("LEAD",),
        "U_HUBSPOT": ("LEAD",),
        "U_ADOBE": ("LEAD",),
        "W_SHAPED": ("LEAD", "OPENED"),
        "FULL_PATH": ("LEAD", "OPENED", "CLOSED"),
        "CUSTOM": tuple(step for step, _ in choices.custom),
    }
    return bool(path) and any(place_of(step, deal, path) is None for step in steps.get(model, ()))

"""When gifts arrive, and what becomes of a deal with and without them.

A deal of a tier wins with the log odds of the tier's rate, plus `effect` once it was given
anything before its close. The same luck decides both worlds, so what the gifts caused is known
deal by deal, to the minor unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from integrations.domain.sandbox import company, parameters
from integrations.domain.sandbox.deals import Deals
from integrations.domain.sandbox.draws import Draws, Flags, Floats, Ints, Topic

MOST_GIFTS: Final = 8
GIFTS_PER_DAY: Final = 0.010
OPEN: Final = 0
WON: Final = 1
LOST: Final = 2

_NEVER: Final = 2**31


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Gifts by deal and day, in this order; `ordinal` counts the gifts of one deal from 0."""

    deal: Ints
    day: Ints
    ordinal: Ints


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of each deal, and of the same deal had no gift been given."""

    status: Ints
    closed_day: Ints
    is_gifted: Flags
    is_won_without_gifts: Flags
    days_saved: Ints


def arrivals(
    *,
    wanted: parameters.Parameters,
    block: int,
    opened_day: Ints,
    open_days: Ints,
    tier: Ints,
) -> Arrivals:
    """Let gifts arrive on the days after the opening and before the close.

    With long-deal bias they arrive at a constant daily rate; without it a deal's length says
    nothing about the number of its gifts.
    """
    draws = Draws(seed=wanted.seed, block=block, topic=Topic.ARRIVALS)
    rates = company.GIFT_RATES_BIASED if wanted.selection_bias else (1.0,) * len(company.WIN_RATES)
    exposure = open_days if wanted.long_deal_bias else np.full(len(tier), open_days.mean())
    mean = GIFTS_PER_DAY * np.array(rates)[tier] * exposure
    count = draws.poisson(mean, most=MOST_GIFTS) * (open_days > 1)
    deal = np.repeat(np.arange(len(tier)), count)
    room = open_days[deal] - 1
    offset = 1 + np.floor(draws.uniform(len(deal)) * room).astype(np.int64)
    order = np.lexsort((offset, deal))
    return _numbered(deal[order], (opened_day[deal] + offset)[order])


def settle(
    *, wanted: parameters.Parameters, deals: Deals, planned: Arrivals
) -> tuple[Outcomes, Arrivals]:
    """Close the deals, and drop the gifts that come after a close or after the last known day."""
    planned_close = deals.opened_day + deals.planned_days
    first = first_gift_days(planned, len(deals.account))
    saved = np.where(
        first < planned_close,
        np.floor((planned_close - first - 1) * wanted.cycle_effect).astype(np.int64),
        0,
    )
    closed_day = planned_close - saved
    is_kept = (planned.day < closed_day[planned.deal]) & (planned.day <= wanted.last_day)
    kept = _numbered(planned.deal[is_kept], planned.day[is_kept])
    is_gifted = first_gift_days(kept, len(deals.account)) < _NEVER
    base = log_odds(np.array(company.WIN_RATES))[deals.tier]
    is_won_without = deals.luck < _probability(base)
    is_won = deals.luck < _probability(base + wanted.effect * is_gifted)
    is_closed = closed_day <= wanted.last_day
    return (
        Outcomes(
            status=np.where(is_closed, np.where(is_won, WON, LOST), OPEN),
            closed_day=closed_day,
            is_gifted=is_gifted,
            is_won_without_gifts=is_won_without,
            days_saved=saved,
        ),
        kept,
    )


def first_gift_days(found: Arrivals, deal_count: int) -> Ints:
    """Give the day of each deal's first gift, or a day that never comes."""
    first = np.full(deal_count, _NEVER, dtype=np.int64)
    is_first = found.ordinal == 0
    first[found.deal[is_first]] = found.day[is_first]
    return first


def log_odds(probability: Floats) -> Floats:
    """Turn probabilities into log odds."""
    return np.asarray(np.log(probability / (1.0 - probability)), dtype=np.float64)


def _probability(odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)), dtype=np.float64)


def _numbered(deal: Ints, day: Ints) -> Arrivals:
    return Arrivals(deal=deal, day=day, ordinal=np.arange(len(deal)) - np.searchsorted(deal, deal))

"""A company of any size by arithmetic: opportunities, touches, and journeys as peers want them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.domain import journey, kernel

SEED: Final = 7
TOUCHES_PER_OPPORTUNITY: Final = 4
DEALS_PER_ACCOUNT: Final = 2
CHANNELS: Final = ("ads", "call", "direct_mail", "email", "event", "gift", "social", "webinar")
LOOKBACK_DAYS: Final = 180
DAY: Final = journey.MICROSECONDS_PER_DAY
SECOND: Final = 1_000_000
START: Final = 1_672_531_200 * SECOND
MOST_AMOUNT_MINOR: Final = 5_000_000
LOST_PART: Final = 0.3


@dataclass(frozen=True, slots=True)
class Company:
    """Hold won and lost opportunities, most touches shortly before the close of one of them."""

    opportunities: journey.Opportunities
    touches: journey.Touches
    is_won: NDArray[np.bool_]
    as_of: int

    @classmethod
    def of(cls, size: int) -> Self:
        """Make so many opportunities and four times as many touches."""
        random = np.random.default_rng(SEED)
        touch_count = size * TOUCHES_PER_OPPORTUNITY
        account = random.integers(0, max(size // DEALS_PER_ACCOUNT, 1), size)
        opened_at = START + random.integers(0, 700 * 86_400, size) * SECOND
        closed_at = opened_at + random.integers(1, 120 * 86_400, size) * SECOND
        owner = random.integers(0, size, touch_count)
        return cls(
            opportunities=journey.Opportunities(
                id=np.arange(size, dtype=np.int64),
                account=account,
                opened_at=opened_at,
                closed_at=closed_at,
                amount_minor=random.integers(1, MOST_AMOUNT_MINOR, size),
                has_amount=np.ones(size, dtype=np.bool_),
                lead_created_at=opened_at - random.integers(1, 60 * 86_400, size) * SECOND,
            ),
            touches=journey.Touches(
                id=np.arange(touch_count, dtype=np.int64),
                account=account[owner],
                occurred_at=closed_at[owner]
                - random.integers(-20 * 86_400, 150 * 86_400, touch_count) * SECOND,
                channel=random.integers(0, len(CHANNELS), touch_count),
            ),
            is_won=random.random(size) > LOST_PART,
            as_of=START + 1000 * DAY,
        )


@dataclass(frozen=True, slots=True)
class Paths:
    """Hold the channels of every journey that has a touch."""

    channel: NDArray[np.int64]
    hours_before_end: NDArray[np.float64]
    offsets: NDArray[np.int64]
    is_won: NDArray[np.bool_]

    @classmethod
    def of(cls, data: Company) -> Self:
        timelines = kernel.timelines(
            data.opportunities, data.touches, as_of=data.as_of, lookback_days=LOOKBACK_DAYS
        )
        journeys = timelines.journeys()
        is_there = journeys.touch_counts > 0
        assert data.touches.channel is not None
        occurred_at = data.touches.occurred_at[journeys.touch]
        ends = np.repeat(data.opportunities.closed_at, journeys.touch_counts)
        return cls(
            channel=data.touches.channel[journeys.touch],
            hours_before_end=(ends - occurred_at) / (3600 * SECOND),
            offsets=np.append(journeys.offsets[:-1][is_there], journeys.offsets[-1]),
            is_won=data.is_won[is_there],
        )

    def texts(self) -> Any:
        """Join the channels of each journey by ` > `, as an Arrow array."""
        names = pa.array(CHANNELS).take(pa.array(self.channel))
        return pc.binary_join(pa.LargeListArray.from_arrays(self.offsets, names), " > ")

    def hours(self) -> Any:
        """Join the hours of each journey in the same way."""
        hours = pa.array(np.round(self.hours_before_end).astype(np.int64)).cast(pa.string())
        return pc.binary_join(pa.LargeListArray.from_arrays(self.offsets, hours), " > ")

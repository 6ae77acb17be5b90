"""Short ways to write opportunities and touches in tests: days in, columns out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attribution.domain import journey, multitouch

Deal = tuple[int, int, int | None, int | None]
Touch = tuple[int, int, int]

DAY = journey.MICROSECONDS_PER_DAY


def deals(
    *rows: Deal,
    opened: Sequence[int] = (),
    lead: Sequence[int | None] = (),
    campaign: Sequence[int] = (),
) -> journey.Opportunities:
    """Make opportunities of (id, account, day of close or None, amount or None).

    Days of opening (0 unless given), days on which leads were made, and primary campaigns stand
    beside them.
    """
    return journey.Opportunities(
        id=_whole([row[0] for row in rows]),
        account=_whole([row[1] for row in rows]),
        opened_at=_whole([day * DAY for day in opened] or [0 for _ in rows]),
        closed_at=_whole([journey.OPEN if row[2] is None else row[2] * DAY for row in rows]),
        amount_minor=_whole([row[3] or 0 for row in rows]),
        has_amount=np.array([row[3] is not None for row in rows], dtype=np.bool_),
        lead_created_at=_whole(
            [journey.NOT_GIVEN if day is None else day * DAY for day in lead]
            or [journey.NOT_GIVEN for _ in rows]
        ),
        primary_campaign=_whole(campaign or [journey.NO_GROUP for _ in rows]),
    )


def touches(
    *rows: Touch, channel: Sequence[int] = (), campaign: Sequence[int] = ()
) -> journey.Touches:
    """Make touches of (id, account, day), all of one channel and no campaign unless given."""
    return journey.Touches(
        id=_whole([row[0] for row in rows]),
        account=_whole([row[1] for row in rows]),
        occurred_at=_whole([row[2] * DAY for row in rows]),
        channel=_whole(channel or [0 for _ in rows]),
        campaign=_whole(campaign or [journey.NO_GROUP for _ in rows]),
    )


def case(
    opportunities: journey.Opportunities,
    rows: journey.Touches,
    *,
    as_of: int = 1000 * DAY,
    lookback_days: int | None = 180,
    settings: multitouch.Settings = multitouch.DEFAULTS,
    stages_at: Sequence[Sequence[int | None]] = (),
) -> multitouch.Case:
    """Match journeys; `stages_at` has the days of each stage, by opportunity."""
    timelines = journey.match(opportunities, rows, as_of=as_of, lookback_days=lookback_days)
    return multitouch.Case(
        opportunities=opportunities,
        touches=rows,
        journeys=timelines.journeys(),
        as_of=as_of,
        settings=settings,
        stages_at=tuple(
            _whole([journey.NOT_GIVEN if day is None else day * DAY for day in days])
            for days in stages_at
        ),
    )


def _whole(values: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)

"""Short ways to write opportunities and touches in tests: days in, columns out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attribution.domain import journey

Deal = tuple[int, int, int | None, int | None]
Touch = tuple[int, int, int]

DAY = journey.MICROSECONDS_PER_DAY


def deals(*rows: Deal) -> journey.Opportunities:
    """Make opportunities of (id, account, day of close or None, amount or None)."""
    return journey.Opportunities(
        id=_whole([row[0] for row in rows]),
        account=_whole([row[1] for row in rows]),
        opened_at=_whole([0 for _ in rows]),
        closed_at=_whole([journey.OPEN if row[2] is None else row[2] * DAY for row in rows]),
        amount_minor=_whole([row[3] or 0 for row in rows]),
        has_amount=np.array([row[3] is not None for row in rows], dtype=np.bool_),
    )


def touches(*rows: Touch) -> journey.Touches:
    """Make touches of (id, account, day)."""
    return journey.Touches(
        id=_whole([row[0] for row in rows]),
        account=_whole([row[1] for row in rows]),
        occurred_at=_whole([row[2] * DAY for row in rows]),
    )


def _whole(values: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)

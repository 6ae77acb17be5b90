"""Instants as whole seconds since 1970-01-01 UTC.

Everything happens between 14:00 and 22:00 UTC, office hours in New York, so that the day of an
instant is the same in UTC and in the company's books.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from integrations.domain.sandbox.draws import Draws, Ints

DAY: Final = 86_400
HOUR: Final = 3_600
MINUTE: Final = 60
NEVER: Final = -1

# A time of day that is on the same day in New York.
AFTERNOON: Final = 18 * HOUR

_OPENS_AT: Final = 14 * HOUR
# An hour is left for what follows within the same day.
_LAST_SECOND: Final = 7 * HOUR - 1


def office_seconds(draws: Draws, count: int) -> Ints:
    """Draw a second of the day in office hours."""
    return _OPENS_AT + draws.whole(count, 0, _LAST_SECOND)


def at(day: Ints, second: Ints | int) -> Ints:
    """Give the instant of a second on a day."""
    return np.asarray(day * DAY + second, dtype=np.int64)

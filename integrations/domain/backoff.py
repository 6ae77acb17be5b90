"""When to try again: a failure and what came before it in, a decision out. No clock, no chance.

- A refused connection, a busy server or a broken answer is tried again after 1, 2, 4 ... seconds,
  at most 5 times and at most 5 minutes apart, each wait spread by the caller's `chance`.
- A limit is waited out as long as the CRM says, or as long as the limit's own window.
- An ended session is tried again once, at once, with a new token. A second time it is lost.
- What needs a person is not tried again.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from integrations.domain import errors

MOST_ATTEMPTS: Final = 5
FIRST_WAIT: Final = dt.timedelta(seconds=1)
LONGEST_WAIT: Final = dt.timedelta(minutes=5)
LONGEST_INLINE_WAIT: Final = dt.timedelta(seconds=2)
SPREAD: Final = 0.25

_WINDOWS: Final = {
    errors.Limit.BURST: dt.timedelta(seconds=10),
    errors.Limit.SEARCH: dt.timedelta(seconds=1),
    errors.Limit.CONCURRENT: dt.timedelta(seconds=20),
    errors.Limit.DAILY: dt.timedelta(hours=1),
}


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after the wait; `is_throttled` closes the limit for every worker until then."""

    wait: dt.timedelta
    is_throttled: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Stop, and say why; `stops_connection` when no stream of it can go on."""

    stops_connection: bool


Decision = Retry | GiveUp


def decide(failure: errors.SyncError, *, attempts: int, chance: float) -> Decision:
    """Decide after so many attempts, the failed one among them; `chance` is from 0 to 1."""
    if isinstance(failure, errors.Permanent):
        return GiveUp(stops_connection=isinstance(failure, errors.AuthorizationLost))
    if isinstance(failure, errors.Throttled):
        told = failure.retry_after or _WINDOWS[failure.limit]
        return Retry(_spread(told, chance), is_throttled=True)
    if attempts >= MOST_ATTEMPTS:
        return GiveUp(stops_connection=False)
    if isinstance(failure, errors.SessionEnded | errors.LocatorLost):
        return GiveUp(stops_connection=False) if attempts > 1 else Retry(dt.timedelta())
    told = getattr(failure, "retry_after", None) or FIRST_WAIT * 2 ** (attempts - 1)
    return Retry(_spread(min(told, LONGEST_WAIT), chance))


def _spread(wait: dt.timedelta, chance: float) -> dt.timedelta:
    """Lengthen a wait by up to a quarter, so that those who wait do not all come back at once."""
    return wait * (1 + SPREAD * chance)

"""Journeys: which touches came before the close of which opportunity.

Definition. A touch belongs to the journey of an opportunity when both are of one account and

    window end - look-back <= touch <= window end        (both ends included)

where the window ends at the close of the opportunity, or at the run's `as_of` while it is open, and
the look-back is a number of days of 86,400 seconds (180 unless said; None is no limit). Several
opportunities of one account share its touches. A journey is in the order of time, ties in the
order of the touch's id, so that the order of rows never matters. Touches after a close are never
credited; they are listed apart, as post-close touches.

Units: times are microseconds since an instant of the caller's choice, the same one everywhere
(1970, or PostgreSQL's 2000), with `OPEN` in place of a close that has not come.
Source of the edge cases: the published rules of Adobe Marketo Measure (touches after the close are
dropped) and Snowplow (the close instant is included).

How. The start and the end of each window are sorted in with the touches of the account, a start
before the touches of its instant and an end after them: a journey is what lies between the two. One
radix sort does it, without a search.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from attribution.domain import grouping
from gifting.domain import refusals

OPEN: Final = int(np.iinfo(np.int64).max)
# An instant that did not come, or is not known: no touch lies at or before it.
NOT_GIVEN: Final = int(np.iinfo(np.int64).min)
# The number of the channel or campaign of what has none.
NO_GROUP: Final = -1
DEFAULT_LOOKBACK_DAYS: Final = 180
LONGEST_LOOKBACK_DAYS: Final = 36_525

MICROSECONDS_PER_DAY: Final = 86_400_000_000
# Half of the range of 64 bits leaves room for a look-back, and for one more on either side.
_FARTHEST: Final = 2**62


class LookbackUnusable(refusals.Invalid):
    code = "LOOKBACK_UNUSABLE"


class _Columns:
    """Columns of one length, in the types that the arithmetic is proved for."""

    __slots__ = ()

    def __post_init__(self) -> None:
        columns = self._given()
        for name, column in columns.items():
            expected = np.bool_ if name.startswith("has_") else np.int64
            if column.dtype != expected:
                raise TypeError(f"{type(self).__name__}.{name} is {column.dtype}, not {expected}")
        if len({column.shape for column in columns.values()}) != 1:
            raise ValueError(f"The columns of {type(self).__name__} differ in length")

    def take(self, rows: NDArray[np.intp] | slice) -> Self:
        return type(self)(**{name: column[rows] for name, column in self._given().items()})

    def _given(self) -> dict[str, NDArray[np.generic]]:
        columns = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type] # every subclass is a dataclass
        return {name: column for name, column in columns.items() if column is not None}


@dataclass(frozen=True, slots=True)
class Opportunities(_Columns):
    """Hold opportunities as columns; an amount that is not given has `has_amount` False.

    `lead_created_at` may be NOT_GIVEN, and `primary_campaign` is a number of a campaign as touches
    have it, or NO_GROUP. A column that nobody has may be left out as a whole.
    """

    id: NDArray[np.int64]
    account: NDArray[np.int64]
    opened_at: NDArray[np.int64]
    closed_at: NDArray[np.int64]
    amount_minor: NDArray[np.int64]
    has_amount: NDArray[np.bool_]
    lead_created_at: NDArray[np.int64] | None = None
    primary_campaign: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True)
class Touches(_Columns):
    """Hold touches as columns; channels and campaigns are numbers from 0, or NO_GROUP."""

    id: NDArray[np.int64]
    account: NDArray[np.int64]
    occurred_at: NDArray[np.int64]
    channel: NDArray[np.int64] | None = None
    campaign: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True)
class Journeys:
    """Hold rows of touches: the journey of opportunity i is touch[offsets[i]:offsets[i + 1]]."""

    touch: NDArray[np.intp]
    offsets: NDArray[np.int64]

    @property
    def touch_counts(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True)
class Timelines:
    """Hold the touches of every account in order, and where each opportunity looks at them.

    `touch` are rows of touches in the order of account and time. The journey of opportunity i lies
    from start[i] to stop[i] in it; what came after its close lies from after_close[i] to
    account_end[i].
    """

    touch: NDArray[np.intp]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    after_close: NDArray[np.int64]
    account_end: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def among(self, rows: NDArray[np.intp]) -> Timelines:
        """Name the touches by their rows in a larger whole."""
        return replace(self, touch=rows[self.touch])

    def pieces(self, pairs_per_piece: int) -> Iterator[Timelines]:
        """Cut the opportunities, in order, so that each piece has few pairs of them and touches.

        A journey is never cut, so a piece may exceed the number by one journey.
        """
        piece_of = np.cumsum(self.stop - self.start) // pairs_per_piece
        first_of_each = np.flatnonzero(np.diff(piece_of, prepend=-1)).tolist()
        for first, after in itertools.pairwise([*first_of_each, len(self)]):
            yield Timelines(
                touch=self.touch,
                start=self.start[first:after],
                stop=self.stop[first:after],
                after_close=self.after_close[first:after],
                account_end=self.account_end[first:after],
            )

    def journeys(self) -> Journeys:
        counts = self.stop - self.start
        return Journeys(
            touch=self.touch[_expand(self.start, counts)],
            offsets=grouping.counts_to_offsets(counts),
        )

    def post_close(self) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """List each touch after a close, as a pair of opportunity and touch rows."""
        counts = self.account_end - self.after_close
        opportunity = np.repeat(np.arange(len(self), dtype=np.int64), counts)
        return opportunity, self.touch[_expand(self.after_close, counts)]


def match(
    opportunities: Opportunities, touches: Touches, *, as_of: int, lookback_days: int | None
) -> Timelines:
    """Find the journey of every opportunity; raises LookbackUnusable."""
    require_lookback(lookback_days)
    starts, ends = _windows(opportunities.closed_at, as_of, lookback_days)
    by_id = _order_by_id(touches.id)
    sweep = _sweep(opportunities.account, touches.take(by_id), starts, ends)
    is_open = opportunities.closed_at == OPEN
    return replace(
        sweep,
        touch=by_id[sweep.touch],
        after_close=np.where(is_open, sweep.account_end, sweep.stop),
    )


def require_lookback(lookback_days: int | None) -> None:
    """Refuse a look-back that is not a number of days; raises LookbackUnusable."""
    if lookback_days is not None and not 0 <= lookback_days <= LONGEST_LOOKBACK_DAYS:
        raise LookbackUnusable(
            f"A look-back of {lookback_days} days cannot be used. Give 0 to "
            f"{LONGEST_LOOKBACK_DAYS} days, or none for no limit.",
            field="lookback_days",
        )


def _windows(
    closed_at: NDArray[np.int64], as_of: int, lookback_days: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ends = np.where(closed_at == OPEN, np.int64(as_of), closed_at)
    _require_countable(ends)
    if lookback_days is None:
        return np.full(len(ends), -_FARTHEST, dtype=np.int64), ends
    return ends - lookback_days * MICROSECONDS_PER_DAY, ends


def _require_countable(moments: NDArray[np.int64]) -> None:
    if len(moments) and not -_FARTHEST < int(moments.min()) <= int(moments.max()) < _FARTHEST:
        raise ValueError("A time lies too far off to be counted in microseconds")


def _sweep(
    window_account: NDArray[np.int64],
    touches: Touches,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> Timelines:
    """Sort windows and touches together; touches come in the order of their ids."""
    window_count, touch_count = len(starts), len(touches)
    accounts = np.concatenate((window_account, touches.account, window_account))
    moments = np.concatenate((starts, touches.occurred_at, ends))
    if touch_count:
        # A window that reaches beyond all touches may as well end one instant after them: the
        # times then spread no wider than the touches do, which saves digits to sort.
        _require_countable(touches.occurred_at)
        first, last = int(touches.occurred_at.min()), int(touches.occurred_at.max())
        np.clip(moments, first - 1, last + 1, out=moments)

    # What is equal keeps its order: a start stands before the touches of its instant, an end after.
    order = grouping.stable_order_by_two(_from_zero(accounts), _from_zero(moments))

    is_touch = (order >= window_count) & (order < window_count + touch_count)
    touches_so_far = np.cumsum(is_touch, dtype=np.int64)
    place = np.empty_like(touches_so_far)
    place[order] = touches_so_far
    account_end = np.empty_like(touches_so_far)
    account_end[order] = _last_of_each(accounts[order], touches_so_far)
    stop = place[window_count + touch_count :]
    return Timelines(
        touch=order[is_touch] - window_count,
        start=place[:window_count],
        stop=stop,
        after_close=stop,
        account_end=account_end[:window_count],
    )


def _last_of_each(groups: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give every row the value of the last row of its group; groups lie together."""
    is_last = np.ones(len(groups), dtype=np.bool_)
    np.not_equal(groups[1:], groups[:-1], out=is_last[:-1])
    last = np.flatnonzero(is_last)
    return np.repeat(values[last], np.diff(last, prepend=-1))


def _order_by_id(ids: NDArray[np.int64]) -> NDArray[np.intp]:
    if bool((ids[1:] >= ids[:-1]).all()):
        return np.arange(len(ids), dtype=np.intp)
    return grouping.stable_order(_from_zero(ids))


def _expand(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """List starts[i], starts[i] + 1, ... counts[i] times, for each i in turn."""
    offsets = grouping.counts_to_offsets(counts)
    return np.arange(offsets[-1], dtype=np.int64) + np.repeat(starts - offsets[:-1], counts)


def _from_zero(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Shift values so that the least becomes 0; wrapping around 64 bits cancels out."""
    unsigned = values.view(np.uint64)
    return unsigned - unsigned[values.argmin()] if len(values) else unsigned

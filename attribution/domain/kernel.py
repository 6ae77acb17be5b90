"""The attribution kernel: opportunities and touches in, credits to the minor unit out.

What is computed stands in `journey` (which touches count), `multitouch` (their weights) and
`credit` (the money). Here the work is cut into shards of whole accounts, small enough that sorts
and gathers stay in the processor's cache, and the shards into batches with a bounded number of
pairs of opportunity and touch. What is held at a time is the input, and one shard and one batch
for each thread. Neither shards, nor batches, nor threads, nor the order of the rows change a single
unit: `credit.digest` over all batches is always the same.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from attribution.domain import credit, journey, multitouch

# About what the working columns of a shard need to stay within a few megabytes, each of them so
# small that the memory of one serves the next without a way to the operating system.
ROWS_PER_SHARD: Final = 32_768
# A deal of a large account may have thousands of touches, and such an account thousands of deals.
PAIRS_PER_BATCH: Final = 1_000_000
MOST_SHARDS: Final = 65_536
MOST_THREADS: Final = 64

# Spreads account ids that have gaps of a fixed step (the fraction bits of the golden ratio).
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_SHARD_BITS: Final = 16

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Batch:
    """Hold the result for some opportunities; all rows count in what was given to `attribute`.

    `missing_amount` lists those of the opportunities whose amount is not given. A batch holds whole
    journeys, and whole accounts unless an account alone has more than `pairs_per_batch` pairs.
    """

    opportunity: NDArray[np.int64]
    missing_amount: NDArray[np.int64]
    credits: Mapping[multitouch.Model, credit.Credits]
    timelines: journey.Timelines

    def post_close(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """List each touch after a close, which earns nothing: rows of opportunities and touches.

        They may be many, since every touch of an account comes after the close of every older deal.
        """
        opportunity, touch = self.timelines.post_close()
        return self.opportunity[opportunity], touch


def attribute(
    opportunities: journey.Opportunities,
    touches: journey.Touches,
    *,
    models: Sequence[multitouch.Model],
    as_of: int,
    lookback_days: int | None = journey.DEFAULT_LOOKBACK_DAYS,
    shards: int | None = None,
    threads: int = 1,
    pairs_per_batch: int = PAIRS_PER_BATCH,
    settings: multitouch.Settings = multitouch.DEFAULTS,
    stages_at: Sequence[NDArray[np.int64]] = (),
) -> Generator[Batch, None, None]:
    """Divide every opportunity's amount by every model, batch by batch.

    Every opportunity is in exactly one batch. `stages_at` has the instants of each stage of a
    custom model, by opportunity. Raises journey.LookbackUnusable and multitouch.ColumnMissing.
    """
    journey.require_lookback(lookback_days)
    if shards is None:
        shards = _shard_count(opportunities, touches)
    shards = min(max(shards, 1), MOST_SHARDS)

    work = _Work(
        opportunities, touches, tuple(models), as_of, lookback_days, settings, tuple(stages_at)
    )
    with Threads(min(max(threads, 1), MOST_THREADS)) as pool:
        matched = pool.map(work.match, _cut(opportunities, touches, shards))
        pieces = (piece for shard in matched for piece in shard.pieces(pairs_per_batch))
        yield from pool.map(work.share, pieces)


def timelines(
    opportunities: journey.Opportunities,
    touches: journey.Touches,
    *,
    as_of: int,
    lookback_days: int | None,
    threads: int = 1,
) -> journey.Timelines:
    """Find all journeys at once, in the order of the opportunities; raises LookbackUnusable.

    What is held is a few numbers for each row, where `attribute` holds a batch; a reader that wants
    opportunities in an order of its own cuts these into pieces.
    """
    journey.require_lookback(lookback_days)
    shards = min(max(_shard_count(opportunities, touches), 1), MOST_SHARDS)
    work = _Work(opportunities, touches, (), as_of, lookback_days, multitouch.DEFAULTS, ())
    edges = np.zeros((4, len(opportunities)), dtype=np.int64)
    touch, before = [np.zeros(0, dtype=np.intp)], 0
    with Threads(min(max(threads, 1), MOST_THREADS)) as pool:
        for found in pool.map(work.match, _cut(opportunities, touches, shards)):
            part = found.timelines
            local = (part.start, part.stop, part.after_close, part.account_end)
            edges[:, found.opportunity] = np.stack(local) + before
            touch.append(part.touch)
            before += len(part.touch)
    return journey.Timelines(np.concatenate(touch), *edges)


def _shard_count(opportunities: journey.Opportunities, touches: journey.Touches) -> int:
    return -(-(len(opportunities) + len(touches)) // ROWS_PER_SHARD)


@dataclass(frozen=True, slots=True)
class _Shard:
    """Rows of whole accounts."""

    opportunity: NDArray[np.intp]
    touch: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _Matched:
    """Rows of opportunities, with timelines whose touches are rows of the whole."""

    opportunity: NDArray[np.intp]
    timelines: journey.Timelines

    def pieces(self, pairs_per_piece: int) -> Iterator[_Matched]:
        first = 0
        for timelines in self.timelines.pieces(pairs_per_piece):
            after = first + len(timelines)
            yield _Matched(self.opportunity[first:after], timelines)
            first = after


@dataclass(frozen=True, slots=True)
class _Work:
    """What is asked for, done in two steps that threads may take."""

    opportunities: journey.Opportunities
    touches: journey.Touches
    models: tuple[multitouch.Model, ...]
    as_of: int
    lookback_days: int | None
    settings: multitouch.Settings
    stages_at: tuple[NDArray[np.int64], ...]

    def match(self, shard: _Shard) -> _Matched:
        timelines = journey.match(
            self.opportunities.take(shard.opportunity),
            self.touches.take(shard.touch),
            as_of=self.as_of,
            lookback_days=self.lookback_days,
        )
        return _Matched(shard.opportunity, timelines.among(shard.touch))

    def share(self, piece: _Matched) -> Batch:
        own = self.opportunities.take(piece.opportunity)
        case = multitouch.Case(
            opportunities=own,
            touches=self.touches,
            journeys=piece.timelines.journeys(),
            as_of=self.as_of,
            settings=self.settings,
            stages_at=tuple(instants[piece.opportunity] for instants in self.stages_at),
        )
        given = {model: credit.share(model, case) for model in self.models}
        everybody = piece.opportunity[case.opportunity]
        return Batch(
            opportunity=piece.opportunity,
            missing_amount=piece.opportunity[~own.has_amount],
            credits=MappingProxyType(
                {
                    model: _renumber(
                        found,
                        piece.opportunity,
                        everybody if found.opportunity is case.opportunity else None,
                    )
                    for model, found in given.items()
                }
            ),
            timelines=piece.timelines,
        )


def _renumber(
    local: credit.Credits, opportunity: NDArray[np.intp], known: NDArray[np.intp] | None
) -> credit.Credits:
    """Turn opportunities of a piece into opportunities of the whole, unless they are known."""
    return replace(
        local,
        opportunity=opportunity[local.opportunity] if known is None else known,
        unattributed=opportunity[local.unattributed],
        incomplete=opportunity[local.incomplete],
    )


def _cut(
    opportunities: journey.Opportunities, touches: journey.Touches, shards: int
) -> Iterator[_Shard]:
    opportunity_parts = _partition(opportunities.account, shards)
    touch_parts = _partition(touches.account, shards)
    return itertools.starmap(_Shard, zip(opportunity_parts, touch_parts, strict=True))


def _partition(accounts: NDArray[np.int64], shards: int) -> list[NDArray[np.intp]]:
    """List the rows of each shard, in the order they come in."""
    if shards == 1:
        return [np.arange(len(accounts), dtype=np.intp)]
    spread = (accounts.view(np.uint64) * _SPREAD) >> np.uint64(64 - _SHARD_BITS)
    shard = ((spread * np.uint64(shards)) >> np.uint64(_SHARD_BITS)).astype(np.uint16)
    order = np.argsort(shard, kind="stable")
    ends = np.cumsum(np.bincount(shard, minlength=shards))
    return np.split(order, ends[:-1])


class Threads:
    """Map over threads in order, never further ahead of the reader than there are threads."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = futures.ThreadPoolExecutor(count, thread_name_prefix="attribution")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def map(self, compute: Callable[[_T], _R], items: Iterator[_T]) -> Iterator[_R]:
        if self._count == 1:
            yield from map(compute, items)
            return
        submitted = (self._pool.submit(compute, item) for item in items)
        running = deque(itertools.islice(submitted, self._count))
        while running:
            result = running.popleft().result()
            running.extend(itertools.islice(submitted, 1))
            yield result

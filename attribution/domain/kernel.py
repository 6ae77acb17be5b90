"""The attribution kernel: opportunities and touches in, credits to the minor unit out.

What is computed stands in `journey` (which touches count), `multitouch` (their weights) and
`credit` (the money). Here the work is cut into shards of whole accounts, small enough that sorts
and gathers stay in the processor's cache, and handed out batch by batch: what is held at a time is
one batch for each thread, whatever the number of shards. Neither the shards, nor the threads, nor
the order of the rows change a single unit: `credit.digest` over all batches is always the same.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from attribution.domain import credit, journey, multitouch

# About what the working columns of a shard need to stay within a few megabytes.
ROWS_PER_SHARD: Final = 65_536
MOST_SHARDS: Final = 65_536
MOST_THREADS: Final = 64

# Spreads account ids that have gaps of a fixed step (the fraction bits of the golden ratio).
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_SHARD_BITS: Final = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Hold the result for one shard of accounts.

    All rows count in the arrays that were given to `attribute`. `opportunity` lists the
    opportunities of the batch, `missing_amount` those of them whose amount is not given; the
    post-close pairs are touches after a close, which earn nothing.
    """

    opportunity: NDArray[np.int64]
    missing_amount: NDArray[np.int64]
    post_close_opportunity: NDArray[np.int64]
    post_close_touch: NDArray[np.int64]
    credits: Mapping[multitouch.Model, credit.Credits]


def attribute(
    opportunities: journey.Opportunities,
    touches: journey.Touches,
    *,
    models: Sequence[multitouch.Model],
    as_of: int,
    lookback_days: int | None = journey.DEFAULT_LOOKBACK_DAYS,
    shards: int | None = None,
    threads: int = 1,
) -> Generator[Batch, None, None]:
    """Divide every opportunity's amount by every model, one batch of whole accounts at a time.

    Every opportunity is in exactly one batch. Raises journey.LookbackUnusable.
    """
    journey.require_lookback(lookback_days)
    if shards is None:
        shards = -(-(len(opportunities) + len(touches)) // ROWS_PER_SHARD)
    shards = min(max(shards, 1), MOST_SHARDS)

    def compute(rows: _ShardRows) -> Batch:
        return _attribute_shard(
            opportunities, touches, rows, models=models, as_of=as_of, lookback_days=lookback_days
        )

    yield from _in_order(compute, _cut(opportunities, touches, shards), threads)


@dataclass(frozen=True, slots=True)
class _ShardRows:
    opportunity: NDArray[np.intp]
    touch: NDArray[np.intp]


def _attribute_shard(
    opportunities: journey.Opportunities,
    touches: journey.Touches,
    rows: _ShardRows,
    *,
    models: Sequence[multitouch.Model],
    as_of: int,
    lookback_days: int | None,
) -> Batch:
    own = opportunities.take(rows.opportunity)
    journeys = journey.match(
        own, touches.take(rows.touch), as_of=as_of, lookback_days=lookback_days
    )
    post_close_opportunity, post_close_touch = journeys.post_close()
    given = {model: credit.share(model, own, journeys) for model in models}
    return Batch(
        opportunity=rows.opportunity,
        missing_amount=rows.opportunity[~own.has_amount],
        post_close_opportunity=rows.opportunity[post_close_opportunity],
        post_close_touch=rows.touch[post_close_touch],
        credits=MappingProxyType({model: _renumber(given[model], rows) for model in models}),
    )


def _renumber(local: credit.Credits, rows: _ShardRows) -> credit.Credits:
    """Turn rows of a shard into rows of the whole."""
    return credit.Credits(
        model=local.model,
        opportunity=rows.opportunity[local.opportunity],
        touch=rows.touch[local.touch],
        weight=local.weight,
        weight_sum=local.weight_sum,
        amount_minor=local.amount_minor,
        unattributed=rows.opportunity[local.unattributed],
    )


def _cut(
    opportunities: journey.Opportunities, touches: journey.Touches, shards: int
) -> Iterator[_ShardRows]:
    opportunity_parts = _partition(opportunities.account, shards)
    touch_parts = _partition(touches.account, shards)
    return itertools.starmap(_ShardRows, zip(opportunity_parts, touch_parts, strict=True))


def _partition(accounts: NDArray[np.int64], shards: int) -> list[NDArray[np.intp]]:
    """List the rows of each shard, in the order they come in."""
    if shards == 1:
        return [np.arange(len(accounts), dtype=np.intp)]
    spread = (accounts.view(np.uint64) * _SPREAD) >> np.uint64(64 - _SHARD_BITS)
    shard = ((spread * np.uint64(shards)) >> np.uint64(_SHARD_BITS)).astype(np.uint16)
    order = np.argsort(shard, kind="stable")
    ends = np.cumsum(np.bincount(shard, minlength=shards))
    return np.split(order, ends[:-1])


def _in_order(
    compute: Callable[[_ShardRows], Batch], shard_rows: Iterator[_ShardRows], threads: int
) -> Iterator[Batch]:
    """Run shards on threads and give their batches in order.

    No more of them wait to be read than there are threads.
    """
    threads = min(max(threads, 1), MOST_THREADS)
    if threads == 1:
        yield from map(compute, shard_rows)
        return
    with futures.ThreadPoolExecutor(threads, thread_name_prefix="attribution") as pool:
        running = deque(
            pool.submit(compute, rows) for rows in itertools.islice(shard_rows, threads)
        )
        while running:
            batch = running.popleft().result()
            running.extend(pool.submit(compute, rows) for rows in itertools.islice(shard_rows, 1))
            yield batch

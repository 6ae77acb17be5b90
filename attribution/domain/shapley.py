"""Shapley values on conversion rates: what each channel adds to a set of channels.

The worth v(S) of a set of channels is the conversion rate of the journeys whose channels are
exactly S: won / (won + lost), and 0 where there is none. The won journeys of a set N are divided
over its channels by the Shapley value of the game on N, with exact factorial weights,

    value(c, N) = sum over S within N without c of
                  |S|! (|N| - |S| - 1)! / |N|! * (v(S + c) - v(S))

and since the values of N add up to v(N), value(c, N) / v(N) is the part of c in a won journey of N:

    share(c) = (sum over N of journeys(N) * value(c, N)) / won journeys

Sources: Shapley (1953); the worth is that of DP6's Marketing Attribution Models, which cuts sets
above a size. Here none is cut, and more than MOST_CHANNELS channels are refused.

A channel may lower the rate of those it joins, and its value is negative then. Credit of a positive
amount is never negative: such a channel is given 0, the others are scaled to add up to 1, and the
result says which ones. Journeys count once, whatever their amounts or repeats.

How. The weight of each v(S) depends on how many journeys have how large a set around S: one pass
over subsets for each size of N adds these up. Every sum has one sign, so that no digits cancel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gifting.domain import refusals

MOST_CHANNELS: Final = 16


class TooManyChannels(refusals.Invalid):
    code = "TOO_MANY_CHANNELS"


@dataclass(frozen=True, slots=True)
class Values:
    """Hold the share of each channel, its value before that, and which values were negative."""

    share: NDArray[np.float64]
    value: NDArray[np.float64]

    @property
    def is_negative(self) -> NDArray[np.bool_]:
        return self.value < 0


def values(
    channel: NDArray[np.int64],
    offsets: NDArray[np.int64],
    is_won: NDArray[np.bool_],
    *,
    channel_count: int,
) -> Values:
    """Value channels; journey i is channel[offsets[i]:offsets[i + 1]]. Raises TooManyChannels.

    The shares add up to 1, or are all 0 when no journey with a touch was won.
    """
    if channel_count > MOST_CHANNELS:
        raise TooManyChannels(
            f"Exact Shapley values of {channel_count:,} channels are out of reach, and no set is "
            f"cut. Give at most {MOST_CHANNELS} channels, or use linear_distinct_channels.",
            field="channel",
        )
    sets = _sets(channel, offsets)
    has_touches = sets > 0
    size = 1 << channel_count
    journeys = np.bincount(sets[has_touches], minlength=size).astype(np.float64)
    won = np.bincount(sets[has_touches & is_won], minlength=size).astype(np.float64)
    if not won.any():
        return Values(share=np.zeros(channel_count), value=np.zeros(channel_count))
    rate = np.divide(won, journeys, out=np.zeros(size), where=journeys > 0)
    value = _values(rate, np.where(won > 0, journeys, 0.0), channel_count) / won.sum()
    share = np.maximum(value, 0.0)
    return Values(share=share / share.sum(), value=value)


def _sets(channel: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each journey the set of its channels, as bits."""
    sets = np.zeros(len(offsets) - 1, dtype=np.int64)
    has_touches = np.diff(offsets) > 0
    if has_touches.any():
        sets[has_touches] = np.bitwise_or.reduceat(
            np.int64(1) << channel, offsets[:-1][has_touches]
        )
    return sets


def _values(
    rate: NDArray[np.float64], journeys: NDArray[np.float64], channel_count: int
) -> NDArray[np.float64]:
    """Sum value(c, N) over all journeys, for each c."""
    members = np.arange(len(rate), dtype=np.int64)
    sizes = np.zeros(len(rate), dtype=np.int64)
    for each in range(channel_count):
        sizes += (members >> each) & 1
    added = np.zeros(channel_count)
    taken = np.zeros(channel_count)
    for larger in range(1, channel_count + 1):
        around = _sums_of_supersets(np.where(sizes == larger, journeys, 0.0), channel_count)
        joins, stays = _factorials(larger)
        with_own = rate * joins[np.minimum(sizes, larger)] * around
        without = rate * stays[np.minimum(sizes, larger)]
        for each in range(channel_count):
            has_it = ((members >> each) & 1).astype(np.bool_)
            added[each] += with_own[has_it].sum()
            taken[each] += without[~has_it] @ around[members[~has_it] | (1 << each)]
    return added - taken


def _factorials(larger: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weigh v(S) by |S|, for a channel that is in S and for one that is not."""
    whole = math.factorial(larger)
    joins, stays = np.zeros(larger + 1), np.zeros(larger + 1)
    for size in range(larger + 1):
        if size:
            joins[size] = math.factorial(size - 1) * math.factorial(larger - size) / whole
        if size < larger:
            stays[size] = math.factorial(size) * math.factorial(larger - size - 1) / whole
    return joins, stays


def _sums_of_supersets(values: NDArray[np.float64], channel_count: int) -> NDArray[np.float64]:
    """Add to each set what all sets around it have, itself among them."""
    sums = values.copy()
    for each in range(channel_count):
        pairs = sums.reshape(-1, 2, 1 << each)
        pairs[:, 0, :] += pairs[:, 1, :]
    return sums

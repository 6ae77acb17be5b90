"""Random draws that stay the same for ever.

Only the raw bit stream of PCG64 is used, which NumPy promises not to change; every distribution is
made from it here. Each block and topic has a stream of its own, so that a switch which changes the
gifts leaves the deals as they were.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_DOUBLE_SHIFT: Final = 11
_DOUBLE_UNIT: Final = 2.0**-53


class Topic(IntEnum):
    ACCOUNTS = 1
    DEALS = 2
    OUTCOMES = 3
    HISTORIES = 4
    ARRIVALS = 5
    GIFTS = 6
    COSTS = 7
    DIGITAL = 8
    BUDGETS = 9


class Draws:
    """One stream of draws."""

    def __init__(self, *, seed: int, block: int, topic: Topic) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, block, int(topic)]))

    def uniform(self, count: int) -> Floats:
        """Draw from 0 up to, and without, 1."""
        raw: npt.NDArray[np.uint64] = self._bits.random_raw(count)
        return (raw >> np.uint64(_DOUBLE_SHIFT)).astype(np.float64) * _DOUBLE_UNIT

    def normal(self, count: int) -> Floats:
        """Draw from the standard normal distribution (Box and Muller)."""
        radius = np.sqrt(-2.0 * np.log(1.0 - self.uniform(count)))
        return np.asarray(radius * np.cos(2.0 * np.pi * self.uniform(count)), dtype=np.float64)

    def whole(self, count: int, least: int, most: int) -> Ints:
        """Draw whole numbers between two bounds, both included."""
        return least + np.floor(self.uniform(count) * (most - least + 1)).astype(np.int64)

    def choice(self, count: int, weights: tuple[float, ...]) -> Ints:
        """Draw indexes with these weights."""
        steps = np.cumsum(weights) / sum(weights)
        return np.searchsorted(steps[:-1], self.uniform(count), side="right").astype(np.int64)

    def chance(self, count: int, probability: float | Floats) -> Flags:
        """Draw yes with this probability."""
        return np.asarray(self.uniform(count) < probability, dtype=np.bool_)

    def poisson(self, mean: Floats, *, most: int) -> Ints:
        """Draw counts with these means, cut off at `most`."""
        luck = self.uniform(len(mean))
        found = np.zeros(len(mean), dtype=np.int64)
        term = np.exp(-mean)
        reached = term.copy()
        for count in range(1, most + 1):
            found += luck >= reached
            term = term * mean / count
            reached += term
        return found

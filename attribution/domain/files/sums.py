"""Sums: what each channel or campaign earned, in each currency, exactly.

Weights and credits are summed in whole numbers of two halves, so that neither order nor size costs
a digit. Amounts of two currencies are never added up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Halves of 26 bits of a million rows add up exactly in doubles, and so do halves of 32 bits.
_WEIGHT_BITS: Final = 52
_WEIGHT_HALF: Final = 26
_CREDIT_HALF: Final = 32
MOST_ROWS: Final = 1 << 20


@dataclass(slots=True)
class Sums:
    """Hold the sums of one model by key, which is a group and a currency."""

    key_count: int
    _weights: list[list[int]] = field(default_factory=list)
    _credits: list[list[int]] = field(default_factory=list)
    _rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _given: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        self._weights = [[0] * self.key_count for _ in range(2)]
        self._credits = [[0] * self.key_count for _ in range(2)]
        self._rows = np.zeros(self.key_count, dtype=np.int64)
        self._given = np.zeros(self.key_count, dtype=np.int64)

    def add(
        self,
        key: NDArray[np.int64],
        weight: NDArray[np.float64],
        credit_minor: NDArray[np.int64],
        is_given: NDArray[np.bool_],
    ) -> None:
        """Add rows; a credit that is not given adds nothing."""
        for first in range(0, len(key), MOST_ROWS):
            rows = slice(first, first + MOST_ROWS)
            self._add(key[rows], weight[rows], credit_minor[rows], is_given[rows])

    def _add(
        self,
        key: NDArray[np.int64],
        weight: NDArray[np.float64],
        credit_minor: NDArray[np.int64],
        is_given: NDArray[np.bool_],
    ) -> None:
        units = np.rint(weight * 2.0**_WEIGHT_BITS).astype(np.int64)
        minor = np.where(is_given, credit_minor, 0)
        self._rows += np.bincount(key, minlength=self.key_count)
        self._given += np.bincount(key[is_given], minlength=self.key_count)
        for totals, values, half in (
            (self._weights, units, _WEIGHT_HALF),
            (self._credits, minor, _CREDIT_HALF),
        ):
            for place, part in enumerate((values >> half, values & ((1 << half) - 1))):
                found = np.bincount(key, part.astype(np.float64), self.key_count)
                for each in np.flatnonzero(found).tolist():
                    totals[place][each] += int(found[each])

    def weight(self, key: int) -> Fraction:
        high, low = (half[key] for half in self._weights)
        return Fraction((high << _WEIGHT_HALF) + low, 1 << _WEIGHT_BITS)

    def credit_minor(self, key: int) -> int:
        high, low = (half[key] for half in self._credits)
        return (high << _CREDIT_HALF) + low

    def has_rows(self, key: int) -> bool:
        return bool(self._rows[key])

    def is_given(self, key: int) -> bool:
        """Say whether any amount stands behind a sum; nothing at all is 0, not unknown."""
        return bool(self._given[key]) or not self._rows[key]

"""Sorting and summing by small integer keys, exactly and in linear time.

Sorting is a radix sort over 16-bit digits, the one integer sort of NumPy that does not compare, so
its cost grows with the rows alone. Sums stay in integers: a sum in floating point depends on the
order of its rows above 2**53. A sum that does not fit in 64 bits is refused, never wrapped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from gifting.domain import money

_Scalar = TypeVar("_Scalar", bound=np.generic)

_DIGIT_BITS: Final = 16
_KEY_BITS: Final = 64
_LIMB_BITS: Final = 32
_LIMB_MASK: Final = 2**_LIMB_BITS - 1
# A sum of magnitudes below this, taken in floating point, cannot come near the ends of 64 bits.
_SURELY_FITS: Final = 2.0**62


def stable_order(
    keys: NDArray[np.uint64], order: NDArray[np.intp] | None = None
) -> NDArray[np.intp]:
    """Give the rows in the order of their keys; equal keys keep the order they come in."""
    bits = int(keys.max()).bit_length() if len(keys) else 0
    for shift in range(0, bits, _DIGIT_BITS):
        digit = (keys >> np.uint64(shift)).astype(np.uint16)
        if order is None:
            order = np.argsort(digit, kind="stable")
        else:
            order = order[np.argsort(digit[order], kind="stable")]
    return np.arange(len(keys), dtype=np.intp) if order is None else order


def stable_order_by_two(major: NDArray[np.uint64], minor: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Give the rows in the order of `major`, then of `minor`, then as they come."""
    if not len(major):
        return np.arange(0, dtype=np.intp)
    minor_bits = int(minor.max()).bit_length()
    if int(major.max()).bit_length() + minor_bits <= _KEY_BITS:
        # One key has fewer digits than two.
        return stable_order((major << np.uint64(minor_bits)) | minor)
    return stable_order(major, stable_order(minor))


@dataclass(frozen=True)
class Segments:
    """Hold where segments of rows start and end, and what is asked of them again and again."""

    offsets: NDArray[np.int64]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """Give each row the number of its segment."""
        return self.spread(np.arange(len(self.counts), dtype=np.int64))

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """Give each row the first row of its segment."""
        return self.spread(self.offsets[:-1])

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """Give each row its place in its segment, from 0."""
        return np.arange(len(self.first), dtype=np.int64) - self.first

    def spread(self, values: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """Give each row the value of its segment; many times faster than by the row's number."""
        return np.repeat(values, self.counts)


def segment_sums(values: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum values[offsets[i]:offsets[i + 1]] for each i; a sum itself has to fit in 64 bits.

    The running total may wrap on the way: differences modulo 2**64 are right all the same.
    """
    running = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=running[1:])
    return running[offsets[1:]] - running[offsets[:-1]]


def segment_counts(marks: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count what is marked in each segment."""
    running = np.zeros(len(marks) + 1, dtype=np.int64)
    np.cumsum(marks, out=running[1:])
    return running[offsets[1:]] - running[offsets[:-1]]


def counts_to_offsets(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn the sizes of segments into the places where they start, and the end of the last."""
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def sum_by(
    keys: NDArray[np.integer], amounts_minor: NDArray[np.int64], group_count: int
) -> NDArray[np.int64]:
    """Sum the amounts of each key from 0 to `group_count` - 1; raises AmountOutOfRange."""
    if float(np.abs(amounts_minor.astype(np.float64)).sum()) < _SURELY_FITS:
        return _add_by(keys, amounts_minor, group_count)
    high = _add_by(keys, amounts_minor >> _LIMB_BITS, group_count)
    low = _add_by(keys, amounts_minor & _LIMB_MASK, group_count)
    high += low >> _LIMB_BITS
    if len(high) and (high.max() >= 2 ** (_LIMB_BITS - 1) or high.min() < -(2 ** (_LIMB_BITS - 1))):
        raise money.AmountOutOfRange(
            "A sum of credits does not fit in 64 bits of minor units. Look for an opportunity with "
            "a wrong amount.",
            field="amount",
        )
    return (high << _LIMB_BITS) | (low & _LIMB_MASK)


def exact_total(amounts_minor: NDArray[np.int64]) -> int:
    """Sum all amounts without a limit."""
    high = int((amounts_minor >> _LIMB_BITS).sum())
    low = int((amounts_minor & _LIMB_MASK).sum())
    return (high << _LIMB_BITS) + low


def _add_by(
    keys: NDArray[np.integer], values: NDArray[np.int64], group_count: int
) -> NDArray[np.int64]:
    sums = np.zeros(group_count, dtype=np.int64)
    np.add.at(sums, keys, values)
    return sums

"""Sorting and summing by integer keys at the edge of 64 bits."""

from __future__ import annotations

import numpy as np
import pytest

from attribution.domain import grouping
from gifting.domain import money

MAX = 2**63 - 1


@pytest.mark.parametrize(("major_bits", "minor_bits"), [(14, 50), (15, 50), (64, 64), (1, 1)])
def test_two_keys_sort_whether_or_not_they_fit_in_one(major_bits: int, minor_bits: int) -> None:
    """The first row has the largest minor key and half the major one, so it stays first.

    Were the highest bit of the major key lost, it would tie with the largest and come last.
    """
    top_major, top_minor = 2**major_bits - 1, 2**minor_bits - 1
    major = np.array([top_major // 2, top_major, top_major - 1, top_major], dtype=np.uint64)
    minor = np.array([top_minor, 1, 0, 0], dtype=np.uint64)

    order = grouping.stable_order_by_two(major, minor)

    expected = sorted(range(4), key=lambda row: (int(major[row]), int(minor[row])))
    assert order.tolist() == expected


def test_equal_keys_keep_their_order() -> None:
    order = grouping.stable_order(np.array([1, 0, 1, 0], dtype=np.uint64))

    assert order.tolist() == [1, 3, 0, 2]


def test_sums_above_the_reach_of_floating_point_are_exact() -> None:
    """2**53 + 1 is the first whole number that a float cannot hold."""
    keys = np.array([0, 0, 1], dtype=np.uint16)

    sums = grouping.sum_by(keys, np.array([2**53, 1, -7]), 3)

    assert sums.tolist() == [2**53 + 1, -7, 0]


def test_sums_reach_the_ends_of_64_bits_but_never_pass_them() -> None:
    keys = np.array([0, 0, 1, 1], dtype=np.uint16)

    sums = grouping.sum_by(keys, np.array([MAX - 1, 1, -MAX, -1]), 2)

    assert sums.tolist() == [MAX, -MAX - 1]
    with pytest.raises(money.AmountOutOfRange, match="does not fit in 64 bits"):
        grouping.sum_by(keys, np.array([MAX, 1, 0, 0]), 2)
    with pytest.raises(money.AmountOutOfRange, match="does not fit in 64 bits"):
        grouping.sum_by(keys, np.array([0, 0, -MAX, -2]), 2)


def test_a_total_has_no_limit() -> None:
    assert grouping.exact_total(np.array([MAX, MAX, -1])) == 2 * MAX - 1


def test_segments_may_be_empty_and_a_running_total_may_wrap() -> None:
    values = np.array([MAX, -5, MAX])

    sums = grouping.segment_sums(values, np.array([0, 1, 1, 2, 3]))

    assert sums.tolist() == [MAX, 0, -5, MAX]

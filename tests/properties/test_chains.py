"""Markov and Shapley equal exact fractions to 1e-12, on random journeys in any order."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from attribution.domain import grouping, markov, shapley
from tests.properties import chain_oracle as oracle

CHANNELS = 4
NEAR = 1e-12

paths = st.lists(
    st.tuples(
        st.lists(st.integers(0, CHANNELS - 1), max_size=6).map(tuple),
        st.booleans(),
    ),
    max_size=12,
)


def columns(
    rows: Sequence[tuple[oracle.Path, bool]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.array([channel for path, _ in rows for channel in path], dtype=np.int64),
        grouping.counts_to_offsets(np.array([len(path) for path, _ in rows], dtype=np.int64)),
        np.array([is_won for _, is_won in rows], dtype=np.bool_),
    )


@hypothesis.given(rows=paths, data=st.data())
@pytest.mark.parametrize("order", [1, 2, 3])
@hypothesis.settings(max_examples=30)
def test_removal_effects_equal_the_solved_fractions(
    rows: list[tuple[oracle.Path, bool]], order: int, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(rows))

    found = markov.shares(*columns(shuffled), channel_count=CHANNELS, order=order)

    expected = [float(share) for share in oracle.markov(rows, CHANNELS, order)]
    assert found.tolist() == pytest.approx(expected, rel=0, abs=NEAR)
    assert found.min() >= 0


@hypothesis.given(rows=paths, data=st.data())
@hypothesis.settings(max_examples=60)
def test_shapley_values_equal_the_sums_over_all_subsets(
    rows: list[tuple[oracle.Path, bool]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(rows))

    found = shapley.values(*columns(shuffled), channel_count=CHANNELS)

    exact = oracle.shapley(rows, CHANNELS)
    positive = [max(value, Fraction(0)) for value in exact]
    assert found.value.tolist() == pytest.approx([float(each) for each in exact], rel=0, abs=NEAR)
    assert found.share.tolist() == pytest.approx(
        [float(each / sum(positive)) if any(positive) else 0.0 for each in positive],
        rel=0,
        abs=NEAR,
    )

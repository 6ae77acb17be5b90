"""Markov, Shapley and influence: examples worked by hand, limits, and what is refused."""

from __future__ import annotations

import time

import numpy as np
import pytest

from attribution.domain import influence, markov, shapley
from tests.properties.test_chains import columns
from tests.unit.attribution_rows import case, deals, touches

A, B = 0, 1


def test_removal_effects_worked_by_hand() -> None:
    """Two journeys A, B were won, one A and one B were lost.

    From the start 3 of 4 go to A and 1 of 4 to B. From A 2 of 3 go to B; from B 2 of 3 convert. So
    p(B) = 2/3, p(A) = 4/9, p = 3/4 * 4/9 + 1/4 * 2/3 = 1/2. Without A: 1/4 * 2/3 = 1/6, an effect
    of 2/3. Without B: 0, an effect of 1. The shares are 2/5 and 3/5.
    """
    rows = [((A, B), True), ((A, B), True), ((A,), False), ((B,), False)]

    effects = markov.removal_effects(*columns(rows), channel_count=2)
    shares = markov.shares(*columns(rows), channel_count=2)

    assert effects.tolist() == pytest.approx([2 / 3, 1], abs=1e-15)
    assert shares.tolist() == pytest.approx([0.4, 0.6], abs=1e-15)


def test_a_higher_order_remembers_the_channel_before() -> None:
    """A, B is won, B alone and B, B are lost: at order 1 B alone converts a quarter of the time.

    At order 2 only A, B converts: both are needed, so both have the effect 1 and half the share.
    """
    rows = [((A, B), True), ((B,), False), ((B, B), False)]

    first = markov.removal_effects(*columns(rows), channel_count=2, order=1)
    second = markov.removal_effects(*columns(rows), channel_count=2, order=2)

    # Start: 1/3 to A, 2/3 to B. p(B) = (1/4) / (3/4) = 1/3 = p(A) = p. Without A: 2/9, effect 1/3.
    assert first.tolist() == pytest.approx([1 / 3, 1], abs=1e-15)
    assert second.tolist() == pytest.approx([1, 1], abs=1e-15)


def test_a_repeated_channel_changes_nothing_at_order_one() -> None:
    once = [((A, B), True), ((A,), False)]
    repeated = [((A, A, B, B), True), ((A, A, A), False)]

    assert markov.shares(*columns(repeated), channel_count=2).tolist() == pytest.approx(
        markov.shares(*columns(once), channel_count=2).tolist(), abs=1e-14
    )


def test_channels_that_no_journey_has_get_nothing() -> None:
    shares = markov.shares(*columns([((2,), True)]), channel_count=4)

    assert shares.tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("rows", [[], [((), True)], [((A,), False)]])
def test_nothing_won_gives_no_share(rows: list[tuple[tuple[int, ...], bool]]) -> None:
    assert markov.shares(*columns(rows), channel_count=2).tolist() == [0, 0]
    assert shapley.values(*columns(rows), channel_count=2).share.tolist() == [0, 0]


@pytest.mark.parametrize("order", [0, 4])
def test_an_order_out_of_reach_is_refused(order: int) -> None:
    with pytest.raises(markov.OrderUnusable, match="1 to 3"):
        markov.shares(*columns([((A,), True)]), channel_count=1, order=order)


def test_a_chain_with_too_many_states_is_refused() -> None:
    rows = [((n,), True) for n in range(markov.MOST_STATES + 1)]

    with pytest.raises(markov.TooManyStates, match="4,097 states"):
        markov.shares(*columns(rows), channel_count=len(rows))


def test_shapley_values_worked_by_hand() -> None:
    """v(A) = 1/2 of 2 journeys, v(B) = 0 of 1, v(AB) = 1 of 1: two are won.

    In AB, A adds (1/2 + 1) / 2 = 3/4 and B adds (0 + 1/2) / 2 = 1/4. The won journey of A is A's.
    """
    rows = [((A,), True), ((A,), False), ((B,), False), ((B, A, B), True)]

    found = shapley.values(*columns(rows), channel_count=2)

    assert found.share.tolist() == pytest.approx([0.875, 0.125], abs=1e-15)
    assert not found.is_negative.any()


def test_a_channel_that_lowers_the_rate_gets_nothing_and_is_named() -> None:
    """v(A) = 1 of 1, v(B) = 0 of 2, v(AB) = 1/2 of 2: two are won.

    In AB, A adds (1 + 1/2) / 2 = 3/4 and B adds (0 - 1/2) / 2 = -1/4, twice. A: (1 + 3/2) / 2.
    """
    rows = [((A,), True), ((B,), False), ((B,), False), ((A, B), True), ((A, B), False)]

    found = shapley.values(*columns(rows), channel_count=2)

    assert found.value.tolist() == pytest.approx([1.25, -0.25], abs=1e-15)
    assert (found.share.tolist(), found.is_negative.tolist()) == ([1, 0], [False, True])


def test_shapley_takes_as_many_channels_as_it_states_and_no_more() -> None:
    most = tuple(range(shapley.MOST_CHANNELS))
    rows = [(most, True), *(((each,), False) for each in most)]

    started = time.process_time()
    found = shapley.values(*columns(rows), channel_count=len(most))

    assert found.share.tolist() == pytest.approx([1 / len(most)] * len(most), abs=1e-15)
    assert time.process_time() - started < 5
    with pytest.raises(shapley.TooManyChannels, match="17 channels"):
        shapley.values(*columns([((0,), True)]), channel_count=17)


def test_influence_counts_every_deal_once_for_each_campaign() -> None:
    """Deal 1 (10.00) has campaigns 0, 0 and 1; deal 2 (no amount) has 1; deal 3 has none."""
    given = case(
        deals((1, 7, 60, 1000), (2, 8, 60, None), (3, 9, 60, 500)),
        touches((1, 7, 10), (2, 7, 20), (3, 7, 30), (4, 8, 10), (5, 9, 10)),
    )

    found = influence.of_groups(given, np.array([0, 0, 1, 1, -1]), group_count=3)

    assert found.amount_minor.tolist() == [1000, 1000, 0]
    assert found.opportunity_count.tolist() == [1, 2, 0]
    assert found.missing_amount_count.tolist() == [0, 1, 0]
    assert influence.IS_ADDITIVE is False
    assert "must not be added up" in influence.LABEL

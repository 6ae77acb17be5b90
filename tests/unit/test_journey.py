"""Journeys: the edges of the window, ties, shared touches and what is refused."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from attribution.domain import journey
from tests.unit.attribution_rows import DAY, deals, touches

AS_OF = 1000 * DAY


def journeys_of(
    opportunities: journey.Opportunities,
    touch_rows: journey.Touches,
    lookback_days: int | None = None,
) -> list[list[int]]:
    """Give the ids of the touches of each journey."""
    found = journey.match(
        opportunities, touch_rows, as_of=AS_OF, lookback_days=lookback_days
    ).journeys()
    ids = touch_rows.id[found.touch].tolist()
    offsets = found.offsets.tolist()
    return [ids[start:stop] for start, stop in itertools.pairwise(offsets)]


def test_both_ends_of_the_lookback_count() -> None:
    """Close on day 200, look-back 180 days: days 20 to 200 are in, 19 and 201 are out."""
    rows = touches((1, 7, 19), (2, 7, 20), (3, 7, 100), (4, 7, 200), (5, 7, 201))

    assert journeys_of(deals((1, 7, 200, 100)), rows, 180) == [[2, 3, 4]]


def test_one_microsecond_beyond_either_end_does_not() -> None:
    rows = touches((1, 7, 20), (2, 7, 200))
    nudged = dataclasses.replace(rows, occurred_at=rows.occurred_at + np.array([-1, 1]))

    assert journeys_of(deals((1, 7, 200, 100)), nudged, 180) == [[]]


def test_a_lookback_of_zero_days_leaves_the_instant_of_the_close() -> None:
    rows = touches((1, 7, 199), (2, 7, 200))

    assert journeys_of(deals((1, 7, 200, 100)), rows, 0) == [[2]]


def test_no_lookback_reaches_back_to_the_first_touch() -> None:
    rows = touches((1, 7, -20_000), (2, 7, 200))

    assert journeys_of(deals((1, 7, 200, 100)), rows, None) == [[1, 2]]


def test_an_open_opportunity_is_seen_as_of_the_run() -> None:
    rows = touches((1, 7, 819), (2, 7, 820), (3, 7, 1000), (4, 7, 1001))

    assert journeys_of(deals((1, 7, None, 100)), rows, 180) == [[2, 3]]


def test_ties_in_time_go_by_the_id_whatever_the_order_of_rows() -> None:
    rows = touches((9, 7, 5), (3, 7, 5), (4, 7, 1), (1, 7, 9))

    assert journeys_of(deals((1, 7, 10, 100)), rows) == [[4, 3, 9, 1]]


def test_several_opportunities_of_an_account_share_its_touches() -> None:
    """A second deal sees the touches of the first again, and those after the first close."""
    opportunities = deals((1, 7, 10, 100), (2, 7, 20, 100), (3, 8, 20, 100))
    rows = touches((1, 7, 5), (2, 7, 15), (3, 9, 5))

    assert journeys_of(opportunities, rows) == [[1], [1, 2], []]


def test_touches_after_a_close_are_listed_apart() -> None:
    opportunities = deals((1, 7, 10, 100), (2, 7, None, 100), (3, 8, 10, 100))
    rows = touches((1, 7, 5), (2, 7, 11), (3, 7, 10), (4, 8, 12), (5, 9, 12))

    found = journey.match(opportunities, rows, as_of=AS_OF, lookback_days=None)
    opportunity, touch = found.post_close()

    assert list(zip(opportunity.tolist(), rows.id[touch].tolist(), strict=True)) == [
        (0, 2),
        (2, 4),
    ]


def test_accounts_and_times_as_far_apart_as_they_can_be_still_sort() -> None:
    far = 2**62 - 1
    opportunities = dataclasses.replace(
        deals((1, -(2**63), 0, 100), (2, 2**63 - 1, 0, 100)), closed_at=np.array([far, far])
    )
    rows = dataclasses.replace(
        touches((1, 2**63 - 1, 0), (2, -(2**63), 0), (3, 2**63 - 1, 0)),
        occurred_at=np.array([far, -far, -far]),
    )

    assert journeys_of(opportunities, rows) == [[2], [3, 1]]


def test_nothing_gives_nothing() -> None:
    assert journeys_of(deals(), touches()) == []
    assert journeys_of(deals((1, 7, 10, 100)), touches()) == [[]]
    assert journeys_of(deals(), touches((1, 7, 5))) == []


@pytest.mark.parametrize("lookback_days", [-1, 36_526, 10**12])
def test_a_lookback_that_is_no_number_of_days_is_refused(lookback_days: int) -> None:
    with pytest.raises(journey.LookbackUnusable) as refused:
        journey.require_lookback(lookback_days)

    assert (refused.value.code, refused.value.field) == ("LOOKBACK_UNUSABLE", "lookback_days")


def test_columns_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="columns of Touches differ in length"):
        dataclasses.replace(touches((1, 7, 5)), id=np.array([1, 2]))


@pytest.mark.parametrize("kind", [">i8", "i4", "f8"])
def test_columns_of_other_types_are_an_error(kind: str) -> None:
    with pytest.raises(TypeError, match=r"Touches\.id is"):
        dataclasses.replace(touches((1, 7, 5)), id=np.array([1], dtype=kind))


def test_times_that_could_overflow_are_an_error() -> None:
    rows = dataclasses.replace(touches((1, 7, 5)), occurred_at=np.array([2**62]))

    with pytest.raises(ValueError, match="too far off"):
        journeys_of(deals((1, 7, 10, 100)), rows)

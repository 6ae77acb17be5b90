"""Credit: golden examples worked by hand, amounts at the edge of 64 bits, and the digest."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from attribution.domain import credit, journey, milestones, multitouch
from attribution.domain.multitouch import Model
from tests.unit.attribution_rows import case, deals, touches

MAX = 2**63 - 1
SETTINGS = multitouch.Settings(
    custom=milestones.custom(milestones=[(milestones.Milestone.FIRST, 100)])
)
# The opportunities of these tests name no primary campaign.
MODELS = tuple(model for model in Model if model is not Model.PRIMARY_CAMPAIGN_SOURCE)


def shared(
    model: Model, opportunities: journey.Opportunities, rows: journey.Touches
) -> credit.Credits:
    return credit.share(model, case(opportunities, rows, settings=SETTINGS))


def allocated(amount_minor: int, *weights: int) -> list[int]:
    credits_minor = credit.allocate(
        np.array([amount_minor]), np.array(weights, dtype=np.int64), np.array([0, len(weights)])
    )
    return [int(part) for part in credits_minor]


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        (Model.FIRST_TOUCH, [(0, 0, 1, 1, 1000), (1, 0, 1, 1, -50)]),
        (Model.LAST_TOUCH, [(0, 2, 1, 1, 1000), (1, 3, 1, 1, -50)]),
        (
            Model.LINEAR,
            [
                (0, 0, 1, 3, 334),
                (0, 1, 1, 3, 333),
                (0, 2, 1, 3, 333),
                (1, 0, 1, 4, -13),
                (1, 1, 1, 4, -13),
                (1, 2, 1, 4, -12),
                (1, 3, 1, 4, -12),
            ],
        ),
    ],
)
def test_two_deals_of_one_account_worked_by_hand(
    model: Model, rows: list[tuple[int, int, int, int, int]]
) -> None:
    """Deal 1 closes on day 10 with 10.00, deal 2 on day 20 with -0.50.

    The touches are on days 1, 4, 10 and 15. Deal 1 has three touches: 1000 / 3 = 333 each, the unit
    left over goes to the first. Deal 2 has four: 50 / 4 = 12 each, the two left over go to the
    first two, and all are negative.
    """
    opportunities = deals((1, 7, 10, 1000), (2, 7, 20, -50))
    touch_rows = touches((1, 7, 1), (2, 7, 4), (3, 7, 10), (4, 7, 15))

    given = shared(model, opportunities, touch_rows)

    columns = (given.opportunity, given.touch, given.weight, given.weight_sum, given.amount_minor)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == rows
    assert given.unattributed.tolist() == []
    assert len(given) == len(rows)


def test_a_deal_without_touches_is_unattributed() -> None:
    opportunities = deals((1, 7, 10, 1000), (2, 8, 10, 300))

    given = shared(Model.LINEAR, opportunities, touches((1, 8, 5)))

    assert given.unattributed.tolist() == [0]
    assert (given.opportunity.tolist(), given.amount_minor.tolist()) == ([1], [300])


@pytest.mark.parametrize("model", MODELS)
def test_a_missing_amount_keeps_its_touches_and_counts_as_nothing(model: Model) -> None:
    opportunities = deals((1, 7, 10, None))
    tainted = dataclasses.replace(opportunities, amount_minor=np.array([999]))

    given = shared(model, tainted, touches((1, 7, 5)))

    assert (given.touch.tolist(), given.amount_minor.tolist()) == ([0], [0])


@pytest.mark.parametrize(
    ("amount_minor", "weights", "credits_minor"),
    [
        # 100 over 40:20:40 is exact; 101 leaves 0.4, 0.2, 0.4 and the unit goes to the earlier tie.
        (100, (40, 20, 40), [40, 20, 40]),
        (101, (40, 20, 40), [41, 20, 40]),
        (-101, (40, 20, 40), [-41, -20, -40]),
        # 10 over 1:1:4 is 1.67, 1.67, 6.67: two units for three equal remainders.
        (10, (1, 1, 4), [2, 2, 6]),
        # 7 over 1:2:3 is 1.17, 2.33, 3.5: one unit, to the largest.
        (7, (1, 2, 3), [1, 2, 4]),
        (0, (5, 3), [0, 0]),
        (1, (1,), [1]),
        (MAX, (1, 1), [2**62, 2**62 - 1]),
        (-MAX - 1, (1, 1), [-(2**62), -(2**62)]),
        (-MAX - 1, (7,), [-MAX - 1]),
        # Around the amount from which Python divides, and the largest sum of weights.
        (2**50 - 1, (1, 2), [375299968947541, 750599937895082]),
        (2**50, (1, 2), [375299968947541, 750599937895083]),
        (2**50 - 1, (2**60, 2**60), [2**49, 2**49 - 1]),
        (2**50 - 1, (2**61, 2**61), [2**49, 2**49 - 1]),
        (2**50 - 1, (1, 2**61 - 1), [0, 2**50 - 1]),
        # MAX * (2**32 - 1) needs 95 bits.
        (MAX, (2**32 - 1, 1), [MAX - 2**31, 2**31]),
        (-MAX, (1, 2**32 - 1), [-(2**31), 2**31 - MAX]),
    ],
)
def test_amounts_divide_as_worked_by_hand(
    amount_minor: int, weights: tuple[int, ...], credits_minor: list[int]
) -> None:
    """The last two: MAX / 2**32 is 2**31 less 2**-32, so its floor is 2**31 - 1.

    The other share is MAX - 2**31 + 2**-32. The remainders are 1 - 2**-32 and 2**-32, so the unit
    left over goes to the small weight.
    """
    assert allocated(amount_minor, *weights) == credits_minor


def test_only_the_deals_that_need_it_leave_the_fast_path() -> None:
    amounts_minor = np.array([MAX, 10, -7])
    weight = np.array([2**31, 2**31, 1, 1, 4, 1, 2, 3])

    credits_minor = credit.allocate(amounts_minor, weight, np.array([0, 2, 5, 8]))

    assert credits_minor.tolist() == [2**62, 2**62 - 1, 2, 2, 6, -1, -2, -4]


def test_a_deal_between_others_may_have_no_touches() -> None:
    credits_minor = credit.allocate(
        np.array([5, 99, 7]), np.array([1, 1, 1, 2]), np.array([0, 2, 2, 4])
    )

    assert credits_minor.tolist() == [3, 2, 2, 5]


def test_the_inputs_are_left_as_they_were() -> None:
    amounts_minor = np.array([-5])
    weight = np.array([1, 1])

    credit.allocate(amounts_minor, weight, np.array([0, 2]))

    assert (amounts_minor.tolist(), weight.tolist()) == ([-5], [1, 1])


def test_the_digest_is_pinned() -> None:
    """Stored runs are compared by it, so it may change only together with every rule's version.

    The figures were worked out in Python's integers: each row is its columns (ids, weights, amount)
    times the odd constants plus the CRC-32 of the model's name, mixed as SplitMix64 does; rows add
    up modulo 2**64. Deal 12 has no touch: it is a row with touch -1 and no weights.
    """
    opportunities = deals((11, 7, 10, 1000), (12, 8, 20, -50))
    rows = touches((21, 7, 1), (22, 7, 4))

    digests = {
        model: credit.digest(shared(model, opportunities, rows), opportunities, rows)
        for model in multitouch.STANDARD
    }

    assert digests == {
        Model.FIRST_TOUCH: 10363773215572229023,
        Model.LAST_TOUCH: 18162826274051373883,
        Model.LINEAR: 11890710030672516049,
    }


@pytest.mark.parametrize("column", ["weight", "weight_sum", "amount_minor"])
def test_the_digest_sees_every_column(column: str) -> None:
    opportunities, rows = deals((11, 7, 10, 1000)), touches((21, 7, 1), (22, 7, 4))
    given = shared(Model.LINEAR, opportunities, rows)
    changed = dataclasses.replace(given, **{column: getattr(given, column) + np.array([0, 1])})

    assert credit.digest(changed, opportunities, rows) != credit.digest(given, opportunities, rows)


def test_the_digest_sees_ids_and_unattributed_amounts() -> None:
    opportunities, rows = deals((11, 7, 10, 1000)), touches((21, 7, 1))
    given = shared(Model.LINEAR, opportunities, rows)
    nothing_given = shared(Model.LINEAR, opportunities, touches())

    digests = {
        credit.digest(given, opportunities, rows),
        credit.digest(given, dataclasses.replace(opportunities, id=np.array([12])), rows),
        credit.digest(given, opportunities, dataclasses.replace(rows, id=np.array([22]))),
        credit.digest(nothing_given, opportunities, touches()),
        credit.digest(nothing_given, deals((11, 7, 10, 1001)), touches()),
        credit.digest(dataclasses.replace(given, model=Model.FIRST_TOUCH), opportunities, rows),
    }

    assert len(digests) == 6


@pytest.mark.parametrize("model", Model)
def test_every_model_states_its_rule(model: Model) -> None:
    rule = multitouch.RULES[model]

    assert rule.version == 1
    assert rule.default_lookback_days in {None, 180}
    assert rule.title
    assert rule.formula

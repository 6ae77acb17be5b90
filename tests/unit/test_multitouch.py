"""Models: one journey worked by hand for each, and the cases in which they differ."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from attribution.domain import credit, decay, journey, milestones, multitouch
from attribution.domain.multitouch import Model
from tests.properties import attribution_oracle as oracle
from tests.unit.attribution_rows import DAY, case, deals, touches

WHOLE = Fraction(1)


def shares(model: Model, given: multitouch.Case, *, opportunity: int = 0) -> dict[int, Fraction]:
    """Map each touch of an opportunity to its part."""
    found = credit.share(model, given)
    return {
        int(given.touches.id[touch]): Fraction(weight, whole)
        for owner, touch, weight, whole in zip(
            found.opportunity.tolist(),
            found.touch.tolist(),
            found.weight.tolist(),
            found.weight_sum.tolist(),
            strict=True,
        )
        if owner == opportunity
    }


def in_thousandths(model: Model, given: multitouch.Case) -> list[Fraction]:
    """List the parts of touches 1, 2, 3 and so on, in thousandths."""
    found = shares(model, given)
    return [1000 * found.get(touch, Fraction(0)) for touch in given.touches.id.tolist()]


def five_touches() -> multitouch.Case:
    """Touches on days 10, 20, 30, 40, 50; lead on day 25, opportunity on day 40, close on day 60.

    So touch 1 is the first, 2 made the lead, 4 the opportunity and 5 the close; 3 is between.
    """
    return case(
        deals((1, 7, 60, 1000), opened=[40], lead=[25], campaign=[9]),
        touches(
            (1, 7, 10), (2, 7, 20), (3, 7, 30), (4, 7, 40), (5, 7, 50),
            channel=[0, 1, 1, 0, 1],
            campaign=[8, 9, 9, -1, 8],
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "thousandths"),
    [
        (Model.FIRST_TOUCH, [1000, 0, 0, 0, 0]),
        (Model.LAST_TOUCH, [0, 0, 0, 0, 1000]),
        (Model.LEAD_CREATION, [0, 1000, 0, 0, 0]),
        (Model.LINEAR, [200, 200, 200, 200, 200]),
        # Two channels earn 500 each: one over its 2 touches, the other over its 3.
        (
            Model.LINEAR_DISTINCT_CHANNELS,
            [250, Fraction(500, 3), Fraction(500, 3), 250, Fraction(500, 3)],
        ),
        (Model.U_SHAPED, [400, Fraction(200, 3), Fraction(200, 3), Fraction(200, 3), 400]),
        (Model.U_HUBSPOT, [400, 400, Fraction(200, 3), Fraction(200, 3), Fraction(200, 3)]),
        (Model.U_ADOBE, [500, 500, 0, 0, 0]),
        (Model.W_SHAPED, [300, 300, 50, 300, 50]),
        (Model.FULL_PATH, [225, 225, 100, 225, 225]),
        (Model.J_SHAPED, [200, Fraction(200, 3), Fraction(200, 3), Fraction(200, 3), 600]),
        (Model.INVERSE_J, [600, Fraction(200, 3), Fraction(200, 3), Fraction(200, 3), 200]),
        # Ages of 50, 40, 30, 20, 10 days are 7, 5, 4, 2, 1 whole weeks: 1, 4, 8, 32, 64 of 109.
        (
            Model.TIME_DECAY_STEP,
            [Fraction(1000 * part, 109) for part in (1, 4, 8, 32, 64)],
        ),
        (Model.PRIMARY_CAMPAIGN_SOURCE, [0, 1000, 0, 0, 0]),
    ],
)  # fmt: skip
def test_five_touches_are_shared_as_worked_by_hand(
    model: Model, thousandths: list[Fraction | int]
) -> None:
    assert in_thousandths(model, five_touches()) == thousandths


def test_a_touch_one_half_life_younger_earns_twice_as_much() -> None:
    """Ages of 40, 30 and 20 days at a half-life of 10 days: 1, 2 and 4 of 7."""
    given = case(
        deals((1, 7, 60, 700)),
        touches((1, 7, 20), (2, 7, 30), (3, 7, 40)),
        settings=multitouch.Settings(half_life=10 * DAY),
    )

    assert shares(Model.TIME_DECAY, given) == {
        1: Fraction(1, 7),
        2: Fraction(2, 7),
        3: Fraction(4, 7),
    }
    assert credit.share(Model.TIME_DECAY, given).amount_minor.tolist() == [100, 200, 400]


def test_decay_is_good_to_a_billionth_over_three_thousand_touches() -> None:
    path = [oracle.Touch(n, 7, n * n * DAY // 977) for n in range(1, 3001)]
    given = case(
        deals((1, 7, 10_000, 100)),
        touches(*((touch.id, 7, 0) for touch in path)),
        as_of=10_000 * DAY,
        lookback_days=None,
    )
    given.touches.occurred_at[:] = [touch.occurred_at for touch in path]

    found = shares(Model.TIME_DECAY, given)

    expected = oracle.real_decay(path, 30 * DAY)
    worst = max(
        abs(Decimal(found[touch.id].numerator) / found[touch.id].denominator - share)
        for touch, share in zip(path, expected, strict=True)
    )
    assert worst < Decimal("1e-12")
    assert len(found) == 3000


def test_a_touch_far_older_than_all_others_still_has_a_row() -> None:
    given = case(deals((1, 7, 9000, 100)), touches((1, 7, 0), (2, 7, 9000)), lookback_days=None)

    for model in (Model.TIME_DECAY, Model.TIME_DECAY_STEP):
        assert credit.share(model, given).weight.tolist() == [1, 2**decay.SCALE_BITS]


@pytest.mark.parametrize(
    "model",
    [model for model in Model if model not in {Model.CUSTOM, Model.PRIMARY_CAMPAIGN_SOURCE}],
)
def test_a_single_touch_earns_everything(model: Model) -> None:
    given = case(deals((1, 7, 60, 1000), opened=[20], lead=[15]), touches((1, 7, 10)))

    assert shares(model, given) == {1: WHOLE}


@pytest.mark.parametrize(
    ("model", "thousandths"),
    [
        (Model.U_SHAPED, [500, 500]),
        (Model.J_SHAPED, [300, 700]),
        (Model.INVERSE_J, [700, 300]),
        # The lead came from the second touch, and so did the opportunity and the close.
        (Model.U_HUBSPOT, [500, 500]),
        (Model.W_SHAPED, [Fraction(1000, 3), Fraction(2000, 3)]),
        (Model.FULL_PATH, [250, 750]),
    ],
)
def test_two_touches_share_the_middle_evenly_by_milestone(
    model: Model, thousandths: list[Fraction | int]
) -> None:
    given = case(deals((1, 7, 60, 1000), opened=[50], lead=[45]), touches((1, 7, 10), (2, 7, 40)))

    assert in_thousandths(model, given) == thousandths


@pytest.mark.parametrize(
    ("model", "lead", "opened", "thousandths"),
    [
        # No lead: its 30 go to the first touch and to the opportunity's, 45 each.
        (Model.W_SHAPED, None, 30, [450, 50, 450, 50]),
        # The lead was made before any touch: the same.
        (Model.W_SHAPED, 5, 30, [450, 50, 450, 50]),
        # Only the first is left.
        (Model.W_SHAPED, None, 5, [900, Fraction(100, 3), Fraction(100, 3), Fraction(100, 3)]),
        (Model.FULL_PATH, None, 30, [300, 100, 300, 300]),
        (Model.U_HUBSPOT, None, 30, [800, Fraction(200, 3), Fraction(200, 3), Fraction(200, 3)]),
        (Model.U_ADOBE, None, 30, [1000, 0, 0, 0]),
        (Model.LEAD_CREATION, None, 30, [1000, 0, 0, 0]),
    ],
)
def test_a_missing_milestone_leaves_its_share_to_the_others_and_is_flagged(
    model: Model, lead: int | None, opened: int, thousandths: list[Fraction | int]
) -> None:
    given = case(
        deals((1, 7, 60, 1000), opened=[opened], lead=[lead]),
        touches((1, 7, 10), (2, 7, 20), (3, 7, 30), (4, 7, 40)),
    )

    assert in_thousandths(model, given) == thousandths
    assert credit.share(model, given).incomplete.tolist() == [0]


def test_milestones_on_one_touch_add_up() -> None:
    """Touch 2 made lead and opportunity: 60 of 100; touch 3 has the middle."""
    given = case(
        deals((1, 7, 60, 1000), opened=[25], lead=[20]),
        touches((1, 7, 10), (2, 7, 20), (3, 7, 30)),
    )

    assert in_thousandths(Model.W_SHAPED, given) == [300, 600, 100]
    assert credit.share(Model.W_SHAPED, given).incomplete.tolist() == []


def test_an_open_deal_has_no_close_to_credit() -> None:
    """Full path: 30 each for first, lead and opportunity; the last touch is one between."""
    given = case(
        deals((1, 7, None, 1000), opened=[900], lead=[890]),
        touches((1, 7, 880), (2, 7, 890), (3, 7, 900), (4, 7, 910)),
    )

    assert in_thousandths(Model.FULL_PATH, given) == [300, 300, 300, 100]
    assert credit.share(Model.FULL_PATH, given).incomplete.tolist() == [0]
    assert in_thousandths(Model.U_SHAPED, given) == [400, 100, 100, 400]


@pytest.mark.parametrize("model", [Model.FIRST_TOUCH, Model.LAST_TOUCH, Model.U_SHAPED])
def test_touches_of_one_instant_stand_in_the_order_of_their_ids(model: Model) -> None:
    rows = [(3, 7, 10), (1, 7, 10), (2, 7, 10)]
    expected = {
        Model.FIRST_TOUCH: {1: WHOLE},
        Model.LAST_TOUCH: {3: WHOLE},
        Model.U_SHAPED: {1: Fraction(2, 5), 2: Fraction(1, 5), 3: Fraction(2, 5)},
    }

    assert shares(model, case(deals((1, 7, 60, 9)), touches(*rows))) == expected[model]
    assert shares(model, case(deals((1, 7, 60, 9)), touches(*reversed(rows)))) == expected[model]


def test_two_deals_of_one_account_share_first_touch_and_lead() -> None:
    """Deal 1 closes on day 30, deal 2 on day 60; both had their lead on day 10."""
    given = case(
        deals((1, 7, 30, 100), (2, 7, 60, 100), opened=[20, 50], lead=[10, 10]),
        touches((1, 7, 5), (2, 7, 10), (3, 7, 50)),
    )

    # Deal 1: touch 2 made lead and opportunity. Deal 2: touch 3 made the opportunity.
    assert shares(Model.W_SHAPED, given) == {1: Fraction(1, 3), 2: Fraction(2, 3)}
    assert shares(Model.W_SHAPED, given, opportunity=1) == {
        1: Fraction(1, 3),
        2: Fraction(1, 3),
        3: Fraction(1, 3),
    }


def test_channels_of_many_sizes_are_divided_exactly() -> None:
    """Sizes 7, 11, 13, 17, 19, 23, 25, 27, 29, 31 and 32 have a common multiple of 2**46.4."""
    sizes = [7, 11, 13, 17, 19, 23, 25, 27, 29, 31, 32]
    channel = [number for number, size in enumerate(sizes) for _ in range(size)]
    rows = [(n + 1, 7, n) for n in range(len(channel))]
    amount_minor = 10**14 + 7
    given = case(
        deals((1, 7, 500, amount_minor)), touches(*rows, channel=channel), lookback_days=None
    )

    found = credit.share(Model.LINEAR_DISTINCT_CHANNELS, given)

    exact = [Fraction(1, len(sizes) * sizes[number]) for number in channel]
    assert found.amount_minor.tolist() == oracle.divide(amount_minor, exact)
    worst = max(
        abs(Fraction(weight, whole) - share)
        for weight, whole, share in zip(
            found.weight.tolist(), found.weight_sum.tolist(), exact, strict=True
        )
    )
    assert worst < Fraction(1, 10**11)


def test_a_deal_without_its_primary_campaign_is_unattributed() -> None:
    given = case(
        deals((1, 7, 60, 1000), (2, 7, 60, 500), campaign=[9, -1]),
        touches((1, 7, 10), (2, 7, 20), campaign=[8, -1]),
    )

    found = credit.share(Model.PRIMARY_CAMPAIGN_SOURCE, given)

    assert (len(found), found.unattributed.tolist()) == (0, [0, 1])


def test_a_custom_model_has_milestones_stages_and_a_middle() -> None:
    """First 30, two stages 25 and 35, middle 10; the second stage was never entered by deal 2.

    Deal 2: first and the first stage share 90 as 30 to 25, so 540 / 11 and 450 / 11.
    """
    settings = multitouch.Settings(
        custom=milestones.custom(
            milestones=[(milestones.Milestone.FIRST, 30)], stages=[25, 35], middle=10
        )
    )
    given = case(
        deals((1, 7, 60, 1000), (2, 7, 60, 1000)),
        touches((1, 7, 10), (2, 7, 20), (3, 7, 30), (4, 7, 40)),
        settings=settings,
        stages_at=[[25, 25], [45, None]],
    )

    assert in_thousandths(Model.CUSTOM, given) == [300, 250, 100, 350]
    assert shares(Model.CUSTOM, given, opportunity=1) == {
        1: Fraction(54, 110),
        2: Fraction(45, 110),
        3: Fraction(5, 100),
        4: Fraction(5, 100),
    }
    assert credit.share(Model.CUSTOM, given).incomplete.tolist() == [1]


@pytest.mark.parametrize(
    ("named", "stages", "middle"),
    [
        ([("FIRST", 50), ("FIRST", 50)], [], 0),
        ([("FIRST", 50)], [10] * 7, 0),
        ([("FIRST", 50)], [], 49),
        ([("FIRST", 110)], [], -10),
        ([("FIRST", 100), ("LEAD", 0)], [], 0),
        ([], [], 100),
    ],
)
def test_shares_that_do_not_add_up_are_refused(
    named: list[tuple[str, int]], stages: list[int], middle: int
) -> None:
    steps = [(milestones.Milestone(name), part) for name, part in named]

    with pytest.raises(milestones.SharesUnusable):
        milestones.custom(milestones=steps, stages=stages, middle=middle)


def test_a_model_without_its_columns_is_refused() -> None:
    opportunities = deals((1, 7, 60, 1000))
    rows = journey.Touches(id=np.array([1]), account=np.array([7]), occurred_at=np.array([DAY]))

    for model in (Model.LINEAR_DISTINCT_CHANNELS, Model.PRIMARY_CAMPAIGN_SOURCE, Model.CUSTOM):
        with pytest.raises(multitouch.ColumnMissing):
            credit.share(model, case(opportunities, rows))


@pytest.mark.parametrize("days", ["0", "-1", "NaN", "Infinity", "36525.5"])
def test_a_half_life_out_of_reach_is_refused(days: str) -> None:
    with pytest.raises(decay.HalfLifeUnusable, match=days):
        decay.half_life_microseconds(Decimal(days))


def test_a_half_life_may_be_a_part_of_a_day() -> None:
    assert decay.half_life_microseconds(Decimal("0.5")) == DAY // 2

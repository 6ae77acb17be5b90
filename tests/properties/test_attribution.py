"""The kernel equals the slow oracle to the last unit, on random journeys in any order."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from attribution.domain import credit, grouping, journey, kernel, milestones, multitouch
from gifting.domain import money
from tests.properties import attribution_oracle as oracle
from tests.properties.attribution_oracle import MICROSECONDS_PER_DAY, Deal, Touch

AS_OF = 1000 * MICROSECONDS_PER_DAY
MODELS = tuple(multitouch.Model)
PLAIN_MODELS = tuple(model for model in MODELS if model is not multitouch.Model.CUSTOM)

# Few days and few accounts, so that ties, shared journeys and window edges are the norm.
days = st.integers(-400, 1100).map(lambda day: day * MICROSECONDS_PER_DAY // 100)
instants = days | st.integers(-400, 400).map(lambda tick: AS_OF + tick) | st.integers(0, AS_OF)
accounts = st.integers(1, 4) | st.integers(-(2**63), 2**63 - 1)
amounts = (
    st.none()
    | st.integers(-1000, 1000)
    | st.integers(money.MIN_AMOUNT_MINOR, money.MAX_AMOUNT_MINOR)
)
ids = st.integers(1, 2**63 - 1)
lookbacks = st.none() | st.integers(0, 20) | st.just(journey.LONGEST_LOOKBACK_DAYS)


@st.composite
def deals_and_touches(draw: st.DrawFn) -> tuple[list[Deal], list[Touch]]:
    deal_ids = draw(st.lists(ids, max_size=8, unique=True))
    touch_ids = draw(st.lists(ids, max_size=25, unique=True))
    deals = [
        Deal(
            deal_id,
            draw(accounts),
            draw(st.none() | instants),
            draw(amounts),
            opened_at=draw(instants),
            lead_created_at=draw(st.none() | instants),
            primary_campaign=draw(st.none() | st.integers(0, 2)),
            stages_at=(draw(st.none() | instants), draw(st.none() | instants)),
        )
        for deal_id in deal_ids
    ]
    # Both edges of every window of 0 to 20 days.
    closes = [AS_OF if deal.closed_at is None else deal.closed_at for deal in deals] or [AS_OF]
    moments = [
        close - days_before * MICROSECONDS_PER_DAY for close in closes for days_before in range(21)
    ]
    touches = [
        Touch(
            touch_id,
            draw(accounts),
            draw(instants | st.sampled_from(moments)),
            channel=draw(st.integers(0, 3)),
            campaign=draw(st.none() | st.integers(0, 2)),
        )
        for touch_id in touch_ids
    ]
    return deals, touches


def opportunity_columns(deals: Sequence[Deal]) -> journey.Opportunities:
    return journey.Opportunities(
        id=np.array([deal.id for deal in deals], dtype=np.int64),
        account=np.array([deal.account for deal in deals], dtype=np.int64),
        opened_at=np.array([deal.opened_at for deal in deals], dtype=np.int64),
        closed_at=np.array(
            [journey.OPEN if deal.closed_at is None else deal.closed_at for deal in deals],
            dtype=np.int64,
        ),
        amount_minor=np.array([deal.amount_minor or 0 for deal in deals], dtype=np.int64),
        has_amount=np.array([deal.amount_minor is not None for deal in deals], dtype=np.bool_),
        lead_created_at=instants_of([deal.lead_created_at for deal in deals]),
        primary_campaign=groups_of([deal.primary_campaign for deal in deals]),
    )


def instants_of(instants: Sequence[int | None]) -> NDArray[np.int64]:
    given = [journey.NOT_GIVEN if instant is None else instant for instant in instants]
    return np.array(given, dtype=np.int64)


def groups_of(numbers: Sequence[int | None]) -> NDArray[np.int64]:
    given = [journey.NO_GROUP if number is None else number for number in numbers]
    return np.array(given, dtype=np.int64)


def touch_columns(touches: Sequence[Touch]) -> journey.Touches:
    return journey.Touches(
        id=np.array([touch.id for touch in touches], dtype=np.int64),
        account=np.array([touch.account for touch in touches], dtype=np.int64),
        occurred_at=np.array([touch.occurred_at for touch in touches], dtype=np.int64),
        channel=np.array([touch.channel for touch in touches], dtype=np.int64),
        campaign=groups_of([touch.campaign for touch in touches]),
    )


STEPS: tuple[str | int, ...] = ("FIRST", "LEAD", "OPENED", "CLOSED", 0, 1)
steps = st.lists(
    st.sampled_from(STEPS),
    min_size=1,
    max_size=6,
    unique=True,
)


@st.composite
def choices(draw: st.DrawFn) -> oracle.Choices:
    named: list[str | int] = sorted(
        draw(steps), key=lambda step: (isinstance(step, int), str(step))
    )
    parts = [draw(st.integers(1, 15)) for _ in named]
    if draw(st.booleans()):
        parts[0] += 100 - sum(parts)
    return oracle.Choices(
        half_life=draw(st.integers(1, 40 * MICROSECONDS_PER_DAY)),
        step=draw(st.integers(1, 40 * MICROSECONDS_PER_DAY)),
        custom=tuple(zip(named, parts, strict=True)),
        middle=100 - sum(parts),
    )


def settings_of(chosen: oracle.Choices) -> multitouch.Settings:
    return multitouch.Settings(
        half_life=chosen.half_life,
        step=chosen.step,
        custom=milestones.custom(
            milestones=[
                (milestones.Milestone(step), part)
                for step, part in chosen.custom
                if isinstance(step, str)
            ],
            stages=[part for step, part in chosen.custom if isinstance(step, int)],
            middle=chosen.middle,
        ),
    )


def stages_of(deals: Sequence[Deal], chosen: oracle.Choices) -> list[NDArray[np.int64]]:
    return [
        instants_of([deal.stages_at[step] for deal in deals])
        for step, _ in chosen.custom
        if isinstance(step, int)
    ]


@hypothesis.given(
    rows=deals_and_touches(),
    lookback_days=lookbacks,
    shards=st.integers(1, 7),
    pairs_per_batch=st.integers(1, 20),
    chosen=choices(),
)
@pytest.mark.parametrize("model", MODELS)
@hypothesis.settings(max_examples=15)
def test_credits_equal_the_oracle_to_the_last_unit(  # noqa: PLR0917 - Hypothesis names them all
    rows: tuple[list[Deal], list[Touch]],
    lookback_days: int | None,
    shards: int,
    pairs_per_batch: int,
    chosen: oracle.Choices,
    model: multitouch.Model,
) -> None:
    deals, touches = rows
    expected_rows, expected_rest = oracle.credits_of(
        model, deals, touches, as_of=AS_OF, lookback_days=lookback_days, choices=chosen
    )
    expected_incomplete = {
        deal.id
        for deal in deals
        if oracle.incomplete_of(
            model,
            deal,
            oracle.journey_of(deal, touches, as_of=AS_OF, lookback_days=lookback_days),
            chosen,
        )
    }

    batches = kernel.attribute(
        opportunity_columns(deals),
        touch_columns(touches),
        models=[model],
        as_of=AS_OF,
        lookback_days=lookback_days,
        shards=shards,
        pairs_per_batch=pairs_per_batch,
        settings=settings_of(chosen),
        stages_at=stages_of(deals, chosen),
    )

    incomplete: list[int] = []
    given_rows: list[tuple[int, int, Fraction, int]] = []
    given_rest: list[tuple[int, int]] = []
    for batch in batches:
        found = batch.credits[model]
        given_rows += [
            (deals[deal].id, touches[touch].id, Fraction(weight, weight_sum), amount_minor)
            for deal, touch, weight, weight_sum, amount_minor in zip(
                found.opportunity.tolist(),
                found.touch.tolist(),
                found.weight.tolist(),
                found.weight_sum.tolist(),
                found.amount_minor.tolist(),
                strict=True,
            )
        ]
        given_rest += [
            (deals[deal].id, deals[deal].amount_minor or 0) for deal in found.unattributed.tolist()
        ]
        incomplete += [deals[deal].id for deal in found.incomplete.tolist()]
    assert len(given_rows) == len(expected_rows)
    assert set(given_rows) == expected_rows
    assert len(given_rest) == len(expected_rest)
    assert dict(given_rest) == expected_rest
    assert sorted(incomplete) == sorted(expected_incomplete)


@hypothesis.given(rows=deals_and_touches(), shards=st.integers(1, 5))
def test_touches_after_a_close_and_missing_amounts_are_listed_and_earn_nothing(
    rows: tuple[list[Deal], list[Touch]], shards: int
) -> None:
    deals, touches = rows
    expected = {(deal.id, late) for deal in deals for late in oracle.post_close_of(deal, touches)}

    batches = list(
        kernel.attribute(
            opportunity_columns(deals),
            touch_columns(touches),
            models=multitouch.STANDARD,
            as_of=AS_OF,
            lookback_days=None,
            shards=shards,
        )
    )

    listed = [
        (deals[deal].id, touches[touch].id)
        for batch in batches
        for deal, touch in zip(*(rows.tolist() for rows in batch.post_close()), strict=True)
    ]
    missing = [deals[row].id for batch in batches for row in batch.missing_amount.tolist()]
    seen = [row for batch in batches for row in batch.opportunity.tolist()]
    assert len(listed) == len(expected)
    assert set(listed) == expected
    assert sorted(missing) == sorted(deal.id for deal in deals if deal.amount_minor is None)
    assert sorted(seen) == list(range(len(deals)))


@hypothesis.given(
    rows=deals_and_touches(),
    lookback_days=lookbacks,
    shards=st.integers(1, 9),
    threads=st.integers(1, 3),
    data=st.data(),
)
@hypothesis.settings(max_examples=30)
def test_neither_order_nor_shards_nor_threads_change_the_digest(
    rows: tuple[list[Deal], list[Touch]],
    lookback_days: int | None,
    shards: int,
    threads: int,
    data: st.DataObject,
) -> None:
    deals, touches = rows
    shuffled = data.draw(st.permutations(deals)), data.draw(st.permutations(touches))

    plain = digests(deals, touches, lookback_days=lookback_days, shards=1, threads=1)
    other = digests(*shuffled, lookback_days=lookback_days, shards=shards, threads=threads)

    assert other == plain


def digests(
    deals: Sequence[Deal],
    touches: Sequence[Touch],
    *,
    lookback_days: int | None,
    shards: int,
    threads: int,
) -> dict[multitouch.Model, int]:
    opportunities, touch_rows = opportunity_columns(deals), touch_columns(touches)
    sums: dict[multitouch.Model, int] = dict.fromkeys(PLAIN_MODELS, 0)
    for batch in kernel.attribute(
        opportunities,
        touch_rows,
        models=PLAIN_MODELS,
        as_of=AS_OF,
        lookback_days=lookback_days,
        shards=shards,
        threads=threads,
    ):
        for model, found in batch.credits.items():
            sums[model] = (sums[model] + credit.digest(found, opportunities, touch_rows)) % 2**64
    return sums


weights = st.integers(1, 2**59) | st.integers(1, 2**32 - 1) | st.integers(1, 5)


@hypothesis.given(
    deals=st.lists(
        st.tuples(
            st.integers(-1000, 1000) | st.integers(money.MIN_AMOUNT_MINOR, money.MAX_AMOUNT_MINOR),
            st.lists(weights, max_size=9),
        ),
        max_size=8,
    )
)
def test_any_weights_divide_any_amount_as_exact_fractions_do(
    deals: list[tuple[int, list[int]]],
) -> None:
    expected = [
        unit
        for amount_minor, shares in deals
        if shares
        for unit in oracle.divide(
            amount_minor, [Fraction(weight, sum(shares)) for weight in shares]
        )
    ]

    credits_minor = credit.allocate(
        np.array([amount_minor for amount_minor, _ in deals], dtype=np.int64),
        np.array([weight for _, shares in deals for weight in shares], dtype=np.int64),
        grouping.counts_to_offsets(np.array([len(shares) for _, shares in deals], dtype=np.int64)),
    )

    assert credits_minor.tolist() == expected


@hypothesis.given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(-1000, 1000) | st.integers(money.MIN_AMOUNT_MINOR, money.MAX_AMOUNT_MINOR),
        ),
        max_size=12,
    )
)
def test_sums_by_group_are_exact_or_refused(rows: list[tuple[int, int]]) -> None:
    expected = [sum(amount for key, amount in rows if key == group) for group in range(4)]
    keys = np.array([key for key, _ in rows], dtype=np.uint16)
    amounts_minor = np.array([amount for _, amount in rows], dtype=np.int64)
    fits = all(money.MIN_AMOUNT_MINOR <= amount <= money.MAX_AMOUNT_MINOR for amount in expected)

    try:
        sums = grouping.sum_by(keys, amounts_minor, 4).tolist()
    except money.AmountOutOfRange:
        sums = None

    assert sums == (expected if fits else None)
    assert grouping.exact_total(amounts_minor) == sum(expected)


@hypothesis.given(
    keys=st.lists(st.tuples(st.integers(0, 5) | st.integers(0, 2**64 - 1), st.integers(0, 9)))
)
def test_the_radix_sort_orders_as_pythons_stable_sort(keys: list[tuple[int, int]]) -> None:
    major = np.array([first for first, _ in keys], dtype=np.uint64)
    minor = np.array([second for _, second in keys], dtype=np.uint64)

    by_both = grouping.stable_order_by_two(major, minor).tolist()
    by_major = grouping.stable_order(major).tolist()

    assert by_both == sorted(range(len(keys)), key=lambda row: keys[row])
    assert by_major == sorted(range(len(keys)), key=lambda row: keys[row][0])

"""The sandbox's generator: the same rows for ever, biases that hide a truth that is known."""

from __future__ import annotations

import datetime as dt
import functools
import math
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import pytest

from gifting.domain import lifecycle
from integrations.domain.sandbox import (
    blocks,
    company,
    costs,
    gifts,
    moments,
    outcomes,
    parameters,
    truth,
)
from integrations.domain.sandbox.draws import Draws, Flags, Ints, Topic

MANY = 60_000


@functools.cache
def one_block(**wanted: object) -> blocks.Block:
    made = list(blocks.company_blocks(parameters.Parameters(**wanted)))  # type: ignore[arg-type] # each test names real parameters
    assert len(made) == 1
    return made[0]


@dataclass(frozen=True, slots=True)
class Deals:
    """What an analyst would see of the closed deals, over all blocks."""

    tier: Ints
    days: Ints
    first_gift_after: Ints
    is_gifted: Flags
    is_won: Flags


@functools.cache
def closed_deals(**wanted: object) -> Deals:
    parts = defaultdict(list)
    for block in blocks.company_blocks(parameters.Parameters(opportunities=MANY, **wanted)):  # type: ignore[arg-type] # each test names real parameters
        found, opened = block.outcomes, block.deals.opened_day
        first = np.full(len(opened), np.iinfo(np.int64).max)
        np.minimum.at(first, block.laid.chosen.deal, block.laid.chosen.day)
        is_closed = found.status != outcomes.OPEN
        parts["tier"].append(block.deals.tier[is_closed])
        parts["days"].append((found.closed_day - opened)[is_closed])
        parts["first_gift_after"].append((first - opened)[is_closed])
        parts["is_gifted"].append(found.is_gifted[is_closed])
        parts["is_won"].append((found.status == outcomes.WON)[is_closed])
    return Deals(**{name: np.concatenate(arrays) for name, arrays in parts.items()})


def naive_lift(seen: Deals) -> float:
    """Compare the win rates of gifted deals and of the others, as dashboards do."""
    return float(seen.is_won[seen.is_gifted].mean() - seen.is_won[~seen.is_gifted].mean())


def stratified_log_odds(seen: Deals) -> float:
    """Give the log of the Mantel-Haenszel odds ratio over the tiers."""
    above = below = 0.0
    for tier in range(len(company.WIN_RATES)):
        here = seen.tier == tier
        won, gifted = seen.is_won[here], seen.is_gifted[here]
        above += int((won & gifted).sum()) * int((~won & ~gifted).sum()) / len(won)
        below += int((~won & gifted).sum()) * int((won & ~gifted).sum()) / len(won)
    return math.log(above / below)


def remaining_days_of_peers(seen: Deals) -> tuple[float, float]:
    """Give the mean days left at a first gift, and of deals as old, still open, not gifted."""
    left_of_gifted, left_of_peers, weight = 0.0, 0.0, 0
    for age in range(1, 120):
        at_risk = (seen.days > age) & (seen.first_gift_after >= age)
        gifted_today = at_risk & (seen.first_gift_after == age)
        peers = at_risk & ~gifted_today
        count = int(gifted_today.sum())
        left_of_gifted += float((seen.days - age)[gifted_today].sum())
        left_of_peers += float((seen.days - age)[peers].mean()) * count
        weight += count
    return left_of_gifted / weight, left_of_peers / weight


def test_a_seed_and_a_size_always_give_the_same_company() -> None:
    found = truth.Truth()
    for block in blocks.company_blocks(parameters.Parameters()):
        found.add_block(block)

    # Written down once: a change here changes every sandbox that anyone has compared with.
    kept = found.as_json()
    assert {name: kept[name] for name in ("accounts", "won", "gifts", "gift_events")} == {
        "accounts": 263,
        "won": 129,
        "gifts": 321,
        "gift_events": 1333,
    }
    assert kept["won_revenue_minor"] == 6_518_606_16
    assert kept["spend_minor"] == 28_120_15
    assert kept["incremental_revenue_minor"] == 1_024_354_07


def test_two_makings_have_one_fingerprint_and_another_seed_has_another() -> None:
    fingerprints = []
    for seed in (7, 7, 8):
        found = truth.Truth()
        for block in blocks.company_blocks(parameters.Parameters(seed=seed, opportunities=25_000)):
            found.add_block(block)
        fingerprints.append(found.as_json()["fingerprint"])

    assert fingerprints[0] == fingerprints[1]
    assert fingerprints[0] != fingerprints[2]


@pytest.mark.parametrize("opportunities", [1, 2, 3, 500, 20_000])
def test_the_size_is_what_was_asked_for(opportunities: int) -> None:
    block = one_block(opportunities=opportunities)

    assert len(block.deals.account) == opportunities
    assert set(block.deals.account.tolist()) == set(range(len(block.accounts.tier)))


def test_a_large_company_comes_in_blocks() -> None:
    wanted = parameters.Parameters(opportunities=45_000)

    sizes = [len(block.deals.account) for block in blocks.company_blocks(wanted)]

    assert sizes == [20_000, 20_000, 5_000]


def test_switching_a_bias_off_leaves_the_deals_as_they_were() -> None:
    biased = one_block(opportunities=5_000)
    unbiased = one_block(opportunities=5_000, selection_bias=False, long_deal_bias=False)

    assert np.array_equal(biased.deals.amount_minor, unbiased.deals.amount_minor)
    assert np.array_equal(biased.deals.opened_day, unbiased.deals.opened_day)
    assert len(biased.laid.chosen.deal) != len(unbiased.laid.chosen.deal)


def test_selection_makes_gifts_that_do_nothing_look_good() -> None:
    seen = closed_deals(effect=0.0)

    assert naive_lift(seen) > 0.03
    assert stratified_log_odds(seen) == pytest.approx(0, abs=0.03)


def test_without_selection_gifts_that_do_nothing_look_like_nothing() -> None:
    seen = closed_deals(effect=0.0, selection_bias=False)

    assert naive_lift(seen) == pytest.approx(0, abs=0.008)


def test_a_planted_effect_is_found_within_the_tiers() -> None:
    seen = closed_deals(effect=0.4)

    assert stratified_log_odds(seen) == pytest.approx(0.4, abs=0.03)


def test_a_harmful_effect_is_found_as_one() -> None:
    seen = closed_deals(effect=-0.5)

    assert stratified_log_odds(seen) == pytest.approx(-0.5, abs=0.04)


def test_a_constant_rate_makes_gifts_look_slow_and_peers_of_one_age_do_not() -> None:
    seen = closed_deals()

    naive = seen.days[seen.is_gifted].mean() - seen.days[~seen.is_gifted].mean()
    of_gifted, of_peers = remaining_days_of_peers(seen)

    assert naive > 20
    assert of_gifted == pytest.approx(of_peers, rel=0.03)


def test_without_long_deal_bias_gifted_deals_are_as_long_as_others() -> None:
    seen = closed_deals(long_deal_bias=False)

    naive = seen.days[seen.is_gifted].mean() - seen.days[~seen.is_gifted].mean()

    assert naive == pytest.approx(0, abs=1)


def test_saved_days_show_against_peers_of_one_age() -> None:
    seen = closed_deals(cycle_effect=0.3)

    of_gifted, of_peers = remaining_days_of_peers(seen)

    # Peers that are gifted later save days too, so the comparison finds less than the 0.3 planted.
    assert 1 - of_gifted / of_peers == pytest.approx(0.22, abs=0.02)


def test_a_first_gift_saves_its_share_of_the_days_that_were_left() -> None:
    block = one_block(cycle_effect=0.5)
    deal, day = block.laid.chosen.deal, block.laid.chosen.day
    is_first = block.laid.chosen.ordinal == 0
    planned = block.deals.opened_day + block.deals.planned_days

    left = (planned[deal] - day)[is_first]

    assert block.outcomes.closed_day[deal][is_first].tolist() == [
        start + days - (days - 1) // 2
        for start, days in zip(day[is_first].tolist(), left.tolist(), strict=True)
    ]


def test_what_gifts_caused_is_counted_against_the_world_without_them() -> None:
    block = one_block(opportunities=20_000)
    found = truth.Truth()
    found.add_block(block)
    luck, amounts = block.deals.luck.tolist(), block.deals.amount_minor.tolist()
    without = [
        chance < company.WIN_RATES[tier]
        for chance, tier in zip(luck, block.deals.tier.tolist(), strict=True)
    ]
    statuses = block.outcomes.status.tolist()
    caused = [
        place
        for place, status in enumerate(statuses)
        if status == outcomes.WON and not without[place]
    ]

    kept = found.as_json()

    assert kept["incremental_wins"] == len(caused) > 0
    assert kept["incremental_revenue_minor"] == sum(amounts[place] for place in caused)
    assert all(block.outcomes.is_gifted[place] for place in caused)


def test_gifts_are_given_while_the_deal_is_open() -> None:
    block = one_block(opportunities=20_000, cycle_effect=0.5)
    chosen = block.laid.chosen
    opened = block.deals.opened_day[chosen.deal]
    closed = block.outcomes.closed_day[chosen.deal]

    assert len(chosen.day) > 5_000
    assert bool((opened < chosen.day).all())
    assert bool((chosen.day < closed).all())


def test_the_deals_of_an_account_do_not_overlap() -> None:
    block = one_block(opportunities=20_000)
    made = block.deals
    follows = made.account[1:] == made.account[:-1]

    gaps = made.opened_day[1:] - block.outcomes.closed_day[:-1]

    assert int(follows.sum()) > 5_000
    assert int(gaps[follows].min()) > 0


def test_every_life_of_a_gift_is_legal_and_in_order() -> None:
    block = one_block(opportunities=20_000)
    events = block.laid.events
    lives = defaultdict(list)
    for gift, step, at in zip(
        events.gift.tolist(), events.step.tolist(), events.at.tolist(), strict=True
    ):
        lives[gift].append((gifts.STEPS[step], at))

    reached = Counter(life[-1][0] for life in lives.values())

    for life in lives.values():
        states = [state for state, _ in life]
        for before, after in zip([None, *states[:-1]], states, strict=True):
            lifecycle.require(before, after)
        assert [at for _, at in life] == sorted(at for _, at in life)
    assert {
        lifecycle.State.DELIVERED,
        lifecycle.State.ACCEPTED,
        lifecycle.State.DECLINED,
        lifecycle.State.EXPIRED,
        lifecycle.State.CANCELLED,
        lifecycle.State.UNDELIVERABLE,
        lifecycle.State.REFUNDED,
    } <= set(reached)


def test_cost_versions_follow_each_other_and_a_gift_never_accepted_costs_nothing() -> None:
    block = one_block(opportunities=20_000)
    lines, events = block.laid.lines, block.laid.events
    kept: dict[tuple[int, int], tuple[int, int]] = {}
    for gift, component, version, amount, change in zip(
        lines.gift.tolist(),
        lines.component.tolist(),
        lines.version.tolist(),
        lines.amount_minor.tolist(),
        lines.change_minor.tolist(),
        strict=True,
    ):
        before_version, before_amount = kept.get((gift, component), (0, 0))
        assert version == before_version + 1
        assert change == amount - before_amount
        kept[gift, component] = (version, amount)
    cost: Counter[int] = Counter()
    for (gift, _), (_, amount) in kept.items():
        cost[gift] += amount
    refunded = events.gift[events.step == gifts.STEP[lifecycle.State.REFUNDED]]
    declined = events.gift[events.step == gifts.STEP[lifecycle.State.DECLINED]]

    assert len(refunded) > 50
    assert len(declined) > 50
    assert {cost[gift] for gift in [*refunded.tolist(), *declined.tolist()]} == {0}
    assert set(lines.basis.tolist()) == {costs.ESTIMATED, costs.ACTUAL}


def test_amounts_and_prices_are_those_of_such_a_company() -> None:
    block = one_block(opportunities=20_000)
    prices = gifts.price_minor(block.laid.chosen)
    amounts = block.deals.amount_minor

    assert 20_00 <= int(prices.min()) < int(prices.max()) <= 300_00
    assert 5_000_00 <= int(amounts.min()) < int(amounts.max()) <= 200_000_00
    assert int((amounts % 100 != 0).sum()) > 1_000  # cents that a split must not lose


def test_nothing_lies_after_the_last_day() -> None:
    block = one_block(opportunities=20_000, until=dt.date(2025, 3, 31))
    last = (dt.date(2025, 4, 1) - dt.date(1970, 1, 1)).days * moments.DAY
    told = block.histories

    for instants in (
        block.laid.events.at,
        block.laid.touches.at,
        told.stages.at,
        told.amounts.at,
        told.owners.at,
        told.closed_at,
    ):
        assert int(instants.max()) < last


def test_a_deal_ends_where_its_histories_do() -> None:
    block = one_block(opportunities=5_000)
    told = block.histories
    last_stage = dict(zip(told.stages.deal.tolist(), told.stages.value.tolist(), strict=True))
    last_amount = dict(zip(told.amounts.deal.tolist(), told.amounts.value.tolist(), strict=True))
    last_owner = dict(zip(told.owners.deal.tolist(), told.owners.value.tolist(), strict=True))
    closes = {
        deal: at
        for deal, at, value in zip(
            told.stages.deal.tolist(),
            told.stages.at.tolist(),
            told.stages.value.tolist(),
            strict=True,
        )
        if value >= len(company.STAGES)
    }

    assert [last_stage[deal] for deal in range(5_000)] == told.stage.tolist()
    assert [last_amount.get(deal, -1) for deal in range(5_000)] == told.amount_minor.tolist()
    assert [last_owner[deal] for deal in range(5_000)] == told.owner.tolist()
    assert [closes.get(deal, moments.NEVER) for deal in range(5_000)] == told.closed_at.tolist()
    assert bool((told.amount_minor[block.outcomes.status == outcomes.WON] > 0).all())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("opportunities", 0, "The sandbox's opportunities is 0. Give 1 to 1,000,000."),
        (
            "opportunities",
            1_000_001,
            "The sandbox's opportunities is 1000001. Give 1 to 1,000,000.",
        ),
        ("seed", -1, "The sandbox's seed is -1. Give 0 to 4,294,967,295."),
        ("effect", 3.5, "The sandbox's effect is 3.5. Give -3.0 to 3.0."),
        ("cycle_effect", 0.95, "The sandbox's cycle effect is 0.95. Give 0 to 0.9."),
    ],
)
def test_what_cannot_be_made_is_refused(name: str, value: float, message: str) -> None:
    with pytest.raises(parameters.SandboxUnusable) as refused:
        parameters.Parameters(**{name: value})  # type: ignore[arg-type] # each case names a real parameter

    assert refused.value.message == message
    assert refused.value.field == name


def test_parameters_survive_being_kept() -> None:
    wanted = parameters.Parameters(seed=3, effect=-0.25, until=dt.date(2024, 2, 29))

    assert parameters.Parameters.from_json(wanted.as_json()) == wanted


def test_draws_have_the_moments_they_should() -> None:
    draws = Draws(seed=1, block=0, topic=Topic.DEALS)

    uniform = draws.uniform(MANY)
    normal = draws.normal(MANY)
    poisson = draws.poisson(np.full(MANY, 0.8), most=12)
    choice = draws.choice(MANY, (0.5, 0.3, 0.2))

    assert uniform.mean() == pytest.approx(0.5, abs=0.005)
    assert (normal.mean(), normal.std()) == pytest.approx((0, 1), abs=0.01)
    assert (poisson.mean(), poisson.var()) == pytest.approx((0.8, 0.8), abs=0.02)
    assert np.bincount(choice) / MANY == pytest.approx([0.5, 0.3, 0.2], abs=0.01)

"""The gifts themselves: for which campaign, what, to whom, what happened and what it cost.

A gift by mail is offered, accepted, packed, shipped and delivered, and its cost is estimated at the
offer and known when it ships. An electronic gift is charged whole when it is offered and refunded
when nobody ever opened it. A kit or a seat for an event ships without being offered. What lies
after the last known day has not happened yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from gifting.domain import lifecycle
from integrations.domain.sandbox import company, moments, parameters
from integrations.domain.sandbox.draws import Draws, Flags, Ints, Topic
from integrations.domain.sandbox.outcomes import Arrivals

State = lifecycle.State

# The order in which a gift goes through its states; no gift goes through all of them.
STEPS: Final = (
    State.PENDING_APPROVAL,
    State.SCHEDULED,
    State.OFFERED,
    State.OPENED,
    State.CLICKED,
    State.ACCEPTED,
    State.IN_FULFILLMENT,
    State.SHIPPED,
    State.DELIVERED,
    State.DECLINED,
    State.EXPIRED,
    State.CANCELLED,
    State.UNDELIVERABLE,
    State.REFUNDED,
)
STEP: Final = {state: place for place, state in enumerate(STEPS)}

_ITEM_PRICES: Final = np.array([item.price_minor for item in company.ITEMS])
_ITEM_PLACES: Final = {item.sku: place for place, item in enumerate(company.ITEMS)}
_VENDOR_PLACES: Final = {vendor.code: place for place, vendor in enumerate(company.VENDORS)}
_ITEM_VENDORS: Final = np.array([_VENDOR_PLACES[item.vendor] for item in company.ITEMS])
_CENTER_PLACES: Final = {center.code: place for place, center in enumerate(company.COST_CENTERS)}
_CAMPAIGN_CENTERS: Final = np.array(
    [_CENTER_PLACES[campaign.cost_center] for campaign in company.CAMPAIGNS]
)
_CAMPAIGN_ITEMS: Final = np.array(
    [
        [_ITEM_PLACES[sku] for sku in campaign.items]
        for campaign in company.CAMPAIGNS
        if campaign.items
    ]
)
_CHANNELS: Final = np.array([campaign.channel for campaign in company.CAMPAIGNS])
_SALES_TEAMS: Final = np.array([_CENTER_PLACES[code] for code in company.SALES_TEAMS])
_POOLS: Final = np.array(company.POOLS)
_ABM_POOL: Final = 1
_CUSTOMER_POOL: Final = 2

_FIRST_ITEM_SHARE: Final = 0.6
_SHARED_WITH_SALES: Final = 0.3
_APPROVAL_FROM_MINOR: Final = 150_00
_SCHEDULED_SHARE: Final = 0.4
_OPENED_UNACCEPTED: Final = 0.5
_CLICKED_SHARE: Final = 0.6
_DECLINED_SHARE: Final = 0.2
_CANCELLED_SHARE: Final = 0.1
_LOST_IN_TRANSIT: Final = 0.03
_OFFER_LASTS_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen for each gift; places point into the lists of `company`."""

    deal: Ints
    ordinal: Ints
    campaign: Ints
    item: Ints
    vendor: Ints
    cost_center: Ints
    recipient: Ints
    day: Ints


@dataclass(frozen=True, slots=True)
class Events:
    """What happened to the gifts, gift by gift and in order; `step` is a place in STEPS."""

    gift: Ints
    step: Ints
    at: Ints


def choose(
    *,
    wanted: parameters.Parameters,
    block: int,
    found: Arrivals,
    tier: Ints,
    sequence: Ints,
    recipient_count: Ints,
) -> Choices:
    """Choose campaign, item, payer and recipient of each gift."""
    draws = Draws(seed=wanted.seed, block=block, topic=Topic.GIFTS)
    count = len(found.deal)
    pool = np.where(
        sequence[found.deal] > 0,
        _CUSTOMER_POOL,
        (tier[found.deal] >= company.LARGER_TIER).astype(np.int64),
    )
    campaign = _POOLS[pool, draws.whole(count, 0, _POOLS.shape[1] - 1)]
    item = _CAMPAIGN_ITEMS[
        campaign, draws.choice(count, (_FIRST_ITEM_SHARE, 1 - _FIRST_ITEM_SHARE))
    ]
    is_shared = (pool == _ABM_POOL) & draws.chance(count, _SHARED_WITH_SALES)
    team = _SALES_TEAMS[draws.whole(count, 0, len(_SALES_TEAMS) - 1)]
    known = recipient_count[found.deal]
    return Choices(
        deal=found.deal,
        ordinal=found.ordinal,
        campaign=campaign,
        item=item,
        vendor=_ITEM_VENDORS[item],
        cost_center=np.where(is_shared, team, _CAMPAIGN_CENTERS[campaign]),
        recipient=np.floor(draws.uniform(count) * known).astype(np.int64),
        day=found.day,
    )


def happen(*, wanted: parameters.Parameters, block: int, chosen: Choices, tier: Ints) -> Events:
    """Let each gift live its life up to the last known day."""
    draws = Draws(seed=wanted.seed, block=block, topic=Topic.OUTCOMES)
    clock = moments.office_seconds(draws, len(chosen.deal))
    days = _days(draws, wanted=wanted, chosen=chosen, tier=tier[chosen.deal])
    minutes = moments.MINUTE * np.arange(len(STEPS))
    is_there = (days != moments.NEVER) & (days <= wanted.last_day)
    gift, step = np.nonzero(is_there)
    return Events(
        gift=gift, step=step, at=moments.at(days[gift, step], clock[gift]) + minutes[step]
    )


def price_minor(chosen: Choices) -> Ints:
    """Give the list price of each gift."""
    return np.asarray(_ITEM_PRICES[chosen.item], dtype=np.int64)


def is_by(channel: str, chosen: Choices) -> Flags:
    """Tell which gifts go through the channel."""
    return np.asarray(_CHANNELS[chosen.campaign] == channel, dtype=np.bool_)


def _days(draws: Draws, *, wanted: parameters.Parameters, chosen: Choices, tier: Ints) -> Ints:
    """Give the day of each step of each gift, NEVER for a step that it does not go through."""
    count = len(chosen.deal)
    rates = np.array(company.ACCEPT_RATES_BIASED)[tier]
    is_accepted = draws.chance(count, rates if wanted.selection_bias else company.ACCEPT_RATE)
    refusal = draws.uniform(count)
    is_declined = ~is_accepted & (refusal < _DECLINED_SHARE)
    is_cancelled = ~is_accepted & (refusal > 1 - _CANCELLED_SHARE)
    life = _Life(chosen.day)
    is_dear = price_minor(chosen) >= _APPROVAL_FROM_MINOR
    life.goes_through(State.PENDING_APPROVAL, is_dear, -1)
    life.goes_through(State.SCHEDULED, ~is_dear & draws.chance(count, _SCHEDULED_SHARE), -1)
    is_event = is_by(company.EVENT, chosen)
    is_egift = is_by(company.EGIFT, chosen)
    _by_mail(draws, life, is_by(company.DIRECT_MAIL, chosen), is_accepted)
    _as_egift(draws, life, is_egift, is_accepted)
    _at_event(draws, life, is_event)
    life.goes_through(State.DECLINED, is_declined & ~is_event & ~is_egift, 3)
    life.goes_through(State.CANCELLED, is_cancelled & ~is_event & ~is_egift, 2)
    is_forgotten = ~is_accepted & ~is_event & (is_egift | ~(is_declined | is_cancelled))
    life.goes_through(State.EXPIRED, is_forgotten, _OFFER_LASTS_DAYS)
    is_unopened = is_forgotten & is_egift & (life.days[:, STEP[State.OPENED]] == moments.NEVER)
    life.goes_through(State.REFUNDED, is_unopened, _OFFER_LASTS_DAYS + 2)
    return life.days


class _Life:
    """The day of each step of each gift."""

    def __init__(self, day: Ints) -> None:
        self._day = day
        self.days = np.full((len(day), len(STEPS)), moments.NEVER, dtype=np.int64)

    def goes_through(self, state: State, which: Flags, days_later: int | Ints) -> None:
        column = STEP[state]
        self.days[:, column] = np.where(which, self._day + days_later, self.days[:, column])


def _by_mail(draws: Draws, life: _Life, is_mail: Flags, is_accepted: Flags) -> None:
    count = len(is_mail)
    accepted_after = draws.whole(count, 1, 6)
    delivered_after = accepted_after + 2 + draws.whole(count, 2, 6)
    is_lost = draws.chance(count, _LOST_IN_TRANSIT)
    is_sent = is_mail & is_accepted
    life.goes_through(State.OFFERED, is_mail, 0)
    life.goes_through(State.ACCEPTED, is_sent, accepted_after)
    life.goes_through(State.IN_FULFILLMENT, is_sent, accepted_after + 1)
    life.goes_through(State.SHIPPED, is_sent, accepted_after + 2)
    life.goes_through(State.DELIVERED, is_sent & ~is_lost, delivered_after)
    life.goes_through(State.UNDELIVERABLE, is_sent & is_lost, delivered_after + 7)


def _as_egift(draws: Draws, life: _Life, is_egift: Flags, is_accepted: Flags) -> None:
    count = len(is_egift)
    opened_after = draws.whole(count, 0, 3)
    is_opened = is_egift & (is_accepted | draws.chance(count, _OPENED_UNACCEPTED))
    life.goes_through(State.OFFERED, is_egift, 0)
    life.goes_through(State.OPENED, is_opened, opened_after)
    life.goes_through(State.CLICKED, is_opened & draws.chance(count, _CLICKED_SHARE), opened_after)
    life.goes_through(State.ACCEPTED, is_egift & is_accepted, opened_after + 1)


def _at_event(draws: Draws, life: _Life, is_event: Flags) -> None:
    is_lost = draws.chance(len(is_event), _LOST_IN_TRANSIT)
    life.goes_through(State.SHIPPED, is_event, 0)
    life.goes_through(State.DELIVERED, is_event & ~is_lost, 2)
    life.goes_through(State.UNDELIVERABLE, is_event & is_lost, 9)

"""Accounts and their deals, before any gift is given.

The deals of one account never overlap, so what an account received while a deal was open was
received for that deal. A deal's length, its amount and its luck do not depend on each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from integrations.domain.sandbox import company, parameters
from integrations.domain.sandbox.draws import Draws, Flags, Floats, Ints, Topic

MOST_CONTACTS: Final = 3

_DEALS_PER_ACCOUNT_WEIGHTS: Final = (0.4, 0.3, 0.3)
_CHILD_SHARE: Final = 0.15
_MEDIAN_DAYS: Final = 52
_DAYS_SPREAD: Final = 0.65
_LEAST_DAYS: Final = 7
_MOST_DAYS: Final = 200
_PAUSE_DAYS: Final = 5
_AMOUNT_SPREAD: Final = 0.5
_ROUND_SHARE: Final = 0.7
_ROUND_TO: Final = 500
_MINOR_PER_UNIT: Final = 100
_FIRST_GUESS_FROM: Final = 0.8
_FIRST_GUESS_RANGE: Final = 0.4
_RESIZED_SHARE: Final = 0.45
_REASSIGNED_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of one block; `parent` is an index in the block, or -1."""

    first_number: int
    parent: Ints
    tier: Ints
    employees: Ints
    industry: Ints
    country: Ints
    contact_count: Ints
    first_contact: Ints
    deal_count: Ints


@dataclass(frozen=True, slots=True)
class Deals:
    """The deals of one block; days count from 1970-01-01, `account` is an index in the block."""

    first_number: int
    account: Ints
    sequence: Ints
    tier: Ints
    product: Ints
    owner: Ints
    next_owner: Ints
    opened_day: Ints
    planned_days: Ints
    amount_minor: Ints
    first_amount_minor: Ints
    is_resized: Flags
    is_reassigned: Flags
    luck: Floats


def make_accounts(*, wanted: parameters.Parameters, block: int, deal_count: int) -> Accounts:
    """Make as many accounts as hold this number of deals."""
    draws = Draws(seed=wanted.seed, block=block, topic=Topic.ACCOUNTS)
    deals = draws.choice(deal_count, _DEALS_PER_ACCOUNT_WEIGHTS) + 1
    count = int(np.searchsorted(np.cumsum(deals), deal_count)) + 1
    tier = draws.choice(count, company.TIER_WEIGHTS)
    least = np.array(company.EMPLOYEES_FROM)[tier]
    most = np.array(company.EMPLOYEES_TO)[tier]
    contacts = 2 + (tier >= company.LARGER_TIER).astype(np.int64)
    return Accounts(
        first_number=block * parameters.BLOCK_SIZE,
        parent=_parents(draws, count),
        tier=tier,
        employees=least + np.floor(draws.uniform(count) * (most - least + 1)).astype(np.int64),
        industry=draws.whole(count, 0, len(company.INDUSTRIES) - 1),
        country=draws.choice(count, company.COUNTRY_WEIGHTS),
        contact_count=contacts,
        first_contact=np.cumsum(contacts) - contacts,
        deal_count=deals[:count],
    )


def make_deals(
    *, wanted: parameters.Parameters, block: int, deal_count: int, accounts: Accounts
) -> Deals:
    """Spread the deals of each account over the history, one after the other."""
    draws = Draws(seed=wanted.seed, block=block, topic=Topic.DEALS)
    account = np.repeat(np.arange(len(accounts.tier)), accounts.deal_count)[:deal_count]
    sequence = np.arange(deal_count) - np.searchsorted(account, account)
    tier = accounts.tier[account]
    planned_days = _lengths(draws, deal_count)
    amount = _amounts(draws, tier)
    is_resized = draws.chance(deal_count, _RESIZED_SHARE)
    guess = _FIRST_GUESS_FROM + _FIRST_GUESS_RANGE * draws.uniform(deal_count)
    owner = draws.whole(deal_count, 0, len(company.REPRESENTATIVES) - 1)
    step = draws.whole(deal_count, 1, len(company.REPRESENTATIVES) - 1)
    return Deals(
        first_number=block * parameters.BLOCK_SIZE,
        account=account,
        sequence=sequence,
        tier=tier,
        product=draws.whole(deal_count, 0, len(company.PRODUCTS) - 1),
        owner=owner,
        next_owner=(owner + step) % len(company.REPRESENTATIVES),
        opened_day=wanted.first_day
        + _openings(draws, sequence, accounts.deal_count[account], planned_days),
        planned_days=planned_days,
        amount_minor=amount,
        first_amount_minor=np.where(is_resized, _rounded(amount * guess), amount),
        is_resized=is_resized,
        is_reassigned=draws.chance(deal_count, _REASSIGNED_SHARE),
        luck=draws.uniform(deal_count),
    )


def _parents(draws: Draws, count: int) -> Ints:
    """Place some accounts under one that came before them and is itself under none."""
    is_child = draws.chance(count, _CHILD_SHARE)
    is_child[0] = False
    heads = np.flatnonzero(~is_child)
    heads_before = np.searchsorted(heads, np.arange(count))
    picked = heads[np.floor(draws.uniform(count) * heads_before).astype(np.int64)]
    return np.where(is_child, picked, -1)


def _lengths(draws: Draws, count: int) -> Ints:
    days = _MEDIAN_DAYS * np.exp(_DAYS_SPREAD * draws.normal(count))
    return np.asarray(np.clip(np.floor(days), _LEAST_DAYS, _MOST_DAYS), dtype=np.int64)


def _amounts(draws: Draws, tier: Ints) -> Ints:
    """Draw amounts in minor units; most are round, as sellers quote, the others are not."""
    median = np.array(company.MEDIAN_AMOUNTS)[tier]
    amount = median * np.exp(_AMOUNT_SPREAD * draws.normal(len(tier)))
    amount = np.clip(amount, company.LEAST_AMOUNT, company.MOST_AMOUNT)
    is_round = draws.chance(len(tier), _ROUND_SHARE)
    exact = np.floor(amount * _MINOR_PER_UNIT).astype(np.int64)
    return np.where(is_round, _rounded(amount * _MINOR_PER_UNIT), exact)


def _rounded(amount_minor: Floats) -> Ints:
    step = _ROUND_TO * _MINOR_PER_UNIT
    steps = np.maximum(1, np.floor(amount_minor / step)).astype(np.int64)
    return np.asarray(steps * step, dtype=np.int64)


def _openings(draws: Draws, sequence: Ints, deal_count: Ints, planned_days: Ints) -> Ints:
    """Give each deal of an account its own slot of the history; only the last may outgrow it."""
    slot_days = parameters.HISTORY_DAYS // deal_count
    is_last = sequence == deal_count - 1
    room = np.where(is_last, slot_days, slot_days - planned_days - _PAUSE_DAYS)
    return sequence * slot_days + np.floor(draws.uniform(len(room)) * room).astype(np.int64)

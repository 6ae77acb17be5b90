"""The sandbox, block by block: a whole company, or gifts laid over deals that exist already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from integrations.domain.sandbox import (
    company,
    costs,
    deals,
    digital,
    gifts,
    histories,
    outcomes,
    parameters,
)
from integrations.domain.sandbox.draws import Flags, Ints


@dataclass(frozen=True, slots=True)
class Laid:
    """Gifts and digital touches for some deals; each points at a deal by its place."""

    chosen: gifts.Choices
    events: gifts.Events
    lines: costs.Lines
    touches: digital.Touches


@dataclass(frozen=True, slots=True)
class Block:
    """Some whole accounts with everything that belongs to them."""

    number: int
    accounts: deals.Accounts
    deals: deals.Deals
    outcomes: outcomes.Outcomes
    histories: histories.Histories
    laid: Laid


@dataclass(frozen=True, slots=True)
class Given:
    """Deals that exist already; `ends_day` is the close, or the last known day when open."""

    opened_day: Ints
    ends_day: Ints
    tier: Ints
    sequence: Ints
    recipient_count: Ints
    is_abroad: Flags


def company_blocks(wanted: parameters.Parameters) -> Iterator[Block]:
    """Make the company, some twenty thousand deals at a time."""
    for number in range(wanted.block_count):
        first = number * parameters.BLOCK_SIZE
        yield _block(wanted, number, min(parameters.BLOCK_SIZE, wanted.opportunities - first))


def lay_over(*, wanted: parameters.Parameters, block: int, given: Given) -> Laid:
    """Lay gifts and digital touches over deals whose outcome is what it is."""
    found = outcomes.arrivals(
        wanted=wanted,
        block=block,
        opened_day=given.opened_day,
        open_days=given.ends_day - given.opened_day,
        tier=given.tier,
    )
    return _lay(wanted, block, found, given)


def _block(wanted: parameters.Parameters, number: int, deal_count: int) -> Block:
    accounts = deals.make_accounts(wanted=wanted, block=number, deal_count=deal_count)
    made = deals.make_deals(wanted=wanted, block=number, deal_count=deal_count, accounts=accounts)
    planned = outcomes.arrivals(
        wanted=wanted,
        block=number,
        opened_day=made.opened_day,
        open_days=made.planned_days,
        tier=made.tier,
    )
    settled, kept = outcomes.settle(wanted=wanted, deals=made, planned=planned)
    given = Given(
        opened_day=made.opened_day,
        ends_day=np.minimum(settled.closed_day, wanted.last_day),
        tier=made.tier,
        sequence=made.sequence,
        recipient_count=accounts.contact_count[made.account],
        is_abroad=accounts.country[made.account] != company.HOME_COUNTRY,
    )
    return Block(
        number=number,
        accounts=accounts,
        deals=made,
        outcomes=settled,
        histories=histories.tell(wanted=wanted, block=number, deals=made, found=settled),
        laid=_lay(wanted, number, kept, given),
    )


def _lay(wanted: parameters.Parameters, block: int, found: outcomes.Arrivals, given: Given) -> Laid:
    chosen = gifts.choose(
        wanted=wanted,
        block=block,
        found=found,
        tier=given.tier,
        sequence=given.sequence,
        recipient_count=given.recipient_count,
    )
    events = gifts.happen(wanted=wanted, block=block, chosen=chosen, tier=given.tier)
    return Laid(
        chosen=chosen,
        events=events,
        lines=costs.charge(
            wanted=wanted,
            block=block,
            chosen=chosen,
            events=events,
            is_abroad=given.is_abroad[chosen.deal],
        ),
        touches=digital.touch(
            wanted=wanted,
            block=block,
            opened_day=given.opened_day,
            ends_day=given.ends_day,
            recipient_count=given.recipient_count,
        ),
    )

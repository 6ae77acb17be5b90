"""Hand the sandbox's arrays to the rooms below, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from attribution.services import batches as deal_batches
from gifting.domain import access
from gifting.services import batches as gift_batches
from integrations.domain.sandbox import (
    blocks,
    company,
    costs,
    deals,
    digital,
    gifts,
    histories,
    moments,
    names,
)
from integrations.domain.sandbox.draws import Ints

STATUSES: Final = ("OPEN", "WON", "LOST")
STAGE_STATUSES: Final = (*("OPEN",) * len(company.STAGES), "WON", "LOST")
FIRST_REPRESENTATIVE_ID: Final = 1

# The words that gifting platforms use for the steps.
_VENDOR_WORDS: Final = {
    gifts.State.PENDING_APPROVAL: "pending_approval",
    gifts.State.SCHEDULED: "scheduled",
    gifts.State.OFFERED: "sent",
    gifts.State.OPENED: "opened",
    gifts.State.CLICKED: "clicked",
    gifts.State.ACCEPTED: "accepted",
    gifts.State.IN_FULFILLMENT: "processing",
    gifts.State.SHIPPED: "shipped",
    gifts.State.DELIVERED: "delivered",
    gifts.State.DECLINED: "declined",
    gifts.State.EXPIRED: "expired",
    gifts.State.CANCELLED: "canceled",
    gifts.State.UNDELIVERABLE: "undeliverable",
    gifts.State.REFUNDED: "refunded",
}
_STEP_WORDS: Final = tuple(_VENDOR_WORDS[state] for state in gifts.STEPS)


@dataclass(frozen=True, slots=True)
class Reference:
    """How the rows below call a deal and those around it; one entry for each deal of a block."""

    opportunity: Sequence[str]
    account: Sequence[str]
    account_source: Sequence[str]
    currency: str
    prefix: str


def write_company(*, actor: access.Actor, block: blocks.Block) -> None:
    """Write the accounts, contacts, deals and histories of a block."""
    _write_accounts(actor, block.accounts)
    _write_contacts(actor, block.accounts)
    _write_opportunities(actor, block)
    _write_roles(actor, block)
    _write_histories(actor, block)


def write_gifts(*, actor: access.Actor, block: blocks.Block) -> None:
    """Write the gifts and touches of a block of the company; contacts receive them."""
    places = np.arange(len(block.deals.account))
    reference = Reference(
        opportunity=names.opportunity_ids(block.deals, places),
        account=names.account_ids(block.accounts, block.deals.account),
        account_source=[company.SOURCE] * len(places),
        currency=company.CURRENCY,
        prefix="",
    )
    chosen, touches = block.laid.chosen, block.laid.touches
    is_known = touches.person != digital.NOBODY
    people = names.contact_ids(
        block.accounts, _contact_places(block, touches.deal, np.maximum(touches.person, 0))
    )
    write_touches(
        actor=actor,
        touches=touches,
        reference=reference,
        contacts=[
            person if known else "" for person, known in zip(people, is_known.tolist(), strict=True)
        ],
    )
    contact = _contact_places(block, chosen.deal, chosen.recipient)
    _write_recipients(actor, block, contact)
    # Cost lines come last: their rollup is shared by all blocks, and locked until the commit.
    write_laid(
        actor=actor,
        laid=block.laid,
        reference=reference,
        recipients=names.contact_ids(block.accounts, contact),
    )


def write_laid(
    *,
    actor: access.Actor,
    laid: blocks.Laid,
    reference: Reference,
    recipients: Sequence[str],
) -> None:
    """Write gifts with what happened to them and what they cost."""
    chosen, events, lines = laid.chosen, laid.events, laid.lines
    deal_ids = _at(reference.opportunity, chosen.deal)
    send_ids = names.with_ordinal([f"G-{one}" for one in deal_ids], chosen.ordinal)
    codes = [f"{reference.prefix}{campaign.code}" for campaign in company.CAMPAIGNS]
    gift_batches.take_sends(
        actor=actor,
        source=company.SOURCE,
        rows=gift_batches.Sends(
            external_id=send_ids,
            campaign=names.pick(codes, chosen.campaign),
            vendor=names.pick(
                [f"{reference.prefix}{vendor.code}" for vendor in company.VENDORS], chosen.vendor
            ),
            gift_item=names.pick([item.sku for item in company.ITEMS], chosen.item),
            cost_center=names.pick(
                [f"{reference.prefix}{center.code}" for center in company.COST_CENTERS],
                chosen.cost_center,
            ),
            recipient=recipients,
            account_reference=_at(reference.account, chosen.deal),
            sender_reference=[
                f"R{FIRST_REPRESENTATIVE_ID + number % len(company.REPRESENTATIVES):02}"
                for number in chosen.deal.tolist()
            ],
        ),
        is_synthetic=True,
    )
    _write_events(actor, events, send_ids)
    _write_costs(actor, lines, send_ids, reference.currency)


def write_touches(
    *,
    actor: access.Actor,
    touches: digital.Touches,
    reference: Reference,
    contacts: Sequence[str],
) -> None:
    """Write digital touches; an empty contact is a person nobody knows."""
    deal_batches.take_digital_touches(
        actor=actor,
        source=company.SOURCE,
        rows=deal_batches.DigitalTouches(
            source_id=names.with_ordinal(
                [f"T-{one}" for one in _at(reference.opportunity, touches.deal)], touches.ordinal
            ),
            account_source=_at(reference.account_source, touches.deal),
            account=_at(reference.account, touches.deal),
            contact=contacts,
            campaign=names.pick(
                [f"{reference.prefix}{campaign.code}" for campaign in company.CAMPAIGNS],
                touches.campaign,
            ),
            occurred_at=touches.at.tolist(),
        ),
        is_synthetic=True,
    )


def _write_accounts(actor: access.Actor, accounts: deals.Accounts) -> None:
    places = np.arange(len(accounts.tier))
    parents = names.account_ids(accounts, np.maximum(accounts.parent, 0))
    deal_batches.take_accounts(
        actor=actor,
        source=company.SOURCE,
        rows=deal_batches.Accounts(
            external_id=names.account_ids(accounts, places),
            name=names.account_names(accounts.first_number + places),
            parent=[
                parent if place >= 0 else ""
                for parent, place in zip(parents, accounts.parent.tolist(), strict=True)
            ],
            industry=names.pick(company.INDUSTRIES, accounts.industry),
            country=names.pick(company.COUNTRIES, accounts.country),
            employees=accounts.employees.tolist(),
        ),
        is_synthetic=True,
    )


def _write_contacts(actor: access.Actor, accounts: deals.Accounts) -> None:
    account = np.repeat(np.arange(len(accounts.tier)), accounts.contact_count)
    numbers = np.arange(len(account))
    ids = names.contact_ids(accounts, numbers)
    deal_batches.take_contacts(
        actor=actor,
        source=company.SOURCE,
        rows=deal_batches.Contacts(
            external_id=ids,
            account=names.account_ids(accounts, account),
            name=names.person_names(numbers),
            email=names.emails(numbers, ids),
            title=names.pick(company.TITLES, numbers % len(company.TITLES)),
        ),
        is_synthetic=True,
    )


def _write_opportunities(actor: access.Actor, block: blocks.Block) -> None:
    made, told = block.deals, block.histories
    products = names.pick(company.PRODUCTS, made.product)
    accounts = names.account_names(block.accounts.first_number + made.account)
    deal_batches.take_opportunities(
        actor=actor,
        source=company.SOURCE,
        rows=deal_batches.Opportunities(
            external_id=names.opportunity_ids(made, np.arange(len(made.account))),
            account=names.account_ids(block.accounts, made.account),
            name=[
                f"{account}: {product}" for account, product in zip(accounts, products, strict=True)
            ],
            product=products,
            owner_reference=names.pick(company.REPRESENTATIVES, told.owner),
            stage=names.pick(histories.STAGE_NAMES, told.stage),
            status=names.pick(STATUSES, block.outcomes.status),
            amount_minor=_given(told.amount_minor, missing=-1),
            opened_at=told.opened_at.tolist(),
            closed_at=_given(told.closed_at, missing=moments.NEVER),
        ),
        currency=company.CURRENCY,
        is_synthetic=True,
    )


def _write_roles(actor: access.Actor, block: blocks.Block) -> None:
    """Give each deal two contacts of its account, another pair for each deal in turn."""
    made = block.deals
    ids = names.opportunity_ids(made, np.arange(len(made.account)))
    known = block.accounts.contact_count[made.account]
    first = block.accounts.first_contact[made.account]
    primary = first + made.sequence % known
    second = first + (made.sequence + 1) % known
    count = len(ids)
    roles = company.CONTACT_ROLES
    deal_batches.take_contact_roles(
        actor=actor,
        source=company.SOURCE,
        rows=deal_batches.ContactRoles(
            opportunity=ids * 2,
            contact=names.contact_ids(block.accounts, np.concatenate([primary, second])),
            role=[roles[0]] * count + names.pick(roles[1:], np.arange(count) % (len(roles) - 1)),
            is_primary=[1] * count + [0] * count,
        ),
    )


def _write_histories(actor: access.Actor, block: blocks.Block) -> None:
    ids = names.opportunity_ids(block.deals, np.arange(len(block.deals.account)))
    told = block.histories
    stages, amounts, owners = told.stages, told.amounts, told.owners
    deal_batches.take_stage_changes(
        actor=actor,
        source=company.SOURCE,
        rows=deal_batches.StageChanges(
            opportunity=_at(ids, stages.deal),
            source_id=_numbers(stages.ordinal),
            stage=names.pick(histories.STAGE_NAMES, stages.value),
            status=names.pick(STAGE_STATUSES, stages.value),
            changed_at=stages.at.tolist(),
        ),
    )
    deal_batches.take_amount_changes(
        actor=actor,
        source=company.SOURCE,
        rows=deal_batches.AmountChanges(
            opportunity=_at(ids, amounts.deal),
            source_id=_numbers(amounts.ordinal),
            amount_minor=amounts.value.tolist(),
            changed_at=amounts.at.tolist(),
        ),
        currency=company.CURRENCY,
    )
    deal_batches.take_owner_changes(
        actor=actor,
        source=company.SOURCE,
        rows=deal_batches.OwnerChanges(
            opportunity=_at(ids, owners.deal),
            source_id=_numbers(owners.ordinal),
            owner_reference=names.pick(company.REPRESENTATIVES, owners.value),
            changed_at=owners.at.tolist(),
        ),
    )


def _write_recipients(actor: access.Actor, block: blocks.Block, contact: Ints) -> None:
    received = np.unique(contact)
    ids = names.contact_ids(block.accounts, received)
    account = (
        np.searchsorted(block.accounts.first_contact, received, side="right").astype(np.int64) - 1
    )
    gift_batches.take_recipients(
        actor=actor,
        source=company.SOURCE,
        rows=gift_batches.Recipients(
            external_id=ids,
            name=names.person_names(received),
            email=names.emails(received, ids),
            country=names.pick(company.COUNTRIES, block.accounts.country[account]),
            account_reference=names.account_ids(block.accounts, account),
            contact_reference=ids,
        ),
    )


def _write_events(actor: access.Actor, events: gifts.Events, send_ids: Sequence[str]) -> None:
    gift_batches.take_events(
        actor=actor,
        source=company.SOURCE,
        rows=gift_batches.Events(
            send=_at(send_ids, events.gift),
            source_event_id=_numbers(events.step),
            to_state=names.pick(gifts.STEPS, events.step),
            vendor_status=names.pick(_STEP_WORDS, events.step),
            occurred_at=events.at.tolist(),
        ),
    )


def _write_costs(
    actor: access.Actor, lines: costs.Lines, send_ids: Sequence[str], currency: str
) -> None:
    gift_batches.take_cost_lines(
        actor=actor,
        source=company.SOURCE,
        rows=gift_batches.CostLines(
            send=_at(send_ids, lines.gift),
            component=names.pick(costs.COMPONENTS, lines.component),
            basis=names.pick(costs.BASES, lines.basis),
            version=lines.version.tolist(),
            amount_minor=lines.amount_minor.tolist(),
            change_minor=lines.change_minor.tolist(),
            occurred_at=moments.at(lines.day, moments.AFTERNOON).tolist(),
        ),
        currency=currency,
    )


def _contact_places(block: blocks.Block, deal: Ints, person: Ints) -> Ints:
    return np.asarray(
        block.accounts.first_contact[block.deals.account[deal]] + person, dtype=np.int64
    )


def _at(values: Sequence[str], places: Ints) -> list[str]:
    return names.pick(values, places)


def _numbers(values: Ints) -> list[str]:
    return list(map(str, values.tolist()))


def _given(values: Ints, *, missing: int) -> list[int | None]:
    return [None if value == missing else value for value in values.tolist()]

"""What is bought from whom: evidence for fewer vendors and better prices, by legal entity.

    purchases = invoice lines (net + non-recoverable tax) - their credit notes + outside spend
    maverick rate = purchases without an order, an agreed price or the tool / all purchases

Figures are of one currency and of papers dated in a window of days, the last day not included. A
vendor counts as the legal entity that it is merged into, so a merge moves names and never a total.
An approved vendor is one with an agreed price in force on the day. Everything is returned with the
rows it rests on, since published benchmarks of maverick buying disagree too much to be shown.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from gifting.domain import access, documents

TOP_ENTITIES: Final = 3
# The entities beyond those that make up this share of the spend are the tail.
HEAD_SHARE: Final = Fraction(4, 5)


@dataclass(frozen=True, slots=True)
class Window:
    """Which purchases count: of one currency, dated from one day and before another."""

    currency: str
    starts_on: dt.date
    ends_on: dt.date


class Purchase(NamedTuple):
    """One invoice line net of its credits, or one line of outside spend."""

    public_id: UUID
    kind: str
    vendor_id: int | None
    entity_id: int | None
    entity_name: str
    reference: str
    bought_on: dt.date
    amount_minor: int
    has_order: bool
    has_contract: bool
    item_id: int | None
    item_name: str
    quantity: int
    net_minor: int

    @property
    def is_maverick(self) -> bool:
        return not (self.has_order or self.has_contract)


class EntitySpend(NamedTuple):
    """What one legal entity was paid, under how many names; no id for merchants nobody knows."""

    entity_id: int | None
    name: str
    vendors: int
    amount_minor: int


class ItemPrices(NamedTuple):
    """What one unit of like items cost, by the prices of invoice lines; the median rounded down."""

    name: str
    vendors: int
    quantity: int
    lowest_minor: int
    median_minor: int
    highest_minor: int


class TierSaving(NamedTuple):
    """What the units bought in the window would have cost at the tier that their sum reaches."""

    entity_id: int
    item_name: str
    quantity: int
    minimum_quantity: int
    unit_price_minor: int
    paid_minor: int
    would_have_paid_minor: int

    @property
    def saving_minor(self) -> int:
        return max(0, self.paid_minor - self.would_have_paid_minor)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of an amount, with both sides of it."""

    numerator_minor: int
    denominator_minor: int

    @property
    def value(self) -> Fraction | None:
        """Return the exact share; None of nothing."""
        if not self.denominator_minor:
            return None
        return Fraction(self.numerator_minor, self.denominator_minor)


@dataclass(frozen=True, slots=True)
class Consolidation:
    """How spread the purchases of a window are, and what that costs."""

    entities: tuple[EntitySpend, ...]
    vendors: int
    top: Share
    tail: tuple[EntitySpend, ...]
    prices: tuple[ItemPrices, ...]
    savings: tuple[TierSaving, ...]

    @property
    def legal_entities(self) -> int:
        return sum(entity.entity_id is not None for entity in self.entities)

    @property
    def total_minor(self) -> int:
        return self.top.denominator_minor

    @property
    def tail_minor(self) -> int:
        return sum(entity.amount_minor for entity in self.tail)


@dataclass(frozen=True, slots=True)
class Maverick:
    """What was bought outside orders, agreed prices and the tool, of all that was bought."""

    rate: Share
    outside: tuple[Purchase, ...]
    inside: tuple[Purchase, ...]


def purchases(*, actor: access.Actor, window: Window) -> tuple[Purchase, ...]:
    """List the purchases of a window as the actor sees them; raises Forbidden."""
    actor.require(access.Permission.READ_SPEND)
    limits = actor.cost_center_ids
    with connection.cursor() as cursor:
        cursor.execute(
            _PURCHASES,
            {
                "currency": window.currency,
                "starts_on": window.starts_on,
                "ends_on": window.ends_on,
                "centers": None if limits is None else list(limits),
            },
        )
        return tuple(map(Purchase._make, cursor.fetchall()))


def by_entity(bought: Iterable[Purchase]) -> tuple[EntitySpend, ...]:
    """Sum purchases by legal entity, the largest first."""
    amounts: dict[int | None, int] = defaultdict(int)
    vendors: dict[int | None, set[int | None]] = defaultdict(set)
    names: dict[int | None, str] = {}
    for each in bought:
        amounts[each.entity_id] += each.amount_minor
        vendors[each.entity_id].add(each.vendor_id)
        names[each.entity_id] = each.entity_name
    found = [
        EntitySpend(entity, names[entity], len(vendors[entity] - {None}), amount)
        for entity, amount in amounts.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.amount_minor, each.name)))


def consolidation(*, actor: access.Actor, window: Window) -> Consolidation:
    """Return the evidence for fewer vendors and better prices; raises Forbidden."""
    bought = purchases(actor=actor, window=window)
    entities = by_entity(bought)
    known = [entity for entity in entities if entity.entity_id is not None]
    total_minor = sum(entity.amount_minor for entity in entities)
    return Consolidation(
        entities=entities,
        vendors=sum(entity.vendors for entity in known),
        top=Share(sum(entity.amount_minor for entity in known[:TOP_ENTITIES]), total_minor),
        tail=_tail(entities, total_minor),
        prices=_prices(bought),
        savings=_savings(bought, window),
    )


def maverick(*, actor: access.Actor, window: Window) -> Maverick:
    """Return the maverick rate with the rows on both sides of it; raises Forbidden."""
    bought = purchases(actor=actor, window=window)
    outside = tuple(each for each in bought if each.is_maverick)
    inside = tuple(each for each in bought if not each.is_maverick)
    return Maverick(
        rate=Share(
            sum(each.amount_minor for each in outside), sum(each.amount_minor for each in bought)
        ),
        outside=outside,
        inside=inside,
    )


def _tail(entities: Sequence[EntitySpend], total_minor: int) -> tuple[EntitySpend, ...]:
    """Return the entities after those that make up the head."""
    reached_minor = 0
    for number, entity in enumerate(entities):
        if reached_minor >= total_minor * HEAD_SHARE:
            return tuple(entities[number:])
        reached_minor += entity.amount_minor
    return ()


def _prices(bought: Iterable[Purchase]) -> tuple[ItemPrices, ...]:
    """Compare the prices of items that are called alike, whoever sells them."""
    like: dict[str, list[Purchase]] = defaultdict(list)
    for each in bought:
        if each.item_id is not None:
            like[documents.name_key(each.item_name)].append(each)
    found = []
    for name, rows in sorted(like.items()):
        prices = [Fraction(row.net_minor, row.quantity) for row in rows]
        found.append(
            ItemPrices(
                name,
                vendors=len({row.entity_id for row in rows}),
                quantity=sum(row.quantity for row in rows),
                lowest_minor=int(min(prices)),
                median_minor=int(statistics.median(prices)),
                highest_minor=int(max(prices)),
            )
        )
    return tuple(found)


def _savings(bought: Iterable[Purchase], window: Window) -> tuple[TierSaving, ...]:
    """Price each entity's units of an item at the tier that they reach together."""
    units: dict[tuple[int, str], list[Purchase]] = defaultdict(list)
    for each in bought:
        if each.item_id is not None and each.entity_id is not None:
            units[each.entity_id, documents.name_key(each.item_name)].append(each)
    tiers = _tiers(window)
    found = []
    for (entity, name), rows in sorted(units.items()):
        quantity = sum(row.quantity for row in rows)
        reached = [tier for tier in tiers.get((entity, name), ()) if tier[0] <= quantity]
        if reached:
            minimum, price = max(reached)
            paid = sum(row.net_minor for row in rows)
            found.append(TierSaving(entity, name, quantity, minimum, price, paid, quantity * price))
    return tuple(found)


def _tiers(window: Window) -> Mapping[tuple[int, str], list[tuple[int, int]]]:
    """Return the tiers in force on the last day of the window, by entity and name of the item."""
    with connection.cursor() as cursor:
        cursor.execute(
            _TIERS,
            {"currency": window.currency, "day": window.ends_on - dt.timedelta(days=1)},
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    tiers: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    for entity, item_name, minimum, price in rows:
        tiers[entity, documents.name_key(item_name)].append((minimum, price))
    return tiers


_PURCHASES: Final = """
    WITH bought AS (
        SELECT billed.public_id, 'INVOICE' AS kind, invoice.vendor_id, invoice.number AS reference,
            invoice.invoiced_on AS bought_on, budget.cost_center_id,
            billed.net_minor + billed.nonrecoverable_tax_minor - coalesce(off.cost, 0) AS amount,
            billed.order_line_id IS NOT NULL AS has_order, line.gift_item_id, billed.quantity,
            billed.net_minor - coalesce(off.net, 0) AS net
        FROM gifting_vendorinvoiceline AS billed
        JOIN gifting_vendorinvoice AS invoice ON invoice.id = billed.invoice_id
        JOIN gifting_budget AS budget ON budget.id = billed.budget_id
        LEFT JOIN gifting_purchaseorderline AS line ON line.id = billed.order_line_id
        LEFT JOIN (
            SELECT invoice_line_id, sum(net_minor)::bigint AS net,
                sum(net_minor + nonrecoverable_tax_minor)::bigint AS cost
            FROM gifting_creditnoteline GROUP BY invoice_line_id
        ) AS off ON off.invoice_line_id = billed.id
        WHERE invoice.currency = %(currency)s AND invoice.invoiced_on >= %(starts_on)s
            AND invoice.invoiced_on < %(ends_on)s
        UNION ALL
        SELECT public_id, source, vendor_id, native_id, spent_on, cost_center_id, amount_minor,
            false, NULL, 1, amount_minor
        FROM gifting_outsidespend
        WHERE currency = %(currency)s AND spent_on >= %(starts_on)s AND spent_on < %(ends_on)s
    )
    SELECT bought.public_id, bought.kind, bought.vendor_id, entity.entity_id,
        coalesce(vendor.name, ''), bought.reference, bought.bought_on, bought.amount,
        bought.has_order,
        bought.kind = 'INVOICE' AND EXISTS (
            SELECT FROM gifting_contractprice AS agreed
            JOIN gifting_vendorentity AS seller ON seller.vendor_id = agreed.vendor_id
            WHERE seller.entity_id = entity.entity_id AND agreed.currency = %(currency)s
                AND agreed.starts_on <= bought.bought_on
                AND (agreed.ends_on IS NULL OR agreed.ends_on > bought.bought_on)),
        item.id, coalesce(item.name, ''), bought.quantity, bought.net
    FROM bought
    LEFT JOIN gifting_vendorentity AS entity ON entity.vendor_id = bought.vendor_id
    LEFT JOIN gifting_vendor AS vendor ON vendor.id = entity.entity_id
    LEFT JOIN gifting_giftitem AS item ON item.id = bought.gift_item_id
    WHERE %(centers)s::bigint[] IS NULL OR bought.cost_center_id = ANY (%(centers)s)
    ORDER BY bought.bought_on, bought.public_id
"""

_TIERS: Final = """
    SELECT entity.entity_id, item.name, tier.minimum_quantity, tier.unit_price_minor
    FROM gifting_pricetier AS tier
    JOIN gifting_contractprice AS agreed ON agreed.id = tier.contract_price_id
    JOIN gifting_giftitem AS item ON item.id = agreed.gift_item_id
    JOIN gifting_vendorentity AS entity ON entity.vendor_id = agreed.vendor_id
    WHERE agreed.currency = %(currency)s AND agreed.starts_on <= %(day)s
        AND (agreed.ends_on IS NULL OR agreed.ends_on > %(day)s)
"""

"""Lay out what gifts are given for and from: cost centers, vendors, items, campaigns, budgets.

Every function adds what is missing by its code and leaves what is there as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gifting import models
from gifting.domain import access, money, refusals
from gifting.services import fiscal

Found = TypeVar("Found")


class UnknownCode(refusals.NotFound):
    code = "UNKNOWN_CODE"


@dataclass(frozen=True, slots=True)
class CostCenter:
    """A cost center and the code of the one above it."""

    code: str
    name: str
    parent: str


@dataclass(frozen=True, slots=True)
class Vendor:
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class GiftItem:
    """An item of a vendor, who is named by code."""

    sku: str
    name: str
    vendor: str
    list_price: money.Money
    personalization: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign of a cost center, which is named by code."""

    code: str
    name: str
    kind: str
    motion: str
    channel: str
    personalization: str
    cost_center: str
    owner_id: int | None
    starts_on: dt.date | None


@dataclass(frozen=True, slots=True)
class Budget:
    """The amount approved for a campaign in each of some fiscal periods."""

    campaign: str
    name: str
    amount: money.Money


def add_cost_centers(*, actor: access.Actor, rows: Iterable[CostCenter]) -> None:
    """Add cost centers, each after the one above it; raises Forbidden and UnknownCode."""
    actor.require(access.Permission.MANAGE_ACCESS)
    ids = cost_center_ids()
    for row in rows:
        if row.code in ids:
            continue
        added = models.CostCenter.objects.create(
            organization_id=actor.organization_id,
            code=row.code,
            name=row.name,
            parent_id=_known(ids, row.parent, "cost center"),
        )
        ids[row.code] = added.id


def add_vendors(*, actor: access.Actor, rows: Iterable[Vendor]) -> None:
    """Add vendors; raises Forbidden."""
    actor.require(access.Permission.WRITE_VENDORS)
    models.Vendor.objects.bulk_create(
        [
            models.Vendor(organization_id=actor.organization_id, code=row.code, name=row.name)
            for row in rows
        ],
        ignore_conflicts=True,
    )


def add_gift_items(*, actor: access.Actor, rows: Iterable[GiftItem]) -> None:
    """Add what vendors sell; raises Forbidden and UnknownCode."""
    actor.require(access.Permission.WRITE_VENDORS)
    vendors = dict(models.Vendor.objects.values_list("code", "id"))
    models.GiftItem.objects.bulk_create(
        [
            models.GiftItem(
                organization_id=actor.organization_id,
                vendor_id=_known(vendors, row.vendor, "vendor"),
                sku=row.sku,
                name=row.name,
                list_price_amount_minor=row.list_price.amount_minor,
                currency=row.list_price.currency,
                personalization=row.personalization,
            )
            for row in rows
        ],
        ignore_conflicts=True,
    )


def add_campaigns(*, actor: access.Actor, rows: Iterable[Campaign]) -> None:
    """Add campaigns; raises Forbidden and UnknownCode."""
    actor.require(access.Permission.WRITE_CAMPAIGNS)
    centers = cost_center_ids()
    models.Campaign.objects.bulk_create(
        [
            models.Campaign(
                organization_id=actor.organization_id,
                code=row.code,
                name=row.name,
                kind=row.kind,
                motion=row.motion,
                channel=row.channel,
                personalization=row.personalization,
                cost_center_id=_known(centers, row.cost_center, "cost center"),
                owner_id=row.owner_id,
                starts_on=row.starts_on,
            )
            for row in rows
        ],
        ignore_conflicts=True,
    )


def add_budgets(*, actor: access.Actor, rows: Sequence[Budget], period_ids: Iterable[int]) -> None:
    """Approve each amount in each fiscal period; raises Forbidden and UnknownCode."""
    actor.require(access.Permission.WRITE_BUDGETS)
    campaigns = {
        code: (campaign_id, center_id)
        for code, campaign_id, center_id in models.Campaign.objects.values_list(
            "code", "id", "cost_center_id"
        )
    }
    models.Budget.objects.bulk_create(
        [
            models.Budget(
                organization_id=actor.organization_id,
                campaign_id=_known(campaigns, row.campaign, "campaign")[0],
                cost_center_id=campaigns[row.campaign][1],
                fiscal_period_id=period_id,
                name=row.name,
                original_amount_minor=row.amount.amount_minor,
                currency=row.amount.currency,
            )
            for period_id in period_ids
            for row in rows
        ],
        ignore_conflicts=True,
    )


def period_ids(*, actor: access.Actor, first: dt.date, last: dt.date) -> tuple[int, ...]:
    """Return the fiscal periods that hold days from the first to the last, generated if needed.

    Raises FiscalYearOutOfRange.
    """
    days = [first + dt.timedelta(days=step) for step in range(0, (last - first).days, 28)]
    fiscal.ensure_periods(organization_id=actor.organization_id, dates=[*days, last])
    return tuple(
        models.FiscalPeriod.objects.filter(
            calendar__is_default=True, starts_on__lte=last, ends_on__gt=first
        )
        .order_by("starts_on")
        .values_list("id", flat=True)
    )


def cost_center_ids() -> dict[str, int]:
    """Return the cost centers by code."""
    return dict(models.CostCenter.objects.values_list("code", "id"))


def _known(rows: Mapping[str, Found], code: str, what: str) -> Found:
    if code not in rows:
        raise UnknownCode(f"There is no {what} {code!r}. Add it first.", field=what)
    return rows[code]

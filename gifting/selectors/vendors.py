"""Vendors and what they sell: the same for everyone in the company who plans or pays for gifts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from gifting import models
from gifting.domain import access
from gifting.selectors import records

READERS = (access.Permission.READ_CAMPAIGNS, access.Permission.READ_SPEND)


class VendorRecord(NamedTuple):
    """A vendor's row."""

    id: int
    public_id: UUID
    code: str
    name: str
    recorded_at: dt.datetime


class GiftItemRecord(NamedTuple):
    """A gift item's row."""

    id: int
    public_id: UUID
    sku: str
    name: str
    list_price_amount_minor: int
    currency: str
    personalization: str
    vendor_id: int


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on vendors."""

    codes: Collection[str] | None = records.lookup("code__in")
    name_contains: str | None = records.lookup("name__icontains")


SOURCE = records.Source(model=models.Vendor, record=VendorRecord, permissions=READERS)
GIFT_ITEMS = records.Source(model=models.GiftItem, record=GiftItemRecord, permissions=READERS)

"""Spend outside the tool, as rows for readers; what nobody claimed belongs to no cost center."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from gifting import models
from gifting.domain import access
from gifting.selectors import records


class OutsideSpendRecord(NamedTuple):
    """A row of another system."""

    id: int
    public_id: UUID
    source: str
    native_id: str
    merchant: str
    spent_on: dt.date
    amount_minor: int
    currency: str
    confidence_basis_points: int
    claimed_at: dt.datetime | None
    recorded_at: dt.datetime
    vendor_id: int | None
    budget_id: int | None


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on outside spend."""

    sources: Collection[str] | None = records.lookup("source__in")
    vendor_ids: Collection[UUID] | None = records.lookup("vendor__public_id__in")
    is_unclaimed: bool | None = records.lookup("claimed_at__isnull")
    is_of_unknown_vendor: bool | None = records.lookup("vendor__isnull")
    spent_from: dt.date | None = records.lookup("spent_on__gte")
    spent_before: dt.date | None = records.lookup("spent_on__lt")


SOURCE = records.Source(
    model=models.OutsideSpend,
    record=OutsideSpendRecord,
    permissions=(access.Permission.READ_BUDGETS,),
    cost_center="cost_center_id",
)

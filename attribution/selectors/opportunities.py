"""Opportunities with the contacts who have a role in them.

They belong to the company, not to a cost center: whoever may read attribution reads all of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from attribution import models
from gifting.domain import access
from gifting.selectors import records


class OpportunityRecord(NamedTuple):
    """An opportunity's row; who owns it is personal."""

    id: int
    public_id: UUID
    source: str
    external_id: str
    name: str
    product: str
    owner_reference: str | None
    stage: str
    status: str
    amount_minor: int | None
    currency: str
    opened_at: dt.datetime | None
    closed_at: dt.datetime | None
    is_synthetic: bool
    recorded_at: dt.datetime
    account_id: int | None
    fiscal_period_id: int | None


class ContactRoleRecord(NamedTuple):
    """A contact's part in an opportunity."""

    opportunity_id: int
    role: str
    is_primary: bool
    contact_id: int


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on opportunities; the times are half-open."""

    statuses: Collection[str] | None = records.lookup("status__in")
    external_ids: Collection[str] | None = records.lookup("external_id__in")
    account_ids: Collection[UUID] | None = records.lookup("account__public_id__in")
    fiscal_period_ids: Collection[UUID] | None = records.lookup("fiscal_period__public_id__in")
    currencies: Collection[str] | None = records.lookup("currency__in")
    closed_from: dt.datetime | None = records.lookup("closed_at__gte")
    closed_before: dt.datetime | None = records.lookup("closed_at__lt")
    is_synthetic: bool | None = records.lookup("is_synthetic")


SOURCE = records.Source(
    model=models.Opportunity,
    record=OpportunityRecord,
    permissions=(access.Permission.READ_ATTRIBUTION,),
    personal=frozenset({"owner_reference"}),
)
CONTACT_ROLES = records.Details(
    model=models.OpportunityContactRole,
    record=ContactRoleRecord,
    whole=SOURCE,
    link="opportunity_id",
    order=("-is_primary", "id"),
)

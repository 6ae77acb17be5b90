"""Touchpoints: senders see those of their own cost centers, as they do with spend and credit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from attribution import models
from gifting.domain import access
from gifting.selectors import records


class TouchpointRecord(NamedTuple):
    """A touchpoint's row."""

    id: int
    public_id: UUID
    source: str
    kind: str
    channel: str
    occurred_at: dt.datetime
    is_retracted: bool
    is_synthetic: bool
    account_id: int
    contact_id: int | None
    campaign_id: int | None
    vendor_id: int | None
    cost_center_id: int | None
    send_id: int | None


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on touchpoints; the times are half-open."""

    kinds: Collection[str] | None = records.lookup("kind__in")
    channels: Collection[str] | None = records.lookup("channel__in")
    account_ids: Collection[UUID] | None = records.lookup("account__public_id__in")
    campaign_ids: Collection[UUID] | None = records.lookup("campaign__public_id__in")
    occurred_from: dt.datetime | None = records.lookup("occurred_at__gte")
    occurred_before: dt.datetime | None = records.lookup("occurred_at__lt")
    is_retracted: bool | None = records.lookup("is_retracted")
    is_synthetic: bool | None = records.lookup("is_synthetic")


SOURCE = records.Source(
    model=models.Touchpoint,
    record=TouchpointRecord,
    permissions=(access.Permission.READ_ATTRIBUTION,),
    cost_center="cost_center_id",
)

"""Campaigns, as the ones who may read them see them: senders, those of their cost centers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from gifting import models
from gifting.domain import access
from gifting.selectors import records


class CampaignRecord(NamedTuple):
    """A campaign's row; who owns it is personal."""

    id: int
    public_id: UUID
    code: str
    name: str
    kind: str
    motion: str
    channel: str
    personalization: str
    starts_on: dt.date | None
    ends_on: dt.date | None
    recorded_at: dt.datetime
    cost_center_id: int
    owner_name: str | None


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on campaigns."""

    codes: Collection[str] | None = records.lookup("code__in")
    kinds: Collection[str] | None = records.lookup("kind__in")
    motions: Collection[str] | None = records.lookup("motion__in")
    channels: Collection[str] | None = records.lookup("channel__in")
    cost_center_ids: Collection[UUID] | None = records.lookup("cost_center__public_id__in")
    name_contains: str | None = records.lookup("name__icontains")


SOURCE = records.Source(
    model=models.Campaign,
    record=CampaignRecord,
    permissions=(access.Permission.READ_CAMPAIGNS,),
    cost_center="cost_center_id",
    personal=frozenset({"owner_name"}),
    columns={"owner_name": "owner__username"},
)

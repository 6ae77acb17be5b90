"""Sends with what happened to them and what they cost: senders see those of their cost centers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from gifting import models
from gifting.domain import access
from gifting.selectors import records

READERS = (access.Permission.READ_SPEND,)


class SendRecord(NamedTuple):
    """A send's row; who sent it is personal."""

    id: int
    public_id: UUID
    source: str
    external_id: str
    quantity: int
    state: str
    sent_at: dt.datetime | None
    delivered_at: dt.datetime | None
    recorded_at: dt.datetime
    account_reference: str
    sender_reference: str | None
    is_synthetic: bool
    campaign_id: int
    vendor_id: int
    gift_item_id: int | None
    recipient_id: int | None
    cost_center_id: int


class RecipientRecord(NamedTuple):
    """A recipient's row; all but the country and the account is personal."""

    id: int
    public_id: UUID
    name: str | None
    email: str | None
    country: str
    account_reference: str
    contact_reference: str | None


class CostRecord(NamedTuple):
    """What one component of a send costs as of its latest version."""

    send_id: int
    component: str
    version: int
    basis: str
    amount_minor: int
    currency: str
    occurred_on: dt.date
    fiscal_period_id: int


class EventRecord(NamedTuple):
    """One step of a send's life."""

    send_id: int
    number: int
    from_state: str
    to_state: str
    occurred_at: dt.datetime
    received_at: dt.datetime
    source: str
    vendor_status: str


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on sends; the times are half-open."""

    states: Collection[str] | None = records.lookup("state__in")
    campaign_ids: Collection[UUID] | None = records.lookup("campaign__public_id__in")
    vendor_ids: Collection[UUID] | None = records.lookup("vendor__public_id__in")
    cost_center_ids: Collection[UUID] | None = records.lookup("cost_center__public_id__in")
    external_ids: Collection[str] | None = records.lookup("external_id__in")
    sent_from: dt.datetime | None = records.lookup("sent_at__gte")
    sent_before: dt.datetime | None = records.lookup("sent_at__lt")
    is_synthetic: bool | None = records.lookup("is_synthetic")


SOURCE = records.Source(
    model=models.Send,
    record=SendRecord,
    permissions=READERS,
    cost_center="cost_center_id",
    personal=frozenset({"sender_reference"}),
)
# A recipient is reached through a send alone, which has been found visible by then.
RECIPIENTS = records.Source(
    model=models.Recipient,
    record=RecipientRecord,
    permissions=READERS,
    personal=frozenset({"name", "email", "contact_reference"}),
)

COSTS = records.Details(
    model=models.CostLine,
    record=CostRecord,
    whole=SOURCE,
    link="send_id",
    order=("component", "-version"),
    latest_of=("component",),
)
EVENTS = records.Details(
    model=models.SendEvent, record=EventRecord, whole=SOURCE, link="send_id", order=("number",)
)

"""Journal batches for readers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from gifting import models
from gifting.domain import access
from gifting.selectors import booked, records


class BatchRecord(NamedTuple):
    """A batch's row."""

    id: int
    public_id: UUID
    number: int
    kind: str
    dated_on: dt.date
    currency: str
    item_count: int
    total_minor: int
    content_sha256: str
    fiscal_period_id: int
    reverses_id: int | None
    voided_at: dt.datetime | None
    void_reason: str
    recorded_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on batches."""

    numbers: Collection[int] | None = records.lookup("number__in")
    kinds: Collection[str] | None = records.lookup("kind__in")
    fiscal_period_ids: Collection[UUID] | None = records.lookup("fiscal_period__public_id__in")
    is_in_force: bool | None = records.lookup("voided_at__isnull")


SOURCE = records.Source(model=models.JournalBatch, record=BatchRecord, permissions=booked.READERS)


def in_force(*, actor: access.Actor, period_id: int) -> tuple[BatchRecord, ...]:
    """Return all batches of a period that are not voided, by number; raises Forbidden."""
    booked.require(actor)
    rows = models.JournalBatch.objects.filter(fiscal_period_id=period_id, voided_at=None)
    found = rows.order_by("number").values_list(*BatchRecord._fields)
    return tuple(map(BatchRecord._make, found))

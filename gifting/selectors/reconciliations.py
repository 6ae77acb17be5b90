"""Tie-outs of the general ledger for readers, with the lines that stand alone."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from gifting import models
from gifting.domain import access
from gifting.selectors import booked, records

MOST_CAUSES = 250


class RunRecord(NamedTuple):
    """A run's row."""

    id: int
    public_id: UUID
    currency: str
    gl_total_minor: int
    ours_total_minor: int
    explained_minor: int
    unexplained_minor: int
    is_clear: bool
    fiscal_period_id: int
    recorded_at: dt.datetime


class CauseRecord(NamedTuple):
    """A line that stands alone, as either ledger knows it."""

    id: int
    public_id: UUID
    cause: str
    amount_minor: int
    is_explained: bool
    evidence: str
    note: str | None
    gl_reference: str | None
    transfer_id: UUID | None


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on runs."""

    fiscal_period_ids: Collection[UUID] | None = records.lookup("fiscal_period__public_id__in")
    currencies: Collection[str] | None = records.lookup("currency__in")


SOURCE = records.Source(
    model=models.ReconciliationRun, record=RunRecord, permissions=booked.READERS
)


def causes(*, actor: access.Actor, run_ids: Collection[int]) -> dict[int, tuple[CauseRecord, ...]]:
    """Return the first 250 lines of each run that stand alone, the unexplained first.

    Raises Forbidden.
    """
    booked.require(actor)
    place = Window(
        RowNumber(), partition_by=[F("run_id")], order_by=[F("is_explained").asc(), F("id").asc()]
    )
    rows = (
        models.ReconciliationCause.objects.filter(run_id__in=run_ids)
        .annotate(place=place)
        .filter(place__lte=MOST_CAUSES)
        .order_by("run_id", "place")
    )
    found: dict[int, list[CauseRecord]] = defaultdict(list)
    values = rows.values_list(
        "run_id",
        "id",
        "public_id",
        "cause",
        "amount_minor",
        "is_explained",
        "evidence",
        "explanation__note",
        "gl_line__reference",
        "transfer__public_id",
    )
    for run_id, *value in values:
        found[run_id].append(CauseRecord._make(value))
    return {run_id: tuple(of_run) for run_id, of_run in found.items()}

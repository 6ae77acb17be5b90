"""Attribution runs with their totals: which computation a figure comes from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from attribution import models
from gifting.domain import access
from gifting.selectors import records


class RunRecord(NamedTuple):
    """A run's row."""

    id: int
    public_id: UUID
    model: str
    rule_version: int
    lookback_days: int | None
    as_of: dt.datetime
    status: str
    is_current: bool
    finished_at: dt.datetime | None
    opportunity_count: int
    touchpoint_count: int
    credit_count: int
    missing_amount_count: int
    digest: str
    refusal: str


class TotalRecord(NamedTuple):
    """What a run found in one currency."""

    run_id: int
    currency: str
    won_revenue_minor: int
    attributed_minor: int
    unattributed_minor: int


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on runs."""

    models: Collection[str] | None = records.lookup("model__in")
    statuses: Collection[str] | None = records.lookup("status__in")
    is_current: bool | None = records.lookup("is_current")


SOURCE = records.Source(
    model=models.AttributionRun,
    record=RunRecord,
    permissions=(access.Permission.READ_ATTRIBUTION,),
)
TOTALS = records.Details(
    model=models.AttributionTotal,
    record=TotalRecord,
    whole=SOURCE,
    link="run_id",
    order=("currency",),
)

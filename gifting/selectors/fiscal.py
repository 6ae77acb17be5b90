"""Cost centers and fiscal periods: the two scales that every figure is cut by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from gifting import models
from gifting.domain import access, refusals
from gifting.selectors import records

# Whoever may read any figure may read what it is cut by.
READERS = (
    access.Permission.READ_SPEND,
    access.Permission.READ_BUDGETS,
    access.Permission.READ_CAMPAIGNS,
    access.Permission.READ_ATTRIBUTION,
)


class UnknownFiscalPeriod(refusals.NotFound):
    code = "UNKNOWN_FISCAL_PERIOD"


class CostCenterRecord(NamedTuple):
    """A cost center's row."""

    id: int
    public_id: UUID
    code: str
    name: str
    parent_id: int | None


class FiscalPeriodRecord(NamedTuple):
    """A fiscal period's row; its days run up to, and without, `ends_on`."""

    id: int
    public_id: UUID
    fiscal_year: int
    quarter: int
    number: int
    name: str
    starts_on: dt.date
    ends_on: dt.date


@dataclass(frozen=True, slots=True)
class CostCenterWhere(records.Where):
    """Conditions on cost centers."""

    codes: Collection[str] | None = records.lookup("code__in")
    parent_ids: Collection[UUID] | None = records.lookup("parent__public_id__in")


@dataclass(frozen=True, slots=True)
class FiscalPeriodWhere(records.Where):
    """Conditions on fiscal periods; a range meets the periods that share a day with it."""

    fiscal_years: Collection[int] | None = records.lookup("fiscal_year__in")
    quarters: Collection[int] | None = records.lookup("quarter__in")
    meets_from: dt.date | None = records.lookup("ends_on__gt")
    meets_before: dt.date | None = records.lookup("starts_on__lt")


COST_CENTERS = records.Source(
    model=models.CostCenter, record=CostCenterRecord, permissions=READERS, cost_center="id"
)
PERIODS = records.Source(model=models.FiscalPeriod, record=FiscalPeriodRecord, permissions=READERS)


def period_ids_named(*, actor: access.Actor, name: str) -> tuple[UUID, ...]:
    """Return the periods of the name, one a calendar; raises Forbidden and UnknownFiscalPeriod."""
    actor.require(access.Permission.READ_SPEND)
    found = tuple(models.FiscalPeriod.objects.filter(name=name).values_list("public_id", flat=True))
    if not found:
        raise UnknownFiscalPeriod(
            f"There is no fiscal period {name!r}. Look at the calendar for its name.",
            field="period",
        )
    return found

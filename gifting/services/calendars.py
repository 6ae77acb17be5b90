"""Edit the generated periods of a calendar: move a boundary, rename, split and merge.

The rule kept here: what was posted to keeps its days. A period is edited while it is open and
nothing was posted to it; a year never has a gap (`fiscal_periods_touch`) and never an overlap
(`fiscal_period_days_do_not_overlap`).
"""

from __future__ import annotations

import datetime as dt

from django.db import models as orm

from gifting import models
from gifting.domain import access, refusals
from gifting.domain.ledger import PeriodStatus
from gifting.services import operations, tenancy


class PeriodPosted(refusals.Conflict):
    code = "PERIOD_POSTED"


class BoundaryUnusable(refusals.Invalid):
    code = "BOUNDARY_UNUSABLE"


class UnknownPeriod(refusals.NotFound):
    code = "UNKNOWN_PERIOD"


def rename(*, actor: access.Actor, period_id: int, name: str) -> None:
    """Call a period by another name; raises Forbidden, UnknownPeriod and TextUnusable."""
    actor.require(access.Permission.CLOSE_PERIODS)
    said = operations.text(name, field="name", most=32)
    with tenancy.organization(actor.organization_id):
        period = _period(period_id)
        period.name = said
        period.save(update_fields=["name"])


def move_boundary(*, actor: access.Actor, period_id: int, ends_on: dt.date) -> None:
    """Let a period end, and the one after it begin, on another day.

    Raises Forbidden, UnknownPeriod, PeriodPosted and BoundaryUnusable.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    with tenancy.organization(actor.organization_id):
        period, after = _period(period_id), _after(period_id)
        _require_unposted(period, after)
        if not period.starts_on < ends_on < after.ends_on:
            raise BoundaryUnusable(
                f"The boundary between {period.name} and {after.name} lies between "
                f"{period.starts_on} and {after.ends_on}. Choose a day between them.",
                field="ends_on",
            )
        # The one that shrinks goes first: two periods never share a day.
        if ends_on < period.ends_on:
            _set(period, ends_on=ends_on)
            _set(after, starts_on=ends_on)
        else:
            _set(after, starts_on=ends_on)
            _set(period, ends_on=ends_on)


def split(*, actor: access.Actor, period_id: int, starts_on: dt.date, name: str) -> int:
    """Make a second period of the days from this one on; return its id.

    Raises Forbidden, UnknownPeriod, PeriodPosted, BoundaryUnusable and TextUnusable.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    said = operations.text(name, field="name", most=32)
    with tenancy.organization(actor.organization_id):
        period = _period(period_id)
        _require_unposted(period)
        if not period.starts_on < starts_on < period.ends_on:
            raise BoundaryUnusable(
                f"{period.name} has no day before {starts_on}, or none from it on. Choose a day "
                "inside it.",
                field="starts_on",
            )
        ends_on = period.ends_on
        for later in _later(period).order_by("-number"):
            later.number += 1
            later.save(update_fields=["number"])
        _set(period, ends_on=starts_on)
        made = models.FiscalPeriod(
            organization_id=actor.organization_id,
            calendar_id=period.calendar_id,
            fiscal_year=period.fiscal_year,
            quarter=period.quarter,
            number=period.number + 1,
            name=said,
            starts_on=starts_on,
            ends_on=ends_on,
        )
        made.save()
        return made.pk


def merge(*, actor: access.Actor, period_id: int, taken_id: int | None = None) -> None:
    """Let a period take in the one after it in its year, which nothing may name.

    Whoever names the one to be taken in merges once: a second time it is gone. Raises Forbidden,
    UnknownPeriod, BoundaryUnusable when another one follows, and PeriodPosted.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    with tenancy.organization(actor.organization_id):
        period, after = _period(period_id), _after(period_id)
        if taken_id not in (None, after.pk):
            raise BoundaryUnusable(
                f"{after.name} follows {period.name}. A period takes in the one after it.",
                field="taken_period",
            )
        _require_unposted(period, after)
        is_named = models.Budget.objects.filter(fiscal_period=after).exists()
        if is_named or models.PeriodEvent.objects.filter(fiscal_period=after).exists():
            raise _posted(after)
        ends_on = after.ends_on
        after.delete()
        _set(period, ends_on=ends_on)
        for later in _later(period).order_by("number"):
            later.number -= 1
            later.save(update_fields=["number"])


def _period(period_id: int) -> models.FiscalPeriod:
    period = models.FiscalPeriod.objects.select_for_update().filter(id=period_id).first()
    if period is None:
        raise UnknownPeriod(f"There is no fiscal period {period_id}.", field="fiscal_period")
    return period


def _after(period_id: int) -> models.FiscalPeriod:
    period = models.FiscalPeriod.objects.get(id=period_id)
    after = (
        models.FiscalPeriod.objects.select_for_update()
        .filter(
            calendar=period.calendar_id,
            fiscal_year=period.fiscal_year,
            starts_on=period.ends_on,
        )
        .first()
    )
    if after is None:
        raise UnknownPeriod(
            f"No period of the fiscal year follows {period.name}. Choose an earlier one.",
            field="fiscal_period",
        )
    return after


def _later(period: models.FiscalPeriod) -> orm.QuerySet[models.FiscalPeriod]:
    return models.FiscalPeriod.objects.filter(
        calendar=period.calendar_id,
        fiscal_year=period.fiscal_year,
        number__gt=period.number,
    )


def _require_unposted(*periods: models.FiscalPeriod) -> None:
    for period in periods:
        is_posted = (
            period.status != PeriodStatus.OPEN
            or models.Transfer.objects.filter(fiscal_period=period).exists()
            or models.CostLine.objects.filter(fiscal_period=period).exists()
        )
        if is_posted:
            raise _posted(period)


def _posted(period: models.FiscalPeriod) -> PeriodPosted:
    return PeriodPosted(
        f"{period.name} is closed or in use, and keeps its days. Edit a later period.",
        field="fiscal_period",
    )


def _set(period: models.FiscalPeriod, **days: dt.date) -> None:
    for name, day in days.items():
        setattr(period, name, day)
    period.save(update_fields=list(days))

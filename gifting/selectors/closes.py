"""What a close needs to know: the checklist, the stored figures and what changed between them."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Max

from gifting import models
from gifting.domain import access, closes, ledger, money, refusals
from gifting.domain.journals import batches
from gifting.selectors import booked, records
from gifting.selectors import chart as charts

MOST_DIFFERENCES: Final = 1_000


class CloseRecord(NamedTuple):
    """A version of closing figures."""

    id: int
    public_id: UUID
    version: int
    line_count: int
    control_total_minor: int
    sha256: str
    fiscal_period_id: int
    recorded_at: dt.datetime


class RestatementRecord(NamedTuple):
    """A fact of a closed period that was posted later."""

    id: int
    public_id: UUID
    cause: str
    amount_minor: int
    spend_change_minor: int
    currency: str
    belongs_to_id: int
    posted_to_id: int
    transfer_public_id: UUID
    effective_on: dt.date
    recorded_at: dt.datetime


@dataclass(frozen=True, slots=True)
class CloseWhere(records.Where):
    """Conditions on closes."""

    fiscal_period_ids: Collection[UUID] | None = records.lookup("fiscal_period__public_id__in")


@dataclass(frozen=True, slots=True)
class RestatementWhere(records.Where):
    """Conditions on restatements."""

    belongs_to_ids: Collection[UUID] | None = records.lookup("belongs_to__public_id__in")
    posted_to_ids: Collection[UUID] | None = records.lookup("posted_to__public_id__in")
    currencies: Collection[str] | None = records.lookup("currency__in")


CLOSES = records.Source(model=models.PeriodClose, record=CloseRecord, permissions=booked.READERS)
RESTATEMENTS = records.Source(
    model=models.Restatement,
    record=RestatementRecord,
    permissions=booked.READERS,
    columns={
        "transfer_public_id": "transfer__public_id",
        "effective_on": "transfer__effective_on",
    },
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A line that two versions of closing figures tell differently; None is no such line."""

    fund_id: int | None
    account_code: str
    bucket: str
    currency: str
    before_minor: int | None
    after_minor: int | None
    before_movement_minor: int | None
    after_movement_minor: int | None


@dataclass(frozen=True, slots=True)
class Figure:
    """What a bucket of a fund, or an account, moved in a period and stood at when it ended."""

    fund_id: int | None
    account_code: str
    bucket: str
    currency: str
    movement_minor: int
    closing_minor: int

    @property
    def key(self) -> tuple[int | None, str, str, str]:
        return self.fund_id, self.account_code, self.bucket, self.currency


def checklist(*, actor: access.Actor, period: models.FiscalPeriod) -> tuple[closes.Check, ...]:
    """Look at every item as it is now; raises Forbidden."""
    lines = booked.lines(actor=actor, period=period)
    chart = charts.chart(actor=actor)
    return (
        _softly_closed(period),
        _accruals(lines, period),
        _exceptions(period),
        _invoices(period),
        _coding(lines, chart, period),
        _journals(lines),
        _tie_out(lines, period),
    )


def stored(*, actor: access.Actor, close: models.PeriodClose) -> tuple[Figure, ...]:
    """Return a version of closing figures as it was stored; raises Forbidden."""
    booked.require(actor)
    return tuple(
        Figure(*row)
        for row in close.lines.order_by("id").values_list(
            "fund_id", "account_code", "bucket", "currency", "movement_minor", "closing_minor"
        )
    )


def present(*, actor: access.Actor, period: models.FiscalPeriod) -> tuple[Figure, ...]:
    """Return what the figures of a period would be if it were closed now; raises Forbidden."""
    booked.require(actor)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM closing_figures(%s, %s)", [actor.organization_id, period.pk])
        return tuple(Figure(*row) for row in cursor.fetchall())


def differences(
    *, actor: access.Actor, before: models.PeriodClose, after: models.PeriodClose
) -> tuple[Difference, ...]:
    """Return the lines that two versions tell differently; raises Forbidden."""
    old = {figure.key: figure for figure in stored(actor=actor, close=before)}
    new = {figure.key: figure for figure in stored(actor=actor, close=after)}
    keys = sorted(old.keys() | new.keys(), key=lambda key: (key[0] or 0, *key[1:]))
    return tuple(
        _difference(old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)
    )


def differences_between(
    *, actor: access.Actor, before: UUID, after: UUID
) -> tuple[Difference, ...]:
    """Return the first 1,000 lines that differ; raises Forbidden and NotFound."""
    booked.require(actor)
    found = {
        row.public_id: row
        for row in models.PeriodClose.objects.filter(public_id__in=[before, after])
    }
    for public_id, name in ((before, "before_id"), (after, "after_id")):
        if public_id not in found:
            raise refusals.NotFound("There is no such close for you.", field=name)
    return differences(actor=actor, before=found[before], after=found[after])[:MOST_DIFFERENCES]


def _difference(before: Figure | None, after: Figure | None) -> Difference:
    known = before or after
    assert known is not None  # noqa: S101 - one of two keys was there
    return Difference(
        *known.key,
        before_minor=before.closing_minor if before else None,
        after_minor=after.closing_minor if after else None,
        before_movement_minor=before.movement_minor if before else None,
        after_movement_minor=after.movement_minor if after else None,
    )


def _softly_closed(period: models.FiscalPeriod) -> closes.Check:
    is_met = period.status != ledger.PeriodStatus.OPEN
    return closes.Check(
        closes.Item.SOFT_CLOSED, is_met, int(not is_met), f"{period.name} is {period.status}"
    )


def _accruals(lines: list[booked.Line], period: models.FiscalPeriod) -> closes.Check:
    """Compare what is accrued at the end of the period with the journal of it, to the unit."""
    ours = {
        line.transfer_id: abs(line.amount_minor)
        for line in lines
        if line.role is batches.Kind.ACCRUAL
    }
    told = dict(
        models.JournalItem.objects.filter(
            fiscal_period=period, kind=batches.Kind.ACCRUAL.value, is_voided=False
        ).values_list("transfer_id", "amount_minor")
    )
    apart = {key for key in ours.keys() | told.keys() if ours.get(key) != told.get(key)}
    detail = f"{len(ours)} deliveries are accrued: {_sums(lines, batches.Kind.ACCRUAL)}"
    return closes.Check(closes.Item.ACCRUALS, not apart, len(apart), detail)


def _exceptions(period: models.FiscalPeriod) -> closes.Check:
    unsettled = models.OverrunException.objects.filter(
        resolved_at=None,
        transfer__fiscal_period__calendar_id=period.calendar_id,
        transfer__fiscal_period__ends_on__lte=period.ends_on,
    ).count()
    return closes.Check(
        closes.Item.EXCEPTIONS, not unsettled, unsettled, "overruns that nobody settled"
    )


def _invoices(period: models.FiscalPeriod) -> closes.Check:
    unsettled = models.MatchException.objects.filter(
        resolved_at=None,
        invoice__fiscal_period__calendar_id=period.calendar_id,
        invoice__fiscal_period__ends_on__lte=period.ends_on,
    ).count()
    detail = "invoices that match no order or receipt, unsettled"
    return closes.Check(closes.Item.INVOICES, not unsettled, unsettled, detail)


def _coding(
    lines: list[booked.Line], chart: charts.Chart, period: models.FiscalPeriod
) -> closes.Check:
    days = {batches.Kind.ACCRUAL: period.ends_on - dt.timedelta(days=1)}
    missing = [
        line
        for line in lines
        if line.role is not batches.Kind.REVERSAL
        and line.batch_number is None
        and chart.mapping_of(line, day=days.get(line.role, line.effective_on)) is None
    ]
    named = ", ".join(sorted({line.budget_name for line in missing})[:5])
    detail = f"spend without an account, of {named}" if missing else "all spend has an account"
    return closes.Check(closes.Item.CODING, not missing, len(missing), detail)


def _journals(lines: list[booked.Line]) -> closes.Check:
    untold = [
        line for line in lines if line.role is batches.Kind.SPEND and line.batch_number is None
    ]
    detail = f"invoiced, not in a journal: {_sums(untold, batches.Kind.SPEND)}"
    return closes.Check(closes.Item.JOURNALS, not untold, len(untold), detail)


def _tie_out(lines: list[booked.Line], period: models.FiscalPeriod) -> closes.Check:
    """See that the latest run of each currency is of the latest import, and leaves nothing open."""
    totals: Counter[str] = Counter()
    for line in lines:
        totals[line.currency] += line.amount_minor
    imported = models.GlImport.objects.filter(fiscal_period=period).order_by("-id").first()
    imported_in = set(imported.lines.values_list("currency", flat=True)) if imported else set()
    latest = models.ReconciliationRun.objects.filter(
        id__in=models.ReconciliationRun.objects.filter(fiscal_period=period)
        .values("currency")
        .annotate(latest=Max("id"))
        .values("latest")
    )
    runs = {run.currency: run for run in latest}
    apart = [
        currency
        for currency in sorted({*totals, *imported_in})
        if not _is_tied_out(runs.get(currency), imported, totals[currency])
    ]
    shown = [
        f"{run.currency} {money.Money(run.unexplained_minor, run.currency)} unexplained"
        for run in runs.values()
    ]
    detail = "; ".join(shown) or "the general ledger was not compared"
    return closes.Check(closes.Item.TIE_OUT, not apart, len(apart), detail)


def _is_tied_out(
    run: models.ReconciliationRun | None, imported: models.GlImport | None, ours_minor: int
) -> bool:
    return (
        run is not None
        and imported is not None
        and run.gl_import_id == imported.pk
        and run.ours_total_minor == ours_minor
        and run.is_clear
        and run.unexplained_minor == 0
    )


def _sums(lines: list[booked.Line], role: batches.Kind) -> str:
    totals: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        if line.role is role:
            totals[line.currency] += line.amount_minor
    return ", ".join(str(money.Money(total, code)) for code, total in sorted(totals.items())) or "0"

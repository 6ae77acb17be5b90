"""Reports of spending and budgets: as they are now, as they were at a cut, and what changed since.

`REPORTS` names every kind that can be taken, re-run and signed. A kind is a query over append-only
facts (see `facts`); all else follows from it: the rows at a cut, the facts that came later, and the
difference, which is exactly their sum. Reports are of the whole organization: whoever sees a part
of it alone takes none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from gifting import models
from gifting.domain import access, exchange, money, refusals, reports
from gifting.selectors import exchange as rates
from gifting.selectors import facts

MOST_ROWS: Final = 100_000
MOST_FACTS: Final = 10_000
MOST_IDS: Final = 1_000

IDS: Final = ("budgets", "periods", "vendors", "campaigns", "cost_centers")


class UnknownReport(refusals.Invalid):
    code = "UNKNOWN_REPORT"


class ReportParametersUnusable(refusals.Invalid):
    code = "REPORT_PARAMETERS_UNUSABLE"


class ReportTooLarge(refusals.Invalid):
    code = "REPORT_TOO_LARGE"


@dataclass(frozen=True, slots=True)
class Report:
    """A kind of report: who may read it, what it can be asked, and the facts it is the sum of."""

    permission: access.Permission
    parameters: tuple[str, ...]
    keys: Callable[[Mapping[str, Any]], tuple[str, ...]]
    measures: tuple[str, ...]
    query: Callable[[Mapping[str, Any]], str]
    about: str
    logic_version: int = 1

    def code_version(self, parameters: Mapping[str, Any]) -> str:
        """Name the formula by the digest of its text: it changes when the formula does."""
        return reports.digest(self.query(parameters).encode())[:16]


class Fact(NamedTuple):
    """A fact that a report did not hold, and by how much it moves which figure."""

    kind: str
    id: UUID
    fact_on: dt.date
    recorded_at: dt.datetime
    keys: tuple[str, ...]
    measures: tuple[int, ...]


class Signature(NamedTuple):
    """Who signed a snapshot, in which role."""

    role: reports.SignRole
    person: str
    signed_at: dt.datetime
    note: str


class Snapshot(NamedTuple):
    """A report as it was taken."""

    public_id: UUID
    kind: str
    taken_at: dt.datetime
    sha256: str
    row_count: int
    logic_version: int
    code_version: str
    signatures: tuple[Signature, ...]


_OF_BUDGETS: Final = ("budgets", "periods", "currency")

REPORTS: Final[Mapping[str, Report]] = {
    "BUDGETS": Report(
        access.Permission.READ_BUDGETS,
        _OF_BUDGETS,
        lambda _: facts.BUDGET_KEYS,
        facts.BUDGET_MEASURES,
        facts.budgets,
        "The figures of every budget, with what stands below it.",
    ),
    "REGISTER": Report(
        access.Permission.READ_BUDGETS,
        _OF_BUDGETS,
        lambda _: facts.REGISTER_KEYS,
        ("amount",),
        facts.register,
        "Every entry that changed what a budget may spend.",
    ),
    "COMMITMENTS": Report(
        access.Permission.READ_BUDGETS,
        _OF_BUDGETS,
        lambda _: facts.COMMITMENT_KEYS,
        facts.COMMITMENT_MEASURES,
        facts.commitments,
        "What was reserved, and what became of it.",
    ),
    "POSTINGS": Report(
        access.Permission.READ_BUDGETS,
        _OF_BUDGETS,
        lambda _: facts.POSTING_KEYS,
        ("amount",),
        facts.postings,
        "The ledger, transfer by transfer, by the periods of posting.",
    ),
    "SPEND": Report(
        access.Permission.READ_SPEND,
        ("by", "periods", "vendors", "campaigns", "cost_centers", "currency"),
        lambda parameters: (*parameters["by"], reports.CURRENCY),
        ("amount",),
        facts.spend,
        "Landed cost by any dimensions of its lines.",
    ),
}


def get(*, kind: str) -> Report:
    """Return a kind of report; raises UnknownReport."""
    if kind not in REPORTS:
        raise UnknownReport(
            f"There is no report {kind[:40]!a}. There are {', '.join(sorted(REPORTS))}.",
            field="kind",
        )
    return REPORTS[kind]


class UnknownSnapshot(refusals.NotFound):
    code = "UNKNOWN_SNAPSHOT"


def snapshots(
    *, actor: access.Actor, most: int, ids: Collection[UUID] | None = None
) -> tuple[Snapshot, ...]:
    """Return the snapshots of the kinds that the actor may read, the last taken first.

    Raises Forbidden for whoever sees a part of the organization alone.
    """
    _require_whole(actor)
    readable = [kind for kind, report in REPORTS.items() if actor.may(report.permission)]
    rows = models.ReportSnapshot.objects.filter(kind__in=readable)
    if ids is not None:
        rows = rows.filter(public_id__in=ids)
    return tuple(
        Snapshot(
            row.public_id,
            row.kind,
            row.recorded_at,
            row.sha256,
            row.row_count,
            row.logic_version,
            row.code_version,
            tuple(
                Signature(
                    reports.SignRole(each.role),
                    each.user.get_username(),
                    each.recorded_at,
                    each.note,
                )
                for each in sorted(row.signatures.all(), key=lambda each: each.pk)
            ),
        )
        for row in rows.prefetch_related("signatures__user").order_by("-id")[:most]
    )


def cut_of(*, actor: access.Actor, snapshot: UUID) -> rates.Cut:
    """Return the cut of a snapshot, for any report to be of; raises UnknownSnapshot, Forbidden."""
    _require_whole(actor)
    row = models.ReportSnapshot.objects.filter(public_id=snapshot).first()
    if row is None:
        raise UnknownSnapshot(f"There is no snapshot {snapshot}.", field="as_of")
    return rates.Cut(row.cut, row.cluster_epoch)


def read_parameters(*, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters in the one form that they are kept in.

    Raises UnknownReport, UnknownCurrency and ReportParametersUnusable.
    """
    report = get(kind=kind)
    unknown = sorted(given.keys() - set(report.parameters))
    if unknown:
        raise _unusable(f"{kind} has no parameter {unknown[0][:40]!a}.")
    found: dict[str, Any] = {}
    for name in report.parameters:
        value = given.get(name)
        if name == "by":
            found[name] = _dimensions(value or ())
        elif value is not None:
            found[name] = _ids(name, value) if name in IDS else _currency(value)
    return found


def cut_now() -> rates.Cut:
    """Return what is over at this moment, for a report to be of."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT cut::text, epoch FROM current_cut()")
        return rates.Cut(*cursor.fetchone())


def run(
    *,
    actor: access.Actor,
    kind: str,
    parameters: Mapping[str, Any],
    cut: rates.Cut | None = None,
) -> reports.Table:
    """Return the rows of a report as of a cut, or as they are.

    Raises Forbidden, UnknownReport and ReportTooLarge.
    """
    report = _allowed(actor, kind)
    keys = report.keys(parameters)
    sums = ", ".join(f"sum({measure})" for measure in report.measures)
    names = ", ".join(keys)
    rows = _rows(
        f"SELECT {names}, {sums} FROM ({report.query(parameters)}) AS fact WHERE was_there"
        f" GROUP BY {names} LIMIT {MOST_ROWS + 1}",
        parameters,
        cut,
    )
    if len(rows) > MOST_ROWS:
        raise ReportTooLarge(f"The report has more than {MOST_ROWS:,} rows. Narrow it.")
    return reports.table(
        keys, report.measures, ((row[: len(keys)], row[len(keys) :]) for row in rows)
    )


def since(
    *, actor: access.Actor, kind: str, parameters: Mapping[str, Any], cut: rates.Cut
) -> tuple[Fact, ...]:
    """Return the facts that are there now and were not at the cut, in the order of recording.

    Raises Forbidden, UnknownReport and ReportTooLarge.
    """
    report = _allowed(actor, kind)
    keys = report.keys(parameters)
    rows = _rows(
        f"SELECT fact_kind, fact_id, fact_on, recorded_at, {', '.join((*keys, *report.measures))}"
        f" FROM ({report.query(parameters)}) AS fact WHERE NOT was_there"
        f" ORDER BY recorded_at, fact_id, {', '.join(keys)} LIMIT {MOST_FACTS + 1}",
        parameters,
        cut,
    )
    if len(rows) > MOST_FACTS:
        raise ReportTooLarge(f"More than {MOST_FACTS:,} facts came since. Narrow the report.")
    return tuple(_fact(row, len(keys)) for row in rows)


def labels(*, table: reports.Table) -> dict[str, str]:
    """Return the names, as they are, of the records that the keys of a table are ids of."""
    named = {
        "budget": models.Budget,
        "fiscal_period": models.FiscalPeriod,
        "cost_center": models.CostCenter,
        "campaign": models.Campaign,
        "vendor": models.Vendor,
    }
    found: dict[str, str] = {}
    for place, key in enumerate(table.keys):
        if key in named:
            ids = {row.keys[place] for row in table.rows if row.keys[place]}
            rows = named[key].objects.filter(public_id__in=ids)  # type: ignore[attr-defined]
            found |= {str(each): name for each, name in rows.values_list("public_id", "name")}
    return found


def converted(
    *,
    actor: access.Actor,
    table: reports.Table,
    rate_set: Mapping[str, str],
    cut: rates.Cut | None = None,
) -> dict[str, Any]:
    """Return the rows in the reporting currency of a rate set, and the rates that were used.

    Each figure is rounded once; the total is the sum of the rows. Raises RateMissing and RateStale.
    """
    place = table.keys.index(reports.CURRENCY)
    target, on = rate_set["currency"], dt.date.fromisoformat(rate_set["on"])
    rate_type = exchange.RateType(rate_set["rate_type"])
    paths = {
        currency: rates.path(
            actor=actor,
            from_currency=currency,
            to_currency=target,
            on=on,
            rate_type=rate_type,
            cut=cut,
        )
        for currency in sorted({row.keys[place] for row in table.rows})
    }
    rows = [[*row.keys, *_in_currency(paths[row.keys[place]], row.measures)] for row in table.rows]
    width = len(table.keys)
    return {
        **rate_set,
        "rates": {
            currency: [[str(leg.public_id), str(leg.rate_date), str(leg.rate)] for leg in path.legs]
            for currency, path in paths.items()
        },
        "rows": rows,
        "totals": {
            measure: sum(row[width + at] for row in rows)
            for at, measure in enumerate(table.measures)
        },
    }


def constant_currency(
    *,
    actor: access.Actor,
    table: reports.Table,
    rate_set: Mapping[str, str],
    cut: rates.Cut | None = None,
) -> tuple[reports.ConstantCurrency, ...]:
    """Return each figure by a rate set and by the BUDGET rates of its day, line by line.

    Raises RateMissing and RateStale, for the plan's rates as well.
    """
    planned = {**rate_set, "rate_type": exchange.RateType.BUDGET.value}
    width = len(table.keys)
    both = zip(
        converted(actor=actor, table=table, rate_set=rate_set, cut=cut)["rows"],
        converted(actor=actor, table=table, rate_set=planned, cut=cut)["rows"],
        strict=True,
    )
    return tuple(
        reports.ConstantCurrency(
            tuple(actual[:width]), tuple(actual[width:]), tuple(constant[width:])
        )
        for actual, constant in both
    )


def read_rate_set(given: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return a rate set in its one form; raises ReportParametersUnusable and UnknownCurrency."""
    if given is None:
        return None
    if given.keys() != {"currency", "rate_type", "on"}:
        raise _unusable("A rate set names a currency, a rate_type and a day (on).")
    if given["rate_type"] not in set(exchange.RateType):
        raise _unusable(f"The rate_type is one of {', '.join(exchange.RateType)}.")
    try:
        on = dt.date.fromisoformat(given["on"])
    except ValueError:
        raise _unusable("The day of a rate set is written as 2026-10-30.") from None
    return {
        "currency": _currency(given["currency"]),
        "rate_type": given["rate_type"],
        "on": on.isoformat(),
    }


def _in_currency(path: exchange.Path, measures: tuple[int, ...]) -> list[int]:
    return [path.convert(money.Money(each, path.from_currency)).amount_minor for each in measures]


def _allowed(actor: access.Actor, kind: str) -> Report:
    report = get(kind=kind)
    actor.require(report.permission)
    _require_whole(actor)
    return report


def _require_whole(actor: access.Actor) -> None:
    if actor.cost_center_ids is not None:
        raise refusals.Forbidden(
            "A report that can be signed is of the whole organization. Ask finance for it."
        )


def _rows(
    query: str, parameters: Mapping[str, Any], cut: rates.Cut | None
) -> list[tuple[Any, ...]]:
    values: dict[str, Any] = dict.fromkeys((*IDS, "currency"))
    values |= {name: value for name, value in parameters.items() if name != "by"}
    values |= {"cut": cut.snapshot if cut else None, "epoch": cut.epoch if cut else None}
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _fact(row: tuple[Any, ...], keys: int) -> Fact:
    kind, fact_id, fact_on, recorded_at, *rest = row
    return Fact(
        kind,
        fact_id,
        fact_on,
        recorded_at,
        tuple("" if key is None else str(key) for key in rest[:keys]),
        tuple(int(value) for value in rest[keys:]),
    )


def _dimensions(value: Any) -> list[str]:
    if not isinstance(value, list | tuple) or len(set(value)) < len(value):
        raise _unusable("`by` lists dimensions, each once.")
    for name in value:
        if name not in facts.SPEND_DIMENSIONS:
            raise _unusable(
                f"{str(name)[:40]!a} is no dimension. There are "
                f"{', '.join(facts.SPEND_DIMENSIONS)}."
            )
    return list(value)


def _ids(name: str, value: Any) -> list[str]:
    if not isinstance(value, list | tuple) or len(value) > MOST_IDS:
        raise _unusable(f"`{name}` lists up to {MOST_IDS:,} ids.")
    try:
        return sorted({str(UUID(str(each))) for each in value})
    except ValueError:
        raise _unusable(f"`{name}` holds something that is no id.") from None


def _currency(value: Any) -> str:
    money.exponent(value)
    return str(value)


def _unusable(message: str) -> ReportParametersUnusable:
    return ReportParametersUnusable(message, field="parameters")

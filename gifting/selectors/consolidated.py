"""Consolidated spend: the same money cut by any dimension or by two, which always adds up.

Landed cost comes from the two rollups that move in the statement that adds the cost lines; only a
cut by person together with vendor, campaign, program or component reads the lines themselves. The
ledger's bases come from its transfers. What has no value of a dimension is a slice of its own, so
that the slices of every cut sum to the same total, in each currency.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db import connection, models
from django.db.models import Case, F, Max, Q, QuerySet, Sum, Value, When
from django.utils import crypto

from gifting import models as tables
from gifting.domain import access, cuts, ledger, money
from gifting.domain.cuts import Basis, Dimension
from gifting.selectors import spend

PSEUDONYM_LETTERS: Final = 10


class Served(StrEnum):
    """Where the figures were read."""

    ROLLUP = "ROLLUP"
    COST_LINES = "COST_LINES"
    LEDGER = "LEDGER"


@dataclass(frozen=True, slots=True)
class Key:
    """What a slice is a slice of: the record's public id where it is one, and its label."""

    dimension: Dimension
    id: UUID | None
    label: str


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the spend; `rolled_up` is a department's with all below it."""

    keys: tuple[Key, ...]
    amount: money.Money
    rolled_up: money.Money | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The slices of a cut, largest first, and what they stand on."""

    cut: Dimension
    then: Dimension | None
    basis: Basis
    served: Served
    slices: tuple[Slice, ...]
    changed_at: dt.datetime | None

    def totals(self, measure: cuts.Measure = cuts.Measure.SPEND) -> tuple[money.Money, ...]:
        """Add the slices up, one sum a currency; raises NotAdditive."""
        return cuts.add_up(measure, (each.amount for each in self.slices))


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the slices add up to beside what the rows below them add up to, in one currency."""

    cut_total: money.Money
    ledger_total: money.Money
    row_count: int

    @property
    def difference(self) -> money.Money:
        return self.cut_total - self.ledger_total


@dataclass(frozen=True, slots=True)
class Difference:
    """A slice of a rollup that is not the sum of its lines."""

    rollup: str
    slice: str
    stored_minor: int
    told_minor: int


def get(
    *,
    actor: access.Actor,
    cut: Dimension,
    then: Dimension | None = None,
    basis: Basis = Basis.LANDED_COST,
    currency: str | None = None,
    where: spend.Cut | None = None,
) -> Report:
    """Cut the spend that the actor sees, in one currency or in each.

    Raises Forbidden, CutTwice, UnknownCurrency, and TooManyRows beyond 5,000 slices.
    """
    cuts.require_two(cut, then)
    where = where or spend.Cut()
    dimensions = (cut,) if then is None else (cut, then)
    source = _source(basis, dimensions, where)
    rows = _rows(source, actor, basis, currency, where)
    columns = [source.columns[dimension] for dimension in dimensions]
    groups = spend.bounded(
        rows.annotate(**{f"key_{place}": each for place, each in enumerate(columns)})
        .values_list(*(f"key_{place}" for place in range(len(columns))), source.currency)
        .annotate(amount=Sum(source.amount(basis)), changed=Max(source.changed))
        .order_by()[: spend.MOST_ROWS + 1]
    )
    found = {tuple(row[: len(dimensions)] + row[-3:-2]): int(row[-2] or 0) for row in groups}
    slices = _slices(actor, dimensions, found)
    if then is None:
        slices = _complete(slices, cut)
    return Report(
        cut=cut,
        then=then,
        basis=basis,
        served=source.served,
        slices=tuple(sorted(slices, key=_place)),
        changed_at=max((row[-1] for row in groups if row[-1]), default=None),
    )


def reconcile(
    *,
    actor: access.Actor,
    report: Report,
    currency: str | None = None,
    where: spend.Cut | None = None,
) -> tuple[Reconciliation, ...]:
    """Add up the rows that the report stands on, one by one, and set its totals beside them."""
    source = _LEDGER if report.served is Served.LEDGER else _LINES
    rows = _rows(source, actor, report.basis, currency, where or spend.Cut())
    told = {
        found: (int(amount or 0), count)
        for found, amount, count in rows.values_list(source.currency)
        .annotate(amount=Sum(source.amount(report.basis)), count=models.Count("id"))
        .order_by()
    }
    shown = {total.currency: total for total in report.totals()}
    return tuple(
        Reconciliation(
            cut_total=shown.get(each, money.Money.zero(each)),
            ledger_total=money.Money(told.get(each, (0, 0))[0], each),
            row_count=told.get(each, (0, 0))[1],
        )
        for each in sorted(shown.keys() | told.keys())
    )


def differences(*, actor: access.Actor) -> tuple[Difference, ...]:
    """Compare every slice of both rollups with the lines; nothing, unless something is broken."""
    actor.require(access.Permission.READ_SPEND)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rollup, slice::text, stored_minor, told_minor FROM spend_differences(%s)"
            " ORDER BY 1, 2 LIMIT %s",
            [actor.organization_id, spend.MOST_ROWS],
        )
        return tuple(Difference(*row) for row in cursor.fetchall())


def pseudonym(*, organization_id: UUID, reference: str) -> str:
    """Name a person for those who may not know who it is: the same one each time, and no other."""
    sealed = crypto.salted_hmac("gifting.person", f"{organization_id} {reference}")
    return f"Person {sealed.hexdigest()[:PSEUDONYM_LETTERS]}"


@dataclass(frozen=True, slots=True)
class _Source:
    """A table that spend can be read from, and how it names the dimensions."""

    served: Served
    model: Any
    amount: Callable[[Basis], Any]
    changed: str
    currency: str
    columns: Mapping[Dimension, Any]
    filters: Mapping[str, str] = field(
        default_factory=lambda: {
            "cost_center": "cost_center",
            "fiscal_period": "fiscal_period",
            "campaign": "campaign",
            "vendor": "vendor",
        }
    )


def _source(basis: Basis, dimensions: Collection[Dimension], where: spend.Cut) -> _Source:
    if basis is not Basis.LANDED_COST:
        return _LEDGER
    if Dimension.PERSON not in dimensions:
        return _ROLLUP
    if set(dimensions) <= _SENDERS.columns.keys() and not (where.campaign_ids or where.vendor_ids):
        return _SENDERS
    return _LINES


def _rows(
    source: _Source, actor: access.Actor, basis: Basis, currency: str | None, where: spend.Cut
) -> QuerySet[Any]:
    actor.require(access.Permission.READ_SPEND)
    if source.served is Served.LEDGER:
        actor.require(access.Permission.READ_BUDGETS)
    rows: QuerySet[Any] = source.model.objects.filter(*_conditions(source, where))
    if actor.cost_center_ids is not None:
        center = f"{source.filters['cost_center']}_id__in"
        rows = rows.filter(**{center: sorted(actor.cost_center_ids)})
    if currency is not None:
        money.exponent(currency)
        rows = rows.filter(**{source.currency: currency})
    return rows.filter(_counts(basis)) if source.served is Served.LEDGER else rows


def _conditions(source: _Source, where: spend.Cut) -> Iterable[Q]:
    period = source.filters["fiscal_period"]
    asked = {
        f"{period}__fiscal_year": where.fiscal_year,
        f"{period}__quarter": where.quarter,
        f"{period}__public_id__in": list(where.fiscal_period_ids) or None,
    }
    yield Q(**{name: value for name, value in asked.items() if value is not None})
    for name, ids in (
        ("campaign", where.campaign_ids),
        ("vendor", where.vendor_ids),
        ("cost_center", where.cost_center_ids),
    ):
        if ids:
            path = source.filters.get(name)
            yield Q(**{f"{path}__public_id__in": list(ids)}) if path else Q(pk__in=[])


def _slices(
    actor: access.Actor,
    dimensions: Sequence[Dimension],
    found: Mapping[tuple[Any, ...], int],
) -> list[Slice]:
    names = [
        _names(actor, dimension, {key[place] for key in found})
        for place, dimension in enumerate(dimensions)
    ]
    rolled_up = _rolled_up(found) if dimensions == (Dimension.DEPARTMENT,) else {}
    if rolled_up:
        names = [_names(actor, Dimension.DEPARTMENT, {center for center, _ in rolled_up})]
    return [
        Slice(
            keys=tuple(named[value] for named, value in zip(names, key[:-1], strict=True)),
            amount=money.Money(found.get(key, 0), key[-1]),
            rolled_up=money.Money(rolled_up[key], key[-1]) if rolled_up else None,
        )
        for key in (rolled_up or found)
    ]


def _names(actor: access.Actor, dimension: Dimension, values: Collection[Any]) -> Mapping[Any, Key]:
    """Say what each value is called; what has none is `(none)`."""
    nothing = Key(dimension, None, cuts.NONE_LABEL)
    named: dict[Any, Key] = {None: nothing, "": nothing}
    present = [value for value in values if value not in named]
    if dimension in _RECORDS:
        rows = _RECORDS[dimension].objects.filter(id__in=present)
        named |= {
            row_id: Key(dimension, public_id, name)
            for row_id, public_id, name in rows.values_list("id", "public_id", "name")
        }
    elif dimension is Dimension.PERSON and not actor.may(access.Permission.READ_PERSONAL_DATA):
        hidden = {
            each: pseudonym(organization_id=actor.organization_id, reference=each)
            for each in present
        }
        named |= {each: Key(dimension, None, label) for each, label in hidden.items()}
    else:
        named |= {each: Key(dimension, None, str(each)) for each in present}
    return named


def _rolled_up(found: Mapping[tuple[Any, ...], int]) -> dict[tuple[Any, ...], int]:
    """Add each department's spend to all that are above it."""
    parents = dict(tables.CostCenter.objects.values_list("id", "parent_id"))
    sums: dict[tuple[Any, ...], int] = defaultdict(int)
    for (center, currency), amount in found.items():
        above = center
        while above is not None:
            sums[above, currency] += amount
            above = parents.get(above)
        if center is None:
            sums[None, currency] += amount
    return sums


def _complete(slices: list[Slice], cut: Dimension) -> list[Slice]:
    """Show the slice without a value in every currency, where a value is not a must."""
    if cut not in cuts.OPTIONAL:
        return slices
    missing = {each.amount.currency for each in slices} - {
        each.amount.currency for each in slices if each.keys[0].label == cuts.NONE_LABEL
    }
    nothing = Key(cut, None, cuts.NONE_LABEL)
    return slices + [Slice((nothing,), money.Money.zero(currency)) for currency in missing]


def _place(row: Slice) -> tuple[Any, ...]:
    return (row.amount.currency, -row.amount.amount_minor, [key.label for key in row.keys])


def _in(basis: Basis) -> list[str]:
    buckets = [ledger.Bucket.ACTUAL]
    if basis is Basis.ACCRUAL:
        buckets.append(ledger.Bucket.ACCRUED)
    return [bucket.value for bucket in buckets]


def _counts(basis: Basis) -> Q:
    """Keep the transfers that enter or leave what the basis counts."""
    inside = _in(basis)
    enters, leaves = Q(to_bucket__in=inside), Q(from_bucket__in=inside)
    return (enters & ~leaves) | (leaves & ~enters)


def _moved(basis: Basis) -> Case:
    return Case(When(to_bucket__in=_in(basis), then=F("amount_minor")), default=-F("amount_minor"))


_OF_LINES: Final[Mapping[Dimension, Any]] = {
    Dimension.VENDOR: F("vendor_id"),
    Dimension.DEPARTMENT: F("cost_center_id"),
    Dimension.PROGRAM: F("campaign__program_id"),
    Dimension.CAMPAIGN: F("campaign_id"),
    Dimension.CURRENCY: F("currency"),
    Dimension.PERIOD: F("fiscal_period_id"),
    Dimension.COMPONENT: F("component"),
}
_ROLLUP: Final = _Source(
    served=Served.ROLLUP,
    model=tables.SpendRollup,
    amount=lambda _: F("amount_minor"),
    changed="changed_at",
    currency="currency",
    columns=_OF_LINES,
)
_SENDERS: Final = _Source(
    served=Served.ROLLUP,
    model=tables.SenderSpend,
    amount=lambda _: F("amount_minor"),
    changed="changed_at",
    currency="currency",
    columns={
        Dimension.PERSON: F("sender_reference"),
        Dimension.DEPARTMENT: F("cost_center_id"),
        Dimension.CURRENCY: F("currency"),
        Dimension.PERIOD: F("fiscal_period_id"),
    },
)
_LINES: Final = _Source(
    served=Served.COST_LINES,
    model=tables.CostLine,
    amount=lambda _: F("change_minor"),
    changed="recorded_at",
    currency="currency",
    columns={**_OF_LINES, Dimension.PERSON: F("send__sender_reference")},
)
# A transfer belongs to a budget, which has no vendor, no sender and no component.
_NOBODY: Final = Value(None, output_field=models.BigIntegerField())
_LEDGER: Final = _Source(
    served=Served.LEDGER,
    model=tables.Transfer,
    amount=_moved,
    changed="recorded_at",
    currency="fund__currency",
    columns={
        Dimension.DEPARTMENT: F("fund__budget__cost_center_id"),
        Dimension.PROGRAM: F("fund__budget__campaign__program_id"),
        Dimension.CAMPAIGN: F("fund__budget__campaign_id"),
        Dimension.CURRENCY: F("fund__currency"),
        Dimension.PERIOD: F("fiscal_period_id"),
        Dimension.VENDOR: _NOBODY,
        Dimension.PERSON: _NOBODY,
        Dimension.COMPONENT: _NOBODY,
    },
    filters={
        "cost_center": "fund__budget__cost_center",
        "fiscal_period": "fiscal_period",
        "campaign": "fund__budget__campaign",
    },
)
_RECORDS: Final[Mapping[Dimension, type[Any]]] = {
    Dimension.VENDOR: tables.Vendor,
    Dimension.DEPARTMENT: tables.CostCenter,
    Dimension.PROGRAM: tables.Program,
    Dimension.CAMPAIGN: tables.Campaign,
    Dimension.PERIOD: tables.FiscalPeriod,
}

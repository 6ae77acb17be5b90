"""The chart of accounts, and the mapping that a spend goes by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gifting import models
from gifting.domain import access, codings, ledger
from gifting.domain.journals import batches
from gifting.selectors import booked

_BUCKET: Final = {
    batches.Kind.SPEND: ledger.Bucket.ACTUAL,
    batches.Kind.ACCRUAL: ledger.Bucket.ACCRUED,
    batches.Kind.REVERSAL: ledger.Bucket.ACCRUED,
}


@dataclass(frozen=True, slots=True)
class Chart:
    """The accounts, mappings and cost centers as they are now, read once."""

    accounts: Mapping[int, batches.Account]
    mappings: Mapping[int, models.GlMapping]
    rules: tuple[codings.Mapping, ...]
    parents: Mapping[int, int | None]

    def mapping_of(self, line: booked.Line, *, day: dt.date) -> models.GlMapping | None:
        """Return the mapping that a line of spend goes by, or None."""
        found = codings.closest(
            self.rules,
            codings.Spend(
                cost_center_ids=self._upward(line.cost_center_id),
                component=line.component,
                recipient_class=line.recipient_class,
                bucket=_BUCKET[line.role],
                day=day,
            ),
        )
        return self.mappings[found.id] if found else None

    def require(self, line: booked.Line, *, day: dt.date) -> models.GlMapping:
        """Return the mapping that a line of spend goes by; raises MappingMissing."""
        found = self.mapping_of(line, day=day)
        if found is None:
            what = f"{line.component or 'any component'} for {line.recipient_class or 'anyone'}"
            raise codings.MappingMissing(
                f"No general ledger account is mapped for {_BUCKET[line.role]} spend of the budget "
                f"{line.budget_name!r} ({what}) on {day}. Add a mapping that fits it.",
                field="mapping",
            )
        return found

    def _upward(self, cost_center_id: int | None) -> tuple[int, ...]:
        way: list[int] = []
        while cost_center_id is not None and cost_center_id not in way:
            way.append(cost_center_id)
            cost_center_id = self.parents.get(cost_center_id)
        return tuple(way)


def chart(*, actor: access.Actor) -> Chart:
    """Read the chart of accounts; raises Forbidden."""
    booked.require(actor)
    mappings = {row.pk: row for row in models.GlMapping.objects.all()}
    return Chart(
        accounts=accounts(models.GlAccount.objects.all()),
        mappings=mappings,
        rules=tuple(_rule(row) for row in mappings.values()),
        parents=dict(models.CostCenter.objects.values_list("id", "parent_id")),
    )


def accounts(rows: Iterable[models.GlAccount]) -> dict[int, batches.Account]:
    """Return accounts with their names under their parents."""
    by_id = {row.pk: row for row in rows}
    return {
        row.pk: batches.Account(
            code=row.code,
            name=row.name,
            path=_path(row, by_id),
            kind=batches.AccountKind(row.kind),
            tax_rate=row.tax_rate,
        )
        for row in by_id.values()
    }


def _path(row: models.GlAccount, by_id: Mapping[int, models.GlAccount]) -> str:
    names = [row.name]
    # A parent is there before its child, so that the way up ends.
    while row.parent_id is not None:
        row = by_id[row.parent_id]
        names.append(row.name)
    return ":".join(reversed(names))


def _rule(row: models.GlMapping) -> codings.Mapping:
    return codings.Mapping(
        id=row.pk,
        cost_center_id=row.cost_center_id,
        component=row.component,
        recipient_class=row.recipient_class,
        bucket=ledger.Bucket(row.bucket),
        valid_from=row.valid_from,
    )

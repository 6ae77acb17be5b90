"""Tell the accounting system of the ledger: once each, in numbered batches, in files that stay.

A batch is made of what the period's spend is made of (`selectors/booked`) and of the accounts that
the chart maps it to; it keeps both. A voided batch keeps its number, and what it told may be told
again. Files are written when they are first asked for and are the same bytes ever after.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import connection

from gifting import models
from gifting.domain import access, refusals
from gifting.domain.journals import batches, cells, formats
from gifting.domain.ledger import OperationKind, PeriodStatus
from gifting.selectors import booked
from gifting.selectors import chart as charts
from gifting.services import fiscal, operations, tenancy
from gifting.services.operations import Answer, Plan

LONGEST_MEMO: Final = 200
_DAY: Final = dt.timedelta(days=1)


class NothingToTell(refusals.Conflict):
    code = "NOTHING_TO_EXPORT"


class UnknownBatch(refusals.NotFound):
    code = "UNKNOWN_JOURNAL_BATCH"


class UnknownPeriod(refusals.NotFound):
    code = "UNKNOWN_PERIOD"


class BatchVoided(refusals.Conflict):
    code = "JOURNAL_BATCH_VOIDED"


class ReversalFollows(refusals.Conflict):
    code = "JOURNAL_REVERSAL_FOLLOWS_ITS_ACCRUAL"


class PeriodStillOpen(refusals.Conflict):
    code = "PERIOD_STILL_OPEN"


class BatchChanged(refusals.Conflict):
    code = "JOURNAL_BATCH_CHANGED"


@dataclass(frozen=True, slots=True)
class _Head:
    """What a batch has beside its items."""

    public_id: UUID
    period: models.FiscalPeriod
    kind: batches.Kind
    dated_on: dt.date
    currency: str


def create(
    *, actor: access.Actor, key: str, period_id: int, kind: batches.Kind, currency: str
) -> Answer:
    """Make a batch of what the period's spend or accruals were not told of yet.

    A batch of accruals brings its reversal along, dated the first day of the next period. Raises
    Forbidden, UnknownPeriod, PeriodStillOpen, NothingToTell, MappingMissing and what
    `operations.perform` refuses.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    if kind is batches.Kind.REVERSAL:
        raise ReversalFollows(
            "A reversal is made with its accrual. Make a batch of accruals.", field="kind"
        )

    def plan(_: UUID) -> Plan:
        _lock(actor)
        period = period_of(period_id)
        if kind is batches.Kind.ACCRUAL and period.status == PeriodStatus.OPEN:
            raise PeriodStillOpen(
                f"{period.name} is open, and what is delivered may still be invoiced in it. Close "
                "it softly first.",
                field="period",
            )
        made = _items(actor, period, kind, currency)
        batch_id, reversal_id = uuid4(), uuid4() if kind is batches.Kind.ACCRUAL else None

        def then(operation_pk: int) -> None:
            head = _Head(batch_id, period, kind, period.ends_on - _DAY, currency)
            batch = _write(actor, operation_pk, head, made)
            if reversal_id is not None:
                back = _Head(
                    reversal_id,
                    _next(actor, period),
                    batches.Kind.REVERSAL,
                    period.ends_on,
                    currency,
                )
                turned = [_turned(pk, item) for pk, item in made]
                _write(actor, operation_pk, back, turned, reverses=batch)

        return Plan(
            response={
                "batch": str(batch_id),
                "reversal": str(reversal_id) if reversal_id else None,
                "item_count": len(made),
            },
            then=then,
        )

    return operations.perform(
        actor=actor,
        kind=OperationKind.CREATE_JOURNAL,
        key=key,
        request={"period": period_id, "kind": kind.value, "currency": currency},
        plan=plan,
    )


def void(*, actor: access.Actor, key: str, batch: UUID, reason: str, at: dt.datetime) -> Answer:
    """Void a batch, and the reversal of one of accruals; the numbers stay.

    Raises Forbidden, UnknownBatch, BatchVoided, ReversalFollows and TextUnusable.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    why = operations.text(reason, field="reason")

    def plan(_: UUID) -> Plan:
        _lock(actor)
        found = _batch(batch)
        if found.kind == batches.Kind.REVERSAL:
            raise ReversalFollows(
                f"{found} takes back a batch of accruals. Void that one.", field="batch"
            )
        if found.is_voided:
            raise BatchVoided(f"{found} is voided already.", field="batch")
        models.JournalBatch.objects.filter(pk=found.pk).update(
            voided_at=at, voided_by_id=actor.user_id, void_reason=why
        )
        return Plan(response={"batch": str(batch)})

    return operations.perform(
        actor=actor,
        kind=OperationKind.VOID_JOURNAL,
        key=key,
        request={"batch": batch, "reason": reason},
        plan=plan,
    )


def files(
    *, actor: access.Actor, batch: UUID, written_as: batches.Format
) -> tuple[batches.File, ...]:
    """Return the files of a batch: the bytes that were first written, whatever changed since.

    Raises Forbidden, UnknownBatch, JournalUnusable, and BatchChanged when what is stored is not
    what the batch was made with.
    """
    booked.require(actor)
    with tenancy.organization(actor.organization_id):
        found = _batch(batch)
        kept = _kept(found, written_as)
        if not kept:
            _lock(actor)
            kept = _kept(found, written_as) or _written(actor, found, written_as)
    for file in kept:
        if formats.sha256(bytes(file.content)) != file.sha256:
            raise BatchChanged(f"{file.name} is not what was written. Look for who changed it.")
    return tuple(batches.File(file.name, bytes(file.content)) for file in kept)


def content(*, actor: access.Actor, batch: models.JournalBatch) -> batches.Batch:
    """Return what a batch says; raises Forbidden, and BatchChanged when its items differ."""
    booked.require(actor)
    told = batches.Batch(
        number=batch.number,
        kind=batches.Kind(batch.kind),
        dated_on=batch.dated_on,
        currency=batch.currency,
        **batch.heading,
        items=tuple(
            _item(row) for row in batch.items.select_related("transfer").order_by("number")
        ),
    )
    if formats.content_sha256(told) != batch.content_sha256:
        raise BatchChanged(f"{batch} is not what it was made with. Look for who changed it.")
    return told


def count() -> int:
    """Return how many batches there are, voided ones too; numbers have no gaps."""
    return _next_number() - 1


def period_of(period_id: int) -> models.FiscalPeriod:
    """Return a period; raises UnknownPeriod."""
    period = models.FiscalPeriod.objects.filter(id=period_id).first()
    if period is None:
        raise UnknownPeriod(f"There is no fiscal period {period_id}.", field="period")
    return period


def period_named(name: str) -> models.FiscalPeriod:
    """Return a period of the calendar that decides, by its name; raises UnknownPeriod."""
    period = models.FiscalPeriod.objects.filter(name=name, calendar__is_default=True).first()
    if period is None:
        raise UnknownPeriod(
            f"There is no fiscal period {name!r}. Look at the calendar for its name.",
            field="period",
        )
    return period


def _items(
    actor: access.Actor, period: models.FiscalPeriod, kind: batches.Kind, currency: str
) -> list[tuple[int, batches.Item]]:
    """Return the items that are not told of yet, each with the key of its transfer."""
    read = booked.spends if kind is batches.Kind.SPEND else booked.accruals
    untold = [
        line
        for line in read(actor=actor, period=period)
        if line.currency == currency and line.batch_number is None
    ]
    if not untold:
        raise NothingToTell(
            f"{period.name} has no {kind.lower()} in {currency} that was not exported.",
            field="period",
        )
    chart = charts.chart(actor=actor)
    return [
        (line.transfer_id, _new_item(chart, line, number, period))
        for number, line in enumerate(untold, start=1)
    ]


def _new_item(
    chart: charts.Chart, line: booked.Line, number: int, period: models.FiscalPeriod
) -> batches.Item:
    is_spend = line.role is batches.Kind.SPEND
    mapping = chart.require(line, day=line.effective_on if is_spend else period.ends_on - _DAY)
    sides = chart.accounts[mapping.account_id], chart.accounts[mapping.counter_account_id]
    debit, credit = sides if line.amount_minor > 0 else reversed(sides)
    return batches.Item(
        number=number,
        transfer=line.public_id,
        amount_minor=abs(line.amount_minor),
        debit=debit,
        credit=credit,
        memo=cells.clean(f"{line.budget_name} {line.tag}", most=LONGEST_MEMO),
        tag=cells.clean(line.tag, most=LONGEST_MEMO),
        department=mapping.department,
        class_name=mapping.class_name,
        location=mapping.location,
        subsidiary=mapping.subsidiary,
        payee=mapping.payee,
    )


def _write(
    actor: access.Actor,
    operation_pk: int,
    head: _Head,
    made: Sequence[tuple[int, batches.Item]],
    *,
    reverses: models.JournalBatch | None = None,
) -> models.JournalBatch:
    organization = models.Organization.objects.get(id=actor.organization_id)
    heading = {
        "organization": organization.slug,
        "period": head.period.name,
        "home_currency": organization.currency,
    }
    told = batches.Batch(
        number=_next_number(),
        kind=head.kind,
        dated_on=head.dated_on,
        currency=head.currency,
        **heading,
        items=tuple(item for _, item in made),
    )
    batch = models.JournalBatch.objects.create(
        organization_id=actor.organization_id,
        public_id=head.public_id,
        operation_id=operation_pk,
        fiscal_period=head.period,
        kind=head.kind.value,
        dated_on=head.dated_on,
        currency=head.currency,
        reverses=reverses,
        item_count=len(made),
        total_minor=sum(item.amount_minor for _, item in made),
        heading=heading,
        content_sha256=formats.content_sha256(told),
        created_by_id=actor.user_id,
    )
    models.JournalItem.objects.bulk_create(
        models.JournalItem(
            organization_id=actor.organization_id,
            batch=batch,
            number=item.number,
            transfer_id=transfer_pk,
            amount_minor=item.amount_minor,
            debit=_frozen(item.debit),
            credit=_frozen(item.credit),
            memo=item.memo,
            tag=item.tag,
            department=item.department,
            class_name=item.class_name,
            location=item.location,
            subsidiary=item.subsidiary,
            payee=item.payee,
        )
        for transfer_pk, item in made
    )
    return batch


def _turned(transfer_pk: int, item: batches.Item) -> tuple[int, batches.Item]:
    """Return the item the other way round."""
    values = {name: getattr(item, name) for name in item.__dataclass_fields__}
    turned = batches.Item(**{**values, "debit": item.credit, "credit": item.debit})
    return transfer_pk, turned


def _next(actor: access.Actor, period: models.FiscalPeriod) -> models.FiscalPeriod:
    """Return the period that begins when this one ends; raises UnknownPeriod."""
    fiscal.ensure_periods(organization_id=actor.organization_id, dates=[period.ends_on])
    found = models.FiscalPeriod.objects.filter(
        calendar_id=period.calendar_id, starts_on=period.ends_on
    ).first()
    if found is None:
        raise UnknownPeriod(
            f"No fiscal period begins on {period.ends_on}, where the reversal goes. Add it.",
            field="period",
        )
    return found


def _item(row: models.JournalItem) -> batches.Item:
    return batches.Item(
        number=row.number,
        transfer=row.transfer.public_id,
        amount_minor=row.amount_minor,
        debit=_account(row.debit),
        credit=_account(row.credit),
        memo=row.memo,
        tag=row.tag,
        department=row.department,
        class_name=row.class_name,
        location=row.location,
        subsidiary=row.subsidiary,
        payee=row.payee,
    )


def _frozen(account: batches.Account) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(account).items()}


def _account(frozen: dict[str, Any]) -> batches.Account:
    return batches.Account(**{**frozen, "kind": batches.AccountKind(frozen["kind"])})


def _kept(batch: models.JournalBatch, written_as: batches.Format) -> list[models.JournalFile]:
    return list(batch.files.filter(written_as=written_as.value).order_by("part"))


def _written(
    actor: access.Actor, batch: models.JournalBatch, written_as: batches.Format
) -> list[models.JournalFile]:
    rendered = formats.render(content(actor=actor, batch=batch), written_as)
    return models.JournalFile.objects.bulk_create(
        models.JournalFile(
            organization_id=actor.organization_id,
            batch=batch,
            written_as=written_as.value,
            part=part,
            name=file.name,
            content=file.content,
            sha256=formats.sha256(file.content),
        )
        for part, file in enumerate(rendered, start=1)
    )


def _batch(public_id: UUID) -> models.JournalBatch:
    found = (
        models.JournalBatch.objects.select_related("fiscal_period")
        .filter(public_id=public_id)
        .first()
    )
    if found is None:
        raise UnknownBatch(f"There is no journal batch {public_id}.", field="batch")
    return found


def _lock(actor: access.Actor) -> None:
    """Let one request at a time number batches; PostgreSQL's triggers take the same lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('journals:' || %s, 0))",
            [str(actor.organization_id)],
        )


def _next_number() -> int:
    last = models.JournalBatch.objects.order_by("-number").values_list("number", flat=True).first()
    return int(last or 0) + 1

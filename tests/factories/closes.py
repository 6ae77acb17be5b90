"""Books that are closed, told to an accounting system and tied out to it, row by row."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from gifting import models
from gifting.domain import access, closes, ledger
from gifting.domain.journals import batches
from gifting.services import (
    chart,
    general_ledger,
    journals,
    operations,
    periods,
    reconciliations,
)
from gifting.services import closes as books
from gifting.services import ledger as posting
from tests.factories import ledger as funds
from tests.factories import organizations, sends

DAY = sends.DAY
NEXT_DAY = dt.date(2025, 4, 10)
GIFTS, CONTRA, PAYABLE, ACCRUED = "6420", "4090", "2000", "2100"
HEADER = "Date,Account,Amount,Currency,Reference,Description"


def person() -> access.Actor:
    """Return someone new of finance, who can answer for what they do."""
    user = organizations.make_person(f"controller-{organizations.next_number()}")
    return access.Actor(
        organization_id=organizations.here(),
        user_id=user.pk,
        token_id=None,
        role=access.Role.FINANCE,
        permissions=access.ROLE_PERMISSIONS[access.Role.FINANCE],
        cost_center_ids=None,
    )


def make_account(
    code: str | None = None,
    kind: batches.AccountKind = batches.AccountKind.EXPENSE,
    *,
    name: str = "Gifts",
    parent_id: int | None = None,
) -> models.GlAccount:
    account_id = chart.add_account(
        actor=funds.actor(),
        code=code or f"A{organizations.next_number()}",
        name=name,
        kind=kind,
        parent_id=parent_id,
    )
    return models.GlAccount.objects.get(id=account_id)


def make_chart() -> None:
    """Map all spend to 6420 and customers' to 4090, owed on 2000 and, while accrued, on 2100."""
    gifts = make_account(GIFTS, name="Gifts").pk
    contra = make_account(CONTRA, batches.AccountKind.CONTRA_REVENUE, name="Customer gifts").pk
    payable = make_account(PAYABLE, batches.AccountKind.LIABILITY, name="Clearing").pk
    accrued = make_account(ACCRUED, batches.AccountKind.LIABILITY, name="Accrued").pk
    for bucket, owed in ((ledger.Bucket.ACTUAL, payable), (ledger.Bucket.ACCRUED, accrued)):
        for recipient_class, account in (("", gifts), ("CUSTOMER", contra)):
            make_mapping(
                bucket=bucket,
                account_id=account,
                counter_account_id=owed,
                recipient_class=recipient_class,
            )


def make_mapping(**changes: Any) -> models.GlMapping:
    if "account_id" not in changes:
        changes["account_id"] = make_account().pk
        owed = make_account(kind=batches.AccountKind.PAYABLE, name="Payables")
        changes["counter_account_id"] = owed.pk
    given: dict[str, Any] = {
        "bucket": ledger.Bucket.ACTUAL,
        "valid_from": dt.date(2020, 1, 1),
        **changes,
    }
    mapping_id = chart.add_mapping(actor=funds.actor(), mapping=chart.Mapping(**given))
    return models.GlMapping.objects.get(id=mapping_id)


def make_spend_coding() -> models.SpendCoding:
    operation = funds.make_operation()
    chart.code_spend(actor=funds.actor(), operation=operation.public_id, component="ITEM")
    return models.SpendCoding.objects.get(operation=operation)


def period(day: dt.date = DAY) -> models.FiscalPeriod:
    return sends.period_of(day)


def tell(kind: batches.Kind = batches.Kind.SPEND, *, day: dt.date = DAY) -> models.JournalBatch:
    """Make a batch of what was not told of yet."""
    answer = journals.create(
        actor=funds.actor(), key=funds.key(), period_id=period(day).pk, kind=kind, currency="USD"
    )
    return models.JournalBatch.objects.get(public_id=answer.response["batch"])


def make_journal_batch() -> models.JournalBatch:
    make_chart()
    funds.record_fact(funds.make_budget(), 5_00)
    return tell()


def make_journal_item() -> models.JournalItem:
    return make_journal_batch().items.get()


def make_journal_file() -> models.JournalFile:
    batch = make_journal_batch()
    journals.files(actor=funds.actor(), batch=batch.public_id, written_as=batches.Format.CSV)
    return models.JournalFile.objects.get(batch=batch)


def import_lines(*lines: str, day: dt.date = DAY) -> general_ledger.Imported:
    """Import lines of the general ledger, below the usual header."""
    return general_ledger.import_file(
        actor=funds.actor(),
        period_id=period(day).pk,
        name="gl.csv",
        content="\n".join([HEADER, *lines, ""]).encode(),
    )


def make_gl_import() -> models.GlImport:
    number = organizations.next_number()
    made = import_lines(
        f"{DAY},{GIFTS},5.00,USD,N{number},Mug", f"{DAY},{GIFTS},a lot,USD,N{number},"
    )
    return models.GlImport.objects.get(public_id=made.import_id)


def make_gl_line() -> models.GlLine:
    return make_gl_import().lines.get()


def make_gl_rejected_line() -> models.GlRejectedLine:
    return make_gl_import().rejected.get()


def reconcile(*, day: dt.date = DAY) -> models.ReconciliationRun:
    answer = reconciliations.run(
        actor=funds.actor(), key=funds.key(), period_id=period(day).pk, currency="USD"
    )
    return models.ReconciliationRun.objects.get(public_id=answer.response["run"])


def make_run() -> models.ReconciliationRun:
    """Tie out a mug that both sides know, and a line that only the general ledger has."""
    make_chart()
    reference = f"S-{organizations.next_number()}"
    fact(funds.make_budget(), 5_00, reference)
    import_lines(
        f"{DAY},{GIFTS},5.00,USD,{reference},Mug", f"{DAY},{GIFTS},1.00,USD,X{reference},Stamps"
    )
    return reconcile()


def fact(
    budget: models.Budget, amount_minor: int, reference: str, *, day: dt.date = DAY
) -> operations.Answer:
    return posting.record_fact(
        actor=funds.actor(),
        key=funds.key(),
        budget_id=budget.pk,
        amount=funds.usd(amount_minor),
        effective_on=day,
        reason="Bought on a card",
        reference=reference,
    )


def make_match() -> models.ReconciliationMatch:
    return make_run().matches.latest("id")


def make_cause() -> models.ReconciliationCause:
    return make_run().causes.filter(gl_line__isnull=False, is_explained=False).latest("id")


def explain(cause: models.ReconciliationCause) -> models.ReconciliationExplanation:
    answer = reconciliations.explain(
        actor=funds.actor(),
        key=funds.key(),
        difference=cause.public_id,
        cause=closes.Cause.IN_GL_NOT_OURS,
        note="Stamps are not gifts",
    )
    return models.ReconciliationExplanation.objects.get(public_id=answer.response["explanation"])


def make_explanation() -> models.ReconciliationExplanation:
    return explain(make_cause())


def open_periods(day: dt.date = DAY) -> None:
    """Open the period again, if it is shut."""
    row = period(day)
    if row.status != ledger.PeriodStatus.OPEN:
        periods.move(
            actor=funds.actor(),
            period_id=row.pk,
            status=ledger.PeriodStatus.OPEN,
            reason="There is more to post",
        )


def prepare(actor: access.Actor | None = None, *, day: dt.date = DAY) -> models.ClosePreparation:
    answer = books.prepare(actor=actor or person(), key=funds.key(), period_id=period(day).pk)
    return models.ClosePreparation.objects.get(public_id=answer.response["preparation"])


def waive(
    preparation: models.ClosePreparation, item: closes.Item, actor: access.Actor | None = None
) -> operations.Answer:
    return books.waive(
        actor=actor or person(),
        key=funds.key(),
        preparation=preparation.public_id,
        item=item,
        reason="The auditor knows",
    )


def sign(
    preparation: models.ClosePreparation, actor: access.Actor | None = None
) -> models.PeriodClose:
    answer = books.close(
        actor=actor or person(),
        key=funds.key(),
        preparation=preparation.public_id,
        reason="The month is done",
    )
    return models.PeriodClose.objects.get(public_id=UUID(answer.response["close"]))


def make_preparation() -> models.ClosePreparation:
    open_periods()
    return prepare()


def make_waiver() -> models.CloseWaiver:
    open_periods()
    make_chart()
    funds.record_fact(funds.make_budget(), 5_00)
    preparation = prepare()
    waive(preparation, closes.Item.TIE_OUT)
    return models.CloseWaiver.objects.get(preparation=preparation)


def make_period_close() -> models.PeriodClose:
    """Close the period of the day, which may be closed already, with money in it."""
    open_periods()
    funds.make_commitment()
    funds.move_period(ledger.PeriodStatus.CLOSED)
    made = models.PeriodClose.objects.latest("id")
    # Other rows of the same test are posted to this period.
    funds.move_period(ledger.PeriodStatus.OPEN)
    return made


def make_closing_line() -> models.ClosingLine:
    line = make_period_close().lines.first()
    assert line is not None
    return line


def make_signature() -> models.CloseSignature:
    open_periods()
    preparation = prepare()
    for check in preparation.checks:
        if not check["is_met"]:
            waive(preparation, closes.Item(check["item"]))
    sign(preparation)
    open_periods()
    return models.CloseSignature.objects.get(preparation=preparation)


def make_restatement() -> models.Restatement:
    budget = funds.make_budget()
    open_periods()
    funds.move_period(ledger.PeriodStatus.CLOSED)
    answer = funds.record_fact(budget, 7_00)
    open_periods()
    return models.Restatement.objects.get(
        transfer__operation__public_id=answer.operation_id, spend_change_minor=7_00
    )

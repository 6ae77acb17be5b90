"""Leave an example of a close in the books of a sandbox: told, tied out, signed and restated.

As of all samples, nothing of it changes a total: what is posted late is given back at once, and the
period is open again in the end. Keys are fixed, so that it is done once.
"""

from __future__ import annotations

import datetime as dt
from typing import Final
from uuid import UUID

from gifting import models
from gifting.domain import access, closes, ledger, money
from gifting.domain.journals import batches
from gifting.selectors import booked
from gifting.services import (
    chart,
    fiscal,
    general_ledger,
    journals,
    periods,
    reconciliations,
)
from gifting.services import closes as books
from gifting.services import ledger as funds

KEY: Final = "sample-close"
SINCE: Final = dt.date(2000, 1, 1)
SPEND, OWED, ACCRUED = "SBX-6420", "SBX-2000", "SBX-2100"
LATE_MINOR: Final = 1_00


def keep(
    *, actor: access.Actor, signer: access.Actor, budget_id: int, currency: str, day: dt.date
) -> None:
    """Leave the examples in the period of a day, which is open before and afterwards."""
    period = models.FiscalPeriod.objects.get(id=periods.of_decision(actor=actor, day=day))
    fiscal.ensure_periods(organization_id=actor.organization_id, dates=[period.ends_on])
    _map(actor)
    _code(actor, period)
    _tell(actor, period, currency)
    _tie_out(actor, period, currency)
    _sign(actor, signer, period)
    _restate(actor, signer, budget_id, money.Money(LATE_MINOR, currency), day)
    periods.move(
        actor=actor,
        period_id=period.pk,
        status=ledger.PeriodStatus.OPEN,
        reason="The examples of the close are done",
    )


def _map(actor: access.Actor) -> None:
    accounts = {
        code: chart.add_account(actor=actor, code=code, name=name, kind=kind)
        for code, name, kind in (
            (SPEND, "Gifts (sandbox)", batches.AccountKind.EXPENSE),
            (OWED, "Clearing (sandbox)", batches.AccountKind.LIABILITY),
            (ACCRUED, "Accrued (sandbox)", batches.AccountKind.LIABILITY),
        )
    }
    for bucket, owed in ((ledger.Bucket.ACTUAL, OWED), (ledger.Bucket.ACCRUED, ACCRUED)):
        chart.add_mapping(
            actor=actor,
            mapping=chart.Mapping(
                bucket=bucket,
                account_id=accounts[SPEND],
                counter_account_id=accounts[owed],
                valid_from=SINCE,
            ),
        )


def _code(actor: access.Actor, period: models.FiscalPeriod) -> None:
    """Code one spend that no send stands behind."""
    spent = models.Transfer.objects.filter(
        fiscal_period=period, to_bucket=ledger.Bucket.ACTUAL.value
    ).select_related("operation")
    chart.code_spend(actor=actor, operation=spent[0].operation.public_id, component="ITEM")


def _tell(actor: access.Actor, period: models.FiscalPeriod, currency: str) -> None:
    told = journals.create(
        actor=actor,
        key=f"{KEY}-journal",
        period_id=period.pk,
        kind=batches.Kind.SPEND,
        currency=currency,
    )
    journals.files(actor=actor, batch=UUID(told.response["batch"]), written_as=batches.Format.CSV)


def _tie_out(actor: access.Actor, period: models.FiscalPeriod, currency: str) -> None:
    """Compare with a general ledger that knows one line of ours and one of its own."""
    ours = next(
        line
        for line in booked.spends(actor=actor, period=period)
        if line.currency == currency and line.amount_minor > 0
    )
    amount = money.Money(ours.amount_minor, currency).decimal_text
    lines = (
        "Date,Account,Amount,Currency,Reference",
        f"{period.starts_on},{SPEND},{amount},{currency},{ours.public_id}",
        f"{period.starts_on},{SPEND},1,{currency},stamps",
        f"{period.starts_on},{SPEND},a lot,{currency},not a number",
    )
    general_ledger.import_file(
        actor=actor,
        period_id=period.pk,
        name="general ledger (sandbox).csv",
        content="\n".join(lines).encode(),
    )
    found = reconciliations.run(
        actor=actor, key=f"{KEY}-tie-out", period_id=period.pk, currency=currency
    )
    stamps = models.ReconciliationCause.objects.get(
        run__public_id=found.response["run"], gl_line__reference="stamps"
    )
    reconciliations.explain(
        actor=actor,
        key=f"{KEY}-explain",
        difference=stamps.public_id,
        cause=closes.Cause.IN_GL_NOT_OURS,
        note="Stamps are no gifts",
    )


def _sign(actor: access.Actor, signer: access.Actor, period: models.FiscalPeriod) -> None:
    prepared = books.prepare(actor=actor, key=f"{KEY}-prepare", period_id=period.pk)
    preparation = UUID(prepared.response["preparation"])
    for check in map(closes.Check.from_plain, prepared.response["checks"]):
        if not check.is_met:
            books.waive(
                actor=signer,
                key=f"{KEY}-waive-{check.item}",
                preparation=preparation,
                item=check.item,
                reason="An example of the sandbox",
            )
    books.close(
        actor=signer,
        key=f"{KEY}-sign",
        preparation=preparation,
        reason="An example of the sandbox",
    )


def _restate(
    actor: access.Actor,
    signer: access.Actor,
    budget_id: int,
    amount: money.Money,
    day: dt.date,
) -> None:
    """Post a late fact, which goes to the next period, and have it given back."""
    late = funds.record_fact(
        actor=actor,
        key=f"{KEY}-late",
        budget_id=budget_id,
        amount=amount,
        effective_on=day,
        reason="A late card payment",
    )
    funds.refund(
        actor=actor,
        key=f"{KEY}-late-refund",
        spend=UUID(late.response["spend"]),
        amount=amount,
        effective_on=day,
    )
    overrun = models.OverrunException.objects.filter(
        transfer__operation__public_id=late.operation_id
    ).first()
    if overrun is not None:
        funds.settle_exception(
            actor=signer,
            exception=overrun.public_id,
            resolution="It came back",
            at=dt.datetime.combine(day, dt.time(12, tzinfo=dt.UTC)),
        )

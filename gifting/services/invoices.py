"""Take vendors' invoices and credit notes: each once, posted to the ledger and matched.

An invoice is a fact: it is owed, and posted when it is entered, whatever its match says. What the
order expected of a line comes from the line's commitment; what goes beyond, and a line without an
order, is posted as a fact of the budget, from OVERRUN if need be. So a price variance stands by
itself and never eats what is reserved for units still to come. A second copy of an invoice is
posted nowhere: it is answered with the first one, and put into the queue.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet, Sum

from gifting import models
from gifting.domain import access, documents, money, refusals
from gifting.domain.ledger import Bucket, OperationKind
from gifting.selectors import vendors as vendor_records
from gifting.services import (
    conflicts,
    ledger,
    matches,
    operations,
    orders,
    periods,
    standings,
    vendors,
)
from gifting.services.operations import Plan

BEYOND_ORDER: Final = "An invoice went beyond its order."
WITHOUT_ORDER: Final = "An invoice names no order."


class InvoiceDoesNotAdd(refusals.Invalid):
    code = "INVOICE_DOES_NOT_ADD"


class OtherVendor(refusals.Invalid):
    code = "OTHER_VENDOR"


class UnknownInvoice(refusals.NotFound):
    code = "UNKNOWN_INVOICE"


class CreditNoteKnown(refusals.Conflict):
    code = "CREDIT_NOTE_KNOWN"


class CreditExceedsInvoice(refusals.Conflict):
    code = "CREDIT_EXCEEDS_INVOICE"


@dataclass(frozen=True, slots=True)
class Line:
    """A position of an invoice: of an order line, or of a budget without one."""

    description: str
    quantity: int
    net_minor: int
    nonrecoverable_tax_minor: int = 0
    recoverable_tax_minor: int = 0
    order_line_id: int | None = None
    budget_id: int | None = None
    gl_account: str = ""
    finance_tag: str = ""

    @property
    def cost_minor(self) -> int:
        """What the budget bears: recoverable tax comes back."""
        return self.net_minor + self.nonrecoverable_tax_minor

    @property
    def total_minor(self) -> int:
        return self.cost_minor + self.recoverable_tax_minor


@dataclass(frozen=True, slots=True)
class Credit:
    """What is taken off one line of an invoice."""

    invoice_line_id: int
    net_minor: int
    nonrecoverable_tax_minor: int = 0
    recoverable_tax_minor: int = 0

    @property
    def cost_minor(self) -> int:
        return self.net_minor + self.nonrecoverable_tax_minor


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an invoice; `is_duplicate` when `invoice` is the one that was there before."""

    invoice: UUID
    is_duplicate: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    """An invoice that passed the checks that need no database."""

    actor: access.Actor
    vendor_id: int
    number: str
    currency: str
    invoiced_on: dt.date
    total_minor: int
    source: str
    lines: Sequence[Line]
    at: dt.datetime
    public_id: UUID


def take(
    *,
    actor: access.Actor,
    key: str,
    vendor_id: int,
    number: str,
    currency: str,
    invoiced_on: dt.date,
    total_minor: int,
    lines: Sequence[Line],
    at: dt.datetime,
    source: str = "HAND",
) -> Taken:
    """Enter an invoice, post it and match it; a copy of one that is there is named, not posted.

    Raises Forbidden, NumberUnusable, TextUnusable, LinesUnusable, InvoiceDoesNotAdd, OtherVendor,
    UnknownVendor, UnknownOrderLine, UnknownBudget, CurrencyMismatch and what `operations.perform`
    refuses; never BudgetExceeded.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    asked = _Asked(
        actor,
        vendor_id,
        number,
        currency,
        invoiced_on,
        total_minor,
        source,
        lines,
        at,
        uuid.uuid4(),
    )
    _require(asked)

    def plan(_: UUID) -> Plan:
        vendors.require(vendor_id)
        first = _first_copy(vendor_id, number)
        return _take_again(asked, first) if first else _take_new(asked)

    answer = operations.perform(
        actor=actor,
        kind=OperationKind.TAKE_INVOICE,
        key=key,
        request={
            "vendor": vendor_id,
            "number": number,
            "currency": currency,
            "invoiced_on": invoiced_on,
            "total_minor": total_minor,
            "source": source,
            "lines": [asdict(line) for line in lines],
        },
        plan=plan,
    )
    return Taken(
        invoice=UUID(answer.response["invoice"]),
        is_duplicate=answer.response["is_duplicate"],
        message=answer.response["message"],
    )


def credit(
    *,
    actor: access.Actor,
    key: str,
    invoice: UUID,
    number: str,
    credited_on: dt.date,
    lines: Sequence[Credit],
    reason: str,
    at: dt.datetime,
) -> UUID:
    """Take a credit note off an invoice: refund what it posted, and match it anew.

    What went beyond the order is given back first. Raises Forbidden, UnknownInvoice,
    NumberUnusable, TextUnusable, LinesUnusable, CreditNoteKnown, CreditExceedsInvoice and what
    `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    orders.require_number(number)
    orders.require_lines(lines)
    operations.text(reason, field="reason")
    note_id = uuid.uuid4()

    def plan(_: UUID) -> Plan:
        row = models.VendorInvoice.objects.filter(public_id=invoice).first()
        if row is None:
            raise UnknownInvoice("There is no such invoice.", field="invoice")
        billed = {line.pk: line for line in row.lines.all()}
        _require_credits(lines, billed, row.currency)
        period_id = periods.of_fact(actor=actor, day=credited_on)
        held = _hold(actor, period_id, list(billed.values()))
        note = models.CreditNote(
            organization_id=actor.organization_id,
            public_id=note_id,
            vendor_id=row.vendor_id,
            invoice=row,
            fiscal_period_id=period_id,
            number=number,
            currency=row.currency,
            credited_on=credited_on,
            reason=reason,
            recorded_by_id=actor.user_id,
        )

        def then(operation_id: int) -> None:
            note.operation_id = operation_id
            _save_note(note, lines)
            for each in lines:
                _refund(actor, note, billed[each.invoice_line_id], each)
            for line_id in sorted(
                {billed[each.invoice_line_id].order_line_id or 0 for each in lines}
            ):
                if line_id:
                    matches.judge(actor=actor, line=held[line_id], operation_id=operation_id, at=at)

        return Plan(response={"credit_note": str(note_id)}, then=then)

    answer = operations.perform(
        actor=actor,
        kind=OperationKind.CREDIT,
        key=key,
        request={
            "invoice": invoice,
            "number": number,
            "credited_on": credited_on,
            "reason": reason,
            "lines": [asdict(line) for line in lines],
        },
        plan=plan,
    )
    return UUID(answer.response["credit_note"])


def _require(asked: _Asked) -> None:
    orders.require_number(asked.number)
    orders.require_lines(asked.lines)
    operations.text(asked.source, field="source", most=models.orders.SOURCE_LENGTH)
    for line in asked.lines:
        operations.text(line.description, field="description", most=models.tenancy.NAME_LENGTH)
        standings.require_code(line.gl_account, field="gl_account")
        standings.require_code(line.finance_tag, field="finance_tag")
        orders.require_figures(
            {
                "quantity": line.quantity,
                "net": line.net_minor,
                "nonrecoverable_tax": line.nonrecoverable_tax_minor,
                "recoverable_tax": line.recoverable_tax_minor,
            },
            currency=asked.currency,
        )
        if line.quantity < 1 or (line.order_line_id is None) == (line.budget_id is None):
            raise orders.LinesUnusable(
                "A line invoices 1 unit or more, of an order line or of a budget without one.",
                field="lines",
            )
    stated = money.Money(asked.total_minor, asked.currency)
    added = money.Money(sum(line.total_minor for line in asked.lines), asked.currency)
    if stated != added:
        raise InvoiceDoesNotAdd(
            f"The invoice says {stated} and its lines add up to {added}. Enter every line.",
            field="total",
        )


def _first_copy(vendor_id: int, number: str) -> models.VendorInvoice | None:
    """Return the invoice that the legal entity sent under this number, however it was written."""
    key, parts = documents.number_key(number), documents.number_parts(number)
    with connection.cursor() as cursor:
        # Two copies that come in at once have to see each other.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended("
            "'invoice:' || current_organization() || ':' || %s, 0))",
            [key],
        )
    return (
        models.VendorInvoice.objects.filter(
            Q(number_key=key) | Q(number_parts=parts),
            vendor_id__in=vendor_records.same_entity(vendor_id=vendor_id),
        )
        .order_by("id")
        .first()
    )


def _take_again(asked: _Asked, first: models.VendorInvoice) -> Plan:
    exception = uuid.uuid4()

    def then(operation_id: int) -> None:
        matches.open_duplicate(
            actor=asked.actor, invoice=first, exception=exception, operation_id=operation_id
        )

    total = money.Money(first.total_minor, first.currency)
    return Plan(
        response={
            "invoice": str(first.public_id),
            "is_duplicate": True,
            "message": (
                f"Invoice {first.number} of {first.invoiced_on} over {total} is here already. "
                "Nothing was posted; the copy waits in the queue."
            ),
        },
        then=then,
    )


def _take_new(asked: _Asked) -> Plan:
    actor = asked.actor
    ordered = standings.find(
        actor=actor, line_ids=[each.order_line_id for each in asked.lines if each.order_line_id]
    )
    _require_entity(asked, ordered.values())
    budgets = _budgets(asked, ordered)
    period_id = periods.of_fact(actor=actor, day=asked.invoiced_on)
    standings.hold(period_id=period_id, lines=ordered.values(), budget_ids=budgets)

    def then(operation_id: int) -> None:
        invoice = models.VendorInvoice.objects.create(
            organization_id=actor.organization_id,
            public_id=asked.public_id,
            vendor_id=asked.vendor_id,
            operation_id=operation_id,
            fiscal_period_id=period_id,
            number=asked.number,
            currency=asked.currency,
            invoiced_on=asked.invoiced_on,
            total_minor=asked.total_minor,
            source=asked.source,
            recorded_by_id=actor.user_id,
        )
        for number, (line, budget_id) in enumerate(zip(asked.lines, budgets, strict=True), 1):
            order_line = ordered[line.order_line_id] if line.order_line_id else None
            row = _post(
                asked, invoice, number, line=line, order_line=order_line, budget_id=budget_id
            )
            if order_line is None:
                matches.judge_without_order(
                    actor=actor,
                    invoice_line_id=row.pk,
                    currency=asked.currency,
                    operation_id=operation_id,
                    at=asked.at,
                )
        for order_line in ordered.values():
            standings.follow(
                actor=actor,
                key=f"invoice:{asked.public_id}",
                line=order_line,
                day=asked.invoiced_on,
            )
            matches.judge(actor=actor, line=order_line, operation_id=operation_id, at=asked.at)

    return Plan(
        response={"invoice": str(asked.public_id), "is_duplicate": False, "message": ""}, then=then
    )


def _require_entity(asked: _Asked, ordered: Iterable[standings.Line]) -> None:
    entity = vendor_records.same_entity(vendor_id=asked.vendor_id)
    for line in ordered:
        if line.vendor_id not in entity:
            raise OtherVendor(
                "A line names an order of another vendor. Merge the two if they are one company.",
                field="lines",
            )


def _budgets(asked: _Asked, ordered: dict[int, standings.Line]) -> list[int]:
    """Return the budget that bears each line; raises UnknownBudget and CurrencyMismatch."""
    borne = [
        ordered[line.order_line_id].budget_id if line.order_line_id else line.budget_id or 0
        for line in asked.lines
    ]
    funds = {
        fund.budget_id: fund
        for fund in models.Fund.objects.filter(budget_id__in=borne).select_related("budget")
    }
    for budget_id in borne:
        if budget_id not in funds:
            raise ledger.UnknownBudget(f"There is no budget {budget_id}.", field="budget")
        asked.actor.require_cost_center(funds[budget_id].budget.cost_center_id)
        ledger.require_currency(funds[budget_id], money.Money(0, asked.currency))
    return borne


def _post(
    asked: _Asked,
    invoice: models.VendorInvoice,
    number: int,
    *,
    line: Line,
    order_line: standings.Line | None,
    budget_id: int,
) -> models.VendorInvoiceLine:
    """Post one line, from its commitment as far as the order goes, and keep it."""
    expected_minor = (
        min(line.cost_minor, standings.of(order_line).expected_minor(line.quantity))
        if order_line
        else 0
    )
    beyond_minor = line.cost_minor - expected_minor
    product = standings.on_behalf(asked.actor)
    key = f"invoice:{asked.public_id}:{number}"
    row = models.VendorInvoiceLine(
        organization_id=asked.actor.organization_id,
        invoice=invoice,
        number=number,
        description=line.description,
        order_line_id=line.order_line_id,
        budget_id=budget_id,
        quantity=line.quantity,
        net_minor=line.net_minor,
        nonrecoverable_tax_minor=line.nonrecoverable_tax_minor,
        recoverable_tax_minor=line.recoverable_tax_minor,
        gl_account=line.gl_account,
        finance_tag=line.finance_tag,
    )
    if order_line and expected_minor:
        answer = ledger.invoice(
            actor=product,
            key=key,
            commitment=order_line.commitment,
            amount=money.Money(expected_minor, asked.currency),
            effective_on=asked.invoiced_on,
            reason=BEYOND_ORDER,
            reference=f"invoice:{asked.public_id}",
        )
        row.expected_operation_id = _operation(answer.operation_id)
    if beyond_minor:
        answer = ledger.record_fact(
            actor=product,
            key=f"{key}:beyond",
            budget_id=budget_id,
            amount=money.Money(beyond_minor, asked.currency),
            effective_on=asked.invoiced_on,
            reason=BEYOND_ORDER if order_line else WITHOUT_ORDER,
            reference=f"invoice:{asked.public_id}",
        )
        row.variance_operation_id = _operation(answer.operation_id)
    row.save(force_insert=True)
    return row


def _operation(public_id: UUID) -> int:
    return models.Operation.objects.values_list("id", flat=True).get(public_id=public_id)


def _require_credits(
    lines: Sequence[Credit], billed: dict[int, models.VendorInvoiceLine], currency: str
) -> None:
    if len({each.invoice_line_id for each in lines}) < len(lines):
        raise orders.LinesUnusable("Credit each line of the invoice once.", field="lines")
    for each in lines:
        if each.invoice_line_id not in billed:
            raise UnknownInvoice("The invoice has no such line.", field="lines")
        orders.require_figures(
            {
                "net": each.net_minor,
                "nonrecoverable_tax": each.nonrecoverable_tax_minor,
                "recoverable_tax": each.recoverable_tax_minor,
            },
            currency=currency,
        )
    if not any(each.cost_minor + each.recoverable_tax_minor for each in lines):
        raise orders.LinesUnusable("The credit note takes nothing off.", field="lines")


def _hold(
    actor: access.Actor, period_id: int, billed: Sequence[models.VendorInvoiceLine]
) -> dict[int, standings.Line]:
    held = standings.find(
        actor=actor, line_ids=[each.order_line_id for each in billed if each.order_line_id]
    )
    standings.hold(
        period_id=period_id,
        lines=held.values(),
        budget_ids=[each.budget_id for each in billed],
    )
    return held


def _save_note(note: models.CreditNote, lines: Sequence[Credit]) -> None:
    known = CreditNoteKnown(
        f"The vendor's credit note {note.number!r} is here already, maybe in another spelling. "
        "Look at that one.",
        field="number",
    )
    with (
        conflicts.refusing("credit_note_parts_are_unique", known),
        conflicts.refusing("credit_note_number_is_unique", known),
    ):
        note.save(force_insert=True)
    exceeds = CreditExceedsInvoice(
        "More would be credited than the line of the invoice says. Look at its credit notes.",
        field="lines",
    )
    with conflicts.refusing("credit_is_within_its_line", exceeds):
        models.CreditNoteLine.objects.bulk_create(
            models.CreditNoteLine(
                organization_id=note.organization_id, credit_note=note, **asdict(each)
            )
            for each in lines
        )


def _refund(
    actor: access.Actor, note: models.CreditNote, line: models.VendorInvoiceLine, off: Credit
) -> None:
    """Give back what the line posted, beyond the order first."""
    left = off.cost_minor
    for operation_id in (line.variance_operation_id, line.expected_operation_id):
        if operation_id is None or not left:
            continue
        operation = models.Operation.objects.get(id=operation_id)
        part = min(left, _unrefunded(operation))
        left -= part
        if part:
            ledger.refund(
                actor=standings.on_behalf(actor),
                key=f"credit:{note.public_id}:{operation.public_id}",
                spend=operation.public_id,
                amount=money.Money(part, note.currency),
                effective_on=note.credited_on,
                reference=f"credit:{note.public_id}",
            )


def _unrefunded(operation: models.Operation) -> int:
    spent = models.Transfer.objects.filter(operation=operation, to_bucket=Bucket.ACTUAL.value)
    back = models.Transfer.objects.filter(refunds__operation=operation)
    return _sum(spent) - _sum(back)


def _sum(transfers: QuerySet[models.Transfer]) -> int:
    return int(transfers.aggregate(total=Sum("amount_minor"))["total"] or 0)

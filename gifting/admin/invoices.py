"""Screens of invoices and credit notes, and the forms that enter them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from gifting import models
from gifting.admin import papers, screens
from gifting.domain import access
from gifting.services import desk, invoices

# What a request knows of an invoice that was here before.
COPY = "tribute_copy"

READS = (access.Permission.READ_BUDGETS, access.Permission.READ_SPEND)
# One invoice may be borne by many cost centers, so senders look at their own lines alone.
WHOLE = (access.Permission.WRITE_BUDGETS, access.Permission.APPROVE, access.Permission.READ_ACCESS)


def _of_invoice(row: Any) -> str:
    currency: str = row.invoice.currency
    return currency


def _of_note(row: Any) -> str:
    currency: str = row.credit_note.currency
    return currency


class InvoiceForm(papers.PaperForm):
    """Ask for the total as well: the lines have to add up to it."""

    total = papers.figure("Total with tax", "As it stands on the invoice", required=True)

    def read(self) -> None:
        currency = self.cleaned_data.get("currency", "")
        self.cleaned_data["total_minor"] = papers.minor(self, "total", currency)


class InvoiceLineForm(papers.LineForm):
    """Ask for a line of an order's line, or of a budget without one."""

    quantity = papers.figure(
        "Quantity", "Units; of a blanket order an amount such as 250.00", required=True
    )
    net = papers.figure("Without tax", required=True)
    nonrecoverable_tax = papers.figure("Tax that stays a cost")
    recoverable_tax = papers.figure("Tax that comes back")
    order = papers.number("Order", "The number on the order")
    order_line = papers.position("Line of the order")

    def read(self) -> invoices.Line:
        currency, given = self.paper.currency, self.cleaned_data
        ordered = papers.order_line(self, self.paper.vendor_id)
        return invoices.Line(
            given["description"],
            papers.units(self, "quantity", called_off_in=papers.blanket_currency(ordered)),
            papers.minor(self, "net", currency),
            nonrecoverable_tax_minor=papers.minor(self, "nonrecoverable_tax", currency),
            recoverable_tax_minor=papers.minor(self, "recoverable_tax", currency),
            order_line_id=ordered.pk if ordered else None,
            budget_id=given["budget"].pk if given["budget"] else None,
            gl_account=given["gl_account"],
            finance_tag=given["finance_tag"],
        )


class InvoiceLineInline(papers.LineInline):
    model = models.VendorInvoiceLine
    form = InvoiceLineForm
    autocomplete_fields = ("budget",)
    optional = ("budget",)
    fields = (
        "description",
        "quantity",
        "net",
        "nonrecoverable_tax",
        "recoverable_tax",
        "order",
        "order_line",
        "budget",
        "gl_account",
        "finance_tag",
    )


@admin.register(models.VendorInvoice)
class VendorInvoiceScreen(papers.PaperScreen, screens.FactScreen):
    reads = WHOLE
    writes = access.Permission.WRITE_BUDGETS
    form = InvoiceForm
    inlines = (InvoiceLineInline,)
    autocomplete_fields = ("vendor",)
    add_fieldsets = (
        (None, {"fields": ("vendor", "number", "invoiced_on", papers.KEY)}),
        ("Money", {"fields": ("currency", "total")}),
    )
    list_display = ("number", "vendor", "total", "invoiced_on", "recorded_by")
    list_select_related = ("vendor", "recorded_by")
    list_filter = ("invoiced_on",)
    search_fields = ("number__iexact", "vendor__name__istartswith")
    fieldsets = (
        (None, {"fields": ("number", "vendor", "total", "invoiced_on")}),
        ("Posted", {"fields": ("fiscal_period", "operation")}),
        (screens.RECORD, {"fields": ("source", "recorded_by", "public_id", "recorded_at")}),
    )
    total = screens.amount("total_minor", "Total with tax")

    def enter(self, request: HttpRequest, values: Mapping[str, Any]) -> int:
        taken = invoices.take(
            actor=desk.actor(request),
            key=values[papers.KEY],
            vendor_id=values["vendor"].pk,
            number=values["number"],
            currency=values["currency"],
            invoiced_on=values["invoiced_on"],
            total_minor=values["total_minor"],
            lines=values["lines"],
            at=timezone.now(),
        )
        if taken.is_duplicate:
            setattr(request, COPY, taken.message)
        return papers.id_of(models.VendorInvoice, taken.invoice)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if hasattr(request, COPY) else super().log_addition(request, obj, message)

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the first invoice to whoever entered a copy of it, and say so."""
        if not hasattr(request, COPY):
            shown: HttpResponse = super().response_add(request, obj, post_url_continue)
            return shown
        self.message_user(request, getattr(request, COPY), messages.WARNING)
        return HttpResponseRedirect(reverse("admin:gifting_vendorinvoice_change", args=[obj.pk]))


@admin.register(models.VendorInvoiceLine)
class VendorInvoiceLineScreen(screens.FactScreen):
    reads = READS
    cost_center = "budget__cost_center"
    list_display = ("invoice", "number", "description", "quantity", "net", "budget")
    list_select_related = ("invoice", "budget")
    search_fields = ("invoice__number__iexact", "description")
    fieldsets = (
        (None, {"fields": ("invoice", "number", "description", "order_line", "quantity")}),
        ("Money", {"fields": ("net", "tax", "recoverable", "budget")}),
        ("Finance", {"fields": ("gl_account", "finance_tag")}),
        ("Posted", {"fields": ("expected_operation", "variance_operation")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    net = papers.amount("net_minor", "Without tax", _of_invoice)
    tax = papers.amount("nonrecoverable_tax_minor", "Tax that stays a cost", _of_invoice)
    recoverable = papers.amount("recoverable_tax_minor", "Tax that comes back", _of_invoice)


class CreditNoteForm(papers.PaperForm):
    """Ask which invoice something is taken off, and why."""

    invoice = papers.number("Invoice", "The number on the invoice", required=True)

    def read(self) -> None:
        vendor = self.cleaned_data.get("vendor")
        self.cleaned_data["invoice"] = papers.invoice(self, vendor.pk if vendor else None)


class CreditLineForm(papers.LineForm):
    """Ask what is taken off which line."""

    invoice_line = papers.position("Line of the invoice", required=True)
    net = papers.figure("Without tax", required=True)
    nonrecoverable_tax = papers.figure("Tax that stayed a cost")
    recoverable_tax = papers.figure("Tax that came back")

    def read(self) -> invoices.Credit | None:
        if self.paper.invoice_id is None:
            # The form says that there is no such invoice.
            return None
        currency, lines = self.paper.invoice.currency, self.paper.invoice.lines
        credited = lines.filter(number=self.cleaned_data["invoice_line"]).first()
        if credited is None:
            self.add_error("invoice_line", "The invoice has no line with this number.")
            return None
        return invoices.Credit(
            credited.pk,
            papers.minor(self, "net", currency),
            papers.minor(self, "nonrecoverable_tax", currency),
            papers.minor(self, "recoverable_tax", currency),
        )


class CreditLineInline(papers.LineInline):
    model = models.CreditNoteLine
    form = CreditLineForm
    fields = ("invoice_line", "net", "nonrecoverable_tax", "recoverable_tax")


@admin.register(models.CreditNote)
class CreditNoteScreen(papers.PaperScreen, screens.FactScreen):
    reads = WHOLE
    writes = access.Permission.WRITE_BUDGETS
    form = CreditNoteForm
    inlines = (CreditLineInline,)
    autocomplete_fields = ("vendor",)
    add_fieldsets = (
        (None, {"fields": ("vendor", "invoice", papers.KEY)}),
        ("Credit note", {"fields": ("number", "credited_on", "reason")}),
    )
    list_display = ("number", "vendor", "invoice", "credited_on", "reason")
    list_select_related = ("vendor", "invoice")
    list_filter = ("credited_on",)
    search_fields = ("number__iexact", "invoice__number__iexact")
    fieldsets = (
        (None, {"fields": ("number", "vendor", "invoice", "credited_on", "reason")}),
        ("Posted", {"fields": ("fiscal_period", "operation")}),
        (screens.RECORD, {"fields": ("recorded_by", "public_id", "recorded_at")}),
    )

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        note = invoices.credit(
            actor=actor,
            key=values[papers.KEY],
            invoice=values["invoice"].public_id,
            number=values["number"],
            credited_on=values["credited_on"],
            lines=values["lines"],
            reason=values["reason"],
            at=timezone.now(),
        )
        return papers.id_of(models.CreditNote, note)


@admin.register(models.CreditNoteLine)
class CreditNoteLineScreen(screens.FactScreen):
    reads = READS
    cost_center = "invoice_line__budget__cost_center"
    list_display = ("credit_note", "invoice_line", "net", "tax")
    list_select_related = ("credit_note", "invoice_line")
    search_fields = ("credit_note__number__iexact",)
    fieldsets = ((None, {"fields": ("credit_note", "invoice_line", "net", "tax", "recoverable")}),)
    net = papers.amount("net_minor", "Without tax", _of_note)
    tax = papers.amount("nonrecoverable_tax_minor", "Tax that stayed a cost", _of_note)
    recoverable = papers.amount("recoverable_tax_minor", "Tax that came back", _of_note)

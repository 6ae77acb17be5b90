"""Screens of invoices, credit notes, what they were matched with, and the queue of exceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin

from gifting import models
from gifting.admin import screens
from gifting.domain import access, money

READS = (access.Permission.READ_BUDGETS, access.Permission.READ_SPEND)
# One invoice may be borne by many cost centers, so senders look at their own lines alone.
WHOLE = (access.Permission.WRITE_BUDGETS, access.Permission.APPROVE, access.Permission.READ_ACCESS)


def _amount(column: str, label: str, currency_of: Callable[[Any], str]) -> Any:
    """Show minor units in the currency of the paper that they stand on."""

    @admin.display(description=label)
    def shown(_screen: Any, row: Any) -> str:
        return money.Money(getattr(row, column), currency_of(row)).format()

    return shown


def _of_invoice(row: Any) -> str:
    currency: str = row.invoice.currency
    return currency


def _of_note(row: Any) -> str:
    currency: str = row.credit_note.currency
    return currency


def _of_match(row: Any) -> str:
    currency: str = row.invoice_line.invoice.currency
    return currency


@admin.register(models.VendorInvoice)
class VendorInvoiceScreen(screens.FactScreen):
    reads = WHOLE
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
    net = _amount("net_minor", "Without tax", _of_invoice)
    tax = _amount("nonrecoverable_tax_minor", "Tax that stays a cost", _of_invoice)
    recoverable = _amount("recoverable_tax_minor", "Tax that comes back", _of_invoice)


@admin.register(models.CreditNote)
class CreditNoteScreen(screens.FactScreen):
    reads = WHOLE
    list_display = ("number", "vendor", "invoice", "credited_on", "reason")
    list_select_related = ("vendor", "invoice")
    list_filter = ("credited_on",)
    search_fields = ("number__iexact", "invoice__number__iexact")
    fieldsets = (
        (None, {"fields": ("number", "vendor", "invoice", "credited_on", "reason")}),
        ("Posted", {"fields": ("fiscal_period", "operation")}),
        (screens.RECORD, {"fields": ("recorded_by", "public_id", "recorded_at")}),
    )


@admin.register(models.CreditNoteLine)
class CreditNoteLineScreen(screens.FactScreen):
    reads = READS
    cost_center = "invoice_line__budget__cost_center"
    list_display = ("credit_note", "invoice_line", "net", "tax")
    list_select_related = ("credit_note", "invoice_line")
    search_fields = ("credit_note__number__iexact",)
    fieldsets = ((None, {"fields": ("credit_note", "invoice_line", "net", "tax", "recoverable")}),)
    net = _amount("net_minor", "Without tax", _of_note)
    tax = _amount("nonrecoverable_tax_minor", "Tax that stayed a cost", _of_note)
    recoverable = _amount("recoverable_tax_minor", "Tax that came back", _of_note)


@admin.register(models.MatchPolicy)
class MatchPolicyScreen(screens.Screen):
    reads = READS
    list_display = (
        "starts_on",
        "currency",
        "price_basis_points",
        "price_absolute",
        "quantity_basis_points",
        "quantity_absolute",
    )
    list_filter = ("starts_on",)
    search_fields = ("currency__iexact",)
    fieldsets = (
        (None, {"fields": ("starts_on", "currency")}),
        ("Price", {"fields": ("price_basis_points", "price_absolute")}),
        ("Quantity", {"fields": ("quantity_basis_points", "quantity_absolute")}),
        (screens.RECORD, {"fields": ("user", "public_id", "recorded_at")}),
    )
    price_absolute = screens.amount("price_absolute_minor", "At most, a line")


@admin.register(models.Match)
class MatchScreen(screens.FactScreen):
    reads = READS
    cost_center = "invoice_line__budget__cost_center"
    list_display = ("invoice_line", "order_line", "receipt", "run", "quantity", "amount", "outcome")
    list_select_related = ("invoice_line__invoice", "order_line", "receipt")
    list_filter = ("outcome",)
    search_fields = ("invoice_line__invoice__number__iexact",)
    fieldsets = (
        (None, {"fields": ("order_line", "receipt", "invoice_line", "run")}),
        ("Matched", {"fields": ("quantity", "amount", "outcome")}),
        ("Off", {"fields": ("excess_quantity", "variance", "policy")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    amount = _amount("amount_minor", "Amount", _of_match)
    variance = _amount("price_variance_minor", "Price variance", _of_match)


@admin.register(models.MatchException)
class MatchExceptionScreen(screens.FactScreen):
    reads = WHOLE
    list_display = ("invoice", "outcome", "detail", "opened_at", "resolution", "resolved_by")
    list_select_related = ("invoice", "resolved_by")
    list_filter = ("outcome", "resolution", "opened_at")
    search_fields = ("invoice__number__iexact",)
    fieldsets = (
        (None, {"fields": ("invoice", "invoice_line", "outcome", "detail", "requested_by")}),
        ("Settled", {"fields": ("resolution", "reason", "resolved_by", "resolved_at")}),
        (screens.RECORD, {"fields": ("opened_at", "public_id", "recorded_at")}),
    )

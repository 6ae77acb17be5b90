"""Screens of invoices, credit notes, what they were matched with, and the queue of exceptions."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import access, matching, money
from gifting.services import desk, matches

LONGEST_REASON = 4000

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


class SettlementForm(screens.RefusableForm):
    """Ask how an open exception leaves the queue, and why."""

    settle_as = forms.ChoiceField(
        choices=[
            (matching.Resolution.RESOLVED.value, "Resolved: what was wrong is repaired"),
            (matching.Resolution.WAIVED.value, "Waived: accepted as it is, by another person"),
        ],
        widget=widgets.UnfoldAdminSelectWidget(),
    )
    because = forms.CharField(max_length=LONGEST_REASON, widget=widgets.UnfoldAdminTextareaWidget())


@admin.register(models.MatchException)
class MatchExceptionScreen(screens.FactScreen):
    reads = WHOLE
    writes = access.Permission.WRITE_BUDGETS
    form = SettlementForm
    readonly_fields = (
        "invoice",
        "invoice_line",
        "outcome",
        "detail",
        "requested_by",
        "resolution",
        "reason",
        "resolved_by",
        "resolved_at",
        "opened_at",
        "public_id",
        "recorded_at",
    )
    list_display = ("invoice", "outcome", "detail", "opened_at", "resolution", "resolved_by")
    list_select_related = ("invoice", "resolved_by")
    list_filter = ("outcome", "resolution", "opened_at")
    search_fields = ("invoice__number__iexact",)
    fieldsets = (
        (None, {"fields": ("invoice", "invoice_line", "outcome", "detail", "requested_by")}),
        ("Settled", {"fields": ("resolution", "reason", "resolved_by", "resolved_at")}),
        ("Settle it", {"fields": ("settle_as", "because")}),
        (screens.RECORD, {"fields": ("opened_at", "public_id", "recorded_at")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_open = obj is None or getattr(obj, "resolved_at", None) is None
        return is_open and bool(
            desk.may(request, access.Permission.WRITE_BUDGETS, access.Permission.APPROVE)
        )

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        shown = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return shown
        return [each for each in shown if each[0] != "Settle it"]

    def change(
        self, *, actor: access.Actor, row: models.MatchException, values: Mapping[str, Any]
    ) -> None:
        matches.settle(
            actor=actor,
            # An exception is settled once, so that a second click is refused, not repeated.
            key=f"admin-settle:{uuid.uuid4()}",
            exception=row.public_id,
            resolution=matching.Resolution(values["settle_as"]),
            reason=values["because"],
            at=timezone.now(),
        )

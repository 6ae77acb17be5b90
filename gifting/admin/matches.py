"""Screens of what was matched, how far it may be off, and the queue of exceptions."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from unfold import widgets

from gifting import models
from gifting.admin import invoices, papers, screens
from gifting.domain import access, matching
from gifting.services import desk, matches

LONGEST_REASON = 4000


def _of_match(row: Any) -> str:
    currency: str = row.invoice_line.invoice.currency
    return currency


class ToleranceForm(papers.PaperForm):
    """Ask for a tolerance; the amount is typed as money."""

    price_absolute = papers.figure("At most, a line", "Such as 5.00", required=True)

    def read(self) -> None:
        self.cleaned_data["price_absolute_minor"] = papers.minor(
            self, "price_absolute", self.cleaned_data.get("currency", "")
        )


@admin.register(models.MatchPolicy)
class MatchPolicyScreen(papers.PaperScreen):
    reads = invoices.READS
    writes = access.Permission.WRITE_BUDGETS
    form = ToleranceForm
    add_fieldsets = (
        (None, {"fields": ("starts_on", "currency", papers.KEY)}),
        ("Price", {"fields": ("price_basis_points", "price_absolute")}),
        ("Quantity", {"fields": ("quantity_basis_points", "quantity_absolute")}),
    )
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

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        policy = matches.set_tolerance(
            actor=actor,
            key=values[papers.KEY],
            currency=values["currency"],
            starts_on=values["starts_on"],
            tolerance=matching.Tolerance(
                values["price_basis_points"],
                values["price_absolute_minor"],
                values["quantity_basis_points"],
                values["quantity_absolute"],
            ),
        )
        return papers.id_of(models.MatchPolicy, policy)


@admin.register(models.Match)
class MatchScreen(screens.FactScreen):
    reads = invoices.READS
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
    amount = papers.amount("amount_minor", "Amount", _of_match)
    variance = papers.amount("price_variance_minor", "Price variance", _of_match)


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
    reads = invoices.WHOLE
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

"""Screens of closes: checklists, figures, signatures and restatements. To look at alone."""

from __future__ import annotations

from typing import Final

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from gifting import models
from gifting.admin import screens
from gifting.selectors import booked

READS: Final = booked.READERS
_RECORD: Final = (screens.RECORD, {"fields": ("public_id", "recorded_at")})


@admin.register(models.ClosePreparation)
class ClosePreparationScreen(screens.FactScreen):
    """The checklist of a close, item by item."""

    reads = READS
    list_display = ("fiscal_period", "open_items", "prepared_by", "recorded_at")
    list_select_related = ("fiscal_period", "prepared_by")
    search_fields = ("fiscal_period__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("fiscal_period", "prepared_by", "checklist", "waived")}),
        _RECORD,
    )

    @admin.display(description="Open items")
    def open_items(self, row: models.ClosePreparation) -> int:
        """Count what is not met."""
        return sum(not check["is_met"] for check in row.checks)

    @admin.display(description="Checklist")
    def checklist(self, row: models.ClosePreparation) -> SafeString:
        """Show each item with what was found."""
        lines = (
            (
                "done" if each["is_met"] else f"{each['open_count']} open",
                each["item"],
                each["detail"],
            )
            for each in row.checks
        )
        return format_html_join("\n", "<p>{}: {}, {}</p>", lines)

    @admin.display(description="Waived")
    def waived(self, row: models.ClosePreparation) -> SafeString:
        """Show who let what pass."""
        given = row.waivers.select_related("waived_by").order_by("id")
        return format_html_join(
            "\n",
            "<p>{} by {}: {}</p>",
            ((each.item, each.waived_by, each.reason) for each in given),
        )


@admin.register(models.CloseWaiver)
class CloseWaiverScreen(screens.FactScreen):
    reads = READS
    list_display = ("item", "reason", "waived_by", "prepared_by", "recorded_at")
    list_select_related = ("waived_by", "prepared_by")
    list_filter = ("item",)
    search_fields = ("waived_by__username__istartswith",)
    fieldsets = (
        (None, {"fields": ("preparation", "item", "reason", "waived_by", "prepared_by")}),
        _RECORD,
    )


@admin.register(models.CloseSignature)
class CloseSignatureScreen(screens.FactScreen):
    reads = READS
    list_display = ("period_close", "signed_by", "prepared_by", "recorded_at")
    list_select_related = ("period_close", "signed_by", "prepared_by")
    search_fields = ("signed_by__username__istartswith",)
    fieldsets = (
        (None, {"fields": ("period_close", "preparation", "signed_by", "prepared_by")}),
        _RECORD,
    )


@admin.register(models.PeriodClose)
class PeriodCloseScreen(screens.FactScreen):
    reads = READS
    list_display = ("fiscal_period", "version", "line_count", "control_total_minor", "recorded_at")
    list_select_related = ("fiscal_period",)
    search_fields = ("fiscal_period__name__istartswith", "sha256__istartswith")
    fieldsets = (
        (None, {"fields": ("fiscal_period", "version", "event")}),
        ("Control", {"fields": ("line_count", "control_total_minor", "sha256")}),
        _RECORD,
    )


@admin.register(models.ClosingLine)
class ClosingLineScreen(screens.FactScreen):
    reads = READS
    list_display = ("period_close", "what", "bucket", "movement", "closing")
    list_select_related = ("period_close", "fund__budget")
    list_filter = ("bucket", "currency")
    search_fields = ("account_code__istartswith", "fund__budget__name__istartswith")
    fieldsets = (
        (None, {"fields": ("period_close", "what", "bucket")}),
        ("Money", {"fields": ("movement", "closing")}),
    )
    movement = screens.amount("movement_minor", "In the period")
    closing = screens.amount("closing_minor", "At its end")

    @admin.display(description="Of")
    def what(self, row: models.ClosingLine) -> str:
        """Name the budget or the account."""
        return row.account_code or row.fund.budget.name


@admin.register(models.Restatement)
class RestatementScreen(screens.FactScreen):
    reads = READS
    list_display = ("belongs_to", "posted_to", "cause", "amount", "spend_change", "recorded_at")
    list_select_related = ("belongs_to", "posted_to")
    list_filter = ("cause",)
    search_fields = ("transfer__reference__exact",)
    fieldsets = (
        (None, {"fields": ("belongs_to", "posted_to", "cause", "amount", "spend_change")}),
        ("Because of", {"fields": ("transfer", "period_close")}),
        _RECORD,
    )
    amount = screens.amount("amount_minor", "Moved")
    spend_change = screens.amount("spend_change_minor", "Change of spend")

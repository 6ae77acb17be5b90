"""Screens of the imported general ledger and what ties it to ours. To look at alone."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.db.models import Sum
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from gifting import models
from gifting.admin import screens
from gifting.domain import money
from gifting.selectors import booked

READS: Final = booked.READERS
EQUATION: Final = ("gl_total", "ours_total", "explained", "unexplained", "by_cause")
_RECORD: Final = (screens.RECORD, {"fields": ("public_id", "recorded_at")})


def _run_amount(column: str, label: str) -> Any:
    """Show minor units of a part in the currency of its run."""

    @admin.display(description=label)
    def shown(_screen: Any, row: Any) -> str:
        return money.Money(getattr(row, column), row.run.currency).format()

    return shown


@admin.register(models.GlImport)
class GlImportScreen(screens.FactScreen):
    reads = READS
    list_display = ("name", "fiscal_period", "line_count", "rejected_count", "user", "recorded_at")
    list_select_related = ("fiscal_period", "user")
    search_fields = ("name__istartswith", "file_sha256__istartswith")
    fieldsets = (
        (None, {"fields": ("name", "fiscal_period", "line_count", "rejected_count", "user")}),
        ("Fingerprints", {"fields": ("file_sha256", "lines_sha256")}),
        _RECORD,
    )


@admin.register(models.GlLine)
class GlLineScreen(screens.FactScreen):
    reads = READS
    list_display = ("gl_import", "number", "dated_on", "account_code", "amount", "reference")
    list_select_related = ("gl_import",)
    list_filter = ("currency", "dated_on")
    search_fields = ("reference__exact", "account_code__exact")
    fieldsets = (
        (None, {"fields": ("gl_import", "number", "dated_on", "account_code", "amount")}),
        ("Said", {"fields": ("reference", "memo", "original_currency")}),
    )
    amount = screens.amount("amount_minor", "Amount")


@admin.register(models.GlRejectedLine)
class GlRejectedLineScreen(screens.FactScreen):
    reads = READS
    list_display = ("gl_import", "number", "column", "reason")
    list_select_related = ("gl_import",)
    search_fields = ("gl_import__name__istartswith",)
    fieldsets = ((None, {"fields": ("gl_import", "number", "column", "reason", "text")}),)


@admin.register(models.ReconciliationRun)
class ReconciliationRunScreen(screens.FactScreen):
    reads = READS
    list_display = (
        "fiscal_period",
        "gl_total",
        "ours_total",
        "explained",
        "unexplained",
        "is_clear",
    )
    list_select_related = ("fiscal_period",)
    list_filter = ("currency", "is_clear")
    search_fields = ("fiscal_period__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("fiscal_period", "gl_import", "is_clear")}),
        (
            "Equation",
            {"fields": EQUATION},
        ),
        _RECORD,
    )
    gl_total = screens.amount("gl_total_minor", "General ledger")
    ours_total = screens.amount("ours_total_minor", "Ours")
    explained = screens.amount("explained_minor", "Named causes")
    unexplained = screens.amount("unexplained_minor", "Unexplained")

    @admin.display(description="By cause")
    def by_cause(self, row: models.ReconciliationRun) -> SafeString:
        """Add the lines up by what they are called."""
        sums = (
            row.causes.values_list("cause", "is_explained")
            .annotate(total=Sum("amount_minor"))
            .order_by("cause", "-is_explained")
        )
        shown = (
            (cause, money.Money(int(total), row.currency), "" if is_explained else "unexplained")
            for cause, is_explained, total in sums
        )
        return format_html_join("\n", "<p>{} {} {}</p>", shown)


@admin.register(models.ReconciliationMatch)
class ReconciliationMatchScreen(screens.FactScreen):
    reads = READS
    list_display = ("run", "gl_line", "transfer", "role", "amount")
    list_select_related = ("run", "gl_line", "transfer")
    list_filter = ("role",)
    search_fields = ("gl_line__reference__exact",)
    fieldsets = ((None, {"fields": ("run", "gl_line", "transfer", "role", "amount")}),)
    amount = _run_amount("amount_minor", "Amount")


@admin.register(models.ReconciliationCause)
class ReconciliationCauseScreen(screens.FactScreen):
    reads = READS
    list_display = ("run", "cause", "amount", "is_explained", "evidence")
    list_select_related = ("run",)
    list_filter = ("cause", "is_explained")
    search_fields = ("gl_line__reference__exact",)
    fieldsets = (
        (None, {"fields": ("run", "cause", "amount", "is_explained")}),
        ("Line", {"fields": ("gl_line", "transfer", "role")}),
        ("Because", {"fields": ("evidence", "explanation")}),
    )
    amount = _run_amount("amount_minor", "Amount")


@admin.register(models.ReconciliationExplanation)
class ReconciliationExplanationScreen(screens.FactScreen):
    reads = READS
    list_display = ("fiscal_period", "cause", "note", "user", "recorded_at")
    list_select_related = ("fiscal_period", "user")
    list_filter = ("cause",)
    search_fields = ("user__username__istartswith",)
    fieldsets = (
        (None, {"fields": ("fiscal_period", "cause", "note", "user")}),
        ("Line", {"fields": ("gl_line", "transfer", "role")}),
        _RECORD,
    )

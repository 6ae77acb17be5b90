"""Screens of the imported general ledger and what ties it to ours: files, runs, explanations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, Sum
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import access, closes, general_ledger, money
from gifting.selectors import booked
from gifting.services import desk, reconciliations
from gifting.services import general_ledger as imports

READS: Final = booked.READERS
EQUATION: Final = ("gl_total", "ours_total", "explained", "unexplained", "by_cause")
EXPLAIN: Final = "Explain it"
_RECORD: Final = (screens.RECORD, {"fields": ("public_id", "recorded_at")})


def _run_amount(column: str, label: str) -> Any:
    """Show minor units of a part in the currency of its run."""

    @admin.display(description=label)
    def shown(_screen: Any, row: Any) -> str:
        return money.Money(getattr(row, column), row.run.currency).format()

    return shown


class ImportForm(screens.RefusableForm):
    """Ask for a file; the same one again adds nothing."""

    fields_named = {"period": "fiscal_period", "name": "file"}

    file = forms.FileField(
        max_length=models.tenancy.NAME_LENGTH,
        widget=widgets.UnfoldAdminFileFieldWidget(),
        help_text="CSV with date, account, amount, currency, reference and description",
    )


@admin.register(models.GlImport)
class GlImportScreen(screens.WrittenOnceScreen, screens.FactScreen):
    reads = READS
    writes = access.Permission.CLOSE_PERIODS
    form = ImportForm
    autocomplete_fields = ("fiscal_period",)
    add_fieldsets = ((None, {"fields": ("fiscal_period", "file")}),)
    list_display = ("name", "fiscal_period", "line_count", "rejected_count", "user", "recorded_at")
    list_select_related = ("fiscal_period", "user")
    search_fields = ("name__istartswith", "file_sha256__istartswith")
    fieldsets = (
        (None, {"fields": ("name", "fiscal_period", "line_count", "rejected_count", "user")}),
        ("Fingerprints", {"fields": ("file_sha256", "lines_sha256")}),
        _RECORD,
    )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Import the file, and say what became of it."""
        file = form.cleaned_data["file"]
        done = imports.import_file(
            actor=desk.actor(request),
            period_id=form.cleaned_data["fiscal_period"].pk,
            name=file.name,
            # A file that is too large is refused for its first byte too many.
            content=file.read(general_ledger.MOST_BYTES + 1),
        )
        obj.pk = models.GlImport.objects.get(public_id=done.import_id).pk
        obj.refresh_from_db()
        if done.is_new:
            said = f"{done.line_count} lines were taken, {done.rejected_count} were set aside."
            messages.info(request, said)
        else:
            messages.warning(request, f"The lines were there already, as {obj.name}.")


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
class ReconciliationRunScreen(screens.WrittenOnceScreen, screens.FactScreen):
    reads = READS
    writes = access.Permission.CLOSE_PERIODS
    form = screens.KeyedForm
    autocomplete_fields = ("fiscal_period",)
    add_fieldsets = (
        (
            "Compare the latest import with ours",
            {"fields": ("fiscal_period", "currency", screens.KEY)},
        ),
    )
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

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        answer = reconciliations.run(
            actor=actor,
            key=screens.key_of(values),
            period_id=values["fiscal_period"].pk,
            currency=values["currency"],
        )
        made = UUID(answer.response["run"])
        return int(models.ReconciliationRun.objects.get(public_id=made).pk)

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


class ExplainForm(screens.KeyedForm):
    """Ask why a line stands alone."""

    explain_as = forms.ChoiceField(
        choices=models.tenancy.labels(closes.Cause), widget=widgets.UnfoldAdminSelectWidget()
    )
    note = forms.CharField(
        widget=widgets.UnfoldAdminTextareaWidget(),
        help_text="Every later run counts the line under this cause",
    )


@admin.register(models.ReconciliationCause)
class ReconciliationCauseScreen(screens.FactScreen):
    """What stands alone on one side; what no evidence explains is explained by a person."""

    reads = READS
    writes = access.Permission.CLOSE_PERIODS
    form = ExplainForm
    readonly_fields = (
        "run",
        "cause",
        "amount",
        "is_explained",
        "gl_line",
        "transfer",
        "role",
        "evidence",
        "explanation",
    )
    list_display = ("run", "cause", "amount", "is_explained", "evidence")
    list_select_related = ("run",)
    list_filter = ("cause", "is_explained")
    search_fields = ("gl_line__reference__exact",)
    fieldsets = (
        (None, {"fields": ("run", "cause", "amount", "is_explained")}),
        ("Line", {"fields": ("gl_line", "transfer", "role")}),
        ("Because", {"fields": ("evidence", "explanation")}),
        (EXPLAIN, {"fields": ("explain_as", "note", screens.KEY)}),
    )
    amount = _run_amount("amount_minor", "Amount")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_open = not getattr(obj, "is_explained", False)
        return is_open and super().has_change_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        shown = super().get_fieldsets(request, obj)
        if self.has_change_permission(request, obj):
            return shown
        return [each for each in shown if each[0] != EXPLAIN]

    def change(
        self, *, actor: access.Actor, row: models.ReconciliationCause, values: Mapping[str, Any]
    ) -> None:
        reconciliations.explain(
            actor=actor,
            key=screens.key_of(values),
            difference=row.public_id,
            cause=closes.Cause(values["explain_as"]),
            note=values["note"],
        )


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

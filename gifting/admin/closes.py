"""Screens of closes: checklists, waivers and signatures are given here, the rest is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import ForeignKey
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import access, ledger
from gifting.domain.closes import Item
from gifting.selectors import booked
from gifting.services import closes, desk

READS: Final = booked.READERS
NEXT: Final = "What comes next"
_RECORD: Final = (screens.RECORD, {"fields": ("public_id", "recorded_at")})


class PreparationField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic in the stubs alone
    """Ask for a preparation by its period, its preparer and its time."""

    def label_from_instance(self, obj: models.ClosePreparation) -> str:
        by = obj.prepared_by or "the system"
        return f"{obj.fiscal_period}, prepared by {by}, {obj.recorded_at:%Y-%m-%d %H:%M} UTC"


class OfPreparationScreen(screens.WrittenOnceScreen, screens.FactScreen):
    """A screen of what is said about a preparation whose period is about to be closed."""

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **options: Any
    ) -> Any:
        if db_field.name == "preparation":
            options["form_class"] = PreparationField
            options["queryset"] = (
                models.ClosePreparation.objects.exclude(
                    fiscal_period__status=ledger.PeriodStatus.OPEN
                )
                .select_related("fiscal_period", "prepared_by")
                .order_by("-id")
            )
        return super().formfield_for_foreignkey(db_field, request, **options)


@admin.register(models.ClosePreparation)
class ClosePreparationScreen(screens.WrittenOnceScreen, screens.FactScreen):
    """The checklist of a close, item by item."""

    reads = READS
    writes = access.Permission.CLOSE_PERIODS
    form = screens.KeyedForm
    autocomplete_fields = ("fiscal_period",)
    add_fieldsets = (
        ("Close softly and run the checklist", {"fields": ("fiscal_period", screens.KEY)}),
    )
    list_display = ("fiscal_period", "open_items", "prepared_by", "recorded_at")
    list_select_related = ("fiscal_period", "prepared_by")
    search_fields = ("fiscal_period__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("fiscal_period", "prepared_by", "checklist", "waived")}),
        (NEXT, {"fields": ("next_steps",)}),
        _RECORD,
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        shown = super().get_fieldsets(request, obj)
        if desk.may(request, access.Permission.CLOSE_PERIODS):
            return shown
        return [each for each in shown if each[0] != NEXT]

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        answer = closes.prepare(
            actor=actor, key=screens.key_of(values), period_id=values["fiscal_period"].pk
        )
        made = UUID(answer.response["preparation"])
        return int(models.ClosePreparation.objects.get(public_id=made).pk)

    @admin.display(description="Another person may")
    def next_steps(self, row: models.ClosePreparation) -> SafeString:
        """Lead to the forms about this preparation."""
        return format_html(
            '<a href="{0}?preparation={2}">Waive an item</a>, '
            '<a href="{1}?preparation={2}">sign and close</a>',
            reverse("admin:gifting_closewaiver_add"),
            reverse("admin:gifting_closesignature_add"),
            row.pk,
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
class CloseWaiverScreen(OfPreparationScreen):
    reads = READS
    writes = access.Permission.APPROVE
    form = screens.KeyedForm
    add_fieldsets = (
        (
            "Let the close pass although an item is open",
            {"fields": ("preparation", "item", "reason", screens.KEY)},
        ),
    )
    list_display = ("item", "reason", "waived_by", "prepared_by", "recorded_at")
    list_select_related = ("waived_by", "prepared_by")
    list_filter = ("item",)
    search_fields = ("waived_by__username__istartswith",)
    fieldsets = (
        (None, {"fields": ("preparation", "item", "reason", "waived_by", "prepared_by")}),
        _RECORD,
    )

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        preparation = values["preparation"]
        closes.waive(
            actor=actor,
            key=screens.key_of(values),
            preparation=preparation.public_id,
            item=Item(values["item"]),
            reason=values["reason"],
        )
        return int(preparation.waivers.get(item=values["item"]).pk)


class SignForm(screens.KeyedForm):
    """Ask why the period is closed."""

    reason = forms.CharField(widget=widgets.UnfoldAdminTextareaWidget())


@admin.register(models.CloseSignature)
class CloseSignatureScreen(OfPreparationScreen):
    reads = READS
    writes = access.Permission.CLOSE_PERIODS
    form = SignForm
    add_fieldsets = (
        (
            "Sign and close the period",
            {"fields": ("preparation", "reason", screens.KEY)},
        ),
    )
    list_display = ("period_close", "signed_by", "prepared_by", "recorded_at")
    list_select_related = ("period_close", "signed_by", "prepared_by")
    search_fields = ("signed_by__username__istartswith",)
    fieldsets = (
        (None, {"fields": ("period_close", "preparation", "signed_by", "prepared_by")}),
        _RECORD,
    )

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        preparation = values["preparation"]
        closes.close(
            actor=actor,
            key=screens.key_of(values),
            preparation=preparation.public_id,
            reason=values["reason"],
        )
        return int(models.CloseSignature.objects.get(preparation=preparation).pk)


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

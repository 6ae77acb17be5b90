"""Screens of fiscal calendars and their periods.

Periods are renamed, moved and generated here, by services, while nothing was posted to them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import access
from gifting.services import calendars, fiscal


@admin.register(models.FiscalCalendar)
class FiscalCalendarScreen(screens.Screen):
    reads = (access.Permission.READ_BUDGETS, access.Permission.READ_SPEND)
    list_display = ("name", "kind", "start_month", "start_day", "is_default")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "kind", ("start_month", "start_day"), "label", "is_default")}),
        ("Week calendars", {"fields": ("week_ends_on", "year_end_rule", "leap_week_in")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


class PeriodForm(screens.RefusableForm):
    """Ask for a period's name and end, and for the year after its own."""

    generates_next_year = forms.BooleanField(
        required=False,
        widget=widgets.UnfoldBooleanWidget(),
        help_text="Make the periods of the fiscal year after this one, if there are none yet",
    )


@admin.register(models.FiscalPeriod)
class FiscalPeriodScreen(screens.Screen):
    writes = access.Permission.CLOSE_PERIODS
    form = PeriodForm
    readonly_fields = (
        "calendar",
        "fiscal_year",
        "quarter",
        "number",
        "status",
        "starts_on",
        "last_day",
        "public_id",
        "recorded_at",
    )
    reads = (access.Permission.READ_BUDGETS, access.Permission.READ_SPEND)
    list_display = ("name", "fiscal_year", "quarter", "number", "starts_on", "last_day", "status")
    list_filter = ("fiscal_year", "quarter", "status")
    search_fields = ("name__istartswith",)
    ordering = ("-starts_on",)
    fieldsets = (
        (None, {"fields": ("name", "calendar", ("fiscal_year", "quarter", "number"), "status")}),
        ("Days", {"fields": (("starts_on", "last_day"), "ends_on")}),
        ("Next", {"fields": ("generates_next_year",)}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    @admin.display(description="Ends on", ordering="ends_on")
    def last_day(self, row: models.FiscalPeriod) -> dt.date:
        """Show the day that people mean; the column holds the one after it."""
        return row.ends_on - dt.timedelta(days=1)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def change(
        self, *, actor: access.Actor, row: models.FiscalPeriod, values: Mapping[str, Any]
    ) -> None:
        """Do what differs from the period as it is kept: the form has changed its row already."""
        kept = models.FiscalPeriod.objects.get(id=row.pk)
        if values["name"] != kept.name:
            calendars.rename(actor=actor, period_id=kept.pk, name=values["name"])
        if values["ends_on"] != kept.ends_on:
            calendars.move_boundary(actor=actor, period_id=kept.pk, ends_on=values["ends_on"])
        if values["generates_next_year"]:
            fiscal.generate_year(
                actor=actor,
                fiscal_year=kept.fiscal_year + 1,
                calendar=kept.calendar.public_id,
            )

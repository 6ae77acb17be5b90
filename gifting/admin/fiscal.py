"""Screens of fiscal calendars and their periods."""

from __future__ import annotations

import datetime as dt

from django.contrib import admin

from gifting import models
from gifting.admin import screens
from gifting.domain import access


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


@admin.register(models.FiscalPeriod)
class FiscalPeriodScreen(screens.Screen):
    reads = (access.Permission.READ_BUDGETS, access.Permission.READ_SPEND)
    list_display = ("name", "fiscal_year", "quarter", "number", "starts_on", "last_day", "status")
    list_filter = ("fiscal_year", "quarter", "status")
    search_fields = ("name__istartswith",)
    ordering = ("-starts_on",)
    fieldsets = (
        (None, {"fields": ("name", "calendar", ("fiscal_year", "quarter", "number"), "status")}),
        ("Days", {"fields": (("starts_on", "last_day"),)}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    @admin.display(description="Ends on", ordering="ends_on")
    def last_day(self, row: models.FiscalPeriod) -> dt.date:
        """Show the day that people mean; the column holds the one after it."""
        return row.ends_on - dt.timedelta(days=1)

"""Screens of reports as they were taken, and of who signed them: to look at alone."""

from __future__ import annotations

from django.contrib import admin

from gifting import models
from gifting.admin import screens
from gifting.domain import access

# They are of the whole organization, which senders see a part of.
READS = (
    access.Permission.WRITE_BUDGETS,
    access.Permission.APPROVE,
    access.Permission.READ_ACCESS,
)


@admin.register(models.ReportSnapshot)
class ReportSnapshotScreen(screens.Screen):
    """Reports with the evidence of what they were made from."""

    reads = READS
    list_display = ("kind", "recorded_at", "row_count", "sha256", "user")
    list_filter = ("kind",)
    list_select_related = ("user",)
    search_fields = ("kind__istartswith", "sha256__istartswith")
    fieldsets = (
        (None, {"fields": ("kind", "parameters", "rate_set", ("user", "token"))}),
        ("Evidence", {"fields": ("sha256", "row_count", "control_totals")}),
        (
            "How it is found again",
            {"fields": ("logic_version", "code_version", "cluster_epoch", "labels")},
        ),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.SignOff)
class SignOffScreen(screens.Screen):
    """Who signed which report, in which role."""

    reads = READS
    list_display = ("snapshot", "role", "user", "recorded_at")
    list_filter = ("role",)
    list_select_related = ("snapshot", "user")
    search_fields = ("sha256__istartswith", "role__istartswith")
    fieldsets = (
        (None, {"fields": ("snapshot", "role", "user", "note", "sha256")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

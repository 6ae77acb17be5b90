"""Screens of file imports, of the rows they could not take and of planted truth. All read-only."""

from __future__ import annotations

from django.contrib import admin

from gifting.admin import screens
from gifting.domain import access
from integrations import models


@admin.register(models.ImportRun)
class ImportRunScreen(screens.Screen):
    reads = (access.Permission.READ_ATTRIBUTION, access.Permission.IMPORT)
    list_display = (
        "kind",
        "file_name",
        "started_at",
        "read_count",
        "new_count",
        "changed_count",
        "unchanged_count",
        "rejected_count",
    )
    list_filter = ("kind",)
    search_fields = ("file_name", "file_sha256__exact")
    date_hierarchy = "started_at"
    fieldsets = (
        (None, {"fields": ("kind", "file_name", "file_sha256", ("started_at", "finished_at"))}),
        (
            "New, changed, unchanged and rejected make up the rows read",
            {
                "fields": (
                    "read_count",
                    ("new_count", "changed_count", "unchanged_count", "rejected_count"),
                )
            },
        ),
        ("Mapping", {"fields": ("mapping",)}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.QuarantinedRow)
class QuarantinedRowScreen(screens.FactScreen):
    # A row that was not taken stands on no cost center yet, so senders cannot be held to theirs.
    reads = (access.Permission.IMPORT,)
    # A reason quotes the cell that was at fault.
    personal = frozenset({"reason", "content"})
    list_display = ("run", "line", "column", "reason")
    list_select_related = ("run",)
    search_fields = ("run__file_name", "column__exact")
    fieldsets = (
        (None, {"fields": ("run", "line", "column", "reason")}),
        ("The row as it came", {"fields": ("content",)}),
        (screens.RECORD, {"fields": ("recorded_at",)}),
    )


@admin.register(models.SandboxTruth)
class SandboxTruthScreen(screens.Screen):
    reads = (access.Permission.READ_ATTRIBUTION,)
    list_display = ("kind", "complete", "recorded_at")
    search_fields = ("kind__iexact",)
    fieldsets = (
        (None, {"fields": ("kind", "complete")}),
        ("What was planted", {"fields": ("parameters", "truth")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    complete = screens.badge("is_complete", "Complete", "Complete", "success")

"""Screens of CRM connections: how they are, how far each stream was read, what each read did.

Nothing that opens a CRM is shown. Connecting, pausing and renewing are commands and services.
"""

from __future__ import annotations

from django.contrib import admin

from gifting.admin import screens
from gifting.domain import access
from integrations import models

_OPERATORS = (access.Permission.MANAGE_CONNECTIONS,)


@admin.register(models.Connection)
class ConnectionScreen(screens.Screen):
    reads = _OPERATORS
    list_display = ("name", "provider", "status", "resumes_at", "quota_used", "quota_limit")
    list_filter = ("provider", "status")
    search_fields = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "provider", ("base_url", "instance_url"), "api_version")}),
        ("State", {"fields": ("status", "status_reason", "resumes_at")}),
        ("Read next", {"fields": (("due_at", "sync_every_seconds"),)}),
        ("Calls of this day", {"fields": (("quota_used", "quota_limit"),)}),
        (screens.RECORD, {"fields": ("public_id", "created_by", "recorded_at")}),
    )


@admin.register(models.StreamState)
class StreamStateScreen(screens.Screen):
    reads = _OPERATORS
    list_display = ("connection", "stream", "cursor_at", "succeeded_at", "is_off", "error_code")
    list_select_related = ("connection",)
    list_filter = ("stream", "is_off")
    search_fields = ("connection__name",)
    fieldsets = (
        (None, {"fields": ("connection", "stream", ("is_off", "error_code"), "error")}),
        ("Read up to", {"fields": (("cursor_at", "cursor_id"), "deleted_until", "swept_at")}),
        ("First full read", {"fields": ("is_backfilled", "backfill_started_at")}),
        ("Worker", {"fields": (("leased_until", "fencing"), "succeeded_at")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.SyncRun)
class SyncRunScreen(screens.Screen):
    reads = _OPERATORS
    list_display = (
        "connection",
        "stream",
        "started_at",
        "read_count",
        "new_count",
        "changed_count",
        "rejected_count",
        "error_code",
    )
    list_select_related = ("connection",)
    list_filter = ("stream",)
    search_fields = ("connection__name",)
    fieldsets = (
        (None, {"fields": ("connection", "stream", "is_full", ("started_at", "finished_at"))}),
        (
            "New, changed, unchanged and rejected make up the records read",
            {
                "fields": (
                    "read_count",
                    ("new_count", "changed_count", "unchanged_count", "rejected_count"),
                    ("deleted_count", "call_count"),
                )
            },
        ),
        ("Error", {"fields": ("error_code", "error")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

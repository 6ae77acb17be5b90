"""Screens of what CRMs told: every record as it came, those set aside, and what became what."""

from __future__ import annotations

from django.contrib import admin

from gifting.admin import screens
from gifting.domain import access
from integrations import models

_OPERATORS = (access.Permission.MANAGE_CONNECTIONS,)


@admin.register(models.CrmRecord)
class CrmRecordScreen(screens.Screen):
    reads = _OPERATORS
    personal = frozenset({"values"})
    list_display = ("connection", "stream", "external_id", "stamp", "is_deleted", "is_pending")
    list_select_related = ("connection",)
    list_filter = ("stream", "is_deleted", "is_pending")
    search_fields = ("external_id__exact", "parent_id__exact")
    fieldsets = (
        (None, {"fields": ("connection", "stream", "external_id", "parent_id", "stamp")}),
        ("State", {"fields": (("is_deleted", "deleted_at"), "merged_into", "is_pending")}),
        ("As told", {"fields": ("values",)}),
        (screens.RECORD, {"fields": ("recorded_at",)}),
    )


@admin.register(models.RejectedRecord)
class RejectedRecordScreen(screens.FactScreen):
    reads = _OPERATORS
    # A reason quotes the value that was at fault.
    personal = frozenset({"reason", "content"})
    list_display = ("connection", "stream", "external_id", "field", "reason", "is_open")
    list_select_related = ("connection",)
    list_filter = ("stream", "is_open")
    search_fields = ("external_id__exact",)
    fieldsets = (
        (None, {"fields": ("connection", "stream", "external_id", "field", "reason", "is_open")}),
        ("The record as it came", {"fields": ("content",)}),
        (screens.RECORD, {"fields": ("recorded_at",)}),
    )


@admin.register(models.RecordAlias)
class RecordAliasScreen(screens.Screen):
    reads = _OPERATORS
    list_display = ("connection", "stream", "old_id", "new_id", "recorded_at")
    list_select_related = ("connection",)
    list_filter = ("stream",)
    search_fields = ("old_id__exact", "new_id__exact")
    fieldsets = (
        (None, {"fields": ("connection", "stream", ("old_id", "new_id"))}),
        (screens.RECORD, {"fields": ("recorded_at",)}),
    )

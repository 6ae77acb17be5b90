"""The screen of the one timeline of gifts and digital touches. Read-only."""

from __future__ import annotations

from django.contrib import admin

from attribution import models
from gifting.admin import screens
from gifting.domain import access

KIND_COLORS = {"PHYSICAL": "primary", "DIGITAL": "info"}


@admin.register(models.Touchpoint)
class TouchpointScreen(screens.FactScreen):
    reads = (access.Permission.READ_ATTRIBUTION,)
    cost_center = "cost_center"
    list_display = (
        "label",
        "nature",
        "occurred_at",
        "account",
        "campaign",
        "vendor",
        "retraction",
        "origin",
    )
    list_select_related = ("account", "campaign", "vendor")
    sortable_by = ("occurred_at",)
    list_filter = ("kind", "occurred_at", "is_retracted", "is_synthetic")
    search_fields = ("source_id__exact", "account__name__istartswith")
    fieldsets = (
        (None, {"fields": ("kind", "channel", "occurred_at", "retraction", "origin")}),
        ("Who", {"fields": ("account", "contact")}),
        ("For", {"fields": ("campaign", "vendor", "cost_center", "send")}),
        ("Source", {"fields": ("source", "source_id")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    nature = screens.state("kind", "Kind", KIND_COLORS)
    retraction = screens.badge("is_retracted", "Taken back", "Taken back")
    origin = screens.synthetic()

    @admin.display(description="Channel", ordering="channel")
    def label(self, row: models.Touchpoint) -> str:
        return row.channel

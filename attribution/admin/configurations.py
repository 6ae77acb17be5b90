"""Screen of the versions of how an organization attributes. Read-only."""

from __future__ import annotations

from django.contrib import admin

from attribution import models
from gifting.admin import screens
from gifting.domain import access


@admin.register(models.AttributionConfiguration)
class AttributionConfigurationScreen(screens.Screen):
    reads = (access.Permission.READ_ATTRIBUTION,)
    list_display = (
        "version",
        "set_at",
        "lookback_days",
        "milestone_lookback_days",
        "window_anchor",
        "contact_mapping",
        "half_life_days",
    )
    list_filter = ("window_anchor", "contact_mapping")
    search_fields = ("window_anchor__iexact", "contact_mapping__iexact")
    date_hierarchy = "set_at"
    ordering = ("-version",)
    fieldsets = (
        (None, {"fields": ("version", "set_at", "model_codes")}),
        (
            "Journeys",
            {
                "fields": (
                    "lookback_days",
                    "milestone_lookback_days",
                    "window_anchor",
                    "contact_mapping",
                    "channel_scheme",
                )
            },
        ),
        ("Time decay", {"fields": ("half_life_days", "step_days")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

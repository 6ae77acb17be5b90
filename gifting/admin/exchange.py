"""Screens of exchange rates and of what was converted by them: to look at alone."""

from __future__ import annotations

from django.contrib import admin

from gifting import models
from gifting.admin import screens
from gifting.domain import access

READS = (access.Permission.READ_BUDGETS, access.Permission.READ_SPEND)
PAIR = ("base", "quote", "rate_type", "rate_date", "rate")


@admin.register(models.ReferenceFile)
class ReferenceFileScreen(screens.Screen):
    reads = READS
    list_display = ("source", "sha256", "recorded_at")
    search_fields = ("source__istartswith", "sha256__istartswith")
    fieldsets = (
        (None, {"fields": ("source", "sha256")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.ReferenceRate)
class ReferenceRateScreen(screens.FactScreen):
    """Rates that every organization reads, written by whoever runs the product."""

    reads = READS
    list_display = PAIR
    list_filter = ("rate_type",)
    search_fields = ("quote__exact", "base__exact")
    list_select_related = ("file",)
    fieldsets = (
        (None, {"fields": (("base", "quote"), ("rate", "rate_date", "rate_type"), "file")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.RateFile)
class RateFileScreen(screens.Screen):
    reads = READS
    list_display = ("source", "sha256", "recorded_at")
    search_fields = ("source__istartswith", "sha256__istartswith")
    fieldsets = (
        (None, {"fields": ("source", "sha256", "quarantined")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.OrganizationRate)
class OrganizationRateScreen(screens.FactScreen):
    """The organization's own rates, which win over those that all share."""

    reads = READS
    list_display = PAIR
    list_filter = ("rate_type",)
    search_fields = ("quote__exact", "base__exact")
    list_select_related = ("file",)
    fieldsets = (
        (None, {"fields": (("base", "quote"), ("rate", "rate_date", "rate_type"), "file")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.Conversion)
class ConversionScreen(screens.FactScreen):
    """What was converted, and by which rates of which day."""

    reads = READS
    list_display = (
        "from_amount_minor",
        "from_currency",
        "to_amount_minor",
        "to_currency",
        "rate_type",
        "asked_on",
        "used_on",
    )
    search_fields = ("from_currency__exact", "to_currency__exact")
    list_select_related = (
        "reference_rate",
        "own_rate",
        "second_reference_rate",
        "second_own_rate",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("from_amount_minor", "from_currency"),
                    ("to_amount_minor", "to_currency"),
                    ("rate_type", "asked_on", "used_on"),
                )
            },
        ),
        ("First rate", {"fields": ("reference_rate", "own_rate")}),
        ("Second rate", {"fields": ("second_reference_rate", "second_own_rate")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

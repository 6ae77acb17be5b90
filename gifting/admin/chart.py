"""Screens of the chart of accounts and of what maps spend to it. To look at alone."""

from __future__ import annotations

from typing import Final

from django.contrib import admin

from gifting import models
from gifting.admin import screens
from gifting.selectors import booked

READS: Final = booked.READERS
_RECORD: Final = (screens.RECORD, {"fields": ("public_id", "recorded_at")})


@admin.register(models.GlAccount)
class GlAccountScreen(screens.Screen):
    reads = READS
    list_display = ("code", "name", "kind", "parent")
    list_select_related = ("parent",)
    list_filter = ("kind",)
    search_fields = ("code__istartswith", "name")
    ordering = ("code",)
    fieldsets = (
        (None, {"fields": ("code", "name", "kind", "parent", "tax_rate")}),
        _RECORD,
    )


@admin.register(models.GlMapping)
class GlMappingScreen(screens.Screen):
    reads = READS
    list_display = (
        "bucket",
        "cost_center",
        "component",
        "recipient_class",
        "account",
        "counter_account",
        "valid_from",
    )
    list_select_related = ("cost_center", "account", "counter_account")
    list_filter = ("bucket", "component", "recipient_class")
    search_fields = ("account__code__istartswith",)
    fieldsets = (
        ("For", {"fields": ("bucket", "cost_center", "component", "recipient_class")}),
        ("Goes to", {"fields": ("account", "counter_account", "valid_from", "user")}),
        (
            "Carries",
            {"fields": ("department", "class_name", "location", "subsidiary", "payee")},
        ),
        _RECORD,
    )


@admin.register(models.SpendCoding)
class SpendCodingScreen(screens.FactScreen):
    reads = READS
    list_display = ("operation", "component", "recipient_class", "finance_tag")
    list_select_related = ("operation",)
    list_filter = ("component", "recipient_class")
    search_fields = ("finance_tag__exact",)
    fieldsets = ((None, {"fields": ("operation", "component", "recipient_class", "finance_tag")}),)

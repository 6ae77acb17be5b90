"""Screens of attribution runs, the identity they keep and the credit they gave. All read-only."""

from __future__ import annotations

from django.contrib import admin

from attribution import models
from gifting.admin import screens
from gifting.domain import access

STATUS_COLORS = {"PUBLISHED": "success", "REFUSED": "danger", "RUNNING": "info"}


@admin.register(models.AttributionRun)
class AttributionRunScreen(screens.Screen):
    reads = (access.Permission.READ_ATTRIBUTION,)
    list_display = (
        "model",
        "as_of",
        "state",
        "current",
        "lookback_days",
        "opportunity_count",
        "touchpoint_count",
        "credit_count",
        "finished_at",
    )
    list_filter = ("status", "is_current", "model")
    search_fields = ("model__iexact", "digest__exact")
    date_hierarchy = "as_of"
    fieldsets = (
        (
            None,
            {"fields": ("model", "rule_version", "lookback_days", "configuration", "as_of")},
        ),
        ("Outcome", {"fields": ("status", "current", "finished_at", "digest", "refusal")}),
        (
            "Counts",
            {
                "fields": (
                    "opportunity_count",
                    "touchpoint_count",
                    "credit_count",
                    "missing_amount_count",
                    "missing_milestone_count",
                )
            },
        ),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    state = screens.state("status", "Status", STATUS_COLORS)
    current = screens.badge("is_current", "Current", "Current", "success")


@admin.register(models.AttributionTotal)
class AttributionTotalScreen(screens.Screen):
    reads = (access.Permission.READ_ATTRIBUTION,)
    list_display = ("run", "attributed", "unattributed", "won_revenue")
    list_select_related = ("run",)
    list_filter = ("currency", "run__is_current")
    search_fields = ("run__model__iexact",)
    fieldsets = (
        (None, {"fields": ("run",)}),
        (
            "Attributed plus unattributed is won revenue",
            {"fields": ("attributed", "unattributed", "won_revenue")},
        ),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    attributed = screens.amount("attributed_minor", "Attributed")
    unattributed = screens.amount("unattributed_minor", "Unattributed")
    won_revenue = screens.amount("won_revenue_minor", "Won revenue")


@admin.register(models.Credit)
class CreditScreen(screens.FactScreen):
    reads = (access.Permission.READ_ATTRIBUTION,)
    cost_center = "touchpoint__cost_center"
    list_display = ("opportunity", "amount", "share", "touchpoint", "run")
    list_select_related = ("opportunity", "touchpoint", "run")
    list_filter = ("currency", "run__is_current")
    search_fields = ("opportunity__external_id__exact",)
    fieldsets = (
        (None, {"fields": ("run", "opportunity", "touchpoint")}),
        ("Credit", {"fields": ("amount", "share")}),
    )
    amount = screens.amount("amount_minor", "Credit")

    @admin.display(description="Weight")
    def share(self, row: models.Credit) -> str | None:
        # What no touchpoint earned has no weights: a dash, not "0 of 0".
        return f"{row.weight:,} of {row.weight_total:,}" if row.weight_total else None


@admin.register(models.CreditRollup)
class CreditRollupScreen(screens.Screen):
    reads = (access.Permission.READ_ATTRIBUTION,)
    cost_center = "cost_center"
    list_display = (
        "run",
        "campaign",
        "channel",
        "vendor",
        "cost_center",
        "fiscal_period",
        "amount",
        "touch_count",
        "without_touch",
    )
    list_select_related = ("run", "campaign", "vendor", "cost_center", "fiscal_period")
    list_filter = ("run__is_current", "is_unattributed", "currency", "fiscal_period__fiscal_year")
    search_fields = ("campaign__code__istartswith", "campaign__name", "channel__istartswith")
    fieldsets = (
        (None, {"fields": ("run", "fiscal_period", "amount", "touch_count", "without_touch")}),
        ("Of", {"fields": ("campaign", "channel", "vendor", "cost_center")}),
    )
    amount = screens.amount("amount_minor", "Credit")
    without_touch = screens.badge("is_unattributed", "Unattributed", "Unattributed")

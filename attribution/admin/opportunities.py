"""Screens of opportunities, who has a part in them and how they changed. All read-only."""

from __future__ import annotations

from django.contrib import admin

from attribution import models
from gifting.admin import screens
from gifting.domain import access

STATUS_COLORS = {"WON": "success", "LOST": "danger", "OPEN": "info"}


@admin.register(models.Opportunity)
class OpportunityScreen(screens.FactScreen):
    reads = (access.Permission.READ_ATTRIBUTION,)
    list_display = (
        "label",
        "account",
        "product",
        "amount",
        "outcome",
        "stage",
        "opened_at",
        "closed_at",
        "origin",
    )
    list_select_related = ("account",)
    list_filter = ("status", "closed_at", "currency", "is_synthetic")
    sortable_by = ("closed_at",)
    search_fields = ("external_id__exact", "name__istartswith", "account__name__istartswith")
    fieldsets = (
        (None, {"fields": ("name", "account", "product", "amount", "status", "stage", "origin")}),
        ("Times", {"fields": (("opened_at", "closed_at"), "fiscal_period")}),
        ("Source", {"fields": ("source", "external_id", "owner_reference")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    amount = screens.amount("amount_minor", "Amount")
    outcome = screens.state("status", "Status", STATUS_COLORS)
    origin = screens.synthetic()

    @admin.display(description="Opportunity", ordering="external_id")
    def label(self, row: models.Opportunity) -> str:
        return str(row)


@admin.register(models.OpportunityContactRole)
class OpportunityContactRoleScreen(screens.FactScreen):
    reads = (access.Permission.READ_ATTRIBUTION,)
    list_display = ("opportunity", "contact", "role", "is_primary")
    list_select_related = ("opportunity", "contact")
    list_filter = ("is_primary",)
    search_fields = ("opportunity__external_id__exact", "contact__external_id__exact")
    fieldsets = (
        (None, {"fields": ("opportunity", "contact", "role", "is_primary")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


class OpportunityChangeScreen(screens.FactScreen):
    """What the screens of the three histories share."""

    reads = (access.Permission.READ_ATTRIBUTION,)
    list_select_related = ("opportunity",)
    list_filter = ("changed_at",)
    search_fields = ("opportunity__external_id__exact",)


@admin.register(models.StageChange)
class StageChangeScreen(OpportunityChangeScreen):
    list_display = ("opportunity", "changed_at", "stage", "outcome", "source")
    fieldsets = (
        (None, {"fields": ("opportunity", "changed_at", "stage", "status")}),
        ("Source", {"fields": ("source", "source_id")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    outcome = screens.state("status", "Status", STATUS_COLORS)


@admin.register(models.AmountChange)
class AmountChangeScreen(OpportunityChangeScreen):
    list_display = ("opportunity", "changed_at", "amount", "source")
    fieldsets = (
        (None, {"fields": ("opportunity", "changed_at", "amount")}),
        ("Source", {"fields": ("source", "source_id")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    amount = screens.amount("amount_minor", "Amount")


@admin.register(models.OwnerChange)
class OwnerChangeScreen(OpportunityChangeScreen):
    list_display = ("opportunity", "changed_at", "owner_reference", "source")
    fieldsets = (
        (None, {"fields": ("opportunity", "changed_at", "owner_reference")}),
        ("Source", {"fields": ("source", "source_id")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

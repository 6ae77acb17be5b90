"""Screens of sends: the facts of a gift, what happened to it and what it cost. All read-only."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import admin

from gifting import models
from gifting.admin import screens
from gifting.domain import access, lifecycle

READS = (access.Permission.READ_SPEND, access.Permission.READ_CAMPAIGNS)
STATE_COLORS: Mapping[str, str] = {
    lifecycle.State.DELIVERED: "success",
    lifecycle.State.ACCEPTED: "success",
    lifecycle.State.SHIPPED: "info",
    lifecycle.State.IN_FULFILLMENT: "info",
    lifecycle.State.DECLINED: "warning",
    lifecycle.State.EXPIRED: "warning",
    lifecycle.State.UNDELIVERABLE: "danger",
    lifecycle.State.FAILED: "danger",
}


@admin.register(models.Recipient)
class RecipientScreen(screens.FactScreen):
    reads = (access.Permission.READ_CAMPAIGNS,)
    personal = frozenset({"name", "email"})
    list_display = ("external_id", "name", "email", "country", "source")
    list_filter = ("source",)
    search_fields = ("external_id__exact", "account_reference__exact", "name", "email")
    fieldsets = (
        (None, {"fields": ("source", "external_id", "name", "email", "country")}),
        ("In the CRM", {"fields": ("account_reference", "contact_reference")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.Send)
class SendScreen(screens.FactScreen):
    reads = READS
    cost_center = "cost_center"
    list_display = (
        "external_id",
        "where",
        "campaign",
        "vendor",
        "gift_item",
        "cost_center",
        "sent_at",
        "delivered_at",
        "origin",
    )
    list_select_related = ("campaign", "vendor", "gift_item", "cost_center")
    list_filter = ("state", "sent_at", "is_synthetic")
    sortable_by = ("sent_at",)
    search_fields = ("external_id__exact", "account_reference__exact")
    fieldsets = (
        (None, {"fields": ("source", "external_id", "state", "quantity", "origin")}),
        ("Gift", {"fields": ("campaign", "cost_center", "vendor", "gift_item", "recipient")}),
        ("In the CRM", {"fields": ("account_reference", "sender_reference")}),
        ("From the events", {"fields": ("last_event_number", "sent_at", "delivered_at")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    where = screens.state("state", "State", STATE_COLORS)
    origin = screens.synthetic()


@admin.register(models.SendEvent)
class SendEventScreen(screens.FactScreen):
    reads = READS
    cost_center = "send__cost_center"
    list_display = ("send", "number", "from_state", "to", "occurred_at", "vendor_status")
    list_select_related = ("send",)
    list_filter = ("to_state", "occurred_at")
    search_fields = ("send__external_id__exact", "source_event_id__exact")
    fieldsets = (
        (None, {"fields": ("send", "number", "from_state", "to_state")}),
        ("Source", {"fields": ("source", "source_event_id", "vendor_status")}),
        ("Times", {"fields": ("occurred_at", "received_at", "recorded_at")}),
    )
    to = screens.state("to_state", "To state", STATE_COLORS)


@admin.register(models.CostLine)
class CostLineScreen(screens.FactScreen):
    reads = (access.Permission.READ_SPEND,)
    cost_center = "cost_center"
    list_display = (
        "send",
        "component",
        "version",
        "amount",
        "change_made",
        "basis",
        "occurred_on",
        "fiscal_period",
        "campaign",
        "vendor",
    )
    list_select_related = ("send", "fiscal_period", "campaign", "vendor")
    list_filter = ("component", "basis", "currency", "occurred_on")
    search_fields = ("send__external_id__exact",)
    fieldsets = (
        (None, {"fields": ("send", "component", "version", "basis")}),
        ("Money", {"fields": ("amount", "change_made")}),
        ("Counted in", {"fields": ("occurred_on", "fiscal_period")}),
        ("Charged to", {"fields": ("campaign", "vendor", "cost_center")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    amount = screens.amount("amount_minor", "Whole amount")
    change_made = screens.amount("change_minor", "Change")


@admin.register(models.SpendRollup)
class SpendRollupScreen(screens.Screen):
    reads = (access.Permission.READ_SPEND,)
    cost_center = "cost_center"
    list_display = ("campaign", "fiscal_period", "vendor", "cost_center", "part", "amount")
    list_select_related = ("campaign", "fiscal_period", "vendor", "cost_center")
    list_filter = ("component", "currency", "fiscal_period__fiscal_year")
    search_fields = ("campaign__code__istartswith", "campaign__name")
    fieldsets = (
        (None, {"fields": ("campaign", "fiscal_period", "vendor", "cost_center", "part")}),
        ("Money", {"fields": ("amount",)}),
    )
    amount = screens.amount("amount_minor", "Spend")

    @admin.display(description="Component", ordering="component")
    def part(self, row: models.SpendRollup) -> str:
        return row.get_component_display()


@admin.register(models.SenderSpend)
class SenderSpendScreen(screens.Screen):
    reads = (access.Permission.READ_SPEND,)
    cost_center = "cost_center"
    personal = frozenset({"sender_reference"})
    list_display = ("sender_reference", "fiscal_period", "cost_center", "amount")
    list_select_related = ("fiscal_period", "cost_center")
    list_filter = ("currency", "fiscal_period__fiscal_year")
    search_fields = ("sender_reference__exact",)
    fieldsets = (
        (None, {"fields": ("sender_reference", "fiscal_period", "cost_center")}),
        ("Money", {"fields": ("amount",)}),
    )
    amount = screens.amount("amount_minor", "Spend")

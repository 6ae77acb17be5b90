"""The screen of what was spent outside the tool."""

from __future__ import annotations

from django.contrib import admin

from gifting import models
from gifting.admin import screens
from gifting.domain import access


@admin.register(models.OutsideSpend)
class OutsideSpendScreen(screens.FactScreen):
    reads = (access.Permission.READ_BUDGETS,)
    cost_center = "cost_center"
    list_display = ("merchant", "source", "spent_on", "amount", "vendor", "budget", "claimed_by")
    list_select_related = ("vendor", "budget", "claimed_by")
    list_filter = ("source", "spent_on", "claimed_at")
    search_fields = ("merchant", "native_id__exact")
    fieldsets = (
        (None, {"fields": ("merchant", "source", "native_id", "spent_on", "amount")}),
        ("Vendor", {"fields": ("vendor", "confidence_basis_points")}),
        ("Claimed", {"fields": ("budget", "claimed_by", "claimed_at", "operation")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    amount = screens.amount("amount_minor", "Amount")

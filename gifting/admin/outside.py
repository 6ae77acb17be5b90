"""The screen of what was spent outside the tool, and the form that charges it to a budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from gifting import models
from gifting.admin import papers, screens
from gifting.domain import access
from gifting.services import outside


class ClaimForm(papers.KeyedForm):
    """Ask which budget bears a line; the vendor is asked for without suggesting the guess."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial["vendor"] = None
        if "vendor" in self.fields:
            self.fields["vendor"].help_text = "If you know it; empty keeps the guess"


@admin.register(models.OutsideSpend)
class OutsideSpendScreen(papers.OptionalLinks, screens.FactScreen):
    reads = (access.Permission.READ_BUDGETS,)
    writes = access.Permission.WRITE_BUDGETS
    cost_center = "cost_center"
    form = ClaimForm
    optional = ("vendor",)
    autocomplete_fields = ("budget", "vendor")
    readonly_fields = (
        "merchant",
        "source",
        "native_id",
        "spent_on",
        "amount",
        "guess",
        "confidence_basis_points",
        "public_id",
        "recorded_at",
    )
    list_display = ("merchant", "source", "spent_on", "amount", "vendor", "budget", "claimed_by")
    list_select_related = ("vendor", "budget", "claimed_by")
    list_filter = ("source", "spent_on", "claimed_at")
    search_fields = ("merchant", "native_id__exact")
    told = (None, {"fields": ("merchant", "source", "native_id", "spent_on", "amount")})
    record = (screens.RECORD, {"fields": ("public_id", "recorded_at")})
    fieldsets = (
        told,
        ("Vendor", {"fields": ("vendor", "confidence_basis_points")}),
        ("Claimed", {"fields": ("budget", "claimed_by", "claimed_at", "operation")}),
        record,
    )
    claim_fieldsets = (
        told,
        ("Guess", {"fields": ("guess", "confidence_basis_points")}),
        ("Claim it", {"fields": ("budget", "vendor", papers.KEY)}),
        record,
    )
    amount = screens.amount("amount_minor", "Amount")

    @admin.display(description="Probable vendor")
    def guess(self, row: models.OutsideSpend) -> str:
        return str(row.vendor) if row.vendor else "none"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # A claimed line is only looked at; the second click on a claim is the service's to answer.
        is_open = getattr(obj, "claimed_at", None) is None or request.method == "POST"
        return is_open and super().has_change_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        if obj is None or not self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        return list(self.claim_fieldsets)

    def change(
        self, *, actor: access.Actor, row: models.OutsideSpend, values: Mapping[str, Any]
    ) -> None:
        outside.claim(
            actor=actor,
            key=values[papers.KEY],
            outside_spend=row.public_id,
            budget_id=values["budget"].pk,
            vendor_id=values["vendor"].pk if values["vendor"] else None,
            at=timezone.now(),
        )

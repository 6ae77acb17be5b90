"""The screen of money timing: terms are added, and ended, never rewritten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from gifting import models
from gifting.admin import screens
from gifting.domain import access
from gifting.domain import timing as rules
from gifting.models import timing as tables
from gifting.services import timing

RULES = (
    *tables.MOMENTS,
    *tables.ENDS,
    "returns_while",
    "returns_within_days",
    "credit_days",
    "leftover",
    "fee_rate",
    "tax_rate",
)


@admin.register(models.MoneyTiming)
class MoneyTimingScreen(screens.Screen):
    reads = (access.Permission.READ_CAMPAIGNS, access.Permission.READ_SPEND)
    writes = access.Permission.WRITE_VENDORS
    list_display = ("vendor", "gift_kind", "starts_on", "ends_on", "source")
    list_select_related = ("vendor",)
    list_filter = ("gift_kind",)
    search_fields = ("vendor__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("vendor", "gift_kind", ("starts_on", "ends_on"), "source")}),
        ("Owed", {"fields": tables.MOMENTS}),
        ("Comes back", {"fields": (*tables.ENDS, "returns_while", "returns_within_days")}),
        ("And", {"fields": ("credit_days", "leftover", ("fee_rate", "tax_rate"))}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    readonly_fields = ("public_id", "recorded_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = super().get_readonly_fields(request, obj)
        kept = ("vendor", "gift_kind", "starts_on", "source", *RULES)
        return [*fixed, *kept] if obj else fixed

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        told: dict[str, Any] = {
            **{name: rules.Effect(values[name]) for name in tables.MOMENTS},
            **{name: rules.Return(values[name]) for name in tables.ENDS},
            "returns_while": rules.Returnable(values["returns_while"]),
            "leftover": rules.Release(values["leftover"]),
            **{
                name: values[name]
                for name in ("returns_within_days", "credit_days", "fee_rate", "tax_rate")
            },
        }
        return timing.add(
            actor=actor,
            vendor_id=values["vendor"].pk,
            gift_kind=rules.GiftKind(values["gift_kind"]),
            terms=rules.Terms(**told),
            starts_on=values["starts_on"],
            ends_on=values["ends_on"],
            source=values["source"],
        )

    def change(
        self, *, actor: access.Actor, row: models.MoneyTiming, values: Mapping[str, Any]
    ) -> None:
        if values["ends_on"] is not None:
            timing.end(actor=actor, timing_id=row.pk, ends_on=values["ends_on"])

"""Screens of credits: what vendors keep for later gifts, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from gifting import models
from gifting.admin import screens
from gifting.domain import access, money
from gifting.services import credit_memos

READS: Final = (access.Permission.READ_SPEND,)


@admin.register(models.CreditMemo)
class CreditMemoScreen(screens.Screen):
    reads = READS
    writes = access.Permission.WRITE_BUDGETS
    cost_center = "send__cost_center"
    list_display = ("vendor", "reference", "amount", "left", "issued_on", "expires_on", "send")
    list_select_related = ("vendor", "send")
    list_filter = ("issued_on", "expires_on")
    search_fields = ("vendor__name__istartswith", "reference__exact")
    readonly_fields = ("send", "left", "public_id", "recorded_at")
    fieldsets = (
        (None, {"fields": ("vendor", "reference", ("amount_minor", "currency"), "source")}),
        ("Days", {"fields": ("issued_on", "expires_on")}),
        (screens.RECORD, {"fields": ("send", "left", "public_id", "recorded_at")}),
    )
    amount = screens.amount("amount_minor", "Amount")

    @admin.display(description="Left")
    def left(self, row: models.CreditMemo) -> str:
        return money.Money(row.amount_minor - row.used_minor, row.currency).format()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        public_id = credit_memos.issue(
            actor=actor,
            vendor_id=values["vendor"].pk,
            amount=money.Money(values["amount_minor"], values["currency"]),
            issued_on=values["issued_on"],
            expires_on=values["expires_on"],
            reference=values["reference"],
            source=values["source"],
        )
        found: int = models.CreditMemo.objects.values_list("id", flat=True).get(public_id=public_id)
        return found


@admin.register(models.CreditUse)
class CreditUseScreen(screens.FactScreen):
    reads = READS
    cost_center = "credit_memo__send__cost_center"
    list_display = ("credit_memo", "kind", "amount", "used_on", "send", "reference")
    list_select_related = ("credit_memo", "send")
    list_filter = ("kind", "used_on")
    search_fields = ("reference__exact",)
    fieldsets = (
        (None, {"fields": ("credit_memo", "kind", "amount", "used_on")}),
        ("For", {"fields": ("send", "reference", "user")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    @admin.display(description="Amount")
    def amount(self, row: models.CreditUse) -> str:
        return money.Money(row.amount_minor, row.credit_memo.currency).format()

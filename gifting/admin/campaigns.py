"""Screens of programs, of their campaigns and of the budgets that they may spend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, auth
from django.db.models import ForeignKey, Model
from django.http import HttpRequest
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import access, money, refusals
from gifting.services import budgets, campaigns, programs

LONGEST_AMOUNT = 40


@admin.register(models.Program)
class ProgramScreen(screens.Screen):
    reads = (access.Permission.READ_CAMPAIGNS,)
    writes = access.Permission.WRITE_CAMPAIGNS
    list_display = ("code", "name")
    search_fields = ("code__istartswith", "name")
    ordering = ("code",)
    readonly_fields = ("public_id", "recorded_at")
    fieldsets = (
        (None, {"fields": ("code", "name")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, "code"] if obj else fixed

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        return programs.create(actor=actor, code=values["code"], name=values["name"])

    def change(
        self, *, actor: access.Actor, row: models.Program, values: Mapping[str, Any]
    ) -> None:
        programs.rename(actor=actor, program_id=row.pk, name=values["name"])


@admin.register(models.Campaign)
class CampaignScreen(screens.Screen):
    reads = (access.Permission.READ_CAMPAIGNS,)
    writes = access.Permission.WRITE_CAMPAIGNS
    cost_center = "cost_center"
    list_display = ("code", "name", "program", "kind", "motion", "channel", "cost_center", "owner")
    list_select_related = ("program", "cost_center", "owner")
    list_filter = ("kind", "motion", "personalization")
    search_fields = ("code__istartswith", "name")
    ordering = ("code",)
    autocomplete_fields = ("cost_center", "program")
    readonly_fields = ("public_id", "recorded_at")
    fieldsets = (
        (None, {"fields": ("code", "name", "kind", "motion", "channel", "personalization")}),
        ("Who and when", {"fields": ("program", "cost_center", "owner", "starts_on", "ends_on")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, "code"] if obj else fixed

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **options: Any
    ) -> Any:
        if db_field.name == "owner":
            members = models.Membership.objects.values("user_id")
            options["queryset"] = (
                auth.get_user_model().objects.filter(pk__in=members).order_by("username")
            )
        return super().formfield_for_foreignkey(db_field, request, **options)

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        return campaigns.create(actor=actor, code=values["code"], details=_details(values))

    def change(
        self, *, actor: access.Actor, row: models.Campaign, values: Mapping[str, Any]
    ) -> None:
        campaigns.change(actor=actor, campaign_id=row.pk, details=_details(values))


class BudgetForm(screens.RefusableForm):
    """Take the amount as people write money; it is approved once and kept."""

    amount = forms.CharField(
        max_length=LONGEST_AMOUNT,
        widget=widgets.UnfoldAdminTextInputWidget(),
        help_text="Such as 12500.00; approved once, never changed",
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if cleaned and "amount" in cleaned and "currency" in cleaned:
            try:
                cleaned["money"] = money.Money.parse(cleaned["amount"], cleaned["currency"])
            except refusals.Refusal as refusal:
                self.add_error(refusal.field, refusal.message)
        return cleaned


@admin.register(models.Budget)
class BudgetScreen(screens.Screen):
    reads = (access.Permission.READ_BUDGETS,)
    writes = access.Permission.WRITE_BUDGETS
    form = BudgetForm
    add_only = ("amount",)
    cost_center = "cost_center"
    list_display = ("name", "original", "cost_center", "campaign", "fiscal_period")
    list_select_related = ("cost_center", "campaign", "fiscal_period")
    list_filter = ("currency", "fiscal_period__fiscal_year")
    search_fields = ("name",)
    autocomplete_fields = ("cost_center", "campaign", "fiscal_period")
    add_fieldsets = (
        (None, {"fields": ("name", "amount", "currency")}),
        ("For", {"fields": ("cost_center", "campaign", "fiscal_period")}),
    )
    fieldsets = (
        (None, {"fields": ("name", "original")}),
        ("For", {"fields": ("cost_center", "campaign", "fiscal_period")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    original = screens.amount("original_amount_minor", "Original amount")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = [*super().get_readonly_fields(request, obj), "original"]
        if obj is None:
            return fixed
        return [*fixed, "cost_center", "campaign", "fiscal_period", "public_id", "recorded_at"]

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        return budgets.approve(
            actor=actor,
            name=values["name"],
            amount=values["money"],
            cost_center_id=values["cost_center"].pk,
            fiscal_period_id=values["fiscal_period"].pk,
            campaign_id=values["campaign"].pk if values["campaign"] else None,
        )

    def change(self, *, actor: access.Actor, row: models.Budget, values: Mapping[str, Any]) -> None:
        budgets.rename(actor=actor, budget_id=row.pk, name=values["name"])


def _details(values: Mapping[str, Any]) -> campaigns.Details:
    owner = values["owner"]
    return campaigns.Details(
        name=values["name"],
        kind=values["kind"],
        motion=values["motion"],
        channel=values["channel"],
        personalization=values["personalization"],
        cost_center_id=values["cost_center"].pk,
        owner_id=owner.pk if owner else None,
        starts_on=values["starts_on"],
        ends_on=values["ends_on"],
        program_id=values["program"].pk if values["program"] else None,
    )

"""Screens of what budgets are held to: policies, requests, dimensions and rollovers.

Policies are set and dimension values named here, by services; all else is to look at alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from gifting import models
from gifting.admin import screens
from gifting.domain import access, budgets, money
from gifting.services import dimensions, policies

READS = (access.Permission.READ_BUDGETS,)


@admin.register(models.BudgetPolicy)
class BudgetPolicyScreen(screens.FactScreen):
    reads = READS
    writes = access.Permission.WRITE_BUDGETS
    form = screens.KeyedForm
    add_only = (screens.KEY,)
    autocomplete_fields = ("budget", "claw_back_to")
    add_fieldsets = (
        (None, {"fields": ("budget", "enforcement", "counts_requested", "needs_two_people")}),
        ("At its end", {"fields": ("rollover", ("cap_amount_minor", "cap_basis_points"))}),
        ("Claw back", {"fields": ("claw_back_to", "claw_back_on")}),
        ("Because", {"fields": ("reason", screens.KEY)}),
    )
    cost_center = "budget__cost_center"
    list_display = ("budget", "enforcement", "rollover", "needs_two_people", "reason", "user")
    list_select_related = ("budget", "user")
    list_filter = ("enforcement", "rollover")
    search_fields = ("budget__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("budget", "enforcement", "counts_requested", "needs_two_people")}),
        ("At its end", {"fields": ("rollover", ("cap_amount_minor", "cap_basis_points"))}),
        ("Claw back", {"fields": ("claw_back_to", "claw_back_on")}),
        ("Because", {"fields": ("reason", "user", "operation")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        later = values["claw_back_to"]
        answer = policies.set_policy(
            actor=actor,
            key=screens.key_of(values),
            budget_id=values["budget"].pk,
            policy=policies.Policy(
                enforcement=budgets.Enforcement(values["enforcement"]),
                counts_requested=values["counts_requested"],
                needs_two_people=values["needs_two_people"],
                rollover=budgets.Rollover(values["rollover"]),
                cap=budgets.Cap(values["cap_amount_minor"], values["cap_basis_points"]),
                claw_back_to_id=later.pk if later else None,
                claw_back_on=values["claw_back_on"],
            ),
            reason=values["reason"],
        )
        made = models.BudgetPolicy.objects.get(operation__public_id=answer.operation_id)
        return made.pk


@admin.register(models.Rollover)
class RolloverScreen(screens.FactScreen):
    reads = READS
    cost_center = "budget__cost_center"
    list_display = ("budget", "to_budget", "policy", "committed", "available", "lapsed")
    list_select_related = ("budget", "to_budget")
    list_filter = ("policy", "recorded_at")
    search_fields = ("budget__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("budget", "to_budget", "policy", "operation")}),
        ("Money", {"fields": ("committed", "available", "lapsed")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    @admin.display(description="Carried in commitments")
    def committed(self, row: models.Rollover) -> str:
        return money.Money(row.committed_minor, row.budget.currency).format()

    @admin.display(description="Carried beside them")
    def available(self, row: models.Rollover) -> str:
        return money.Money(row.available_minor, row.budget.currency).format()

    @admin.display(description="Lapsed")
    def lapsed(self, row: models.Rollover) -> str:
        return money.Money(row.lapsed_minor, row.budget.currency).format()


@admin.register(models.SpendRequest)
class SpendRequestScreen(screens.FactScreen):
    reads = READS
    cost_center = "fund__budget__cost_center"
    list_display = ("budget", "amount", "reference", "user", "recorded_at")
    list_select_related = ("fund__budget", "user")
    list_filter = ("recorded_at",)
    search_fields = ("reference__exact",)
    fieldsets = (
        (None, {"fields": ("budget", "amount", "reference", "user", "operation")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    @admin.display(description="Budget")
    def budget(self, row: models.SpendRequest) -> str:
        return str(row.fund.budget.name)

    @admin.display(description="Amount")
    def amount(self, row: models.SpendRequest) -> str:
        return money.Money(row.amount_minor, row.fund.currency).format()


@admin.register(models.RequestOutcome)
class RequestOutcomeScreen(screens.FactScreen):
    reads = READS
    cost_center = "request__fund__budget__cost_center"
    list_display = ("request", "outcome", "reason", "recorded_at")
    list_select_related = ("request",)
    list_filter = ("outcome", "recorded_at")
    search_fields = ("request__reference__exact",)
    fieldsets = (
        (None, {"fields": ("request", "outcome", "reason", "operation")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.DimensionValue)
class DimensionValueScreen(screens.Screen):
    reads = READS
    writes = access.Permission.WRITE_BUDGETS
    list_display = ("kind", "code", "name")
    list_filter = ("kind",)
    search_fields = ("code__istartswith", "name")
    ordering = ("kind", "code")
    readonly_fields = ("public_id", "recorded_at")
    fieldsets = (
        (None, {"fields": ("kind", "code", "name")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        return dimensions.name_value(
            actor=actor,
            kind=budgets.DimensionKind(values["kind"]),
            code=values["code"],
            name=values["name"],
        )


@admin.register(models.Reach)
class ReachScreen(screens.Screen):
    reads = READS
    cost_center = "fund__budget__cost_center"
    list_display = ("fund", "value_ids", "fund_ids")
    list_select_related = ("fund",)
    search_fields = ("fund__budget__name__istartswith",)
    fieldsets = ((None, {"fields": ("fund", "value_ids", "fund_ids")}),)

"""Screens of forecasts and of shared budgets: to look at alone."""

from __future__ import annotations

from django.contrib import admin

from gifting import models
from gifting.admin import screens
from gifting.domain import access

READS = (access.Permission.READ_BUDGETS,)


@admin.register(models.ForecastVersion)
class ForecastVersionScreen(screens.Screen):
    reads = READS
    list_display = ("name", "submitted_at", "submitted_by")
    list_select_related = ("submitted_by",)
    search_fields = ("name__istartswith",)
    fieldsets = (
        (None, {"fields": ("name", "submitted_at", "submitted_by")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.ForecastLine)
class ForecastLineScreen(screens.FactScreen):
    reads = READS
    cost_center = "budget__cost_center"
    list_display = ("version", "budget", "planned_minor", "planned_quantity", "remaining_minor")
    list_select_related = ("version", "budget")
    search_fields = ("budget__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("version", "budget")}),
        ("Plan", {"fields": ("planned_minor", "planned_quantity", "remaining_minor")}),
    )


@admin.register(models.SharedBudget)
class SharedBudgetScreen(screens.Screen):
    reads = READS
    list_display = ("name", "currency")
    search_fields = ("name__istartswith",)
    fieldsets = (
        (None, {"fields": ("name", "currency")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.SharedTerms)
class SharedTermsScreen(screens.FactScreen):
    reads = READS
    list_display = ("shared_budget", "fiscal_period", "mode", "manager", "requested_by")
    list_select_related = ("shared_budget", "fiscal_period", "manager", "requested_by")
    list_filter = ("mode", "recorded_at")
    search_fields = ("shared_budget__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("shared_budget", "fiscal_period", "mode")}),
        ("Manager", {"fields": ("manager", "manager_limit_minor")}),
        ("Because", {"fields": ("reason", "requested_by")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.SharedSide)
class SharedSideScreen(screens.FactScreen):
    reads = READS
    cost_center = "budget__cost_center"
    list_display = ("terms", "budget", "representative", "contribution_minor", "floor_minor")
    list_select_related = ("terms", "budget", "representative")
    search_fields = ("budget__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("terms", "budget", "representative")}),
        ("Money", {"fields": ("contribution_minor", "floor_minor")}),
    )


@admin.register(models.SharedConsent)
class SharedConsentScreen(screens.FactScreen):
    reads = READS
    list_display = ("terms", "user", "recorded_at")
    list_select_related = ("terms", "user")
    search_fields = ("terms__shared_budget__name__istartswith",)
    fieldsets = ((None, {"fields": ("terms", "user", "recorded_at")}),)


@admin.register(models.SharedActivation)
class SharedActivationScreen(screens.FactScreen):
    reads = READS
    list_display = ("terms", "recorded_at")
    list_select_related = ("terms",)
    search_fields = ("terms__shared_budget__name__istartswith",)
    fieldsets = ((None, {"fields": ("terms", "operation", "recorded_at")}),)


@admin.register(models.SharedLoan)
class SharedLoanScreen(screens.FactScreen):
    reads = READS
    cost_center = "lender__cost_center"
    list_display = ("lender", "borrower", "amount_minor", "requested_by", "approved_by")
    list_select_related = ("lender", "borrower", "requested_by", "approved_by")
    search_fields = ("lender__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("terms", "lender", "borrower", "amount_minor")}),
        ("By", {"fields": ("requested_by", "approved_by", "operation")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.SharedRepayment)
class SharedRepaymentScreen(screens.FactScreen):
    reads = READS
    cost_center = "loan__lender__cost_center"
    list_display = ("loan", "amount_minor", "recorded_at")
    list_select_related = ("loan",)
    search_fields = ("loan__lender__name__istartswith",)
    fieldsets = ((None, {"fields": ("loan", "amount_minor", "operation", "recorded_at")}),)

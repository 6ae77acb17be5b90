"""Screens of the ledger: what budgets hold, and every row that says why.

Overruns are settled and periods moved here, by services; all else is to look at alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from gifting import models
from gifting.admin import screens
from gifting.domain import access, money
from gifting.domain import ledger as rules
from gifting.services import ledger, periods

READS = (access.Permission.READ_BUDGETS,)


def _amount(column: str, label: str, currency_of: Callable[[Any], str]) -> Any:
    """Show minor units in the currency of the budget that they belong to."""

    @admin.display(description=label)
    def shown(_screen: Any, row: Any) -> str:
        return money.Money(getattr(row, column), currency_of(row)).format()

    return shown


def _of_fund(row: Any) -> str:
    currency: str = row.fund.currency
    return currency


def _of_budget(row: Any) -> str:
    currency: str = row.budget.currency
    return currency


def _of_entry(row: Any) -> str:
    currency: str = row.entry.budget.currency
    return currency


def _of_transfer(row: Any) -> str:
    currency: str = row.transfer.fund.currency
    return currency


@admin.register(models.BudgetEntry)
class BudgetEntryScreen(screens.FactScreen):
    reads = READS
    cost_center = "budget__cost_center"
    list_display = ("budget", "kind", "amount", "effective_on", "reason", "approved_by")
    list_select_related = ("budget", "approved_by")
    list_filter = ("kind", "effective_on")
    search_fields = ("budget__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("budget", "kind", "amount", "reason", "approved_by")}),
        ("Posted", {"fields": ("effective_on", "fiscal_period", "pair_id")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    amount = _amount("amount_minor", "Amount", _of_budget)


@admin.register(models.Fund)
class FundScreen(screens.Screen):
    reads = READS
    cost_center = "budget__cost_center"
    list_display = ("name", "allocated", "committed", "accrued", "actual", "overrun", "is_parked")
    list_select_related = ("budget",)
    list_filter = ("currency", "is_parked")
    search_fields = ("budget__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("name", "is_parked")}),
        ("Money", {"fields": ("allocated", "committed", "accrued", "actual", "overrun")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    allocated = screens.amount("allocated_minor", "Allocated")
    committed = screens.amount("committed_minor", "Committed")
    accrued = screens.amount("accrued_minor", "Accrued")
    actual = screens.amount("actual_minor", "Actual")
    overrun = screens.amount("overrun_minor", "Overrun")

    @admin.display(description="Budget", ordering="budget__name")
    def name(self, row: models.Fund) -> str:
        """Call the fund by its budget."""
        return str(row.budget.name)


@admin.register(models.FundAncestor)
class FundAncestorScreen(screens.Screen):
    reads = READS
    cost_center = "fund__budget__cost_center"
    list_display = ("fund", "ancestor", "depth")
    list_select_related = ("fund", "ancestor")
    search_fields = ("fund__budget__name__istartswith",)
    fieldsets = ((None, {"fields": ("fund", "ancestor", "depth")}),)


@admin.register(models.Transfer)
class TransferScreen(screens.FactScreen):
    reads = READS
    cost_center = "fund__budget__cost_center"
    list_display = ("fund", "from_bucket", "to_bucket", "amount", "effective_on", "fiscal_period")
    list_select_related = ("fund", "fiscal_period")
    list_filter = ("from_bucket", "to_bucket", "effective_on")
    search_fields = ("reference__exact",)
    fieldsets = (
        (None, {"fields": ("fund", ("from_bucket", "to_bucket"), "amount", "reference")}),
        ("Posted", {"fields": ("effective_on", "fiscal_period", "expires_at")}),
        ("Because of", {"fields": ("operation", "entry", "commitment", "refunds", "reverses")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    amount = _amount("amount_minor", "Amount", _of_fund)


@admin.register(models.Commitment)
class CommitmentScreen(screens.FactScreen):
    reads = READS
    cost_center = "fund__budget__cost_center"
    list_display = ("fund", "amount", "posted", "voided", "accrued", "expires_at")
    list_select_related = ("fund",)
    list_filter = ("expires_at",)
    search_fields = ("fund__budget__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("fund", "amount", "posted", "voided", "accrued", "expires_at")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    amount = _amount("amount_minor", "Reserved", _of_fund)
    posted = _amount("posted_minor", "Posted", _of_fund)
    voided = _amount("voided_minor", "Voided", _of_fund)
    accrued = _amount("accrued_minor", "Accrued, not invoiced", _of_fund)


@admin.register(models.Operation)
class OperationScreen(screens.FactScreen):
    # One operation may touch the budgets of many cost centers, so senders do not look at them.
    reads = (access.Permission.WRITE_BUDGETS, access.Permission.READ_ACCESS)
    list_display = ("kind", "idempotency_key", "user", "recorded_at")
    list_select_related = ("user",)
    list_filter = ("kind", "recorded_at")
    search_fields = ("idempotency_key__exact",)
    fieldsets = (
        (None, {"fields": ("kind", "idempotency_key", "user", "token", "response")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.OverrunException)
class OverrunExceptionScreen(screens.FactScreen):
    reads = READS
    cost_center = "transfer__fund__budget__cost_center"
    list_display = ("reason", "amount", "opened_at", "approved_by", "resolved_at")
    list_select_related = ("transfer__fund", "approved_by")
    list_filter = ("opened_at", "resolved_at")
    search_fields = ("transfer__fund__budget__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("reason", "transfer", "opened_at")}),
        ("Settled", {"fields": ("approved_by", "resolved_at", "resolution")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    writes = access.Permission.APPROVE
    readonly_fields = (
        "reason",
        "transfer",
        "opened_at",
        "approved_by",
        "resolved_at",
        "public_id",
        "recorded_at",
    )

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def change(
        self, *, actor: access.Actor, row: models.OverrunException, values: Mapping[str, Any]
    ) -> None:
        ledger.settle_exception(
            actor=actor,
            exception=row.public_id,
            resolution=values["resolution"],
            at=timezone.now(),
        )

    @admin.display(description="Overrun")
    def amount(self, row: models.OverrunException) -> str:
        """Show by how much the budget was overrun."""
        return money.Money(row.transfer.amount_minor, row.transfer.fund.currency).format()


@admin.register(models.FundingSource)
class FundingSourceScreen(screens.Screen):
    reads = READS
    cost_center = "entry__budget__cost_center"
    list_display = ("entry", "amount", "spent")
    list_select_related = ("entry__budget",)
    search_fields = ("entry__budget__name__istartswith",)
    fieldsets = ((None, {"fields": ("entry", "amount", "spent")}),)
    amount = _amount("amount_minor", "Amount", _of_entry)
    spent = _amount("spent_minor", "Spent", _of_entry)


@admin.register(models.FundingLineage)
class FundingLineageScreen(screens.FactScreen):
    reads = READS
    cost_center = "transfer__fund__budget__cost_center"
    list_display = ("transfer", "entry", "amount")
    list_select_related = ("transfer__fund", "entry")
    search_fields = ("transfer__fund__budget__name__istartswith",)
    fieldsets = ((None, {"fields": ("transfer", "entry", "amount")}),)
    amount = _amount("amount_minor", "Amount", _of_transfer)


@admin.register(models.PeriodEvent)
class PeriodEventScreen(screens.WrittenOnceScreen, screens.FactScreen):
    """Why periods were closed and opened; a new event moves one."""

    reads = (access.Permission.READ_BUDGETS, access.Permission.READ_SPEND)
    writes = access.Permission.CLOSE_PERIODS
    form = screens.KeyedForm
    autocomplete_fields = ("fiscal_period",)
    add_fieldsets = (
        (
            "Close a period softly, or open it again",
            {"fields": ("fiscal_period", "to_status", "reason", screens.KEY)},
        ),
    )
    list_display = ("fiscal_period", "from_status", "to_status", "reason", "user", "recorded_at")
    list_select_related = ("fiscal_period", "user")
    list_filter = ("to_status", "recorded_at")
    search_fields = ("fiscal_period__name__istartswith",)
    fieldsets = (
        (None, {"fields": ("fiscal_period", ("from_status", "to_status"), "reason", "user")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        event = periods.move(
            actor=actor,
            period_id=values["fiscal_period"].pk,
            status=rules.PeriodStatus(values["to_status"]),
            reason=values["reason"],
            event_id=values[screens.KEY],
        )
        return int(models.PeriodEvent.objects.get(public_id=event).pk)


@admin.register(models.LedgerSeal)
class LedgerSealScreen(screens.FactScreen):
    """The chain that shows whether a stored byte changed."""

    reads = (access.Permission.WRITE_BUDGETS, access.Permission.READ_ACCESS)
    list_display = ("number", "operation", "hash", "recorded_at")
    list_select_related = ("operation",)
    search_fields = ("hash__istartswith",)
    fieldsets = (
        (None, {"fields": ("number", "operation", "hash", "previous_hash")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

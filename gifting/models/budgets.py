"""Budgets: what was approved to be spent, by fiscal period, and every change of that.

Rules kept: the original amount of a budget never changes (trigger `budget_original_is_kept`).
Approving it opens its fund and its register, whose first entry is the original amount. What may be
spent is the sum of the register, which is append-only; an entry moves the fund in the same
statement (`gifting/migrations/sql/ledger.sql`).
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gifting.domain import ledger
from gifting.models import tenancy


class Budget(tenancy.TenantModel):
    """The amount first approved for a cost center, and maybe one campaign, in one fiscal period."""

    cost_center = tenancy.link("gifting.CostCenter")
    campaign = tenancy.link("gifting.Campaign", null=True, blank=True)
    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    original_amount_minor = models.BigIntegerField(help_text="Minor units of the currency")
    currency = tenancy.currency_field()
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
    )

    class Meta:
        constraints = (
            tenancy.unique(
                "budget_scope_is_unique",
                "cost_center",
                "campaign",
                "fiscal_period",
                "currency",
                nulls_distinct=False,
            ),
            tenancy.unique("budget_public_id_is_unique", "public_id"),
            tenancy.currency_code("budget_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(original_amount_minor__gte=0),
                name="budget_original_is_not_negative",
            ),
        )

    def __str__(self) -> str:
        return self.name


class BudgetEntry(tenancy.TenantModel):
    """One change of what a budget may spend, with its reason and its approver. Append-only."""

    budget = tenancy.link("gifting.Budget", related_name="entries")
    operation = tenancy.link("gifting.Operation", related_name="entries")
    fiscal_period = tenancy.link("gifting.FiscalPeriod", help_text="Where the change is posted")
    kind = models.CharField(max_length=16, choices=tenancy.labels(ledger.EntryKind))
    amount_minor = models.BigIntegerField(help_text="Minor units; below zero takes away")
    effective_on = models.DateField(help_text="In the organization's time zone")
    pair_id = models.UUIDField(null=True, help_text="Shared by the two sides of one transfer")
    reason = models.TextField()
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            tenancy.unique("budget_entry_public_id_is_unique", "public_id"),
            tenancy.unique(
                "budget_entry_original_is_one",
                "budget",
                condition=models.Q(kind=ledger.EntryKind.ORIGINAL.value),
            ),
            tenancy.known("budget_entry_kind_is_known", "kind", ledger.EntryKind),
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="budget_entry_has_a_reason"
            ),
            models.CheckConstraint(
                condition=models.Q(kind=ledger.EntryKind.ORIGINAL.value, amount_minor__gte=0)
                | models.Q(kind=ledger.EntryKind.TRANSFER_IN.value, amount_minor__gt=0)
                | models.Q(
                    kind__in=[ledger.EntryKind.TRANSFER_OUT.value, ledger.EntryKind.LAPSE.value],
                    amount_minor__lt=0,
                )
                | (
                    models.Q(
                        kind__in=[
                            ledger.EntryKind.REVISION.value,
                            ledger.EntryKind.CARRY_FORWARD.value,
                        ]
                    )
                    & ~models.Q(amount_minor=0)
                ),
                name="budget_entry_sign_fits_its_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    pair_id__isnull=False,
                    kind__in=[
                        ledger.EntryKind.TRANSFER_OUT.value,
                        ledger.EntryKind.TRANSFER_IN.value,
                        ledger.EntryKind.CARRY_FORWARD.value,
                    ],
                )
                | models.Q(
                    pair_id__isnull=True,
                    kind__in=[
                        ledger.EntryKind.ORIGINAL.value,
                        ledger.EntryKind.REVISION.value,
                        ledger.EntryKind.LAPSE.value,
                    ],
                ),
                name="budget_entry_is_paired_by_its_kind",
            ),
        )
        indexes = (
            models.Index(fields=["organization", "budget"], name="budget_entry_by_budget"),
            models.Index(
                fields=["organization", "pair_id"],
                name="budget_entry_by_pair",
                condition=models.Q(pair_id__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor}"

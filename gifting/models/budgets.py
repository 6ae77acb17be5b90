"""Budgets: what was approved to be spent, by fiscal period.

Rule kept: the original amount of a budget never changes (trigger `budget_original_is_kept`).
"""

from __future__ import annotations

from django.db import models

from gifting.models import tenancy


class Budget(tenancy.TenantModel):
    """The amount first approved for a cost center, and maybe one campaign, in one fiscal period."""

    cost_center = tenancy.link("gifting.CostCenter")
    campaign = tenancy.link("gifting.Campaign", null=True, blank=True)
    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    original_amount_minor = models.BigIntegerField(help_text="Minor units of the currency")
    currency = tenancy.currency_field()

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

"""Dimensions beside cost center and campaign that a budget may be scoped by.

Rules kept: a scoped budget is a limit beside others and never the home of money. Which of them a
commitment meets is found once, when it is made, and written down as its `Reach`; everything that
becomes of the commitment moves the same funds (`gifting/migrations/sql/budget_controls.sql`).
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from gifting.domain import budgets
from gifting.models import tenancy


class DimensionValue(tenancy.TenantModel):
    """A program, a person, a region or a GL account that budgets may be scoped by."""

    kind = models.CharField(max_length=16, choices=tenancy.labels(budgets.DimensionKind))
    code = models.CharField(max_length=tenancy.CODE_LENGTH)
    name = models.CharField(max_length=tenancy.NAME_LENGTH)

    class Meta:
        constraints = (
            tenancy.unique("dimension_value_code_is_unique", "kind", "code"),
            tenancy.unique("dimension_value_public_id_is_unique", "public_id"),
            tenancy.known("dimension_value_kind_is_known", "kind", budgets.DimensionKind),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"


class Reach(tenancy.TenantModel):
    """The scoped funds that uses of a fund meet when they name these values. Append-only.

    Written by `reach_of` alone.
    """

    fund = tenancy.link("gifting.Fund")
    value_ids: models.Field[list[int], list[int]] = ArrayField(models.BigIntegerField())
    fund_ids: models.Field[list[int], list[int]] = ArrayField(models.BigIntegerField())

    class Meta:
        constraints = (
            tenancy.unique("reach_is_unique", "fund", "value_ids", "fund_ids"),
            tenancy.unique("reach_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return f"Reach of fund {self.fund_id}"

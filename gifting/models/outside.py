"""Gift money spent outside the tool: on cards, as expenses, in accounts payable, in the books.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/procurement.sql`): a line of a source is told
once; it stays a row of its own, whatever becomes of it; it is claimed to a budget once.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gifting.domain import matching
from gifting.models import orders, tenancy


class OutsideSource(models.TextChoices):
    CARD = "CARD", "Company card"
    EXPENSE = "EXPENSE", "Expense report"
    AP = "AP", "Accounts payable"
    GL = "GL", "General ledger"


class OutsideSpend(tenancy.TenantModel):
    """A line of another system that looks like gifting, and whose budget it was claimed to."""

    source = models.CharField(max_length=16, choices=OutsideSource.choices)
    native_id = models.CharField(max_length=orders.REFERENCE_LENGTH, help_text="Its id there")
    merchant = models.CharField(max_length=tenancy.NAME_LENGTH, help_text="As the source says")
    spent_on = models.DateField()
    amount_minor = models.BigIntegerField()
    currency = tenancy.currency_field()
    vendor = tenancy.link("gifting.Vendor", null=True, help_text="Who it probably was")
    confidence_basis_points = models.PositiveIntegerField(
        db_default=0, help_text="10,000 is certain"
    )
    cost_center = tenancy.link("gifting.CostCenter", null=True, help_text="Of the budget")
    budget = tenancy.link("gifting.Budget", null=True, help_text="What it was claimed to")
    operation = tenancy.link("gifting.Operation", null=True, help_text="What posted it")
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    claimed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            tenancy.unique("outside_spend_public_id_is_unique", "public_id"),
            tenancy.unique("outside_spend_native_id_is_unique", "source", "native_id"),
            tenancy.unique("outside_spend_is_posted_once", "operation"),
            tenancy.known("outside_spend_source_is_known", "source", OutsideSource),
            tenancy.currency_code("outside_spend_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="outside_spend_is_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(confidence_basis_points__lte=matching.BASIS_POINTS)
                & (models.Q(vendor__isnull=False) | models.Q(confidence_basis_points=0)),
                name="outside_spend_confidence_is_a_share",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    budget__isnull=True,
                    cost_center__isnull=True,
                    operation__isnull=True,
                    claimed_at__isnull=True,
                    claimed_by__isnull=True,
                )
                | models.Q(
                    budget__isnull=False,
                    cost_center__isnull=False,
                    operation__isnull=False,
                    claimed_at__isnull=False,
                ),
                name="outside_spend_is_claimed_whole",
            ),
        )
        indexes = (models.Index(fields=["organization", "spent_on"], name="outside_spend_by_date"),)

    def __str__(self) -> str:
        return f"{self.source} {self.native_id}"

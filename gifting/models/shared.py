"""Budgets that several departments fund together, such as sales and marketing.

Rules kept by `gifting/migrations/sql/planning.sql`: terms hold only once every side consented, and
whoever proposed them is never the only one; borrowing is the named manager's, never takes the
lender below its floor, and is owed until repaid; the registers of the sides change in no other way.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from gifting.domain import shared
from gifting.models import tenancy


def _person(**options: Any) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", **options
    )


class SharedBudget(tenancy.TenantModel):
    """A budget that several sides fund, whatever its terms are in a period."""

    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    currency = tenancy.currency_field()

    class Meta:
        constraints = (
            tenancy.unique("shared_budget_name_is_unique", "name"),
            tenancy.unique("shared_budget_public_id_is_unique", "public_id"),
            tenancy.currency_code("shared_budget_currency_is_iso"),
        )

    def __str__(self) -> str:
        return self.name


class SharedTerms(tenancy.TenantModel):
    """Proposed terms of a shared budget in one period; held once activated. Append-only."""

    shared_budget = tenancy.link("gifting.SharedBudget", related_name="terms")
    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    mode = models.CharField(max_length=16, choices=tenancy.labels(shared.Mode))
    manager = _person(help_text="May lend among the sides, within the floors")
    manager_limit_minor = models.BigIntegerField(
        null=True, blank=True, help_text="The most of one loan; empty is without a limit"
    )
    reason = models.TextField()
    requested_by = _person()

    class Meta:
        constraints = (
            tenancy.unique("shared_terms_public_id_is_unique", "public_id"),
            tenancy.known("shared_terms_mode_is_known", "mode", shared.Mode),
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="shared_terms_have_a_reason"
            ),
        )

    def __str__(self) -> str:
        return f"{self.mode} terms"


class SharedSide(tenancy.TenantModel):
    """A side under terms: its budget, what it funds and keeps, who speaks for it. Append-only."""

    terms = tenancy.link("gifting.SharedTerms", related_name="sides")
    budget = tenancy.link("gifting.Budget")
    representative = _person()
    contribution_minor = models.BigIntegerField()
    floor_minor = models.BigIntegerField(help_text="What lending never takes from it")

    class Meta:
        constraints = (
            tenancy.unique("shared_side_budget_is_unique", "terms", "budget"),
            tenancy.unique("shared_side_representative_is_unique", "terms", "representative"),
            tenancy.unique("shared_side_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=models.Q(
                    floor_minor__gte=0, contribution_minor__gte=models.F("floor_minor")
                ),
                name="shared_side_floor_is_within_its_contribution",
            ),
        )

    def __str__(self) -> str:
        return f"Side of {self.contribution_minor}"


class SharedConsent(tenancy.TenantModel):
    """A side's representative agrees to terms. Append-only."""

    terms = tenancy.link("gifting.SharedTerms", related_name="consents")
    user = _person()

    class Meta:
        constraints = (
            tenancy.unique("shared_consent_is_one", "terms", "user"),
            tenancy.unique("shared_consent_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return f"Consent to terms {self.terms_id}"


class SharedActivation(tenancy.TenantModel):
    """From here on the terms hold, all sides having consented. Append-only."""

    terms = tenancy.link("gifting.SharedTerms", related_name="activations")
    operation = tenancy.link("gifting.Operation")

    class Meta:
        constraints = (
            tenancy.unique("shared_terms_are_activated_once", "terms"),
            tenancy.unique("shared_activation_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return f"Terms {self.terms_id} hold"


class SharedLoan(tenancy.TenantModel):
    """Money that one side lent another, owed until it is repaid. Append-only."""

    terms = tenancy.link("gifting.SharedTerms")
    lender = tenancy.link("gifting.Budget")
    borrower = tenancy.link("gifting.Budget")
    amount_minor = models.BigIntegerField()
    operation = tenancy.link("gifting.Operation")
    requested_by = _person()
    approved_by = _person()

    class Meta:
        constraints = (
            tenancy.unique("shared_loan_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0)
                & ~models.Q(lender=models.F("borrower"))
                & ~models.Q(requested_by=models.F("approved_by")),
                name="shared_loan_is_between_two",
            ),
        )

    def __str__(self) -> str:
        return f"Loan of {self.amount_minor}"


class SharedRepayment(tenancy.TenantModel):
    """A part of a loan that went back. Append-only."""

    loan = tenancy.link("gifting.SharedLoan", related_name="repayments")
    amount_minor = models.BigIntegerField()
    operation = tenancy.link("gifting.Operation")

    class Meta:
        constraints = (
            tenancy.unique("shared_repayment_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="shared_repayment_is_positive"
            ),
        )

    def __str__(self) -> str:
        return f"Repayment of {self.amount_minor}"

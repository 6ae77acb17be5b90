"""Money that waits for an approval: shown in every fund that it would use, before it is committed.

Rules kept by `gifting/migrations/sql/budget_controls.sql`: a request moves `Fund.requested_minor`
of its fund and of those above in the statement that adds it; it ends once, and what it had
requested goes then. A commitment that grants it takes its place.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from gifting.domain import budgets
from gifting.models import tenancy
from gifting.models.ledger import REFERENCE_LENGTH


class SpendRequest(tenancy.TenantModel):
    """An amount of a budget that someone asked for. Append-only."""

    operation = tenancy.link("gifting.Operation")
    fund = tenancy.link("gifting.Fund", related_name="spend_requests")
    reach = tenancy.link("gifting.Reach", null=True)
    amount_minor = models.BigIntegerField(help_text="Minor units of the fund's currency")
    reference = models.CharField(
        max_length=REFERENCE_LENGTH, blank=True, db_default="", help_text="Such as a send"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    fund_ids: models.Field[list[int], list[int]] = ArrayField(
        models.BigIntegerField(), editable=False, db_default=[], help_text="By trigger"
    )

    class Meta:
        constraints = (
            tenancy.unique("spend_request_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="spend_request_is_positive"
            ),
        )
        indexes = (models.Index(fields=["organization", "fund"], name="spend_request_by_fund"),)

    def __str__(self) -> str:
        return f"Request of {self.amount_minor}"


class RequestOutcome(tenancy.TenantModel):
    """How a request ended, once. Append-only."""

    request = tenancy.link("gifting.SpendRequest")
    operation = tenancy.link("gifting.Operation")
    outcome = models.CharField(max_length=16, choices=tenancy.labels(budgets.RequestOutcomeKind))
    reason = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = (
            tenancy.unique("request_ends_once", "request"),
            tenancy.unique("request_outcome_public_id_is_unique", "public_id"),
            tenancy.known("request_outcome_is_known", "outcome", budgets.RequestOutcomeKind),
        )

    def __str__(self) -> str:
        return self.outcome

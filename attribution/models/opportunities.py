"""Opportunities, the contacts who have a role in them, and how they changed.

Rules kept by PostgreSQL: a won or lost opportunity has a close and an open one has none; the three
histories are append-only.
"""

from __future__ import annotations

from django.db import models

from attribution.models import accounts
from gifting.models import tenancy


class Status(models.TextChoices):
    OPEN = "OPEN", "Open"
    WON = "WON", "Won"
    LOST = "LOST", "Lost"
    # Its source deleted it, or merged it away: it counts nowhere, and its history stays.
    DELETED = "DELETED", "Deleted"


class Opportunity(tenancy.TenantModel):
    """A deal that may be won: the CRM's record, reduced to what attribution reads."""

    source = models.CharField(max_length=accounts.SOURCE_LENGTH)
    external_id = models.CharField(max_length=accounts.EXTERNAL_ID_LENGTH)
    account = tenancy.link("attribution.Account", null=True, blank=True)
    name = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    product = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    owner_reference = models.CharField(
        max_length=tenancy.NAME_LENGTH,
        blank=True,
        help_text="The sales owner, as the CRM names them",
    )
    stage = models.CharField(max_length=tenancy.NAME_LENGTH, help_text="The CRM's own word")
    status = models.CharField(max_length=8, choices=Status.choices)
    amount_minor = models.BigIntegerField(
        null=True, blank=True, help_text="Minor units; empty means not given, which is not 0"
    )
    currency = tenancy.currency_field()
    opened_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    fiscal_period = tenancy.link(
        "gifting.FiscalPeriod", null=True, blank=True, help_text="The period of its close"
    )
    is_synthetic = models.BooleanField(default=False, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("opportunity_external_id_is_unique", "source", "external_id"),
            tenancy.unique("opportunity_public_id_is_unique", "public_id"),
            tenancy.known("opportunity_status_is_known", "status", Status),
            tenancy.currency_code("opportunity_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(
                    status__in=["OPEN", "DELETED"],
                    closed_at__isnull=True,
                    fiscal_period__isnull=True,
                )
                | models.Q(
                    status__in=["WON", "LOST"],
                    closed_at__isnull=False,
                    fiscal_period__isnull=False,
                ),
                name="opportunity_close_fits_status",
            ),
        )
        indexes = (
            models.Index(fields=["organization", "account"], name="opportunity_by_account"),
            models.Index(
                fields=["organization", "status", "closed_at"], name="opportunity_by_close"
            ),
            models.Index(fields=["organization", "closed_at"], name="opportunity_by_time"),
        )
        verbose_name_plural = "opportunities"

    def __str__(self) -> str:
        return self.name or self.external_id


class OpportunityContactRole(tenancy.TenantModel):
    """A contact's part in an opportunity."""

    opportunity = tenancy.link("attribution.Opportunity", related_name="contact_roles")
    contact = tenancy.link("attribution.Contact")
    role = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    is_primary = models.BooleanField(default=False)

    class Meta:
        constraints = (
            tenancy.unique("contact_role_is_unique", "opportunity", "contact", "role"),
            models.UniqueConstraint(
                fields=["organization", "opportunity"],
                condition=models.Q(is_primary=True),
                name="contact_role_primary_is_one",
            ),
        )

    def __str__(self) -> str:
        return self.role or "contact"


class OpportunityChange(tenancy.TenantModel):
    """What every history shares: whose change, when, and which row of which source told it."""

    organization = tenancy.organization_of_parent()
    opportunity = tenancy.link("attribution.Opportunity")
    changed_at = models.DateTimeField()
    source = models.CharField(max_length=accounts.SOURCE_LENGTH)
    source_id = models.CharField(max_length=accounts.EXTERNAL_ID_LENGTH)

    class Meta:
        abstract = True


class StageChange(OpportunityChange):
    """An opportunity entered a stage. Append-only."""

    stage = models.CharField(max_length=tenancy.NAME_LENGTH)
    status = models.CharField(max_length=8, choices=Status.choices)

    class Meta:
        constraints = (
            tenancy.unique("stage_change_is_unique", "opportunity", "source", "source_id"),
            tenancy.known("stage_change_status_is_known", "status", Status),
        )

    def __str__(self) -> str:
        return self.stage


class AmountChange(OpportunityChange):
    """An opportunity's amount was set. Append-only."""

    amount_minor = models.BigIntegerField(null=True)
    currency = tenancy.currency_field()

    class Meta:
        constraints = (
            tenancy.unique("amount_change_is_unique", "opportunity", "source", "source_id"),
        )

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


class OwnerChange(OpportunityChange):
    """An opportunity was given to an owner. Append-only."""

    owner_reference = models.CharField(max_length=tenancy.NAME_LENGTH)

    class Meta:
        constraints = (
            tenancy.unique("owner_change_is_unique", "opportunity", "source", "source_id"),
        )

    def __str__(self) -> str:
        return self.owner_reference

"""Touchpoints: physical gifts and digital interactions of an account on one timeline.

Rule kept: one touchpoint per source and source id, however often its source tells of it.
"""

from __future__ import annotations

from django.db import models

from attribution.models import accounts
from gifting.models import tenancy


class Kind(models.TextChoices):
    PHYSICAL = "PHYSICAL", "A gift"
    DIGITAL = "DIGITAL", "A digital interaction"


class Touchpoint(tenancy.TenantModel):
    """One interaction with an account at one instant."""

    source = models.CharField(max_length=accounts.SOURCE_LENGTH)
    source_id = models.CharField(max_length=accounts.EXTERNAL_ID_LENGTH)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    channel = models.CharField(max_length=tenancy.CODE_LENGTH)
    occurred_at = models.DateTimeField()
    account = tenancy.link("attribution.Account")
    contact = tenancy.link("attribution.Contact", null=True, blank=True)
    campaign = tenancy.link("gifting.Campaign", null=True, blank=True)
    vendor = tenancy.link("gifting.Vendor", null=True, blank=True)
    cost_center = tenancy.link("gifting.CostCenter", null=True, blank=True)
    send = tenancy.link("gifting.Send", null=True, blank=True)
    is_retracted = models.BooleanField(
        default=False, help_text="Its source took it back, such as a gift that never arrived"
    )
    is_synthetic = models.BooleanField(default=False, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("touchpoint_source_id_is_unique", "source", "source_id"),
            tenancy.unique("touchpoint_public_id_is_unique", "public_id"),
            tenancy.known("touchpoint_kind_is_known", "kind", Kind),
            models.CheckConstraint(
                condition=models.Q(kind="PHYSICAL") | models.Q(send__isnull=True),
                name="touchpoint_send_is_physical",
            ),
        )
        indexes = (
            models.Index(
                fields=["organization", "account", "occurred_at"], name="touchpoint_by_account"
            ),
            models.Index(fields=["organization", "occurred_at"], name="touchpoint_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.channel} {self.occurred_at:%Y-%m-%d}"

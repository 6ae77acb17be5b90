"""The truth of generated data, kept beside it, so that anyone can audit the product's figures.

Rule kept: parameters never change once rows were generated from them, and nothing is deleted; the
application may only complete a truth (grants in `integrations/migrations/sql/sandbox_truth.sql`).
"""

from __future__ import annotations

from django.db import models

from gifting.models import tenancy


class Kind(models.TextChoices):
    COMPANY = "COMPANY", "A whole company was generated"
    OVERLAY = "OVERLAY", "Gifts were laid over an imported CRM export"


class SandboxTruth(tenancy.TenantModel):
    """What was planted in this organization, and the sums that its figures must equal."""

    kind = models.CharField(max_length=16, choices=Kind.choices)
    parameters = models.JSONField(help_text="Seed, size, planted effect and biases")
    truth = models.JSONField(default=dict, help_text="Sums of the generator, in minor units")
    is_complete = models.BooleanField(default=False, help_text="All rows are there")

    class Meta:
        constraints = (
            tenancy.unique("sandbox_truth_is_one"),
            tenancy.unique("sandbox_truth_public_id_is_unique", "public_id"),
            tenancy.known("sandbox_truth_kind_is_known", "kind", Kind),
        )
        verbose_name = "sandbox truth"

    def __str__(self) -> str:
        return f"{self.kind} of seed {self.parameters.get('seed')}"

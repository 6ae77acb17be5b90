"""Versions of how an organization attributes.

Rules kept by PostgreSQL: a version is unique and never changes; the codes are known; see
`attribution/domain/configurations.py` for what they mean.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from attribution.domain import configurations
from gifting.models import tenancy


class AttributionConfiguration(tenancy.TenantModel):
    """One version of the choices that figures rest on. Append-only."""

    version = models.PositiveIntegerField(help_text="1, 2, 3 … in an organization")
    model_codes = ArrayField(
        models.CharField(max_length=tenancy.CODE_LENGTH),
        help_text="What is computed unless others are named",
    )
    lookback_days = models.PositiveIntegerField(null=True, help_text="Empty means no limit")
    milestone_lookback_days = models.PositiveIntegerField(
        null=True, help_text="Of models of milestones; empty means no limit"
    )
    window_anchor = models.CharField(
        max_length=16, choices=tenancy.labels(configurations.WindowAnchor)
    )
    contact_mapping = models.CharField(
        max_length=16, choices=tenancy.labels(configurations.ContactMapping)
    )
    half_life_days = models.DecimalField(max_digits=12, decimal_places=6)
    step_days = models.DecimalField(max_digits=12, decimal_places=6)
    channel_scheme = models.JSONField(help_text="Channels as recorded, and as figures show them")
    set_at = models.DateTimeField()

    class Meta:
        constraints = (
            tenancy.unique("attribution_configuration_version_is_unique", "version"),
            tenancy.unique("attribution_configuration_public_id_is_unique", "public_id"),
            tenancy.known(
                "attribution_configuration_anchor_is_known",
                "window_anchor",
                configurations.WindowAnchor,
            ),
            tenancy.known(
                "attribution_configuration_mapping_is_known",
                "contact_mapping",
                configurations.ContactMapping,
            ),
            models.CheckConstraint(
                condition=models.Q(half_life_days__gt=0, step_days__gt=0, version__gt=0),
                name="attribution_configuration_is_positive",
            ),
        )

    def __str__(self) -> str:
        return f"Version {self.version}"

"""Forecasts: what the owners of budgets expect, version by version. Never enforced.

Rule kept: a version is submitted once, and its lines are fixed from then on (triggers
`forecast_version_is_submitted_once` and `forecast_line_is_open`, in
`gifting/migrations/sql/planning.sql`).
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gifting.models import tenancy


class ForecastVersion(tenancy.TenantModel):
    """One forecast by a name such as "June outlook"; open until it is submitted."""

    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    submitted_at = models.DateTimeField(null=True)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            tenancy.unique("forecast_version_name_is_unique", "name"),
            tenancy.unique("forecast_version_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return self.name


class ForecastLine(tenancy.TenantModel):
    """What one budget plans: the whole period, how many gifts, and what is still to come."""

    version = tenancy.link("gifting.ForecastVersion", related_name="lines")
    budget = tenancy.link("gifting.Budget")
    planned_minor = models.BigIntegerField(help_text="The whole period, in minor units")
    planned_quantity = models.PositiveIntegerField(help_text="Gifts in the whole period")
    remaining_minor = models.BigIntegerField(
        help_text="Planned and not committed yet, in minor units"
    )

    class Meta:
        constraints = (
            tenancy.unique("forecast_line_is_unique", "version", "budget"),
            tenancy.unique("forecast_line_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=models.Q(planned_minor__gte=0, remaining_minor__gte=0),
                name="forecast_line_is_not_negative",
            ),
        )

    def __str__(self) -> str:
        return f"Forecast of budget {self.budget_id}"

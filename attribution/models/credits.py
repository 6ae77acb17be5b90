"""Attribution runs, the credits they give and the rollups that serve figures.

Rules kept by PostgreSQL: credit plus unattributed equals won revenue for each run and currency
(CHECK on `AttributionTotal`, proved against the rows before a run is published); credits, totals
and rollups are append-only, and a run that ended keeps its outcome (see
`attribution/migrations/sql/published_figures.sql`); one run of a model is current.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from gifting.models import tenancy


class Status(models.TextChoices):
    RUNNING = "RUNNING", "Running"
    PUBLISHED = "PUBLISHED", "Published"
    REFUSED = "REFUSED", "Refused: the figures did not reconcile"


class AttributionRun(tenancy.TenantModel):
    """One computation of one model over all won opportunities, kept as a version."""

    model = models.CharField(max_length=tenancy.CODE_LENGTH)
    rule_version = models.PositiveIntegerField(help_text="Version of the model's definition")
    lookback_days = models.PositiveIntegerField(null=True, help_text="Empty means no limit")
    configuration = tenancy.link(
        "attribution.AttributionConfiguration",
        null=True,
        help_text="The choices it rests on; runs of before there were any have none",
    )
    as_of = models.DateTimeField(help_text="The instant the run was asked for")
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.RUNNING)
    is_current = models.BooleanField(default=False)
    finished_at = models.DateTimeField(null=True)
    opportunity_count = models.PositiveIntegerField(default=0)
    touchpoint_count = models.PositiveIntegerField(default=0)
    credit_count = models.PositiveIntegerField(default=0)
    missing_amount_count = models.PositiveIntegerField(
        default=0, help_text="Won opportunities whose amount is not given"
    )
    missing_milestone_count = models.PositiveIntegerField(
        default=0, help_text="Opportunities with touches of which the model lacks a milestone"
    )
    digest = models.CharField(max_length=64, blank=True, help_text="Checksum of all credits")
    refusal = models.TextField(blank=True)

    class Meta:
        constraints = (
            tenancy.unique("attribution_run_public_id_is_unique", "public_id"),
            tenancy.unique(
                "attribution_run_current_is_one", "model", condition=models.Q(is_current=True)
            ),
            tenancy.known("attribution_run_status_is_known", "status", Status),
            models.CheckConstraint(
                condition=models.Q(is_current=False) | models.Q(status="PUBLISHED"),
                name="attribution_run_current_is_published",
            ),
        )

    def __str__(self) -> str:
        return f"{self.model} as of {timezone.localtime(self.as_of):%Y-%m-%d %H:%M}"


class AttributionTotal(tenancy.TenantModel):
    """What a run found in one currency; the identity that finance checks first."""

    run = tenancy.link("attribution.AttributionRun", related_name="totals")
    currency = tenancy.currency_field()
    won_revenue_minor = models.BigIntegerField()
    attributed_minor = models.BigIntegerField()
    unattributed_minor = models.BigIntegerField()

    class Meta:
        constraints = (
            tenancy.unique("attribution_total_currency_is_unique", "run", "currency"),
            models.CheckConstraint(
                condition=models.Q(
                    won_revenue_minor=models.F("attributed_minor") + models.F("unattributed_minor")
                ),
                name="attribution_total_conserves_revenue",
            ),
        )

    def __str__(self) -> str:
        return f"{self.won_revenue_minor} {self.currency}"


class Credit(models.Model):
    """The part of one opportunity's amount that one touchpoint earned in one run. Append-only.

    Written whole by a run, by direct COPY; a row without touchpoint is an unattributed amount.
    """

    organization = models.ForeignKey(
        "gifting.Organization",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    run = tenancy.link("attribution.AttributionRun")
    opportunity = tenancy.link("attribution.Opportunity")
    touchpoint = tenancy.link("attribution.Touchpoint", null=True)
    weight = models.BigIntegerField(help_text="The touchpoint's integer weight")
    weight_total = models.BigIntegerField(help_text="The sum of weights of the opportunity")
    amount_minor = models.BigIntegerField()
    currency = tenancy.currency_field()

    class Meta:
        indexes = (
            models.Index(
                fields=["organization", "run", "opportunity"], name="credit_by_opportunity"
            ),
        )

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


class CreditRollup(tenancy.TenantModel):
    """Credits of a run summed by every dimension that figures are cut by."""

    run = tenancy.link("attribution.AttributionRun")
    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    campaign = tenancy.link("gifting.Campaign", null=True)
    vendor = tenancy.link("gifting.Vendor", null=True)
    cost_center = tenancy.link("gifting.CostCenter", null=True)
    channel = models.CharField(max_length=tenancy.CODE_LENGTH, blank=True)
    is_unattributed = models.BooleanField(default=False)
    currency = tenancy.currency_field()
    amount_minor = models.BigIntegerField()
    touch_count = models.BigIntegerField()

    class Meta:
        constraints = (
            tenancy.unique(
                "credit_rollup_key_is_unique",
                "run",
                "fiscal_period",
                "campaign",
                "vendor",
                "cost_center",
                "channel",
                "is_unattributed",
                "currency",
                nulls_distinct=False,
            ),
        )

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"

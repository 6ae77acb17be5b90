"""Closes: the figures that a period was closed with, who answers for them, and what came later.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/closes.sql`):
- Whoever closes a period stores its closing figures, in the same transaction, by trigger; a period
  that is opened and closed again gets a new version beside the old one. All append-only.
- A fact that belongs to a closed period and is posted later enters the restatement log, by trigger.
- A close is signed when every item of its checklist is met or waived, by someone who did not
  prepare it; nor does the preparer waive.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gifting.domain import closes
from gifting.models import ledger, tenancy


def _person(**options: object) -> models.ForeignKey[object, object]:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        **options,  # type: ignore[arg-type]  # the options of any field
    )


class PeriodClose(tenancy.TenantModel):
    """One version of a period's closing figures. Append-only, by trigger alone."""

    fiscal_period = tenancy.link("gifting.FiscalPeriod", related_name="closes")
    event = tenancy.link("gifting.PeriodEvent")
    version = models.PositiveIntegerField()
    line_count = models.PositiveIntegerField()
    control_total_minor = models.DecimalField(
        max_digits=38,
        decimal_places=0,
        help_text="Sum of what all lines stood at, currencies and all: to compare, not to spend",
    )
    sha256 = models.CharField(max_length=ledger.HASH_LENGTH, help_text="Of all lines")

    class Meta:
        constraints = (
            tenancy.unique("period_close_version_is_unique", "fiscal_period", "version"),
            tenancy.unique("period_close_event_is_unique", "event"),
            tenancy.unique("period_close_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return f"Version {self.version}"


class ClosingLine(tenancy.TenantModel):
    """What a fund's bucket, or an account, moved in a closed period and stood at. Append-only."""

    period_close = tenancy.link("gifting.PeriodClose", related_name="lines")
    fund = tenancy.link("gifting.Fund", null=True)
    account_code = models.CharField(max_length=32, blank=True, db_default="")
    bucket = models.CharField(max_length=16, blank=True, db_default="")
    currency = tenancy.currency_field()
    movement_minor = models.BigIntegerField(help_text="In the period, in minor units")
    closing_minor = models.BigIntegerField(help_text="At its end, in minor units")

    class Meta:
        constraints = (
            tenancy.unique(
                "closing_line_is_unique",
                "period_close",
                "fund",
                "bucket",
                "account_code",
                "currency",
                nulls_distinct=False,
            ),
        )

    def __str__(self) -> str:
        return f"{self.account_code or self.bucket} {self.closing_minor}"


class ClosePreparation(tenancy.TenantModel):
    """A run of the checklist: what was found, item by item, and by whom. Append-only."""

    operation = tenancy.link("gifting.Operation")
    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    checks = models.JSONField(help_text="Each item with what was found")
    prepared_by = _person(null=True)

    class Meta:
        constraints = (
            tenancy.unique("close_preparation_public_id_is_unique", "public_id"),
            tenancy.unique("close_preparation_operation_is_unique", "operation"),
        )
        indexes = (
            models.Index(
                fields=["organization", "fiscal_period"], name="close_preparation_by_period"
            ),
        )

    def __str__(self) -> str:
        return f"Preparation {self.public_id}"


class CloseWaiver(tenancy.TenantModel):
    """Who lets a close pass although an item is not met, and why. Append-only."""

    preparation = tenancy.link("gifting.ClosePreparation", related_name="waivers")
    item = models.CharField(max_length=16, choices=tenancy.labels(closes.Item))
    reason = models.TextField()
    waived_by = _person()
    prepared_by = _person(null=True, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("close_waiver_is_given_once", "preparation", "item"),
            tenancy.known("close_waiver_item_is_known", "item", closes.Item),
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="close_waiver_has_a_reason"
            ),
            models.CheckConstraint(
                condition=models.Q(prepared_by__isnull=True)
                | ~models.Q(prepared_by=models.F("waived_by")),
                name="close_waiver_is_not_the_preparers",
            ),
        )

    def __str__(self) -> str:
        return f"{self.item}: {self.reason}"


class CloseSignature(tenancy.TenantModel):
    """Who answers for a version of closing figures. Append-only."""

    preparation = tenancy.link("gifting.ClosePreparation")
    period_close = tenancy.link("gifting.PeriodClose", related_name="signatures")
    signed_by = _person()
    prepared_by = _person(null=True, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("close_signature_is_one", "period_close"),
            tenancy.unique("close_signature_preparation_is_one", "preparation"),
            models.CheckConstraint(
                condition=models.Q(prepared_by__isnull=True)
                | ~models.Q(prepared_by=models.F("signed_by")),
                name="close_signature_is_not_the_preparers",
            ),
        )

    def __str__(self) -> str:
        return f"Signature by {self.signed_by_id}"


class Restatement(tenancy.TenantModel):
    """A fact of a closed period that was posted later, to another one. Append-only, by trigger."""

    transfer = tenancy.link("gifting.Transfer")
    period_close = tenancy.link(
        "gifting.PeriodClose", help_text="The figures that stand without it"
    )
    belongs_to = tenancy.link("gifting.FiscalPeriod", help_text="By the day it happened")
    posted_to = tenancy.link("gifting.FiscalPeriod", help_text="Where it is counted")
    cause = models.CharField(max_length=32, help_text="The kind of request that brought it")
    amount_minor = models.BigIntegerField(help_text="What moved, in minor units of the currency")
    spend_change_minor = models.BigIntegerField(
        help_text="By how much the closed period's accrued and actual spend would differ"
    )
    currency = tenancy.currency_field()

    class Meta:
        constraints = (
            tenancy.unique("restatement_transfer_is_unique", "transfer"),
            tenancy.unique("restatement_public_id_is_unique", "public_id"),
        )
        indexes = (
            models.Index(fields=["organization", "belongs_to"], name="restatement_by_period"),
        )

    def __str__(self) -> str:
        return f"{self.cause} {self.amount_minor}"

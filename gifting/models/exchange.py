"""Exchange rates, where they came from, and what was converted by them.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/exchange.sql`):
- All of it is append-only. A correction is a newer row of the same pair, type and day.
- Rates that the deployment shares (those of the European Central Bank) are read by every
  organization and written by the owner of the tables alone. An organization's own rates are its
  own, and win.
- A conversion names the rates that it used. They are of its type, dated on or before the day asked
  for, not older than the type allows, lead from its one currency to the other, and give its amount.
"""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now

from gifting.domain import exchange
from gifting.models import ledger, tenancy

HASH_LENGTH = 64
SOURCE_LENGTH = 255


def _rate() -> models.DecimalField[Any, Any]:
    return models.DecimalField(
        max_digits=exchange.RATE_DIGITS,
        decimal_places=exchange.RATE_DECIMALS,
        help_text="What one unit of the base costs in the quote",
    )


def _known_pair(name: str) -> tuple[models.CheckConstraint, ...]:
    return (
        models.CheckConstraint(condition=models.Q(rate__gt=0), name=f"{name}_is_positive"),
        models.CheckConstraint(
            condition=~models.Q(base=models.F("quote")), name=f"{name}_has_two_currencies"
        ),
        tenancy.currency_code(f"{name}_base_is_iso", "base"),
        tenancy.currency_code(f"{name}_quote_is_iso", "quote"),
        tenancy.known(f"{name}_type_is_known", "rate_type", exchange.RateType),
    )


class ReferenceFile(models.Model):
    """A file of rates that the deployment shares. Append-only."""

    public_id = models.UUIDField(db_default=RandomUUID(), editable=False, unique=True)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    source = models.CharField(max_length=SOURCE_LENGTH)
    sha256 = models.CharField(max_length=HASH_LENGTH, unique=True)

    def __str__(self) -> str:
        return f"{self.source} {self.sha256[:12]}"


class ReferenceRate(models.Model):
    """A rate that the deployment shares, as it was published. Append-only."""

    public_id = models.UUIDField(db_default=RandomUUID(), editable=False)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    file = models.ForeignKey(ReferenceFile, on_delete=models.PROTECT, related_name="+")
    base = tenancy.currency_field()
    quote = tenancy.currency_field()
    rate_type = models.CharField(max_length=16, choices=tenancy.labels(exchange.RateType))
    rate_date = models.DateField()
    rate = _rate()
    transaction_id = ledger.TransactionId(
        db_default=models.Func(function="pg_current_xact_id"), editable=False
    )
    cluster_epoch = models.SmallIntegerField(db_default=1, editable=False)

    class Meta:
        constraints = (*_known_pair("reference_rate"),)
        indexes = (
            models.Index(
                fields=["base", "quote", "rate_type", "-rate_date", "-id"],
                name="reference_rate_by_day",
            ),
        )

    def __str__(self) -> str:
        return f"1 {self.base} = {self.rate} {self.quote} on {self.rate_date}"


class RateFile(tenancy.TenantModel):
    """A file of an organization's own rates, with the lines that were refused. Append-only."""

    source = models.CharField(max_length=SOURCE_LENGTH)
    sha256 = models.CharField(max_length=HASH_LENGTH)
    quarantined = models.JSONField(
        db_default=models.Value([], models.JSONField()),
        help_text="Line number, code and message of each refused line",
    )

    class Meta:
        constraints = (
            tenancy.unique("rate_file_is_unique", "sha256"),
            tenancy.unique("rate_file_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.sha256[:12]}"


class OrganizationRate(tenancy.TenantModel):
    """A rate that an organization decided on: its treasury's, or the one it plans with.

    Append-only.
    """

    file = tenancy.link("gifting.RateFile")
    base = tenancy.currency_field()
    quote = tenancy.currency_field()
    rate_type = models.CharField(max_length=16, choices=tenancy.labels(exchange.RateType))
    rate_date = models.DateField()
    rate = _rate()
    transaction_id = ledger.TransactionId(
        db_default=models.Func(function="pg_current_xact_id"), editable=False
    )
    cluster_epoch = models.SmallIntegerField(db_default=1, editable=False)

    class Meta:
        constraints = (
            *_known_pair("organization_rate"),
            tenancy.unique("organization_rate_public_id_is_unique", "public_id"),
        )
        indexes = (
            models.Index(
                fields=["organization", "base", "quote", "rate_type", "-rate_date", "-id"],
                name="organization_rate_by_day",
            ),
        )

    def __str__(self) -> str:
        return f"1 {self.base} = {self.rate} {self.quote} on {self.rate_date}"


class Conversion(tenancy.TenantModel):
    """An amount, what it became in another currency, and by which rates. Append-only."""

    from_currency = tenancy.currency_field()
    from_amount_minor = models.BigIntegerField(help_text="Minor units of the first currency")
    to_currency = tenancy.currency_field()
    to_amount_minor = models.BigIntegerField(help_text="Minor units of the other currency")
    rate_type = models.CharField(max_length=16, choices=tenancy.labels(exchange.RateType))
    asked_on = models.DateField(help_text="The day that a rate was asked for")
    used_on = models.DateField(help_text="The day of the rate; of the older one of two")
    reference_rate = models.ForeignKey(
        ReferenceRate, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    own_rate = tenancy.link("gifting.OrganizationRate", null=True)
    second_reference_rate = models.ForeignKey(
        ReferenceRate, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    second_own_rate = tenancy.link("gifting.OrganizationRate", null=True)

    class Meta:
        constraints = (
            tenancy.unique("conversion_public_id_is_unique", "public_id"),
            tenancy.currency_code("conversion_from_is_iso", "from_currency"),
            tenancy.currency_code("conversion_to_is_iso", "to_currency"),
            models.CheckConstraint(
                condition=models.Q(reference_rate__isnull=False, own_rate__isnull=True)
                | models.Q(reference_rate__isnull=True, own_rate__isnull=False),
                name="conversion_has_a_rate",
            ),
            models.CheckConstraint(
                condition=models.Q(second_reference_rate__isnull=True)
                | models.Q(second_own_rate__isnull=True),
                name="conversion_has_one_second_rate",
            ),
        )

    def __str__(self) -> str:
        return f"{self.from_currency} to {self.to_currency} on {self.used_on}"

"""Credit memos: money that a vendor keeps for later gifts, and that may die.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/credit_memos.sql`): uses are append-only; a
memo is never used beyond its amount, nor after its last day; it expires only then.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gifting.domain import credit_memos as rules
from gifting.models import tenancy

REFERENCE_LENGTH = 255


class CreditMemo(tenancy.TenantModel):
    """An amount that a vendor owes in gifts, until its last day."""

    vendor = tenancy.link("gifting.Vendor")
    send = tenancy.link("gifting.Send", null=True, help_text="The send whose money came back")
    currency = tenancy.currency_field()
    amount_minor = models.BigIntegerField(help_text="Minor units of the currency")
    used_minor = models.BigIntegerField(
        db_default=0, editable=False, help_text="Used, withdrawn or lost; kept by trigger"
    )
    issued_on = models.DateField(help_text="In the organization's time zone")
    expires_on = models.DateField(
        null=True, blank=True, help_text="The first day on which it is worth nothing"
    )
    reference = models.CharField(max_length=REFERENCE_LENGTH, help_text="The vendor's or our id")
    source = models.CharField(max_length=REFERENCE_LENGTH, help_text="Who told of it")

    class Meta:
        constraints = (
            tenancy.unique("credit_memo_reference_is_unique", "vendor", "reference"),
            tenancy.unique("credit_memo_public_id_is_unique", "public_id"),
            tenancy.currency_code("credit_memo_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="credit_memo_amount_is_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(used_minor__gte=0, used_minor__lte=models.F("amount_minor")),
                name="credit_memo_is_not_exceeded",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_on__isnull=True)
                | models.Q(expires_on__gt=models.F("issued_on")),
                name="credit_memo_expires_after_its_issue",
            ),
        )
        indexes = (
            models.Index(
                fields=["organization", "expires_on"],
                name="credit_memo_by_expiry",
                condition=models.Q(used_minor__lt=models.F("amount_minor")),
            ),
        )

    def __str__(self) -> str:
        return f"Credit {self.reference}"


class CreditUse(tenancy.TenantModel):
    """What became of a part of a credit memo. Append-only."""

    credit_memo = tenancy.link("gifting.CreditMemo", related_name="uses")
    kind = models.CharField(max_length=16, choices=tenancy.labels(rules.UseKind))
    amount_minor = models.BigIntegerField(help_text="Minor units of the memo's currency")
    used_on = models.DateField(help_text="In the organization's time zone")
    send = tenancy.link("gifting.Send", null=True, help_text="The send that it paid")
    reference = models.CharField(max_length=REFERENCE_LENGTH)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            tenancy.unique("credit_use_reference_is_unique", "credit_memo", "kind", "reference"),
            tenancy.known("credit_use_kind_is_known", "kind", rules.UseKind),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="credit_use_amount_is_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(kind=rules.UseKind.USED.value, send__isnull=False)
                | (~models.Q(kind=rules.UseKind.USED.value) & models.Q(send__isnull=True)),
                name="credit_use_names_its_send",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor}"

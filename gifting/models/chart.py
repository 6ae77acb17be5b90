"""The general ledger's accounts as far as gifts reach them, and what decides which one is used.

Rules kept: accounts, mappings and codings are append-only. A mapping counts from its day; of
mappings that fit equally well, the one with the later day counts, then the one recorded later. A
journal keeps the codes that it was made with.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gifting.domain import codings, recipients
from gifting.domain.journals import batches
from gifting.models import sends, tenancy

ACCOUNT_PATTERN = "^[A-Za-z0-9][A-Za-z0-9.-]{0,31}$"


def label_field(help_text: str = "") -> models.CharField[str, str]:
    """Hold a label of the accounting system, empty when there is none."""
    return models.CharField(
        max_length=codings.LABEL_LENGTH, blank=True, db_default="", help_text=help_text
    )


class GlAccount(tenancy.TenantModel):
    """An account of the general ledger. Append-only."""

    code = models.CharField(max_length=32, help_text="As the general ledger writes it")
    name = models.CharField(max_length=codings.LABEL_LENGTH, help_text="Without its parents")
    parent = tenancy.link("gifting.GlAccount", null=True, blank=True)
    kind = models.CharField(max_length=16, choices=tenancy.labels(batches.AccountKind))
    tax_rate = models.CharField(
        max_length=codings.LABEL_LENGTH,
        default=codings.NO_TAX,
        help_text="The full name that Xero knows its tax rate by",
    )

    class Meta:
        verbose_name = "general ledger account"
        constraints = (
            tenancy.unique("gl_account_code_is_unique", "code"),
            tenancy.unique("gl_account_public_id_is_unique", "public_id"),
            tenancy.known("gl_account_kind_is_known", "kind", batches.AccountKind),
            models.CheckConstraint(
                condition=models.Q(code__regex=ACCOUNT_PATTERN), name="gl_account_code_is_plain"
            ),
            models.CheckConstraint(
                condition=~models.Q(name="") & ~models.Q(name__contains=":"),
                name="gl_account_name_is_its_own",
            ),
        )

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class GlMapping(tenancy.TenantModel):
    """Which accounts a cost center's spend goes to, by component, recipient and bucket.

    What is left empty fits everything. Append-only.
    """

    cost_center = tenancy.link("gifting.CostCenter", null=True, blank=True)
    component = models.CharField(
        max_length=16, blank=True, db_default="", choices=sends.Component.choices
    )
    recipient_class = models.CharField(
        max_length=32, blank=True, db_default="", choices=tenancy.labels(recipients.RecipientClass)
    )
    bucket = models.CharField(max_length=16, choices=tenancy.labels(codings.BUCKETS))
    account = tenancy.link("gifting.GlAccount", help_text="Where the spend goes")
    counter_account = tenancy.link("gifting.GlAccount", help_text="What is owed")
    department = label_field()
    class_name = label_field()
    location = label_field()
    subsidiary = label_field()
    payee = label_field("Named on payable accounts")
    valid_from = models.DateField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        verbose_name = "general ledger mapping"
        constraints = (
            tenancy.unique("gl_mapping_public_id_is_unique", "public_id"),
            tenancy.known("gl_mapping_component_is_known", "component", ["", *sends.Component]),
            tenancy.known(
                "gl_mapping_recipient_is_known", "recipient_class", ["", *recipients.RecipientClass]
            ),
            tenancy.known("gl_mapping_bucket_is_known", "bucket", codings.BUCKETS),
            models.CheckConstraint(
                condition=~models.Q(account=models.F("counter_account")),
                name="gl_mapping_has_two_accounts",
            ),
        )

    def __str__(self) -> str:
        return f"{self.bucket} from {self.valid_from}"


class SpendCoding(tenancy.TenantModel):
    """Who and what an operation's spend was for, as far as the books need it. Append-only."""

    operation = tenancy.link("gifting.Operation")
    component = models.CharField(
        max_length=16, blank=True, db_default="", choices=sends.Component.choices
    )
    recipient_class = models.CharField(
        max_length=32, blank=True, db_default="", choices=tenancy.labels(recipients.RecipientClass)
    )
    finance_tag = models.CharField(
        max_length=codings.LABEL_LENGTH,
        blank=True,
        db_default="",
        help_text="What the general ledger's lines carry to be found by",
    )

    class Meta:
        constraints = (
            tenancy.unique("spend_coding_operation_is_unique", "operation"),
            tenancy.known("spend_coding_component_is_known", "component", ["", *sends.Component]),
            tenancy.known(
                "spend_coding_recipient_is_known",
                "recipient_class",
                ["", *recipients.RecipientClass],
            ),
        )

    def __str__(self) -> str:
        return f"{self.component} for {self.recipient_class}"

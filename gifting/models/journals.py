"""Journal batches: what the accounting system was told of the ledger, to the byte.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/closes.sql`):
- Numbers of batches have no gap: they are given under a lock, and a voided batch keeps its own.
- A transfer is in at most one batch of spend that is not voided, and in one of accruals a period.
- An item is one positive amount between two accounts, so that no batch is out of balance; items
  come with their batch and with nothing else.
- A batch of accruals has its reversal, item by item, on the first day of the next period.
- A file is kept as it was first written.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gifting.domain.journals import batches
from gifting.models import chart, ledger, tenancy


class JournalBatch(tenancy.TenantModel):
    """What is posted together; only whether it was voided ever changes."""

    operation = tenancy.link("gifting.Operation")
    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    number = models.BigIntegerField(editable=False, db_default=0, help_text="Without gaps")
    kind = models.CharField(max_length=16, choices=tenancy.labels(batches.Kind))
    dated_on = models.DateField()
    currency = tenancy.currency_field()
    reverses = tenancy.link("gifting.JournalBatch", null=True)
    item_count = models.PositiveIntegerField()
    total_minor = models.BigIntegerField(help_text="Sum of the items, in minor units")
    heading = models.JSONField(
        default=dict, help_text="Organization, period and home currency as they were called"
    )
    content_sha256 = models.CharField(
        max_length=ledger.HASH_LENGTH, help_text="Of what it says, in whatever format"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    voided_at = models.DateTimeField(null=True)
    voided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    void_reason = models.TextField(blank=True, db_default="")

    class Meta:
        verbose_name_plural = "journal batches"
        constraints = (
            tenancy.unique("journal_batch_number_is_unique", "number"),
            tenancy.unique("journal_batch_public_id_is_unique", "public_id"),
            tenancy.unique("journal_batch_is_reversed_once", "reverses"),
            tenancy.known("journal_batch_kind_is_known", "kind", batches.Kind),
            tenancy.currency_code("journal_batch_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(kind=batches.Kind.REVERSAL.value, reverses__isnull=False)
                | (~models.Q(kind=batches.Kind.REVERSAL.value) & models.Q(reverses__isnull=True)),
                name="journal_batch_reversal_names_its_accrual",
            ),
            models.CheckConstraint(
                condition=models.Q(item_count__gt=0, total_minor__gt=0),
                name="journal_batch_is_not_empty",
            ),
            models.CheckConstraint(
                condition=models.Q(voided_at__isnull=True, void_reason="")
                | (models.Q(voided_at__isnull=False) & ~models.Q(void_reason="")),
                name="journal_batch_is_voided_for_a_reason",
            ),
        )
        indexes = (
            models.Index(fields=["organization", "fiscal_period"], name="journal_batch_by_period"),
        )

    def __str__(self) -> str:
        return batches.reference(self.number)

    @property
    def is_voided(self) -> bool:
        return self.voided_at is not None


class JournalItem(tenancy.TenantModel):
    """A transfer's place in a batch: what is debited and credited, frozen with names and labels."""

    batch = tenancy.link("gifting.JournalBatch", related_name="items")
    number = models.PositiveIntegerField()
    transfer = tenancy.link("gifting.Transfer")
    amount_minor = models.BigIntegerField()
    debit = models.JSONField(help_text="Code, name, path, kind and tax rate of the account")
    credit = models.JSONField(help_text="Code, name, path, kind and tax rate of the account")
    memo = models.CharField(max_length=ledger.REFERENCE_LENGTH, blank=True, db_default="")
    tag = models.CharField(max_length=ledger.REFERENCE_LENGTH, blank=True, db_default="")
    department = chart.label_field()
    class_name = chart.label_field()
    location = chart.label_field()
    subsidiary = chart.label_field()
    payee = chart.label_field()
    # The batch's own, by trigger, for the unique keys below.
    kind = models.CharField(max_length=16, editable=False, db_default="")
    fiscal_period = tenancy.link("gifting.FiscalPeriod", null=True, editable=False)
    is_voided = models.BooleanField(db_default=False, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("journal_item_number_is_unique", "batch", "number"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="journal_item_is_above_zero"
            ),
            tenancy.unique(
                "journal_spend_is_told_once",
                "transfer",
                condition=models.Q(kind=batches.Kind.SPEND.value, is_voided=False),
            ),
            tenancy.unique(
                "journal_accrual_is_told_once_a_period",
                "transfer",
                "fiscal_period",
                condition=models.Q(kind=batches.Kind.ACCRUAL.value, is_voided=False),
            ),
        )

    def __str__(self) -> str:
        return f"Item {self.number}"


class JournalFile(tenancy.TenantModel):
    """A batch as it was first written in a format; every download is these bytes. Append-only."""

    batch = tenancy.link("gifting.JournalBatch", related_name="files")
    written_as = models.CharField(max_length=16, choices=tenancy.labels(batches.Format))
    part = models.PositiveIntegerField()
    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=ledger.HASH_LENGTH, help_text="Of the content")

    class Meta:
        constraints = (
            tenancy.unique("journal_file_is_written_once", "batch", "written_as", "part"),
            tenancy.unique("journal_file_public_id_is_unique", "public_id"),
            tenancy.known("journal_file_format_is_known", "written_as", batches.Format),
        )

    def __str__(self) -> str:
        return self.name

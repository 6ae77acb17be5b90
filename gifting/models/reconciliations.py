"""The general ledger as it was imported, and what ties it to the own ledger.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/closes.sql`):
- A file enters once, and so does another one with the same lines in another order.
- Of a run: the general ledger's total is the sum of its spend accounts; ours is what accrued and
  actual moved in the period; their difference is the sum of the named causes and of what is
  unexplained, exactly. A line is matched for no more than its amount. All append-only.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gifting.domain import closes, codings
from gifting.domain.journals import batches
from gifting.models import ledger, tenancy


class GlImport(tenancy.TenantModel):
    """A file of the general ledger's lines of one period; the latest one counts. Append-only."""

    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    file_sha256 = models.CharField(max_length=ledger.HASH_LENGTH)
    lines_sha256 = models.CharField(
        max_length=ledger.HASH_LENGTH, help_text="Of its lines in whatever order"
    )
    line_count = models.PositiveIntegerField()
    rejected_count = models.PositiveIntegerField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        verbose_name = "general ledger import"
        constraints = (
            tenancy.unique("gl_import_file_is_unique", "file_sha256"),
            tenancy.unique("gl_import_lines_are_unique", "fiscal_period", "lines_sha256"),
            tenancy.unique("gl_import_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return self.name


class GlLine(tenancy.TenantModel):
    """A line of the general ledger, debits above zero. Append-only."""

    gl_import = tenancy.link("gifting.GlImport", related_name="lines")
    number = models.PositiveIntegerField(help_text="The line of the file")
    dated_on = models.DateField()
    account_code = models.CharField(max_length=32)
    amount_minor = models.BigIntegerField(help_text="Minor units; credits below zero")
    currency = tenancy.currency_field()
    original_currency = models.CharField(max_length=3, blank=True, db_default="")
    reference = models.CharField(max_length=ledger.REFERENCE_LENGTH, blank=True, db_default="")
    memo = models.CharField(max_length=codings.LABEL_LENGTH * 5, blank=True, db_default="")

    class Meta:
        verbose_name = "general ledger line"
        constraints = (
            tenancy.unique("gl_line_number_is_unique", "gl_import", "number"),
            tenancy.currency_code("gl_line_currency_is_iso"),
            models.CheckConstraint(condition=~models.Q(amount_minor=0), name="gl_line_is_not_zero"),
        )

    def __str__(self) -> str:
        return f"Line {self.number}"


class GlRejectedLine(tenancy.TenantModel):
    """A line of a file that could not be taken, and why. Append-only."""

    gl_import = tenancy.link("gifting.GlImport", related_name="rejected")
    number = models.PositiveIntegerField(help_text="The line of the file")
    column = models.CharField(max_length=64)
    reason = models.CharField(max_length=tenancy.NAME_LENGTH)
    text = models.TextField(help_text="The line as it stands in the file")

    class Meta:
        verbose_name = "rejected general ledger line"
        constraints = (tenancy.unique("gl_rejected_line_is_unique", "gl_import", "number"),)

    def __str__(self) -> str:
        return f"Line {self.number}: {self.reason}"


class ReconciliationRun(tenancy.TenantModel):
    """One comparison of the general ledger with ours, for a period and currency. Append-only."""

    operation = tenancy.link("gifting.Operation")
    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    gl_import = tenancy.link("gifting.GlImport")
    currency = tenancy.currency_field()
    gl_total_minor = models.BigIntegerField(help_text="Debits less credits of spend accounts")
    ours_total_minor = models.BigIntegerField(help_text="What accrued and actual moved")
    explained_minor = models.BigIntegerField(help_text="Sum of the named causes")
    unexplained_minor = models.BigIntegerField()
    is_clear = models.BooleanField(help_text="Every line is matched or has its cause")

    class Meta:
        constraints = (
            tenancy.unique("reconciliation_run_public_id_is_unique", "public_id"),
            tenancy.currency_code("reconciliation_run_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(
                    gl_total_minor=models.F("ours_total_minor")
                    + models.F("explained_minor")
                    + models.F("unexplained_minor")
                ),
                name="reconciliation_run_adds_up",
            ),
        )
        indexes = (
            models.Index(fields=["organization", "fiscal_period"], name="reconciliation_by_period"),
        )

    def __str__(self) -> str:
        return f"Reconciliation {self.public_id}"


class ReconciliationMatch(tenancy.TenantModel):
    """How much of a line of the general ledger is how much of a transfer. Append-only."""

    run = tenancy.link("gifting.ReconciliationRun", related_name="matches")
    gl_line = tenancy.link("gifting.GlLine")
    transfer = tenancy.link("gifting.Transfer")
    role = models.CharField(max_length=16, choices=tenancy.labels(batches.Kind))
    amount_minor = models.BigIntegerField(help_text="With the sign of both")

    class Meta:
        verbose_name_plural = "reconciliation matches"
        constraints = (
            tenancy.unique("reconciliation_match_is_unique", "run", "gl_line", "transfer", "role"),
            tenancy.known("reconciliation_match_role_is_known", "role", batches.Kind),
            models.CheckConstraint(
                condition=~models.Q(amount_minor=0), name="reconciliation_match_is_not_zero"
            ),
        )

    def __str__(self) -> str:
        return f"Match of {self.amount_minor}"


class ReconciliationCause(tenancy.TenantModel):
    """One line that stands on one side alone. Append-only.

    It is named by evidence or by a person; until then it is open and part of what is unexplained.
    """

    run = tenancy.link("gifting.ReconciliationRun", related_name="causes")
    cause = models.CharField(max_length=16, choices=tenancy.labels(closes.Cause))
    gl_line = tenancy.link("gifting.GlLine", null=True)
    transfer = tenancy.link("gifting.Transfer", null=True)
    role = models.CharField(max_length=16, blank=True, db_default="")
    amount_minor = models.BigIntegerField(help_text="What it adds to the general ledger over ours")
    is_explained = models.BooleanField(help_text="Named by evidence or by a person")
    explanation = tenancy.link("gifting.ReconciliationExplanation", null=True)
    evidence = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True, db_default="")

    class Meta:
        constraints = (
            tenancy.known("reconciliation_cause_is_known", "cause", closes.Cause),
            models.CheckConstraint(
                condition=~models.Q(amount_minor=0), name="reconciliation_cause_is_not_zero"
            ),
        )
        indexes = (
            models.Index(fields=["organization", "run"], name="reconciliation_cause_by_run"),
        )

    def __str__(self) -> str:
        return f"{self.cause} {self.amount_minor}"


class ReconciliationExplanation(tenancy.TenantModel):
    """What a person says of a line that stands alone. Append-only."""

    operation = tenancy.link("gifting.Operation")
    fiscal_period = tenancy.link("gifting.FiscalPeriod")
    cause = models.CharField(max_length=16, choices=tenancy.labels(closes.Cause))
    gl_line = tenancy.link("gifting.GlLine", null=True)
    transfer = tenancy.link("gifting.Transfer", null=True)
    role = models.CharField(max_length=16, blank=True, db_default="")
    note = models.TextField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            tenancy.unique("reconciliation_explanation_public_id_is_unique", "public_id"),
            tenancy.unique(
                "reconciliation_explains_a_gl_line_once",
                "gl_line",
                condition=models.Q(gl_line__isnull=False),
            ),
            tenancy.unique(
                "reconciliation_explains_a_transfer_once",
                "transfer",
                "role",
                "fiscal_period",
                condition=models.Q(transfer__isnull=False),
            ),
            tenancy.known("reconciliation_explanation_cause_is_known", "cause", closes.Cause),
            models.CheckConstraint(
                condition=models.Q(gl_line__isnull=False, transfer=None)
                | models.Q(gl_line=None, transfer__isnull=False),
                name="reconciliation_explains_one_thing",
            ),
            models.CheckConstraint(
                condition=~models.Q(note=""), name="reconciliation_explanation_has_a_note"
            ),
        )

    def __str__(self) -> str:
        return f"{self.cause}: {self.note}"

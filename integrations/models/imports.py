"""File imports and the rows that they could not take.

Rule kept: no row of a file is lost. It is new, changed, unchanged or quarantined with a reason,
and the four counts add up to the rows read (CHECK `import_run_counts_add_up`).
"""

from __future__ import annotations

from django.db import models

from gifting.models import tenancy


class Kind(models.TextChoices):
    ACCOUNTS = "ACCOUNTS", "Accounts"
    OPPORTUNITIES = "OPPORTUNITIES", "Opportunities"
    SENDS = "SENDS", "Sends"
    TOUCHES = "TOUCHES", "Touches"


class ImportRun(tenancy.TenantModel):
    """One file, read once with one mapping."""

    kind = models.CharField(max_length=16, choices=Kind.choices)
    file_name = models.CharField(max_length=tenancy.NAME_LENGTH)
    file_sha256 = models.CharField(max_length=64)
    mapping = models.TextField(help_text="The mapping as it was used")
    read_count = models.PositiveIntegerField()
    new_count = models.PositiveIntegerField()
    changed_count = models.PositiveIntegerField()
    unchanged_count = models.PositiveIntegerField()
    rejected_count = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    class Meta:
        constraints = (
            tenancy.unique("import_run_public_id_is_unique", "public_id"),
            tenancy.known("import_run_kind_is_known", "kind", Kind),
            models.CheckConstraint(
                condition=models.Q(
                    read_count=models.F("new_count")
                    + models.F("changed_count")
                    + models.F("unchanged_count")
                    + models.F("rejected_count")
                ),
                name="import_run_counts_add_up",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} from {self.file_name}"


class QuarantinedRow(tenancy.TenantModel):
    """A row that was not taken, with the line, the column and the reason."""

    run = tenancy.link("integrations.ImportRun", related_name="quarantined_rows")
    line = models.PositiveBigIntegerField(help_text="Line 1 is the header")
    column = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    reason = models.TextField()
    content = models.TextField(help_text="The row as it came; may hold personal data")

    class Meta:
        constraints = (tenancy.unique("quarantined_row_line_is_unique", "run", "line", "column"),)

    def __str__(self) -> str:
        # Not the reason: it quotes a cell, and this stands in titles.
        return f"line {self.line}"

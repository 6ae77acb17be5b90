"""Reports that can be read again as they were, and who signed them.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/as_of.sql`):
- A snapshot remembers which transactions were over when it was taken, on which server. Every fact
  that figures are made of carries the transaction that added it, so that the same facts, and no
  others, are found again. Both are append-only.
- A fact is dated by its own transaction: nobody can slip one under an earlier cut.
- One person signs a snapshot once, so that who prepared it does not approve it; it is approved
  after it was prepared; the signature names the hash of what was signed.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from gifting.domain import reports
from gifting.models import ledger, tenancy

HASH_LENGTH = 64
VERSION_LENGTH = 64


class ClusterEpoch(models.Model):
    """A server that the database has lived on. Append-only.

    Transaction numbers are counted by a server. After a move to another one they may be lower than
    before, so that each fact and each snapshot says which count it belongs to.
    """

    number = models.SmallIntegerField(primary_key=True)
    system_identifier = models.BigIntegerField(editable=False)
    raised_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"Epoch {self.number}"


class ReportSnapshot(tenancy.TenantModel):
    """A report as it was taken: what was asked, which facts were there, and the sum of its bytes.

    Append-only.
    """

    kind = models.CharField(max_length=32)
    parameters = models.JSONField()
    logic_version = models.PositiveSmallIntegerField(help_text="Of the report's own formula")
    code_version = models.CharField(max_length=VERSION_LENGTH, help_text="Of the product")
    cut = ledger.Snapshot(editable=False)
    cluster_epoch = models.SmallIntegerField(editable=False)
    rate_set = models.JSONField(
        null=True, help_text="Reporting currency, type and day of the rates; none: not converted"
    )
    labels = models.JSONField(help_text="The names of what it is about, as they were")
    row_count = models.PositiveIntegerField()
    control_totals = models.JSONField(help_text="The sum of each measure in each currency")
    sha256 = models.CharField(max_length=HASH_LENGTH, help_text="Of its canonical bytes")
    idempotency_key = models.CharField(max_length=ledger.KEY_LENGTH)
    request_hash = models.CharField(max_length=HASH_LENGTH)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    token = tenancy.link("gifting.ServiceToken", null=True)

    class Meta:
        constraints = (
            tenancy.unique("report_snapshot_key_is_unique", "idempotency_key"),
            tenancy.unique("report_snapshot_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.sha256[:12]}"


class SignOff(tenancy.TenantModel):
    """One person's signature under a snapshot, in one role. Append-only."""

    snapshot = tenancy.link("gifting.ReportSnapshot", related_name="signatures")
    role = models.CharField(max_length=16, choices=tenancy.labels(reports.SignRole))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=HASH_LENGTH, help_text="Of what was signed")
    note = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = (
            tenancy.unique("sign_off_public_id_is_unique", "public_id"),
            tenancy.unique("sign_off_role_is_unique", "snapshot", "role"),
            tenancy.unique("sign_off_person_is_unique", "snapshot", "user"),
            tenancy.known("sign_off_role_is_known", "role", reports.SignRole),
        )

    def __str__(self) -> str:
        return f"{self.role} of snapshot {self.snapshot_id}"

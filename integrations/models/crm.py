"""What CRMs told, as they told it, before it is read into accounts, opportunities and touches.

Rules kept: one row per record of a connection; an older version never takes a newer one's place;
what cannot be read is kept aside with its reason and takes nothing else down.
"""

from __future__ import annotations

from django.db import models

from gifting.models import tenancy
from integrations.domain import crm
from integrations.models import connections


class CrmRecord(tenancy.TenantModel):
    """The newest version of one record, deleted or merged away ones included."""

    connection = tenancy.link("integrations.Connection")
    stream = models.CharField(max_length=connections.CODE_LENGTH)
    external_id = models.CharField(max_length=connections.EXTERNAL_ID_LENGTH)
    parent_id = models.CharField(
        max_length=connections.EXTERNAL_ID_LENGTH,
        blank=True,
        db_default="",
        help_text="The record that it is a part of, such as a history row's opportunity",
    )
    stamp = models.DateTimeField(help_text="When the CRM last changed it, by its own clock")
    values = models.JSONField(help_text="As told; may hold personal data")
    digest = models.BinaryField(help_text="BLAKE2b of the values, to tell a change from a repeat")
    is_deleted = models.BooleanField(db_default=False)
    deleted_at = models.DateTimeField(null=True)
    merged_into = models.CharField(
        max_length=connections.EXTERNAL_ID_LENGTH, blank=True, db_default=""
    )
    is_pending = models.BooleanField(
        db_default=False, help_text="Names a record that is not known yet; tried again"
    )

    class Meta:
        constraints = (
            tenancy.unique("crm_record_is_unique", "connection", "stream", "external_id"),
            tenancy.known("crm_record_stream_is_known", "stream", crm.Stream),
        )
        indexes = (
            models.Index(
                fields=["organization", "connection", "stream", "parent_id"],
                name="crm_record_by_parent",
                condition=~models.Q(parent_id=""),
            ),
            models.Index(
                fields=["organization", "connection", "stream"],
                name="crm_record_pending",
                condition=models.Q(is_pending=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.stream} {self.external_id}"


class RejectedRecord(tenancy.TenantModel):
    """A record that cannot be read, with the field and the reason, until a later read takes it."""

    connection = tenancy.link("integrations.Connection")
    stream = models.CharField(max_length=connections.CODE_LENGTH)
    external_id = models.CharField(max_length=connections.EXTERNAL_ID_LENGTH)
    field = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    reason = models.TextField()
    content = models.TextField(help_text="The record as it came; may hold personal data")
    is_open = models.BooleanField(db_default=True)

    class Meta:
        constraints = (
            tenancy.unique("rejected_record_is_unique", "connection", "stream", "external_id"),
        )

    def __str__(self) -> str:
        # Not the reason: it quotes a value, and this stands in titles.
        return f"{self.stream} {self.external_id}"


class RecordAlias(tenancy.TenantModel):
    """A record that was merged into another one. Append-only."""

    connection = tenancy.link("integrations.Connection")
    stream = models.CharField(max_length=connections.CODE_LENGTH)
    old_id = models.CharField(max_length=connections.EXTERNAL_ID_LENGTH)
    new_id = models.CharField(max_length=connections.EXTERNAL_ID_LENGTH)

    class Meta:
        constraints = (
            tenancy.unique("record_alias_is_unique", "connection", "stream", "old_id", "new_id"),
            models.CheckConstraint(
                condition=~models.Q(old_id=models.F("new_id")), name="record_alias_is_another"
            ),
        )
        verbose_name_plural = "record aliases"

    def __str__(self) -> str:
        return f"{self.old_id} is {self.new_id}"

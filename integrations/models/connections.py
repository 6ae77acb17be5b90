"""Connections to CRMs, and how far each of their streams has been read.

Rules kept: secrets are stored sealed (`integrations/services/sealing.py`) and in no other column.
A stream is read by one worker at a time: whoever takes its lease gets the next `fencing` number,
and what an earlier holder still writes is refused because its number is not the newest.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from gifting.models import tenancy
from integrations.domain import crm

EXTERNAL_ID_LENGTH = 255
CODE_LENGTH = 32


class Status(models.TextChoices):
    READY = "READY", "Ready"
    PAUSED = "PAUSED", "Paused by a person"
    THROTTLED = "THROTTLED", "Waiting for the CRM's limits"
    NEEDS_AUTHORIZATION = "NEEDS_AUTHORIZATION", "Has to be connected again"
    DISCONNECTED = "DISCONNECTED", "Disconnected"


class Connection(tenancy.TenantModel):
    """One CRM of an organization: where it is, what opens it, and whether it can be read now."""

    name = models.CharField(max_length=tenancy.CODE_LENGTH)
    provider = models.CharField(
        max_length=16, choices=[(each.value, each.value) for each in crm.Provider]
    )
    base_url = models.CharField(max_length=tenancy.NAME_LENGTH)
    api_version = models.CharField(max_length=16)
    instance_url = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True, db_default="")
    sealed_credentials = models.BinaryField(editable=False)
    sealed_token = models.BinaryField(editable=False, db_default=b"")
    token_expires_at = models.DateTimeField(null=True, editable=False)
    token_generation = models.BigIntegerField(
        db_default=0, editable=False, help_text="Moves with every new token"
    )
    status = models.CharField(max_length=24, choices=Status.choices, db_default=Status.READY)
    status_reason = models.TextField(blank=True, db_default="")
    resumes_at = models.DateTimeField(null=True, blank=True)
    sync_every_seconds = models.PositiveIntegerField(db_default=900)
    due_at = models.DateTimeField(
        db_default=Now(), help_text="When it is read next; moved by whoever sends it to a worker"
    )
    quota_used = models.BigIntegerField(null=True, blank=True, help_text="Calls of this day")
    quota_limit = models.BigIntegerField(null=True, blank=True, help_text="Calls a day")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ("name",)
        constraints = (
            tenancy.unique("connection_name_is_unique", "name"),
            tenancy.unique("connection_public_id_is_unique", "public_id"),
            tenancy.known("connection_provider_is_known", "provider", crm.Provider),
            tenancy.known("connection_status_is_known", "status", Status),
            models.CheckConstraint(
                condition=models.Q(sync_every_seconds__gte=60),
                name="connection_is_not_read_without_pause",
            ),
        )

    def __str__(self) -> str:
        return self.name


class StreamState(tenancy.TenantModel):
    """How far one stream of a connection was read. Moves in the transaction of its records."""

    connection = tenancy.link("integrations.Connection", related_name="streams")
    stream = models.CharField(max_length=CODE_LENGTH)
    cursor_at = models.DateTimeField(null=True, help_text="Stamp of the last record committed")
    cursor_id = models.CharField(max_length=EXTERNAL_ID_LENGTH, blank=True, db_default="")
    backfill_place = models.TextField(
        blank=True, db_default="", help_text="Where the first full read goes on"
    )
    backfill_started_at = models.DateTimeField(
        null=True, help_text="By the CRM's clock; changes are read from there on"
    )
    is_backfilled = models.BooleanField(db_default=False)
    deleted_until = models.DateTimeField(null=True, help_text="Deletions are known up to here")
    swept_at = models.DateTimeField(null=True, help_text="When all ids were last compared")
    fencing = models.BigIntegerField(db_default=0)
    leased_until = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    is_off = models.BooleanField(db_default=False, help_text="A scope or an access is missing")
    error_code = models.CharField(max_length=CODE_LENGTH, blank=True, db_default="")
    error = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = (
            tenancy.unique("stream_state_is_unique", "connection", "stream"),
            tenancy.unique("stream_state_public_id_is_unique", "public_id"),
            tenancy.known("stream_state_stream_is_known", "stream", crm.Stream),
        )

    def __str__(self) -> str:
        return self.stream


class SyncRun(tenancy.TenantModel):
    """What one read of a stream did. Append-only."""

    connection = tenancy.link("integrations.Connection", related_name="runs")
    stream = models.CharField(max_length=CODE_LENGTH)
    is_full = models.BooleanField()
    read_count = models.PositiveBigIntegerField()
    new_count = models.PositiveBigIntegerField()
    changed_count = models.PositiveBigIntegerField()
    unchanged_count = models.PositiveBigIntegerField()
    rejected_count = models.PositiveBigIntegerField()
    deleted_count = models.PositiveBigIntegerField()
    call_count = models.PositiveBigIntegerField()
    error_code = models.CharField(max_length=CODE_LENGTH, blank=True)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    class Meta:
        constraints = (
            tenancy.unique("sync_run_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=models.Q(
                    read_count=models.F("new_count")
                    + models.F("changed_count")
                    + models.F("unchanged_count")
                    + models.F("rejected_count")
                ),
                name="sync_run_counts_add_up",
            ),
        )
        indexes = (
            models.Index(
                fields=["organization", "connection", "started_at"], name="sync_run_by_time"
            ),
        )

    def __str__(self) -> str:
        return f"{self.stream} {self.started_at:%Y-%m-%d %H:%M}"

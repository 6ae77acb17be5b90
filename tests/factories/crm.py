"""Connections and what they read, in the organization the test has entered."""

from __future__ import annotations

from integrations import models
from integrations.services import sealing
from tests.factories import organizations


def make_connection() -> models.Connection:
    return models.Connection.objects.create(
        organization_id=organizations.here(),
        name=f"connection-{organizations.next_number()}",
        provider="salesforce",
        base_url="https://example.my.salesforce.com",
        api_version="59.0",
        sealed_credentials=sealing.seal({"client_id": "client", "client_secret": "secret"}),
    )


def make_stream_state() -> models.StreamState:
    return models.StreamState.objects.create(
        organization_id=organizations.here(), connection=make_connection(), stream="accounts"
    )


def make_sync_run() -> models.SyncRun:
    return models.SyncRun.objects.create(
        organization_id=organizations.here(),
        connection=make_connection(),
        stream="accounts",
        is_full=True,
        read_count=1,
        new_count=1,
        changed_count=0,
        unchanged_count=0,
        rejected_count=0,
        deleted_count=0,
        call_count=2,
        error_code="",
        error="",
        started_at=organizations.NOON,
        finished_at=organizations.NOON,
    )


def make_record() -> models.CrmRecord:
    return models.CrmRecord.objects.create(
        organization_id=organizations.here(),
        connection=make_connection(),
        stream="accounts",
        external_id="001",
        stamp=organizations.NOON,
        values={"Name": "Acme"},
        digest=b"0" * 16,
    )


def make_rejected_record() -> models.RejectedRecord:
    return models.RejectedRecord.objects.create(
        organization_id=organizations.here(),
        connection=make_connection(),
        stream="opportunities",
        external_id="006",
        field="Amount",
        reason="the amount is too large",
        content="{}",
    )


def make_alias() -> models.RecordAlias:
    return models.RecordAlias.objects.create(
        organization_id=organizations.here(),
        connection=make_connection(),
        stream="accounts",
        old_id="001",
        new_id="002",
    )

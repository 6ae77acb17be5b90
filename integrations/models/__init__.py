"""The tables of the integrations room, gathered where Django looks for them."""

from __future__ import annotations

from integrations.models.connections import Connection, StreamState, SyncRun
from integrations.models.crm import CrmRecord, RecordAlias, RejectedRecord
from integrations.models.heartbeats import Heartbeat
from integrations.models.imports import ImportRun, QuarantinedRow
from integrations.models.sandbox import SandboxTruth

__all__ = [
    "Connection",
    "CrmRecord",
    "Heartbeat",
    "ImportRun",
    "QuarantinedRow",
    "RecordAlias",
    "RejectedRecord",
    "SandboxTruth",
    "StreamState",
    "SyncRun",
]

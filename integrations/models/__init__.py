"""The tables of the integrations room, gathered where Django looks for them."""

from __future__ import annotations

from integrations.models.heartbeats import Heartbeat
from integrations.models.imports import ImportRun, QuarantinedRow
from integrations.models.sandbox import SandboxTruth

__all__ = ["Heartbeat", "ImportRun", "QuarantinedRow", "SandboxTruth"]

"""The tables of the integrations room, gathered where Django looks for them."""

from __future__ import annotations

from integrations.models.heartbeats import Heartbeat
from integrations.models.imports import ImportRun, QuarantinedRow

__all__ = ["Heartbeat", "ImportRun", "QuarantinedRow"]

"""The admin of the integrations room: what came in, what could not, and what still beats."""

from __future__ import annotations

from integrations.admin import connections, crm, heartbeats, imports

__all__ = ["connections", "crm", "heartbeats", "imports"]

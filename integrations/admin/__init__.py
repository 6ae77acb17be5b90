"""The admin of the integrations room: what came in, what could not, and what still beats."""

from __future__ import annotations

from integrations.admin import heartbeats, imports

__all__ = ["heartbeats", "imports"]

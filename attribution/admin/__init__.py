"""The admin of the attribution room: everything to look at, nothing to write."""

from __future__ import annotations

from attribution.admin import accounts, credits, opportunities, touchpoints  # noqa: A004 - credits is the room's own word

__all__ = ["accounts", "credits", "opportunities", "touchpoints"]

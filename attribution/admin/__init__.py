"""The admin of the attribution room: everything to look at, nothing to write."""

from __future__ import annotations

from attribution.admin import accounts, configurations, opportunities, touchpoints
from attribution.admin import credits as credit_screens

__all__ = ["accounts", "configurations", "credit_screens", "opportunities", "touchpoints"]

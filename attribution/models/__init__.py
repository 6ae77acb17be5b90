"""The tables of the attribution room, gathered where Django looks for them."""

from __future__ import annotations

from attribution.models.accounts import Account, Contact
from attribution.models.configurations import AttributionConfiguration
from attribution.models.credits import AttributionRun, AttributionTotal, Credit, CreditRollup
from attribution.models.opportunities import (
    AmountChange,
    Opportunity,
    OpportunityContactRole,
    OwnerChange,
    StageChange,
)
from attribution.models.touchpoints import Touchpoint

__all__ = [
    "Account",
    "AmountChange",
    "AttributionConfiguration",
    "AttributionRun",
    "AttributionTotal",
    "Contact",
    "Credit",
    "CreditRollup",
    "Opportunity",
    "OpportunityContactRole",
    "OwnerChange",
    "StageChange",
    "Touchpoint",
]

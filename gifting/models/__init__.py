"""The tables of the gifting room, gathered where Django looks for them."""

from __future__ import annotations

from gifting.models.budgets import Budget, BudgetEntry
from gifting.models.campaigns import Campaign, Program
from gifting.models.catalog import GiftItem
from gifting.models.fiscal import FiscalCalendar, FiscalPeriod, PeriodEvent
from gifting.models.ledger import (
    Commitment,
    Fund,
    FundAncestor,
    FundingLineage,
    FundingSource,
    Operation,
    OverrunException,
    Transfer,
)
from gifting.models.organizations import CostCenter, Membership, Organization, ServiceToken
from gifting.models.sends import (
    CostLine,
    Recipient,
    Send,
    SenderSpend,
    SendEvent,
    SpendRollup,
)
from gifting.models.vendors import Vendor

__all__ = [
    "Budget",
    "BudgetEntry",
    "Campaign",
    "Commitment",
    "CostCenter",
    "CostLine",
    "FiscalCalendar",
    "FiscalPeriod",
    "Fund",
    "FundAncestor",
    "FundingLineage",
    "FundingSource",
    "GiftItem",
    "Membership",
    "Operation",
    "Organization",
    "OverrunException",
    "PeriodEvent",
    "Program",
    "Recipient",
    "Send",
    "SendEvent",
    "SenderSpend",
    "ServiceToken",
    "SpendRollup",
    "Transfer",
    "Vendor",
]

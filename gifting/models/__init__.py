"""The tables of the gifting room, gathered where Django looks for them."""

from __future__ import annotations

from gifting.models.budgets import Budget
from gifting.models.campaigns import Campaign
from gifting.models.catalog import GiftItem
from gifting.models.fiscal import FiscalCalendar, FiscalPeriod
from gifting.models.organizations import CostCenter, Membership, Organization, ServiceToken
from gifting.models.sends import CostLine, Recipient, Send, SendEvent, SpendRollup
from gifting.models.vendors import Vendor

__all__ = [
    "Budget",
    "Campaign",
    "CostCenter",
    "CostLine",
    "FiscalCalendar",
    "FiscalPeriod",
    "GiftItem",
    "Membership",
    "Organization",
    "Recipient",
    "Send",
    "SendEvent",
    "ServiceToken",
    "SpendRollup",
    "Vendor",
]

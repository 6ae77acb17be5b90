"""The admin of the gifting room: facts to look at, decisions through services."""

from __future__ import annotations

from gifting.admin import (
    approvals,
    campaigns,
    exchange,
    fiscal,
    gift_rules,
    invoices,
    ledger,
    orders,
    organizations,
    outside,
    sends,
    vendors,
)

__all__ = [
    "approvals",
    "campaigns",
    "exchange",
    "fiscal",
    "gift_rules",
    "invoices",
    "ledger",
    "orders",
    "organizations",
    "outside",
    "sends",
    "vendors",
]

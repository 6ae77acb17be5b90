"""The admin of the gifting room: facts to look at, decisions through services."""

from __future__ import annotations

from gifting.admin import (
    campaigns,
    exchange,
    fiscal,
    invoices,
    ledger,
    orders,
    organizations,
    outside,
    sends,
    vendors,
)

__all__ = [
    "campaigns",
    "exchange",
    "fiscal",
    "invoices",
    "ledger",
    "orders",
    "organizations",
    "outside",
    "sends",
    "vendors",
]

"""The admin of the gifting room: facts to look at, decisions through services."""

from __future__ import annotations

from gifting.admin import (
    approvals,
    campaigns,
    chart,
    closes,
    credit_memos,
    exchange,
    fiscal,
    gift_rules,
    invoices,
    journals,
    ledger,
    orders,
    organizations,
    outside,
    reconciliations,
    reports,
    requests,
    sends,
    timing,
    vendors,
)

__all__ = [
    "approvals",
    "campaigns",
    "chart",
    "closes",
    "credit_memos",
    "exchange",
    "fiscal",
    "gift_rules",
    "invoices",
    "journals",
    "ledger",
    "orders",
    "organizations",
    "outside",
    "reconciliations",
    "reports",
    "requests",
    "sends",
    "timing",
    "vendors",
]

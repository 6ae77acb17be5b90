"""The admin of the gifting room: facts to look at, decisions through services."""

from __future__ import annotations

from gifting.admin import campaigns, exchange, fiscal, ledger, organizations, sends, vendors

__all__ = ["campaigns", "exchange", "fiscal", "ledger", "organizations", "sends", "vendors"]

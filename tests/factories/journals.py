"""A small journal batch, written out, for tests of layouts."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from gifting.domain.journals import batches

GIFTS = batches.Account("6420", "Gifts", "Marketing:Gifts", batches.AccountKind.EXPENSE)
CONTRA = batches.Account(
    "4090", "Customer gifts", "Customer gifts", batches.AccountKind.CONTRA_REVENUE
)
PAYABLE = batches.Account("2000", "Payables", "Payables", batches.AccountKind.PAYABLE)
MUG = UUID("00000000-0000-4000-8000-000000000001")
TEA = UUID("00000000-0000-4000-8000-000000000002")


def make_item(number: int = 1, amount_minor: int = 12_34, **changes: Any) -> batches.Item:
    given: dict[str, Any] = {
        "number": number,
        "transfer": MUG,
        "amount_minor": amount_minor,
        "debit": GIFTS,
        "credit": PAYABLE,
        "memo": "Mug for Acme",
        "tag": "S-1",
        "payee": "Gift Shop",
        **changes,
    }
    return batches.Item(**given)


def make_batch(*items: batches.Item, **changes: Any) -> batches.Batch:
    """Return two items: a mug for a prospect, and tea of a customer that was given back."""
    refund = make_item(
        2, 100_00, transfer=TEA, debit=PAYABLE, credit=CONTRA, memo="=Tea, back", class_name="ABM"
    )
    given: dict[str, Any] = {
        "number": 12,
        "kind": batches.Kind.SPEND,
        "organization": "lumen",
        "period": "FY2026 P03",
        "dated_on": dt.date(2026, 3, 31),
        "currency": "USD",
        "home_currency": "USD",
        "items": items or (make_item(), refund),
        **changes,
    }
    return batches.Batch(**given)

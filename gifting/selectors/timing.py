"""The money timing of vendors: which terms hold for a kind of gift on a day."""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple
from uuid import UUID

from gifting import models
from gifting.domain import access, timing
from gifting.models import timing as tables
from gifting.selectors import records

READERS = (access.Permission.READ_CAMPAIGNS, access.Permission.READ_SPEND)


class TimingRecord(NamedTuple):
    """A row of terms."""

    id: int
    public_id: UUID
    vendor_id: int
    gift_kind: str
    starts_on: dt.date
    ends_on: dt.date | None
    at_offer: str
    at_acceptance: str
    at_fulfillment: str
    at_shipping: str
    at_delivery: str
    on_decline: str
    on_expiry: str
    on_cancel: str
    on_undeliverable: str
    on_failure: str
    refunds_as: str
    returns_while: str
    returns_within_days: int | None
    credit_days: int | None
    leftover: str
    fee_rate: int
    tax_rate: int
    source: str


SOURCE = records.Source(model=models.MoneyTiming, record=TimingRecord, permissions=READERS)
_PLAIN = ("returns_within_days", "credit_days", "fee_rate", "tax_rate")


def holding(
    *, vendor_id: int, gift_kind: timing.GiftKind, day: dt.date
) -> models.MoneyTiming | None:
    """Return the terms of the kind on that day, or those of any kind, or None for standard ones."""
    rows = models.MoneyTiming.objects.filter(
        vendor_id=vendor_id,
        gift_kind__in=[gift_kind.value, timing.GiftKind.ANY.value],
        starts_on__lte=day,
    ).exclude(ends_on__lte=day)
    by_kind = {row.gift_kind: row for row in rows}
    return by_kind.get(gift_kind.value) or by_kind.get(timing.GiftKind.ANY.value)


def terms_of(row: models.MoneyTiming | None) -> timing.Terms:
    """Return the terms that a row holds; without a row the standard ones."""
    if row is None:
        return timing.STANDARD
    values: dict[str, Any] = {
        **{name: timing.Effect(getattr(row, name)) for name in tables.MOMENTS},
        **{name: timing.Return(getattr(row, name)) for name in tables.ENDS},
        **{name: getattr(row, name) for name in _PLAIN},
        "returns_while": timing.Returnable(row.returns_while),
        "leftover": timing.Release(row.leftover),
    }
    return timing.Terms(**values)

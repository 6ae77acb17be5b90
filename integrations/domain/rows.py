"""The rows that a CRM's records become, before they are merged into the books.

Each provider's `convert` makes them; what they are merged into is `attribution`'s matter. A value
that is None was not told. References are the CRM's own ids.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from integrations.domain import crm


@dataclass(frozen=True, slots=True)
class Context:
    """What a record alone does not tell: the books' time zone, the CRM's currency, names by id."""

    zone: zoneinfo.ZoneInfo
    currency: str
    owners: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, tuple[str, bool, bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    external_id: str
    name: str | None
    parent: str | None
    industry: str | None
    country: str | None
    employees: int | None


@dataclass(frozen=True, slots=True)
class Contact:
    external_id: str
    account: str | None
    name: str | None
    email: str | None
    title: str | None


@dataclass(frozen=True, slots=True)
class Opportunity:
    external_id: str
    stage: str
    status: str
    account: str | None
    name: str | None
    product: str | None
    owner: str | None
    amount_minor: int | None
    currency: str
    opened_at: dt.datetime | None
    closed_at: dt.datetime | None
    closed_on: dt.date | None


@dataclass(frozen=True, slots=True)
class ContactRole:
    external_id: str
    opportunity: str
    contact: str
    role: str
    is_primary: bool


@dataclass(frozen=True, slots=True)
class Touch:
    external_id: str
    occurred_at: dt.datetime
    channel: str
    account: str | None
    contact: str | None
    campaign: str | None


Row = Account | Contact | Opportunity | ContactRole | Touch

OPEN: Final = "OPEN"
WON: Final = "WON"
LOST: Final = "LOST"
DELETED: Final = "DELETED"


def touch_id(raw: crm.Raw) -> str:
    """Name a touch: ids are unique in their stream alone."""
    return f"{raw.stream.value}:{raw.id}"


def status(*, is_closed: bool | None, is_won: bool | None) -> str:
    """Tell what the two flags mean together; a deal that is won is closed."""
    if is_won:
        return WON
    return LOST if is_closed else OPEN

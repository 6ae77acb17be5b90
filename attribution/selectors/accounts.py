"""Accounts and the contacts who work there, for everyone who may read attribution.

A contact's name, address of mail and title are personal: they stay in the database for those who
may not read them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from attribution import models
from gifting.domain import access
from gifting.selectors import records

READERS = (access.Permission.READ_ATTRIBUTION,)


class AccountRecord(NamedTuple):
    """An account's row."""

    id: int
    public_id: UUID
    source: str
    external_id: str
    name: str
    industry: str
    country: str
    employees: int | None
    is_synthetic: bool
    recorded_at: dt.datetime
    parent_id: int | None


class ContactRecord(NamedTuple):
    """A contact's row."""

    id: int
    public_id: UUID
    source: str
    external_id: str | None
    name: str | None
    email: str | None
    title: str | None
    is_synthetic: bool
    account_id: int | None


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on accounts."""

    external_ids: Collection[str] | None = records.lookup("external_id__in")
    names: Collection[str] | None = records.lookup("name__in")
    industries: Collection[str] | None = records.lookup("industry__in")
    parent_ids: Collection[UUID] | None = records.lookup("parent__public_id__in")
    is_synthetic: bool | None = records.lookup("is_synthetic")


SOURCE = records.Source(model=models.Account, record=AccountRecord, permissions=READERS)
CONTACTS = records.Source(
    model=models.Contact,
    record=ContactRecord,
    permissions=READERS,
    personal=frozenset({"external_id", "name", "email", "title"}),
)

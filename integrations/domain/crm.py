"""A CRM seen from afar: the streams that are read, a page of records, a place to go on from.

The words are ours, not the provider's: a HubSpot deal is an opportunity here, its company an
account. What a provider calls them stands in its own folder alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from integrations.domain import errors


class Provider(StrEnum):
    SALESFORCE = "salesforce"
    HUBSPOT = "hubspot"


class Stream(StrEnum):
    """What is read, in the order in which one depends on the other."""

    OWNERS = "owners"
    ACCOUNTS = "accounts"
    CONTACTS = "contacts"
    LEADS = "leads"
    CAMPAIGNS = "campaigns"
    OPPORTUNITIES = "opportunities"
    OPPORTUNITY_HISTORY = "opportunity_history"
    CONTACT_ROLES = "contact_roles"
    CAMPAIGN_MEMBERS = "campaign_members"
    TASKS = "tasks"
    MEETINGS = "meetings"
    CALLS = "calls"
    EMAILS = "emails"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything up to this stamp, and of this stamp up to this id, has been committed."""

    stamp: dt.datetime
    id: str = ""


@dataclass(frozen=True, slots=True)
class Raw:
    """One record as the CRM told it; `parent` is the record that it is a part of."""

    stream: Stream
    id: str
    stamp: dt.datetime
    values: Mapping[str, Any]
    parent: str = ""
    is_deleted: bool = False
    merged_into: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Records that came together; `next` says how to ask for more, None when that was all."""

    records: Sequence[Raw]
    next: str | None
    server_time: dt.datetime
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of the day's calls is used, by everyone who uses the CRM's interface."""

    used: int
    limit: int

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else 0.0


@dataclass(frozen=True, slots=True)
class Token:
    """What opens the CRM, until when; `refresh_token` is empty when it did not change."""

    access_token: str = field(repr=False)
    instance_url: str
    issued_at: dt.datetime
    expires_at: dt.datetime | None = None
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of an opportunity's history: what it was set to, when, and which row told it."""

    opportunity: str
    source_id: str
    changed_at: dt.datetime
    stage: str | None = None
    status: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    owner: str | None = None
    sets_amount: bool = False


# What a history tells, and the entries of it that cannot be read.
History = tuple[list[Change], list[tuple[Raw, errors.BadRecord]]]


class Source(Protocol):
    """What a provider's folder gives: reads that know nothing of where records are kept.

    Every method raises SyncError. `backfill` goes on from a place that may be stored; `changes`
    returns what was changed after the cursor and not after `until`, by stamp and id.
    """

    streams: tuple[Stream, ...]

    @property
    def calls(self) -> int: ...

    @property
    def quota(self) -> Quota | None: ...

    def server_time(self) -> dt.datetime: ...

    def backfill(self, stream: Stream, place: str) -> Page: ...

    def changes(self, stream: Stream, after: Cursor, until: dt.datetime) -> Page: ...

    def companions(self, stream: Stream, records: Sequence[Raw]) -> Sequence[Raw]: ...

    def deletions(
        self, stream: Stream, since: dt.datetime, until: dt.datetime
    ) -> Sequence[tuple[str, dt.datetime]] | None: ...

    def identifiers(self, stream: Stream, place: str) -> tuple[Sequence[str], str | None]: ...

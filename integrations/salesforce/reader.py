"""Read an org's streams: first in bulk, then what changed, by stamp and id.

Each page of changes is a query of its own after the last record of the page before. A locator
would save nothing (a page is a call either way) and dies with its session. `queryAll` shows what
was deleted or merged away as long as it is in the recycle bin.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from integrations.domain import crm, errors
from integrations.salesforce import soql, transport

PAGE_ROWS: Final = 2000
BULK_PAGE_ROWS: Final = 20_000
BULK_FROM_ROWS: Final = 2_000
PARENTS_ASKED: Final = 200

_STAMP: Final = "SystemModstamp"
_OPEN_STATES: Final = ("UploadComplete", "InProgress")


@dataclass(frozen=True, slots=True)
class Kind:
    """The object behind a stream: what is read of it, by which stamp, below which parent."""

    object_name: str
    fields: tuple[str, ...]
    stamp: str = _STAMP
    parent: str = ""


KINDS: Final[Mapping[crm.Stream, Kind]] = {
    crm.Stream.OWNERS: Kind("User", ("Name", "IsActive")),
    crm.Stream.ACCOUNTS: Kind(
        "Account",
        (
            "Name", "ParentId", "Industry", "BillingCountry", "NumberOfEmployees",
            "MasterRecordId", "IsPersonAccount", "PersonContactId", "CurrencyIsoCode",
        ),
    ),
    crm.Stream.CONTACTS: Kind(
        "Contact", ("AccountId", "FirstName", "LastName", "Email", "Title", "MasterRecordId")
    ),
    crm.Stream.LEADS: Kind(
        "Lead",
        (
            "FirstName", "LastName", "Email", "Company", "IsConverted", "ConvertedDate",
            "ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId",
            "MasterRecordId",
        ),
    ),
    crm.Stream.CAMPAIGNS: Kind("Campaign", ("Name", "Type", "StartDate", "EndDate")),
    crm.Stream.OPPORTUNITIES: Kind(
        "Opportunity",
        (
            "Name", "AccountId", "StageName", "Amount", "CloseDate", "IsClosed", "IsWon",
            "Type", "OwnerId", "CampaignId", "CreatedDate", "CurrencyIsoCode",
        ),
    ),
    crm.Stream.OPPORTUNITY_HISTORY: Kind(
        "OpportunityHistory",
        (
            "OpportunityId", "StageName", "Amount", "Probability", "CloseDate",
            "ForecastCategory", "CreatedDate", "CurrencyIsoCode",
        ),
        parent="OpportunityId",
    ),
    crm.Stream.CONTACT_ROLES: Kind(
        "OpportunityContactRole",
        ("OpportunityId", "ContactId", "Role", "IsPrimary"),
        parent="OpportunityId",
    ),
    crm.Stream.CAMPAIGN_MEMBERS: Kind(
        "CampaignMember",
        (
            "CampaignId", "ContactId", "LeadId", "Status", "HasResponded",
            "FirstRespondedDate", "CreatedDate",
        ),
    ),
    crm.Stream.TASKS: Kind(
        "Task",
        (
            "WhoId", "WhatId", "AccountId", "ActivityDate", "CompletedDateTime", "IsClosed",
            "TaskSubtype", "CreatedDate",
        ),
    ),
    crm.Stream.MEETINGS: Kind("Event", ("WhoId", "WhatId", "AccountId", "StartDateTime")),
}  # fmt: skip


class Reader:
    """One org, read through one client; `describe` is asked once for each object."""

    streams = tuple(KINDS)

    def __init__(self, client: transport.Client) -> None:
        self._client = client
        self._fields: dict[str, tuple[str, ...]] = {}
        self._has_bulk = True

    @property
    def calls(self) -> int:
        return self._client.calls

    @property
    def quota(self) -> crm.Quota | None:
        return self._client.quota

    def server_time(self) -> dt.datetime:
        return transport.server_time(self._client.fetch("GET", "limits"))

    def backfill(self, stream: crm.Stream, place: str) -> crm.Page:
        """Read an object from its beginning: large ones by a bulk job, others by their ids."""
        went = orjson.loads(place) if place else self._begin(stream)
        if "job" in went:
            return self._bulk(stream, went)
        kind = KINDS[stream]
        query = soql.after_id(
            kind.object_name, self._selected(kind), after=went["after"], limit=PAGE_ROWS
        )
        answered, records = self._rows(stream, query)
        following = None
        if len(records) == PAGE_ROWS:
            following = orjson.dumps({"after": records[-1].id}).decode()
        return crm.Page(records, following, answered)

    def changes(self, stream: crm.Stream, after: crm.Cursor, until: dt.datetime) -> crm.Page:
        kind = KINDS[stream]
        query = soql.changes(
            kind.object_name,
            self._selected(kind),
            stamp=kind.stamp,
            after=after,
            until=until,
            limit=PAGE_ROWS,
        )
        answered, records = self._rows(stream, query)
        return crm.Page(records, "more" if len(records) == PAGE_ROWS else None, answered)

    def companions(self, stream: crm.Stream, records: Sequence[crm.Raw]) -> Sequence[crm.Raw]:
        """Read again what a merge moved: its children's own stamps do not tell."""
        if stream not in _MOVED:
            return ()
        winners = [raw.merged_into for raw in records if raw.merged_into]
        found: list[crm.Raw] = []
        for start in range(0, len(winners), PARENTS_ASKED):
            part = winners[start : start + PARENTS_ASKED]
            for child, link in _MOVED[stream]:
                kind = KINDS[child]
                query = soql.of_parents(
                    kind.object_name, self._selected(kind), link=link, parents=part
                )
                found += self._rows(child, query)[1]
        return found

    def deletions(
        self, stream: crm.Stream, since: dt.datetime, until: dt.datetime
    ) -> Sequence[tuple[str, dt.datetime]] | None:
        """Return what was deleted in the window, or None when the log does not reach so far."""
        words = {"start": soql.literal(since), "end": soql.literal(until)}
        path = f"sobjects/{KINDS[stream].object_name}/deleted/"
        try:
            told = self._client.call("GET", path, params=words)
        except errors.RequestRefused:
            return None
        rows = [(row["id"], _moment(row["deletedDate"])) for row in told["deletedRecords"]]
        return None if _moment(told["earliestDateAvailable"]) > since else rows

    def identifiers(self, stream: crm.Stream, place: str) -> tuple[Sequence[str], str | None]:
        query = soql.after_id(KINDS[stream].object_name, ("Id",), after=place, limit=PAGE_ROWS)
        told = self._read(query, with_deleted=False)
        ids = [row["Id"] for row in told["records"]]
        return ids, ids[-1] if len(ids) == PAGE_ROWS else None

    def _begin(self, stream: crm.Stream) -> dict[str, str]:
        if not self._has_bulk or self._count(stream) < BULK_FROM_ROWS:
            return {"after": ""}
        kind = KINDS[stream]
        body = {
            "operation": "queryAll",
            "query": soql.everything(kind.object_name, self._selected(kind)),
        }
        try:
            job = self._client.call("POST", "jobs/query", json=body)
        except errors.StreamForbidden:
            # Bulk can be switched off for an org; its rows are read one page at a time then.
            self._has_bulk = False
            return {"after": ""}
        return {"job": job["id"], "version": self._client.sf_version, "locator": ""}

    def _count(self, stream: crm.Stream) -> int:
        name = KINDS[stream].object_name
        told = self._client.call("GET", "limits/recordCount", params={"sObjects": name})
        return sum(int(row["count"]) for row in told["sObjects"])

    def _bulk(self, stream: crm.Stream, went: dict[str, str]) -> crm.Page:
        """Go on with a job: wait for it, or take its next page."""
        place = orjson.dumps(went).decode()
        path = f"jobs/query/{went['job']}"
        response = self._client.fetch("GET", path)
        answered = transport.server_time(response)
        job = transport.read_json(response)
        if job["state"] in _OPEN_STATES:
            return crm.Page((), place, answered, is_waiting=True)
        if job["state"] != "JobComplete":
            # Failed or aborted: the rows are the same by their ids, a page at a time.
            return crm.Page((), orjson.dumps({"after": ""}).decode(), answered)
        words = {"maxRecords": str(BULK_PAGE_ROWS), "locator": went["locator"]}
        page = self._client.fetch(
            "GET", f"{path}/results", params={key: each for key, each in words.items() if each}
        )
        records = [self._raw(stream, row) for row in _csv_rows(page)]
        locator = page.headers.get("Sforce-Locator", "")
        if not locator:
            raise errors.AnswerBroken("The page of the bulk job does not say whether more follows.")
        following = None if locator == "null" else {**went, "locator": locator}
        return crm.Page(records, orjson.dumps(following).decode() if following else None, answered)

    def _rows(self, stream: crm.Stream, query: str) -> tuple[dt.datetime, list[crm.Raw]]:
        response = self._client.fetch("GET", "queryAll/", params={"q": query})
        told = _whole(transport.read_json(response))
        return transport.server_time(response), [self._raw(stream, row) for row in told["records"]]

    def _read(self, query: str, *, with_deleted: bool) -> dict[str, Any]:
        path = "queryAll/" if with_deleted else "query/"
        return _whole(self._client.call("GET", path, params={"q": query}))

    def _selected(self, kind: Kind) -> tuple[str, ...]:
        """Name the fields that the org has and shows; the mapping's others are left alone."""
        if kind.object_name not in self._fields:
            told = self._client.call("GET", f"sobjects/{kind.object_name}/describe")
            names = {field["name"] for field in told["fields"]}
            wanted = ("Id", "IsDeleted", kind.stamp, *kind.fields)
            self._fields[kind.object_name] = tuple(name for name in wanted if name in names)
        return self._fields[kind.object_name]

    def _raw(self, stream: crm.Stream, row: Mapping[str, Any]) -> crm.Raw:
        kind = KINDS[stream]
        values = {name: value for name, value in row.items() if name != "attributes"}
        try:
            return crm.Raw(
                stream=stream,
                id=values.pop("Id"),
                stamp=_moment(values.pop(kind.stamp)),
                values=values,
                parent=str(values.get(kind.parent) or "") if kind.parent else "",
                is_deleted=values.pop("IsDeleted", False) in (True, "true"),
                merged_into=str(values.get("MasterRecordId") or ""),
            )
        except (KeyError, ValueError, TypeError) as error:
            raise errors.AnswerBroken("A record has no id or no stamp.") from error


# What follows a record that is merged away, without telling by its stamp.
_MOVED: Final[Mapping[crm.Stream, tuple[tuple[crm.Stream, str], ...]]] = {
    crm.Stream.ACCOUNTS: (
        (crm.Stream.CONTACTS, "AccountId"),
        (crm.Stream.OPPORTUNITIES, "AccountId"),
        (crm.Stream.TASKS, "AccountId"),
    ),
    crm.Stream.CONTACTS: (
        (crm.Stream.CONTACT_ROLES, "ContactId"),
        (crm.Stream.CAMPAIGN_MEMBERS, "ContactId"),
        (crm.Stream.TASKS, "WhoId"),
    ),
}


def _whole(told: Any) -> dict[str, Any]:
    """Believe a query's answer only when it is all there."""
    try:
        is_whole = told["done"] is True and len(told["records"]) == told["totalSize"]
        is_partial = told["done"] is False and bool(told["nextRecordsUrl"])
    except (KeyError, TypeError) as error:
        raise errors.AnswerBroken("The answer does not say whether more follows.") from error
    if not (is_whole or is_partial):
        raise errors.AnswerBroken("The answer holds fewer records than it says.")
    return dict(told)


def _csv_rows(response: Any) -> list[dict[str, str | None]]:
    """Read a page of a bulk job, and count that it is whole."""
    if "csv" not in response.headers.get("Content-Type", ""):
        raise errors.AnswerBroken("The page of the bulk job is not CSV.")
    lines = csv.reader(io.StringIO(response.content.decode(), newline=""))
    head = next(lines, [])
    rows = [{name: cell or None for name, cell in zip(head, line, strict=True)} for line in lines]
    if str(len(rows)) != response.headers.get("Sforce-NumberOfRecords"):
        raise errors.AnswerBroken("The page of the bulk job holds fewer records than it says.")
    return rows


_moment: Final[Callable[[str], dt.datetime]] = dt.datetime.fromisoformat

"""Read a portal's streams: first by lists, then by searches, with histories and associations.

What changed in a deal comes with its whole history (batches of 50) and its companies and contacts
(batches of 1,000), since linking moves no stamp and search knows neither.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from integrations.domain import crm, errors
from integrations.hubspot import search, transport

LIST_ROWS: Final = 100
HISTORY_ROWS: Final = 50
LINK_ROWS: Final = 1000
MOST_LINK_PAGES: Final = 100
HISTORIES: Final = ("dealstage", "amount", "closedate", "hubspot_owner_id")


@dataclass(frozen=True, slots=True)
class Kind:
    """The object type behind a stream: its properties, and the types whose links are read."""

    name: str
    properties: tuple[str, ...]
    stamp: str = "hs_lastmodifieddate"
    links: tuple[str, ...] = ()


_ENGAGEMENT: Final = ("hs_timestamp",)
KINDS: Final[Mapping[crm.Stream, Kind]] = {
    crm.Stream.ACCOUNTS: Kind(
        "companies",
        ("name", "industry", "country", "numberofemployees", "hs_parent_company_id",
         "hs_merged_object_ids"),
    ),
    crm.Stream.CONTACTS: Kind(
        "contacts",
        ("email", "firstname", "lastname", "jobtitle", "associatedcompanyid",
         "hs_merged_object_ids"),
        stamp="lastmodifieddate",
        links=("companies",),
    ),
    crm.Stream.OPPORTUNITIES: Kind(
        "deals",
        ("dealname", "dealstage", "pipeline", "amount", "deal_currency_code", "closedate",
         "dealtype", "hubspot_owner_id", "createdate", "hs_is_closed", "hs_is_closed_won",
         "hs_merged_object_ids"),
        links=("companies", "contacts"),
    ),
    crm.Stream.TASKS: Kind("tasks", (*_ENGAGEMENT, "hs_task_status"), links=("contacts",)),
    crm.Stream.MEETINGS: Kind("meetings", _ENGAGEMENT, links=("contacts",)),
    crm.Stream.CALLS: Kind("calls", _ENGAGEMENT, links=("contacts",)),
    crm.Stream.EMAILS: Kind("emails", _ENGAGEMENT, links=("contacts",)),
}  # fmt: skip


class Reader:
    """One portal, read through one client."""

    # Histories and roles come with the deals; here they are places to keep them.
    streams = (crm.Stream.OWNERS, *KINDS)

    def __init__(self, client: transport.Client) -> None:
        self._client = client

    @property
    def calls(self) -> int:
        return self._client.calls

    @property
    def quota(self) -> crm.Quota | None:
        return self._client.quota

    def server_time(self) -> dt.datetime:
        return transport.server_time(self._client.ask("GET", self._client.paths.account()))

    def backfill(self, stream: crm.Stream, place: str) -> crm.Page:
        """Read the living records by their ids, then the archived ones."""
        if stream is crm.Stream.OWNERS:
            return self._owners()
        archived, _, after = (place or "false:").partition(":")
        kind = KINDS[stream]
        query = [("limit", str(LIST_ROWS)), ("archived", archived)]
        query += [("properties", ",".join((*kind.properties, kind.stamp)))]
        query += [("after", after)] if after else []
        answer = self._client.ask("GET", self._client.paths.objects(kind.name), query=query)
        told = transport.read_json(answer)
        records = self._raws(stream, told)
        following = _next(told)
        if following is not None:
            following = f"{archived}:{following}"
        elif archived == "false":
            following = "true:"
        return crm.Page(self._linked(stream, records), following, transport.server_time(answer))

    def changes(self, stream: crm.Stream, after: crm.Cursor, until: dt.datetime) -> crm.Page:
        if stream is crm.Stream.OWNERS:
            return self._owners()
        kind = KINDS[stream]
        properties = (*kind.properties, kind.stamp)
        path = self._client.paths.objects(kind.name, "/search")
        answer = self._client.ask("POST", path, body=search.of_stamp(kind.stamp, after, properties))
        told = transport.read_json(answer)
        records = self._raws(stream, told)
        if _next(told) is None:
            later = self._client.post(
                path, search.after_stamp(kind.stamp, after, until, properties)
            )
            records += self._whole_stamps(stream, self._raws(stream, later), _next(later))
            is_all = _next(later) is None
        else:
            is_all = False
        # The last record is where the next page begins.
        records.sort(key=lambda raw: (raw.stamp, int(raw.id)))
        return crm.Page(
            self._linked(stream, records),
            None if is_all else "more",
            transport.server_time(answer),
        )

    def companions(self, stream: crm.Stream, records: Sequence[crm.Raw]) -> Sequence[crm.Raw]:
        """Read the histories of deals, which only a read by id gives."""
        if stream is not crm.Stream.OPPORTUNITIES:
            return ()
        living = {raw.id: raw for raw in records if not raw.is_deleted}
        found: list[crm.Raw] = []
        ids = list(living)
        for start in range(0, len(ids), HISTORY_ROWS):
            body = {
                "inputs": [{"id": of} for of in ids[start : start + HISTORY_ROWS]],
                "properties": ["hs_object_id"],
                "propertiesWithHistory": list(HISTORIES),
            }
            path = self._client.paths.objects("deals", "/batch/read")
            told = self._client.post(path, body)
            found += [_history(row, living) for row in _results(told)]
        return found

    def deletions(
        self, stream: crm.Stream, since: dt.datetime, until: dt.datetime
    ) -> Sequence[tuple[str, dt.datetime]] | None:
        """List the archived records; search does not know them."""
        if stream is crm.Stream.OWNERS:
            return []
        kind = KINDS[stream]
        found: list[tuple[str, dt.datetime]] = []
        after: str | None = ""
        while after is not None:
            query = [("limit", str(LIST_ROWS)), ("archived", "true")]
            query += [("after", after)] if after else []
            told = self._client.get(self._client.paths.objects(kind.name), query)
            for row in _results(told):
                archived_at = _moment(row.get("archivedAt") or row["updatedAt"])
                if since <= archived_at <= until:
                    found.append((row["id"], archived_at))
            after = _next(told)
        return found

    def identifiers(self, stream: crm.Stream, place: str) -> tuple[Sequence[str], str | None]:
        if stream is crm.Stream.OWNERS:
            return [raw.id for raw in self._owners().records], None
        query = [("limit", str(LIST_ROWS)), *([("after", place)] if place else [])]
        told = self._client.get(self._client.paths.objects(KINDS[stream].name), query)
        return [row["id"] for row in _results(told)], _next(told)

    @cached_property
    def stages(self) -> Mapping[str, tuple[str, bool, bool]]:
        """Each stage's label, whether it is closed and whether it is won; asked once a session."""
        told = self._client.get(self._client.paths.family("pipelines", "/deals"))
        return {
            stage["id"]: (
                stage["label"],
                str(stage["metadata"].get("isClosed")).lower() == "true",
                str(stage["metadata"].get("probability")) in ("1", "1.0"),
            )
            for pipeline in _results(told)
            for stage in pipeline["stages"]
        }

    def _owners(self) -> crm.Page:
        """Read all owners: the portal does not say which of them changed."""
        records = []
        answered = None
        for archived in ("false", "true"):
            answer = self._client.ask(
                "GET", self._client.paths.family("owners"), query=[("archived", archived)]
            )
            answered = transport.server_time(answer)
            for row in _results(transport.read_json(answer)):
                name = " ".join(filter(None, (row.get("firstName"), row.get("lastName"))))
                records.append(
                    crm.Raw(
                        stream=crm.Stream.OWNERS,
                        id=str(row["id"]),
                        stamp=answered,
                        values={"name": name or row.get("email")},
                    )
                )
        if answered is None:
            raise errors.AnswerBroken("The owners were not answered.")
        return crm.Page(records, None, answered)

    def _whole_stamps(
        self, stream: crm.Stream, records: list[crm.Raw], following: str | None
    ) -> list[crm.Raw]:
        """Leave out the last stamp of a page that goes on: more of it may stand on the next one.

        When one stamp fills the whole page, its records are kept and the cursor stays in it.
        """
        if following is None or not records:
            return records
        last = records[-1].stamp
        whole = [raw for raw in records if raw.stamp != last]
        return whole or self._by_id(stream, last)

    def _by_id(self, stream: crm.Stream, stamp: dt.datetime) -> list[crm.Raw]:
        kind = KINDS[stream]
        asked = search.of_stamp(kind.stamp, crm.Cursor(stamp), (*kind.properties, kind.stamp))
        path = self._client.paths.objects(kind.name, "/search")
        return self._raws(stream, self._client.post(path, asked))

    def _raws(self, stream: crm.Stream, told: Mapping[str, Any]) -> list[crm.Raw]:
        kind = KINDS[stream]
        return [_raw(stream, kind, row) for row in _results(told)]

    def _linked(self, stream: crm.Stream, records: Sequence[crm.Raw]) -> Sequence[crm.Raw]:
        """Add to each living record the ids of what it is linked to."""
        kind = KINDS[stream]
        living = [raw.id for raw in records if not raw.is_deleted]
        if not living or not kind.links:
            return records
        links = {other: self._links(kind.name, other, living) for other in kind.links}
        return [
            crm.Raw(
                stream=raw.stream,
                id=raw.id,
                stamp=raw.stamp,
                values={**raw.values, **{other: links[other].get(raw.id, []) for other in links}},
                is_deleted=raw.is_deleted,
                merged_into=raw.merged_into,
            )
            if not raw.is_deleted
            else raw
            for raw in records
        ]

    def _links(self, kind: str, other: str, ids: Sequence[str]) -> dict[str, list[str]]:
        path = self._client.paths.associations(kind, other)
        found: dict[str, list[str]] = defaultdict(list)
        waiting: list[dict[str, str]] = [{"id": of} for of in ids]
        for _ in range(MOST_LINK_PAGES):
            part, waiting = waiting[:LINK_ROWS], waiting[LINK_ROWS:]
            if not part:
                return found
            for row in _results(self._client.post(path, {"inputs": part})):
                of = str(row["from"]["id"])
                found[of] += [str(each["toObjectId"]) for each in row["to"]]
                following = _next(row)
                if following is not None:
                    waiting.append({"id": of, "after": following})
        raise errors.AnswerBroken(f"The links from {kind} to {other} do not come to an end.")


def _raw(stream: crm.Stream, kind: Kind, row: Mapping[str, Any]) -> crm.Raw:
    try:
        properties = dict(row["properties"])
        stamp = properties.pop(kind.stamp, None) or row["updatedAt"]
        return crm.Raw(
            stream=stream,
            id=str(row["id"]),
            stamp=_moment(stamp),
            values=properties,
            is_deleted=bool(row.get("archived")),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise errors.AnswerBroken("A record has no id or no stamp.") from error


def _history(row: Mapping[str, Any], deals: Mapping[str, crm.Raw]) -> crm.Raw:
    """Keep a deal's history with the currency that its amounts are in."""
    of = str(row["id"])
    code = deals[of].values.get("deal_currency_code") if of in deals else None
    return crm.Raw(
        stream=crm.Stream.OPPORTUNITY_HISTORY,
        id=of,
        stamp=_moment(row["updatedAt"]),
        values={**row.get("propertiesWithHistory", {}), "deal_currency_code": code},
        parent=of,
    )


def merged_ids(raw: crm.Raw) -> Iterable[str]:
    """Name the records that became this one."""
    text = str(raw.values.get("hs_merged_object_ids") or "")
    return [of for of in text.split(";") if of]


def _results(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Believe a page only when it holds a list; a page without one is not the end."""
    results = told.get("results")
    if not isinstance(results, list):
        raise errors.AnswerBroken("The answer holds no list of results.")
    return results


def _next(told: Mapping[str, Any]) -> str | None:
    paging = told.get("paging") or {}
    try:
        return str(paging["next"]["after"]) if "next" in paging else None
    except (KeyError, TypeError) as error:
        raise errors.AnswerBroken("The answer does not say where it goes on.") from error


_moment: Final = dt.datetime.fromisoformat

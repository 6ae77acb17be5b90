"""The records of the simulated portal, with the history of each property.

Every value is text or null, as on the wire. Merging makes a new record under a new id; the old ids
answer with it from then on, and have no associations any more. Linking two records moves no stamp.
"""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulators import clock
from tests.simulators.hubspot import schema

FIRST_ID: Final = 10_000_000_000
_CLOSED: Final = {
    stage["id"]: (stage["metadata"]["isClosed"], stage["metadata"]["probability"])
    for stage in schema.PIPELINES[0]["stages"]
}


class Missing(Exception):  # noqa: N818 - an answer, not an error
    """The API answers 404."""


def text_of(moment: dt.datetime) -> str:
    """Write a moment with milliseconds, as the portal does."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}Z"
    )


@dataclass(frozen=True, slots=True)
class Version:
    """One value that a property had."""

    value: str | None
    timestamp: dt.datetime
    source_type: str
    source_id: str


@dataclass(slots=True)
class Record:
    """One object with every version of its properties, the newest first."""

    id: str
    kind: str
    created_at: dt.datetime
    updated_at: dt.datetime
    archived_at: dt.datetime | None = None
    properties: dict[str, str | None] = field(default_factory=dict)
    history: dict[str, list[Version]] = field(default_factory=lambda: defaultdict(list))
    # What the search index knows, and from when on; see `Store.index`.
    indexed: dict[str, str | None] = field(default_factory=dict)
    indexed_from: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that subscribers of webhooks may be told."""

    subscription: str
    object_id: str
    occurred_at: dt.datetime
    details: Mapping[str, Any]


class Store:
    """All records by type and id, the links between them, and the events that nobody fetched."""

    def __init__(self, time: clock.Clock, *, index_lag_seconds: float = 0.0) -> None:
        self.clock = time
        self.lock = threading.RLock()
        self.index_lag = dt.timedelta(seconds=index_lag_seconds)
        self.rows: dict[str, dict[str, Record]] = {kind: {} for kind in schema.PROPERTIES}
        self.merged: dict[str, str] = {}
        self.events: list[Event] = []
        self.owners: list[dict[str, Any]] = []
        self._links: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(
            lambda: defaultdict(set)
        )
        self._numbers = itertools.count(FIRST_ID)

    def create(
        self,
        kind: str,
        properties: Mapping[str, str | None],
        *,
        at: str | None = None,
        source: str = "CRM_UI",
    ) -> str:
        """Add a record; `at` (ISO) writes a past."""
        with self.lock:
            new_id = str(next(self._numbers))
            now = dt.datetime.fromisoformat(at) if at else self._now()
            record = Record(id=new_id, kind=kind, created_at=now, updated_at=now)
            record.properties["hs_object_id"] = new_id
            record.properties[schema.created_name(kind)] = text_of(now)
            self.rows[kind][new_id] = record
            self._write(record, properties, now, source)
            self._tell(kind, "creation", new_id)
            return new_id

    def update(
        self,
        kind: str,
        of: str,
        properties: Mapping[str, str | None],
        *,
        at: str | None = None,
        source: str = "CRM_UI",
    ) -> None:
        with self.lock:
            now = dt.datetime.fromisoformat(at) if at else self._now()
            record = self.get(kind, of)
            self._write(record, properties, now, source)
            for name, value in properties.items():
                details = {"propertyName": name, "propertyValue": value, "changeSource": source}
                self._tell(kind, "propertyChange", record.id, **details)

    def get(self, kind: str, of: str) -> Record:
        """Return a record; a merged-away id answers with the one that it became."""
        while of in self.merged:
            of = self.merged[of]
        record = self.rows[kind].get(of)
        if record is None:
            raise Missing(of)
        return record

    def archive(self, kind: str, of: str) -> None:
        with self.lock:
            self.get(kind, of).archived_at = self._now()
            self._tell(kind, "deletion", of)

    def restore(self, kind: str, of: str) -> None:
        with self.lock:
            record = self.get(kind, of)
            record.archived_at = None
            self._stamp(record, self._now())
            self._tell(kind, "restore", of)

    def purge(self, kind: str, of: str) -> None:
        """Take a record away for good, as a privacy request does."""
        with self.lock:
            self.rows[kind].pop(of, None)
            self._unlink(kind, of)
            self._tell(kind, "privacyDeletion", of)

    def merge(self, kind: str, primary: str, other: str) -> str:
        """Merge two records into a new one, which gets the primary's values; return its id."""
        with self.lock:
            first, second = self.get(kind, primary), self.get(kind, other)
            values = {**second.properties, **{k: v for k, v in first.properties.items() if v}}
            values["hs_merged_object_ids"] = f"{first.id};{second.id}"
            values.pop("hs_object_id")
            new_id = self.create(kind, values, source="MERGE_OBJECTS")
            merged = self.rows[kind][new_id]
            for name in {*first.history, *second.history}:
                older = sorted(
                    [*first.history.get(name, []), *second.history.get(name, [])],
                    key=lambda version: version.timestamp,
                    reverse=True,
                )
                merged.history[name].extend(older)
            for old in (first, second):
                self._move_links(kind, old.id, new_id)
                del self.rows[kind][old.id]
                self.merged[old.id] = new_id
            self._tell(
                kind,
                "merge",
                new_id,
                primaryObjectId=int(primary),
                mergedObjectIds=[int(other)],
                newObjectId=int(new_id),
                numberOfPropertiesMoved=len(values),
            )
            return new_id

    def link(self, kind: str, of: str, other_kind: str, other: str) -> None:
        with self.lock:
            self._links[kind, other_kind][of].add(other)
            self._links[other_kind, kind][other].add(of)
            details = {"fromObjectId": int(of), "toObjectId": int(other)}
            self._tell(kind, "associationChange", of, **details)

    def unlink(self, kind: str, of: str, other_kind: str, other: str) -> None:
        with self.lock:
            self._links[kind, other_kind][of].discard(other)
            self._links[other_kind, kind][other].discard(of)

    def links(self, kind: str, of: str, other_kind: str) -> list[str]:
        with self.lock:
            return sorted(self._links[kind, other_kind].get(of, ()), key=int)

    def living(self, kind: str, *, is_archived: bool = False) -> list[Record]:
        """List records in the order of their ids."""
        with self.lock:
            rows = self.rows[kind].values()
            return [row for row in rows if (row.archived_at is not None) is is_archived]

    def index(self, kind: str) -> Iterator[tuple[Record, Mapping[str, str | None]]]:
        """Go over what search sees: what is younger than the lag as it was, or not at all."""
        horizon = self.clock.now() - self.index_lag
        for record in self.living(kind):
            if record.updated_at <= horizon:
                if record.indexed_from is None or record.indexed_from < record.updated_at:
                    record.indexed, record.indexed_from = dict(record.properties), horizon
                yield record, record.properties
            elif record.indexed_from is not None:
                yield record, record.indexed

    def find(self, kind: str, name: str, value: str) -> Record | None:
        with self.lock:
            for record in self.living(kind):
                if record.properties.get(name) == value:
                    return record
        return None

    def take_events(self) -> list[Event]:
        with self.lock:
            taken, self.events = self.events, []
            return taken

    def _now(self) -> dt.datetime:
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def _write(
        self,
        record: Record,
        properties: Mapping[str, str | None],
        now: dt.datetime,
        source: str,
    ) -> None:
        written = dict(properties)
        if record.kind == "deals" and "dealstage" in written:
            is_closed, probability = _CLOSED.get(str(written["dealstage"]), ("false", "0.1"))
            is_won = str(probability == "1.0" and is_closed == "true").lower()
            written.setdefault("hs_is_closed", is_closed)
            written.setdefault("hs_is_closed_won", is_won)
            written.setdefault("hs_deal_stage_probability", probability)
        for name, value in written.items():
            if name in record.properties and record.properties[name] == value:
                continue
            record.properties[name] = value
            record.history[name].insert(0, Version(value, now, source, "userId:1"))
        self._stamp(record, now)

    def _stamp(self, record: Record, now: dt.datetime) -> None:
        record.updated_at = now
        record.properties[schema.stamp_name(record.kind)] = text_of(now)

    def _move_links(self, kind: str, old: str, new: str) -> None:
        for (from_kind, other_kind), links in list(self._links.items()):
            if from_kind == kind:
                for other in links.pop(old, set()):
                    self._links[other_kind, kind][other].discard(old)
                    links[new].add(other)
                    self._links[other_kind, kind][other].add(new)

    def _unlink(self, kind: str, of: str) -> None:
        for (from_kind, other_kind), links in list(self._links.items()):
            if from_kind == kind:
                for other in links.pop(of, set()):
                    self._links[other_kind, kind][other].discard(of)

    def _tell(self, kind: str, what: str, of: str, **details: Any) -> None:
        singular = {"companies": "company"}.get(kind, kind.removesuffix("s"))
        self.events.append(Event(f"{singular}.{what}", of, self._now(), details))

"""Lists, reads and writes of the portal's objects, alone and in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.simulators import messages
from tests.simulators.hubspot import schema, search, store, wire

MAX_PAGE: Final = 100
MAX_HISTORY_PAGE: Final = 50
MAX_BATCH: Final = 100
INTEGRATION: Final = "INTEGRATION"


class Objects:
    """The object endpoints. `refuse` plans a validation error for items that hold a value."""

    def __init__(self, records: store.Store) -> None:
        self._records = records
        self._refused: dict[str, list[str]] = {}

    def refuse(self, value: str, message: str, *, times: int = 1) -> None:
        self._refused.setdefault(value, []).extend([message] * times)

    def answer(self, request: messages.Request, kind: str, rest: list[str]) -> messages.Response:
        match request.method, rest:
            case "GET", []:
                return self._list(request, kind)
            case "POST", []:
                return self._create(kind, request.json())
            case "POST", ["search"]:
                return search.run(self._records, kind, request.json())
            case "POST", ["merge"]:
                return self._merge(kind, request.json())
            case "POST", ["batch", what]:
                return self._batch(kind, what, request.json())
            case "GET", [of]:
                return self._read(request, kind, of)
            case "PATCH", [of]:
                return self._update(kind, of, request.json()["properties"])
            case "DELETE", [of]:
                self._records.archive(kind, of)
                return messages.Response(status=204)
        return wire.missing()

    def _list(self, request: messages.Request, kind: str) -> messages.Response:
        histories = _names(request, "propertiesWithHistory")
        most = MAX_HISTORY_PAGE if histories else MAX_PAGE
        limit = int(request.parameter("limit", "10"))
        if limit > most:
            return wire.error(400, "VALIDATION_ERROR", f"limit {limit} is above {most}")
        is_archived = request.parameter("archived") == "true"
        after = int(request.parameter("after") or 0)
        rows = self._records.living(kind, is_archived=is_archived)
        rows = [row for row in rows if int(row.id) >= after]
        names = _names(request, "properties")
        kept = () if is_archived else histories
        page = rows[:limit]
        results = [wire.record(row, names, with_history=kept) for row in page]
        for other in _names(request, "associations"):
            for row, plain in zip(page, results, strict=True):
                links = self._records.links(kind, row.id, other)
                if links:
                    listed = [{"id": of, "type": f"{kind}_to_{other}"} for of in links]
                    plain.setdefault("associations", {})[other] = {"results": listed}
        body: dict[str, Any] = {"results": results}
        if len(rows) > limit:
            body["paging"] = {"next": {"after": str(int(page[-1].id) + 1), "link": "?"}}
        return messages.reply(body)

    def _read(self, request: messages.Request, kind: str, of: str) -> messages.Response:
        by = request.parameter("idProperty")
        row = self._records.find(kind, by, of) if by else self._records.get(kind, of)
        is_archived = request.parameter("archived") == "true"
        if row is None or (row.archived_at is not None) is not is_archived:
            return wire.missing()
        histories = _names(request, "propertiesWithHistory")
        names = _names(request, "properties")
        return messages.reply(wire.record(row, names, with_history=histories))

    def _create(self, kind: str, asked: Mapping[str, Any]) -> messages.Response:
        properties = asked["properties"]
        problem = self._problem(kind, properties)
        if problem:
            return wire.error(400, "VALIDATION_ERROR", problem)
        taken = self._taken(kind, properties)
        if taken:
            return wire.error(409, "CONFLICT", f"Object already exists. Existing ID: {taken}")
        row = self._add(kind, asked)
        return messages.reply(wire.record(row, properties), status=201)

    def _add(self, kind: str, asked: Mapping[str, Any]) -> store.Record:
        new_id = self._records.create(kind, asked["properties"], source=INTEGRATION)
        for link in asked.get("associations", []):
            for each in link.get("types", [{}]):
                other = _other_kind(each.get("associationTypeId"))
                self._records.link(kind, new_id, other, str(link["to"]["id"]))
        return self._records.get(kind, new_id)

    def _update(
        self, kind: str, of: str, properties: Mapping[str, str | None]
    ) -> messages.Response:
        problem = self._problem(kind, properties)
        if problem:
            return wire.error(400, "VALIDATION_ERROR", problem)
        self._records.update(kind, of, properties, source=INTEGRATION)
        return messages.reply(wire.record(self._records.get(kind, of), properties))

    def _merge(self, kind: str, asked: Mapping[str, Any]) -> messages.Response:
        new_id = self._records.merge(kind, asked["primaryObjectId"], asked["objectIdToMerge"])
        row = self._records.get(kind, new_id)
        return messages.reply(wire.record(row, ("hs_merged_object_ids",)))

    def _batch(self, kind: str, what: str, asked: Mapping[str, Any]) -> messages.Response:
        inputs = asked.get("inputs", [])
        histories = asked.get("propertiesWithHistory", [])
        most = MAX_HISTORY_PAGE if histories else MAX_BATCH
        if len(inputs) > most:
            return wire.error(400, "VALIDATION_ERROR", f"at most {most} inputs")
        handlers: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "read": lambda item: self._read_one(kind, item, asked, histories),
            "create": lambda item: self._create_one(kind, item),
            "update": lambda item: self._update_one(kind, item),
            "upsert": lambda item: self._upsert_one(kind, item),
            "archive": lambda item: self._archive_one(kind, item),
        }
        if what not in handlers:
            return wire.missing()
        results, errors, seen = [], [], set()
        for item in inputs:
            try:
                result = handlers[what](item)
            except store.Missing:
                errors.append(_failure("OBJECT_NOT_FOUND", "Could not get some objects", item))
            except _Invalid as error:
                errors.append(_failure("VALIDATION_ERROR", str(error), item))
            else:
                # A merged id and the one it became are one object, answered once.
                if what != "read" or result["id"] not in seen:
                    results.append(result)
                seen.add(result["id"])
        now = store.text_of(self._records.clock.now())
        body: dict[str, Any] = {
            "status": "COMPLETE",
            "results": results,
            "startedAt": now,
            "completedAt": now,
        }
        if errors:
            body.update(errors=errors, numErrors=len(errors))
        done = 201 if what in ("create", "upsert") and not errors else 200
        return messages.reply(body, status=207 if errors else done)

    def _read_one(
        self, kind: str, item: Mapping[str, Any], asked: Mapping[str, Any], histories: list[str]
    ) -> dict[str, Any]:
        by = asked.get("idProperty")
        of = str(item["id"])
        row = self._records.find(kind, by, of) if by else self._records.get(kind, of)
        if row is None or row.archived_at is not None:
            raise store.Missing(of)
        return wire.record(row, asked.get("properties", []), with_history=histories)

    def _create_one(self, kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
        self._require(kind, item["properties"])
        if self._taken(kind, item["properties"]):
            raise _Invalid("Object already exists")
        return wire.record(self._add(kind, item), item["properties"])

    def _update_one(self, kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
        self._require(kind, item["properties"])
        of = str(item["id"])
        self._records.update(kind, of, item["properties"], source=INTEGRATION)
        return wire.record(self._records.get(kind, of), item["properties"])

    def _upsert_one(self, kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
        name, value = item["idProperty"], str(item["id"])
        properties = {**item["properties"], name: value}
        self._require(kind, properties)
        row = self._records.find(kind, name, value)
        if row is None:
            made = wire.record(self._add(kind, {**item, "properties": properties}), properties)
            return {**made, "new": True}
        self._records.update(kind, row.id, properties, source=INTEGRATION)
        return {**wire.record(row, properties), "new": False}

    def _archive_one(self, kind: str, item: Mapping[str, Any]) -> dict[str, Any]:
        self._records.archive(kind, str(item["id"]))
        return {"id": str(item["id"])}

    def _require(self, kind: str, properties: Mapping[str, Any]) -> None:
        problem = self._problem(kind, properties)
        if problem:
            raise _Invalid(problem)

    def _problem(self, kind: str, properties: Mapping[str, Any]) -> str:
        for value in properties.values():
            planned = self._refused.get(str(value))
            if planned:
                return planned.pop(0)
        unknown = [name for name in properties if name not in schema.PROPERTIES[kind]]
        if unknown:
            return f"Property values were not valid: {unknown[0]} does not exist"
        return ""

    def _taken(self, kind: str, properties: Mapping[str, Any]) -> str:
        for name in schema.UNIQUE.get(kind, ()):
            value = properties.get(name)
            row = self._records.find(kind, name, str(value)) if value else None
            if row is not None:
                return row.id
        return ""


class _Invalid(Exception):  # noqa: N818 - one item's answer
    """The item is refused, the others are not."""


def _failure(category: str, message: str, item: Mapping[str, Any]) -> dict[str, Any]:
    ids = [str(item.get("id", ""))]
    trace = item.get("objectWriteTraceId")
    context = {"ids": ids, **({"objectWriteTraceId": [trace]} if trace else {})}
    return {
        "status": "error",
        "category": category,
        "message": message,
        "context": context,
    }


def _names(request: messages.Request, name: str) -> list[str]:
    return [each for value in request.query.get(name, []) for each in value.split(",") if each]


# HubSpot's own numbers for "note to ...", and those of the custom object.
_ASSOCIATIONS: Final = {202: "contacts", 190: "companies", 214: "deals"}


def _other_kind(type_id: Any) -> str:
    return _ASSOCIATIONS.get(int(type_id or 0), "contacts")

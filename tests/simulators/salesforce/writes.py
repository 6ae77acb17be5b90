"""Writes to the simulated org: single records, collections and upserts by external id.

A collection is answered with 200 and one result per item, in the order sent. `refuse` plans an
error for the next items that carry a value, as a locked row or a validation rule would give.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.simulators import messages
from tests.simulators.salesforce import schema, store, wire

MAX_ITEMS: Final = 200
_CREATED: Final = 201


class Writes:
    """What an integration may change."""

    def __init__(self, records: store.Store) -> None:
        self._records = records
        self._refused: dict[str, list[tuple[str, str]]] = {}

    def refuse(self, value: str, code: str, message: str = "", *, times: int = 1) -> None:
        """Refuse the next items that hold the value in any field."""
        self._refused.setdefault(value, []).extend([(code, message or code)] * times)

    def collection(self, request: messages.Request, rest: list[str]) -> messages.Response:
        """POST or PATCH `/composite/sobjects[/Object/ExternalId]`."""
        items = request.json().get("records", [])
        if len(items) > MAX_ITEMS:
            return wire.error(400, "EXCEEDED_MAX_SIZE_REQUEST", "at most 200 records")
        if request.method == "PATCH" and len(rest) > 1:
            name, key = rest[:2]
            if schema.OBJECTS.get(name) is None:
                return wire.error(404, "NOT_FOUND", "The requested resource does not exist")
            if key not in schema.OBJECTS[name].external_ids:
                return wire.error(400, "INVALID_FIELD", f"{key} is not an external id")
            return messages.reply([self._upsert(name, key, item) for item in items])
        if request.method == "POST":
            return messages.reply(
                [self._create(item.get("attributes", {}).get("type", ""), item) for item in items]
            )
        return messages.reply([self._update(item) for item in items])

    def single(self, request: messages.Request, name: str, rest: list[str]) -> messages.Response:
        """POST, PATCH or DELETE one record, by id or by external id."""
        match request.method, rest:
            case "POST", []:
                result = self._create(name, request.json())
            case "PATCH", [of]:
                result = self._update({**request.json(), "attributes": {"type": name}, "Id": of})
            case "PATCH", [key, value]:
                found = self._records.find(name, key, value)
                if len(found) > 1:
                    paths = [f"/services/data/sobjects/{name}/{of}" for of in found]
                    return messages.reply(paths, status=300)
                result = self._upsert(name, key, {**request.json(), key: value})
            case "DELETE", [of]:
                self._records.delete(name, of, by=store.INTEGRATION_USER)
                return messages.Response(status=204)
            case _:
                return wire.error(405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed")
        if not result["success"]:
            return messages.reply(result["errors"], status=400)
        return messages.reply(result, status=_CREATED if result.get("created") else 200)

    def _create(self, name: str, item: Mapping[str, Any]) -> dict[str, Any]:
        values = _values(item)
        refusal = self._refusal(name, values)
        if refusal is not None:
            return refusal
        new_id = self._records.create(name, values, by=store.INTEGRATION_USER)
        return {"id": new_id, "success": True, "errors": [], "created": True}

    def _update(self, item: Mapping[str, Any]) -> dict[str, Any]:
        name = item.get("attributes", {}).get("type", "")
        of = str(item.get("Id") or item.get("id"))
        values = _values(item)
        refusal = self._refusal(name, {**values, "Id": of})
        if refusal is not None:
            return refusal
        if of not in self._records.rows[name]:
            return _failure("ENTITY_IS_DELETED", "entity is deleted")
        self._records.update(name, of, values, by=store.INTEGRATION_USER)
        return {"id": of, "success": True, "errors": [], "created": False}

    def _upsert(self, name: str, key: str, item: Mapping[str, Any]) -> dict[str, Any]:
        with self._records.lock:
            found = self._records.find(name, key, str(item.get(key)))
            if len(found) > 1:
                return _failure("DUPLICATE_EXTERNAL_ID", "more than one record found")
            if found:
                return self._update({**item, "attributes": {"type": name}, "Id": found[0]})
            return self._create(name, item)

    def _refusal(self, name: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        for value in values.values():
            planned = self._refused.get(str(value))
            if planned:
                return _failure(*planned.pop(0))
        kind = schema.OBJECTS.get(name)
        if kind is None:
            return _failure("INVALID_TYPE", f"sObject type '{name}' is not supported.")
        unknown = [field for field in values if field not in kind.fields]
        if unknown:
            return _failure("INVALID_FIELD", f"No such column '{unknown[0]}' on {name}", unknown)
        return None


def _values(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("attributes", "Id", "id")}


def _failure(code: str, message: str, fields: list[str] | None = None) -> dict[str, Any]:
    error = {"statusCode": code, "message": message, "fields": fields or []}
    return {"success": False, "errors": [error]}

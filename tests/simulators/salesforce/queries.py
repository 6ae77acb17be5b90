"""Run SOQL over the store, for the REST API and for bulk jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.simulators import messages
from tests.simulators.salesforce import schema, soql, store, wire

_LOWEST: Final = ""


class Refused(Exception):  # noqa: N818 - carries the answer
    """The query is answered with an error."""

    def __init__(self, response: messages.Response) -> None:
        super().__init__(response.body.decode())
        self.response = response


@dataclass(frozen=True, slots=True)
class Result:
    """What a query found, fixed at this moment."""

    object_name: str
    fields: tuple[str, ...]
    rows: Sequence[store.Record]
    is_count: bool


def run(records: store.Store, text: str, *, with_deleted: bool, hidden: frozenset[str]) -> Result:
    """Run a query; `hidden` are objects ("Task") and fields ("Opportunity.Amount") out of sight.

    Raises Refused.
    """
    try:
        query = soql.parse(text)
    except soql.Malformed as error:
        raise Refused(wire.error(400, "MALFORMED_QUERY", str(error))) from error
    kind = schema.OBJECTS.get(query.object_name)
    if kind is None or query.object_name in hidden:
        message = f"sObject type '{query.object_name}' is not supported."
        raise Refused(wire.error(400, "INVALID_TYPE", message))
    _require_fields(query, kind, hidden)
    with records.lock:
        seen = records.visible(query.object_name, with_deleted=with_deleted)
        rows = [dict(row) for row in seen if query.test(row)]
    for name, is_descending in reversed(query.order):
        rows.sort(key=_sorted_by(name), reverse=is_descending)
    rows = rows[query.offset :]
    if query.limit is not None:
        rows = rows[: query.limit]
    return Result(query.object_name, query.fields, rows, query.is_count)


def _require_fields(query: soql.Query, kind: schema.Object, hidden: frozenset[str]) -> None:
    selected = () if query.is_count else query.fields
    for name in (*selected, *query.test_fields, *(key for key, _ in query.order)):
        if name not in kind.fields or f"{query.object_name}.{name}" in hidden:
            message = f"No such column '{name}' on entity '{query.object_name}'."
            raise Refused(wire.error(400, "INVALID_FIELD", message))
    for name in query.test_fields:
        if name in kind.unfilterable:
            message = f"field '{name}' can not be filtered in a query call"
            raise Refused(wire.error(400, "INVALID_FIELD", message))


def _sorted_by(name: str) -> Callable[[store.Record], tuple[bool, Any]]:
    """Sort what is empty first, as the API does."""

    def key(row: store.Record) -> tuple[bool, Any]:
        value = row.get(name)
        return (value is not None, _LOWEST if value is None else value)

    return key

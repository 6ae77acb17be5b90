"""Search as the portal does it: filter groups, one sort, offsets, 10,000 rows and no further."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from tests.simulators import messages
from tests.simulators.hubspot import store, wire

MAX_PAGE: Final = 200
MAX_ROWS: Final = 10_000
MAX_GROUPS: Final = 5
MAX_FILTERS: Final = 6

Properties = Mapping[str, str | None]


def run(records: store.Store, kind: str, asked: Mapping[str, Any]) -> messages.Response:
    """Answer a search."""
    limit, start = int(asked.get("limit", 10)), int(asked.get("after") or 0)
    groups = asked.get("filterGroups", [])
    if limit > MAX_PAGE:
        return _refuse(f"limit {limit} is above {MAX_PAGE}")
    if start + limit > MAX_ROWS:
        return _refuse("paging beyond 10000 results is not supported")
    if len(groups) > MAX_GROUPS or any(len(group["filters"]) > MAX_FILTERS for group in groups):
        return _refuse("too many filters")
    found = [(row, seen) for row, seen in records.index(kind) if _fits(groups, seen)]
    for sort in reversed(asked.get("sorts", [])):
        name, is_descending = _sort(sort)
        found.sort(key=lambda pair: _order(pair[1].get(name)), reverse=is_descending)
    page = found[start : start + limit]
    names = asked.get("properties", [])
    body: dict[str, Any] = {
        "total": len(found),
        "results": [wire.record(row, names, properties=seen) for row, seen in page],
    }
    if start + limit < len(found):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return messages.reply(body)


def _refuse(message: str) -> messages.Response:
    return wire.error(400, "VALIDATION_ERROR", message)


def _sort(sort: Any) -> tuple[str, bool]:
    if isinstance(sort, str):
        return sort.removeprefix("-"), sort.startswith("-")
    return sort["propertyName"], sort.get("direction") == "DESCENDING"


def _fits(groups: list[dict[str, Any]], seen: Properties) -> bool:
    if not groups:
        return True
    return any(all(_passes(each, seen) for each in group["filters"]) for group in groups)


def _passes(asked: Mapping[str, Any], seen: Properties) -> bool:
    held = seen.get(asked["propertyName"])
    operator = asked["operator"]
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return (held not in (None, "")) is (operator == "HAS_PROPERTY")
    if operator in ("IN", "NOT_IN"):
        return (held in asked["values"]) is (operator == "IN")
    left, right = _order(held), _order(asked.get("value"))
    if operator == "BETWEEN":
        return right <= left <= _order(asked["highValue"])
    tests = {
        "EQ": left == right,
        "NEQ": left != right,
        "LT": left < right,
        "LTE": left <= right,
        "GT": left > right,
        "GTE": left >= right,
    }
    return held is not None and tests[operator]


def _order(value: str | None) -> tuple[int, float, str]:
    """Compare moments and numbers as such, whether a moment is written in ISO or in ms."""
    if value is None:
        return (0, 0.0, "")
    try:
        return (1, float(value), "")
    except ValueError:
        pass
    try:
        return (1, dt.datetime.fromisoformat(value).timestamp() * 1000, "")
    except ValueError:
        return (2, 0.0, value)

"""Write the searches: what changed after a cursor, by stamp and id.

A search sorts by one property alone, so records of one stamp come in any order. Two questions
together are a keyset: the rest of the cursor's own stamp by id, then the stamps after it. A stamp
whose records fill more than a page is finished by its ids before the next stamp is begun.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from integrations.domain import crm

PAGE_ROWS: Final = 200


def milliseconds(moment: dt.datetime) -> str:
    return str(round(moment.timestamp() * 1000))


def of_stamp(stamp: str, after: crm.Cursor, properties: Sequence[str]) -> dict[str, Any]:
    """Ask for the records of the cursor's stamp that have greater ids, by id."""
    filters = [
        _filter(stamp, "EQ", milliseconds(after.stamp)),
        _filter("hs_object_id", "GT", after.id or "0"),
    ]
    return _search(filters, "hs_object_id", properties)


def after_stamp(
    stamp: str, after: crm.Cursor, until: dt.datetime, properties: Sequence[str]
) -> dict[str, Any]:
    """Ask for the records of later stamps, by stamp."""
    filters = [
        _filter(stamp, "GT", milliseconds(after.stamp)),
        _filter(stamp, "LTE", milliseconds(until)),
    ]
    return _search(filters, stamp, properties)


def _search(
    filters: Sequence[Mapping[str, str]], sort: str, properties: Sequence[str]
) -> dict[str, Any]:
    return {
        "filterGroups": [{"filters": list(filters)}],
        "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
        "properties": list(properties),
        "limit": PAGE_ROWS,
    }


def _filter(name: str, operator: str, value: str) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": value}

"""How the org writes values: JSON of the REST API, CSV of Bulk API 2.0, and its error bodies."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.simulators import messages


def error(status: int, code: str, message: str, **more: Any) -> messages.Response:
    """Answer as the REST API does: a list with one object."""
    return messages.reply([{"message": message, "errorCode": code, **more}], status=status)


def json_value(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return value


def json_record(
    object_name: str, row: Mapping[str, Any], fields: Sequence[str], version: str
) -> dict[str, Any]:
    url = f"/services/data/v{version}/sobjects/{object_name}/{row['Id']}"
    record: dict[str, Any] = {"attributes": {"type": object_name, "url": url}}
    record.update((name, json_value(row.get(name))) for name in fields)
    return record


def csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return str(value)


def csv_page(fields: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Write a page with a head, every cell in quotes."""
    page = io.StringIO()
    writer = csv.writer(page, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(fields)
    writer.writerows([csv_cell(row.get(name)) for name in fields] for row in rows)
    return page.getvalue().encode()

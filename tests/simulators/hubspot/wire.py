"""How the portal writes records and errors."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from tests.simulators import messages
from tests.simulators.hubspot import store


def error(
    status: int, category: str, message: str, *, headers: dict[str, str] | None = None, **more: Any
) -> messages.Response:
    """Answer with the portal's error envelope."""
    body = {
        "status": "error",
        "message": message,
        "correlationId": str(uuid.uuid4()),
        "category": category,
        **more,
    }
    return messages.reply(body, status=status, headers=headers)


def missing() -> messages.Response:
    """Answer as the portal does for an object that is not there: a page in Latin-1."""
    page = "<html><head><title>Error 404</title></head><body>Página não encontrada</body></html>"
    return messages.Response(404, page.encode("latin-1"), "text/html;charset=iso-8859-1")


def record(
    row: store.Record,
    names: Iterable[str],
    *,
    with_history: Iterable[str] = (),
    properties: Any = None,
) -> dict[str, Any]:
    """Write a record with the properties asked for, and the default ones when none are."""
    held = row.properties if properties is None else properties
    wanted = [*names] or ["hs_object_id"]
    plain: dict[str, Any] = {
        "id": row.id,
        "properties": {name: held.get(name) for name in wanted},
        "createdAt": store.text_of(row.created_at),
        "updatedAt": store.text_of(row.updated_at),
        "archived": row.archived_at is not None,
    }
    if row.archived_at is not None:
        plain["archivedAt"] = store.text_of(row.archived_at)
    histories = {
        name: [_version(each) for each in row.history.get(name, [])] for name in with_history
    }
    if histories:
        plain["propertiesWithHistory"] = histories
    return plain


def _version(version: store.Version) -> dict[str, Any]:
    return {
        "value": version.value or "",
        "timestamp": store.text_of(version.timestamp),
        "sourceType": version.source_type,
        "sourceId": version.source_id,
        "updatedByUserId": 1,
    }

"""Write down everything that is stored of an organization's CRMs, for an auditor or for leaving.

One JSON object a line, in a fixed order: the same stored rows give the same bytes. Credentials are
not part of it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
from django.db import connection as database

from gifting.domain import access, refusals
from gifting.services import tenancy

FETCH_ROWS: Final = 2_000


class ExportUnwritable(refusals.Invalid):
    code = "EXPORT_UNWRITABLE"


def write(*, actor: access.Actor, path: Path) -> int:
    """Write the export whole, or leave the file as it was; return the number of lines.

    Raises Forbidden and ExportUnwritable.
    """
    actor.require(access.Permission.MANAGE_CONNECTIONS)
    actor.require(access.Permission.READ_PERSONAL_DATA)
    written = 0
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            try:
                for row in _rows(actor):
                    file.write(orjson.dumps(row, default=str) + b"\n")
                    written += 1
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise ExportUnwritable(
            f"{path} cannot be written: {error.strerror}. Choose another folder.", field="out"
        ) from error
    return written


def _rows(actor: access.Actor) -> Iterator[dict[str, Any]]:
    with tenancy.organization(actor.organization_id, is_snapshot=True):
        for query in _QUERIES:
            with database.chunked_cursor() as cursor:
                cursor.execute(query)
                names = [column[0] for column in cursor.description]
                while found := cursor.fetchmany(FETCH_ROWS):
                    for row in found:
                        yield _plain(dict(zip(names, row, strict=True)))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    told = row.get("values")
    return {**row, "values": orjson.loads(told)} if isinstance(told, str) else row


_RECORDS: Final = """
    SELECT kept.stream AS type, connection.name AS connection, connection.provider,
        kept.external_id, kept.parent_id, kept.stamp, kept.values, kept.is_deleted, kept.deleted_at,
        kept.merged_into
    FROM integrations_crmrecord AS kept
    JOIN integrations_connection AS connection ON connection.id = kept.connection_id
    ORDER BY connection.name, kept.stream, kept.external_id
"""
_ALIASES: Final = """
    SELECT 'alias' AS type, connection.name AS connection, alias.stream, alias.old_id, alias.new_id,
        alias.recorded_at
    FROM integrations_recordalias AS alias
    JOIN integrations_connection AS connection ON connection.id = alias.connection_id
    ORDER BY connection.name, alias.stream, alias.old_id, alias.new_id
"""
_REJECTED: Final = """
    SELECT 'rejected' AS type, connection.name AS connection, kept.stream, kept.external_id,
        kept.field, kept.reason, kept.content, kept.is_open
    FROM integrations_rejectedrecord AS kept
    JOIN integrations_connection AS connection ON connection.id = kept.connection_id
    ORDER BY connection.name, kept.stream, kept.external_id
"""


def _history(kind: str, table: str, columns: str) -> str:
    return f"""
    SELECT '{kind}' AS type, past.source, opportunity.external_id AS opportunity, past.changed_at,
        past.source_id, {columns}
    FROM {table} AS past
    JOIN attribution_opportunity AS opportunity ON opportunity.id = past.opportunity_id
    ORDER BY past.source, opportunity.external_id, past.changed_at, past.source_id
    """


_QUERIES: Final = (
    _RECORDS,
    _ALIASES,
    _REJECTED,
    _history("stage_change", "attribution_stagechange", "past.stage, past.status"),
    _history("amount_change", "attribution_amountchange", "past.amount_minor, past.currency"),
    _history("owner_change", "attribution_ownerchange", "past.owner_reference"),
)

"""Write the queries: what changed after a cursor, what there is at all, how much of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from integrations.domain import crm


def literal(moment: dt.datetime) -> str:
    """Write an instant; Salesforce keeps whole seconds."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def quoted(text: str) -> str:
    """Write a text as a literal that cannot end early."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def changes(
    object_name: str,
    fields: Sequence[str],
    *,
    stamp: str,
    after: crm.Cursor,
    until: dt.datetime,
    limit: int,
) -> str:
    """Ask for what is after the cursor by (stamp, id) and not after `until`."""
    since, end = literal(after.stamp), literal(until)
    return (
        f"SELECT {', '.join(fields)} FROM {object_name} "
        f"WHERE (({stamp} = {since} AND Id > {quoted(after.id)}) OR {stamp} > {since}) "
        f"AND {stamp} <= {end} ORDER BY {stamp}, Id LIMIT {limit}"
    )


def everything(object_name: str, fields: Sequence[str]) -> str:
    return f"SELECT {', '.join(fields)} FROM {object_name}"


def after_id(object_name: str, fields: Sequence[str], *, after: str, limit: int) -> str:
    """Ask for the records of an object in the order of their ids."""
    where = f" WHERE Id > {quoted(after)}" if after else ""
    return f"{everything(object_name, fields)}{where} ORDER BY Id LIMIT {limit}"


def of_parents(
    object_name: str, fields: Sequence[str], *, link: str, parents: Iterable[str]
) -> str:
    listed = ", ".join(quoted(parent) for parent in parents)
    return f"{everything(object_name, fields)} WHERE {link} IN ({listed})"

"""Merge the rows of a file into a table, in sets, so that the same file twice is the file once.

A file goes by COPY into a temporary table that belongs to the transaction (COPY is refused on
tables with row-level security). From there each row is new, changed, unchanged or rejected, by the
key that its source gave it; only what the file tells is compared and written. The order is: write,
settle repeats, reject, match, add, update.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import connection

REJECTIONS: Final = "file_rejection"
DIFFERENCES_SHOWN: Final = 50
FEW_ROWS: Final = 1_000

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Staging:
    """The temporary table that one kind of file is written to, with the column `line`."""

    table: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Value:
    """What a file tells of one column: its SQL, and the SQL of what is stored.

    A value that is not assigned is only compared; its table's own service writes it.
    """

    told: str
    stored: str
    is_assigned: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """The table that rows are merged into.

    `joins` resolves what the alias `staged` names; `stored_joins` what the alias `stored` names.
    `fixed` is written to new rows alone, `rewritten` to changed ones alone.
    """

    table: str
    staging: Staging
    values: Mapping[str, Value]
    fixed: Mapping[str, str]
    rewritten: Mapping[str, str] = field(default_factory=dict)
    key: str = "external_id"
    joins: str = ""
    stored_joins: str = ""
    parameters: Parameters = field(default_factory=dict)

    @property
    def assigned(self) -> dict[str, str]:
        return {column: value.told for column, value in self.values.items() if value.is_assigned}


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that a file changes; a new row has no column and nothing before."""

    line: int
    key: str
    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of the rows that were not rejected."""

    new: int
    changed: int
    unchanged: int
    differences: tuple[Difference, ...]


def prepare(*, organization_id: UUID, staging: Staging) -> None:
    """Make the temporary tables of a file, and let one file at a time into an organization."""
    execute("SET LOCAL jit = off")
    # A million keys fit in memory; what does not fit goes to disk, so memory stays bounded.
    execute("SET LOCAL work_mem = '64MB'")
    lock = int.from_bytes(hashlib.sha256(organization_id.bytes).digest()[:8], signed=True)
    execute("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": lock})
    columns = ", ".join(f"{name} {kind}" for name, kind in staging.columns.items())
    make(staging.table, f"(line bigint NOT NULL, {columns})")
    make(REJECTIONS, '(line bigint NOT NULL, "column" text, field text, reason text, content text)')


def make(table: str, definition: str, parameters: Parameters | None = None) -> int:
    """Make a temporary table of this transaction, anew; return the rows it was made with."""
    execute(f"DROP TABLE IF EXISTS pg_temp.{table}")
    if definition.startswith("("):
        return execute(f"CREATE TEMPORARY TABLE {table} {definition} ON COMMIT DROP")
    return execute(f"CREATE TEMPORARY TABLE {table} ON COMMIT DROP AS {definition}", parameters)


@contextmanager
def writing(table: str, columns: Sequence[str]) -> Iterator[Any]:
    """Open a COPY into a temporary table; its `write` takes blocks of COPY text."""
    names = ", ".join(f'"{column}"' for column in columns)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY pg_temp.{table} ({names}) FROM STDIN") as copy,
    ):
        yield copy


def close(staging: Staging) -> None:
    """Tell the planner what was written; nothing more is written after it."""
    execute(f"ANALYZE pg_temp.{staging.table}")
    if count(staging) > FEW_ROWS:
        # Rows that this transaction, or one just before it, added are not in the statistics yet:
        # a table thought to be empty would be searched from end to end for each row of the file.
        execute("SET LOCAL enable_nestloop = off")


def execute(query: str, parameters: Parameters | None = None) -> int:
    """Run one statement and return the number of rows that it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return int(cursor.rowcount)


def fetch(query: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
    """Run one query whose result is known to be small."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def reject(found: str, parameters: Parameters | None = None) -> int:
    """Reject the rows that a query finds as (line, field, reason); return how many."""
    return execute(f"INSERT INTO {REJECTIONS} (line, field, reason) {found}", parameters)


def drop_rejected(staging: Staging) -> None:
    """Take the rows out of the file that were rejected since they were written."""
    execute(
        f"DELETE FROM {staging.table} USING {REJECTIONS} AS no WHERE no.line = {staging.table}.line"
    )


def settle_repeats(staging: Staging) -> None:
    """Keep the first row of each external id: an equal one adds nothing, another is rejected."""
    found = make(
        "file_repeat",
        f"SELECT external_id, min(line) AS line FROM {staging.table} "
        "GROUP BY external_id HAVING count(*) > 1",
    )
    make("file_echo", "(line bigint NOT NULL, first_line bigint NOT NULL)")
    if not found:
        return
    told = ", ".join(name for name in staging.columns if name != "external_id")
    pairs = f"""
        FROM pg_temp.file_repeat AS repeat
        JOIN {staging.table} AS first ON first.line = repeat.line
        JOIN {staging.table} AS later
            ON later.external_id = repeat.external_id AND later.line <> repeat.line
        WHERE ({_row("later", told)}) IS {{}} DISTINCT FROM ({_row("first", told)})"""
    reject(
        "SELECT later.line, 'external_id', "
        "'the id stands on line ' || repeat.line || ' too, with other values' " + pairs.format("")
    )
    execute(f"INSERT INTO file_echo SELECT later.line, repeat.line {pairs.format('NOT')}")
    execute(
        f"DELETE FROM {staging.table} AS later USING pg_temp.file_repeat AS repeat "
        "WHERE later.external_id = repeat.external_id AND later.line <> repeat.line"
    )


def echoes() -> int:
    """Count the repeats that add nothing; those of a rejected row are rejected with it."""
    reject(
        f"SELECT echo.line, no.field, no.reason FROM pg_temp.file_echo AS echo "
        f"JOIN {REJECTIONS} AS no ON no.line = echo.first_line"
    )
    return int(
        fetch(
            "SELECT count(*) FROM pg_temp.file_echo AS echo WHERE NOT EXISTS "
            f"(SELECT FROM {REJECTIONS} AS no WHERE no.line = echo.first_line)"
        )[0][0]
    )


def count(staging: Staging) -> int:
    return int(fetch(f"SELECT count(*) FROM {staging.table}")[0][0])


def match(target: Target) -> None:
    """Find the stored row of each staged one, and whether the file changes it."""
    changed = " OR ".join(
        f"{value.told} IS DISTINCT FROM {value.stored}" for value in target.values.values()
    )
    make(
        "file_match",
        f"""SELECT staged.line, stored.id, ({changed or "false"}) AS is_changed
        FROM {target.staging.table} AS staged
        JOIN {target.table} AS stored
            ON stored.organization_id = %(organization)s AND stored.source = %(source)s
            AND stored.{target.key} = staged.external_id
        {target.joins} {target.stored_joins}""",
        target.parameters,
    )
    execute("ANALYZE pg_temp.file_match")


def add_new(target: Target, *, then: str = "", returning: str = "id") -> None:
    """Insert the rows that have no match; `then` may read what returns under the name `added`."""
    columns = {
        "organization_id": "%(organization)s",
        "source": "%(source)s",
        target.key: "staged.external_id",
        **target.fixed,
        **target.assigned,
    }
    insert = f"""INSERT INTO {target.table} ({", ".join(columns)})
        SELECT {", ".join(columns.values())}
        FROM {target.staging.table} AS staged {target.joins}
        WHERE NOT EXISTS (SELECT FROM pg_temp.file_match AS known WHERE known.line = staged.line)"""
    execute(
        f"WITH added AS ({insert} RETURNING {returning}) {then}" if then else insert,
        target.parameters,
    )


def update_changed(target: Target) -> None:
    """Write what the file tells over the rows that it changes."""
    written = {**target.assigned, **target.rewritten}
    if not written:
        return
    assignments = ", ".join(f"{column} = {value}" for column, value in written.items())
    execute(
        f"""UPDATE {target.table} AS stored SET {assignments}
        FROM pg_temp.file_match AS known
        JOIN {target.staging.table} AS staged USING (line) {target.joins}
        WHERE known.is_changed AND stored.id = known.id
            AND stored.organization_id = %(organization)s""",
        target.parameters,
    )


def differences(target: Target) -> tuple[Difference, ...]:
    """List what the file adds and changes, in its order, up to a number that a person reads."""
    compared = ", ".join(
        f"('{column}', ({value.stored})::text, ({value.told})::text)"
        for column, value in target.values.items()
    )
    rows = fetch(
        f"""(SELECT staged.line, staged.external_id, '', NULL, NULL
            FROM {target.staging.table} AS staged
            WHERE NOT EXISTS
                (SELECT FROM pg_temp.file_match AS known WHERE known.line = staged.line)
            ORDER BY staged.line LIMIT %(shown)s)
        UNION ALL
        (SELECT staged.line, staged.external_id, told.name, told.before, told.after
            FROM pg_temp.file_match AS known
            JOIN {target.staging.table} AS staged USING (line)
            JOIN {target.table} AS stored ON stored.id = known.id
                AND stored.organization_id = %(organization)s
            {target.joins} {target.stored_joins}
            CROSS JOIN LATERAL (VALUES {compared}) AS told (name, before, after)
            WHERE known.is_changed AND told.before IS DISTINCT FROM told.after
            ORDER BY staged.line LIMIT %(shown)s)
        ORDER BY 1 LIMIT %(shown)s""",
        {**target.parameters, "shown": DIFFERENCES_SHOWN},
    )
    return tuple(Difference(*row) for row in rows)


def outcome(target: Target, differences: Iterable[Difference]) -> Merged:
    """Count what became of the file's rows."""
    matched, changed = fetch(
        "SELECT count(*), count(*) FILTER (WHERE is_changed) FROM pg_temp.file_match"
    )[0]
    return Merged(
        new=count(target.staging) - matched,
        changed=changed,
        unchanged=matched - changed + echoes(),
        differences=tuple(differences),
    )


def told_text(column: str, stored: str) -> Value:
    """Compare and write a text whose blank is the empty text."""
    return Value(f"coalesce(staged.{column}, '')", f"stored.{stored}")


def told(column: str, stored: str | None = None) -> Value:
    """Compare and write a value whose blank is NULL."""
    return Value(f"staged.{column}", f"stored.{stored or column}")


def _row(alias: str, columns: str) -> str:
    return ", ".join(f"{alias}.{column}" for column in columns.split(", "))

"""Bring many rows to PostgreSQL at once: COPY into a temporary table, merge from there.

COPY is refused on tables with row-level security, and a merge needs the rows side by side with
what is there anyway. A staged table belongs to the transaction and goes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.db import connection
from psycopg import sql

NULL: Final = r"\N"
ROWS_PER_WRITE: Final = 10_000

_ESCAPES: Final = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

Texts = Sequence[str]
Numbers = Sequence[int]
MaybeNumbers = Sequence[int | None]


def stage(table: str, *, texts: Mapping[str, Texts], numbers: Mapping[str, MaybeNumbers]) -> int:
    """Put the columns into a temporary table, with `place` counting its rows; return their number.

    A table of the same name that this transaction staged before is replaced.
    """
    names = [*texts, *numbers]
    columns = [
        *((name, "text") for name in texts),
        *((name, "bigint") for name in numbers),
    ]
    name = sql.Identifier("pg_temp", table)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
        cursor.execute(
            sql.SQL(
                "CREATE TEMPORARY TABLE {} (place bigint GENERATED ALWAYS AS IDENTITY, {}) "
                "ON COMMIT DROP"
            ).format(
                sql.Identifier(table),
                sql.SQL(", ").join(
                    sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))
                    for column, kind in columns
                ),
            )
        )
        copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
            name, sql.SQL(", ").join(map(sql.Identifier, names))
        )
        with cursor.copy(copy) as target:
            for lines in _written(texts, numbers):
                target.write(lines)
        cursor.execute(sql.SQL("ANALYZE {}").format(name))
        return _length(texts, numbers)


def execute(query: str, values: Mapping[str, Any]) -> int:
    """Run one statement over staged tables and return the number of rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return int(cursor.rowcount)


def _length(texts: Mapping[str, Texts], numbers: Mapping[str, MaybeNumbers]) -> int:
    lengths = {len(column) for column in (*texts.values(), *numbers.values())}
    if len(lengths) != 1:
        raise ValueError(f"The columns have different lengths: {sorted(lengths)}.")
    return lengths.pop()


def _written(texts: Mapping[str, Texts], numbers: Mapping[str, MaybeNumbers]) -> Iterator[str]:
    for start in range(0, _length(texts, numbers), ROWS_PER_WRITE):
        part = slice(start, start + ROWS_PER_WRITE)
        columns: list[Iterable[str]] = [
            *([value.translate(_ESCAPES) for value in column[part]] for column in texts.values()),
            *(
                [NULL if value is None else str(value) for value in column[part]]
                for column in numbers.values()
            ),
        ]
        yield "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"

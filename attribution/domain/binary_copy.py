"""PostgreSQL's binary COPY format as NumPy records.

A row of fixed-width, never-null columns is a record of fixed size: a 16-bit field count, then for
each field a 32-bit length and the big-endian value. Such rows are read and written as arrays,
without a loop over rows. Source: PostgreSQL manual, COPY, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
HEADER: Final = SIGNATURE + bytes(8)
TRAILER: Final = b"\xff\xff"
NULL: Final = "null"

WIDTHS: Final[Mapping[str, int]] = {"i8": 8, "i4": 4, "i2": 2, "b": 1, NULL: 0}


Value = npt.NDArray[Any] | bytes | int


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its width: `i8`, `i4`, `i2`, `b` (boolean), `S3` or `V16` (bytes), or `null`."""

    name: str
    kind: str


def read(data: bytes, columns: Sequence[Column]) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a complete binary COPY; raises ValueError for another shape."""
    if not data.startswith(SIGNATURE):
        raise ValueError("This is not a binary COPY.")
    record = _record(columns)
    body = memoryview(data)[len(HEADER) :]
    count, rest = divmod(len(body), record.itemsize)
    if rest != len(TRAILER) or bytes(body[-len(TRAILER) :]) != TRAILER:
        raise ValueError("The rows of the COPY do not have the width of the columns.")
    rows = np.frombuffer(body, dtype=record, count=count)
    _check_lengths(rows, columns)
    return {column.name: _native(rows[column.name]) for column in columns}


def none(columns: Sequence[Column]) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of no rows."""
    return read(HEADER + TRAILER, columns)


def write(columns: Sequence[Column], values: Mapping[str, Value], count: int) -> bytes:
    """Return the rows, without header and trailer; a single value stands for every row."""
    rows = np.empty(count, dtype=_record(columns))
    rows["fields"] = len(columns)
    for column in columns:
        rows[f"length of {column.name}"] = -1 if column.kind == NULL else _width(column.kind)
        if column.kind != NULL:
            value = values[column.name]
            rows[column.name] = np.void(value) if isinstance(value, bytes) else value
    return rows.tobytes()


def whole(parts: Iterable[bytes]) -> Iterable[bytes]:
    """Put header and trailer around the rows."""
    yield HEADER
    yield from parts
    yield TRAILER


def _record(columns: Sequence[Column]) -> np.dtype[Any]:
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for column in columns:
        fields.append((f"length of {column.name}", ">i4"))
        if column.kind != NULL:
            fields.append((column.name, _format(column.kind)))
    return np.dtype(fields)


def _format(kind: str) -> str:
    if kind == "b":
        return "?"
    return kind if kind[0] in "SV" else f">{kind}"


def _width(kind: str) -> int:
    return int(kind[1:]) if kind[0] in "SV" else WIDTHS[kind]


def _check_lengths(rows: npt.NDArray[Any], columns: Sequence[Column]) -> None:
    shapes = [rows["fields"] == len(columns)]
    shapes += [rows[f"length of {column.name}"] == _width(column.kind) for column in columns]
    if not all(bool(shape.all()) for shape in shapes):
        raise ValueError("A row of the COPY holds a NULL or a value of another width.")


def _native(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))

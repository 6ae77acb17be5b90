"""Sheets: the columns of a CSV or Parquet file, as Arrow arrays, with the way back to its lines.

Every cell of a CSV file is text, and a blank one is the empty text; what the cells mean is read
elsewhere. A file is UTF-8, with or without a byte order mark, separated by commas, with a header.
Columns may come in any order, others are ignored. A file that cannot be cut into cells is read once
more, slowly, to name the line at fault.
"""

from __future__ import annotations

import csv
import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from attribution.domain.files import faults

PARQUET_ENDINGS: Final = frozenset({".parquet", ".pq"})
BLOCK_BYTES: Final = 1 << 24
_FIRST_LINE: Final = "line 1"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Hold the columns that were asked for, and where they come from."""

    columns: dict[str, pa.Array]
    place: faults.Place
    row_count: int

    def has(self, name: str) -> bool:
        return name in self.columns


def is_parquet(path: Path) -> bool:
    return path.suffix.lower() in PARQUET_ENDINGS


def read(
    path: Path, *, required: Sequence[str], optional: Sequence[str], one_of: Sequence[str] = ()
) -> Sheet:
    """Read the named columns; of `one_of` at least one has to be there. Raises FileUnusable."""
    if not path.is_file():
        raise faults.FileUnusable(f"{path} is not a file. Name a CSV or Parquet file.")
    if not os.access(path, os.R_OK):
        raise faults.FileUnusable(f"{path} may not be read. Change its rights.")
    names = _parquet_names(path) if is_parquet(path) else _csv_names(path)
    _require_names(path, names, required, one_of)
    wanted = [name for name in names if name in {*required, *optional, *one_of}]
    table = _parquet(path, wanted) if is_parquet(path) else _csv(path, wanted, len(names))
    columns = {name: _whole(table.column(name)) for name in wanted}
    name_row = _name_parquet_row if is_parquet(path) else _CsvLines(path)
    return Sheet(columns, faults.Place(path, tuple(wanted), name_row), table.num_rows)


def _require_names(
    path: Path, names: Sequence[str], required: Sequence[str], one_of: Sequence[str]
) -> None:
    for name in names:
        if names.count(name) > 1:
            raise faults.at(
                path, _FIRST_LINE, name, "stands twice in the header. Drop one of them."
            )
    for name in required:
        if name not in names:
            hint = " The columns are not separated by commas." if len(names) == 1 else ""
            raise faults.at(
                path, _FIRST_LINE, name, f"is missing in the header. Add the column.{hint}"
            )
    if one_of and not set(one_of) & set(names):
        raise faults.at(
            path, _FIRST_LINE, " or ".join(one_of), "is missing in the header. Add one of the two."
        )


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """Join the chunks of a column; text beyond 2 GB needs wider offsets."""
    if pa.types.is_string(column.type) and column.nbytes > 2**31 - 1:
        column = column.cast(pa.large_string())
    joined = column.unify_dictionaries().combine_chunks()
    return joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)


def _csv_names(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(iter(csv.reader(file)), [])
    except (UnicodeDecodeError, csv.Error):
        raise _csv_fault(path, 0, "cannot be read as CSV") from None
    names = [name.strip() for name in header]
    if not any(names):
        raise faults.at(path, _FIRST_LINE, "", "the file has no header. Add the column names.")
    return names


def _csv(path: Path, wanted: list[str], width: int) -> pa.Table:
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(wanted, pa.string()),
        include_columns=wanted,
        strings_can_be_null=False,
    )
    # The names of the header are read already, stripped; here they are given instead.
    reading = pyarrow.csv.ReadOptions(
        block_size=BLOCK_BYTES, column_names=_csv_names(path), skip_rows_after_names=0, skip_rows=1
    )
    parsing = pyarrow.csv.ParseOptions(newlines_in_values=_has_quotes(path))
    if _quotes_are_odd(path):
        _require_closed_quotes(path, width)
    try:
        return pyarrow.csv.read_csv(path, reading, parsing, options)
    except pa.ArrowInvalid as error:
        raise _csv_fault(path, width, str(error)) from None


def _has_quotes(path: Path) -> bool:
    return _quote_count(path) > 0


def _quotes_are_odd(path: Path) -> bool:
    return _quote_count(path) % 2 == 1


def _quote_count(path: Path) -> int:
    if not path.stat().st_size:
        return 0
    count = 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for start in range(0, len(data), BLOCK_BYTES):
            count += data[start : start + BLOCK_BYTES].count(b'"')
    return count


def _require_closed_quotes(path: Path, width: int) -> None:
    try:
        for _ in _records(path):
            pass
    except csv.Error:
        raise _csv_fault(path, width, "a quote is not closed") from None


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield every record that is not blank, with the line on which it starts."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        line = 1
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1


def _csv_fault(path: Path, width: int, reason: str) -> faults.FileUnusable:
    """Find the line at fault of a file that cannot be cut into cells."""
    not_utf8 = _line_not_utf8(path)
    if not_utf8:
        return faults.at(path, f"line {not_utf8}", "", "is not UTF-8. Save the file as UTF-8.")
    names = _csv_names(path) if width else []
    line = 1
    try:
        for line, record in _records(path):
            if width and len(record) < width:
                missing = names[len(record)]
                return faults.at(
                    path,
                    f"line {line}",
                    missing,
                    f"is missing: the line has {len(record)} cells and the header {width}. "
                    "Give every column a cell.",
                )
            if width and len(record) > width:
                return faults.at(
                    path,
                    f"line {line}",
                    names[-1],
                    f"the line has {len(record)} cells and the header {width}. Quote cells that "
                    "hold commas.",
                )
    except csv.Error:
        return faults.at(
            path, f"line {line + 1}", "", "a quote is not closed here or below. Close it."
        )
    return faults.at(
        path, _FIRST_LINE, "", f"{' '.join(reason.split())}. Save the file as CSV again."
    )


def _line_not_utf8(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0


class _CsvLines:
    """Name rows by the line they start on, looked up only when one is at fault."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, row: int) -> str:
        for place, (line, _) in enumerate(_records(self._path)):
            if place == row + 1:
                return f"line {line}"
        return f"row {row + 1}"


def _name_parquet_row(row: int) -> str:
    return f"line {row + 1}"


def _parquet_names(path: Path) -> list[str]:
    try:
        return list(pyarrow.parquet.read_schema(path).names)
    except (pa.ArrowInvalid, OSError) as error:
        raise _not_parquet(path, error) from None


def _parquet(path: Path, wanted: list[str]) -> pa.Table:
    try:
        return pyarrow.parquet.read_table(path, columns=wanted)
    except (pa.ArrowInvalid, OSError) as error:
        raise _not_parquet(path, error) from None


def _not_parquet(path: Path, error: Exception) -> faults.FileUnusable:
    reason = " ".join(str(error).split())
    return faults.FileUnusable(
        f"{path.name} cannot be read as Parquet ({reason}). Write it again, or give CSV."
    )


def text(sheet: Sheet, name: str) -> pa.Array:
    """Give a column as text, blank for what is not given; raises FileUnusable."""
    column: Any = sheet.columns[name]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (
        pa.types.is_integer(column.type) or is_text(column.type) or pa.types.is_null(column.type)
    ):
        raise faults.at(
            sheet.place.path,
            _FIRST_LINE,
            name,
            f"is of type {column.type}. Write it as text or whole numbers.",
        )
    kind = pa.large_string() if pa.types.is_large_string(column.type) else pa.string()
    return column.cast(kind).fill_null("")


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))

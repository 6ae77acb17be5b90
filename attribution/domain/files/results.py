"""Results: credits and sums as CSV or Parquet, the same bytes for the same content.

Weights have twelve decimals. Credits have the decimals of their currency and are blank where the
amount is not given; in Parquet they are decimals of three places, and blank is null. A file appears
when it is whole: until then its rows are in another one beside it.
"""

from __future__ import annotations

import csv
import decimal
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray

from attribution.domain.files import faults, sheets

WEIGHT_PLACES: Final = 12
WEIGHT_UNIT: Final = 10**WEIGHT_PLACES
_CREDIT_PLACES: Final = 3
_CREDIT_TYPE: Final = pa.decimal128(38, _CREDIT_PLACES)
_WEIGHT_TYPE: Final = pa.decimal128(38, WEIGHT_PLACES)
_STRUCTURAL: Final = r'[",\r\n]'
_EXACT: Final = decimal.Context(prec=60)


@dataclass(frozen=True, slots=True)
class Block:
    """Hold rows as columns of text, a weight in units of 10 ** -12 and a credit in minor units."""

    names: dict[str, pa.Array]
    weight: NDArray[np.int64]
    credit_minor: NDArray[np.int64]
    has_credit: NDArray[np.bool_]
    exponent: NDArray[np.int64]
    currency: pa.Array


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one sum, of any size; a credit of None is not given."""

    names: tuple[str, ...]
    weight: Fraction
    credit_minor: int | None
    exponent: int
    currency: str


class Output:
    """Write blocks to a file that appears at the end, and only if all went well."""

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        self._path = path
        self._names = names
        self._beside = path.with_name(f".{path.name}.{os.getpid()}")
        self._file: IO[bytes] | None = None
        self._parquet: Any = None
        self.row_count = 0

    def __enter__(self) -> Self:
        try:
            self._file = self._beside.open("wb")
        except OSError as error:
            raise faults.FileUnusable(
                f"{self._path} cannot be written ({error.strerror}). Name another file."
            ) from None
        if sheets.is_parquet(self._path):
            self._parquet = pyarrow.parquet.ParquetWriter(self._file, self._schema())
        else:
            self._file.write(",".join([*self._names, *_LAST]).encode() + b"\n")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._parquet is not None:
            self._parquet.close()
        if self._file is not None:
            self._file.close()
        if kind is None:
            self._beside.replace(self._path)
        else:
            self._beside.unlink(missing_ok=True)

    def encode(self, block: Block) -> Any:
        """Turn a block into what `write` takes; threads may do it side by side."""
        return _batch(block, self._schema()) if self._parquet is not None else _lines(block)

    def write(self, encoded: Any) -> None:
        if self._file is None:
            raise RuntimeError("The output is not open")
        if self._parquet is not None:
            self._parquet.write_batch(encoded)
            self.row_count += encoded.num_rows
            return
        count, data = encoded
        self._file.write(data)
        self.row_count += count

    def write_rows(self, rows: Sequence[Row]) -> None:
        """Write sums, one by one."""
        weights = [_decimal(round(row.weight * WEIGHT_UNIT), WEIGHT_PLACES) for row in rows]
        credits_given = [
            None if row.credit_minor is None else _decimal(row.credit_minor, row.exponent)
            for row in rows
        ]
        if self._parquet is not None:
            names = zip(*(row.names for row in rows), strict=True)
            columns = [*map(list, names), weights, credits_given, [row.currency for row in rows]]
            if rows:
                arrays = [
                    pa.array(column, kind.type)
                    for column, kind in zip(columns, self._schema(), strict=True)
                ]
                self.write(pa.record_batch(arrays, schema=self._schema()))
            return
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        for row, weight, given in zip(rows, weights, credits_given, strict=True):
            text = "" if given is None else f"{given:.{row.exponent}f}"
            writer.writerow([*row.names, f"{weight:.{WEIGHT_PLACES}f}", text, row.currency])
        self.write((len(rows), lines.getvalue().encode()))

    def _schema(self) -> pa.Schema:
        return pa.schema(
            [
                *(pa.field(name, pa.string()) for name in self._names),
                pa.field("weight", _WEIGHT_TYPE),
                pa.field("credit", _CREDIT_TYPE),
                pa.field("currency", pa.string()),
            ]
        )


_LAST: Final = ("weight", "credit", "currency")


def quoted(cells: pa.Array) -> pa.Array:
    """Put cells that would break a line of CSV in quotes."""
    is_structural = pc.match_substring_regex(cells, _STRUCTURAL)
    if not pc.any(is_structural).as_py():
        return cells
    inner = pc.replace_substring(cells, '"', '""')
    return pc.if_else(is_structural, pc.binary_join_element_wise('"', inner, '"', ""), cells)


def _lines(block: Block) -> tuple[int, Any]:
    """Write the lines of a block one after another."""
    count = len(block.weight)
    if not count:
        return 0, b""
    ends = pc.binary_join_element_wise(block.currency, "\n", "")
    lines = pc.binary_join_element_wise(
        *block.names.values(), _weight_text(block.weight), _credit_text(block), ends, ","
    )
    return count, memoryview(_text_bytes(lines))


def _text_bytes(lines: pa.Array) -> Any:
    """Give the bytes of all lines, which lie one after another."""
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int32)
    first, last = offsets[lines.offset], offsets[lines.offset + len(lines)]
    return lines.buffers()[2].slice(int(first), int(last - first))


def _weight_text(weight: NDArray[np.int64]) -> pa.Array:
    return _decimal_text(weight // WEIGHT_UNIT, weight % WEIGHT_UNIT, WEIGHT_PLACES)


def _credit_text(block: Block) -> pa.Array:
    # The magnitude of the smallest integer fits only without a sign.
    size = np.abs(block.credit_minor).view(np.uint64)
    text = None
    for exponent in np.unique(block.exponent).tolist():
        unit = np.uint64(10**exponent)
        found = _decimal_text(size // unit, size % unit, exponent)
        text = (
            found if text is None else pc.if_else(pa.array(block.exponent == exponent), found, text)
        )
    is_negative = block.credit_minor < 0
    if is_negative.any():
        text = pc.if_else(pa.array(is_negative), pc.binary_join_element_wise("-", text, ""), text)
    return text if block.has_credit.all() else pc.if_else(pa.array(block.has_credit), text, "")


def _decimal_text(whole: NDArray[np.integer], part: NDArray[np.integer], places: int) -> pa.Array:
    """Write numbers with a fixed number of decimals."""
    text = pa.array(whole).cast(pa.string())
    if not places:
        return text
    # A digit in front keeps the zeros that follow it, and is cut off again.
    digits = pa.array(part + part.dtype.type(10**places)).cast(pa.string())
    return pc.binary_join_element_wise(text, pc.utf8_slice_codeunits(digits, 1), ".")


def _batch(block: Block, schema: pa.Schema) -> pa.RecordBatch:
    credit = pc.if_else(
        pa.array(block.has_credit), _credit_decimals(block), pa.scalar(None, _CREDIT_TYPE)
    )
    columns = [*block.names.values(), _decimals(block.weight, _WEIGHT_TYPE), credit, block.currency]
    return pa.record_batch(
        [column.cast(kind.type) for column, kind in zip(columns, schema, strict=True)],
        schema=schema,
    )


def _credit_decimals(block: Block) -> pa.Array:
    factor = 10 ** (_CREDIT_PLACES - block.exponent)
    if np.all(np.abs(block.credit_minor.astype(np.float64)) * factor < 2.0**62):
        return _decimals(block.credit_minor * factor, _CREDIT_TYPE)
    pairs = zip(block.credit_minor.tolist(), block.exponent.tolist(), strict=True)
    return pa.array([_decimal(minor, exponent) for minor, exponent in pairs], _CREDIT_TYPE)


def _decimal(minor: int, exponent: int) -> decimal.Decimal:
    return _EXACT.scaleb(decimal.Decimal(minor), -exponent)


def _decimals(units: NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    """Make decimals of a number of units, without a loop: 128 bits, the sign repeated above."""
    wide = np.empty((len(units), 2), dtype=np.int64)
    wide[:, 0] = units
    wide[:, 1] = units >> 63
    return pa.Array.from_buffers(kind, len(units), [None, pa.py_buffer(wide)])

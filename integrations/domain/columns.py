"""Convert batches of rows into blocks of COPY text, column by column.

A row at a time costs a Python call per cell. A column at a time costs one per different cell: a
batch's column is looked up in a dictionary of what was understood before, and a column of plain
text is proved clean as a whole and passed through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Final

from integrations.domain import cells, faults, records

MOST_REMEMBERED: Final = 1 << 15
LONGEST_REMEMBERED: Final = 512

_SEPARATOR: Final = "\x1f"
# What makes a column not plain: a blank or padded cell, an escape or a control character.
_ODD: Final = re.compile(r"[\x00-\x1e\\\x7f]|\s\x1f|\x1f\s|\x1f\x1f")

Values = Sequence["str | faults.Fault"]


class Sheet:
    """The columns that a mapping reads from one file."""

    def __init__(
        self,
        outputs: Iterable[cells.Output],
        *,
        positions: Mapping[str, int],
        constants: Mapping[str, str],
        header: Sequence[str],
        delimiter: str,
        has_broken_text: bool,
    ) -> None:
        self._columns = [_Column(output, positions, constants) for output in outputs]
        self._names = {field: header[position] for field, position in positions.items()}
        self._positions = positions
        self._width = len(header)
        self._delimiter = delimiter
        self._has_broken_text = has_broken_text

    @property
    def staging_columns(self) -> list[str]:
        """The columns of the staging table that `block` writes, in order."""
        return ["line", *(column.output.column for column in self._columns)]

    def name_of(self, field: str) -> str:
        """Give the file's own name of a field's column; a constant has none."""
        return self._names.get(field, "")

    def convert(self, batch: records.Batch) -> tuple[str, list[records.Rejection]]:
        """Turn a batch into a block of COPY text and the rows that are not taken."""
        lines, rows, rejections = self._well_formed(batch)
        if not rows:
            return "", rejections
        read = self._read(rows)
        found = self._faults(read)
        if found:
            rejections += [
                self._rejection(lines[index], rows[index], fault)
                for index, fault in sorted(found.items())
            ]
            keep = [index for index in range(len(rows)) if index not in found]
            lines = [lines[index] for index in keep]
            read = [[column[index] for index in keep] for column in read]
        block = "\n".join(map("\t".join, zip(map(str, lines), *read, strict=True)))
        return (block + "\n" if block else ""), rejections

    def _well_formed(
        self, batch: records.Batch
    ) -> tuple[list[int], list[list[str]], list[records.Rejection]]:
        rejections = list(batch.rejections)
        if set(map(len, batch.rows)) <= {self._width} and not self._has_broken_text:
            return batch.lines, batch.rows, rejections
        lines, rows = [], []
        for line, row in zip(batch.lines, batch.rows, strict=True):
            fault = self._malformed(row)
            if fault:
                rejections.append(self._rejection(line, row, fault))
            else:
                lines.append(line)
                rows.append(row)
        return lines, rows, rejections

    def _malformed(self, row: list[str]) -> faults.Fault | None:
        if len(row) != self._width:
            return faults.Fault(
                f"the row has {len(row):,} cells and the header has {self._width:,}"
            )
        return records.broken_text(row) if self._has_broken_text else None

    def _read(self, rows: list[list[str]]) -> list[Values]:
        by_position = list(zip(*rows, strict=True))
        return [column.read(by_position, len(rows)) for column in self._columns]

    def _faults(self, read: list[Values]) -> dict[int, faults.Fault]:
        """Find each row's first fault, in the order of the file's columns."""
        found: dict[int, faults.Fault] = {}
        for column, values in zip(self._columns, read, strict=True):
            if not column.has_faults:
                continue
            for index, value in enumerate(values):
                if isinstance(value, faults.Fault):
                    first = found.setdefault(index, value)
                    if self._place(value) < self._place(first):
                        found[index] = value
        return found

    def _place(self, fault: faults.Fault) -> int:
        return self._positions.get(fault.field, self._width)

    def _rejection(self, line: int, row: list[str], fault: faults.Fault) -> records.Rejection:
        content = records.joined(row, self._delimiter)
        return records.Rejection(line, self.name_of(fault.field), fault.reason, content)


class _Column:
    """One output column: where its cells stand and what was understood of them before."""

    def __init__(
        self, output: cells.Output, positions: Mapping[str, int], constants: Mapping[str, str]
    ) -> None:
        self.output = output
        self._sources = [
            constants[field] if field in constants else positions[field] for field in output.fields
        ]
        self._known = _Known(output)

    @property
    def has_faults(self) -> bool:
        return self._known.has_faults

    def read(self, by_position: Sequence[tuple[str, ...]], count: int) -> Values:
        if not self._sources:
            return [self._known[()]] * count
        taken = [
            repeat(source, count) if isinstance(source, str) else by_position[source]
            for source in self._sources
        ]
        if self.output.plain_longest and isinstance(taken[0], tuple) and self._is_plain(taken[0]):
            return taken[0]
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        keys = taken[0] if len(taken) == 1 else zip(*taken, strict=True)
        return list(map(self._known.__getitem__, keys))

    def _is_plain(self, column: tuple[str, ...]) -> bool:
        joined = f"{_SEPARATOR}{_SEPARATOR.join(column)}{_SEPARATOR}"
        return not _ODD.search(joined) and max(map(len, column)) <= self.output.plain_longest


class _Known(dict["str | tuple[str, ...]", "str | faults.Fault"]):
    """What each cell, or group of cells, was read as."""

    def __init__(self, output: cells.Output) -> None:
        super().__init__()
        self._read = output.read
        self._is_single = len(output.fields) == 1
        self.has_faults = False

    def __missing__(self, key: str | tuple[str, ...]) -> str | faults.Fault:
        try:
            value: str | faults.Fault = self._read(key) if self._is_single else self._read(*key)
        except faults.Fault as fault:
            self.has_faults = True
            # The one that was raised would keep the stack that it was raised in.
            value = faults.Fault(fault.reason, field=fault.field)
        if sum(map(len, key)) <= LONGEST_REMEMBERED:
            self[key] = value
        return value

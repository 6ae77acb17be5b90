"""Read the records of a CSV file one by one, each with the physical line on which it starts.

The rule kept here: a broken record costs itself and nothing else. When a quote is not closed, or a
line is endless, the record's first line is rejected and reading goes on with the very next line, so
that a stray quote does not swallow the rows below it. Everything is bounded: a line, the lines of a
record, and the lines that are read a second time (a hostile file could otherwise make each line be
read a thousand times).
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TextIO

from integrations.domain import faults

LONGEST_LINE: Final = 1 << 18
LONGEST_CELL: Final = csv.field_size_limit()
MOST_LINES_PER_RECORD: Final = 1_000
MOST_LINES_READ_AGAIN: Final = 1_000_000
BATCH_ROWS: Final = 5_000
BATCH_CHARACTERS: Final = 1 << 21
LONGEST_CONTENT: Final = 4_000

_LINE_TOO_LONG: Final = f"the line is longer than {LONGEST_LINE:,} characters"
_NOT_CLOSED: Final = "a quote is opened and not closed"
_REASONS: Final = (
    ("unexpected end of data", _NOT_CLOSED),
    ("field larger than", f"a cell is longer than {LONGEST_CELL:,} characters"),
    ("expected after", "a quote inside a quoted cell is not doubled"),
)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that is not taken: `column` is the file's own name, empty for the row as a whole."""

    line: int
    column: str
    reason: str
    content: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that were read together, with the lines that they start on, and those that broke."""

    lines: list[int]
    rows: list[list[str]]
    rejections: list[Rejection]


class RecordTooLong(Exception):  # noqa: N818 - it names one record's fault; nothing failed
    """The record being read passed a limit."""


class Records:
    """The records of one text stream, opened with `newline=""`."""

    def __init__(self, stream: TextIO, *, delimiter: str) -> None:
        self._lines = _Lines(stream.readline)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)

    @property
    def line(self) -> int:
        """The number of physical lines read so far."""
        return self._lines.number

    def header(self) -> list[str] | Rejection:
        """Read the first record, or say why it cannot be read."""
        for _, read in self._records():
            return read
        return []

    def batches(self) -> Iterator[Batch]:
        """Yield all records in order, in batches of bounded size."""
        batch = Batch([], [], [])
        characters = self._lines.characters
        for line, read in self._records():
            if isinstance(read, Rejection):
                batch.rejections.append(read)
            else:
                batch.lines.append(line)
                batch.rows.append(read)
            if (
                len(batch.rows) >= BATCH_ROWS
                or len(batch.rejections) >= BATCH_ROWS
                or self._lines.characters - characters >= BATCH_CHARACTERS
            ):
                yield batch
                batch = Batch([], [], [])
                characters = self._lines.characters
        yield batch

    def _records(self) -> Iterator[tuple[int, list[str] | Rejection]]:
        lines, reader = self._lines, self._reader
        held = lines.held
        while True:
            line = lines.number + 1
            try:
                for cells in reader:
                    held.clear()
                    if cells:
                        yield line, cells
                    line = lines.number + 1
            except (csv.Error, RecordTooLong) as error:
                yield line, Rejection(line, "", _reason(error), cut(held[0]))
                lines.give_back()
            else:
                return


class _Lines:
    """Physical lines, which can be given back when the record that they began turns out broken."""

    def __init__(self, readline: Callable[[int], str]) -> None:
        self.number = 0
        self.characters = 0
        self.held: list[str] = []
        self._readline = readline
        self._returned: deque[str] = deque()
        self._may_read_again = MOST_LINES_READ_AGAIN

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self.held.append(line)
        if len(line) >= LONGEST_LINE:
            raise RecordTooLong(_LINE_TOO_LONG)
        if len(self.held) > MOST_LINES_PER_RECORD:
            raise RecordTooLong(f"{_NOT_CLOSED} within {MOST_LINES_PER_RECORD:,} lines")
        return line

    def give_back(self) -> None:
        """Let all lines of the broken record but its first be read again."""
        again = self.held[1:]
        self.held.clear()
        if len(again) > self._may_read_again:
            return
        self._may_read_again -= len(again)
        self.number -= len(again)
        self._returned.extendleft(reversed(again))

    def _read(self) -> str:
        line = self._readline(LONGEST_LINE)
        self.characters += len(line)
        if len(line) == LONGEST_LINE:
            self._skip_rest(line)
        return line

    def _skip_rest(self, line: str) -> None:
        # The piece after a carriage return at the very limit may be its own line feed.
        while line and not line.endswith(("\n", "\r")):
            line = self._readline(LONGEST_LINE)


def cut(content: str) -> str:
    """Give a row's content as it is kept: bounded, and in text that PostgreSQL can hold."""
    kept = content[:LONGEST_CONTENT].rstrip("\r\n").replace("\0", "\\x00")
    return kept.encode("utf-8", "backslashreplace").decode() if not kept.isascii() else kept


def joined(cells: list[str], delimiter: str) -> str:
    """Write a row's cells as a line again, bounded."""
    quoted = (
        f'"{cell.replace(chr(34), chr(34) * 2)}"'
        if any(mark in cell for mark in (delimiter, '"', "\n", "\r"))
        else cell
        for cell in (cell[:LONGEST_CONTENT] for cell in cells[:LONGEST_CONTENT])
    )
    return cut(delimiter.join(quoted))


def _reason(error: Exception) -> str:
    text = str(error)
    return next((reason for part, reason in _REASONS if part in text), text)


def broken_text(cells: list[str]) -> faults.Fault | None:
    """Say whether a row holds what no text may hold; see `encodings.Inspection`."""
    text = "".join(cells)
    if "\0" in text:
        return faults.Fault("the row holds a NUL byte")
    if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        return faults.Fault("the row holds bytes that are no letters in the file's encoding")
    return None

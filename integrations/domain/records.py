"""Read the records of a CSV file one by one, each with the physical line on which it starts.

The rule kept here: a broken record costs itself and nothing else. When a quote is not closed, or a
line is endless, the record's first line is rejected and reading goes on with the very next line, so
that a stray quote does not swallow the rows below it. Everything is bounded: a line, the lines of a
record, and the lines that are read a second time (a hostile file could otherwise make each line be
read a thousand times).

Most files have nothing broken in them, so each chunk is first read as a whole, and record by record
only from the first one that does not end well in it. Both ways give the same records.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final, TextIO

from integrations.domain import faults

LONGEST_LINE: Final = 1 << 18
LONGEST_CELL: Final = csv.field_size_limit()
MOST_LINES_PER_RECORD: Final = 1_000
MOST_LINES_READ_AGAIN: Final = 1_000_000
CHUNK_CHARACTERS: Final = 1 << 18
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

    lines: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= BATCH_ROWS or len(self.rejections) >= BATCH_ROWS


class RecordTooLong(Exception):  # noqa: N818 - it names one record's fault; nothing failed
    """The record being read passed a limit."""


class Records:
    """The records of one text stream, opened with `newline=""`."""

    def __init__(self, stream: TextIO, *, delimiter: str, is_chunked: bool = True) -> None:
        self._lines = _Lines(stream.read)
        self._delimiter = delimiter
        self._is_chunked = is_chunked
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)

    def header(self) -> list[str] | Rejection:
        """Read the first record, or say why it cannot be read."""
        batch = Batch()
        while self._lines.fill() and not batch.rows and not batch.rejections:
            self._take_one(batch)
        return batch.rejections[0] if batch.rejections else [*batch.rows, []][0]

    def batches(self) -> Iterator[Batch]:
        """Yield all records in order, in batches of bounded size."""
        lines = self._lines
        batch = Batch()
        characters = lines.characters
        while lines.fill():
            if lines.is_fresh and self._is_chunked:
                self._take_whole(batch)
            else:
                self._take_one(batch)
            if batch.is_full or lines.characters - characters >= BATCH_CHARACTERS:
                yield batch
                batch = Batch()
                characters = lines.characters
        yield batch

    def _take_whole(self, batch: Batch) -> None:
        """Take the records at the beginning of a chunk that end well in it."""
        lines = self._lines
        lines.is_fresh = False
        if not lines.are_bounded:
            return
        reader = csv.reader(
            islice(lines.held, lines.at, None), delimiter=self._delimiter, strict=True
        )
        rows: list[list[str]] = []
        ends: list[int] = [0]
        try:
            for cells in reader:
                rows.append(cells)
                ends.append(reader.line_num)
        except csv.Error:
            # The first record that is broken, or goes on in the next chunk, is read by itself.
            pass
        count = _bounded(ends)
        before = lines.number + 1
        batch.lines.extend(
            [before + end for end, cells in zip(ends[:count], rows, strict=False) if cells]
        )
        batch.rows.extend([cells for cells in rows[:count] if cells])
        lines.at += ends[count]

    def _take_one(self, batch: Batch) -> None:
        lines = self._lines
        line = lines.number + 1
        lines.first = lines.at
        try:
            cells = next(self._reader)
        except (csv.Error, RecordTooLong) as error:
            content = cut(lines.held[lines.first])
            batch.rejections.append(Rejection(line, "", _reason(error), content))
            lines.give_back()
        else:
            if cells:
                batch.lines.append(line)
                batch.rows.append(cells)


class _Lines:
    """Physical lines, which can be given back when the record that they began turns out broken."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self.held: list[str] = []
        self.at = 0
        self.first = 0
        self.characters = 0
        self.is_fresh = False
        self.are_bounded = True
        self._read = read
        self._before = 0
        self._tail = ""
        self._is_ended = False
        self._is_skipping = False
        self._may_read_again = MOST_LINES_READ_AGAIN

    @property
    def number(self) -> int:
        """The number of physical lines taken so far."""
        return self._before + self.at

    def fill(self) -> bool:
        """Make sure that a line is waiting; say no at the end of the file."""
        if self.at == len(self.held):
            self._before += self.at
            self.held.clear()
            self.at = self.first = 0
            self._load()
        return self.at < len(self.held)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.at == len(self.held):
            self._load()
            if self.at == len(self.held):
                raise StopIteration
        line = self.held[self.at]
        self.at += 1
        if len(line) >= LONGEST_LINE:
            raise RecordTooLong(_LINE_TOO_LONG)
        if self.at - self.first > MOST_LINES_PER_RECORD:
            raise RecordTooLong(f"{_NOT_CLOSED} within {MOST_LINES_PER_RECORD:,} lines")
        return line

    def give_back(self) -> None:
        """Let all lines of the broken record but its first be read again."""
        again = self.at - self.first - 1
        if again <= self._may_read_again:
            self._may_read_again -= again
            self.at = self.first + 1

    def _load(self) -> None:
        """Hold the lines of the next chunk; a line that is not whole waits for the rest of it."""
        found: list[str] = []
        while not found and not self._is_ended:
            chunk = self._read(CHUNK_CHARACTERS)
            self.characters += len(chunk)
            self._is_ended = not chunk
            found = self._split(chunk)
        self.held += found
        self.is_fresh = True
        self.are_bounded = max(map(len, found), default=0) < LONGEST_LINE

    def _split(self, chunk: str) -> list[str]:
        found = list(io.StringIO(self._tail + chunk, newline=""))
        self._tail = ""
        if found and self._is_skipping:
            # The rest of a line that was too long to hold.
            self._is_skipping = not found[0].endswith(("\n", "\r"))
            del found[0]
        # A carriage return at the end of a chunk may have its line feed in the next one.
        if found and not self._is_ended and not found[-1].endswith("\n"):
            self._tail = found.pop()
        if len(self._tail) >= LONGEST_LINE:
            found.append(self._tail)
            self._is_skipping = not self._tail.endswith("\r")
            self._tail = ""
        return found


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


def broken_text(cells: list[str]) -> faults.Fault | None:
    """Say whether a row holds what no text may hold; see `encodings.Inspection`."""
    text = "".join(cells)
    if "\0" in text:
        return faults.Fault("the row holds a NUL byte")
    if not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text):
        return faults.Fault("the row holds bytes that are no letters in the file's encoding")
    return None


def _bounded(ends: list[int]) -> int:
    """Count the records up to the first that has too many lines."""
    if ends[-1] == len(ends) - 1:
        return len(ends) - 1
    spans = pairwise(ends)
    return next(
        (index for index, (begin, end) in enumerate(spans) if end - begin > MOST_LINES_PER_RECORD),
        len(ends) - 1,
    )


def _reason(error: Exception) -> str:
    text = str(error)
    return next((reason for part, reason in _REASONS if part in text), text)

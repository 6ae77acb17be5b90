"""Faults of files: one line that names the file, the line, the column and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gifting.domain import refusals

_LONGEST_SHOWN: Final = 40


class FileUnusable(refusals.Invalid):
    code = "FILE_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in one cell; rows count from 0, `what` ends with a remedy."""

    row: int
    column: str
    what: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows come from: a path, its columns in order, and how a row is named to people."""

    path: Path
    columns: tuple[str, ...]
    name_row: Callable[[int], str]

    def refuse_first(self, faults: Iterable[Fault]) -> None:
        """Raise FileUnusable for the first fault in the order of lines and columns, if any."""
        ordered = sorted(faults, key=lambda fault: (fault.row, self.columns.index(fault.column)))
        if ordered:
            raise self.fault(ordered[0])

    def fault(self, fault: Fault) -> FileUnusable:
        return at(self.path, self.name_row(fault.row), fault.column, fault.what)


def at(path: Path, where: str, column: str, what: str) -> FileUnusable:
    """Word a fault in one line."""
    named = f", column {column}" if column else ""
    return FileUnusable(f"{path.name}, {where}{named}: {what}", field=column)


def shown(value: object) -> str:
    """Quote a cell, cut short, without anything that would break the line."""
    text = ascii(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"

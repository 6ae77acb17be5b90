"""What is wrong with one row of a file: the reason, the field, and how a cell is shown in it."""

from __future__ import annotations

from typing import Final

_LONGEST_SHOWN: Final = 40


class Fault(Exception):  # noqa: N818 - it names one row's fault; nothing failed
    """Say why a row is not taken, and in which field it was seen."""

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


def shown(cell: str) -> str:
    """Quote a cell for a reason: short, and with every odd character made visible."""
    cut = cell[:_LONGEST_SHOWN]
    text = cut if cut.isprintable() else ascii(cut)[1:-1]
    return f"'{text}{'…' if len(cell) > _LONGEST_SHOWN else ''}'"

"""The checklist of a close: what must be so, or be waived by name, before a period is signed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Item(StrEnum):
    SOFT_CLOSED = "SOFT_CLOSED"
    ACCRUALS = "ACCRUALS"
    EXCEPTIONS = "EXCEPTIONS"
    INVOICES = "INVOICES"
    CODING = "CODING"
    JOURNALS = "JOURNALS"
    TIE_OUT = "TIE_OUT"


class Cause(StrEnum):
    """Why the general ledger and the own ledger differ."""

    IN_GL_NOT_OURS = "IN_GL_NOT_OURS"
    OURS_NOT_IN_GL = "OURS_NOT_IN_GL"
    FX_DIFFERENCE = "FX_DIFFERENCE"
    TIMING = "TIMING"
    MANUAL = "MANUAL"


@dataclass(frozen=True, slots=True)
class Check:
    """What was found for one item."""

    item: Item
    is_met: bool
    open_count: int
    detail: str

    def as_plain(self) -> dict[str, Any]:
        return {
            "item": self.item.value,
            "is_met": self.is_met,
            "open_count": self.open_count,
            "detail": self.detail,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        return cls(Item(plain["item"]), plain["is_met"], plain["open_count"], plain["detail"])


def unmet(checks: Sequence[Check], waived: Collection[Item]) -> tuple[Check, ...]:
    """Return what stands in the way of a signature; a soft close cannot be waived."""
    return tuple(
        check
        for check in checks
        if not check.is_met and (check.item not in waived or check.item is Item.SOFT_CLOSED)
    )

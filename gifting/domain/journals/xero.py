"""Xero's manual journal import.

Rows with the same narration and date are one journal. Amounts are signed, debits above zero; dates
are dd/mm/yyyy; a file holds 300 lines at most, its header included, so that a batch may be several
files, each in balance. Two tracking categories are all there are. The currency is Xero's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gifting.domain.journals import batches, cells

MOST_LINES: Final = 300
MOST_TRACKED: Final = 2
HEADER: Final = (
    "*Narration",
    "*Date",
    "Description",
    "*AccountCode",
    "*TaxRate",
    "*Amount",
    "TrackingName1",
    "TrackingOption1",
    "TrackingName2",
    "TrackingOption2",
)
_ITEMS_A_FILE: Final = (MOST_LINES - 1) // 2


def render(batch: batches.Batch) -> tuple[batches.File, ...]:
    """Write the batch as one or more files; raises JournalUnusable and CellUnusable."""
    batch.require_home_currency("Xero")
    parts = [
        batch.items[start : start + _ITEMS_A_FILE]
        for start in range(0, len(batch.items), _ITEMS_A_FILE)
    ]
    names = _tracked(batch)
    return tuple(
        batches.File(
            name=f"{batch.reference}-xero-{number}of{len(parts)}.csv",
            content=cells.table(
                HEADER, _rows(batch, part, f"{batch.title} {number}/{len(parts)}", names)
            ),
        )
        for number, part in enumerate(parts, start=1)
    )


def _rows(
    batch: batches.Batch, items: Sequence[batches.Item], narration: str, names: Sequence[str]
) -> Iterator[list[str]]:
    for line in batches.lines(items, batch.currency):
        tracking = _tracking(line.item)
        tracked = [cell for name in names for cell in _pair(name, tracking[name])]
        yield [
            cells.text(narration),
            f"{batch.dated_on:%d/%m/%Y}",
            cells.text(f"{line.item.memo} [{line.item.transfer}]"),
            cells.text(line.account.code),
            cells.text(line.account.tax_rate),
            line.signed.decimal_text,
            *tracked,
            *[""] * (2 * (MOST_TRACKED - len(names))),
        ]


def _tracked(batch: batches.Batch) -> list[str]:
    """Name the categories that the batch uses; raises JournalUnusable for a third one."""
    used = {name for item in batch.items for name, option in _tracking(item).items() if option}
    names: list[str] = [name for name in ("Department", "Class", "Location") if name in used]
    if len(names) > MOST_TRACKED:
        raise batches.JournalUnusable(
            f"Xero has {MOST_TRACKED} tracking categories, and the accounts of {batch.reference} "
            "carry department, class and location. Leave one of them out of the mapping.",
            field="format",
        )
    return names


def _tracking(item: batches.Item) -> dict[str, str]:
    return {"Department": item.department, "Class": item.class_name, "Location": item.location}


def _pair(name: str, option: str) -> tuple[str, str]:
    return (name, cells.text(option)) if option else ("", "")

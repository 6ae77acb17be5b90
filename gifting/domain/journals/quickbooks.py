"""QuickBooks Online's journal import.

Accounts are told by name, `Parent:Sub`, with account numbers switched off. Rows of one journal
number are one journal; debits and credits have a column each and are equal. Dates are mm/dd/yyyy. A
row on an accounts payable account needs the payee's name. The currency is the company's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gifting.domain.journals import batches, cells

HEADER: Final = (
    "Journal No.",
    "Journal Date",
    "Account Name",
    "Description",
    "Debits",
    "Credits",
    "Name",
    "Class",
    "Location",
)


def render(batch: batches.Batch) -> tuple[batches.File, ...]:
    """Write the batch as one file; raises JournalUnusable and CellUnusable."""
    batch.require_home_currency("QuickBooks Online")
    content = cells.table(HEADER, _rows(batch))
    return (batches.File(f"{batch.reference}-quickbooks.csv", content),)


def _rows(batch: batches.Batch) -> Iterator[list[str]]:
    for line in batch.lines():
        is_payable = line.account.kind is batches.AccountKind.PAYABLE
        if is_payable and not line.item.payee:
            raise batches.JournalUnusable(
                f"QuickBooks wants a name on the payable account {line.account.code}. Add a payee "
                "to its mapping, or map to a clearing account.",
                field="format",
            )
        yield [
            batch.reference,
            f"{batch.dated_on:%m/%d/%Y}",
            cells.text(line.account.path),
            cells.text(f"{line.item.memo} [{line.item.transfer}]"),
            cells.amount(line.debit),
            cells.amount(line.credit),
            cells.text(line.item.payee if is_payable else ""),
            cells.text(line.item.class_name),
            cells.text(line.item.location),
        ]

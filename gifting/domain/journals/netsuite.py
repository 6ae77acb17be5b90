"""NetSuite's journal entry import.

The external id keeps an entry from being imported twice. An entry belongs to one subsidiary: items
of several subsidiaries are several entries, each in balance, so that no intercompany posting, which
takes four lines, is ever needed. Amounts have at most 10 digits before the point and 2 after it.
A reversal is a batch of its own, so no reversal date is given, which would reverse it twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gifting.domain import money
from gifting.domain.journals import batches, cells

MOST_DECIMALS: Final = 2
MOST_DIGITS: Final = 10
HEADER: Final = (
    "External ID",
    "Date",
    "Subsidiary",
    "Currency",
    "Memo",
    "Account",
    "Debit",
    "Credit",
    "Line Memo",
    "Department",
    "Class",
    "Location",
)


def render(batch: batches.Batch) -> tuple[batches.File, ...]:
    """Write the batch as one file; raises JournalUnusable and CellUnusable."""
    content = cells.table(HEADER, _rows(batch))
    return (batches.File(f"{batch.reference}-netsuite.csv", content),)


def _rows(batch: batches.Batch) -> Iterator[list[str]]:
    subsidiaries = sorted({item.subsidiary for item in batch.items})
    note = "; subsidiaries apart, no intercompany lines" if len(subsidiaries) > 1 else ""
    for number, subsidiary in enumerate(subsidiaries, start=1):
        items = [item for item in batch.items if item.subsidiary == subsidiary]
        for line in batches.lines(items, batch.currency):
            yield [
                f"{batch.reference}-{number}",
                f"{batch.dated_on:%m/%d/%Y}",
                cells.text(subsidiary),
                batch.currency,
                cells.text(f"{batch.title}{note}"),
                cells.text(f"{line.account.code} {line.account.path.replace(':', ' : ')}"),
                _amount(batch, line.debit),
                _amount(batch, line.credit),
                cells.text(f"{line.item.memo} [{line.item.transfer}]"),
                cells.text(line.item.department),
                cells.text(line.item.class_name),
                cells.text(line.item.location),
            ]


def _amount(batch: batches.Batch, amount: money.Money) -> str:
    whole, _, decimals = amount.decimal_text.partition(".")
    if len(whole) > MOST_DIGITS or len(decimals.rstrip("0")) > MOST_DECIMALS:
        raise batches.JournalUnusable(
            f"{amount} in {batch.reference} does not fit in NetSuite's {MOST_DIGITS} digits and "
            f"{MOST_DECIMALS} decimals. Export the batch in another format.",
            field="format",
        )
    return f"{whole}.{decimals[:MOST_DECIMALS]:0<2}" if amount.amount_minor else ""

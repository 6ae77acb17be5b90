"""Deals of a file: `opportunity_id,account_id,created_at,closed_at,status,amount,currency`.

`lead_created_at` may stand beside them. A won or lost deal has a close. That of an open deal, as
CRMs have it, is a guess about the future and is not read.
"""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.domain import journey
from attribution.domain.files import amounts, faults, identities, instants, sheets

STATUSES: Final = ("won", "lost", "open")
WON, LOST, OPEN = range(3)
REQUIRED: Final = (
    "opportunity_id",
    "account_id",
    "created_at",
    "closed_at",
    "status",
    "amount",
    "currency",
)
OPTIONAL: Final = ("lead_created_at",)


@dataclass(frozen=True, slots=True)
class Deals:
    """Hold deals in the order of their ids; `row` is where each stands in its file."""

    id: pa.Array
    account: pa.Array
    status: NDArray[np.int64]
    currency: NDArray[np.int64]
    currency_codes: tuple[str, ...]
    exponent: NDArray[np.int64]
    columns: journey.Opportunities
    row: NDArray[np.int64]
    place: faults.Place
    repeat_count: int

    def __len__(self) -> int:
        return len(self.row)


def read(sheet: sheets.Sheet, *, within: zoneinfo.ZoneInfo) -> Deals:
    """Read deals; raises FileUnusable for the first cell that cannot be used."""
    status, status_fault = _statuses(sheet)
    created = instants.read(sheet, "created_at", within=within)
    closed = instants.read(sheet, "closed_at", within=within)
    lead = (
        instants.read(sheet, "lead_created_at", within=within)
        if sheet.has("lead_created_at")
        else None
    )
    currency = amounts.read_currencies(sheet, "currency")
    amount = (
        amounts.Amounts(currency.number, currency.number > 0)
        if currency.fault
        else amounts.read(sheet, "amount", currency.exponent)
    )
    parts = (created.fault, closed.fault, status_fault, currency.fault, amount.fault)
    found = [fault for fault in (*parts, lead.fault if lead else None) if fault]
    found += _blanks(~created.is_given, "created_at", "Give the instant the deal was made.")
    found += _blanks(
        ~closed.is_given & (status != OPEN), "closed_at", "Give the close, or the status open."
    )
    sheet.place.refuse_first(found)

    closed_at = np.where(status == OPEN, np.int64(journey.OPEN), closed.at)
    account = sheets.text(sheet, "account_id")
    contents: dict[str, pa.Array | NDArray[np.int64] | NDArray[np.bool_]] = {
        "account_id": account,
        "created_at": created.at,
        "closed_at": closed_at,
        "status": status,
        "amount": amount.minor,
        "amount ": amount.is_given,
        "currency": currency.number,
    }
    if lead:
        contents["lead_created_at"] = lead.at
    ordered = identities.order(sheet, "opportunity_id", contents)
    rows = ordered.rows
    return Deals(
        id=sheets.text(sheet, "opportunity_id").take(pa.array(rows)),
        account=account.take(pa.array(rows)),
        status=status[rows],
        currency=currency.number[rows],
        currency_codes=currency.codes,
        exponent=currency.exponent[rows],
        columns=journey.Opportunities(
            id=np.arange(len(rows), dtype=np.int64),
            account=np.zeros(len(rows), dtype=np.int64),
            opened_at=created.at[rows],
            closed_at=closed_at[rows],
            amount_minor=amount.minor[rows],
            has_amount=amount.is_given[rows],
            lead_created_at=lead.at[rows] if lead else None,
        ),
        row=rows,
        place=sheet.place,
        repeat_count=ordered.repeat_count,
    )


def _statuses(sheet: sheets.Sheet) -> tuple[NDArray[np.int64], faults.Fault | None]:
    cells = pc.utf8_lower(pc.ascii_trim_whitespace(sheets.text(sheet, "status")))
    found = pc.index_in(cells, pa.array(STATUSES, cells.type))
    numbers = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    unknown = np.flatnonzero(numbers < 0)
    if not len(unknown):
        return numbers, None
    row = int(unknown[0])
    what = f"{faults.shown(cells[row].as_py())} is no status. Write won, lost or open."
    return numbers, faults.Fault(row, "status", what)


def _blanks(is_blank: NDArray[np.bool_], name: str, remedy: str) -> list[faults.Fault]:
    return [
        faults.Fault(int(row), name, f"is blank. {remedy}") for row in np.flatnonzero(is_blank)[:1]
    ]

"""Touches of a file: `touch_id,opportunity_id or account_id,channel,campaign,touched_at`.

A touch of an account belongs to every deal of the account. Where both columns are there, a touch
with an opportunity belongs to that one alone. One of a deal or account that the other file does not
have is counted and left out.
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
from attribution.domain.files import deals, faults, identities, instants, sheets

REQUIRED: Final = ("touch_id", "channel", "campaign", "touched_at")
ONE_OF: Final = ("opportunity_id", "account_id")
UNATTRIBUTED: Final = "(unattributed)"
_NOBODY: Final = -1


@dataclass(frozen=True, slots=True)
class Groups:
    """Hold names in the order of their characters, and the number of the name of each touch."""

    names: tuple[str, ...]
    number: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Touches:
    """Hold touches in the order of their ids, and the deals and accounts that they name.

    `deal` numbers deals; `account` numbers the accounts of deals; -1 names none.
    """

    id: pa.Array
    occurred_at: NDArray[np.int64]
    channel: Groups
    campaign: Groups
    deal: NDArray[np.int64]
    account: NDArray[np.int64]
    account_of_deal: NDArray[np.int64]
    repeat_count: int
    homeless_count: int

    def __len__(self) -> int:
        return len(self.occurred_at)


def read(sheet: sheets.Sheet, known: deals.Deals, *, within: zoneinfo.ZoneInfo) -> Touches:
    """Read touches; raises FileUnusable for the first cell that cannot be used."""
    touched = instants.read(sheet, "touched_at", within=within)
    channel, campaign = sheets.text(sheet, "channel"), sheets.text(sheet, "campaign")
    links = {name: sheets.text(sheet, name) for name in ONE_OF if sheet.has(name)}
    found = [touched.fault] if touched.fault else []
    found += _first(~touched.is_given, "touched_at", "is blank. Give the instant of the touch.")
    for name, cells in (("channel", channel), ("campaign", campaign)):
        is_reserved = pc.equal(cells, UNATTRIBUTED).to_numpy(zero_copy_only=False)
        what = f"{UNATTRIBUTED} names what no touch earned. Give it another name."
        found += _first(is_reserved, name, what)
    is_blank = np.logical_and.reduce(
        [pc.equal(cells, "").to_numpy(zero_copy_only=False) for cells in links.values()]
    )
    where = " and ".join(links)
    found += _first(is_blank, next(iter(links)), f"{where} blank. Say to whom the touch belongs.")
    sheet.place.refuse_first(found)

    ordered = identities.order(
        sheet,
        "touch_id",
        {**links, "channel": channel, "campaign": campaign, "touched_at": touched.at},
    )
    rows = pa.array(ordered.rows)
    links = {name: cells.take(rows) for name, cells in links.items()}
    accounts = known.account.dictionary_encode()
    deal, account = _owners(links, known, accounts)
    return Touches(
        id=sheets.text(sheet, "touch_id").take(rows),
        occurred_at=touched.at[ordered.rows],
        channel=_groups(channel.take(rows)),
        campaign=_groups(campaign.take(rows)),
        deal=deal,
        account=account,
        account_of_deal=_account_of_deal(known, accounts),
        repeat_count=ordered.repeat_count,
        homeless_count=int(((deal == _NOBODY) & (account == _NOBODY)).sum()),
    )


def _first(is_faulty: NDArray[np.bool_], name: str, what: str) -> list[faults.Fault]:
    return [faults.Fault(int(row), name, what) for row in np.flatnonzero(is_faulty)[:1]]


def _groups(cells: pa.Array) -> Groups:
    encoded = cells.dictionary_encode()
    found = encoded.dictionary.to_pylist()
    names = tuple(sorted(found))
    place_of = {name: place for place, name in enumerate(names)}
    numbers = np.array([place_of[name] for name in found], dtype=np.int64)
    indices = encoded.indices.to_numpy(zero_copy_only=False)
    return Groups(names, numbers[indices] if len(numbers) else np.zeros(0, dtype=np.int64))


def _owners(
    links: dict[str, pa.Array], known: deals.Deals, accounts: pa.DictionaryArray
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    count = len(next(iter(links.values())))
    nobody = np.full(count, _NOBODY, dtype=np.int64)
    deal = _place_in(links["opportunity_id"], known.id) if "opportunity_id" in links else nobody
    if "account_id" not in links:
        return deal, nobody
    account = _place_in(links["account_id"], accounts.dictionary)
    is_blank = pc.equal(links["account_id"], "").to_numpy(zero_copy_only=False)
    if "opportunity_id" in links:
        is_blank |= pc.not_equal(links["opportunity_id"], "").to_numpy(zero_copy_only=False)
    return deal, np.where(is_blank, np.int64(_NOBODY), account)


def _place_in(cells: pa.Array, whole: pa.Array) -> NDArray[np.int64]:
    if cells.type != whole.type:
        cells, whole = cells.cast(pa.large_string()), whole.cast(pa.large_string())
    places = pc.index_in(cells, whole).fill_null(_NOBODY)
    return np.asarray(places.to_numpy(zero_copy_only=False), dtype=np.int64)


def _account_of_deal(known: deals.Deals, accounts: pa.DictionaryArray) -> NDArray[np.int64]:
    """Give each deal the number of its account; without one it is an account of its own."""
    numbers = np.asarray(accounts.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    is_blank = pc.equal(known.account, "").to_numpy(zero_copy_only=False)
    return np.where(is_blank, -2 - np.arange(len(known), dtype=np.int64), numbers)


def linked(
    known: deals.Deals, found: Touches, rows: NDArray[np.int64]
) -> tuple[journey.Opportunities, journey.Touches, NDArray[np.int64]]:
    """Give some deals, their touches by account or by deal, and the rows of these touches.

    Accounts link when no touch names a deal; otherwise each touch of an account is listed once for
    each of its deals.
    """
    chosen = known.columns.take(rows)
    account = found.account_of_deal[rows]
    if not (found.deal != _NOBODY).any():
        own = np.flatnonzero(found.account != _NOBODY)
        opportunities = _with(chosen, account)
        return opportunities, _touch_columns(found, own, found.account[own]), own

    number = np.full(len(known), _NOBODY, dtype=np.int64)
    number[rows] = np.arange(len(rows))
    direct = np.flatnonzero(found.deal != _NOBODY)
    direct_deal = number[found.deal[direct]]
    shared, shared_deal = _each_deal(found, account)
    touch = np.concatenate((direct[direct_deal >= 0], shared))
    deal = np.concatenate((direct_deal[direct_deal >= 0], shared_deal))
    return (
        _with(chosen, np.arange(len(rows), dtype=np.int64)),
        _touch_columns(found, touch, deal),
        touch,
    )


def _each_deal(
    found: Touches, account: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List each touch of an account with each of the account's deals."""
    by_account = np.argsort(account, kind="stable")
    touch = np.flatnonzero(found.account != _NOBODY)
    first = np.searchsorted(account[by_account], found.account[touch], side="left")
    counts = np.searchsorted(account[by_account], found.account[touch], side="right") - first
    starts = np.repeat(first - (np.cumsum(counts) - counts), counts)
    return np.repeat(touch, counts), by_account[starts + np.arange(counts.sum())]


def _with(chosen: journey.Opportunities, account: NDArray[np.int64]) -> journey.Opportunities:
    return journey.Opportunities(
        id=chosen.id,
        account=account,
        opened_at=chosen.opened_at,
        closed_at=chosen.closed_at,
        amount_minor=chosen.amount_minor,
        has_amount=chosen.has_amount,
        lead_created_at=chosen.lead_created_at,
    )


def _touch_columns(
    found: Touches, rows: NDArray[np.int64], key: NDArray[np.int64]
) -> journey.Touches:
    return journey.Touches(
        id=rows,
        account=key,
        occurred_at=found.occurred_at[rows],
        channel=found.channel.number[rows],
        campaign=found.campaign.number[rows],
    )

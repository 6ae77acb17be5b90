"""A batch of journal items, the same whatever format it is written in.

The rules kept here: an item is one positive amount with the account it is debited to and the one
that is credited, so that it cannot be out of balance; a batch has one currency, one day and one
number, and its items stand in the order of their numbers.

What each kind posts, with the accounts of the mapping:

- SPEND: what was invoiced in the period, and what was given back: spend account to payable.
- ACCRUAL: what is delivered and not invoiced at the end of the period: spend account to accrued.
- REVERSAL: the accrual the other way, dated the first day of the next period.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from gifting.domain import money, refusals

ACCOUNT_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,31}", re.ASCII)
_NUMBER_DIGITS: Final = 6


class Kind(StrEnum):
    SPEND = "SPEND"
    ACCRUAL = "ACCRUAL"
    REVERSAL = "REVERSAL"


class AccountKind(StrEnum):
    """What an account of the general ledger is, as far as gifts go."""

    EXPENSE = "EXPENSE"
    # A gift to a paying customer takes away from revenue: ASC 606-10-32-25.
    CONTRA_REVENUE = "CONTRA_REVENUE"
    LIABILITY = "LIABILITY"
    PAYABLE = "PAYABLE"
    ASSET = "ASSET"


# The accounts whose balance is what gifts cost: the general ledger is tied out on these.
SPEND_ACCOUNTS: Final = frozenset({AccountKind.EXPENSE, AccountKind.CONTRA_REVENUE})


class Format(StrEnum):
    XERO = "XERO"
    QBO = "QBO"
    NETSUITE = "NETSUITE"
    CSV = "CSV"
    JSON = "JSON"
    HLEDGER = "HLEDGER"
    BEANCOUNT = "BEANCOUNT"


class JournalUnusable(refusals.Invalid):
    """A format cannot carry the batch; another one can."""

    code = "JOURNAL_UNUSABLE_IN_FORMAT"


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the batch froze it; `path` is its name under its parents, `Parent:Sub`."""

    code: str
    name: str
    path: str
    kind: AccountKind
    tax_rate: str = "Tax Exempt"


@dataclass(frozen=True, slots=True)
class Item:
    """One positive amount from the credited account to the debited one, for one transfer."""

    number: int
    transfer: UUID
    amount_minor: int
    debit: Account
    credit: Account
    memo: str
    tag: str
    department: str = ""
    class_name: str = ""
    location: str = ""
    subsidiary: str = ""
    payee: str = ""

    def __post_init__(self) -> None:
        if self.amount_minor <= 0:
            raise JournalUnusable("An item of a journal is above zero.", field="amount")


@dataclass(frozen=True, slots=True)
class Batch:
    """What is posted together, on one day and in one currency."""

    number: int
    kind: Kind
    organization: str
    period: str
    dated_on: dt.date
    currency: str
    home_currency: str
    items: tuple[Item, ...]

    @property
    def reference(self) -> str:
        return reference(self.number)

    @property
    def title(self) -> str:
        return f"Tribute {self.reference} {self.kind} {self.period}"

    def lines(self) -> Iterator[Line]:
        return lines(self.items, self.currency)

    def require_home_currency(self, system: str) -> None:
        """Refuse a batch in a foreign currency, which the layout has no column for."""
        if self.currency != self.home_currency:
            raise JournalUnusable(
                f"The journal layout of {system} has no currency, and the batch {self.reference} "
                f"is in {self.currency}, not in {self.home_currency}. Export it in another format.",
                field="format",
            )


@dataclass(frozen=True, slots=True)
class Line:
    """One side of an item; one of debit and credit is zero."""

    item: Item
    account: Account
    debit: money.Money
    credit: money.Money

    @property
    def signed(self) -> money.Money:
        """Debits above zero, credits below."""
        return self.debit - self.credit


@dataclass(frozen=True, slots=True)
class File:
    """A rendered file, to the byte."""

    name: str
    content: bytes


def reference(number: int) -> str:
    """Return the number of a batch as other systems show it."""
    return f"TRB-{number:0{_NUMBER_DIGITS}d}"


def lines(items: Iterable[Item], currency: str) -> Iterator[Line]:
    """Yield both sides of each item, the debit first."""
    none = money.Money.zero(currency)
    for item in items:
        amount = money.Money(item.amount_minor, currency)
        yield Line(item, item.debit, amount, none)
        yield Line(item, item.credit, none, amount)

"""Text for hledger and Beancount, with which anyone can add the books up again.

Each file stands for itself: it opens its accounts, posts every item as one transaction with the id
of our transfer, and asserts the balance of each account at its end, so that the tools refuse a file
that was changed. Accounts are named by their code under the root that their kind belongs to.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

from gifting.domain import money
from gifting.domain.journals import batches, cells

_ROOTS: Final = {
    batches.AccountKind.EXPENSE: "Expenses",
    batches.AccountKind.CONTRA_REVENUE: "Income",
    batches.AccountKind.LIABILITY: "Liabilities",
    batches.AccountKind.PAYABLE: "Liabilities",
    batches.AccountKind.ASSET: "Assets",
}


def render_hledger(batch: batches.Batch) -> tuple[batches.File, ...]:
    """Write a journal of hledger; raises JournalUnusable and CellUnusable."""
    names = _names(batch)
    content = "\n".join(_hledger(batch, names))
    return (batches.File(f"{batch.reference}.journal", f"{content}\n".encode()),)


def render_beancount(batch: batches.Batch) -> tuple[batches.File, ...]:
    """Write a ledger of Beancount; raises JournalUnusable and CellUnusable."""
    names = _names(batch)
    content = "\n".join(_beancount(batch, names))
    return (batches.File(f"{batch.reference}.beancount", f"{content}\n".encode()),)


def _hledger(batch: batches.Batch, names: dict[str, str]) -> Iterator[str]:
    yield f"; {_comment(batch.title)}, {_comment(batch.organization)}"
    for account in _accounts(batch):
        yield f"account {names[account.code]}  ; {_comment(account.path)}"
    for item in batch.items:
        amount = money.Money(item.amount_minor, batch.currency)
        yield ""
        yield f"{batch.dated_on} * ({batch.reference}-{item.number}) {_comment(item.memo)}"
        yield f"    ; transfer: {item.transfer}"
        yield f"    {names[item.debit.code]}  {amount.decimal_text} {batch.currency}"
        yield f"    {names[item.credit.code]}  {(-amount).decimal_text} {batch.currency}"
    yield ""
    yield f"{batch.dated_on} * ({batch.reference}) balances"
    for code, balance in _balances(batch).items():
        yield f"    {names[code]}  0 {batch.currency} = {balance.decimal_text} {batch.currency}"


def _beancount(batch: batches.Batch, names: dict[str, str]) -> Iterator[str]:
    yield f"; {_comment(batch.title)}, {_comment(batch.organization)}"
    for account in _accounts(batch):
        yield f"{batch.dated_on} open {names[account.code]} {batch.currency}"
        yield f'  name: "{_quoted(account.path)}"'
    for item in batch.items:
        amount = money.Money(item.amount_minor, batch.currency)
        yield ""
        yield f'{batch.dated_on} * "{batch.reference}-{item.number}" "{_quoted(item.memo)}"'
        yield f'  transfer: "{item.transfer}"'
        yield f"  {names[item.debit.code]}  {amount.decimal_text} {batch.currency}"
        yield f"  {names[item.credit.code]}  {(-amount).decimal_text} {batch.currency}"
    yield ""
    # Beancount looks at balances as a day begins.
    day_after = batch.dated_on + dt.timedelta(days=1)
    for code, balance in _balances(batch).items():
        yield f"{day_after} balance {names[code]}  {balance.decimal_text} {batch.currency}"


def _accounts(batch: batches.Batch) -> list[batches.Account]:
    found = {line.account.code: line.account for line in batch.lines()}
    return [found[code] for code in sorted(found)]


def _balances(batch: batches.Batch) -> dict[str, money.Money]:
    balances = {account.code: money.Money.zero(batch.currency) for account in _accounts(batch)}
    for line in batch.lines():
        balances[line.account.code] += line.signed
    return balances


def _names(batch: batches.Batch) -> dict[str, str]:
    """Name the accounts as both tools read them; raises JournalUnusable when two are alike."""
    names = {
        account.code: f"{_ROOTS[account.kind]}:{re.sub('[^A-Z0-9-]', '-', account.code.upper())}"
        for account in _accounts(batch)
    }
    if len(set(names.values())) < len(names):
        raise batches.JournalUnusable(
            f"Two account codes of {batch.reference} differ in their points or case alone, which "
            "plain text accounts do not tell apart. Rename one of them.",
            field="format",
        )
    return names


def _comment(text: str) -> str:
    """Return a text that ends neither the line nor the description."""
    cells.require(text)
    return re.sub(r" {2,}", " ", text.replace(";", ",").replace("|", "/"))


def _quoted(text: str) -> str:
    cells.require(text)
    return text.replace("\\", "\\\\").replace('"', '\\"')

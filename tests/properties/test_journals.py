"""A journal file says what its batch says, in every layout, to readers written from the layouts."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from decimal import Decimal

from beancount import loader
from beancount.core import data
from hypothesis import given, settings
from hypothesis import strategies as st

from gifting.domain.journals import batches, cells, formats
from tests.factories import journals
from tests.properties import journal_oracle

ACCOUNTS = [journals.GIFTS, journals.CONTRA, journals.PAYABLE]
TEXTS = st.text(st.sampled_from("=+-@'\"\\,;|:% aZ\u00e9\uff1d\U0001f381"), max_size=12)
PAIRS = st.sampled_from(
    [(debit, credit) for debit in ACCOUNTS for credit in ACCOUNTS if debit != credit]
)


@st.composite
def batch(draw: st.DrawFn) -> batches.Batch:
    transfers = draw(st.lists(st.uuids(), min_size=1, max_size=160, unique=True))
    few = draw(st.lists(st.tuples(PAIRS, TEXTS, st.integers(1, 10**11)), min_size=1, max_size=8))
    items = []
    for number, transfer in enumerate(transfers, start=1):
        (debit, credit), text, amount = few[number % len(few)]
        items.append(
            journals.make_item(
                number,
                amount + number,
                transfer=transfer,
                debit=debit,
                credit=credit,
                memo=text,
                tag=text,
                class_name=text,
                subsidiary="Lumen Ltd" if number % 2 else "",
            )
        )
    return journals.make_batch(*items)


@given(batch())
@settings(max_examples=25, deadline=None)
def test_every_layout_reads_back_as_the_batch(made: batches.Batch) -> None:
    told = {
        written_as: [file.content.decode() for file in formats.render(made, written_as)]
        for written_as in batches.Format
    }

    read = {
        "xero": journal_oracle.xero(told[batches.Format.XERO]),
        "quickbooks": _by_code(
            journal_oracle.two_columns(
                told[batches.Format.QBO][0],
                entry="Journal No.",
                account="Account Name",
                memo="Description",
                sides=["Debits", "Credits"],
            )
        ),
        "netsuite": _by_code(
            journal_oracle.two_columns(
                told[batches.Format.NETSUITE][0],
                entry="External ID",
                account="Account",
                memo="Line Memo",
                sides=["Debit", "Credit"],
            )
        ),
        "csv": journal_oracle.two_columns(
            told[batches.Format.CSV][0],
            entry="item",
            account="account_code",
            memo="memo",
            sides=["debit", "credit"],
        ),
        "json": journal_oracle.plain_json(told[batches.Format.JSON][0]),
        "hledger": journal_oracle.hledger(told[batches.Format.HLEDGER][0]),
    }

    wanted = _posted(made)
    assert {name: posted == wanted for name, posted in read.items()} == dict.fromkeys(read, True)


@given(batch())
@settings(max_examples=10, deadline=None)
def test_beancount_reads_its_file_without_a_complaint(made: batches.Batch) -> None:
    (file,) = formats.render(made, batches.Format.BEANCOUNT)

    entries, errors, _ = loader.load_string(file.content.decode())

    posted: journal_oracle.Posted = defaultdict(Decimal)
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for posting in entry.postings:
                assert posting.units is not None
                code = posting.account.split(":")[1]
                posted[entry.meta["transfer"], code] += Decimal(str(posting.units.number))
    assert errors == []
    assert dict(posted) == _posted(made)
    assert sum(isinstance(entry, data.Balance) for entry in entries) == len(
        {account.code for item in made.items for account in (item.debit, item.credit)}
    )


@given(batch())
@settings(max_examples=10, deadline=None)
def test_beancount_finds_an_amount_that_was_changed(made: batches.Batch) -> None:
    (file,) = formats.render(made, batches.Format.BEANCOUNT)
    lines = file.content.decode().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  transfer:"))
    for number, amount in ((first + 1, "7777777777777.77"), (first + 2, "-7777777777777.77")):
        account, _, currency = lines[number].split()
        lines[number] = f"  {account}  {amount} {currency}"

    _, errors, _ = loader.load_string("\n".join(lines))

    assert len(errors) == 2


@given(batch())
@settings(max_examples=25, deadline=None)
def test_no_cell_starts_a_formula(made: batches.Batch) -> None:
    spreadsheets = (
        batches.Format.XERO,
        batches.Format.QBO,
        batches.Format.NETSUITE,
        batches.Format.CSV,
    )

    found = [
        cell
        for written_as in spreadsheets
        for file in formats.render(made, written_as)
        for cell in journal_oracle.formulas(file.content.decode())
    ]

    assert found == []


@given(st.characters())
def test_a_letter_is_carried_or_refused(letter: str) -> None:
    made = journals.make_batch(journals.make_item(memo=f"a{letter}b"))
    is_control = unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}

    try:
        (file,) = formats.render(made, batches.Format.CSV)
    except cells.CellUnusable:
        assert is_control
    else:
        assert not is_control
        assert f"a{letter}b".encode() in file.content or letter == '"'


def _posted(made: batches.Batch) -> journal_oracle.Posted:
    """Work the batch out anew: every transfer debits one account and credits another."""
    posted: journal_oracle.Posted = {}
    for item in made.items:
        amount = Decimal(item.amount_minor) / 100
        posted[str(item.transfer), item.debit.code] = amount
        posted[str(item.transfer), item.credit.code] = -amount
    return posted


def _by_code(posted: journal_oracle.Posted) -> journal_oracle.Posted:
    """Find the account of a name; layouts without codes tell accounts by name."""
    codes = {account.path: account.code for account in ACCOUNTS}
    codes |= {f"{a.code} {a.path.replace(':', ' : ')}": a.code for a in ACCOUNTS}
    return {(transfer, codes[name]): amount for (transfer, name), amount in posted.items()}

"""What a file of the general ledger says, line by line, and what is set aside."""

from __future__ import annotations

import datetime as dt
import random

import pytest

from gifting.domain import general_ledger

START, END = dt.date(2026, 3, 1), dt.date(2026, 4, 1)


def read(
    *lines: str, header: str = "Date,Account,Amount,Currency,Reference,Memo"
) -> general_ledger.Read:
    content = "\n".join([header, *lines]).encode()
    return general_ledger.read(content, currency="USD", starts_on=START, ends_on=END)


def test_a_line_is_read_to_the_minor_unit() -> None:
    (line,) = read('2026-03-05,6420,"1,234.50",,S-1,"Mug, blue"').lines

    assert (line.number, line.account, line.amount_minor, line.currency) == (
        2,
        "6420",
        1_234_50,
        "USD",
    )
    assert (line.reference, line.memo) == ("S-1", "Mug, blue")


def test_debits_are_above_zero_and_credits_below() -> None:
    found = read(
        "2026-03-05,6420,12.00,",
        "2026-03-05,6420,,5.00",
        header="*Date,Account Code,Debit,Credit",
    )

    assert [line.amount_minor for line in found.lines] == [12_00, -5_00]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("05/03/2026,6420,1.00,USD,,", "date"),
        ("2026-02-30,6420,1.00,USD,,", "date"),
        ("2026-04-01,6420,1.00,USD,,", "date"),
        ("2026-03-05,,1.00,USD,,", "account"),
        ("2026-03-05,6420,1e308,USD,,", "amount"),
        ("2026-03-05,6420,NaN,USD,,", "amount"),
        ("2026-03-05,6420,1.005,USD,,", "amount"),
        ('2026-03-05,6420,"1,00",USD,,', "amount"),
        ("2026-03-05,6420,0,USD,,", "amount"),
        ("2026-03-05,6420,99999999999999999999,USD,,", "amount"),
        ("2026-03-05,6420,1.00,XYZ,,", "currency"),
        ("2026-03-05,6420,1.00,USD,a\0b,", "reference"),
        (f"2026-03-05,{'6' * 33},1.00,USD,,", "account"),
        ("2026-03-05", "account"),
    ],
)
def test_a_bad_line_is_set_aside_and_the_others_are_read(line: str, column: str) -> None:
    found = read(line, "2026-03-05,6420,1.00,USD,S-1,")

    (bad,) = found.rejected
    assert (bad.number, bad.column, len(found.lines)) == (2, column, 1)
    assert "\0" not in bad.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no column for: date, account, amount"),
        (b"Date,Account\n", "no column for: amount"),
        (b"Date,Account,Amount,Net amount\n", "Two columns may be the amount"),
        ("Date,Account,Amount\n\xe9".encode("latin-1"), "not UTF-8"),
        (b'Date,Account,Amount\n"' + b"x" * 200_000, "is no CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(general_ledger.FileUnusable, match=said):
        general_ledger.read(content, currency="USD", starts_on=START, ends_on=END)


def test_a_file_has_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(general_ledger, "MOST_LINES", 2)

    with pytest.raises(general_ledger.FileUnusable, match="more than 2 lines"):
        read(*["2026-03-05,6420,1.00,USD,,"] * 3)


def test_the_same_lines_in_another_order_have_the_same_fingerprint() -> None:
    lines = [f"2026-03-05,6420,{number}.00,USD,S-{number}," for number in range(9)]
    dice = random.Random(7)

    first, second = read(*lines), read(*dice.sample(lines, len(lines)))

    assert first.lines_sha256 == second.lines_sha256
    assert first.file_sha256 != second.file_sha256
    assert first.lines_sha256 != read(*lines[1:]).lines_sha256
    assert first.lines_sha256 != read(*lines, lines[3]).lines_sha256

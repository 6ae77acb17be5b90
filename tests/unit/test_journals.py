"""Each layout of a journal batch, against a file worked out by hand."""

from __future__ import annotations

import json

import pytest

from gifting.domain import refusals
from gifting.domain.journals import batches, cells, formats
from tests.factories import journals

MUG_ID = "00000000-0000-4000-8000-000000000001"
TEA_ID = "00000000-0000-4000-8000-000000000002"

# The mug: 12.34 from Payables to Gifts. The tea that came back: 100.00 the other way, from the
# contra-revenue account to Payables. The memo "=Tea, back" would be a formula on its own, so an
# apostrophe stands before it, and quotes around it for its comma.
XERO = f"""\
*Narration,*Date,Description,*AccountCode,*TaxRate,*Amount,TrackingName1,TrackingOption1,\
TrackingName2,TrackingOption2
Tribute TRB-000012 SPEND FY2026 P03 1/1,31/03/2026,Mug for Acme [{MUG_ID}],6420,Tax Exempt,12.34,,,,
Tribute TRB-000012 SPEND FY2026 P03 1/1,31/03/2026,Mug for Acme [{MUG_ID}],2000,Tax Exempt,\
-12.34,,,,
Tribute TRB-000012 SPEND FY2026 P03 1/1,31/03/2026,"'=Tea, back [{TEA_ID}]",2000,Tax Exempt,\
100.00,Class,ABM,,
Tribute TRB-000012 SPEND FY2026 P03 1/1,31/03/2026,"'=Tea, back [{TEA_ID}]",4090,Tax Exempt,\
-100.00,Class,ABM,,
"""
QBO = f"""\
Journal No.,Journal Date,Account Name,Description,Debits,Credits,Name,Class,Location
TRB-000012,03/31/2026,Marketing:Gifts,Mug for Acme [{MUG_ID}],12.34,,,,
TRB-000012,03/31/2026,Payables,Mug for Acme [{MUG_ID}],,12.34,Gift Shop,,
TRB-000012,03/31/2026,Payables,"'=Tea, back [{TEA_ID}]",100.00,,Gift Shop,ABM,
TRB-000012,03/31/2026,Customer gifts,"'=Tea, back [{TEA_ID}]",,100.00,,ABM,
"""
NETSUITE = f"""\
External ID,Date,Subsidiary,Currency,Memo,Account,Debit,Credit,Line Memo,Department,Class,Location
TRB-000012-1,03/31/2026,,USD,Tribute TRB-000012 SPEND FY2026 P03,6420 Marketing : Gifts,12.34,,\
Mug for Acme [{MUG_ID}],,,
TRB-000012-1,03/31/2026,,USD,Tribute TRB-000012 SPEND FY2026 P03,2000 Payables,,12.34,\
Mug for Acme [{MUG_ID}],,,
TRB-000012-1,03/31/2026,,USD,Tribute TRB-000012 SPEND FY2026 P03,2000 Payables,100.00,,\
"'=Tea, back [{TEA_ID}]",,ABM,
TRB-000012-1,03/31/2026,,USD,Tribute TRB-000012 SPEND FY2026 P03,4090 Customer gifts,,100.00,\
"'=Tea, back [{TEA_ID}]",,ABM,
"""
NEUTRAL = f"""\
journal,kind,period,date,item,transfer_id,account_code,account_name,debit,credit,currency,memo,tag,\
department,class,location,subsidiary,payee
TRB-000012,SPEND,FY2026 P03,2026-03-31,1,{MUG_ID},6420,Marketing:Gifts,12.34,,USD,Mug for Acme,\
S-1,,,,,Gift Shop
TRB-000012,SPEND,FY2026 P03,2026-03-31,1,{MUG_ID},2000,Payables,,12.34,USD,Mug for Acme,S-1,,,,\
,Gift Shop
TRB-000012,SPEND,FY2026 P03,2026-03-31,2,{TEA_ID},2000,Payables,100.00,,USD,"'=Tea, back",S-1,,\
ABM,,,Gift Shop
TRB-000012,SPEND,FY2026 P03,2026-03-31,2,{TEA_ID},4090,Customer gifts,,100.00,USD,"'=Tea,\
 back",S-1,,ABM,,,Gift Shop
"""
# Payables: -12.34 + 100.00 = 87.66.
HLEDGER = f"""\
; Tribute TRB-000012 SPEND FY2026 P03, lumen
account Liabilities:2000  ; Payables
account Income:4090  ; Customer gifts
account Expenses:6420  ; Marketing:Gifts

2026-03-31 * (TRB-000012-1) Mug for Acme
    ; transfer: {MUG_ID}
    Expenses:6420  12.34 USD
    Liabilities:2000  -12.34 USD

2026-03-31 * (TRB-000012-2) =Tea, back
    ; transfer: {TEA_ID}
    Liabilities:2000  100.00 USD
    Income:4090  -100.00 USD

2026-03-31 * (TRB-000012) balances
    Liabilities:2000  0 USD = 87.66 USD
    Income:4090  0 USD = -100.00 USD
    Expenses:6420  0 USD = 12.34 USD
"""
BEANCOUNT = f"""\
; Tribute TRB-000012 SPEND FY2026 P03, lumen
2026-03-31 open Liabilities:2000 USD
  name: "Payables"
2026-03-31 open Income:4090 USD
  name: "Customer gifts"
2026-03-31 open Expenses:6420 USD
  name: "Marketing:Gifts"

2026-03-31 * "TRB-000012-1" "Mug for Acme"
  transfer: "{MUG_ID}"
  Expenses:6420  12.34 USD
  Liabilities:2000  -12.34 USD

2026-03-31 * "TRB-000012-2" "=Tea, back"
  transfer: "{TEA_ID}"
  Liabilities:2000  100.00 USD
  Income:4090  -100.00 USD

2026-04-01 balance Liabilities:2000  87.66 USD
2026-04-01 balance Income:4090  -100.00 USD
2026-04-01 balance Expenses:6420  12.34 USD
"""
GOLDEN = {
    batches.Format.XERO: XERO.replace("\n", "\r\n"),
    batches.Format.QBO: QBO.replace("\n", "\r\n"),
    batches.Format.NETSUITE: NETSUITE.replace("\n", "\r\n"),
    batches.Format.CSV: NEUTRAL.replace("\n", "\r\n"),
    batches.Format.HLEDGER: HLEDGER,
    batches.Format.BEANCOUNT: BEANCOUNT,
}


@pytest.mark.parametrize("written_as", GOLDEN)
def test_a_batch_is_written_as_the_system_reads_it(written_as: batches.Format) -> None:
    (file,) = formats.render(journals.make_batch(), written_as)

    assert file.content.decode() == GOLDEN[written_as]
    assert file.name.startswith("TRB-000012")


def test_json_carries_whole_minor_units() -> None:
    (file,) = formats.render(journals.make_batch(), batches.Format.JSON)

    read = json.loads(file.content)
    assert [(item["transfer_id"], item["amount_minor"]) for item in read["items"]] == [
        (MUG_ID, "1234"),
        (TEA_ID, "10000"),
    ]
    assert read["items"][1]["credit"] == {"code": "4090", "name": "Customer gifts"}
    assert read["items"][1]["memo"] == "=Tea, back"


def test_xero_gets_at_most_300_lines_a_file_and_each_is_in_balance() -> None:
    items = [journals.make_item(number, number) for number in range(1, 301)]

    files = formats.render(journals.make_batch(*items), batches.Format.XERO)

    assert [file.name for file in files] == [
        "TRB-000012-xero-1of3.csv",
        "TRB-000012-xero-2of3.csv",
        "TRB-000012-xero-3of3.csv",
    ]
    assert [file.content.count(b"\r\n") for file in files] == [299, 299, 5]


def test_netsuite_keeps_subsidiaries_apart() -> None:
    batch = journals.make_batch(
        journals.make_item(1, subsidiary="Lumen Ltd"), journals.make_item(2, subsidiary="Lumen Inc")
    )

    (file,) = formats.render(batch, batches.Format.NETSUITE)

    rows = [line.split(",")[:3] for line in file.content.decode().splitlines()[1:]]
    assert rows == [
        ["TRB-000012-1", "03/31/2026", "Lumen Inc"],
        ["TRB-000012-1", "03/31/2026", "Lumen Inc"],
        ["TRB-000012-2", "03/31/2026", "Lumen Ltd"],
        ["TRB-000012-2", "03/31/2026", "Lumen Ltd"],
    ]


@pytest.mark.parametrize(
    ("written_as", "batch", "said"),
    [
        (batches.Format.XERO, journals.make_batch(currency="EUR"), "has no currency"),
        (batches.Format.QBO, journals.make_batch(currency="EUR"), "has no currency"),
        (
            batches.Format.XERO,
            journals.make_batch(journals.make_item(department="D", class_name="C", location="L")),
            "2 tracking categories",
        ),
        (batches.Format.QBO, journals.make_batch(journals.make_item(payee="")), "wants a name"),
        (
            batches.Format.NETSUITE,
            journals.make_batch(journals.make_item(amount_minor=10**12)),
            "does not fit",
        ),
        (
            batches.Format.NETSUITE,
            journals.make_batch(journals.make_item(amount_minor=1_001), currency="KWD"),
            "does not fit",
        ),
        (
            batches.Format.BEANCOUNT,
            journals.make_batch(
                journals.make_item(
                    debit=batches.Account("64.2", "A", "A", batches.AccountKind.PAYABLE),
                    credit=batches.Account("64-2", "B", "B", batches.AccountKind.PAYABLE),
                )
            ),
            "differ in their points",
        ),
    ],
)
def test_what_a_system_cannot_take_is_refused(
    written_as: batches.Format, batch: batches.Batch, said: str
) -> None:
    with pytest.raises(batches.JournalUnusable, match=said):
        formats.render(batch, written_as)


def test_netsuite_takes_its_largest_amount() -> None:
    batch = journals.make_batch(journals.make_item(amount_minor=10**12 - 1))

    (file,) = formats.render(batch, batches.Format.NETSUITE)

    assert b",9999999999.99,," in file.content


@pytest.mark.parametrize("written_as", batches.Format)
@pytest.mark.parametrize("memo", ["a\0b", "a\nb", "a\rb", "\ta", "a\x1bb", "a\u2028b"])
def test_control_characters_are_refused(written_as: batches.Format, memo: str) -> None:
    batch = journals.make_batch(journals.make_item(memo=memo))

    with pytest.raises(cells.CellUnusable):
        formats.render(batch, written_as)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\uff1d1", "'\uff1d1"),
        ("'quoted", "''quoted"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_no_text_starts_a_formula(given: str, written: str) -> None:
    assert cells.text(given) == written


def test_a_text_of_a_record_becomes_one_line() -> None:
    assert cells.clean("A\tmug\r\nfor \0 Acme", most=10) == "A mug for "


def test_an_item_moves_something() -> None:
    with pytest.raises(refusals.Invalid):
        journals.make_item(amount_minor=0)


def test_the_content_is_what_is_hashed_and_not_its_layout() -> None:
    one, other = journals.make_batch(), journals.make_batch(number=13)

    assert formats.content_sha256(one) == formats.content_sha256(journals.make_batch())
    assert formats.content_sha256(one) != formats.content_sha256(other)

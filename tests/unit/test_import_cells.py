"""Cells are read exactly or not at all."""

from __future__ import annotations

import io
import zoneinfo

import pytest

from integrations.domain import cells, columns, faults, fields, mappings, records
from tests.factories import files


@pytest.mark.parametrize(
    ("text", "style", "amount"),
    [
        ("1054", "", "105400"),
        ("1054.5", "", "105450"),
        ("0", "", "0"),
        ("0.00", "", "0"),
        (" 7 ", "", "700"),
        ("1054.500000", "", "105450"),
        ("92233720368547758.07", "", "9223372036854775807"),
        ("1,234,567.89", 'thousands = ","', "123456789"),
        ("1234567.89", 'thousands = ","', "123456789"),
        ("1.234.567,89", 'decimal = ","\nthousands = "."', "123456789"),
        ("1234,5", 'decimal = ","', "123450"),
        ("1'234.50", 'thousands = "\'"', "123450"),
        ("-", 'empty = ["-"]', cells.NULL),
        ("", "", cells.NULL),
    ],
)
def test_an_amount_is_exact(text: str, style: str, amount: str) -> None:
    assert _amount(text, style) == amount


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("1e308", ""),
        ("NaN", ""),
        ("Infinity", ""),
        ("1_000", ""),
        ("\uff11\uff12", ""),
        ("\u0661", ""),
        ("1,000", ""),
        ("1.005", ""),
        ("92233720368547758.08", ""),
        ("9" * 400, ""),
        ("-1", ""),
        ("(100)", ""),
        ("$100", ""),
        ("=1+1", ""),
        ("0x10", ""),
        ("1.", ""),
        (".5", ""),
        ("1,23", 'thousands = ","'),
        ("1,2345", 'thousands = ","'),
        ("1.23", 'decimal = ","'),
        ("1.234", 'decimal = ","'),
    ],
)
def test_what_is_no_exact_amount_is_a_fault(text: str, style: str) -> None:
    with pytest.raises(faults.Fault) as fault:
        _amount(text, style)

    assert fault.value.field == "amount"


def test_replacements_removals_and_transforms_follow_each_other() -> None:
    mapping = files.OPPORTUNITIES + (
        '[remove]\namount = ["$"]\n[transforms]\nowner = ["single_spaces", "title"]\n'
    )

    owner = _read(mapping, "owner", "  maya   lin ")

    assert owner == "Maya Lin"
    assert _read(mapping, "amount_minor", "$12.50") == "1250"
    assert _read(mapping, "product", "GTXPro") == "GTX Pro"


def test_a_cell_with_odd_characters_is_written_as_copy_reads_it() -> None:
    assert _read(files.OPPORTUNITIES, "owner", "a\tb\\c\nd") == r"a\tb\\c\nd"


def test_a_formula_stays_the_text_it_is() -> None:
    assert _read(files.OPPORTUNITIES, "owner", '=HYPERLINK("x")') == '=HYPERLINK("x")'


@pytest.mark.parametrize(
    ("zone", "pattern", "text", "opened", "closed"),
    [
        (
            "UTC",
            "ISO",
            "2024-03-31",
            "2024-03-31 00:00:00+00:00",
            "2024-03-31 23:59:59.999999+00:00",
        ),
        # The clock goes forward on this day: it has 23 hours.
        (
            "Europe/Berlin",
            "ISO",
            "2024-03-31",
            "2024-03-30 23:00:00+00:00",
            "2024-03-31 21:59:59.999999+00:00",
        ),
        (
            "Europe/Berlin",
            "%d.%m.%Y %H:%M",
            "31.12.2023 13:05",
            "2023-12-31 12:05:00+00:00",
            "2023-12-31 12:05:00+00:00",
        ),
        (
            "Asia/Tokyo",
            "ISO",
            "2024-01-01T00:00:00-05:00",
            "2024-01-01 05:00:00+00:00",
            "2024-01-01 05:00:00+00:00",
        ),
    ],
)
def test_times_stand_where_the_file_was_written(
    zone: str, pattern: str, text: str, opened: str, closed: str
) -> None:
    mapping = files.OPPORTUNITIES.replace(
        'date_formats = ["%Y-%m-%d", "ISO"]', f'date_formats = ["{pattern}"]\ntime_zone = "{zone}"'
    )

    assert _read(mapping, "opened_at", text) == opened
    assert _read(mapping, "closed_at", "Won", text) == closed


@pytest.mark.parametrize(
    "text",
    ["31/12/2024", "2024-02-30", "1899-12-31", "0001-01-01", "9999-12-31", "\uff12024-01-01"],
)
def test_what_is_no_date_of_business_is_a_fault(text: str) -> None:
    with pytest.raises(faults.Fault) as fault:
        _read(files.OPPORTUNITIES, "opened_at", text)

    assert fault.value.field == "opened_at"


def test_the_close_of_an_open_deal_is_a_hope() -> None:
    assert _read(files.OPPORTUNITIES, "closed_at", "Engaging", "2030-01-01") == cells.NULL


def test_a_sheet_answers_the_same_by_column_and_by_cell() -> None:
    """Plain columns pass whole; the same cells among odd ones are read one by one."""
    plain = [["x1", "Acme"], ["x2", "Betatech"]]
    odd = [*plain, [" x3", ""], ["x4", "a\\b"]]

    assert _convert(plain) == "2\tx1\tAcme\n3\tx2\tBetatech\n"
    assert _convert(odd) == "2\tx1\tAcme\n3\tx2\tBetatech\n4\tx3\t\\N\n5\tx4\ta\\\\b\n"


def test_the_first_fault_in_the_file_is_the_one_that_is_named() -> None:
    sheet = _sheet(files.OPPORTUNITIES, files.OPPORTUNITIES_HEADER.strip().split(","))

    block, rejections = sheet.convert(
        records.Batch(lines=[2], rows=[["", "x", "?", "?", "?", "?", "", ""]], rejections=[])
    )

    assert block == ""
    assert [(row.column, row.reason) for row in rejections] == [("id", "the cell is blank")]


def test_what_is_remembered_is_bounded() -> None:
    """Every cell is different and half of the rows are bad."""
    rows = "".join(
        f"{number},Account {number},{'Won' if number % 2 else f'Stage {number}'},,2024-03-31,"
        f"{number},Owner {number},Product {number}\n"
        for number in range(45_000)
    )
    reader = records.Records(io.StringIO(files.OPPORTUNITIES_HEADER + rows), delimiter=",")
    header = reader.header()
    assert isinstance(header, list)
    sheet = _sheet(files.OPPORTUNITIES, header)
    most = 0

    for batch in reader.batches():
        sheet.convert(batch)
        most = max(most, *(len(column._known) for column in sheet._columns))

    assert columns.MOST_REMEMBERED < most <= columns.MOST_REMEMBERED + records.BATCH_ROWS


def test_a_long_cell_is_not_remembered() -> None:
    sheet = _sheet(files.OPPORTUNITIES, files.OPPORTUNITIES_HEADER.strip().split(","))

    _, rejections = sheet.convert(
        records.Batch([2], [["1", "x" * 100_000, "Won", "", "", "", "", ""]], [])
    )

    assert [row.column for row in rejections] == ["account"]
    assert not any(column._known for column in sheet._columns if column.output.column == "account")


def _amount(text: str, style: str) -> str:
    mapping = files.OPPORTUNITIES.replace("[columns]", f"{style}\n[columns]")
    return _read(mapping, "amount_minor", text)


def _read(mapping: str, column: str, *texts: str) -> str:
    outputs = cells.outputs(
        mappings.read(mapping, kind=fields.Kind.OPPORTUNITIES),
        organization_zone=zoneinfo.ZoneInfo("UTC"),
    )
    [output] = [output for output in outputs if output.column == column]
    return output.read(*texts)


def _convert(rows: list[list[str]]) -> str:
    mapping = (
        'kind = "accounts"\nsource = "crm"\ncurrency = "USD"\n'
        '[columns]\nexternal_id = "id"\nname = "name"\n'
    )
    sheet = _sheet(mapping, ["id", "name"], kind=fields.Kind.ACCOUNTS)
    lines = list(range(2, 2 + len(rows)))
    block, rejections = sheet.convert(records.Batch(lines=lines, rows=rows, rejections=[]))
    assert rejections == []
    return block


def _sheet(
    text: str, header: list[str], kind: fields.Kind = fields.Kind.OPPORTUNITIES
) -> columns.Sheet:
    mapping = mappings.read(text, kind=kind)
    return columns.Sheet(
        cells.outputs(mapping, organization_zone=zoneinfo.ZoneInfo("UTC")),
        positions=mappings.bind(mapping, header),
        constants=mapping.constants,
        header=header,
        delimiter=",",
        has_broken_text=False,
    )

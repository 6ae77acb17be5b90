"""Cells of files: instants and amounts, read as people write them or refused by name."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from attribution.domain.files import amounts, faults, instants, results, sheets

UTC = instants.zone("UTC")
BERLIN = instants.zone("Europe/Berlin")


def sheet(**columns: pa.Array) -> sheets.Sheet:
    place = faults.Place(Path("made.csv"), tuple(columns), lambda row: f"line {row + 2}")
    return sheets.Sheet(columns, place, len(next(iter(columns.values()))))


def moments(cells: list[str], zone: str = "UTC") -> list[str]:
    found = instants.read(sheet(at=pa.array(cells)), "at", within=instants.zone(zone))
    assert found.fault is None
    epoch = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - printed without its zone
    return [str(epoch + dt.timedelta(microseconds=int(each))) for each in found.at]


@pytest.mark.parametrize(
    ("cell", "zone", "moment"),
    [
        ("2026-03-31", "UTC", "2026-03-31 23:59:59.999999"),
        ("2026-03-31", "Europe/Berlin", "2026-03-31 21:59:59.999999"),
        # The clock goes forward on this day, which has 23 hours.
        ("2026-03-29", "Europe/Berlin", "2026-03-29 21:59:59.999999"),
        (" 2026-03-31T14:05:00Z ", "Europe/Berlin", "2026-03-31 14:05:00"),
        ("2026-03-31 14:05:00", "UTC", "2026-03-31 14:05:00"),
        ("2026-03-31 14:05", "Europe/Berlin", "2026-03-31 12:05:00"),
        ("2026-03-31T14:05:00+02:00", "UTC", "2026-03-31 12:05:00"),
        ("2026-03-31T14:05:00-0330", "UTC", "2026-03-31 17:35:00"),
        ("2026-03-31T14:05:00.123456Z", "UTC", "2026-03-31 14:05:00.123456"),
        ("2026-03-31T14:05:00.123456789Z", "UTC", "2026-03-31 14:05:00.123456"),
        # The hour that comes twice: the first of the two.
        ("2026-10-25 02:30:00", "Europe/Berlin", "2026-10-25 00:30:00"),
        # Before the war Berlin's clock was an hour ahead; before 1893 it was 53 minutes and 28 s.
        ("1890-01-01 12:00:00", "Europe/Berlin", "1890-01-01 11:06:32"),
    ],
)
def test_instants_are_read_in_the_zone_asked_for(cell: str, zone: str, moment: str) -> None:
    assert moments([cell], zone) == [moment]


def test_one_column_may_mix_all_forms() -> None:
    cells = ["2026-03-31", "2026-03-31T10:00:00Z", "2026-03-31 10:00:00", "2026-03-31"]

    assert moments(cells, "America/New_York") == [
        "2026-04-01 03:59:59.999999",
        "2026-03-31 10:00:00",
        "2026-03-31 14:00:00",
        "2026-04-01 03:59:59.999999",
    ]


@pytest.mark.parametrize(
    "cell", ["yesterday", "2026-02-30", "31.03.2026", "2026-03-31T25:00:00Z", "2026-13-01", "1"]
)
def test_what_is_no_instant_is_named_with_its_row(cell: str) -> None:
    cells = pa.array(["2026-03-31", "", "2026-03-31T10:00:00Z", cell, "nor this"])

    found = instants.read(sheet(at=cells), "at", within=UTC)

    assert found.fault is not None
    assert (found.fault.row, found.fault.column) == (3, "at")
    assert found.is_given.tolist() == [True, False, True, True, True]


def test_parquet_knows_timestamps_and_dates() -> None:
    moment = dt.datetime(2026, 3, 31, 10, tzinfo=dt.UTC)
    day = dt.date(2026, 3, 31)
    texts = ["2026-03-31T10:00:00Z", ""]
    kinds = [
        pa.array([moment, None], pa.timestamp("ns", "America/New_York")),
        pa.array([moment.replace(tzinfo=None), None], pa.timestamp("ms")),
        pa.array(texts, pa.large_string()),
        pa.array(texts).dictionary_encode(),
    ]

    for column in kinds:
        found = instants.read(sheet(at=column), "at", within=BERLIN)
        assert found.at.tolist() == [1774951200000000, np.iinfo(np.int64).min]
    ends = instants.read(sheet(at=pa.array([day, None], pa.date32())), "at", within=BERLIN)
    assert ends.at.tolist() == [1774994399999999, np.iinfo(np.int64).min]


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(instants.ZoneUnknown):
        instants.zone(name)


def read_amounts(cells: pa.Array, exponent: int) -> amounts.Amounts:
    return amounts.read(
        sheet(amount=cells), "amount", np.full(len(cells), exponent, dtype=np.int64)
    )


@pytest.mark.parametrize(
    ("cell", "exponent", "minor"),
    [
        ("1234.56", 2, 123456),
        ("1234.5", 2, 123450),
        (" 1234 ", 2, 123400),
        ("-0.05", 2, -5),
        ("-0.00", 2, 0),
        ("0", 0, 0),
        ("700", 0, 700),
        ("700.00", 0, 700),
        ("1.001", 3, 1001),
        ("1.50000000000000000000000000", 2, 150),
        ("92233720368547758.07", 2, 2**63 - 1),
        ("-92233720368547758.08", 2, -(2**63)),
        ("9223372036854775807", 0, 2**63 - 1),
        ("9223372036854775.807", 3, 2**63 - 1),
        ("000000000000000000000000000001", 2, 100),
    ],
)
def test_amounts_are_whole_minor_units(cell: str, exponent: int, minor: int) -> None:
    found = read_amounts(pa.array([cell, ""]), exponent)

    assert found.fault is None
    assert (found.minor.tolist(), found.is_given.tolist()) == ([minor, 0], [True, False])


@pytest.mark.parametrize(
    ("cell", "exponent", "reason"),
    [
        ("1.005", 2, "more decimals than its currency has (2)"),
        ("1.5", 0, "more decimals than its currency has (0)"),
        ("92233720368547758.08", 2, "does not fit in 64 bits"),
        ("-9223372036854775809", 0, "does not fit in 64 bits"),
        ("1" + "0" * 50, 0, "does not fit in 64 bits"),
        ("1,000.00", 2, "is not an amount"),
        ("1e3", 2, "is not an amount"),
        ("$5", 2, "is not an amount"),
        ("NaN", 2, "is not an amount"),
        ("１２", 2, "is not an amount"),  # noqa: RUF001 - full-width digits
        (".5", 2, "is not an amount"),
        ("+5", 2, "is not an amount"),
        ("--5", 2, "is not an amount"),
    ],
)
def test_other_amounts_are_refused_with_their_row(cell: str, exponent: int, reason: str) -> None:
    found = read_amounts(pa.array(["1", cell, "nor this"]), exponent)

    assert found.fault is not None
    assert found.fault.row == 1
    assert reason in found.fault.what


def test_decimals_of_parquet_are_exact_and_floats_are_refused() -> None:
    texts = ["1234.560000000", "-0.000000001", None]
    decimals = pa.array(texts).cast(pa.decimal128(38, 9))

    found = read_amounts(decimals.filter(pa.array([True, False, True])), 2)
    too_fine = read_amounts(decimals, 2)

    assert (found.minor.tolist(), found.is_given.tolist()) == ([123456, 0], [True, False])
    assert too_fine.fault is not None
    assert too_fine.fault.row == 1
    with pytest.raises(faults.FileUnusable, match="floating-point numbers"):
        read_amounts(pa.array([1.5]), 2)


def test_currencies_are_numbered_by_name() -> None:
    found = amounts.read_currencies(
        sheet(currency=pa.array(["USD", "JPY", " USD", "KWD"])), "currency"
    )

    assert found.codes == ("JPY", "KWD", "USD")
    assert found.number.tolist() == [2, 0, 2, 1]
    assert found.exponent.tolist() == [2, 0, 2, 3]


@pytest.mark.parametrize("code", ["usd", "XXX", "", "DOLLAR"])
def test_an_unknown_currency_is_refused(code: str) -> None:
    found = amounts.read_currencies(sheet(currency=pa.array(["USD", code])), "currency")

    assert found.fault is not None
    assert (found.fault.row, found.fault.column) == (1, "currency")


def test_only_cells_that_would_break_a_line_are_quoted() -> None:
    cells = pa.array(["plain", "a,b", 'say "hi"', "two\nlines", "", " spaced "])

    assert results.quoted(cells).to_pylist() == [
        "plain",
        '"a,b"',
        '"say ""hi"""',
        '"two\nlines"',
        "",
        " spaced ",
    ]

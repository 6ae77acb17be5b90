"""What the API's scalars read and write: exactly, or not at all."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import strawberry
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st
from strawberry.schema.config import StrawberryConfig

from gifting.domain import money
from gifting.graphql import scalars

BERLIN = dt.timezone(dt.timedelta(hours=1))


@strawberry.type
class Query:
    @staticmethod
    def spent(of: scalars.MinorUnits, on: dt.date | None = None) -> scalars.Money:
        return scalars.money_of(money.Money(of, "KWD"))

    spend: scalars.Money = strawberry.field(resolver=spent)


SCHEMA = strawberry.Schema(Query, config=StrawberryConfig(scalar_map=scalars.SCALARS))


def test_money_is_shown_as_it_is_held() -> None:
    result = SCHEMA.execute_sync("{spend(of:-1234){amountMinor amount currency}}")

    assert result.errors is None
    assert result.data == {"spend": {"amountMinor": -1234, "amount": "-1.234", "currency": "KWD"}}


@pytest.mark.parametrize(
    ("minor", "written"),
    [
        (0, 0),
        (2**53 - 1, 2**53 - 1),
        (-(2**53) + 1, -(2**53) + 1),
        (2**53, "9007199254740992"),
        (-(2**63), "-9223372036854775808"),
    ],
)
def test_minor_units_are_a_number_while_every_reader_keeps_it_exact(
    minor: int, written: int | str
) -> None:
    assert scalars.write_minor_units(minor) == written


@given(st.integers(money.MIN_AMOUNT_MINOR, money.MAX_AMOUNT_MINOR))
def test_minor_units_come_back_as_they_went(minor: int) -> None:
    assert scalars.read_minor_units(scalars.write_minor_units(minor)) == minor


@pytest.mark.parametrize(
    "value",
    [
        True,
        1.0,
        2**63,
        -(2**63) - 1,
        "",
        "1.0",
        "1e3",
        "1_000",
        "\uff11\uff10\uff10",
        " 1",
        "+1",
        "9" * 20,
        None,
        [],
    ],
)
def test_what_is_no_whole_number_of_64_bits_is_refused(value: Any) -> None:
    with pytest.raises(GraphQLError):
        scalars.read_minor_units(value)


@pytest.mark.parametrize(
    ("value", "decimal"), [("1234.56", "1234.56"), ("-0.10", "-0.10"), (7, "7"), ("007", "7")]
)
def test_a_plain_decimal_is_read_exactly(value: Any, decimal: str) -> None:
    assert scalars.read_decimal(value) == Decimal(decimal)


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "sNaN",
        "Infinity",
        "1e3",
        "1,5",
        "\uff11.\uff15",
        "1_0.0",
        "1.",
        ".5",
        " 1",
        1.5,
        True,
        None,
    ],
)
def test_what_python_alone_takes_for_a_decimal_is_refused(value: Any) -> None:
    with pytest.raises(GraphQLError):
        scalars.read_decimal(value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-30",
        "20260228",
        "2026-2-28",
        "2026-W09-6",
        "\uff12\uff10\uff12\uff16-02-28",
        "2026-02-28T00:00:00",
        20260228,
        None,
    ],
)
def test_what_is_no_day_is_refused(value: Any) -> None:
    with pytest.raises(GraphQLError):
        scalars.read_date(value)


def test_a_day_is_read() -> None:
    assert scalars.read_date("2024-02-29") == dt.date(2024, 2, 29)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-02-28T09:30:00Z", dt.datetime(2026, 2, 28, 9, 30, tzinfo=dt.UTC)),
        ("2026-02-28T00:30:00+01:00", dt.datetime(2026, 2, 27, 23, 30, tzinfo=dt.UTC)),
        ("2026-02-28T09:30:00.25-00:00", dt.datetime(2026, 2, 28, 9, 30, 0, 250_000, dt.UTC)),
    ],
)
def test_a_moment_is_read_into_utc(text: str, moment: dt.datetime) -> None:
    assert scalars.read_date_time(text) == moment


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-28T09:30:00",
        "2026-02-28",
        "2026-02-28 09:30:00Z",
        "2026-02-28T24:00:00Z",
        "2026-02-28T09:30:60Z",
        "2026-02-28T09:30:00+25:00",
        "0001-01-01T00:00:00+14:00",
        "2026-02-28T09:30:00.1234567Z",
        1772271000,
        None,
    ],
)
def test_what_is_no_moment_is_refused(value: Any) -> None:
    with pytest.raises(GraphQLError):
        scalars.read_date_time(value)


def test_a_moment_is_written_in_utc_and_never_without_a_time_zone() -> None:
    moment = dt.datetime(2026, 2, 28, 9, 30, tzinfo=BERLIN)

    assert scalars.write_date_time(moment) == "2026-02-28T08:30:00Z"
    with pytest.raises(ValueError, match="time zone"):
        scalars.write_date_time(moment.replace(tzinfo=None))


def test_a_uuid_is_read_in_one_form_only() -> None:
    text = "3f2b8c1e-0d4a-4c55-9c6e-1f7a2b3c4d5e"

    assert scalars.read_uuid(text) == UUID(text)
    for other in (f"{{{text}}}", text.replace("-", ""), f"urn:uuid:{text}", "x", 1, None):
        with pytest.raises(GraphQLError):
            scalars.read_uuid(other)


def test_a_refused_value_is_shown_short_and_in_ascii() -> None:
    with pytest.raises(GraphQLError) as refused:
        scalars.read_date("\x1b[31m\uff11" * 1_000)

    assert refused.value.message.isascii()
    assert len(refused.value.message) < 150


@pytest.mark.parametrize(
    "query",
    [
        '{spend(of:"x"){amount}}',
        "{spend(of:1.5){amount}}",
        "{spend(of:true){amount}}",
        "{spend(of:[1]){amount}}",
        "{spend(of:" + "9" * 5_000 + "){amount}}",
        '{spend(of:1 on:"2026-02-30"){amount}}',
        "{spend(of:1 on:20260228){amount}}",
    ],
)
def test_a_bad_literal_fails_validation(query: str) -> None:
    result = SCHEMA.execute_sync(query)

    assert result.data is None
    assert result.errors
    assert result.errors[0].path is None

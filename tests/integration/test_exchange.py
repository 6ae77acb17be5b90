"""Rates are the last ones known, are never made up, and are kept with what they converted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction

from gifting import models
from gifting.domain import access, currencies, exchange, money, refusals
from gifting.services import exchange as services
from gifting.services import tenancy
from tests.factories import exchange as rates
from tests.factories import organizations

pytestmark = pytest.mark.django_db

FRIDAY = dt.date(2025, 3, 14)
MONDAY = dt.date(2025, 3, 17)
EUROS = {"USD": "1.0880", "JPY": "162.50", "GBP": "0.8400"}


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


def convert(amount: money.Money, to_currency: str, on: dt.date = FRIDAY) -> services.Converted:
    return services.convert(actor=rates.actor(), amount=amount, to_currency=to_currency, on=on)


def test_a_weekend_takes_fridays_rate_and_says_so() -> None:
    rates.make_reference_rates((FRIDAY, EUROS), (MONDAY, {"USD": "1.0900"}))
    sunday = FRIDAY + dt.timedelta(days=2)

    converted = convert(money.Money(100_00, "EUR"), "USD", sunday)

    kept = rates.kept(converted)
    assert converted.amount == money.Money(108_80, "USD")
    assert kept.reference_rate is not None
    assert (kept.asked_on, kept.used_on, kept.reference_rate.rate) == (
        sunday,
        FRIDAY,
        Decimal("1.0880"),
    )


def test_a_cross_rate_names_both_its_legs() -> None:
    """100.00 USD / 1.088 x 162.5 = 14935.66... yen."""
    rates.make_reference_rates((FRIDAY, EUROS))

    converted = convert(money.Money(100_00, "USD"), "JPY")

    kept = rates.kept(converted)
    assert converted.amount == money.Money(14936, "JPY")
    assert kept.reference_rate is not None
    assert kept.second_reference_rate is not None
    assert (kept.reference_rate.quote, kept.second_reference_rate.quote) == ("USD", "JPY")


def test_the_same_currency_needs_no_rate() -> None:
    assert convert(money.Money(5, "USD"), "USD").conversion_id is None


@pytest.mark.parametrize(
    ("quote", "on", "refusal"),
    [
        ("USD", FRIDAY + dt.timedelta(days=7), None),
        ("USD", FRIDAY + dt.timedelta(days=8), exchange.RateStale),
        ("USD", FRIDAY - dt.timedelta(days=1), exchange.RateMissing),
        ("AED", FRIDAY, exchange.RateMissing),
        ("XXX", FRIDAY, money.UnknownCurrency),
    ],
)
def test_a_rate_is_used_for_a_week_and_never_before_its_day(
    quote: str, on: dt.date, refusal: type[refusals.Refusal] | None
) -> None:
    rates.make_reference_rates((FRIDAY, EUROS))

    if refusal is None:
        assert convert(money.Money(1_00, "EUR"), quote, on).path.used_on == FRIDAY
    else:
        with pytest.raises(refusal):
            convert(money.Money(1_00, "EUR"), quote, on)
        assert models.Conversion.objects.count() == 0


def test_a_series_that_ended_is_refused_afterwards() -> None:
    end = dt.date(2025, 12, 31)
    rates.make_reference_rates(
        (end, {"BGN": "1.9558", "USD": "1.1"}), (dt.date(2026, 1, 8), {"USD": "1.2"})
    )

    assert convert(money.Money(1_00, "EUR"), "BGN", end).amount.amount_minor == 1_96
    with pytest.raises(exchange.RateStale, match="2025-12-31"):
        convert(money.Money(1_00, "USD"), "BGN", dt.date(2026, 1, 8))


def test_an_own_rate_wins_and_is_nobody_elses() -> None:
    rates.make_reference_rates((FRIDAY, EUROS))
    rates.make_own_rates(f"USD,EUR,SPOT,{FRIDAY},0.9")
    own = convert(money.Money(100_00, "EUR"), "USD").amount
    _sql("SELECT set_config('tribute.organization', '', true)")
    with tenancy.organization(organizations.make_organization().id):
        others = convert(money.Money(100_00, "EUR"), "USD").amount

    assert own == money.Money(111_11, "USD")
    assert others == money.Money(108_80, "USD")


def test_a_correction_is_a_newer_row_and_changes_no_conversion() -> None:
    rates.make_reference_rates((FRIDAY, EUROS))
    before = convert(money.Money(100_00, "EUR"), "USD")
    stored = models.Conversion.objects.values().get()

    corrected = rates.make_reference_rates((FRIDAY, {**EUROS, "USD": "1.2000"}))

    after = convert(money.Money(100_00, "EUR"), "USD")
    assert corrected.added == 1
    assert (before.amount.amount_minor, after.amount.amount_minor) == (108_80, 120_00)
    assert models.Conversion.objects.order_by("id").values()[0] == stored
    assert models.ReferenceRate.objects.filter(quote="USD").count() == 2


def test_the_same_file_adds_nothing_again() -> None:
    lines = f"USD,EUR,BUDGET,{FRIDAY},0.9"
    first = rates.make_own_rates(lines)
    again = rates.make_own_rates(lines)

    assert (first.is_new, first.added, again.is_new, again.added) == (True, 1, False, 0)
    assert models.OrganizationRate.objects.count() == 1


def test_bad_lines_are_put_aside_and_the_good_ones_kept() -> None:
    imported = rates.make_own_rates(
        f"USD,EUR,SPOT,{FRIDAY},0.9",
        f"USD,EUR,SPOT,{FRIDAY},0",
        f"USD,EUR,SPOT,{FRIDAY},-1",
        f"USD,EUR,SPOT,{FRIDAY},1e308",
        f"USD,EUR,SPOT,{FRIDAY},NaN",
        f"USD,EUR,SPOT,{FRIDAY},0.12345678901",
        f"USD,XXX,SPOT,{FRIDAY},1",
        f"USD,USD,SPOT,{FRIDAY},1",
        f"USD,EUR,MOON,{FRIDAY},1",
        "USD,EUR,SPOT,14.03.2025,1",
        "USD,EUR",
    )

    assert (imported.added, models.OrganizationRate.objects.count()) == (1, 1)
    assert [each["line"] for each in imported.quarantined] == list(range(3, 13))
    assert {each["code"] for each in imported.quarantined} == {
        "RATE_UNUSABLE",
        "UNKNOWN_CURRENCY",
        "RATE_FILE_UNUSABLE",
    }
    assert models.RateFile.objects.get().quarantined == list(imported.quarantined)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04broken", b"\xff\xfe", b"a,b\n1,2\n"])
def test_another_file_is_refused_whole(data: bytes) -> None:
    with pytest.raises(services.FileUnusable):
        services.import_own(actor=rates.actor(), source="x.csv", data=data)

    assert models.RateFile.objects.count() == 0


def test_rates_are_finances_to_import() -> None:
    maya = access.Actor.member(
        user_id=1,
        organization_id=organizations.here(),
        role=access.Role.MARKETING,
        cost_center_ids=(),
    )

    with pytest.raises(refusals.Forbidden):
        services.import_own(actor=maya, source="x.csv", data=b"base,quote,type,date,rate\n")

    assert models.RateFile.objects.count() == 0


def test_the_application_shares_no_rates() -> None:
    with pytest.raises(ProgrammingError), transaction.atomic():
        services.import_reference(source="ecb", data=b"Date,USD\n2025-03-14,1.1\n")

    assert models.ReferenceRate.objects.count() == 0


@pytest.mark.parametrize("table", ["gifting_referencerate", "gifting_referencefile"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET public_id = public_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
@pytest.mark.parametrize(
    ("role", "refusal"),
    [("tribute_app", "InsufficientPrivilege"), ("NONE", "IntegrityConstraintViolation")],
)
def test_shared_rates_are_history_for_everyone(
    table: str, statement: str, role: str, refusal: str
) -> None:
    rates.make_reference_rates((FRIDAY, EUROS))

    _sql("SET CONSTRAINTS ALL IMMEDIATE")
    _sql(f"SET LOCAL ROLE {role}")
    refused = _attempt(statement.format(table))
    _sql("SET LOCAL ROLE tribute_app")

    assert refused == refusal
    assert models.ReferenceRate.objects.count() == 3


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"to_amount_minor": "108_81"}, "conversion_is_what_its_rates_say"),
        ({"asked_on": "'2025-03-13'"}, "conversion_uses_rates_of_its_day"),
        ({"asked_on": "'2025-03-22'"}, "conversion_uses_rates_of_its_day"),
        ({"used_on": "'2025-03-13'"}, "conversion_names_the_day_it_used"),
        ({"to_currency": "'JPY'"}, "conversion_rates_lead_there"),
        ({"from_currency": "'GBP'"}, "conversion_rates_lead_there"),
        ({"rate_type": "'BUDGET'"}, "conversion_uses_rates_of_its_type"),
        ({"reference_rate_id": "NULL"}, "conversion_rates_lead_there"),
        ({}, ""),
    ],
)
def test_a_conversion_by_hand_meets_its_rule(change: dict[str, str], rule: str) -> None:
    rates.make_reference_rates((FRIDAY, EUROS))
    rate = models.ReferenceRate.objects.get(quote="USD")
    columns = {
        "organization_id": "current_organization()",
        "from_currency": "'EUR'",
        "from_amount_minor": "10000",
        "to_currency": "'USD'",
        "to_amount_minor": "10880",
        "rate_type": "'SPOT'",
        "asked_on": f"'{FRIDAY}'",
        "used_on": f"'{FRIDAY}'",
        "reference_rate_id": str(rate.pk),
        **{
            name: value.replace("_", "") if value[0].isdigit() else value
            for name, value in change.items()
        },
    }

    refused = _attempt(
        f"INSERT INTO gifting_conversion ({', '.join(columns)})"
        f" VALUES ({', '.join(columns.values())})"
    )

    assert refused == rule


def test_the_database_counts_decimals_and_days_as_the_product_does() -> None:
    exponents = dict(
        _sql(
            "SELECT code, currency_exponent(code) FROM unnest(ARRAY["
            + ", ".join(f"'{code}'" for code in currencies.EXPONENTS)
            + "]) AS code"
        )
    )
    days = {each: _sql(f"SELECT rate_days('{each}')")[0][0] for each in exchange.RateType}

    assert exponents == dict(currencies.EXPONENTS)
    assert days == dict(exchange.MOST_DAYS_OLD)


def _attempt(statement: str) -> str:
    try:
        with transaction.atomic():
            _sql(statement)
    except (IntegrityError, ProgrammingError, DatabaseError) as refused:
        cause: Any = refused.__cause__
        return str(cause.diag.constraint_name or type(cause).__name__)
    return ""


def _sql(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []

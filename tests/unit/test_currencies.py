"""Currencies: the written table against the data of py-moneyed and Unicode's CLDR."""

from __future__ import annotations

from babel.core import get_global
from babel.numbers import get_territory_currencies
from moneyed.classes import CURRENCIES

from gifting.domain import currencies

# Younger than the data of py-moneyed 3: the Caribbean guilder (2025) and Zimbabwe Gold (2024).
YOUNGER = {"XCG": 2, "ZWG": 2}


def test_exponents_equal_those_of_py_moneyed() -> None:
    ours = {code: 10**exponent for code, exponent in currencies.EXPONENTS.items()}

    theirs = {code: currency.sub_unit for code, currency in CURRENCIES.items() if code in ours}

    assert theirs == {code: unit for code, unit in ours.items() if code not in YOUNGER}
    assert {code: currencies.EXPONENTS[code] for code in YOUNGER} == YOUNGER


def test_every_currency_that_some_country_pays_in_is_in_the_table() -> None:
    countries = get_global("territory_currencies")

    in_use = {code for country in countries for code in get_territory_currencies(country)}

    assert len(in_use) > 150
    assert sorted(in_use - set(currencies.EXPONENTS)) == []


def test_the_well_known_exponents_are_right() -> None:
    known = {code: currencies.EXPONENTS[code] for code in ("JPY", "USD", "EUR", "KWD", "TND")}

    assert known == {"JPY": 0, "USD": 2, "EUR": 2, "KWD": 3, "TND": 3}


def test_withdrawn_currencies_stay_readable() -> None:
    assert {"BGN", "HRK"} <= currencies.WITHDRAWN
    assert currencies.EXPONENTS["HRK"] == 2
    assert "EUR" not in currencies.WITHDRAWN

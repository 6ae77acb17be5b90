"""Bad input to every mutation that takes money: a refusal with a stable code, and nothing changes.

The mutations are found in the schema: a new one fails here until it says what it accepts.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from gifting import models
from gifting.domain import access
from gifting.domain.ledger import PeriodStatus
from gifting.services import periods, tenancy
from tests.factories import checksums, organizations
from tests.functional import api, money_mutations
from tests.functional.money_mutations import Leaf

pytestmark = pytest.mark.django_db

STABLE = re.compile(r"[A-Z]+(_[A-Z0-9]+)*")
# What no reader takes for an amount, as it stands in the JSON of a request.
UNREADABLE_AMOUNTS = (
    "10.5",
    "1e308",
    "1e999",
    "10000000000000000000",
    "-10000000000000000000",
    "-9223372036854775809",
    '"1e3"',
    '"NaN"',
    '"\N{ARABIC-INDIC DIGIT ONE}"',
    '"12 "',
    '""',
    "true",
    "null",
    "[]",
    "{}",
)
UNREADABLE_DECIMALS = ("0.1", "1e308", '"1e3"', '"NaN"', '"Infinity"', "true", "{}")
UNKNOWN_CURRENCIES = ("ZZZ", "usd", "", "US", "USDX", "U\0D", "\N{EURO SIGN}")
# How many of them each place of an input is sent; the next place goes on with the others.
EACH = 4
NO_TEXTS = ("a\0b", "\ud800")
PLACE = "@here@"


@pytest.fixture
def cast() -> organizations.Cast:
    return organizations.make_cast()


def test_every_mutation_with_money_says_what_it_accepts() -> None:
    assert set(money_mutations.names()) == set(money_mutations.ACCEPTED)


@pytest.mark.parametrize("name", money_mutations.names())
def test_what_is_accepted_is_done(name: str, cast: organizations.Cast) -> None:
    given = _accepted(name, cast)
    before = checksums.by_table(cast.organization.id)

    codes = _codes(api.of_person(cast.ana), name, json.dumps(given))

    assert codes == []
    assert checksums.by_table(cast.organization.id) != before


@pytest.mark.parametrize("name", money_mutations.names())
def test_bad_input_is_refused_and_changes_nothing(name: str, cast: organizations.Cast) -> None:
    given = _accepted(name, cast)
    before = checksums.by_table(cast.organization.id)
    client = api.of_person(cast.ana)

    for place, text in _attacks(name, given):
        written = json.dumps(money_mutations.changed(given, place.path, PLACE))
        _assert_refused(client, name, written.replace(f'"{PLACE}"', text))

    assert checksums.by_table(cast.organization.id) == before


@pytest.mark.parametrize(
    "name", [each for each in money_mutations.names() if each not in money_mutations.TIMELESS]
)
def test_a_closed_period_takes_nothing(name: str, cast: organizations.Cast) -> None:
    given = _accepted(name, cast)
    actor = access.Actor.system(organization_id=cast.organization.id)
    with tenancy.organization(cast.organization.id):
        for period in models.FiscalPeriod.objects.exclude(status=PeriodStatus.CLOSED.value):
            periods.move(
                actor=actor, period_id=period.pk, status=PeriodStatus.CLOSED, reason="Year end"
            )
    before = checksums.by_table(cast.organization.id)

    _assert_refused(api.of_person(cast.ana), name, json.dumps(given))

    assert checksums.by_table(cast.organization.id) == before


def _attacks(name: str, given: dict[str, Any]) -> Iterator[tuple[Leaf, str]]:
    """List what to write where, as it stands in JSON; what is bad in one place goes around."""
    unreadable = itertools.cycle(UNREADABLE_AMOUNTS)
    decimals = itertools.cycle(UNREADABLE_DECIMALS)
    currencies = itertools.cycle(UNKNOWN_CURRENCIES)
    texts = itertools.cycle(NO_TEXTS)
    for place in money_mutations.leaves(name, given):
        if place.kind == money_mutations.MINOR:
            yield from ((place, text) for text in itertools.islice(unreadable, EACH))
            if name not in money_mutations.SIGNED:
                yield place, "-1"
        elif place.kind == money_mutations.DECIMAL:
            yield from ((place, text) for text in itertools.islice(decimals, EACH))
        elif place.path[-1] == "currency":
            yield from ((place, json.dumps(text)) for text in itertools.islice(currencies, EACH))
        elif place.kind == "String":
            yield place, json.dumps(next(texts))


def _accepted(name: str, cast: organizations.Cast) -> dict[str, Any]:
    with tenancy.organization(cast.organization.id):
        return money_mutations.ACCEPTED[name]()


def _assert_refused(client: api.Api, name: str, written: str) -> None:
    codes = _codes(client, name, written)

    assert codes, f"{name} took {written}"
    assert all(STABLE.fullmatch(code) and code != "INTERNAL_ERROR" for code in codes), written


def _codes(client: api.Api, name: str, written: str) -> list[str]:
    query = json.dumps(money_mutations.document(name))
    reply = client.post(f'{{"query": {query}, "variables": {{"input": {written}}}}}'.encode())
    if reply.codes:
        return reply.codes
    payload = (reply.body.get("data") or {}).get(name) or {}
    return [error["code"] for error in payload.get("userErrors", ())]

"""Generated periods are edited while nothing was posted, and their year never has a gap."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from gifting import models
from gifting.domain import fiscal, refusals
from gifting.selectors import fiscal as selectors
from gifting.services import calendars, tenancy
from tests.factories import ledger, organizations, sends

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


def _periods() -> list[tuple[int, str, dt.date, dt.date]]:
    rows = models.FiscalPeriod.objects.filter(fiscal_year=2025).order_by("starts_on")
    return [(row.number, row.name, row.starts_on, row.ends_on) for row in rows]


def _code(act: Callable[[], Any]) -> str:
    try:
        act()
    except refusals.Refusal as refusal:
        return refusal.code
    return ""


def test_a_boundary_moves_both_neighbors() -> None:
    march = sends.period_of(sends.DAY)

    calendars.move_boundary(actor=ledger.actor(), period_id=march.pk, ends_on=dt.date(2025, 4, 6))
    calendars.move_boundary(actor=ledger.actor(), period_id=march.pk, ends_on=dt.date(2025, 3, 30))

    number = march.number - 1
    assert _periods()[number][3] == _periods()[number + 1][2] == dt.date(2025, 3, 30)


@pytest.mark.parametrize("day", [dt.date(2025, 3, 1), dt.date(2025, 5, 1), dt.date(2024, 1, 1)])
def test_a_boundary_stays_between_its_periods(day: dt.date) -> None:
    march = sends.period_of(sends.DAY)
    before = _periods()

    refused = _code(
        lambda: calendars.move_boundary(actor=ledger.actor(), period_id=march.pk, ends_on=day)
    )

    assert (refused, _periods()) == ("BOUNDARY_UNUSABLE", before)


def test_a_period_is_split_and_merged_back() -> None:
    march = sends.period_of(sends.DAY)
    before = _periods()

    calendars.split(
        actor=ledger.actor(), period_id=march.pk, starts_on=sends.DAY, name="Late March"
    )
    halves = _periods()
    calendars.merge(actor=ledger.actor(), period_id=march.pk)

    assert [number for number, *_ in halves] == list(range(1, 14))
    assert halves[march.number][1:] == ("Late March", sends.DAY, before[march.number - 1][3])
    assert _periods() == before


def test_what_was_posted_to_keeps_its_days() -> None:
    ledger.make_commitment()
    march = sends.period_of(sends.DAY)
    before = _periods()

    codes = [
        _code(act)
        for act in (
            lambda: calendars.move_boundary(
                actor=ledger.actor(), period_id=march.pk, ends_on=dt.date(2025, 3, 30)
            ),
            lambda: calendars.split(
                actor=ledger.actor(), period_id=march.pk, starts_on=sends.DAY, name="Late"
            ),
            lambda: calendars.merge(actor=ledger.actor(), period_id=march.pk),
        )
    ]

    assert (codes, _periods()) == (["PERIOD_POSTED"] * 3, before)
    with pytest.raises(IntegrityError, match="posted to keeps its days"), transaction.atomic():
        models.FiscalPeriod.objects.filter(id=march.pk).update(ends_on=dt.date(2025, 3, 30))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gifting_fiscalperiod SET ends_on = ends_on - 1 WHERE number = 5",
        "DELETE FROM gifting_fiscalperiod WHERE number = 5",
    ],
)
def test_a_year_has_no_gap(statement: str) -> None:
    sends.period_of(sends.DAY)

    def tear() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="leave a gap"):
        tear()


def test_a_year_of_months_has_no_weeks_to_compare() -> None:
    sends.period_of(sends.DAY)

    refused = _code(
        lambda: selectors.compare_years(
            actor=ledger.actor(), fiscal_year=2025, mode=fiscal.Comparison.RESTATED
        )
    )

    assert refused == "UNKNOWN_FISCAL_PERIOD"

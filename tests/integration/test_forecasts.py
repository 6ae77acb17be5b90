"""Forecasts are never enforced, kept once submitted, and say what a period will have cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from gifting import models
from gifting.domain import refusals
from gifting.selectors import forecasts as selectors
from gifting.services import forecasts, tenancy
from tests.factories import ledger, organizations, planning

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


def _submit(version: models.ForecastVersion, key: str = "") -> str:
    try:
        forecasts.submit(
            actor=ledger.actor(),
            key=key or ledger.key(),
            version=version.public_id,
            at=organizations.NOON,
        )
    except refusals.Refusal as refusal:
        return refusal.code
    return ""


def test_the_estimate_at_completion_adds_what_is_still_planned() -> None:
    budget = ledger.make_budget(100_00)
    commitment = ledger.make_commitment(budget, 40_00)
    ledger.accrue(commitment, 10_00)
    ledger.invoice(commitment, 15_00)
    line = planning.make_line(budget=budget, planned=90_00, remaining=7_00)

    (estimate,) = selectors.estimates(actor=ledger.actor(), version=line.version.public_id)

    assert (estimate.actual_minor, estimate.accrued_minor, estimate.committed_minor) == (
        15_00,
        0,
        25_00,
    )
    assert estimate.eac_minor == 15_00 + 0 + 25_00 + 7_00


def test_a_forecast_below_what_is_spent_stops_nobody() -> None:
    budget = ledger.make_budget(100_00)
    planning.make_line(budget=budget, planned=1, remaining=0)

    ledger.commit((budget, 100_00))

    assert ledger.balances(budget).available == 0


def test_a_submitted_forecast_is_kept() -> None:
    line = planning.make_line()
    version = line.version

    assert [_submit(version, "once"), _submit(version, "once"), _submit(version)] == [
        "",
        "",
        "FORECAST_SUBMITTED",
    ]
    with pytest.raises(forecasts.ForecastSubmitted):
        planning.make_line(version, line.budget, planned=1)
    line.refresh_from_db()
    assert line.planned_minor == 50_00


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE gifting_forecastline SET planned_minor = 1", "forecast_line_is_open"),
        ("DELETE FROM gifting_forecastline", "forecast_line_is_open"),
        (
            "UPDATE gifting_forecastversion SET submitted_at = NULL",
            "forecast_version_is_submitted_once",
        ),
        ("UPDATE gifting_forecastversion SET name = 'x'", "InsufficientPrivilege"),
    ],
)
def test_nobody_changes_a_submitted_forecast(statement: str, rule: str) -> None:
    _submit(planning.make_line().version)

    assert _attempt(statement) == rule


def test_the_causes_of_a_variance_sum_to_it() -> None:
    dear, cheap = ledger.make_budget(100_00), ledger.make_budget(100_00)
    version = planning.make_line(budget=dear, planned=40_00, quantity=2).version
    planning.make_line(version, cheap, planned=30_00, quantity=3)
    for budget, amount in ((dear, 25_00), (cheap, 9_00), (cheap, 9_00)):
        ledger.record_fact(budget, amount)

    causes = selectors.explain(actor=ledger.actor(), version=version.public_id)

    assert causes.total_minor == 43_00 - 70_00
    # 3 gifts at the plan's average of 14.00 are 42.00; at plan prices 20.00 + 2 x 10.00.
    assert (causes.volume_minor, causes.mix_minor, causes.price_minor) == (-28_00, -2_00, 3_00)


def _attempt(statement: str) -> str:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except Exception as error:  # noqa: BLE001 - PostgreSQL's word is what the test is about
        cause: Any = error.__cause__
        return cause.diag.constraint_name or type(cause).__name__
    return ""

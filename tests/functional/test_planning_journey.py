"""A year is planned through the API: its calendar, periods, budgets, forecast and shared budget."""

from __future__ import annotations

from typing import Any

import pytest

from gifting import models
from gifting.domain import fiscal
from gifting.services import tenancy
from tests.factories import ledger, organizations, sends
from tests.functional import api
from tests.functional.money_mutations import id_of, money

pytestmark = pytest.mark.django_db

CHANGE = """mutation ($input: %s!) { %s(input: $input) {
    madeId userErrors { code field } } }"""
EDIT = """mutation ($input: %s!) { %s(input: $input) {
    fiscalPeriods { id name startsOn endsOn } userErrors { code field } } }"""
APPROVE = """mutation ($input: ApproveBudgetInput!) { approveBudget(input: $input) {
    budget { id name } userErrors { code field } } }"""
COMPARE = """query ($mode: FiscalComparisonMode!) {
    fiscalComparison(fiscalYear: 2024, mode: $mode) { mode fiscalYear before
        weeks { number startsOn beforeNumber beforeStartsOn } } }"""


def _ask(client: api.Api, document: str, mutation: str, /, **asked: Any) -> Any:
    return _reply(client, document, mutation, asked).data[mutation]


def _reply(client: api.Api, document: str, mutation: str, asked: dict[str, Any]) -> api.Reply:
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    return client.ask(document % (kind, mutation), {"input": asked})


def _refused(answer: Any) -> list[tuple[str, str]]:
    return [(each["code"], each["field"]) for each in answer["userErrors"]]


def test_periods_are_generated_and_edited() -> None:
    cast = organizations.make_cast()
    femi, maya = api.of_person(cast.femi), api.of_person(cast.maya)

    year = _ask(femi, EDIT, "generateFiscalYear", fiscalYear=2031)["fiscalPeriods"]
    again = _ask(femi, EDIT, "generateFiscalYear", fiscalYear=2031)["fiscalPeriods"]
    first, second = year[0]["id"], year[1]["id"]
    moved = _ask(femi, EDIT, "moveFiscalBoundary", fiscalPeriodId=first, endsOn="2031-02-03")
    named = _ask(femi, EDIT, "renameFiscalPeriod", fiscalPeriodId=first, name="Kick-off")
    split = _ask(
        femi,
        EDIT,
        "splitFiscalPeriod",
        fiscalPeriodId=second,
        startsOn="2031-02-15",
        name="Late February",
    )["fiscalPeriods"]
    merge = {"fiscalPeriodId": second, "takenPeriodId": split[1]["id"]}
    merged = _ask(femi, EDIT, "mergeFiscalPeriods", **merge)
    refused: dict[str, Any] = {
        "merged again": _refused(_ask(femi, EDIT, "mergeFiscalPeriods", **merge)),
        "another follows": _refused(
            _ask(
                femi,
                EDIT,
                "mergeFiscalPeriods",
                fiscalPeriodId=first,
                takenPeriodId=year[5]["id"],
            )
        ),
        "beyond": _refused(
            _ask(
                femi,
                EDIT,
                "moveFiscalBoundary",
                fiscalPeriodId=first,
                endsOn="2031-12-01",
            )
        ),
        "no year": _refused(_ask(femi, EDIT, "generateFiscalYear", fiscalYear=3000)),
        "no role": _reply(maya, EDIT, "generateFiscalYear", {"fiscalYear": 2040}).codes,
    }

    assert (len(year), again) == (12, year)
    assert moved["fiscalPeriods"][0]["endsOn"] == "2031-02-03"
    assert named["fiscalPeriods"][0]["name"] == "Kick-off"
    assert [(each["startsOn"], each["endsOn"]) for each in split] == [
        ("2031-02-03", "2031-02-15"),
        ("2031-02-15", "2031-03-01"),
    ]
    assert merged["fiscalPeriods"][0]["endsOn"] == "2031-03-01"
    assert refused == {
        "merged again": [("NOT_FOUND", "takenPeriodId")],
        "another follows": [("BOUNDARY_UNUSABLE", "takenPeriodId")],
        "beyond": [("BOUNDARY_UNUSABLE", "endsOn")],
        "no year": [("FISCAL_YEAR_OUT_OF_RANGE", "fiscalYear")],
        "no role": ["FORBIDDEN"],
    }
    with tenancy.organization(cast.organization.id):
        kept = models.FiscalPeriod.objects.filter(fiscal_year__gte=2031)
        assert list(kept.values_list("number", flat=True)) == list(range(1, 13))


def test_a_budget_with_a_scope_is_approved_planned_and_shared() -> None:
    cast = organizations.make_cast()
    femi, maya = api.of_person(cast.femi), api.of_person(cast.maya)
    with tenancy.organization(cast.organization.id):
        asked: dict[str, Any] = {
            "name": "EMEA",
            "amount": money(500_00),
            "costCenterId": id_of("CostCenter", organizations.root_cost_center().public_id),
            "fiscalPeriodId": id_of("FiscalPeriod", sends.period_of(ledger.DAY).public_id),
            "scope": [{"kind": "REGION", "code": "EMEA"}],
        }

    unknown = femi.ask(APPROVE, {"input": asked}).data["approveBudget"]
    for _ in range(2):
        _ask(femi, CHANGE, "nameBudgetDimension", kind="REGION", code="EMEA")
    approved = femi.ask(APPROVE, {"input": asked}).data["approveBudget"]
    twice = femi.ask(APPROVE, {"input": asked}).data["approveBudget"]
    version = _ask(femi, CHANGE, "beginForecast", name="Q1")["madeId"]
    line = {
        "forecastVersionId": version,
        "budgetId": approved["budget"]["id"],
        "planned": money(400_00),
        "quantity": 8,
    }
    for remaining in (90_00, 75_00):
        planned = _ask(femi, CHANGE, "planForecast", **line, remaining=money(remaining))
    below = _ask(femi, CHANGE, "planForecast", **line, remaining=money(-1))
    shared = _ask(femi, CHANGE, "createSharedBudget", name="One plan", currency="USD")
    refused: list[Any] = [
        _refused(_ask(femi, CHANGE, "beginForecast", name="Q1")),
        _refused(_ask(femi, CHANGE, "createSharedBudget", name="One plan", currency="USD")),
        _reply(maya, CHANGE, "beginForecast", {"name": "Q2"}).codes,
    ]

    assert _refused(unknown) == [("UNKNOWN_DIMENSION_VALUE", "scope")]
    assert _refused(twice) == [("BUDGET_EXISTS", "fiscalPeriodId")]
    assert _refused(planned) == []
    assert _refused(below) == [("FORECAST_NEGATIVE", "planned")]
    assert refused == [
        [("FORECAST_EXISTS", "name")],
        [("SHARED_BUDGET_EXISTS", "name")],
        ["FORBIDDEN"],
    ]
    with tenancy.organization(cast.organization.id):
        kept = models.ForecastLine.objects.get()
        assert (kept.planned_minor, kept.remaining_minor) == (400_00, 75_00)
        assert models.Budget.objects.get().scope == [models.DimensionValue.objects.get().pk]
        assert str(models.SharedBudget.objects.get().public_id) == shared["madeId"]
        assert models.ForecastVersion.objects.count() == 1


def test_years_of_weeks_are_compared_by_the_mode_that_is_asked_for() -> None:
    """The retail year 2023 has 53 weeks: from 29 January 2023; 2024 from 4 February 2024."""
    ana, femi = (api.of_person(each) for each in _retailer())

    for year in (2023, 2024):
        _ask(femi, EDIT, "generateFiscalYear", fiscalYear=year)
    calendar = {"name": "Retail", "kind": "W454", "startMonth": 2, "label": "START"}
    made = _ask(ana, CHANGE, "createFiscalCalendar", **calendar)
    refused: list[Any] = [
        _refused(_ask(ana, CHANGE, "createFiscalCalendar", **calendar)),
        _refused(_ask(ana, CHANGE, "createFiscalCalendar", **calendar | {"startMonth": 13})),
        _reply(femi, CHANGE, "createFiscalCalendar", calendar | {"name": "Mine"}).codes,
    ]
    beside = _ask(
        femi, EDIT, "generateFiscalYear", fiscalYear=2024, fiscalCalendarId=made["madeId"]
    )
    shown = {
        mode: femi.ask(COMPARE, {"mode": mode}).data["fiscalComparison"]
        for mode in ("RESTATED", "UNRESTATED")
    }

    assert refused == [
        [("CALENDAR_EXISTS", "name")],
        [("CALENDAR_UNUSABLE", "startMonth")],
        ["FORBIDDEN"],
    ]
    assert beside["fiscalPeriods"][0]["startsOn"] == "2024-02-04"
    restated, unrestated = shown["RESTATED"], shown["UNRESTATED"]
    assert (restated["mode"], restated["fiscalYear"], restated["before"]) == (
        "RESTATED",
        2024,
        2023,
    )
    assert [each["weeks"][-1]["beforeNumber"] for each in (restated, unrestated)] == [53, 53]
    assert restated["weeks"][:2] == [
        {
            "number": None,
            "startsOn": None,
            "beforeNumber": 1,
            "beforeStartsOn": "2023-01-29",
        },
        {
            "number": 1,
            "startsOn": "2024-02-04",
            "beforeNumber": 2,
            "beforeStartsOn": "2023-02-05",
        },
    ]
    assert unrestated["weeks"][0] == {
        "number": 1,
        "startsOn": "2024-02-04",
        "beforeNumber": 1,
        "beforeStartsOn": "2023-01-29",
    }


def _retailer() -> tuple[Any, Any]:
    """Return who administers and who approves for a company with the retail calendar."""
    cast = organizations.make_cast()
    with tenancy.organization(cast.organization.id):
        models.FiscalCalendar.objects.update(
            kind=fiscal.Kind.W454.value,
            start_month=2,
            week_ends_on=fiscal.Weekday.SATURDAY.value,
            year_end_rule=fiscal.YearEndRule.NEAREST.value,
            label=fiscal.Label.START.value,
        )
    return cast.ana, cast.femi

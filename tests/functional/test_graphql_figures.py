"""The figures of the API: what they stand on, and that no cent is lost in any cut."""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from attribution import models as attribution
from attribution.domain import multitouch, returns
from attribution.services import runs
from gifting import models
from gifting.domain import access, lifecycle
from gifting.selectors import organizations as organization_records
from gifting.selectors import spend
from gifting.services import tenancy
from tests.factories import opportunities, organizations, sends
from tests.functional import api

AT = organizations.NOON + dt.timedelta(days=30)
SHIPPED = (lifecycle.State.SHIPPED, lifecycle.State.DELIVERED)


@pytest.fixture
def company(db: None) -> organization_records.OrganizationRecord:
    return make_company()


def make_company() -> organization_records.OrganizationRecord:
    """Two deals of 1,000.00 and 500.01 that gifts touched, and one of 200.00 that nothing touched.

    Spring sent gifts for 30.00 + 3.50 to the first and 20.00 to the second; autumn 10.00 to the
    first. By LINEAR the first deal gives 500.00 to each, the second all of it to spring: spring
    1,000.01, autumn 500.00, unattributed 200.00.
    """
    organization = organizations.make_organization(is_synthetic=True)
    with tenancy.organization(organization.id):
        spring = sends.make_campaign(
            "spring", name="Spring", cost_center=organizations.make_cost_center("field")
        )
        autumn = sends.make_campaign(
            "autumn", name="Autumn", cost_center=organizations.make_cost_center("office")
        )
        sends.make_campaign("unused", name="Unused")
        sends.make_budget(campaign=spring, amount_minor=100_00)
        first = opportunities.make_account("first")
        second = opportunities.make_account("second")
        opportunities.make_opportunity(account=first, amount_minor=1_000_00)
        opportunities.make_opportunity(account=second, amount_minor=500_01)
        opportunities.make_opportunity(amount_minor=200_00)
        gift(spring, "first", ITEM=30_00, SHIPPING=3_50)
        gift(spring, "second", ITEM=20_00)
        gift(autumn, "first", ITEM=10_00)
    attribute(organization)
    return organization


def attribute(organization: organization_records.OrganizationRecord) -> None:
    runs.run(
        actor=access.Actor.system(organization_id=organization.id),
        models_to_run=multitouch.STANDARD,
        at=AT,
    )


def gift(campaign: models.Campaign, account: str, **costs: int) -> None:
    send = sends.make_send(
        campaign=campaign,
        account_reference=account,
        states=SHIPPED,
        at=organizations.NOON - dt.timedelta(days=10),
    )
    for component, amount_minor in costs.items():
        sends.make_cost_line(send, amount_minor, component=models.sends.Component[component])


def minor(money: dict[str, Any]) -> int:
    return int(money["amountMinor"])


SPEND = """
    query ($dimension: SpendDimension, $cut: Cut, $currency: String) {
        spend(groupBy: $dimension, cut: $cut, currency: $currency) {
            basis { basis model asOf isSynthetic freshness { dataThrough ageSeconds } }
            formula { id text unit }
            total { amountMinor amount currency }
            slices { id label amount { amountMinor } } } }
"""


def test_spend_says_what_it_stands_on(company: organization_records.OrganizationRecord) -> None:
    figure = api.of_token(company).ask(SPEND).data["spend"]

    assert figure["total"] == {"amountMinor": 63_50, "amount": "63.50", "currency": "USD"}
    assert figure["slices"] == []
    assert figure["formula"] == {
        "id": "SPEND_LANDED",
        "text": (
            "sum of the changes of all cost components: item, personalization, packaging, "
            "handling, shipping, duty, fee and tax, less refunds, plus what was lost when credits "
            "died"
        ),
        "unit": "minor units of the currency",
    }
    basis = figure["basis"]
    assert (basis["basis"], basis["model"], basis["isSynthetic"]) == ("ACCRUAL", None, True)
    moments = [
        dt.datetime.fromisoformat(text)
        for text in (basis["freshness"]["dataThrough"], basis["asOf"])
    ]
    assert moments == sorted(moments)
    assert basis["freshness"]["ageSeconds"] == int((moments[1] - moments[0]).total_seconds())


@pytest.mark.parametrize(
    ("dimension", "labels"),
    [
        ("CAMPAIGN", ["Spring", "Autumn"]),
        ("VENDOR", ["Gift Shop", "Gift Shop", "Gift Shop"]),
        ("COST_CENTER", ["Field marketing", "Field marketing"]),
        ("FISCAL_PERIOD", ["P03"]),
        ("COMPONENT", ["ITEM", "SHIPPING"]),
    ],
)
def test_slices_of_spend_add_up_to_its_total(
    company: organization_records.OrganizationRecord, dimension: str, labels: list[str]
) -> None:
    figure = api.of_token(company).ask(SPEND, {"dimension": dimension}).data["spend"]

    slices = figure["slices"]
    assert [each["label"].removeprefix("FY2025 ") for each in slices] == labels
    assert sum(minor(each["amount"]) for each in slices) == minor(figure["total"]) == 63_50
    assert all((each["id"] is None) is (dimension == "COMPONENT") for each in slices)


def test_a_slice_leads_to_its_record(company: organization_records.OrganizationRecord) -> None:
    caller = api.of_token(company)
    slices = caller.ask(SPEND, {"dimension": "CAMPAIGN"}).data["spend"]["slices"]

    found = caller.ask(
        "query ($id: ID!) { node(id: $id) { ... on Campaign { name } } }", {"id": slices[0]["id"]}
    )

    assert found.data == {"node": {"name": "Spring"}}


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ({"fiscalYear": 2025}, 63_50),
        ({"fiscalYear": 2024}, 0),
        ({"quarter": 1}, 63_50),
        ({"quarter": 2}, 0),
        ({"campaignIds": []}, 63_50),
    ],
)
def test_spend_can_be_cut(
    company: organization_records.OrganizationRecord, cut: dict[str, Any], expected: int
) -> None:
    figure = api.of_token(company).ask(SPEND, {"cut": cut}).data["spend"]

    assert minor(figure["total"]) == expected


def test_spend_can_be_cut_to_a_campaign(company: organization_records.OrganizationRecord) -> None:
    caller = api.of_token(company)
    slices = caller.ask(SPEND, {"dimension": "CAMPAIGN"}).data["spend"]["slices"]

    figure = caller.ask(SPEND, {"cut": {"campaignIds": [slices[1]["id"]]}}).data["spend"]

    assert minor(figure["total"]) == 10_00


def test_spend_of_another_currency_is_nothing(
    company: organization_records.OrganizationRecord,
) -> None:
    figure = api.of_token(company).ask(SPEND, {"currency": "JPY"}).data["spend"]

    assert figure["total"] == {"amountMinor": 0, "amount": "0", "currency": "JPY"}
    assert figure["basis"]["freshness"] == {"dataThrough": None, "ageSeconds": None}


@pytest.mark.parametrize("figure", ["spend", "attribution(model: LINEAR,", "roi(model: LINEAR,"])
def test_an_unknown_currency_is_refused(
    company: organization_records.OrganizationRecord, figure: str
) -> None:
    opened = figure if "(" in figure else f"{figure}("

    reply = api.of_token(company).ask(f'{{ {opened} currency: "usd") {{ __typename }} }}')

    assert reply.codes == ["UNKNOWN_CURRENCY"]


def test_costs_that_arrive_meanwhile_do_not_part_a_total_from_its_slices(
    committed_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = make_company()
    caller = api.of_token(company)
    by = spend.by

    def add_a_cost() -> None:
        with tenancy.organization(company.id):
            sends.make_cost_line(sends.make_send(), 99_00)
        connection.close()

    def by_after_another_cost(**asked: Any) -> Any:
        other = threading.Thread(target=add_a_cost)
        other.start()
        other.join()
        return by(**asked)

    monkeypatch.setattr(spend, "by", by_after_another_cost)
    during = caller.ask(SPEND, {"dimension": "CAMPAIGN"}).data["spend"]
    after = caller.ask(SPEND).data["spend"]

    assert minor(during["total"]) == sum(minor(each["amount"]) for each in during["slices"])
    assert (minor(during["total"]), minor(after["total"])) == (63_50, 162_50)


ATTRIBUTION = """
    query ($model: AttributionModel!, $dimension: AttributionDimension, $cut: Cut) {
        attribution(model: $model, groupBy: $dimension, cut: $cut) {
            basis { basis model asOf isSynthetic freshness { dataThrough } }
            formula { id text unit }
            run { id model ruleVersion lookbackDays asOf finishedAt digest isCurrent
                  totals { wonRevenue { amountMinor } } }
            wonRevenue { amountMinor } attributed { amountMinor } unattributed { amountMinor }
            slices { id label credit { amountMinor } touchCount isUnattributed } } }
"""


def test_attribution_says_what_it_stands_on(
    company: organization_records.OrganizationRecord,
) -> None:
    figure = api.of_token(company).ask(ATTRIBUTION, {"model": "LINEAR"}).data["attribution"]

    assert figure["basis"] == {
        "basis": "CLOSED_IN_PERIOD",
        "model": "LINEAR",
        "asOf": "2025-04-13T12:00:00Z",
        "isSynthetic": True,
        "freshness": {"dataThrough": "2025-04-13T12:00:00Z"},
    }
    assert figure["formula"] == {
        "id": "LINEAR_1",
        "text": "amount / n to each of the n touches in the look-back",
        "unit": "minor units of the currency",
    }
    run = figure["run"]
    assert (run["model"], run["ruleVersion"], run["lookbackDays"], run["isCurrent"]) == (
        "LINEAR",
        1,
        180,
        True,
    )
    assert run["asOf"] == run["finishedAt"] == "2025-04-13T12:00:00Z"
    assert len(run["digest"]) == 64
    assert run["totals"] == [{"wonRevenue": {"amountMinor": 1_700_01}}]


def test_linear_credit_is_what_one_works_out_by_hand(
    company: organization_records.OrganizationRecord,
) -> None:
    asked = {"model": "LINEAR", "dimension": "CAMPAIGN"}

    figure = api.of_token(company).ask(ATTRIBUTION, asked).data["attribution"]

    assert [
        (each["label"], minor(each["credit"]), each["touchCount"], each["isUnattributed"])
        for each in figure["slices"]
    ] == [
        ("Spring", 1_000_01, 2, False),
        ("Autumn", 500_00, 1, False),
        ("(unattributed)", 200_00, 0, True),
    ]


@pytest.mark.parametrize("model", multitouch.STANDARD)
@pytest.mark.parametrize(
    "dimension", ["CAMPAIGN", "CHANNEL", "VENDOR", "COST_CENTER", "FISCAL_PERIOD"]
)
def test_slices_of_credit_add_up_to_won_revenue(
    company: organization_records.OrganizationRecord, model: str, dimension: str
) -> None:
    asked = {"model": model, "dimension": dimension}

    figure = api.of_token(company).ask(ATTRIBUTION, asked).data["attribution"]

    slices = figure["slices"]
    credit = sum(minor(each["credit"]) for each in slices if not each["isUnattributed"])
    unattributed = sum(minor(each["credit"]) for each in slices if each["isUnattributed"])
    assert credit == minor(figure["attributed"]) == 1_500_01
    assert unattributed == minor(figure["unattributed"]) == 200_00
    assert credit + unattributed == minor(figure["wonRevenue"]) == 1_700_01


def test_a_sender_gets_the_credit_of_other_teams_as_one_slice(
    company: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(company.id):
        field = models.CostCenter.objects.get(code="field")
    maya = organizations.make_member(
        "maya-of-the-field",
        organization=company,
        role=access.Role.MARKETING,
        cost_center_id=field.pk,
    )
    asked = {"model": "LINEAR", "dimension": "CAMPAIGN"}

    figure = api.of_person(maya).ask(ATTRIBUTION, asked).data["attribution"]

    slices = [(each["label"], minor(each["credit"]), each["id"]) for each in figure["slices"]]
    assert [each[:2] for each in slices] == [
        ("Spring", 1_000_01),
        ("(other cost centers)", 500_00),
        ("(unattributed)", 200_00),
    ]
    assert slices[1][2] is None
    assert sum(each[1] for each in slices) == minor(figure["wonRevenue"])


def test_a_period_in_which_nothing_closed_has_no_revenue(
    company: organization_records.OrganizationRecord,
) -> None:
    asked = {"model": "LINEAR", "cut": {"quarter": 4}}

    figure = api.of_token(company).ask(ATTRIBUTION, asked).data["attribution"]

    assert [minor(figure[name]) for name in ("wonRevenue", "attributed", "unattributed")] == [0] * 3


@pytest.mark.django_db
def test_without_a_run_there_is_no_figure() -> None:
    caller = api.of_token(organizations.make_organization())

    replies = [
        caller.ask(f"{{ {figure}(model: LINEAR) {{ __typename }} }}")
        for figure in ("attribution", "roi")
    ]

    assert [reply.codes for reply in replies] == [["NO_ATTRIBUTION_RUN"]] * 2


ROI = """
    query ($cut: Cut) {
        roi(model: LINEAR, cut: $cut) {
            basis { model } basisText formula { id text unit } run { id }
            budget { amountMinor } spend { amountMinor }
            wonRevenue { amountMinor } attributed { amountMinor } unattributed { amountMinor }
            costedCredit { amountMinor } roi { ...ratio }
            campaigns { id name budget { amountMinor } spend { amountMinor } credit { amountMinor }
                touchCount roi { ...ratio } } } }
    fragment ratio on Ratio {
        value numerator { amountMinor } denominator { amountMinor } formula nullReason }
"""


def test_return_on_investment_is_what_one_works_out_by_hand(
    company: organization_records.OrganizationRecord,
) -> None:
    """(1,500.01 - 63.50) / 63.50 = 22.6222; spring (1,000.01 - 53.50) / 53.50 = 17.6918."""
    figure = api.of_token(company).ask(ROI).data["roi"]

    assert figure["formula"] == {
        "id": "ROI_ATTRIBUTED_NET",
        "text": "(attributed won revenue - landed cost) / landed cost",
        "unit": "ratio; 1 is 100 %",
    }
    assert figure["roi"] == {
        "value": "22.6222",
        "numerator": {"amountMinor": 1_436_51},
        "denominator": {"amountMinor": 63_50},
        "formula": "(attributed won revenue - landed cost) / landed cost",
        "nullReason": None,
    }
    assert [
        (row["name"], row["budget"] and minor(row["budget"]), row["roi"]["value"])
        for row in figure["campaigns"]
    ] == [("Spring", 100_00, "17.6918"), ("Autumn", None, "49.0000")]


def test_campaigns_add_up_to_the_whole(company: organization_records.OrganizationRecord) -> None:
    figure = api.of_token(company).ask(ROI).data["roi"]

    assert sum(minor(row["spend"]) for row in figure["campaigns"]) == minor(figure["spend"])
    assert sum(minor(row["credit"]) for row in figure["campaigns"]) == minor(figure["attributed"])
    assert minor(figure["attributed"]) + minor(figure["unattributed"]) == minor(
        figure["wonRevenue"]
    )


def test_what_others_spent_is_not_called_nothing(
    company: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(company.id):
        field = models.CostCenter.objects.get(code="field")
    maya = organizations.make_member(
        "maya", organization=company, role=access.Role.MARKETING, cost_center_id=field.pk
    )

    figure = api.of_person(maya).ask(ROI).data["roi"]

    assert [
        (row["name"], row["roi"]["value"], row["roi"]["nullReason"]) for row in figure["campaigns"]
    ] == [
        ("Spring", "17.6918", None),
        (
            "(other cost centers)",
            None,
            returns.COST_NOT_SHOWN,
        ),
    ]


def test_no_cost_gives_no_ratio_and_the_reason(
    company: organization_records.OrganizationRecord,
) -> None:
    figure = api.of_token(company).ask(ROI, {"cut": {"fiscalYear": 2024}}).data["roi"]

    assert figure["roi"]["value"] is None
    assert figure["roi"]["nullReason"] == ("No cost is recorded, so there is nothing to divide by.")


def test_what_a_campaign_without_cost_earned_is_no_return_on_the_cost_of_others(
    company: organization_records.OrganizationRecord,
) -> None:
    """A webinar takes a third of the first deal: spring 833.34, autumn 333.33, webinar 333.34."""
    with tenancy.organization(company.id):
        first = attribution.Account.objects.get(external_id="first")
        opportunities.make_touchpoint(
            account=first,
            campaign=sends.make_campaign("webinar", name="Webinar"),
            at=organizations.NOON - dt.timedelta(days=20),
        )
    attribute(company)

    figure = api.of_token(company).ask(ROI).data["roi"]

    credit = {row["name"]: minor(row["credit"]) for row in figure["campaigns"]}
    webinar = next(row for row in figure["campaigns"] if row["name"] == "Webinar")
    assert credit == {"Spring": 833_34, "Autumn": 333_33, "Webinar": 333_34}
    assert webinar["roi"]["value"] is None
    assert minor(figure["costedCredit"]) == 833_34 + 333_33
    assert minor(figure["roi"]["numerator"]) == 833_34 + 333_33 - 63_50


def test_the_ratio_is_the_quotient_of_its_two_amounts(
    company: organization_records.OrganizationRecord,
) -> None:
    figure = api.of_token(company).ask(ROI).data["roi"]

    for ratio in (figure["roi"], *(row["roi"] for row in figure["campaigns"])):
        exact = Decimal(minor(ratio["numerator"])) / minor(ratio["denominator"])
        assert Decimal(ratio["value"]) == exact.quantize(Decimal("0.0001"))

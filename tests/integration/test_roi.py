"""Spend, credit, budget and ROI of campaigns side by side."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from attribution.domain import multitouch, returns
from attribution.selectors import roi
from attribution.services import runs
from gifting.domain import access, lifecycle, money
from gifting.selectors import spend
from gifting.services import tenancy
from tests.factories import opportunities, organizations, sends

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor() -> Iterator[access.Actor]:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        yield access.Actor.system(organization_id=organization.id)


def report(actor: access.Actor, cut: spend.Cut | None = None) -> roi.Report:
    runs.run(actor=actor, models_to_run=[multitouch.Model.LINEAR], at=organizations.NOON)
    return roi.by_campaign(
        actor=actor, model=multitouch.Model.LINEAR, currency="USD", cut=cut or spend.Cut()
    )


def usd(amount_minor: int) -> money.Money:
    return money.Money(amount_minor, "USD")


def test_the_report_is_the_one_worked_by_hand(actor: access.Actor) -> None:
    """A 100.00 deal touched by a gift (20.00, budget 50.00) and a webinar: 50.00 each.

    Gift: (50 - 20) / 20 = 1.5. Webinar: no cost, so no ROI. A campaign that only spent 5.00 earned
    nothing: -1.
    Together the money spent earned (50 - 25) / 25 = 1; the webinar's 50.00 cost nothing.
    """
    account = opportunities.make_account("acme")
    opportunities.make_opportunity(account=account, amount_minor=100_00)
    gifts = sends.make_campaign(name="Gifts")
    webinar = sends.make_campaign(name="Webinar", channel="webinar")
    idle = sends.make_campaign(name="Idle")
    send = sends.make_send(campaign=gifts, account_reference="acme")
    sends.make_event(send, lifecycle.State.DELIVERED, at=organizations.NOON - dt.timedelta(days=9))
    sends.make_cost_line(send, 20_00)
    sends.make_cost_line(sends.make_send(campaign=idle), 5_00)
    sends.make_budget(campaign=gifts, amount_minor=50_00)
    opportunities.make_touchpoint(account=account, campaign=webinar, channel="webinar")

    found = report(actor)

    assert [
        (row.name, row.budget, row.spend, row.credit, row.roi.decimal_text, row.roi.reason)
        for row in found.campaigns
    ] == [
        ("Gifts", usd(50_00), usd(20_00), usd(50_00), "1.5000", ""),
        ("Webinar", None, usd(0), usd(50_00), None, returns.NO_COST),
        ("Idle", None, usd(5_00), usd(0), "-1.0000", ""),
    ]
    assert found.spend == usd(25_00)
    assert found.budget == usd(50_00)
    assert found.costed_credit == usd(50_00)
    assert found.roi.decimal_text == "1.0000"


def test_campaigns_of_one_name_stay_apart(actor: access.Actor) -> None:
    for amount_minor in (1_00, 2_00):
        campaign = sends.make_campaign(name="Gifts")
        sends.make_cost_line(sends.make_send(campaign=campaign), amount_minor)

    found = report(actor)

    assert [(row.name, row.spend) for row in found.campaigns] == [
        ("Gifts", usd(2_00)),
        ("Gifts", usd(1_00)),
    ]
    assert found.spend == usd(3_00)


def test_a_fiscal_year_without_facts_is_empty_and_has_no_roi(actor: access.Actor) -> None:
    sends.make_cost_line(sends.make_send(), 1_00)

    found = report(actor, spend.Cut(fiscal_year=2031))

    assert found.campaigns == ()
    assert found.totals.won_revenue == usd(0)
    assert found.roi.reason == returns.NO_COST


@pytest.mark.parametrize("dimension", list(spend.Dimension))
def test_every_cut_of_spend_adds_up_to_the_total(
    actor: access.Actor, dimension: spend.Dimension
) -> None:
    for amount_minor in (1_00, 2_50, 99):
        sends.make_cost_line(sends.make_send(), amount_minor)

    rows = spend.by(actor=actor, dimension=dimension, currency="USD", cut=spend.Cut())

    assert sum(row.amount.amount_minor for row in rows) == 4_49
    assert spend.total(actor=actor, currency="USD", cut=spend.Cut()) == usd(4_49)


def test_the_report_takes_a_fixed_number_of_queries(
    actor: access.Actor, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    for _ in range(5):
        sends.make_cost_line(sends.make_send(), 1_00)
    runs.run(actor=actor, models_to_run=[multitouch.Model.LINEAR], at=organizations.NOON)

    with django_assert_num_queries(8):  # type: ignore[operator] # pytest-django types its fixture so
        roi.by_campaign(actor=actor, model=multitouch.Model.LINEAR, currency="USD", cut=spend.Cut())

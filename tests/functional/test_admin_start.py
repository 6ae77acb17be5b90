"""The admin starts with the main result: spend, revenue and ROI by campaign, worked by hand."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attribution.domain import multitouch
from attribution.services import runs
from gifting.domain import access
from gifting.domain.lifecycle import State
from gifting.selectors import organizations as organization_records
from gifting.services import tenancy
from tests.factories import opportunities, organizations, sends

pytestmark = pytest.mark.django_db

START = "/admin/"
FIGURES = r"tabular-nums text-important text-lg whitespace-nowrap\">([^<]*)<"


@pytest.fixture
def company() -> organization_records.OrganizationRecord:
    """One deal of 1,000.00 touched by a gift of 100.00 and an e-mail; one of 200.00 untouched."""
    organization = organizations.make_organization("Acme")
    sent_at = organizations.NOON - dt.timedelta(days=30)
    with tenancy.organization(organization.id):
        account = opportunities.make_account("A-1")
        gifts = sends.make_campaign(name="Spring gifts")
        send = sends.make_send(
            campaign=gifts, account_reference="A-1", states=(State.DELIVERED,), at=sent_at
        )
        sends.make_cost_line(send, 100_00)
        sends.make_budget(campaign=gifts, amount_minor=150_00)
        mails = sends.make_campaign(name="Newsletter", channel="email")
        opportunities.make_touchpoint(account=account, campaign=mails, channel="email")
        opportunities.make_opportunity(account=account, amount_minor=1_000_00)
        opportunities.make_opportunity(amount_minor=200_00)
    return organization


def _run(organization: organization_records.OrganizationRecord) -> None:
    runs.run(
        actor=access.Actor.system(organization_id=organization.id),
        models_to_run=[multitouch.Model.LINEAR],
        at=organizations.NOON + dt.timedelta(days=1),
    )


def _page(
    client: Client, organization: organization_records.OrganizationRecord, role: access.Role
) -> str:
    client.force_login(organizations.make_member("mia", organization=organization, role=role))
    response: Any = client.get(START)
    assert response.status_code == 200
    return str(response.content.decode())


def _table(page: str) -> list[list[str]]:
    rows = re.findall(r"<tr.*?</tr>", page, re.DOTALL)
    cells = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in rows]
    return [row for row in cells if row]


def test_the_start_page_shows_what_each_campaign_earned(
    company: organization_records.OrganizationRecord, client: Client
) -> None:
    """Linear credit halves 1,000.00; the gift's ROI is (500 - 100) / 100 = 4."""
    _run(company)

    page = _page(client, company, access.Role.FINANCE)

    assert re.findall(FIGURES, page) == [
        "100.00 USD",
        "1,000.00 USD",
        "200.00 USD",
        "1,200.00 USD",
        "4.00",
    ]
    assert _table(page) == [
        ["Spring gifts", "100.00 USD", "150.00 USD", "500.00 USD", "1", "4.00"],
        ["All gifts", "100.00 USD", "150.00 USD", "500.00 USD", "", "4.00"],
        ["Newsletter", "0.00 USD", "none", "500.00 USD", "1", "no cost"],
    ]
    assert "those of your cost centers" not in page
    assert ("attributed 1,000.00 USD + unattributed 200.00 USD = won revenue 1,200.00 USD") in page
    assert "ROI = (attributed won revenue - landed cost) / landed cost" in page


def test_the_bare_address_leads_to_the_start_page(client: Client) -> None:
    answer: Any = client.get("/")

    assert (answer.status_code, answer["Location"]) == (302, START)


def test_before_a_run_the_start_page_says_how_to_make_one(
    company: organization_records.OrganizationRecord, client: Client
) -> None:
    page = _page(client, company, access.Role.ADMIN)

    assert re.findall(FIGURES, page) == ["100.00 USD"]
    assert "manage.py run_attribution --organization acme" in page


def test_an_empty_organization_has_a_start_page(client: Client) -> None:
    page = _page(client, organizations.make_organization(), access.Role.ADMIN)

    assert re.findall(FIGURES, page) == ["0.00 USD"]


def test_a_sender_starts_with_their_own_branch(
    company: organization_records.OrganizationRecord, client: Client
) -> None:
    with tenancy.organization(company.id):
        branch = organizations.make_cost_center()
    _run(company)
    sender = organizations.make_member(
        "sam", organization=company, role=access.Role.SALES, cost_center_id=branch.pk
    )
    client.force_login(sender)

    page = client.get(START).content.decode()

    assert re.findall(FIGURES, page)[0] == "0.00 USD"
    assert _table(page) == [
        ["(other cost centers)", "not shown", "not shown", "1,000.00 USD", "2", "not shown"],
    ]
    assert "Spend, budgets and ROI are those of your cost centers." in " ".join(page.split())


def test_spend_in_another_currency_is_named_and_not_added(
    company: organization_records.OrganizationRecord, client: Client
) -> None:
    with tenancy.organization(company.id), connection.cursor() as cursor:
        line = sends.make_cost_line(sends.make_send(), 0)
        cursor.execute(
            "INSERT INTO gifting_costline (organization_id, send_id, component, version, basis,"
            " amount_minor, change_minor, currency, occurred_on, fiscal_period_id, campaign_id,"
            " vendor_id, cost_center_id)"
            " SELECT organization_id, send_id, 'TAX', 1, basis, 700, 700, 'EUR', occurred_on,"
            " fiscal_period_id, campaign_id, vendor_id, cost_center_id FROM gifting_costline"
            " WHERE id = %s",
            [line.pk],
        )
    _run(company)

    page = _page(client, company, access.Role.FINANCE)

    assert "Spend in EUR is not part of these figures." in " ".join(page.split())
    assert re.findall(FIGURES, page)[0] == "100.00 USD"


def test_the_start_page_costs_the_same_queries_however_many_campaigns(
    company: organization_records.OrganizationRecord, client: Client
) -> None:
    _run(company)
    _page(client, company, access.Role.ADMIN)
    with CaptureQueriesContext(connection) as few:
        client.get(START)
    with tenancy.organization(company.id):
        for _ in range(3):
            sends.make_cost_line(sends.make_send(campaign=sends.make_campaign()), 10_00)

    with CaptureQueriesContext(connection) as many:
        client.get(START)

    assert len(many) == len(few)

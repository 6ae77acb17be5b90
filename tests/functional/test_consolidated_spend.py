"""What was spent, by any cut: a controller asks the API, the admin and the command."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from gifting.domain import access
from gifting.selectors import organizations as organization_records
from gifting.services import tenancy
from tests.factories import organizations, sends
from tests.functional import api

pytestmark = pytest.mark.django_db

ASK = """
    query ($cut: CutDimension!, $then: CutDimension, $measure: SpendMeasure! = SPEND) {
        consolidatedSpend(cut: $cut, then: $then) {
            servedFrom counts formula { id }
            basis { freshness { ageSeconds } }
            slices {
                keys { dimension id label }
                amount { amountMinor currency } rolledUp { amountMinor } share { value } }
            totals(measure: $measure) { amountMinor currency }
            reconciliation {
                cutTotal { amountMinor } ledgerTotal { amountMinor } difference { amountMinor }
                rowCount } } }
"""


@pytest.fixture
def company() -> organization_records.OrganizationRecord:
    """Tea for 30.00 in the program Days, sent by maya; wine for 10.00 sent by nobody known."""
    organization = organizations.make_organization("Acme")
    with tenancy.organization(organization.id):
        days = sends.make_campaign(name="Spring", program=sends.make_program(name="Days"))
        tea, wine = sends.make_vendor(name="Tea"), sends.make_vendor(name="Wine")
        known = sends.make_send(campaign=days, vendor=tea, sender_reference="maya@acme.example")
        sends.make_cost_line(known, 30_00)
        sends.make_cost_line(sends.make_send(vendor=wine), 10_00)
    return organization


def _femi(organization: organization_records.OrganizationRecord) -> Any:
    return organizations.make_member("femi", organization=organization, role=access.Role.FINANCE)


def test_the_api_cuts_by_vendor_and_shows_that_it_adds_up(
    company: organization_records.OrganizationRecord,
) -> None:
    reply = api.of_person(_femi(company)).ask(ASK, {"cut": "VENDOR"})

    spent = reply.data["consolidatedSpend"]
    assert [
        (row["keys"][0]["label"], int(row["amount"]["amountMinor"]), row["share"]["value"])
        for row in spent["slices"]
    ] == [("Tea", 30_00, "0.750000"), ("Wine", 10_00, "0.250000")]
    assert spent["totals"] == [{"amountMinor": 40_00, "currency": "USD"}]
    assert spent["reconciliation"] == [
        {
            "cutTotal": {"amountMinor": 40_00},
            "ledgerTotal": {"amountMinor": 40_00},
            "difference": {"amountMinor": 0},
            "rowCount": 2,
        }
    ]
    assert spent["servedFrom"] == "ROLLUP"
    assert spent["slices"][0]["keys"][0]["id"]


def test_the_api_cuts_by_a_pair_and_names_nobody_to_finance(
    company: organization_records.OrganizationRecord,
) -> None:
    reply = api.of_person(_femi(company)).ask(ASK, {"cut": "PROGRAM", "then": "PERSON"})

    slices = reply.data["consolidatedSpend"]["slices"]
    labels = [[key["label"] for key in row["keys"]] for row in slices]
    assert labels[0][0] == "Days"
    assert labels[0][1].startswith("Person ")
    assert labels[1] == ["(none)", "(none)"]
    assert b"maya" not in reply.content


def test_the_api_refuses_to_add_up_what_overlaps(
    company: organization_records.OrganizationRecord,
) -> None:
    reply = api.of_person(_femi(company)).ask(ASK, {"cut": "DEPARTMENT", "measure": "ROLLED_UP"})

    assert reply.codes == ["NOT_ADDITIVE"]


def test_the_admin_shows_the_table_and_its_proof(
    client: Client, company: organization_records.OrganizationRecord
) -> None:
    client.force_login(_femi(company))

    page = client.get("/admin/spend/", {"by": "PERSON"}).content.decode()

    assert "slices 40.00 USD = 2 rows of the ledger 40.00 USD; difference 0.00 USD" in page
    assert "Person " in page
    assert "maya@acme.example" not in page


def test_the_admin_says_what_is_wrong_with_a_period(
    client: Client, company: organization_records.OrganizationRecord
) -> None:
    client.force_login(_femi(company))

    page = client.get("/admin/spend/", {"by": "VENDOR", "period": "FY1900"}).content.decode()

    assert "There is no fiscal period" in page
    assert "Tea" not in page


def test_the_command_prints_the_same_for_machines_and_people(
    company: organization_records.OrganizationRecord,
) -> None:
    told = json.loads(_run("spend", "--organization", company.slug, "--by", "vendor", "--json"))
    table = _run("spend", "--organization", company.slug, "--by", "person", "--then", "vendor")

    assert [(row["keys"][0]["label"], row["amount_minor"]) for row in told["slices"]] == [
        ("Tea", 30_00),
        ("Wine", 10_00),
    ]
    assert told["totals"] == [
        {
            "currency": "USD",
            "cut_minor": 40_00,
            "ledger_minor": 40_00,
            "difference_minor": 0,
            "rows": 2,
        }
    ]
    assert "difference 0.00 USD" in table
    assert "maya" not in table


def test_the_command_ends_with_1_when_a_cut_does_not_add_up(
    company: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(company.id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute("UPDATE gifting_spendrollup SET amount_minor = amount_minor + 1")
        cursor.execute("SET LOCAL ROLE tribute_app")

    with pytest.raises(SystemExit) as ended:
        _run("spend", "--organization", company.slug, "--by", "vendor")

    assert ended.value.code == 1


def test_the_command_refuses_a_period_that_is_not_there(
    company: organization_records.OrganizationRecord,
) -> None:
    with pytest.raises(CommandError) as refused:
        _run("spend", "--organization", company.slug, "--by", "vendor", "--period", "FY1900")

    assert refused.value.returncode == 2


def _run(*words: str) -> str:
    output = StringIO()
    call_command(*words, stdout=output)
    return output.getvalue()

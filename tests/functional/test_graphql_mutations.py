"""The writes of the API: what they make, who may ask for it, and how they refuse."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest

from gifting import models
from gifting.domain import access
from gifting.selectors import organizations as organization_records
from gifting.services import tenancy
from tests.factories import organizations, sends
from tests.functional import api

pytestmark = pytest.mark.django_db

CREATE_CAMPAIGN = """
    mutation ($input: CreateCampaignInput!) { createCampaign(input: $input) {
        campaign { code name kind ownerName costCenter { code } }
        userErrors { code field message } } }
"""
CREATE_VENDOR = """
    mutation ($input: CreateVendorInput!) { createVendor(input: $input) {
        vendor { code name } userErrors { code field message } } }
"""
APPROVE_BUDGET = """
    mutation ($input: ApproveBudgetInput!) { approveBudget(input: $input) {
        budget { name originalAmount { amount currency } costCenter { code }
                 campaign { code } fiscalPeriod { startsOn } }
        userErrors { code field message } } }
"""
ISSUE = """
    mutation ($input: IssueServiceTokenInput!) { issueServiceToken(input: $input) {
        serviceToken { id name scopes prefix revokedAt } secret
        userErrors { code field message } } }
"""
REVOKE = """
    mutation ($input: RevokeServiceTokenInput!) { revokeServiceToken(input: $input) {
        serviceToken { name revokedAt } userErrors { code field message } } }
"""


@pytest.fixture
def cast() -> organizations.Cast:
    return organizations.make_cast()


def id_of(kind: str, public_id: uuid.UUID) -> str:
    return base64.b64encode(f"{kind}:{public_id}".encode()).decode()


def root_id(organization: organization_records.OrganizationRecord) -> str:
    with tenancy.organization(organization.id):
        return id_of("CostCenter", organizations.root_cost_center().public_id)


def campaign_input(cast: organizations.Cast, **changes: Any) -> dict[str, Any]:
    return {
        "input": {
            "code": "spring",
            "name": "Spring gifts",
            "kind": "EVENT",
            "motion": "ABM",
            "channel": "direct_mail",
            "costCenterId": root_id(cast.organization),
            **changes,
        }
    }


def campaign_count(cast: organizations.Cast) -> int:
    with tenancy.organization(cast.organization.id):
        return models.Campaign.objects.count()


def test_a_campaign_is_made_and_belongs_to_whoever_made_it(cast: organizations.Cast) -> None:
    reply = api.of_person(cast.maya).ask(CREATE_CAMPAIGN, campaign_input(cast))

    assert reply.data["createCampaign"] == {
        "campaign": {
            "code": "spring",
            "name": "Spring gifts",
            "kind": "EVENT",
            "ownerName": cast.maya.username,
            "costCenter": {"code": "COMPANY"},
        },
        "userErrors": [],
    }


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (
            {"name": " "},
            ("TEXT_UNUSABLE", "name", "The name is empty. Write 1 to 255 characters."),
        ),
        (
            {"code": "x" * 65},
            (
                "TEXT_UNUSABLE",
                "code",
                "The code has 65 characters and 64 are allowed. Cut it.",
            ),
        ),
        (
            {"startsOn": "2026-03-01", "endsOn": "2026-03-01"},
            (
                "CAMPAIGN_DATES_REVERSED",
                "endsOn",
                (
                    "The campaign would end on 2026-03-01 before it starts on 2026-03-01. Give "
                    "the first day after it as its end."
                ),
            ),
        ),
        (
            {"costCenterId": id_of("CostCenter", uuid.UUID(int=7))},
            (
                "NOT_FOUND",
                "costCenterId",
                "There is no such cost center for you. Look its id up and send that.",
            ),
        ),
        (
            {"costCenterId": id_of("Vendor", uuid.UUID(int=7))},
            (
                "BAD_USER_INPUT",
                "costCenterId",
                "An id in cost_center_id is not one of a CostCenter that this API gave out.",
            ),
        ),
    ],
)
def test_a_campaign_that_cannot_be_is_refused(
    cast: organizations.Cast, changes: dict[str, Any], error: tuple[str, str, str]
) -> None:
    code, field, message = error

    reply = api.of_person(cast.maya).ask(CREATE_CAMPAIGN, campaign_input(cast, **changes))

    assert reply.data["createCampaign"] == {
        "campaign": None,
        "userErrors": [{"code": code, "field": field, "message": message}],
    }
    assert campaign_count(cast) == 0


def test_a_code_is_taken_once(cast: organizations.Cast) -> None:
    caller = api.of_person(cast.maya)
    caller.ask(CREATE_CAMPAIGN, campaign_input(cast))

    reply = caller.ask(CREATE_CAMPAIGN, campaign_input(cast, name="Another"))

    (error,) = reply.data["createCampaign"]["userErrors"]
    assert (error["code"], error["field"]) == ("CAMPAIGN_CODE_TAKEN", "code")
    assert campaign_count(cast) == 1


@pytest.mark.parametrize("role", [access.Role.FINANCE, access.Role.SALES, access.Role.AUDITOR])
def test_a_role_that_writes_no_campaigns_makes_none(
    cast: organizations.Cast, role: access.Role
) -> None:
    person = organizations.make_member("person", organization=cast.organization, role=role)

    reply = api.of_person(person).ask(CREATE_CAMPAIGN, campaign_input(cast))

    assert reply.codes == ["FORBIDDEN"]
    assert reply.body["data"] is None
    assert campaign_count(cast) == 0


def test_a_sender_makes_no_campaign_for_another_cost_center(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        own, other = organizations.make_cost_center(), organizations.make_cost_center()
    person = organizations.make_member(
        "placed",
        organization=cast.organization,
        role=access.Role.MARKETING,
        cost_center_id=own.pk,
    )
    asked = campaign_input(cast, costCenterId=id_of("CostCenter", other.public_id))

    reply = api.of_person(person).ask(CREATE_CAMPAIGN, asked)

    (error,) = reply.data["createCampaign"]["userErrors"]
    assert (error["code"], error["field"]) == ("NOT_FOUND", "costCenterId")
    assert campaign_count(cast) == 0


def test_a_cost_center_of_another_organization_is_not_found(cast: organizations.Cast) -> None:
    asked = campaign_input(cast, costCenterId=root_id(cast.other_organization))

    reply = api.of_person(cast.maya).ask(CREATE_CAMPAIGN, asked)

    (error,) = reply.data["createCampaign"]["userErrors"]
    assert (error["code"], error["field"]) == ("NOT_FOUND", "costCenterId")


def test_a_vendor_is_made(cast: organizations.Cast) -> None:
    asked = {"input": {"code": "tea", "name": "Tea House"}}
    caller = api.of_person(cast.femi)

    made = caller.ask(CREATE_VENDOR, asked).data["createVendor"]
    again = caller.ask(CREATE_VENDOR, asked).data["createVendor"]

    assert made == {"vendor": {"code": "tea", "name": "Tea House"}, "userErrors": []}
    assert again["vendor"] is None
    assert again["userErrors"][0]["code"] == "VENDOR_CODE_TAKEN"


def budget_input(cast: organizations.Cast, amount_minor: Any) -> dict[str, Any]:
    with tenancy.organization(cast.organization.id):
        period = sends.period_of(sends.DAY)
    return {
        "input": {
            "name": "Spring",
            "amount": {"amountMinor": amount_minor, "currency": "USD"},
            "costCenterId": root_id(cast.organization),
            "fiscalPeriodId": id_of("FiscalPeriod", period.public_id),
        }
    }


def test_a_budget_is_approved_to_the_cent(cast: organizations.Cast) -> None:
    reply = api.of_person(cast.femi).ask(APPROVE_BUDGET, budget_input(cast, "123456"))

    assert reply.data["approveBudget"] == {
        "budget": {
            "name": "Spring",
            "originalAmount": {"amount": "1234.56", "currency": "USD"},
            "costCenter": {"code": "COMPANY"},
            "campaign": None,
            "fiscalPeriod": {"startsOn": "2025-03-01"},
        },
        "userErrors": [],
    }


def test_a_budget_is_approved_once_and_not_below_zero(cast: organizations.Cast) -> None:
    caller = api.of_person(cast.femi)
    caller.ask(APPROVE_BUDGET, budget_input(cast, 100_00))

    again = caller.ask(APPROVE_BUDGET, budget_input(cast, 200_00)).data["approveBudget"]
    below = caller.ask(APPROVE_BUDGET, budget_input(cast, -1)).data["approveBudget"]

    assert [(each["code"], each["field"]) for each in again["userErrors"]] == [
        ("BUDGET_EXISTS", "fiscalPeriodId")
    ]
    assert [each["code"] for each in below["userErrors"]] == ["BUDGET_NEGATIVE"]
    with tenancy.organization(cast.organization.id):
        amounts = list(models.Budget.objects.values_list("original_amount_minor", flat=True))
    assert amounts == [100_00]


def token_input(**changes: Any) -> dict[str, Any]:
    return {
        "input": {"name": "finance export", "scopes": ["READ_SPEND"], "lifetimeDays": 30, **changes}
    }


def test_a_token_works_from_its_issue_to_its_revocation(cast: organizations.Cast) -> None:
    ana = api.of_person(cast.ana)
    spend = "{ spend { total { amount } } }"

    issued = ana.ask(ISSUE, token_input()).data["issueServiceToken"]
    machine = api.Api({"authorization": f"Bearer {issued['secret']}"})
    before = machine.ask(spend)
    revoked = ana.ask(REVOKE, {"input": {"serviceTokenId": issued["serviceToken"]["id"]}}).data[
        "revokeServiceToken"
    ]
    after = machine.ask(spend)

    assert issued["serviceToken"]["scopes"] == ["READ_SPEND"]
    assert issued["secret"].startswith(issued["serviceToken"]["prefix"])
    assert (before.status, before.codes) == (200, [])
    assert revoked["userErrors"] == []
    assert revoked["serviceToken"]["revokedAt"] is not None
    assert (after.status, after.codes) == (401, ["UNAUTHENTICATED"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lifetimeDays": 0}, "TOKEN_LIFETIME_OUT_OF_RANGE"),
        ({"lifetimeDays": 367}, "TOKEN_LIFETIME_OUT_OF_RANGE"),
        ({"lifetimeDays": 2**31 - 1}, "TOKEN_LIFETIME_OUT_OF_RANGE"),
        ({"lifetimeDays": -(2**31)}, "TOKEN_LIFETIME_OUT_OF_RANGE"),
        ({"scopes": []}, "TOKEN_WITHOUT_SCOPE"),
        ({"name": ""}, "TEXT_UNUSABLE"),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    cast: organizations.Cast, changes: dict[str, Any], code: str
) -> None:
    reply = api.of_person(cast.ana).ask(ISSUE, token_input(**changes))

    payload = reply.data["issueServiceToken"]
    assert [each["code"] for each in payload["userErrors"]] == [code]
    assert (payload["serviceToken"], payload["secret"]) == (None, None)


@pytest.mark.parametrize("name", ["maya", "femi"])
def test_only_those_who_manage_access_issue_tokens(cast: organizations.Cast, name: str) -> None:
    reply = api.of_person(getattr(cast, name)).ask(ISSUE, token_input())

    assert reply.codes == ["FORBIDDEN"]
    with tenancy.organization(cast.organization.id):
        assert models.ServiceToken.objects.count() == 0


def test_a_token_of_another_organization_cannot_be_revoked(cast: organizations.Cast) -> None:
    ana, otto = api.of_person(cast.ana), api.of_person(cast.otto)
    issued = ana.ask(ISSUE, token_input()).data["issueServiceToken"]
    machine = api.Api({"authorization": f"Bearer {issued['secret']}"})

    reply = otto.ask(REVOKE, {"input": {"serviceTokenId": issued["serviceToken"]["id"]}})

    (error,) = reply.data["revokeServiceToken"]["userErrors"]
    assert (error["code"], error["field"]) == ("NOT_FOUND", "serviceTokenId")
    assert machine.ask("{ spend { total { amount } } }").status == 200


def test_of_two_writes_in_one_request_a_refused_one_leaves_the_other(
    cast: organizations.Cast,
) -> None:
    query = """
        mutation ($good: CreateVendorInput!, $bad: CreateVendorInput!) {
            first: createVendor(input: $good) { vendor { code } userErrors { code } }
            second: createVendor(input: $bad) { vendor { code } userErrors { code } } }
    """
    variables = {"good": {"code": "tea", "name": "Tea"}, "bad": {"code": "tea", "name": "Again"}}

    reply = api.of_person(cast.ana).ask(query, variables)

    assert reply.data == {
        "first": {"vendor": {"code": "tea"}, "userErrors": []},
        "second": {"vendor": None, "userErrors": [{"code": "VENDOR_CODE_TAKEN"}]},
    }
    with tenancy.organization(cast.organization.id):
        assert list(models.Vendor.objects.values_list("name", flat=True)) == ["Tea"]

"""An approval from the matrix to the answer, and a gift from the question to the tax split."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.test import Client
from strawberry import relay

from gifting import models
from gifting.domain import access, recipients
from gifting.services import recipients as people
from gifting.services import tenancy
from tests.factories import approvals, organizations, sends
from tests.functional import api

pytestmark = pytest.mark.django_db

DEFINE = """
    mutation ($input: DefineApprovalPolicyInput!) {
        defineApprovalPolicy(input: $input) { version userErrors { code field } } }
"""
ANSWER = """
    mutation ($input: ApproveRequestInput!) {
        approveRequest(input: $input) {
            approvalRequest { state answers { approvedBy onBehalfOf verdict stepNumbers } }
            userErrors { code } } }
"""
REJECT = """
    mutation ($input: RejectRequestInput!) {
        rejectRequest(input: $input) { approvalRequest { state } userErrors { code } } }
"""
DELEGATE = """
    mutation ($input: DelegateApprovalsInput!) {
        delegateApprovals(input: $input) { delegationId userErrors { code field } } }
"""
OVERRIDE = """
    mutation ($input: GrantOverrideInput!) {
        grantOverride(input: $input) { overrideId userErrors { code } } }
"""
INBOX = """{ approvalInbox { id subjectKind amount { amount } state requestedBy reasons
    steps { kind role count } } }"""
CHECK = """
    query ($gift: CheckGiftInput!) {
        giftCheck(gift: $gift) {
            isBlocked rulesAsking
            verdicts { ruleCode ruleVersion outcome demands total { amount } limit { amount } } } }
"""
SPLIT = """
    query ($after: String) {
        taxSplit(ruleCode: "US-274B", fiscalYear: 2025) {
            within { amount } beyond { amount } spent { amount } sources
            recipients(first: 2, after: $after) {
                totalCount pageInfo { hasNextPage endCursor }
                edges { node { recipientId name within { amount } spent { amount } } } } } }
"""


@pytest.fixture
def cast() -> organizations.Cast:
    return organizations.make_cast()


def band(**conditions: object) -> dict[str, object]:
    return {"kind": "ROLE", "role": "FINANCE", **conditions}


def policy(*bands: dict[str, object], key: str = "p1") -> dict[str, object]:
    return {
        "input": {
            "idempotencyKey": key,
            "currency": "USD",
            "bands": list(bands),
            "reason": "The board said so",
        }
    }


def ask_for(cast: organizations.Cast, amount_minor: int = 300_00) -> uuid.UUID:
    with tenancy.organization(cast.organization.id):
        maya = approvals.actor_of(cast.maya.pk, access.Role.MARKETING)
        return approvals.ask(
            maya, amount_minor, at=dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=1)
        ).request_id


def test_a_request_goes_from_the_matrix_to_the_inbox_to_the_answer(
    cast: organizations.Cast,
) -> None:
    ana, femi = api.of_person(cast.ana), api.of_person(cast.femi)
    defined = ana.ask(DEFINE, policy(band(amountAtLeastMinor=250_00)))
    ask_for(cast)

    (waiting,) = femi.ask(INBOX).data["approvalInbox"]
    answer = {"input": {"idempotencyKey": "a1", "requestId": waiting["id"]}}
    answered = [femi.ask(ANSWER, answer).data["approveRequest"] for _ in range(2)]

    assert defined.data["defineApprovalPolicy"] == {"version": 1, "userErrors": []}
    assert (waiting["amount"], waiting["state"]) == ({"amount": "300.00"}, "PENDING")
    assert waiting["steps"] == [{"kind": "ROLE", "role": "FINANCE", "count": 1}]
    assert waiting["requestedBy"] == cast.maya.username
    assert answered[0] == answered[1]
    assert answered[0]["approvalRequest"] == {
        "state": "APPROVED",
        "answers": [
            {
                "approvedBy": cast.femi.username,
                "onBehalfOf": cast.femi.username,
                "verdict": "APPROVED",
                "stepNumbers": [1],
            }
        ],
    }
    assert femi.ask(INBOX).data["approvalInbox"] == []
    with tenancy.organization(cast.organization.id):
        assert models.Approval.objects.count() == 1


def test_finance_may_not_write_the_matrix_nor_marketing_answer(cast: organizations.Cast) -> None:
    maya, femi = api.of_person(cast.maya), api.of_person(cast.femi)
    api.of_person(cast.ana).ask(DEFINE, policy(band()))
    ask_for(cast)
    (waiting,) = femi.ask(INBOX).data["approvalInbox"]

    written = femi.ask(DEFINE, policy(band(), key="p2"))
    answered = maya.ask(ANSWER, {"input": {"idempotencyKey": "a", "requestId": waiting["id"]}})

    assert (written.codes, answered.codes) == (["FORBIDDEN"], ["FORBIDDEN"])
    with tenancy.organization(cast.organization.id):
        assert models.ApprovalPolicy.objects.count() == 1
        assert not models.Approval.objects.exists()


def test_a_delegate_refuses_for_the_one_who_is_away(cast: organizations.Cast) -> None:
    ana, femi = api.of_person(cast.ana), api.of_person(cast.femi)
    with tenancy.organization(cast.organization.id):
        stand_in = organizations.make_member(
            "sid", organization=cast.organization, role=access.Role.APPROVER
        )
    ana.ask(DEFINE, policy(band()))
    ask_for(cast)
    today = dt.datetime.now(tz=dt.UTC).date()
    terms = {
        "idempotencyKey": "d1",
        "to": "sid",
        "startsOn": (today - dt.timedelta(days=1)).isoformat(),
        "endsOn": (today + dt.timedelta(days=3)).isoformat(),
        "reason": "On leave",
    }
    made = femi.ask(DELEGATE, {"input": terms}).data["delegateApprovals"]
    twice = femi.ask(DELEGATE, {"input": {**terms, "idempotencyKey": "d2"}})

    sid = api.of_person(stand_in)
    (waiting,) = sid.ask(INBOX).data["approvalInbox"]
    answered = sid.ask(
        REJECT,
        {
            "input": {
                "idempotencyKey": "r1",
                "requestId": waiting["id"],
                "onBehalfOf": cast.femi.username,
                "reason": "Too dear",
            }
        },
    )

    assert made["delegationId"]
    assert twice.data["delegateApprovals"]["userErrors"] == [
        {"code": "DELEGATION_OVERLAPS", "field": "startsOn"}
    ]
    assert answered.data["rejectRequest"]["approvalRequest"] == {"state": "REJECTED"}


def test_may_i_send_this_and_an_override(cast: organizations.Cast) -> None:
    maya, femi = api.of_person(cast.maya), api.of_person(cast.femi)
    with tenancy.organization(cast.organization.id):
        official = sends.make_recipient()
        people.classify(
            actor=approvals.system(),
            recipient_id=official.pk,
            recipient_class=recipients.RecipientClass.PUBLIC_OFFICIAL,
        )
    gift = {
        "recipientIds": [str(relay.GlobalID("Recipient", str(official.public_id)))],
        "givenOn": "2026-05-01",
        "currency": "USD",
        "itemMinor": 20_01,
    }
    before = maya.ask(CHECK, {"gift": gift}).data["giftCheck"]
    granted = femi.ask(
        OVERRIDE,
        {
            "input": {
                "idempotencyKey": "o1",
                "ruleCode": "US-FEDERAL-OCCASION",
                "reason": "The ethics office agreed",
                "requestedBy": cast.maya.username,
                "validUntil": (dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=1)).isoformat(),
            }
        },
    ).data["grantOverride"]

    after = maya.ask(CHECK, {"gift": gift}).data["giftCheck"]

    assert granted["userErrors"] == []
    assert (before["isBlocked"], after["isBlocked"]) == (True, False)
    assert before["rulesAsking"] == after["rulesAsking"] == ["OFFICIAL-ANY"]
    (verdict,) = (each for each in before["verdicts"] if each["ruleCode"] == "US-FEDERAL-OCCASION")
    assert verdict == {
        "ruleCode": "US-FEDERAL-OCCASION",
        "ruleVersion": 1,
        "outcome": "EXCEEDED",
        "demands": "BLOCK",
        "total": {"amount": "20.01"},
        "limit": {"amount": "20.00"},
    }


def test_the_tax_split_pages_through_pseudonyms(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        for _ in range(3):
            sends.make_cost_line(sends.make_send(), 80_00)
    femi = api.of_person(cast.femi)

    first = femi.ask(SPLIT).data["taxSplit"]
    cursor = first["recipients"]["pageInfo"]["endCursor"]
    second = femi.ask(SPLIT, {"after": cursor}).data["taxSplit"]

    assert (first["within"], first["beyond"]) == ({"amount": "75.00"}, {"amount": "165.00"})
    nodes = [edge["node"] for page in (first, second) for edge in page["recipients"]["edges"]]
    assert first["recipients"]["totalCount"] == len(nodes) == 3
    assert {node["name"] for node in nodes} == {None}
    assert len({node["recipientId"] for node in nodes}) == 3


def test_an_approver_answers_in_the_admin(cast: organizations.Cast) -> None:
    api.of_person(cast.ana).ask(DEFINE, policy(band()))
    asked = ask_for(cast)
    client = Client()
    client.force_login(cast.femi)
    with tenancy.organization(cast.organization.id):
        key = models.ApprovalRequest.objects.get(public_id=asked).pk
    address = f"/admin/gifting/approvalrequest/{key}/change/"

    empty = client.post(address, {"verdict": "REJECTED", "answer_reason": ""})
    with tenancy.organization(cast.organization.id):
        untouched = models.Approval.objects.count()
    answered = client.post(address, {"verdict": "APPROVED", "answer_reason": "Fine"})

    assert (empty.status_code, answered.status_code) == (200, 302)
    assert untouched == 0
    with tenancy.organization(cast.organization.id):
        assert models.ApprovalRequest.objects.get().state == "APPROVED"


def test_an_owner_is_named_in_the_admin_and_stays_until_another_is(
    cast: organizations.Cast,
) -> None:
    with tenancy.organization(cast.organization.id):
        center = organizations.make_cost_center()
    client = Client()
    client.force_login(cast.ana)
    address = f"/admin/gifting/costcenter/{center.pk}/change/"
    form = {"name": center.name, "parent": center.parent_id}

    refused = client.post(address, {**form, "owner_name": cast.maya.username})
    named = client.post(address, {**form, "owner_name": cast.femi.username})
    shown = client.get(address).content.decode()

    assert (refused.status_code, named.status_code) == (200, 302)
    assert f'value="{cast.femi.username}"' in shown
    with tenancy.organization(cast.organization.id):
        center.refresh_from_db()
    assert center.owner_id == cast.femi.pk


def test_rules_and_policies_are_written_in_the_admin(cast: organizations.Cast) -> None:
    client = Client()
    client.force_login(cast.ana)

    rule = client.post(
        "/admin/gifting/giftrule/add/",
        {
            "code": "OUR-CODE",
            "side": "RECIPIENT",
            "limit_minor": "5000",
            "currency": "USD",
            "window": "ROLLING_12M",
            "basis": "ITEM",
            "action": "BLOCK",
            "valid_from": "2026-01-01",
            "source": "Code of conduct",
        },
    )
    matrix = client.post(
        "/admin/gifting/approvalpolicy/add/",
        {
            "currency": "USD",
            "bands": '[{"kind": "ROLE", "role": "FINANCE", "amount_at_least_minor": 100}]',
            "forbids_delegates": "on",
            "expires_after_hours": "48",
            "escalates_to": "ADMIN",
            "reason": "New year",
        },
    )
    broken = client.post(
        "/admin/gifting/approvalpolicy/add/",
        {
            "currency": "USD",
            "bands": '[{"kind": "NOBODY"}]',
            "expires_after_hours": "48",
            "escalates_to": "ADMIN",
            "reason": "New year",
        },
    )

    assert (rule.status_code, matrix.status_code, broken.status_code) == (302, 302, 200)
    with tenancy.organization(cast.organization.id):
        assert models.GiftRule.objects.get(code="OUR-CODE").limit_minor == 50_00
        assert models.ApprovalPolicy.objects.get().bands[0]["role"] == "FINANCE"

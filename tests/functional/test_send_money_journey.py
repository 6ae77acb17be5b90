"""A gift's money through the API: Maya asks, Femi approves, it goes, arrives and is charged."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest

from gifting import models
from gifting.domain.ledger import Balances
from gifting.services import tenancy
from tests.factories import ledger, organizations, requests, sends
from tests.functional import api

pytestmark = pytest.mark.django_db

SHOWN = """
    send { id state decision { outcome formula versions facts }
        commitments { reserved { amount } budgetId }
        costShares { component amount { amount } }
        costs { component basis amount { amount } } }
    userErrors { code field message }
"""
REPORTS = """
    query ($from: Date!, $to: Date!) {
        breakage(startsOn: $from, endsOn: $to) {
            vendor issued { amount } breakage { amount } open { amount } }
        creditMemos { reference amount { amount } left { amount } }
        spendTraces { currency total { amount } budgeted { amount } unbudgeted { amount } } }
"""


@pytest.fixture
def cast() -> organizations.Cast:
    return organizations.make_cast()


def test_a_gift_is_asked_for_approved_sent_delivered_and_refunded(
    cast: organizations.Cast,
) -> None:
    asked, budget = _asked(cast)
    maya, femi, otto = map(api.of_person, (cast.maya, cast.femi, cast.otto))

    requested = _do(maya, "requestSend", "RequestSendInput", asked)
    send_id = requested["send"]["id"]
    own = maya.ask(_document("approveSend", "ApproveSendInput"), _input({"sendId": send_id}))
    approved = _do(femi, "approveSend", "ApproveSendInput", {"sendId": send_id})
    sent = _do(maya, "dispatchSend", "SendMomentInput", {"sendId": send_id})
    arrived = _do(maya, "recordDelivery", "SendMomentInput", {"sendId": send_id})
    charge = {"sendId": send_id, "costs": [_cost("ITEM", 45_00), _cost("SHIPPING", 9_00)]}
    charged = _do(femi, "recordSendCharge", "RecordSendChargeInput", charge)
    refund = {"sendId": send_id, "amount": {"amountMinor": 4_00, "currency": "USD"}}
    refunded = _do(femi, "refundSend", "RefundSendInput", refund)
    hidden = otto.ask(_document("cancelSend", "SendMomentInput"), _input({"sendId": send_id}))

    assert requested["send"]["state"] == "PENDING_APPROVAL"
    assert requested["send"]["decision"] is None
    assert own.codes == ["FORBIDDEN"]
    decision = approved["send"]["decision"]
    assert (decision["outcome"], decision["facts"]["total_minor"]) == ("APPROVED", 58_00)
    assert decision["versions"]["approval_policy"] == "0"
    assert approved["send"]["commitments"][0]["reserved"]["amount"] == "58.00"
    assert [each["send"]["state"] for each in (sent, arrived)] == ["OFFERED", "DELIVERED"]
    assert [each["basis"] for each in arrived["send"]["costs"]] == ["ESTIMATED", "ESTIMATED"]
    assert {each["component"]: each["amount"]["amount"] for each in charged["send"]["costs"]} == {
        "ITEM": "45.00",
        "SHIPPING": "9.00",
    }
    assert refunded["send"]["costShares"][-1] == {
        "component": "REFUND",
        "amount": {"amount": "-4.00"},
    }
    assert hidden.codes or hidden.data["cancelSend"]["userErrors"]
    with tenancy.organization(cast.organization.id):
        assert ledger.balances(budget) == Balances(100_00, actual=50_00)


def test_what_does_not_fit_is_said_and_kept(cast: organizations.Cast) -> None:
    asked, budget = _asked(cast, amount_minor=57_99)
    requested = _do(api.of_person(cast.maya), "requestSend", "RequestSendInput", asked)
    send_id = requested["send"]["id"]

    refused = _do(api.of_person(cast.femi), "approveSend", "ApproveSendInput", {"sendId": send_id})

    assert [error["code"] for error in refused["userErrors"]] == ["BUDGET_EXCEEDED"]
    assert refused["send"]["decision"]["outcome"] == "REFUSED"
    with tenancy.organization(cast.organization.id):
        assert ledger.balances(budget) == Balances(57_99)


def test_credits_and_where_the_spend_stands_are_read(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        requests.make_credit_use()
        sends.make_cost_line(sends.make_send(), 30_00)

    found = api.of_person(cast.femi).ask(REPORTS, {"from": "2025-03-01", "to": "2025-04-01"}).data

    assert [row["issued"]["amount"] for row in found["breakage"]] == ["58.00"]
    assert [row["open"]["amount"] for row in found["breakage"]] == ["48.00"]
    assert [memo["left"]["amount"] for memo in found["creditMemos"]] == ["48.00"]
    assert found["spendTraces"] == [
        {
            "currency": "USD",
            "total": {"amount": "30.00"},
            "budgeted": {"amount": "0.00"},
            "unbudgeted": {"amount": "30.00"},
        }
    ]


def _asked(
    cast: organizations.Cast, amount_minor: int = 100_00
) -> tuple[dict[str, Any], models.Budget]:
    with tenancy.organization(cast.organization.id):
        campaign = sends.make_campaign()
        budget = ledger.make_budget(amount_minor, cost_center=organizations.root_cost_center())
        given = {
            "campaignId": _id("Campaign", campaign.public_id),
            "vendorId": _id("Vendor", sends.make_vendor().public_id),
            "costCenterId": _id("CostCenter", campaign.cost_center.public_id),
            "estimate": [_cost("ITEM", 50_00), _cost("SHIPPING", 8_00)],
            "shares": [{"budgetId": _id("Budget", budget.public_id)}],
        }
        return given, budget


def _do(client: api.Api, name: str, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = client.ask(_document(name, kind), _input(given)).data[name]
    return answer


def _document(name: str, kind: str) -> str:
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {SHOWN} }} }}"


def _input(given: dict[str, Any]) -> dict[str, Any]:
    return {"input": {"idempotencyKey": str(uuid.uuid4()), **given}}


def _cost(component: str, amount_minor: int) -> dict[str, Any]:
    return {
        "component": component,
        "amount": {"amountMinor": amount_minor, "currency": "USD"},
    }


def _id(kind: str, public_id: uuid.UUID) -> str:
    return base64.b64encode(f"{kind}:{public_id}".encode()).decode()

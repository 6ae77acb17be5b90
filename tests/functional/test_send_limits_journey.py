"""Limits through the API: a region's is full, a soft one is passed, a file's cost is borne."""

from __future__ import annotations

from typing import Any

import pytest

from gifting import models
from gifting.domain.budgets import Enforcement
from gifting.domain.ledger import Balances
from gifting.services import tenancy
from tests.factories import controls, ledger, organizations, sends
from tests.functional import api
from tests.functional.money_mutations import document, id_of, money

pytestmark = pytest.mark.django_db


def test_a_limit_is_passed_with_a_reason_and_a_files_cost_is_borne() -> None:
    cast = organizations.make_cast()
    with tenancy.organization(cast.organization.id):
        campaign = sends.make_campaign()
        budget = ledger.make_budget(100_00, cost_center=campaign.cost_center)
        limit = controls.scoped_budget(1_00, controls.value())
        controls.set_policy(limit, enforcement=Enforcement.SOFT)
        vendor, imported = sends.make_vendor(), sends.make_send(campaign=campaign)
        sends.make_cost_line(imported, 30_00)
    asked = {
        "idempotencyKey": "gift-1",
        "campaignId": id_of("Campaign", campaign.public_id),
        "vendorId": id_of("Vendor", vendor.public_id),
        "costCenterId": id_of("CostCenter", campaign.cost_center.public_id),
        "estimate": [{"component": "ITEM", "amount": money(10_00)}],
        "shares": [{"budgetId": id_of("Budget", budget.public_id)}],
        "dimensions": [{"kind": "REGION", "code": "EMEA"}],
    }
    cost = {
        "idempotencyKey": "cost-1",
        "sendId": id_of("Send", imported.public_id),
        "budgetId": id_of("Budget", budget.public_id),
        "reason": "Paid by card",
    }
    maya, femi = api.of_person(cast.maya), api.of_person(cast.femi)

    assert _codes(maya, "requestSend", asked) == []
    with tenancy.organization(cast.organization.id):
        send = models.Send.objects.get(external_id="gift-1")
    which = {"idempotencyKey": "first", "sendId": id_of("Send", send.public_id)}
    assert _codes(femi, "approveSend", which) == ["OVERRUN_NEEDS_REASON"]
    assert _codes(femi, "approveSend", {**which, "overrunReason": "The board wants it"}) == []
    assert _codes(maya, "postSendCost", cost) == ["FORBIDDEN"]
    assert _codes(femi, "postSendCost", cost) == []
    assert _codes(femi, "postSendCost", {**cost, "idempotencyKey": "2"}) == ["ALREADY_BUDGETED"]

    with tenancy.organization(cast.organization.id):
        assert ledger.balances(budget) == Balances(100_00, committed=10_00, actual=30_00)
        assert ledger.balances(limit) == Balances(1_00, committed=10_00, overrun=9_00)


def _codes(client: api.Api, name: str, given: dict[str, Any]) -> list[str]:
    answer = client.ask(document(name), {"input": given})
    codes: list[str] = answer.codes or [error["code"] for error in answer.data[name]["userErrors"]]
    return codes

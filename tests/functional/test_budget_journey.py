"""A budget through the API: policy, plan, money beyond the limit, its settling and its end."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from gifting.services import tenancy
from tests.factories import controls, ledger, organizations, planning
from tests.functional import api
from tests.functional.money_mutations import id_of

pytestmark = pytest.mark.django_db

TREE = """
    query ($periods: [ID!]!, $version: UUID) {
        budgetTree(fiscalPeriodIds: $periods, forecastVersionId: $version) {
            name enforcement original { amount } revised { amount } requested { amount }
            committed { amount } actual { amount } overrun { amount } available { amount }
            netPosition { amount } forecast { amount } percentUsed { value } } }
"""


def _change(name: str, kind: str) -> str:
    return f"""mutation ($input: {kind}!) {{ {name}(input: $input) {{
        operationId isRepeat userErrors {{ code }} }} }}"""


def test_a_budget_is_passed_settled_and_rolled_over() -> None:
    cast = organizations.make_cast()
    femi = api.of_person(cast.femi)
    with tenancy.organization(cast.organization.id):
        budget = ledger.make_budget(100_00)
        later = ledger.make_budget(50_00, day=ledger.DAY + dt.timedelta(days=32))
        line = planning.make_line(budget=budget, planned=100_00, remaining=5_00)
        version = str(line.version.public_id)
        period = id_of("FiscalPeriod", budget.fiscal_period.public_id)

    def ask(name: str, kind: str, **asked: Any) -> Any:
        return femi.ask(_change(name, kind), {"input": asked}).data[name]

    policy = {
        "budgetId": id_of("Budget", budget.public_id),
        "enforcement": "SOFT",
        "rollover": "CARRY_COMMITTED",
        "reason": "A season of launches",
        "idempotencyKey": "policy",
    }
    first = ask("setBudgetPolicy", "SetBudgetPolicyInput", **policy)
    again = ask("setBudgetPolicy", "SetBudgetPolicyInput", **policy)
    with tenancy.organization(cast.organization.id):
        controls.commit(budget, 120_00, reason="The keynote moved")
    tree = femi.ask(TREE, {"periods": [period], "version": version}).data["budgetTree"]
    (overrun,) = femi.ask("{ budgetOverruns(isOpen: true) { id kind amount { amount } } }").data[
        "budgetOverruns"
    ]
    settled = ask(
        "settleBudgetOverrun",
        "SettleOverrunInput",
        overrunId=overrun["id"],
        resolution="Agreed with the CFO",
    )
    ended = ask(
        "rollOverBudget",
        "EndBudgetInput",
        budgetId=id_of("Budget", budget.public_id),
        toBudgetId=id_of("Budget", later.public_id),
        reason="The period ends",
        effectiveOn=str(ledger.DAY),
        idempotencyKey="end",
    )
    register = femi.ask(
        "query ($id: ID!) { budgetRegister(budgetId: $id) { kind amountMinor } }",
        {"id": id_of("Budget", budget.public_id)},
    ).data["budgetRegister"]

    assert [each["isRepeat"] for each in (first, again)] == [False, True]
    shown = next(each for each in tree if each["enforcement"] == "SOFT")
    assert shown == {
        "name": budget.name,
        "enforcement": "SOFT",
        "original": {"amount": "100.00"},
        "revised": {"amount": "100.00"},
        "requested": {"amount": "0.00"},
        "committed": {"amount": "120.00"},
        "actual": {"amount": "0.00"},
        "overrun": {"amount": "20.00"},
        "available": {"amount": "0.00"},
        "netPosition": {"amount": "-20.00"},
        "forecast": {"amount": "125.00"},
        "percentUsed": {"value": "1.200000"},
    }
    assert (overrun["kind"], overrun["amount"]["amount"]) == ("DECISION", "20.00")
    assert settled["userErrors"] == []
    assert ended["userErrors"] == []
    assert [each["kind"] for each in register] == ["ORIGINAL", "CARRY_FORWARD"]

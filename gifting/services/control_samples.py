"""Leave an example of a budget's policy, of a request that was taken back, and of a rollover."""

from __future__ import annotations

import datetime as dt
from typing import Final
from uuid import UUID

from gifting.domain import access, budgets, money
from gifting.services import dimensions, ledger, policies, spend_requests

KEY: Final = "sample-control"
REGION: Final = "SBX-EMEA"
AMOUNT_MINOR: Final = 10_00


def keep(*, actor: access.Actor, budget_id: int, currency: str, day: dt.date) -> None:
    """Judge the budget by a policy, ask for a part of it, and reserve some for a region."""
    share = ledger.Share(budget_id, money.Money(AMOUNT_MINOR, currency))
    policies.set_policy(
        actor=actor,
        key=f"{KEY}-policy",
        budget_id=budget_id,
        policy=policies.Policy(rollover=budgets.Rollover.LAPSE),
        reason="An example of the sandbox",
    )
    asked = spend_requests.request(
        actor=actor, key=f"{KEY}-ask", shares=[share], effective_on=day, reference=KEY
    )
    spend_requests.withdraw(
        actor=actor,
        key=f"{KEY}-withdraw",
        requests=[UUID(each) for each in asked.response["requests"]],
        reason="Not needed any more",
    )
    region = dimensions.name_value(actor=actor, kind=budgets.DimensionKind.REGION, code=REGION)
    reserved = ledger.commit(
        actor=actor,
        key=f"{KEY}-commit",
        shares=[share],
        effective_on=day,
        dimension_values=[region],
    )
    ledger.void(
        actor=actor,
        key=f"{KEY}-void",
        commitment=UUID(reserved.response["commitments"][0]),
        amount=share.amount,
        effective_on=day,
    )


def end(*, actor: access.Actor, budget_id: int, day: dt.date) -> None:
    """Let the budget end, and what is left of it lapse."""
    policies.roll_over(
        actor=actor,
        key=f"{KEY}-end",
        budget_id=budget_id,
        to_budget_id=None,
        reason="The examples are done",
        effective_on=day,
    )

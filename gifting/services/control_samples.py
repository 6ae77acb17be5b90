"""Leave an example of a budget's policy, a request taken back, a rollover and a shared budget."""

from __future__ import annotations

import datetime as dt
from typing import Final
from uuid import UUID

from gifting import models
from gifting.domain import access, money
from gifting.domain import budgets as rules
from gifting.domain.shared import Mode
from gifting.selectors import organizations
from gifting.services import (
    budgets,
    dimensions,
    ledger,
    periods,
    policies,
    shared,
    spend_requests,
)

KEY: Final = "sample-control"
REGION: Final = "SBX-EMEA"
AMOUNT_MINOR: Final = 10_00
A_PERIOD_LATER: Final = dt.timedelta(days=40)


def keep(*, actor: access.Actor, budget_id: int, currency: str, day: dt.date) -> None:
    """Judge the budget by a policy, ask for a part of it, and reserve some for a region."""
    share = ledger.Share(budget_id, money.Money(AMOUNT_MINOR, currency))
    policies.set_policy(
        actor=actor,
        key=f"{KEY}-policy",
        budget_id=budget_id,
        policy=policies.Policy(rollover=rules.Rollover.LAPSE),
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
    region = dimensions.name_value(actor=actor, kind=rules.DimensionKind.REGION, code=REGION)
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


def share(
    *, actor: access.Actor, asker: access.Actor, approver: access.Actor, currency: str, day: dt.date
) -> None:
    """Share a budget for a while: fund it, lend a part, give it back, and take the funds away.

    It all stands in the period after the examples' own, and comes to nothing.
    """
    later = day + A_PERIOD_LATER
    period_id = periods.of_decision(actor=actor, day=later)
    root = organizations.root_cost_center_id()
    other = models.CostCenter.objects.exclude(id=root).order_by("id").first()
    lender, borrower = (
        budgets.approve(
            actor=actor,
            name=f"Shared example {place} (sandbox)",
            amount=money.Money.zero(currency),
            cost_center_id=place,
            fiscal_period_id=period_id,
        )
        for place in (root, other.pk if other else root)
    )
    pool = shared.create(actor=actor, name="Shared example (sandbox)", currency=currency)
    amount = money.Money(AMOUNT_MINOR, currency)
    people = {lender: approver, borrower: asker}

    def agree(name: str, contribution_minor: int) -> None:
        proposed = shared.propose(
            actor=asker,
            key=f"{KEY}-{name}-propose",
            shared_budget=pool,
            terms=shared.Terms(
                fiscal_period_id=period_id,
                mode=Mode.SHARED,
                manager_id=_person(approver),
                sides=[
                    shared.Side(budget_id, _person(side), contribution_minor)
                    for budget_id, side in people.items()
                ],
                reason="An example of the sandbox",
            ),
        )
        terms = UUID(proposed.response["terms"])
        for side in people.values():
            shared.consent(actor=side, terms=terms)
        shared.activate(actor=approver, key=f"{KEY}-{name}", terms=terms)

    agree("join", AMOUNT_MINOR)
    loan = shared.lend(
        actor=approver,
        key=f"{KEY}-lend",
        lender_id=lender,
        borrower_id=borrower,
        amount=amount,
        reason="A deal came early",
        requested_by_id=_person(asker),
    )
    shared.repay(
        actor=asker,
        key=f"{KEY}-repay",
        loan=UUID(loan.response["loan"]),
        amount=amount,
        reason="As agreed",
    )
    agree("leave", 0)


def _person(actor: access.Actor) -> int:
    if actor.user_id is None:
        raise ValueError("A side of a shared budget is spoken for by a person.")
    return actor.user_id


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

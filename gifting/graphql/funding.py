"""What stands behind a send's money: its decision, its commitments, and who bears its cost."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final
from uuid import UUID

import strawberry
from strawberry import relay
from strawberry.scalars import JSON

from gifting.domain import decisions
from gifting.graphql import fields, scalars
from gifting.models import sends as send_models

BUDGET_NODE: Final = "Budget"

fields.describe(
    send_models.Component,
    name="CostComponent",
    description="A part of what a send costs.",
    values={
        "ITEM": "The gift itself.",
        "HANDLING": "Packing and handling.",
        "SHIPPING": "Carriage.",
        "TAX": "Sales or value-added tax.",
        "DUTY": "Customs duty.",
        "FEE": "The vendor's fee.",
        "PERSONALIZATION": "Engraving, printing and the like.",
        "PACKAGING": "Wrapping that is charged by itself.",
        "REFUND": "What came back, as money or as a credit; below zero.",
        "BREAKAGE": "What was lost because a credit for it died.",
    },
)
fields.describe(
    decisions.Outcome,
    name="SendDecisionOutcome",
    description="What a decision said.",
    values={
        "APPROVED": "The whole estimate is reserved.",
        "REFUSED": "Nothing is reserved; the reasons say why.",
    },
)


def budget_id(column: str) -> Any:
    """Show the id of the budget whose public id a column holds."""
    return fields.derived(
        lambda row, _: relay.GlobalID(BUDGET_NODE, str(getattr(row, column))),
        description="The id of the budget, to be read with `node` where the viewer may.",
    )


@strawberry.type(description="Why a send was refused.", directives=[scalars.FREE])
class DecisionReason:
    """Show a reason."""

    code: str = strawberry.field(description="Stable and safe to switch on.")
    message: str = strawberry.field(description="For people.")


@strawberry.type(
    description="One answer to the request of a send, with everything that decided it.",
    directives=[scalars.FREE],
)
class SendDecision:
    """Show a decision."""

    id: UUID = fields.derived(
        lambda row, _: row.public_id, description="Its id, also in the audit trail."
    )
    outcome: decisions.Outcome = strawberry.field(description="What it said.")
    reasons: list[DecisionReason] = fields.derived(
        lambda row, _: [DecisionReason(**reason) for reason in row.reasons],
        description="Why it was refused; empty when it was not.",
        directives=[scalars.ListSize(assumed_size=2)],
    )
    facts: JSON = strawberry.field(
        description="What was looked at: the estimate, what each fund was asked for and had, the "
        "approval, and what each gift rule found. Amounts in minor units."
    )
    inputs_hash: str = strawberry.field(description="SHA-256 of the facts.")
    formula: str = strawberry.field(description="How the room in the budgets is computed.")
    versions: JSON = strawberry.field(
        description="The versions of the money timing, the approval policy and the gift rules."
    )
    recorded_at: dt.datetime = strawberry.field(description="When it was decided.")


@strawberry.type(
    description="What of a commitment is there for the send.", directives=[scalars.FREE]
)
class SendCommitment:
    """Show what was reserved in one budget."""

    commitment_id: UUID = fields.derived(
        lambda row, _: row.commitment__public_id,
        description="The commitment; sends of one batch share it.",
    )
    reserved: scalars.Money = fields.amount(
        "amount_minor", currency="fund__currency", description="What was reserved for the send."
    )
    budget_id: relay.GlobalID = budget_id("fund__budget__public_id")
    expires_at: dt.datetime | None = fields.derived(
        lambda row, _: row.commitment__expires_at,
        description="When what is left of it comes back by itself; null for never.",
    )


@strawberry.type(
    description="What one budget bore of a change of a cost component.", directives=[scalars.FREE]
)
class CostShare:
    """Show a share."""

    component: send_models.Component = fields.derived(
        lambda row, _: send_models.Component(row.cost_line__component),
        description="Which part of the cost.",
    )
    version: int = fields.derived(
        lambda row, _: row.cost_line__version, description="The version of the component."
    )
    amount: scalars.Money = fields.amount(
        "amount_minor",
        currency="fund__currency",
        description="The budget's part of the change, by largest remainder; below zero came back.",
    )
    budget_id: relay.GlobalID = budget_id("fund__budget__public_id")
    operation_id: UUID = fields.derived(
        lambda row, _: row.operation__public_id,
        description="The operation of the ledger that posted it.",
    )

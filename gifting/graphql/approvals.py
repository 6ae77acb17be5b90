"""Approvals as the API shows them: the matrix, requests with their answers, and the inbox."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Final, cast
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import access, recipients
from gifting.domain import approvals as matrix
from gifting.graphql import context, fields, inputs, loaders, pages, scalars, types
from gifting.selectors import approvals as records
from gifting.selectors import records as pages_of

CURRENCY: Final = "ISO 4217 code of the currency of its amounts."
STATES: Final = {
    "PENDING": "Waits for an answer.",
    "APPROVED": "Approved by all who had to, or by nobody when none had to.",
    "REJECTED": "Refused by one of them.",
    "EXPIRED": "Nobody decided in time.",
    "WITHDRAWN": "Taken back.",
}

fields.describe(
    matrix.RequestState,
    name="ApprovalState",
    description="What became of an approval request.",
    values=STATES,
)
fields.describe(
    matrix.Verdict,
    name="ApprovalVerdict",
    description="An answer to a request.",
    values={"APPROVED": "Yes.", "REJECTED": "No, which ends the request."},
)
fields.describe(
    matrix.ApproverKind,
    name="ApproverKind",
    description="How a step says who has to approve.",
    values={
        "ROLE": "Anybody of a role.",
        "PERSON": "One person.",
        "COST_CENTER_OWNER": "The owner of the cost center, or of the nearest above.",
    },
)
fields.describe(
    recipients.RecipientClass,
    name="RecipientClass",
    description="What a recipient is to the giver, or to the law.",
    values={
        "UNKNOWN": "Nobody has said.",
        "PROSPECT": "May become a customer.",
        "CUSTOMER": "Buys from the organization.",
        "PARTNER": "Sells with it.",
        "EMPLOYEE": "Works for it.",
        "PROCUREMENT": "Decides on purchases from it.",
        "PUBLIC_OFFICIAL": "Holds a public office, or works for one.",
        "HEALTHCARE_PROFESSIONAL": "Prescribes or treats.",
        "BROKER_DEALER": "Is associated with a member of FINRA.",
        "MINOR": "Is under age.",
    },
)


@dataclass(frozen=True, slots=True)
class _Step:
    number: int
    kind: matrix.ApproverKind
    role: access.Role | None
    count: int


@strawberry.type(description="An approver who is needed.", directives=[scalars.FREE])
class ApprovalStep:
    """Show a step."""

    number: int = strawberry.field(description="Its number in the request.")
    kind: matrix.ApproverKind = strawberry.field(description="How it says who.")
    role: access.Role | None = strawberry.field(description="The role, where it asks for one.")
    count: int = strawberry.field(description="How many different people are needed.")


@strawberry.type(description="One person's answer to a request.", directives=[scalars.FREE])
class Approval:
    """Show an answer."""

    verdict: matrix.Verdict = fields.derived(
        lambda row, _: matrix.Verdict(row.verdict), description="The answer."
    )
    approved_by: str = fields.derived(
        lambda row, _: row.approved_by__username, description="The login of who answered."
    )
    on_behalf_of: str = fields.derived(
        lambda row, _: row.on_behalf_of__username,
        description="The login of whom it was answered for: the same person without a delegation.",
    )
    step_numbers: list[int] = strawberry.field(description="The steps that it counts for.")
    reason: str = strawberry.field(description="Why; empty when nothing was said.")
    decided_at: dt.datetime = strawberry.field(description="When.")


class AnswersByRequestIdLoader(loaders.DetailsByWholeIdLoader):
    details = records.ANSWERS


@strawberry.type(
    name="ApprovalRequest",
    description="What somebody wants to do, the facts it was judged by, and who has to approve.",
)
class ApprovalRequest(fields.Record):
    """Show a request."""

    rows: ClassVar = records.REQUESTS

    public_id: relay.NodeID[UUID]
    subject_kind: str = strawberry.field(description="What is to be approved, such as SEND.")
    subject_id: strawberry.ID = fields.derived(
        lambda row, _: str(row.subject_id), description="Its public id."
    )
    amount: scalars.Money = fields.amount(
        "amount_minor", description="How much, in the currency of the policy."
    )
    available: scalars.Money | None = fields.amount(
        "available_minor", description="What the budget had left before this; null when unknown."
    )
    revised: scalars.Money | None = fields.amount(
        "revised_minor", description="The budget as revised; null when unknown."
    )
    opportunity_amount: scalars.Money | None = fields.amount(
        "opportunity_minor",
        description="The open opportunity's amount, as the requester's system said; null without.",
    )
    recipient_class: recipients.RecipientClass = fields.derived(
        lambda row, _: recipients.RecipientClass(row.recipient_class),
        description="What the recipient is.",
    )
    country: str = strawberry.field(description="The recipient's country; empty when unknown.")
    cost_center: types.CostCenter | None = fields.link(
        loaders.CostCenterByIdLoader,
        "cost_center_id",
        description=f"What it is charged to. {types.UNSEEN}",
    )
    gift_rules: list[str] = fields.derived(
        lambda row, _: row.rules, description="The codes of the gift rules that ask for it."
    )
    policy_version: int = strawberry.field(
        description="The version of the approval policy that decided; 0 when there was none."
    )
    steps: list[ApprovalStep] = fields.derived(
        lambda row, _: [_step(each) for each in row.steps],
        description="Who has to approve.",
        directives=[scalars.ListSize(assumed_size=matrix.MOST_APPROVERS)],
    )
    reasons: list[str] = strawberry.field(description="Which bands and rules say so.")
    requested_by: str | None = fields.derived(
        lambda row, _: row.requested_by__username,
        description="The login of who asked; null for the product itself.",
    )
    reason: str = strawberry.field(description="What the requester said; may be empty.")
    requested_at: dt.datetime = strawberry.field(description="When it was asked.")
    expires_at: dt.datetime = strawberry.field(description="When it lapses if nobody decides.")
    state: matrix.RequestState = fields.derived(
        lambda row, request: _state_at(row, request.at), description="What became of it by now."
    )
    is_escalated: bool = strawberry.field(
        description="True when it was passed on because nobody decided."
    )
    decided_at: dt.datetime | None = strawberry.field(description="When it was decided.")
    answers: list[Approval] = fields.link(
        AnswersByRequestIdLoader,
        "id",
        description="The answers so far.",
        directives=[scalars.ListSize(assumed_size=matrix.MOST_APPROVERS)],
    )


@strawberry.type(
    name="ApprovalPolicy", description="A version of the approval matrix. It is never edited."
)
class ApprovalPolicy(fields.Record):
    """Show a policy."""

    rows: ClassVar = records.POLICIES

    public_id: relay.NodeID[UUID]
    version: int = strawberry.field(description="Its number; the highest that has begun counts.")
    currency: str = strawberry.field(description=CURRENCY)
    bands: list[str] = fields.derived(
        lambda row, _: list(_described(row)),
        description="Its bands in words: when each holds, and who approves then.",
    )
    forbids_delegates: bool = strawberry.field(
        description="True when delegates of the requester may not decide."
    )
    expires_after_hours: int = strawberry.field(description="Hours until a request lapses.")
    escalates_after_hours: int | None = strawberry.field(
        description="Hours until a request is passed on; null for never."
    )
    effective_at: dt.datetime = strawberry.field(description="Since when it counts.")
    reason: str = strawberry.field(description="Why it was made.")


@strawberry.input(description="Conditions on approval requests; all that are given must hold.")
class ApprovalRequestFilter:
    states: list[matrix.RequestState] | None = inputs.given("Only requests in these states.")
    subject_kinds: list[str] | None = inputs.given("Only about these kinds, such as SEND.")


@strawberry.input(description="Conditions on approval policies; all that are given must hold.")
class ApprovalPolicyFilter:
    versions: list[int] | None = inputs.given("Only these versions.")


@strawberry.enum(description="What approval requests can be ordered by.")
class ApprovalRequestOrderField(Enum):
    REQUESTED = strawberry.enum_value("id", description="The order in which they were made.")
    EXPIRES_AT = strawberry.enum_value("expires_at", description="When they lapse.")


@strawberry.enum(description="What approval policies can be ordered by.")
class ApprovalPolicyOrderField(Enum):
    VERSION = strawberry.enum_value("version", description="The version.")


ApprovalRequestOrder = inputs.order(ApprovalRequestOrderField, "approval requests")
ApprovalPolicyOrder = inputs.order(ApprovalPolicyOrderField, "approval policies")


@strawberry.type
class Query:
    """Hold the reads about approvals."""

    approval_requests: pages.Connection[ApprovalRequest] = pages.connection(
        records.REQUESTS,
        where=records.RequestWhere,
        conditions=ApprovalRequestFilter,
        order=ApprovalRequestOrder,
        unsaid_order=pages_of.Order("id", is_descending=True),
        description="The approval requests that the viewer sees. Needs READ_SPEND or APPROVE.",
    )
    approval_policies: pages.Connection[ApprovalPolicy] = pages.connection(
        records.POLICIES,
        where=records.PolicyWhere,
        conditions=ApprovalPolicyFilter,
        order=ApprovalPolicyOrder,
        unsaid_order=pages_of.Order("version", is_descending=True),
        description="The versions of the approval policy. Needs READ_SPEND or APPROVE.",
    )

    @strawberry.field(
        description="What waits for the viewer, or for those whom the viewer acts for: the oldest "
        "first, at most 100. What the viewer asked for is not in it.",
        directives=[scalars.ListSize(assumed_size=pages_of.MOST_RECORDS)],
    )
    def approval_inbox(self, info: context.Info) -> list[ApprovalRequest]:
        request = info.context
        found = records.inbox(actor=request.actor, at=request.at)
        request.meet(found)
        return cast("list[ApprovalRequest]", list(found))


def _step(kept: Mapping[str, Any]) -> _Step:
    return _Step(
        number=kept["number"],
        kind=matrix.ApproverKind(kept["kind"]),
        role=access.Role(kept["role"]) if kept["role"] else None,
        count=kept["count"],
    )


def _state_at(row: records.RequestRecord, at: dt.datetime) -> matrix.RequestState:
    state = matrix.RequestState(row.state)
    is_late = state is matrix.RequestState.PENDING and at >= row.expires_at
    return matrix.RequestState.EXPIRED if is_late else state


def _described(row: records.PolicyRecord) -> tuple[str, ...]:
    bands = tuple(records.band_of(band) for band in row.bands)
    return matrix.described(matrix.Policy(version=row.version, currency=row.currency, bands=bands))

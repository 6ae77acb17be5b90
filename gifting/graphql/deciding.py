"""What approvers and managers of policies decide: answers, delegations, overrides and rules."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import access, money, recipients
from gifting.domain import approvals as matrix
from gifting.domain import gift_rules as limits
from gifting.graphql import approvals as shown
from gifting.graphql import context, errors, inputs, scalars
from gifting.graphql import gift_rules as shown_rules
from gifting.selectors import approvals as records
from gifting.selectors import gift_rules as rule_records
from gifting.selectors import records as pages_of
from gifting.selectors import sends
from gifting.services import approvals, delegations, gift_rules, overrides

KEY: Final = (
    "A key of your own for this request, 1 to 255 visible characters: the same key again is "
    "answered from the first time."
)


@strawberry.input(description="An approval to be given.")
class ApproveRequestInput:
    idempotency_key: str = strawberry.field(description=KEY)
    request_id: relay.GlobalID = strawberry.field(description="Which request.")
    on_behalf_of: str | None = strawberry.field(
        default=None, description="The login of who delegated it; yourself without."
    )
    reason: str = strawberry.field(default="", description="Why, if there is something to say.")


@strawberry.input(description="A request to be refused.")
class RejectRequestInput:
    idempotency_key: str = strawberry.field(description=KEY)
    request_id: relay.GlobalID = strawberry.field(description="Which request.")
    reason: str = strawberry.field(description="Why: 1 to 4000 characters.")
    on_behalf_of: str | None = strawberry.field(
        default=None, description="The login of who delegated it; yourself without."
    )


@strawberry.input(description="A request to be taken back.")
class WithdrawRequestInput:
    idempotency_key: str = strawberry.field(description=KEY)
    request_id: relay.GlobalID = strawberry.field(description="Which request.")
    reason: str = strawberry.field(description="Why: 1 to 4000 characters.")


@strawberry.input(description="A delegation to be made.")
class DelegateApprovalsInput:
    idempotency_key: str = strawberry.field(description=KEY)
    to: str = strawberry.field(description="The login of who decides meanwhile.")
    delegator: str | None = strawberry.field(
        default=None, description="The login of who is away; yourself without."
    )
    starts_on: dt.date = strawberry.field(description="The first day.")
    ends_on: dt.date = strawberry.field(description="The first day without it.")
    reason: str = strawberry.field(description="Why: 1 to 4000 characters.")


@strawberry.input(description="A delegation to be ended.")
class EndDelegationInput:
    delegation_id: strawberry.ID = strawberry.field(description="The id it was answered with.")


@strawberry.input(description="An override to be allowed.")
class GrantOverrideInput:
    idempotency_key: str = strawberry.field(description=KEY)
    reason: str = strawberry.field(description="Why: 1 to 4000 characters.")
    valid_until: dt.datetime = strawberry.field(description="Its end, within 366 days.")
    rule_code: str = strawberry.field(
        default="", description="The gift rule that may pass; without one, the subject's approval."
    )
    recipient_id: relay.GlobalID | None = strawberry.field(
        default=None, description="For whom alone; everybody without."
    )
    subject_id: strawberry.ID | None = strawberry.field(
        default=None, description="The public id of the one thing that it is for."
    )
    requested_by: str | None = strawberry.field(
        default=None, description="The login of who asked for it; never yourself."
    )
    most_uses: int | None = strawberry.field(
        default=1, description="How often it may be used; null for any number."
    )


@strawberry.input(description="A line of the matrix; a condition that is left out always holds.")
class ApprovalBandInput:
    kind: matrix.ApproverKind = strawberry.field(description="How it says who approves.")
    role: access.Role | None = strawberry.field(default=None, description="The role, for ROLE.")
    person: str | None = strawberry.field(default=None, description="The login, for PERSON.")
    count: int = strawberry.field(default=1, description="How many different people, 1 to 10.")
    amount_at_least_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="From this amount on, in minor units."
    )
    recipient_classes: list[recipients.RecipientClass] = strawberry.field(
        default_factory=list, description="Only for these recipients; for all when empty."
    )
    countries: list[str] = strawberry.field(
        default_factory=list, description="Only in these countries (ISO 3166); in all when empty."
    )
    left_below_percent: int | None = strawberry.field(
        default=None,
        description="Only when less of the revised budget would be left after it: 100 x (available "
        "- amount) / revised, in whole percent.",
    )
    left_below_minor: scalars.MinorUnits | None = strawberry.field(
        default=None, description="Only when less would be left after it, in minor units."
    )
    ratio_above_basis_points: int | None = strawberry.field(
        default=None,
        description="Only when amount / open opportunity is more, in 1/100 of a percent.",
    )
    counts_unknown: bool = strawberry.field(
        default=True, description="Whether an unknown budget or opportunity meets the condition."
    )
    when_rule_asks: bool = strawberry.field(
        default=False, description="Only when a gift rule asks for an approval."
    )


@strawberry.input(description="A version of the approval matrix to be put in force.")
class DefineApprovalPolicyInput:
    idempotency_key: str = strawberry.field(description=KEY)
    currency: str = strawberry.field(description=shown.CURRENCY)
    bands: list[ApprovalBandInput] = strawberry.field(description="Its lines, at most 100.")
    reason: str = strawberry.field(description="Why: 1 to 4000 characters.")
    forbids_delegates: bool = strawberry.field(
        default=True, description="Whether delegates of the requester may not decide."
    )
    expires_after_hours: int = strawberry.field(
        default=336, description="Hours until a request lapses."
    )
    escalates_after_hours: int | None = strawberry.field(
        default=None, description="Hours until a request is passed on; never without."
    )
    escalates_to: access.Role = strawberry.field(
        default=access.Role.ADMIN, description="The role that it is passed on to."
    )


@strawberry.input(description="A version of a limit on gifts to be put in force.")
class DefineGiftRuleInput:
    idempotency_key: str = strawberry.field(description=KEY)
    code: str = strawberry.field(
        description="Its code: 1 to 64 characters. One that is there gets its next version."
    )
    limit: inputs.MoneyInput = strawberry.field(
        description="The most that is allowed; not below zero."
    )
    window: limits.Window = strawberry.field(description="Over which days gifts are added up.")
    basis: limits.Basis = strawberry.field(description="Of which parts of their cost.")
    action: limits.Action = strawberry.field(description="What happens above it.")
    source: str = strawberry.field(description="Where it comes from: 1 to 4000 characters.")
    valid_from: dt.date = strawberry.field(description="Its first day.")
    valid_until: dt.date | None = strawberry.field(
        default=None,
        description="The first day without it; its first day retires the code from then on.",
    )
    jurisdiction: str = strawberry.field(
        default="", description="ISO 3166 code; empty for everywhere."
    )
    side: limits.Side = strawberry.field(
        default=limits.Side.RECIPIENT, description="Whose country that is."
    )
    recipient_class: recipients.RecipientClass | None = strawberry.field(
        default=None, description="For whom; everybody without."
    )
    gift_kind: limits.GiftKind | None = strawberry.field(
        default=None, description="For which gifts; all without."
    )
    is_cliff: bool = strawberry.field(
        default=False, description="Whether all counts above the limit, not the excess alone."
    )
    reviewer: str = strawberry.field(default="", description="Who looked at it.")


@strawberry.type(description="What became of a version of a gift rule.")
class GiftRulePayload(errors.Payload):
    """Answer a gift rule."""

    gift_rule: shown_rules.GiftRule | None = strawberry.field(
        default=None, description="The newest version of the rule; null when it was refused."
    )


@strawberry.type(description="What became of an answer, or of the wish to take a request back.")
class ApprovalPayload(errors.Payload):
    """Answer what is about one request."""

    approval_request: shown.ApprovalRequest | None = strawberry.field(
        default=None, description="The request as it stands; null when it was refused."
    )


@strawberry.type(description="What became of a delegation.")
class DelegationPayload(errors.Payload):
    """Answer a delegation."""

    delegation_id: strawberry.ID | None = strawberry.field(
        default=None, description="Its id, to end it by; null when it was refused."
    )


@strawberry.type(description="What became of an override.")
class OverridePayload(errors.Payload):
    """Answer an override."""

    override_id: strawberry.ID | None = strawberry.field(
        default=None, description="Its id; null when it was refused."
    )


@strawberry.type(description="What became of a version of the matrix.")
class ApprovalPolicyPayload(errors.Payload):
    """Answer a policy."""

    version: int | None = strawberry.field(
        default=None, description="Its number; null when it was refused."
    )


@strawberry.type
class Mutation:
    """Hold the writes about approvals."""

    @strawberry.field(
        description="Approve a request, for yourself or for who delegated it to you. Needs APPROVE "
        "or a delegation; never for what you asked for or prepared.",
        extensions=[errors.RefusalsAsUserErrors(ApprovalPayload)],
    )
    def approve_request(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ApproveRequestInput, strawberry.argument(description="The answer.")
        ],
    ) -> ApprovalPayload:
        request = info.context
        outcome = approvals.approve(
            actor=request.actor,
            key=input.idempotency_key,
            request_id=_request_id(input.request_id),
            on_behalf_of=_user_id(input.on_behalf_of, "on_behalf_of"),
            reason=input.reason,
            at=request.at,
        )
        return _payload(request, outcome)

    @strawberry.field(
        description="Refuse a request, which ends it. Needs APPROVE or a delegation; never for "
        "what you asked for or prepared.",
        extensions=[errors.RefusalsAsUserErrors(ApprovalPayload)],
    )
    def reject_request(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            RejectRequestInput, strawberry.argument(description="The answer.")
        ],
    ) -> ApprovalPayload:
        request = info.context
        outcome = approvals.reject(
            actor=request.actor,
            key=input.idempotency_key,
            request_id=_request_id(input.request_id),
            on_behalf_of=_user_id(input.on_behalf_of, "on_behalf_of"),
            reason=input.reason,
            at=request.at,
        )
        return _payload(request, outcome)

    @strawberry.field(
        description="Take a request back. Needs to be yours, or MANAGE_ACCESS.",
        extensions=[errors.RefusalsAsUserErrors(ApprovalPayload)],
    )
    def withdraw_request(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            WithdrawRequestInput, strawberry.argument(description="Which, and why.")
        ],
    ) -> ApprovalPayload:
        request = info.context
        outcome = approvals.withdraw(
            actor=request.actor,
            key=input.idempotency_key,
            request_id=_request_id(input.request_id),
            reason=input.reason,
            at=request.at,
        )
        return _payload(request, outcome)

    @strawberry.field(
        description="Let somebody decide for an approver for some days. Needs to be your own, or "
        "MANAGE_ACCESS.",
        extensions=[errors.RefusalsAsUserErrors(DelegationPayload)],
    )
    def delegate_approvals(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            DelegateApprovalsInput, strawberry.argument(description="The delegation.")
        ],
    ) -> DelegationPayload:
        actor = info.context.actor
        delegator = _user_id(input.delegator, "delegator") or actor.user_id
        if delegator is None:
            raise delegations.DelegationUnusable(
                "A machine decides nothing. Name who is away.", field="delegator"
            )
        made = delegations.delegate(
            actor=actor,
            key=input.idempotency_key,
            delegator=delegator,
            to=records.user_id_of(input.to, field="to"),
            starts_on=input.starts_on,
            ends_on=input.ends_on,
            reason=input.reason,
        )
        return DelegationPayload(delegation_id=strawberry.ID(str(made)))

    @strawberry.field(
        description="End a delegation now; what was decided under it stays. Needs to be your own, "
        "or MANAGE_ACCESS.",
        extensions=[errors.RefusalsAsUserErrors(DelegationPayload)],
    )
    def end_delegation(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            EndDelegationInput, strawberry.argument(description="Which.")
        ],
    ) -> DelegationPayload:
        request = info.context
        ended = inputs.read_public_id(str(input.delegation_id), field="delegation_id")
        delegations.revoke(actor=request.actor, delegation_id=ended, at=request.at)
        return DelegationPayload(delegation_id=input.delegation_id)

    @strawberry.field(
        description="Let a gift rule, or the approval of one thing, pass for a reason and a time. "
        "Needs APPROVE; never for who asked for it.",
        extensions=[errors.RefusalsAsUserErrors(OverridePayload)],
    )
    def grant_override(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            GrantOverrideInput, strawberry.argument(description="The override.")
        ],
    ) -> OverridePayload:
        request = info.context
        made = overrides.grant(
            actor=request.actor,
            key=input.idempotency_key,
            reason=input.reason,
            requested_by=_user_id(input.requested_by, "requested_by"),
            valid_until=input.valid_until,
            at=request.at,
            rule_code=input.rule_code,
            recipient_id=recipient_key(request, input.recipient_id),
            subject_id=None
            if input.subject_id is None
            else inputs.read_public_id(str(input.subject_id), field="subject_id"),
            most_uses=input.most_uses,
        )
        return OverridePayload(override_id=strawberry.ID(str(made)))

    @strawberry.field(
        description="Put a new version of the approval matrix in force; older ones stay as they "
        "are, with what was asked under them. Needs MANAGE_POLICIES.",
        extensions=[errors.RefusalsAsUserErrors(ApprovalPolicyPayload)],
    )
    def define_approval_policy(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            DefineApprovalPolicyInput, strawberry.argument(description="The version.")
        ],
    ) -> ApprovalPolicyPayload:
        request = info.context
        request.actor.require(access.Permission.MANAGE_POLICIES)
        policy = matrix.Policy(
            version=0,
            currency=input.currency,
            bands=tuple(_band(number, band) for number, band in enumerate(input.bands, start=1)),
            forbids_delegates=input.forbids_delegates,
            expires_after_hours=input.expires_after_hours,
            escalates_after_hours=input.escalates_after_hours,
            escalates_to=input.escalates_to,
        )
        version = approvals.define_policy(
            actor=request.actor,
            key=input.idempotency_key,
            policy=policy,
            reason=input.reason,
            at=request.at,
        )
        return ApprovalPolicyPayload(version=version)

    @strawberry.field(
        description="Put a rule on gifts, or the next version of one, in force; older ones stay as "
        "they are. Needs MANAGE_POLICIES.",
        extensions=[errors.RefusalsAsUserErrors(GiftRulePayload)],
    )
    def define_gift_rule(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            DefineGiftRuleInput, strawberry.argument(description="The rule.")
        ],
    ) -> GiftRulePayload:
        rule = limits.Rule(
            code=input.code,
            version=0,
            limit=money.Money(input.limit.amount_minor, input.limit.currency),
            window=input.window,
            basis=input.basis,
            action=input.action,
            jurisdiction=input.jurisdiction,
            side=input.side,
            recipient_class=input.recipient_class,
            gift_kind=input.gift_kind,
            is_cliff=input.is_cliff,
            valid_from=input.valid_from,
            valid_until=input.valid_until,
            source=input.source,
            reviewer=input.reviewer,
        )
        actor = info.context.actor
        gift_rules.define_rule(actor=actor, key=input.idempotency_key, rule=rule)
        found = rule_records.RULES.page(
            actor=actor,
            where=rule_records.RuleWhere(codes=[rule.code]),
            order=pages_of.Order("version", is_descending=True),
            window=pages_of.Window(first=1),
        )
        # The row has the type's own attributes.
        return GiftRulePayload(gift_rule=found.records[0])  # type: ignore[arg-type]


def recipient_key(request: context.Context, asked: relay.GlobalID | None) -> int | None:
    """Return the internal key of a recipient; raises Forbidden and NotFound."""
    if asked is None:
        return None
    public_id = inputs.public_id(asked, node="Recipient", field="recipient_id")
    return sends.RECIPIENTS.key(actor=request.actor, public_id=public_id, field="recipient_id")


def _band(number: int, given: ApprovalBandInput) -> matrix.Band:
    return matrix.Band(
        number=number,
        approver=matrix.Approver(
            given.kind, role=given.role, user_id=_user_id(given.person, "bands")
        ),
        count=given.count,
        amount_at_least_minor=given.amount_at_least_minor,
        recipient_classes=frozenset(given.recipient_classes),
        countries=frozenset(given.countries),
        left_below_percent=given.left_below_percent,
        left_below_minor=given.left_below_minor,
        ratio_above_basis_points=given.ratio_above_basis_points,
        counts_unknown=given.counts_unknown,
        when_rule_asks=given.when_rule_asks,
    )


def _user_id(username: str | None, field: str) -> int | None:
    return None if username is None else records.user_id_of(username, field=field)


def _request_id(asked: relay.GlobalID) -> UUID:
    return inputs.public_id(asked, node="ApprovalRequest", field="request_id")


def _payload(request: context.Context, outcome: approvals.Outcome) -> ApprovalPayload:
    found = records.REQUESTS.by_public_ids(actor=request.actor, ids=[outcome.request_id])
    row = found.get(outcome.request_id)
    request.meet([row] if row else [])
    # The row has the type's own attributes.
    return ApprovalPayload(approval_request=row)  # type: ignore[arg-type]

"""The writes of the gifting room: each field reads its input, makes one call and shows the result.

A refusal is an answer: the payload's `userErrors` say why nothing was done.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import strawberry
from strawberry import relay

from gifting.domain import access as access_rules
from gifting.domain import money
from gifting.graphql import context, errors, inputs, types
from gifting.selectors import budgets as budget_records
from gifting.selectors import campaigns as campaign_records
from gifting.selectors import fiscal, records, tokens
from gifting.selectors import vendors as vendor_records
from gifting.services import access, budgets, campaigns, dimensions, vendors


@strawberry.type(description="What became of a campaign that was to be made.")
class CreateCampaignPayload(errors.Payload):
    """Answer `createCampaign`."""

    campaign: types.Campaign | None = strawberry.field(
        default=None, description="The new campaign; null when it was refused."
    )


@strawberry.type(description="What became of a vendor that was to be made.")
class CreateVendorPayload(errors.Payload):
    """Answer `createVendor`."""

    vendor: types.Vendor | None = strawberry.field(
        default=None, description="The new vendor; null when it was refused."
    )


@strawberry.type(description="What became of a budget that was to be approved.")
class ApproveBudgetPayload(errors.Payload):
    """Answer `approveBudget`."""

    budget: types.Budget | None = strawberry.field(
        default=None, description="The new budget; null when it was refused."
    )


@strawberry.type(description="What became of a token that was to be issued.")
class IssueServiceTokenPayload(errors.Payload):
    """Answer `issueServiceToken`."""

    service_token: types.ServiceToken | None = strawberry.field(
        default=None, description="The new token; null when it was refused."
    )
    secret: str | None = strawberry.field(
        default=None,
        description="What to send as `Authorization: Bearer`. It is shown this once and not kept.",
    )


@strawberry.type(description="What became of a token that was to be revoked.")
class RevokeServiceTokenPayload(errors.Payload):
    """Answer `revokeServiceToken`."""

    service_token: types.ServiceToken | None = strawberry.field(
        default=None, description="The revoked token; null when it was refused."
    )


@strawberry.type
class Mutation:
    """Hold the gifting part of the schema's mutation type."""

    @strawberry.field(
        description="Make a campaign, which belongs to whoever makes it. Needs WRITE_CAMPAIGNS.",
        extensions=[errors.RefusalsAsUserErrors(CreateCampaignPayload)],
    )
    def create_campaign(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            inputs.CreateCampaignInput, strawberry.argument(description="The campaign.")
        ],
    ) -> CreateCampaignPayload:
        actor = info.context.actor
        campaign_id = campaigns.create(
            actor=actor,
            code=input.code,
            details=campaigns.Details(
                name=input.name,
                kind=input.kind.value,
                motion=input.motion.value,
                channel=input.channel,
                personalization=input.personalization.value,
                cost_center_id=_key(
                    actor, fiscal.COST_CENTERS, input.cost_center_id, "cost_center_id"
                ),
                owner_id=actor.user_id,
                starts_on=input.starts_on,
                ends_on=input.ends_on,
            ),
        )
        shown = _shown(actor, campaign_records.SOURCE, campaign_id)
        return CreateCampaignPayload(campaign=shown)

    @strawberry.field(
        description="Make a vendor. Needs WRITE_VENDORS.",
        extensions=[errors.RefusalsAsUserErrors(CreateVendorPayload)],
    )
    def create_vendor(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            inputs.CreateVendorInput, strawberry.argument(description="The vendor.")
        ],
    ) -> CreateVendorPayload:
        actor = info.context.actor
        vendor_id = vendors.create(actor=actor, code=input.code, name=input.name)
        shown = _shown(actor, vendor_records.SOURCE, vendor_id)
        return CreateVendorPayload(vendor=shown)

    @strawberry.field(
        description="Record the original budget of a cost center, or of a campaign in it, for a "
        "fiscal period, or a limit of what names all values of a scope; the amount never changes. "
        "Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(ApproveBudgetPayload)],
    )
    def approve_budget(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            inputs.ApproveBudgetInput, strawberry.argument(description="The budget.")
        ],
    ) -> ApproveBudgetPayload:
        actor = info.context.actor
        budget_id = budgets.approve(
            actor=actor,
            name=input.name,
            amount=money.Money(input.amount.amount_minor, input.amount.currency),
            cost_center_id=_key(actor, fiscal.COST_CENTERS, input.cost_center_id, "cost_center_id"),
            fiscal_period_id=_key(
                actor, fiscal.PERIODS, input.fiscal_period_id, "fiscal_period_id"
            ),
            campaign_id=None
            if input.campaign_id is None
            else _key(actor, campaign_records.SOURCE, input.campaign_id, "campaign_id"),
            scope=dimensions.scope_of(
                actor=actor, named=[(each.kind, each.code) for each in input.scope]
            ),
        )
        shown = _shown(actor, budget_records.SOURCE, budget_id)
        return ApproveBudgetPayload(budget=shown)

    @strawberry.field(
        description="Issue a key for a machine. Needs MANAGE_ACCESS.",
        extensions=[errors.RefusalsAsUserErrors(IssueServiceTokenPayload)],
    )
    def issue_service_token(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            inputs.IssueServiceTokenInput, strawberry.argument(description="The token.")
        ],
    ) -> IssueServiceTokenPayload:
        actor = info.context.actor
        issued = access.issue_token(
            actor=actor,
            name=input.name,
            scopes=frozenset(input.scopes),
            lifetime=_days(input.lifetime_days),
            at=info.context.at,
        )
        shown = _shown(actor, tokens.SOURCE, issued.id)
        return IssueServiceTokenPayload(service_token=shown, secret=issued.secret)

    @strawberry.field(
        description="Stop a machine's key: its next request is refused, and it stays revoked. "
        "Needs MANAGE_ACCESS.",
        extensions=[errors.RefusalsAsUserErrors(RevokeServiceTokenPayload)],
    )
    def revoke_service_token(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            inputs.RevokeServiceTokenInput, strawberry.argument(description="Which token.")
        ],
    ) -> RevokeServiceTokenPayload:
        actor = info.context.actor
        token_id = _key(actor, tokens.SOURCE, input.service_token_id, "service_token_id")
        public_id = inputs.read_public_id(input.service_token_id.node_id, field="service_token_id")
        access.revoke_token(actor=actor, public_id=public_id, at=info.context.at)
        shown = _shown(actor, tokens.SOURCE, token_id)
        return RevokeServiceTokenPayload(service_token=shown)


def _key(
    actor: access_rules.Actor, source: records.Source[Any], asked: relay.GlobalID, field: str
) -> int:
    """Return the internal key of a record that the actor sees; raises Forbidden and NotFound."""
    node = source.model.__name__
    public_id = inputs.public_id(asked, node=node, field=field)
    return source.key(actor=actor, public_id=public_id, field=field)


def _shown(actor: access_rules.Actor, source: records.Source[Any], key: int) -> Any:
    """Return a record as the actor sees it; one who may write it may not be one who reads it."""
    return source.by_ids(actor=actor, ids=[key]).get(key)


def _days(asked: int) -> dt.timedelta:
    """Return a lifetime; what no calendar holds is brought to where the service refuses it."""
    return dt.timedelta(days=min(max(asked, 0), access.LONGEST_TOKEN_DAYS + 1))

"""The records of the gifting room as the API shows them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import access, lifecycle
from gifting.graphql import context, fields, funding, loaders, scalars
from gifting.models import campaigns as campaign_models
from gifting.models import catalog
from gifting.models import sends as send_models
from gifting.selectors import budgets, campaigns, fiscal, sends, tokens, vendors

PERSONAL: Final = "Personal data: null unless the viewer may READ_PERSONAL_DATA."
# By the value of a dimension, which the rooms share.
NODE_OF_SLICE: Final[Mapping[str, str]] = {
    "CAMPAIGN": "Campaign",
    "VENDOR": "Vendor",
    "COST_CENTER": "CostCenter",
    "FISCAL_PERIOD": "FiscalPeriod",
}
UNSEEN: Final = "Null when it is outside what the viewer may see."

fields.describe(
    send_models.Basis,
    name="CostBasis",
    description="How certain a cost is.",
    values={"ESTIMATED": "Expected, not billed yet.", "ACTUAL": "Billed."},
)

fields.describe(
    access.Role,
    name="Role",
    description="What a member of an organization is there for.",
    values={
        "ADMIN": "Looks after the organization: may do everything in it.",
        "MARKETING": "Plans campaigns and sends gifts for the own cost centers.",
        "SALES": "Sends gifts for the own cost centers.",
        "FINANCE": "Sees all money and nobody's name; approves and closes.",
        "APPROVER": "Sees all money and nobody's name; approves.",
        "AUDITOR": "Sees all money and nobody's name; changes nothing.",
        "SERVICE": "A machine: may do what the scopes of its token say.",
    },
)
fields.describe(
    access.Permission,
    name="Permission",
    description="One thing that an actor may do.",
    values={
        "READ_CAMPAIGNS": "Read campaigns and vendors.",
        "READ_SPEND": "Read sends and what they cost.",
        "READ_BUDGETS": "Read budgets.",
        "READ_ATTRIBUTION": "Read accounts, opportunities, touches and the figures from them.",
        "READ_PERSONAL_DATA": "Read names and addresses of mail, beside what else may be read.",
        "READ_ACCESS": "Read who may do what.",
        "WRITE_CAMPAIGNS": "Make and change campaigns.",
        "WRITE_SENDS": "Make and change sends.",
        "WRITE_VENDORS": "Make and change vendors.",
        "WRITE_BUDGETS": "Approve budgets.",
        "APPROVE": "Approve what others ask for.",
        "MANAGE_POLICIES": "Change the approval policy and the rules on gifts.",
        "CLOSE_PERIODS": "Close fiscal periods.",
        "RUN_ATTRIBUTION": "Compute attribution anew.",
        "IMPORT": "Import files and see past imports.",
        "MANAGE_CONNECTIONS": "Manage connections to other systems.",
        "MANAGE_ACCESS": "Give and take roles and tokens.",
    },
)


@strawberry.type(description="A company whose gifting is recorded here.")
class Organization:
    """Show the organization that a request belongs to."""

    name: str = strawberry.field(description="The company's name.")
    slug: str = strawberry.field(
        description="Its name in addresses and in the header X-Organization."
    )
    currency: str = strawberry.field(
        description="ISO 4217 code of the currency that totals are reported in."
    )
    time_zone: str = strawberry.field(
        description="IANA name of the time zone that decides the fiscal day of a fact."
    )
    is_synthetic: bool = strawberry.field(
        description="True for a sandbox, whose data is generated."
    )


@strawberry.type(description="Who asks, and for which organization.", directives=[scalars.FREE])
class Viewer:
    """Show the actor of the request."""

    role: access.Role = strawberry.field(description="The actor's role in the organization.")
    permissions: list[access.Permission] = strawberry.field(
        description="Everything the actor may do, in alphabetical order."
    )
    organization: Organization = strawberry.field(
        description="The organization that this request reads and writes."
    )


@strawberry.type(description="A node of the tree that spending is charged to.")
class CostCenter(fields.Record):
    """Show a cost center."""

    rows: ClassVar = fiscal.COST_CENTERS

    public_id: relay.NodeID[UUID]
    code: str = strawberry.field(description="Its code in finance's books.")
    name: str = strawberry.field(description="Its name.")
    parent: CostCenter | None = fields.link(
        loaders.CostCenterByIdLoader,
        "parent_id",
        description="The cost center above it; null at the top, or of what the viewer may see.",
    )


@strawberry.type(description="A period of the organization's fiscal calendar.")
class FiscalPeriod(fields.Record):
    """Show a fiscal period."""

    rows: ClassVar = fiscal.PERIODS

    public_id: relay.NodeID[UUID]
    name: str = strawberry.field(description="Its name, such as FY2026 P03.")
    fiscal_year: int = strawberry.field(description="The fiscal year it belongs to.")
    quarter: int = strawberry.field(description="The quarter of the fiscal year, 1 to 4.")
    number: int = strawberry.field(description="Its number in the fiscal year, from 1.")
    starts_on: dt.date = strawberry.field(description="Its first day, in the organization's zone.")
    ends_on: dt.date = strawberry.field(description="The first day after it.")


@strawberry.type(description="A company that gifts are bought from.")
class Vendor(fields.Record):
    """Show a vendor."""

    rows: ClassVar = vendors.SOURCE

    public_id: relay.NodeID[UUID]
    code: str = strawberry.field(description="Its code in the organization.")
    name: str = strawberry.field(description="Its name.")
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded here.")
    is_synthetic: bool = fields.synthetic_organization()


@strawberry.type(description="A thing that a vendor sells as a gift.")
class GiftItem(fields.Record):
    """Show a gift item."""

    rows: ClassVar = vendors.GIFT_ITEMS

    public_id: relay.NodeID[UUID]
    sku: str = strawberry.field(description="The vendor's stock number.")
    name: str = strawberry.field(description="Its name.")
    personalization: catalog.Personalization = strawberry.field(
        description="How much it is made for the one who receives it."
    )
    list_price: scalars.Money = fields.amount(
        "list_price_amount_minor", description="The vendor's price for one, before any discount."
    )
    vendor: Vendor | None = fields.link(
        loaders.VendorByIdLoader, "vendor_id", description="Who sells it."
    )
    is_synthetic: bool = fields.synthetic_organization()


@strawberry.type(description="One effort of one team that gifts are sent for.")
class Campaign(fields.Record):
    """Show a campaign."""

    rows: ClassVar = campaigns.SOURCE

    public_id: relay.NodeID[UUID]
    code: str = strawberry.field(description="Its code, unique in the organization.")
    name: str = strawberry.field(description="Its name.")
    kind: campaign_models.Kind = strawberry.field(description="What it is for.")
    motion: campaign_models.Motion = strawberry.field(description="Its marketing motion.")
    channel: str = strawberry.field(description="Its channel, such as direct_mail or egift.")
    personalization: catalog.Personalization = strawberry.field(
        description="How much its gifts are made for those who receive them."
    )
    starts_on: dt.date | None = strawberry.field(description="Its first day; null when not set.")
    ends_on: dt.date | None = strawberry.field(
        description="The first day after it; null when not set."
    )
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded here.")
    owner_name: str | None = strawberry.field(
        description=f"The login name of its owner. {PERSONAL}"
    )
    cost_center: CostCenter | None = fields.link(
        loaders.CostCenterByIdLoader, "cost_center_id", description=f"Who pays for it. {UNSEEN}"
    )
    is_synthetic: bool = fields.synthetic_organization()


@strawberry.type(description="The person a gift is for.", directives=[scalars.FREE])
class Recipient:
    """Show a recipient, who is reached through a send alone."""

    name: str | None = strawberry.field(description=f"The person's name. {PERSONAL}")
    email: str | None = strawberry.field(description=f"The address of mail. {PERSONAL}")
    country: str = strawberry.field(description="ISO 3166 code; empty when not known.")
    account_reference: str = strawberry.field(
        description="The CRM's id of the account; empty when not known."
    )
    contact_reference: str | None = strawberry.field(
        description=f"The CRM's id of the contact. {PERSONAL}"
    )


@strawberry.type(
    description="What one component of a send costs, as of its latest version.",
    directives=[scalars.FREE],
)
class SendCost:
    """Show a cost component."""

    component: send_models.Component = strawberry.field(description="Which part of the cost.")
    basis: send_models.Basis = strawberry.field(description="Whether it is billed or estimated.")
    version: int = strawberry.field(description="How often the amount was stated, from 1.")
    occurred_on: dt.date = strawberry.field(
        description="The day of the latest version, in the organization's time zone."
    )
    amount: scalars.Money = fields.amount(
        "amount_minor", description="The component's whole amount."
    )
    fiscal_period: FiscalPeriod | None = fields.link(
        loaders.FiscalPeriodByIdLoader,
        "fiscal_period_id",
        description="The period that the latest version was recorded in.",
    )


@strawberry.type(description="One step of a send's life.", directives=[scalars.FREE])
class SendEvent:
    """Show an event."""

    number: int = strawberry.field(description="Its place in the send's life, from 1.")
    from_state: lifecycle.State | None = fields.derived(
        lambda event, _: event.from_state or None,
        description="The state before; null for the first step.",
    )
    to_state: lifecycle.State = strawberry.field(description="The state after.")
    occurred_at: dt.datetime = strawberry.field(description="When it happened at the source.")
    received_at: dt.datetime = strawberry.field(description="When it was told here.")
    source: str = strawberry.field(description="The system that told it.")
    vendor_status: str = strawberry.field(
        description="The vendor's own word for the state; empty when it had none."
    )


@strawberry.type(description="One gift on its way to one recipient.")
class Send(fields.Record):
    """Show a send."""

    rows: ClassVar = sends.SOURCE

    public_id: relay.NodeID[UUID]
    source: str = strawberry.field(description="The system that knows the send.")
    external_id: str = strawberry.field(description="Its id at the source.")
    quantity: int = strawberry.field(description="How many of the gift were sent.")
    state: lifecycle.State = strawberry.field(
        description="Where it is in its life; derived from its events."
    )
    sent_at: dt.datetime | None = strawberry.field(
        description="When it left or was offered; null before."
    )
    delivered_at: dt.datetime | None = strawberry.field(
        description="When it first arrived; null before."
    )
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded here.")
    account_reference: str = strawberry.field(
        description="The CRM's id of the account it is for; empty when not given."
    )
    sender_reference: str | None = strawberry.field(
        description=f"The CRM's or vendor's id of the sender. {PERSONAL}"
    )
    is_synthetic: bool = strawberry.field(description="True for a generated send of a sandbox.")
    campaign: Campaign | None = fields.link(
        loaders.CampaignByIdLoader, "campaign_id", description=f"What it is sent for. {UNSEEN}"
    )
    vendor: Vendor | None = fields.link(
        loaders.VendorByIdLoader, "vendor_id", description=f"Who supplies it. {UNSEEN}"
    )
    gift_item: GiftItem | None = fields.link(
        loaders.GiftItemByIdLoader,
        "gift_item_id",
        description="What is sent; null when its source does not say.",
    )
    recipient: Recipient | None = fields.link(
        loaders.RecipientByIdLoader,
        "recipient_id",
        description="The person it is for; null when its source does not say.",
    )
    cost_center: CostCenter | None = fields.link(
        loaders.CostCenterByIdLoader, "cost_center_id", description=f"Who pays for it. {UNSEEN}"
    )
    costs: list[SendCost] = fields.link(
        loaders.CostsBySendIdLoader,
        "id",
        description="What it costs, one entry a component. Their sum is the send's spend.",
        directives=[scalars.ListSize(assumed_size=len(send_models.Component))],
    )
    events: list[SendEvent] = fields.link(
        loaders.EventsBySendIdLoader,
        "id",
        description="What happened to it, in order; the first 250 steps.",
        directives=[scalars.ListSize(assumed_size=10)],
    )
    decision: funding.SendDecision | None = fields.link(
        loaders.DecisionBySendIdLoader,
        "id",
        description="The last decision on it; null while it waits, and of a send from a file.",
    )
    commitments: list[funding.SendCommitment] = fields.link(
        loaders.CommitmentsBySendIdLoader,
        "id",
        description="What was reserved for it, one entry a budget.",
        directives=[scalars.ListSize(assumed_size=3)],
    )
    cost_shares: list[funding.CostShare] = fields.link(
        loaders.CostSharesBySendIdLoader,
        "id",
        description="Who bears its cost; they add up to the changes of its costs. None of a send "
        "from a file, which no budget bears. The first 250.",
        directives=[scalars.ListSize(assumed_size=10)],
    )


@strawberry.type(description="The amount first approved for a cost center in a fiscal period.")
class Budget(fields.Record):
    """Show a budget."""

    rows: ClassVar = budgets.SOURCE

    public_id: relay.NodeID[UUID]
    name: str = strawberry.field(description="Its name.")
    original_amount: scalars.Money = fields.amount(
        "original_amount_minor", description="The amount first approved; it never changes."
    )
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded here.")
    cost_center: CostCenter | None = fields.link(
        loaders.CostCenterByIdLoader, "cost_center_id", description=f"Whose budget it is. {UNSEEN}"
    )
    campaign: Campaign | None = fields.link(
        loaders.CampaignByIdLoader,
        "campaign_id",
        description=f"The campaign it is for; null for the cost center as a whole. {UNSEEN}",
    )
    fiscal_period: FiscalPeriod | None = fields.link(
        loaders.FiscalPeriodByIdLoader, "fiscal_period_id", description="The period it is for."
    )
    is_synthetic: bool = fields.synthetic_organization()


@strawberry.type(description="A machine's key. Its secret is kept nowhere.")
class ServiceToken(fields.Record):
    """Show a service token."""

    rows: ClassVar = tokens.SOURCE

    public_id: relay.NodeID[UUID]
    name: str = strawberry.field(description="What it is for.")
    prefix: str = strawberry.field(description="The first characters of its secret.")
    scopes: list[access.Scope] = strawberry.field(description="What it may do.")
    expires_at: dt.datetime = strawberry.field(description="When it stops working.")
    revoked_at: dt.datetime | None = strawberry.field(
        description="When it was revoked; null while it was not."
    )
    recorded_at: dt.datetime = strawberry.field(description="When it was issued.")


@strawberry.type(
    description="How a figure is computed, so that it can be checked by hand.",
    directives=[scalars.FREE],
)
class Formula:
    """Name a figure's formula."""

    id: str = strawberry.field(description="Stable name of the formula with its version.")
    text: str = strawberry.field(description="The formula in words.")
    unit: str = strawberry.field(description="The unit of the result.")


def slice_id() -> Any:
    """Show the id of the record that a slice is of, if it is of one."""

    def read(row: Any, _: context.Context) -> relay.GlobalID | None:
        return (
            None if row.key is None else relay.GlobalID(NODE_OF_SLICE[row.dimension], str(row.key))
        )

    return fields.derived(
        read, description="The id of the record that the slice is of; null where it is of none."
    )


@strawberry.type(description="The part of a spend that belongs to one slice.")
class SpendSlice:
    """Show a slice of spend, which the selector's row already is."""

    id: relay.GlobalID | None = slice_id()
    label: str = strawberry.field(description="The slice's name.")
    amount: scalars.Money = strawberry.field(description="The spend of this slice.")


@strawberry.type(description="Spend in one currency: the total, and the slices that add up to it.")
class SpendFigure:
    """Show spend with what it stands on."""

    basis: scalars.FigureBasis = strawberry.field(description="What the figure stands on.")
    formula: Formula = strawberry.field(description="How it is computed.")
    total: scalars.Money = strawberry.field(description="All spend of the cut.")
    slices: list[SpendSlice] = strawberry.field(
        description=(
            "The same spend by the dimension of `groupBy`, largest first; they add up to `total`. "
            "Empty without `groupBy`. More than 5000 slices are refused."
        ),
        directives=[scalars.ListSize(assumed_size=100)],
    )

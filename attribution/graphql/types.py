"""The records and figures of the attribution room as the API shows them."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar
from uuid import UUID

import strawberry
from strawberry import relay

from attribution.domain import multitouch
from attribution.graphql import loaders
from attribution.models import credits as credit_models
from attribution.models import opportunities as opportunity_models
from attribution.models import touchpoints as touchpoint_models
from attribution.selectors import accounts, opportunities, runs, touchpoints
from gifting.graphql import fields, scalars, types
from gifting.graphql import loaders as gifting_loaders


@strawberry.type(description="A company that is sold to, as the CRM knows it.")
class Account(fields.Record):
    """Show an account."""

    rows: ClassVar = accounts.SOURCE

    public_id: relay.NodeID[UUID]
    source: str = strawberry.field(description="The system that knows the account.")
    external_id: str = strawberry.field(description="Its id at the source.")
    name: str = strawberry.field(description="The company's name.")
    industry: str = strawberry.field(description="Its industry; empty when not known.")
    country: str = strawberry.field(description="Its country; empty when not known.")
    employees: int | None = strawberry.field(
        description="How many people work there; null when not known."
    )
    is_synthetic: bool = strawberry.field(description="True for a generated account of a sandbox.")
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded here.")
    parent: Account | None = fields.link(
        loaders.AccountByIdLoader,
        "parent_id",
        description="The account it belongs to; null when it stands alone.",
    )


@strawberry.type(description="A person who works at an account.")
class Contact(fields.Record):
    """Show a contact."""

    rows: ClassVar = accounts.CONTACTS

    public_id: relay.NodeID[UUID]
    source: str = strawberry.field(description="The system that knows the contact.")
    external_id: str | None = strawberry.field(
        description=f"The id at the source. {types.PERSONAL}"
    )
    name: str | None = strawberry.field(description=f"The person's name. {types.PERSONAL}")
    email: str | None = strawberry.field(description=f"The address of mail. {types.PERSONAL}")
    title: str | None = strawberry.field(description=f"The person's job. {types.PERSONAL}")
    is_synthetic: bool = strawberry.field(description="True for a generated contact of a sandbox.")
    account: Account | None = fields.link(
        loaders.AccountByIdLoader,
        "account_id",
        description="Where the person works; null when not known.",
    )


@strawberry.type(description="A contact's part in an opportunity.", directives=[scalars.FREE])
class ContactRole:
    """Show a contact role."""

    role: str = strawberry.field(description="The part, in the CRM's words; empty when not given.")
    is_primary: bool = strawberry.field(description="True for the main contact.")
    contact: Contact | None = fields.link(
        loaders.ContactByIdLoader, "contact_id", description="The person."
    )


@strawberry.type(description="A deal that may be won: the CRM's record.")
class Opportunity(fields.Record):
    """Show an opportunity."""

    rows: ClassVar = opportunities.SOURCE

    public_id: relay.NodeID[UUID]
    source: str = strawberry.field(description="The system that knows the opportunity.")
    external_id: str = strawberry.field(description="Its id at the source.")
    name: str = strawberry.field(description="Its name; empty when not given.")
    product: str = strawberry.field(description="The product sold; empty when not given.")
    owner_reference: str | None = strawberry.field(
        description=f"The sales owner, as the CRM names them. {types.PERSONAL}"
    )
    stage: str = strawberry.field(description="The CRM's own word for how far it is.")
    status: opportunity_models.Status = strawberry.field(description="Open, won or lost.")
    amount: scalars.Money | None = fields.amount(
        "amount_minor", description="What it is worth; null when not given, which is not 0."
    )
    opened_at: dt.datetime | None = strawberry.field(
        description="When it was opened; null when not known."
    )
    closed_at: dt.datetime | None = strawberry.field(
        description="When it was won or lost; null while it is open."
    )
    is_synthetic: bool = strawberry.field(
        description="True for a generated opportunity of a sandbox."
    )
    recorded_at: dt.datetime = strawberry.field(description="When it was recorded here.")
    account: Account | None = fields.link(
        loaders.AccountByIdLoader,
        "account_id",
        description="The account it is with; null when the CRM does not say.",
    )
    fiscal_period: types.FiscalPeriod | None = fields.link(
        gifting_loaders.FiscalPeriodByIdLoader,
        "fiscal_period_id",
        description="The fiscal period of its close; null while it is open.",
    )
    contact_roles: list[ContactRole] = fields.link(
        loaders.ContactRolesByOpportunityIdLoader,
        "id",
        description="Who has a part in it, the main contact first; the first 250.",
        directives=[scalars.ListSize(assumed_size=5)],
    )


@strawberry.type(description="One interaction with an account at one moment.")
class Touchpoint(fields.Record):
    """Show a touchpoint."""

    rows: ClassVar = touchpoints.SOURCE

    public_id: relay.NodeID[UUID]
    source: str = strawberry.field(description="The system that told of it.")
    kind: touchpoint_models.Kind = strawberry.field(description="Physical or digital.")
    channel: str = strawberry.field(description="Its channel, such as direct_mail or webinar.")
    occurred_at: dt.datetime = strawberry.field(description="When it happened.")
    is_retracted: bool = strawberry.field(
        description="True when its source took it back; it then earns no credit."
    )
    is_synthetic: bool = strawberry.field(description="True for a generated touch of a sandbox.")
    account: Account | None = fields.link(
        loaders.AccountByIdLoader, "account_id", description="The account that was touched."
    )
    contact: Contact | None = fields.link(
        loaders.ContactByIdLoader,
        "contact_id",
        description="The person who was touched; null when not known.",
    )
    campaign: types.Campaign | None = fields.link(
        gifting_loaders.CampaignByIdLoader,
        "campaign_id",
        description=f"The campaign it belongs to; null for none. {types.UNSEEN}",
    )
    vendor: types.Vendor | None = fields.link(
        gifting_loaders.VendorByIdLoader,
        "vendor_id",
        description="Who supplied the gift; null for a digital touch.",
    )
    cost_center: types.CostCenter | None = fields.link(
        gifting_loaders.CostCenterByIdLoader,
        "cost_center_id",
        description=f"Who paid for it; null for none. {types.UNSEEN}",
    )
    send: types.Send | None = fields.link(
        gifting_loaders.SendByIdLoader,
        "send_id",
        description=f"The gift itself; null for a digital touch. {types.UNSEEN}",
    )


@strawberry.type(
    description="What a run found in one currency: won revenue is attributed plus unattributed.",
    directives=[scalars.FREE],
)
class AttributionTotal:
    """Show a run's total."""

    won_revenue: scalars.Money = fields.amount(
        "won_revenue_minor", description="The amounts of all won opportunities."
    )
    attributed: scalars.Money = fields.amount(
        "attributed_minor", description="The part that touches earned."
    )
    unattributed: scalars.Money = fields.amount(
        "unattributed_minor", description="The part of opportunities without a touch."
    )


@strawberry.type(description="One computation of one model over all won opportunities.")
class AttributionRun(fields.Record):
    """Show a run."""

    rows: ClassVar = runs.SOURCE

    public_id: relay.NodeID[UUID]
    model: multitouch.Model = strawberry.field(description="The model that divided the credit.")
    rule_version: int = strawberry.field(description="Version of the model's definition.")
    lookback_days: int | None = strawberry.field(
        description="How many days before the close a touch may lie; null for no limit."
    )
    as_of: dt.datetime = strawberry.field(description="The moment the run was asked for.")
    status: credit_models.Status = strawberry.field(description="What became of it.")
    is_current: bool = strawberry.field(description="True when its figures are the ones shown.")
    finished_at: dt.datetime | None = strawberry.field(
        description="When it ended; null while it is computed."
    )
    opportunity_count: int = strawberry.field(description="How many won opportunities it read.")
    touchpoint_count: int = strawberry.field(description="How many touches it read.")
    credit_count: int = strawberry.field(description="How many credits it gave.")
    missing_amount_count: int = strawberry.field(
        description="How many won opportunities have no amount; they count as 0."
    )
    digest: str = strawberry.field(
        description="SHA-256 of all its credits: equal digests are equal figures."
    )
    refusal: str = strawberry.field(description="Why it was refused; empty otherwise.")
    totals: list[AttributionTotal] = fields.link(
        loaders.TotalsByRunIdLoader,
        "id",
        description="What it found, one entry a currency.",
        directives=[scalars.ListSize(assumed_size=5)],
    )
    is_synthetic: bool = fields.synthetic_organization()


def run_of_figure() -> AttributionRun | None:
    """Show the run that a figure comes from."""
    run: AttributionRun | None = fields.link(
        loaders.RunByPublicIdLoader,
        "run_id",
        description="The run it comes from, with rule version, look-back and checksum.",
    )
    return run


@strawberry.type(description="The part of the revenue that one slice earned.")
class AttributionSlice:
    """Show a slice of credit, which the selector's row already is."""

    id: relay.GlobalID | None = types.slice_id()
    label: str = strawberry.field(description="The slice's name.")
    credit: scalars.Money = strawberry.field(description="The revenue that its touches earned.")
    touch_count: int = strawberry.field(description="How many touches earned credit in it.")
    is_unattributed: bool = strawberry.field(
        description="True for the revenue of opportunities without a touch."
    )


@strawberry.type(
    description="Who earned the won revenue, by one model: attributed plus unattributed is all."
)
class AttributionFigure:
    """Show credit with what it stands on."""

    run_id: strawberry.Private[UUID]

    basis: scalars.FigureBasis = strawberry.field(description="What the figure stands on.")
    formula: types.Formula = strawberry.field(description="How the model divides the revenue.")
    run: AttributionRun | None = run_of_figure()
    won_revenue: scalars.Money = strawberry.field(
        description="The amounts of the opportunities won in the fiscal periods of the cut."
    )
    attributed: scalars.Money = strawberry.field(description="The part that touches earned.")
    unattributed: scalars.Money = strawberry.field(
        description="The part of opportunities without a touch in the look-back."
    )
    slices: list[AttributionSlice] = strawberry.field(
        description=(
            "The same revenue by the dimension of `groupBy`, largest first, what is unattributed "
            "last; they add up to `wonRevenue` unless the cut names campaigns, vendors or cost "
            "centers. Empty without `groupBy`. More than 5000 slices are refused."
        ),
        directives=[scalars.ListSize(assumed_size=100)],
    )


@strawberry.type(description="What one campaign cost, earned and was allowed to cost.")
class CampaignReturn:
    """Show a campaign's return."""

    id: relay.GlobalID | None = strawberry.field(
        description="The campaign's id; null for what belongs to no campaign or is not in view."
    )
    name: str = strawberry.field(description="The campaign's name.")
    budget: scalars.Money | None = strawberry.field(
        description="The original amount of its own budgets; null when it has none."
    )
    spend: scalars.Money = strawberry.field(description="What its gifts cost.")
    credit: scalars.Money = strawberry.field(description="The revenue that its touches earned.")
    touch_count: int = strawberry.field(description="How many of its touches earned credit.")
    roi: scalars.Ratio = strawberry.field(
        description="(credit - spend) / spend; null with a reason when nothing was spent."
    )


@strawberry.type(description="What gifting earned against what it cost, by one model.")
class RoiFigure:
    """Show return on investment with what it stands on."""

    run_id: strawberry.Private[UUID]

    basis: scalars.FigureBasis = strawberry.field(description="What the figure stands on.")
    basis_text: str = strawberry.field(description="Which revenue is set against which cost.")
    formula: types.Formula = strawberry.field(description="How the ratio is computed.")
    run: AttributionRun | None = run_of_figure()
    budget: scalars.Money = strawberry.field(
        description="The original amounts of all budgets in the cut."
    )
    spend: scalars.Money = strawberry.field(description="All that gifts cost in the cut.")
    won_revenue: scalars.Money = strawberry.field(
        description="The amounts of the opportunities won in the fiscal periods of the cut."
    )
    attributed: scalars.Money = strawberry.field(description="The part that touches earned.")
    unattributed: scalars.Money = strawberry.field(
        description="The part of opportunities without a touch in the look-back."
    )
    costed_credit: scalars.Money = strawberry.field(
        description="What the campaigns with a recorded cost earned; the rest is no return on it."
    )
    roi: scalars.Ratio = strawberry.field(
        description="(costedCredit - spend) / spend; null with a reason when nothing was spent."
    )
    campaigns: list[CampaignReturn] = strawberry.field(
        description=(
            "Every campaign with spend or credit, most credit first. Their spend adds up to "
            "`spend`, their credit to `attributed`."
        ),
        directives=[scalars.ListSize(assumed_size=100)],
    )

"""What a client may ask for of opportunities, accounts, touches, runs and their figures."""

from __future__ import annotations

import datetime as dt
from enum import Enum

import strawberry
from strawberry import relay

from attribution.domain import multitouch
from attribution.models import credits as credit_models
from attribution.models import opportunities as opportunity_models
from attribution.models import touchpoints as touchpoint_models
from attribution.selectors import credits  # noqa: A004 - credits is the room's own word
from gifting.graphql import fields, inputs

fields.describe(
    opportunity_models.Status,
    name="OpportunityStatus",
    description="Whether an opportunity is still open, and how it ended.",
    values={
        "OPEN": "Still open.",
        "WON": "Closed and won.",
        "LOST": "Closed and lost.",
        "DELETED": "Deleted by its source, or merged away: it counts nowhere.",
    },
)
fields.describe(
    touchpoint_models.Kind,
    name="TouchpointKind",
    description="What kind of interaction a touchpoint is.",
    values={
        "PHYSICAL": "A gift, at the moment it arrived or was sent.",
        "DIGITAL": "A digital interaction, such as an e-mail or a webinar.",
    },
)
fields.describe(
    credit_models.Status,
    name="AttributionRunStatus",
    description="What became of an attribution run.",
    values={
        "RUNNING": "Being computed.",
        "PUBLISHED": "Its figures reconcile and are kept.",
        "REFUSED": "Its figures did not reconcile, so there are none.",
    },
)
fields.describe(
    multitouch.Model,
    name="AttributionModel",
    description="How the touches of an account share the amount of an opportunity.",
    values={
        model.name: f"{rule.title}: {rule.formula}." for model, rule in multitouch.RULES.items()
    },
)
fields.describe(
    credits.Dimension,
    name="AttributionDimension",
    description="What credit can be cut by.",
    values={
        "CAMPAIGN": "One slice a campaign of the touches.",
        "CHANNEL": "One slice a channel of the touches.",
        "VENDOR": "One slice a vendor of the touches.",
        "COST_CENTER": "One slice a cost center of the touches, without those below it.",
        "FISCAL_PERIOD": "One slice a fiscal period: the one in which the opportunity closed.",
    },
)

AttributionModel = multitouch.Model
AttributionDimension = credits.Dimension


@strawberry.input(description="Conditions on accounts; all that are given must hold.")
class AccountFilter:
    external_ids: list[str] | None = inputs.given("Only accounts with one of these CRM ids.")
    names: list[str] | None = inputs.given("Only accounts with exactly one of these names.")
    industries: list[str] | None = inputs.given("Only these industries, as the CRM writes them.")
    parent_ids: list[relay.GlobalID] | None = inputs.ids(
        "Account", "Only accounts that belong directly to these."
    )
    is_synthetic: bool | None = inputs.given("Only generated accounts, or only real ones.")


@strawberry.input(description="Conditions on opportunities; all that are given must hold.")
class OpportunityFilter:
    statuses: list[opportunity_models.Status] | None = inputs.given("Only these statuses.")
    external_ids: list[str] | None = inputs.given("Only opportunities with one of these CRM ids.")
    account_ids: list[relay.GlobalID] | None = inputs.ids(
        "Account", "Only opportunities of these accounts, without those below them."
    )
    fiscal_period_ids: list[relay.GlobalID] | None = inputs.ids(
        "FiscalPeriod", "Only opportunities that closed in these fiscal periods."
    )
    currencies: list[str] | None = inputs.given("Only these currencies (ISO 4217 codes).")
    closed_from: dt.datetime | None = inputs.given("Only those closed at this moment or later.")
    closed_before: dt.datetime | None = inputs.given("Only those closed before this moment.")
    is_synthetic: bool | None = inputs.given("Only generated opportunities, or only real ones.")


@strawberry.input(description="Conditions on touchpoints; all that are given must hold.")
class TouchpointFilter:
    kinds: list[touchpoint_models.Kind] | None = inputs.given("Only these kinds.")
    channels: list[str] | None = inputs.given("Only these channels, such as webinar.")
    account_ids: list[relay.GlobalID] | None = inputs.ids(
        "Account", "Only touches of these accounts, without those below them."
    )
    campaign_ids: list[relay.GlobalID] | None = inputs.ids(
        "Campaign", "Only touches of these campaigns."
    )
    occurred_from: dt.datetime | None = inputs.given("Only touches at this moment or later.")
    occurred_before: dt.datetime | None = inputs.given("Only touches before this moment.")
    is_retracted: bool | None = inputs.given(
        "Only touches that their source took back, or only the others."
    )
    is_synthetic: bool | None = inputs.given("Only generated touches, or only real ones.")


@strawberry.input(description="Conditions on attribution runs; all that are given must hold.")
class AttributionRunFilter:
    models: list[multitouch.Model] | None = inputs.given("Only runs of these models.")
    statuses: list[credit_models.Status] | None = inputs.given("Only runs that ended like this.")
    is_current: bool | None = inputs.given("Only the runs whose figures count, or the others.")


@strawberry.enum(description="What accounts can be ordered by.")
class AccountOrderField(Enum):
    NAME = strawberry.enum_value("name", description="The account's name.")
    RECORDED = strawberry.enum_value("id", description="The order in which they were recorded.")


@strawberry.enum(description="What opportunities can be ordered by.")
class OpportunityOrderField(Enum):
    CLOSED_AT = strawberry.enum_value(
        "closed_at", description="The moment of the close; an open one counts as the latest."
    )
    RECORDED = strawberry.enum_value("id", description="The order in which they were recorded.")


@strawberry.enum(description="What touchpoints can be ordered by.")
class TouchpointOrderField(Enum):
    OCCURRED_AT = strawberry.enum_value("occurred_at", description="The moment of the touch.")


@strawberry.enum(description="What attribution runs can be ordered by.")
class AttributionRunOrderField(Enum):
    AS_OF = strawberry.enum_value("as_of", description="The moment the run was asked for.")


AccountOrder = inputs.order(AccountOrderField, "accounts")
OpportunityOrder = inputs.order(OpportunityOrderField, "opportunities")
TouchpointOrder = inputs.order(TouchpointOrderField, "touchpoints")
AttributionRunOrder = inputs.order(AttributionRunOrderField, "attribution runs")

"""What a client may ask for: filters, orders and cuts, closed lists that indexes can serve.

The fields of a filter are those of the selector's `Where`, under the same names; all that are given
must hold. An id names a record of one type, and one of another type is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import fields as dataclass_fields
from enum import Enum
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry import relay

from gifting.domain import access, budgets, lifecycle, refusals
from gifting.graphql import fields, scalars
from gifting.models import campaigns as campaign_models
from gifting.models import catalog
from gifting.selectors import records, spend

NODE: Final = "node"

WhereType = TypeVar("WhereType", bound=records.Where)

fields.describe(
    campaign_models.Kind,
    name="CampaignKind",
    description="What a campaign is for.",
    values={kind.name: f"{kind.label}." for kind in campaign_models.Kind},
)
fields.describe(
    campaign_models.Motion,
    name="Motion",
    description="The marketing motion that a campaign belongs to.",
    values={motion.name: f"{motion.label}." for motion in campaign_models.Motion},
)
fields.describe(
    catalog.Personalization,
    name="Personalization",
    description="How much a gift is made for the one who receives it.",
    values={level.name: f"{level.label}." for level in catalog.Personalization},
)
fields.describe(
    lifecycle.State,
    name="SendState",
    description="Where a send is in its life, the same for every vendor.",
    values={
        "DRAFT": "Being prepared.",
        "SCHEDULED": "Will start at a set time.",
        "PENDING_APPROVAL": "Waits for an approver.",
        "ON_HOLD": "Stopped for now; may go on.",
        "OFFERED": "The recipient has been told and may choose.",
        "OPENED": "The recipient opened the offer.",
        "CLICKED": "The recipient followed the offer.",
        "ACCEPTED": "The recipient accepted the gift.",
        "IN_FULFILLMENT": "The vendor packs it.",
        "SHIPPED": "On its way.",
        "DELIVERED": "Arrived.",
        "DECLINED": "The recipient does not want it.",
        "EXPIRED": "The recipient did not answer in time.",
        "CANCELLED": "Called off before it was delivered.",
        "REFUNDED": "The money came back.",
        "UNDELIVERABLE": "Could not be delivered, or came back.",
        "FAILED": "The vendor could not do it.",
    },
)
fields.describe(
    budgets.DimensionKind,
    name="BudgetDimension",
    description="What a budget may be scoped by, beside its cost center and campaign.",
    values={
        "PROGRAM": "A program of campaigns.",
        "PERSON": "Whoever sends.",
        "REGION": "A region, as the organization names it.",
        "GL_ACCOUNT": "An account of the general ledger.",
    },
)
fields.describe(
    spend.Dimension,
    name="SpendDimension",
    description="What spend can be cut by.",
    values={
        "CAMPAIGN": "One slice a campaign.",
        "VENDOR": "One slice a vendor.",
        "COST_CENTER": "One slice a cost center, without those below it.",
        "FISCAL_PERIOD": "One slice a fiscal period: the one in which a cost was recorded.",
        "COMPONENT": "One slice a cost component, such as shipping.",
    },
)


fields.describe(
    access.Scope,
    name="Scope",
    description="What a service token may be granted.",
    values={
        "READ_CAMPAIGNS": "Read campaigns and vendors.",
        "READ_SPEND": "Read sends and what they cost.",
        "READ_BUDGETS": "Read budgets.",
        "READ_ATTRIBUTION": "Read accounts, opportunities, touches and the figures from them.",
        "READ_PERSONAL": "Read names and addresses of mail, beside what else may be read.",
        "WRITE_CAMPAIGNS": "Make and change campaigns.",
        "WRITE_SENDS": "Make and change sends.",
        "WRITE_VENDORS": "Make and change vendors.",
        "WRITE_BUDGETS": "Approve budgets.",
        "RUN_ATTRIBUTION": "Compute attribution anew.",
        "ADMIN_IMPORT": "Import files and see past imports.",
        "ADMIN_CONNECTIONS": "Manage connections to other systems.",
    },
)

SpendDimension = spend.Dimension


class IdOfOtherType(refusals.Invalid):
    code = "BAD_USER_INPUT"


@strawberry.enum(description="Which end of an order comes first.")
class OrderDirection(Enum):
    ASCENDING = strawberry.enum_value("ascending", description="Smallest or earliest first.")
    DESCENDING = strawberry.enum_value("descending", description="Largest or latest first.")


def given(description: str) -> Any:
    """Declare a condition of a filter; null or left out, it is none."""
    return strawberry.field(default=None, description=description)


def ids(node: str, description: str) -> Any:
    """Declare a condition on the ids of one type."""
    return strawberry.field(default=None, description=description, metadata={NODE: node})


def order(field_type: type[Enum], of: str) -> Any:
    """Make the input that orders records of one kind."""
    order = type(
        field_type.__name__.removesuffix("Field"),
        (),
        {
            "__annotations__": {"field": field_type, "direction": OrderDirection},
            "field": strawberry.field(description="What to order by."),
            "direction": strawberry.field(
                default=OrderDirection.ASCENDING, description="Which end comes first."
            ),
        },
    )
    return strawberry.input(order, description=f"How to order {of}; equal ones as recorded.")


def condition(asked: object | None, kind: type[WhereType]) -> WhereType:
    """Return what a filter asks for, as the selector reads it; raises IdOfOtherType."""
    return kind(**_values(asked)) if asked is not None else kind()


def public_ids(asked: Iterable[relay.GlobalID], *, node: str, field: str) -> list[UUID]:
    """Return the public ids in ids of one type; raises IdOfOtherType."""
    return [public_id(each, node=node, field=field) for each in asked]


def public_id(asked: relay.GlobalID, *, node: str, field: str) -> UUID:
    """Return the public id in an id of one type; raises IdOfOtherType."""
    if asked.type_name != node:
        raise IdOfOtherType(
            f"An id in {field} is not one of a {node} that this API gave out.", field=field
        )
    return read_public_id(asked.node_id, field=field)


def read_public_id(text: str, *, field: str) -> UUID:
    """Return the public id that a text spells; raises IdOfOtherType."""
    try:
        return scalars.read_uuid(text)
    except GraphQLError:
        raise IdOfOtherType(
            f"An id or cursor in {field} is not one that this API gave out.", field=field
        ) from None


def _values(asked: object) -> dict[str, Any]:
    """Return the given conditions by name, ids as public ids."""
    values = {}
    for each in dataclass_fields(cast("Any", asked)):
        value, node = getattr(asked, each.name), each.metadata.get(NODE)
        if node is not None and value is not None:
            value = public_ids(value, node=node, field=each.name)
        values[each.name] = value
    return values


@strawberry.input(description="Conditions on campaigns; all that are given must hold.")
class CampaignFilter:
    codes: list[str] | None = given("Only campaigns with one of these codes.")
    kinds: list[campaign_models.Kind] | None = given("Only campaigns of these kinds.")
    motions: list[campaign_models.Motion] | None = given("Only campaigns of these motions.")
    channels: list[str] | None = given("Only these channels, such as direct_mail.")
    cost_center_ids: list[relay.GlobalID] | None = ids(
        "CostCenter", "Only these cost centers, without those below them."
    )
    name_contains: str | None = given("Only names that contain this text, in any case.")


@strawberry.input(description="Conditions on vendors; all that are given must hold.")
class VendorFilter:
    codes: list[str] | None = given("Only vendors with one of these codes.")
    name_contains: str | None = given("Only names that contain this text, in any case.")


@strawberry.input(description="Conditions on cost centers; all that are given must hold.")
class CostCenterFilter:
    codes: list[str] | None = given("Only cost centers with one of these codes.")
    parent_ids: list[relay.GlobalID] | None = ids(
        "CostCenter", "Only cost centers directly below these."
    )


@strawberry.input(description="Conditions on fiscal periods; all that are given must hold.")
class FiscalPeriodFilter:
    fiscal_years: list[int] | None = given("Only these fiscal years, such as 2026.")
    quarters: list[int] | None = given("Only these quarters, 1 to 4.")
    meets_from: dt.date | None = given("Only periods with a day on or after this one.")
    meets_before: dt.date | None = given("Only periods with a day before this one.")


@strawberry.input(description="Conditions on sends; all that are given must hold.")
class SendFilter:
    states: list[lifecycle.State] | None = given("Only sends in one of these states.")
    campaign_ids: list[relay.GlobalID] | None = ids("Campaign", "Only sends of these campaigns.")
    vendor_ids: list[relay.GlobalID] | None = ids("Vendor", "Only sends by these vendors.")
    cost_center_ids: list[relay.GlobalID] | None = ids(
        "CostCenter", "Only sends charged to these cost centers, without those below them."
    )
    external_ids: list[str] | None = given("Only sends with one of these ids at their source.")
    sent_from: dt.datetime | None = given("Only sends sent at this moment or later.")
    sent_before: dt.datetime | None = given("Only sends sent before this moment.")
    is_synthetic: bool | None = given("Only generated sends, or only real ones.")


@strawberry.input(description="Conditions on budgets; all that are given must hold.")
class BudgetFilter:
    currencies: list[str] | None = given("Only budgets in these currencies (ISO 4217 codes).")
    fiscal_years: list[int] | None = given("Only budgets of these fiscal years, such as 2026.")
    fiscal_period_ids: list[relay.GlobalID] | None = ids(
        "FiscalPeriod", "Only budgets of these fiscal periods."
    )
    cost_center_ids: list[relay.GlobalID] | None = ids(
        "CostCenter", "Only budgets of these cost centers, without those below them."
    )
    campaign_ids: list[relay.GlobalID] | None = ids("Campaign", "Only budgets of these campaigns.")


@strawberry.input(description="Which part of the money a figure is about; all of it without.")
class Cut:
    fiscal_year: int | None = given("Only this fiscal year, such as 2026.")
    quarter: int | None = given("Only this quarter of fiscal years, 1 to 4.")
    fiscal_period_ids: list[relay.GlobalID] | None = ids("FiscalPeriod", "Only these periods.")
    campaign_ids: list[relay.GlobalID] | None = ids("Campaign", "Only these campaigns.")
    vendor_ids: list[relay.GlobalID] | None = ids("Vendor", "Only these vendors.")
    cost_center_ids: list[relay.GlobalID] | None = ids(
        "CostCenter", "Only these cost centers, without those below them."
    )


def cut(asked: Cut | None) -> spend.Cut:
    """Return the cut as the selectors read it; raises IdOfOtherType."""
    named = _values(asked or Cut())
    return spend.Cut(**{name: value for name, value in named.items() if value is not None})


@strawberry.enum(description="What campaigns can be ordered by.")
class CampaignOrderField(Enum):
    CODE = strawberry.enum_value("code", description="The campaign's code.")
    NAME = strawberry.enum_value("name", description="The campaign's name.")
    STARTS_ON = strawberry.enum_value(
        "starts_on", description="Its first day; one without counts as the latest."
    )
    RECORDED = strawberry.enum_value("id", description="The order in which they were recorded.")


@strawberry.enum(description="What vendors can be ordered by.")
class VendorOrderField(Enum):
    CODE = strawberry.enum_value("code", description="The vendor's code.")
    NAME = strawberry.enum_value("name", description="The vendor's name.")


@strawberry.enum(description="What cost centers can be ordered by.")
class CostCenterOrderField(Enum):
    CODE = strawberry.enum_value("code", description="The cost center's code.")
    NAME = strawberry.enum_value("name", description="The cost center's name.")


@strawberry.enum(description="What fiscal periods can be ordered by.")
class FiscalPeriodOrderField(Enum):
    STARTS_ON = strawberry.enum_value("starts_on", description="The first day of the period.")


@strawberry.enum(description="What sends can be ordered by.")
class SendOrderField(Enum):
    RECORDED = strawberry.enum_value("id", description="The order in which they were recorded.")
    SENT_AT = strawberry.enum_value(
        "sent_at", description="The moment of sending; one not sent yet counts as the latest."
    )


@strawberry.enum(description="What budgets can be ordered by.")
class BudgetOrderField(Enum):
    NAME = strawberry.enum_value("name", description="The budget's name.")
    AMOUNT = strawberry.enum_value(
        "original_amount_minor", description="The original amount in minor units."
    )
    RECORDED = strawberry.enum_value("id", description="The order in which they were recorded.")


CampaignOrder = order(CampaignOrderField, "campaigns")
VendorOrder = order(VendorOrderField, "vendors")
CostCenterOrder = order(CostCenterOrderField, "cost centers")
FiscalPeriodOrder = order(FiscalPeriodOrderField, "fiscal periods")
SendOrder = order(SendOrderField, "sends")
BudgetOrder = order(BudgetOrderField, "budgets")


@strawberry.input(description="An exact amount of one currency.")
class MoneyInput:
    amount_minor: scalars.MinorUnits = strawberry.field(
        description="The amount in minor units of the currency: cents for USD, yen for JPY."
    )
    currency: str = strawberry.field(description="The ISO 4217 code of the currency, such as USD.")


@strawberry.input(description="A campaign to be made.")
class CreateCampaignInput:
    code: str = strawberry.field(
        description="Its code, unique in the organization: 1 to 64 characters."
    )
    name: str = strawberry.field(description="Its name: 1 to 255 characters.")
    kind: campaign_models.Kind = strawberry.field(description="What it is for.")
    motion: campaign_models.Motion = strawberry.field(description="Its marketing motion.")
    channel: str = strawberry.field(
        description="Its channel, such as direct_mail: 1 to 64 characters."
    )
    cost_center_id: relay.GlobalID = strawberry.field(description="Who pays for it.")
    personalization: catalog.Personalization = strawberry.field(
        default=catalog.Personalization.NONE,
        description="How much its gifts are made for those who receive them.",
    )
    starts_on: dt.date | None = strawberry.field(default=None, description="Its first day.")
    ends_on: dt.date | None = strawberry.field(default=None, description="The first day after it.")


@strawberry.input(description="A vendor to be made.")
class CreateVendorInput:
    code: str = strawberry.field(
        description="Its code, unique in the organization: 1 to 64 characters."
    )
    name: str = strawberry.field(description="Its name: 1 to 255 characters.")


@strawberry.input(description="A value that a budget is scoped by.")
class ScopeValueInput:
    kind: budgets.DimensionKind = strawberry.field(description="Of which dimension.")
    code: str = strawberry.field(description="Its code there, as it was named.")


@strawberry.input(description="A budget to be approved.")
class ApproveBudgetInput:
    name: str = strawberry.field(description="Its name: 1 to 255 characters.")
    amount: MoneyInput = strawberry.field(description="What may be spent; not below zero.")
    cost_center_id: relay.GlobalID = strawberry.field(description="Whose budget it is.")
    fiscal_period_id: relay.GlobalID = strawberry.field(description="The period it is for.")
    campaign_id: relay.GlobalID | None = strawberry.field(
        default=None, description="The campaign it is for; the cost center as a whole without."
    )
    scope: list[ScopeValueInput] = strawberry.field(
        default_factory=list,
        description="With values, a limit of what names all of them, beside the budget that is "
        "spent.",
    )


@strawberry.input(description="A machine's key to be issued.")
class IssueServiceTokenInput:
    name: str = strawberry.field(
        description="What it is for, unique in the organization: 1 to 255 characters."
    )
    scopes: list[access.Scope] = strawberry.field(description="What it may do; at least one.")
    lifetime_days: int = strawberry.field(description="For how many days it works, 1 to 366.")


@strawberry.input(description="A machine's key to be revoked.")
class RevokeServiceTokenInput:
    service_token_id: relay.GlobalID = strawberry.field(description="Which token.")


@strawberry.input(description="Conditions on service tokens; all that are given must hold.")
class ServiceTokenFilter:
    names: list[str] | None = given("Only tokens with one of these names.")


@strawberry.enum(description="What service tokens can be ordered by.")
class ServiceTokenOrderField(Enum):
    NAME = strawberry.enum_value("name", description="The token's name.")
    EXPIRES_AT = strawberry.enum_value("expires_at", description="When it stops working.")


ServiceTokenOrder = order(ServiceTokenOrderField, "service tokens")

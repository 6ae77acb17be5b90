"""The frame that a sandbox's gifts hang in: people, cost centers, vendors, campaigns, budgets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password

from gifting.domain import access, money
from gifting.selectors import organizations
from gifting.services import access as access_services
from gifting.services import plans
from integrations.domain.sandbox import budgets, company, parameters


@dataclass(frozen=True, slots=True)
class Person:
    """Someone of the sandbox company; `place` is the code of their cost center."""

    user_name: str
    first_name: str
    role: access.Role
    place: str


@dataclass(frozen=True, slots=True)
class Marks:
    """What is put before a code and behind a name where the organization itself is real."""

    prefix: str = ""
    suffix: str = ""


NONE: Final = Marks()
OVERLAY: Final = Marks(prefix="SBX-", suffix=" (sandbox)")


def people_of(organization: organizations.OrganizationRecord) -> tuple[Person, ...]:
    """Return the people of a sandbox company; nobody can log in as one who has no password."""
    domain = f"{organization.slug.removesuffix('-sandbox')}.example"
    return (
        Person(f"{company.OWNER}@{domain}", "Maya", access.Role.MARKETING, "MKT"),
        Person(f"femi@{domain}", "Femi", access.Role.FINANCE, company.ROOT),
        Person(f"ana@{domain}", "Ana", access.Role.ADMIN, company.ROOT),
    )


def add_people(*, actor: access.Actor, people: tuple[Person, ...]) -> dict[str, int]:
    """Add the people who are not there yet, without a password; return their ids by user name."""
    plans.add_cost_centers(actor=actor, rows=_cost_centers(NONE))
    centers = plans.cost_center_ids()
    ids = {person.user_name: _user_id(person) for person in people}
    for person in people:
        access_services.add_member(
            actor=actor,
            user_id=ids[person.user_name],
            role=person.role,
            cost_center_id=None if person.place == company.ROOT else centers[person.place],
        )
    return ids


def add_frame(
    *,
    actor: access.Actor,
    currency: str,
    starts_on: dt.date,
    owner_id: int | None,
    marks: Marks,
) -> None:
    """Add cost centers, vendors, items and campaigns; gifts have an owner, digital ones do not."""
    plans.add_cost_centers(actor=actor, rows=_cost_centers(marks))
    plans.add_vendors(
        actor=actor,
        rows=[
            plans.Vendor(f"{marks.prefix}{vendor.code}", f"{vendor.name}{marks.suffix}")
            for vendor in company.VENDORS
        ],
    )
    plans.add_gift_items(actor=actor, rows=_gift_items(marks, currency))
    plans.add_campaigns(actor=actor, rows=_campaigns(marks, owner_id, starts_on))


def add_budgets(
    *,
    actor: access.Actor,
    wanted: parameters.Parameters,
    spend_by_campaign: Mapping[str, int],
    currency: str,
    starts_on: dt.date,
    marks: Marks,
) -> None:
    """Approve a budget for each gift campaign in every fiscal period of the history."""
    periods = plans.period_ids(actor=actor, first=starts_on, last=wanted.until)
    amounts = budgets.plan(
        wanted=wanted, spend_by_campaign=spend_by_campaign, period_count=len(periods)
    )
    plans.add_budgets(
        actor=actor,
        rows=[
            plans.Budget(
                campaign=f"{marks.prefix}{campaign.code}",
                name=f"{campaign.name}{marks.suffix}",
                amount=money.Money(amounts[campaign.code], currency),
            )
            for campaign in company.CAMPAIGNS
            if campaign.code in amounts
        ],
        period_ids=periods,
    )


def _user_id(person: Person) -> int:
    user, _ = get_user_model().objects.get_or_create(
        username=person.user_name,
        defaults={
            "first_name": person.first_name,
            "email": person.user_name,
            "password": make_password(None),
        },
    )
    return int(user.pk)


def _cost_centers(marks: Marks) -> list[plans.CostCenter]:
    return [
        plans.CostCenter(
            code=f"{marks.prefix}{center.code}",
            name=f"{center.name}{marks.suffix}",
            parent=company.ROOT
            if center.parent == company.ROOT
            else f"{marks.prefix}{center.parent}",
        )
        for center in company.COST_CENTERS
    ]


def _gift_items(marks: Marks, currency: str) -> list[plans.GiftItem]:
    return [
        plans.GiftItem(
            sku=item.sku,
            name=f"{item.name}{marks.suffix}",
            vendor=f"{marks.prefix}{item.vendor}",
            list_price=money.Money(item.price_minor, currency),
            personalization=item.personalization,
        )
        for item in company.ITEMS
    ]


def _campaigns(marks: Marks, owner_id: int | None, starts_on: dt.date) -> list[plans.Campaign]:
    return [
        plans.Campaign(
            code=f"{marks.prefix}{campaign.code}",
            name=f"{campaign.name}{marks.suffix}",
            kind=campaign.kind,
            motion=campaign.motion,
            channel=campaign.channel,
            personalization=campaign.personalization,
            cost_center=f"{marks.prefix}{campaign.cost_center}",
            owner_id=owner_id if campaign.items else None,
            starts_on=starts_on,
        )
        for campaign in company.CAMPAIGNS
    ]

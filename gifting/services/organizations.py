"""Open the books of a new organization."""

from __future__ import annotations

import uuid

from django.db import IntegrityError
from django.utils.text import slugify

from gifting import models
from gifting.domain import access, fiscal, money, refusals
from gifting.selectors import organizations
from gifting.services import access as access_service
from gifting.services import fiscal as fiscal_calendars
from gifting.services import gift_rules, tenancy

ROOT_COST_CENTER = "COMPANY"


class OrganizationExists(refusals.Conflict):
    code = "ORGANIZATION_EXISTS"


class NameUnusable(refusals.Invalid):
    code = "NAME_UNUSABLE"


def find(*, slug: str) -> organizations.OrganizationRecord:
    """Return the organization that commands call by this name; raises UnknownOrganization."""
    with tenancy.door(f"slug:{slug}"):
        found = organizations.find_by_slug(slug=slug)
    if found is None:
        raise access_service.UnknownOrganization(
            f"There is no organization {slug!r}. "
            "Create it with: manage.py create_organization NAME --currency USD",
            field="organization",
        )
    return found


def create(
    *,
    name: str,
    currency: str,
    time_zone: str,
    calendar: fiscal.Calendar,
    is_synthetic: bool = False,
    is_scratch: bool = False,
) -> organizations.OrganizationRecord:
    """Create an organization with its fiscal calendar, its root cost center and the shipped rules.

    Raises NameUnusable, UnknownCurrency, TimeZoneUnusable and OrganizationExists.
    """
    slug = slugify(name)
    if not slug:
        raise NameUnusable(
            f"The name {name!r} has no letter of a to z and no digit for commands to call it by. "
            "Give another.",
            field="name",
        )
    money.exponent(currency)
    fiscal.zone(time_zone)
    organization_id = uuid.uuid4()
    with tenancy.organization(organization_id):
        try:
            models.Organization.objects.create(
                id=organization_id,
                name=name,
                slug=slug,
                currency=currency,
                time_zone=time_zone,
                is_synthetic=is_synthetic,
                is_scratch=is_scratch,
            )
        except IntegrityError:
            raise OrganizationExists(
                f"An organization called {slug!r} exists. Choose another name.", field="name"
            ) from None
        actor = access.Actor.system(organization_id=organization_id)
        fiscal_calendars.create_calendar(actor=actor, calendar=calendar)
        models.CostCenter.objects.create(
            organization_id=organization_id, code=ROOT_COST_CENTER, name=name
        )
        gift_rules.adopt_book(actor=actor)
        return organizations.get(organization_id=organization_id)

"""Organizations and the people in them: the cast that every test knows by name."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth import models as auth

from gifting import models
from gifting.domain import access, fiscal
from gifting.selectors import organizations
from gifting.services import access as memberships
from gifting.services import organizations as books
from gifting.services import tenancy

PASSWORD = "correct horse battery staple"
NOON = dt.datetime(2025, 3, 14, 12, tzinfo=dt.UTC)

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Cast:
    """Maya owns marketing, Femi approves for finance, Ana administers; Otto is from elsewhere."""

    maya: auth.User
    femi: auth.User
    ana: auth.User
    otto: auth.User
    organization: organizations.OrganizationRecord
    other_organization: organizations.OrganizationRecord


def next_number() -> int:
    """Return a number that no other row of this run was made with."""
    return next(_numbers)


def make_organization(
    name: str | None = None,
    *,
    currency: str = "USD",
    time_zone: str = "UTC",
    fiscal_year_start: int = 1,
    is_synthetic: bool = False,
) -> organizations.OrganizationRecord:
    """Open the books of a company as the product does."""
    return books.create(
        name=name or f"Company {next_number()}",
        currency=currency,
        time_zone=time_zone,
        calendar=fiscal.Calendar(start_month=fiscal_year_start),
        is_synthetic=is_synthetic,
    )


def make_person(
    name: str, *, is_staff: bool = False, is_superuser: bool = False, password: str = PASSWORD
) -> auth.User:
    """Let someone log in; staff may open the admin."""
    return auth.User.objects.create_user(
        username=name,
        email=f"{name}@example.com",
        password=password,
        is_staff=is_staff,
        is_superuser=is_superuser,
    )


def make_member(
    name: str,
    *,
    organization: organizations.OrganizationRecord,
    role: access.Role,
    cost_center_id: int | None = None,
    is_staff: bool = True,
) -> auth.User:
    """Let someone log in and give them a role in the organization."""
    person = make_person(name, is_staff=is_staff)
    join(person, organization=organization, role=role, cost_center_id=cost_center_id)
    return person


def join(
    person: auth.User,
    *,
    organization: organizations.OrganizationRecord,
    role: access.Role,
    cost_center_id: int | None = None,
) -> None:
    """Give an existing person a role in the organization."""
    with tenancy.organization(organization.id):
        memberships.add_member(
            actor=access.Actor.system(organization_id=organization.id),
            user_id=person.pk,
            role=role,
            cost_center_id=cost_center_id,
        )


def make_cast() -> Cast:
    """Bring Maya, Femi and Ana into one organization and Otto into another."""
    here = make_organization()
    elsewhere = make_organization()
    number = next_number()
    return Cast(
        maya=make_member(f"maya{number}", organization=here, role=access.Role.MARKETING),
        femi=make_member(f"femi{number}", organization=here, role=access.Role.FINANCE),
        ana=make_member(f"ana{number}", organization=here, role=access.Role.ADMIN),
        otto=make_member(f"otto{number}", organization=elsewhere, role=access.Role.ADMIN),
        organization=here,
        other_organization=elsewhere,
    )


def here() -> UUID:
    """Return the organization that the test has entered; every factory of rows uses it."""
    chosen = tenancy.current()
    if chosen is None:
        raise AssertionError("Make rows inside `with tenancy.organization(organization.id):`.")
    return chosen


def admin_id() -> int:
    """Return the person who administers the organization."""
    admins = models.Membership.objects.filter(role=access.Role.ADMIN.value)
    return admins.values_list("user_id", flat=True)[0]


def make_cost_center(
    code: str | None = None,
    *,
    name: str = "Field marketing",
    parent: models.CostCenter | None = None,
) -> models.CostCenter:
    """Make a node of the tree, below the root unless told otherwise."""
    return models.CostCenter.objects.create(
        organization_id=here(),
        code=code or f"CC-{next_number()}",
        name=name,
        parent=parent or root_cost_center(),
    )


def root_cost_center() -> models.CostCenter:
    """Return the cost center that the others hang from."""
    return models.CostCenter.objects.get(id=organizations.root_cost_center_id())


def make_service_token(
    *,
    scopes: frozenset[access.Scope] = frozenset({access.Scope.READ_SPEND}),
    lifetime: dt.timedelta = dt.timedelta(days=30),
    at: dt.datetime = NOON,
    by: access.Actor | None = None,
) -> memberships.IssuedToken:
    """Issue a token as the product does; its secret is in the result."""
    return memberships.issue_token(
        actor=by or access.Actor.system(organization_id=here()),
        name=f"Token {next_number()}",
        scopes=scopes,
        lifetime=lifetime,
        at=at,
    )

"""Before an organization is chosen, a door opens the rows of its own key, only to look at."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.contrib.auth import models as auth
from django.db import ProgrammingError, connection, transaction

from gifting import models
from gifting.domain import access
from gifting.selectors import organizations as organization_records
from gifting.services import access as memberships
from gifting.services import tenancy
from tests.factories import everything, organizations

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, slots=True)
class Street:
    """Two organizations side by side, one person in both, one in each, a token in each."""

    acme: organization_records.OrganizationRecord
    globex: organization_records.OrganizationRecord
    maya: auth.User
    otto: auth.User
    acme_token: memberships.IssuedToken
    globex_token: memberships.IssuedToken


@pytest.fixture
def street() -> Street:
    acme = organizations.make_organization("Acme")
    globex = organizations.make_organization("Globex")
    maya = organizations.make_member("maya", organization=acme, role=access.Role.MARKETING)
    organizations.join(maya, organization=globex, role=access.Role.AUDITOR)
    otto = organizations.make_member("otto", organization=globex, role=access.Role.ADMIN)
    with tenancy.organization(acme.id):
        acme_token = organizations.make_service_token()
    with tenancy.organization(globex.id):
        globex_token = organizations.make_service_token()
    return Street(acme, globex, maya, otto, acme_token, globex_token)


def test_a_slug_opens_its_organization_alone(street: Street) -> None:
    with tenancy.door("slug:acme"):
        seen = list(models.Organization.objects.values_list("id", flat=True))

    assert seen == [street.acme.id]


@pytest.mark.parametrize(
    "key", ["slug:", "slug:%", "slug:acm", "slug:ACME", "acme", "", "OPERATOR"]
)
def test_a_key_that_fits_no_lock_opens_nothing(key: str, street: Street) -> None:
    with tenancy.door(key):
        assert models.Organization.objects.count() == 0
        assert models.Membership.objects.count() == 0
        assert models.ServiceToken.objects.count() == 0


def test_a_person_finds_their_memberships_alone(street: Street) -> None:
    with tenancy.door(f"user:{street.maya.pk}"):
        seen = list(models.Membership.objects.values_list("user_id", "organization_id"))
        organizations_seen = models.Organization.objects.count()

    assert sorted(seen) == sorted(
        [(street.maya.pk, street.acme.id), (street.maya.pk, street.globex.id)]
    )
    assert organizations_seen == 0


def test_a_token_finds_itself_alone(street: Street) -> None:
    with tenancy.door(f"token:{memberships._hash(street.acme_token.secret)}"):
        seen = list(models.ServiceToken.objects.values_list("public_id", flat=True))

    assert seen == [street.acme_token.public_id]


def test_the_operator_sees_every_organization_and_nothing_in_it(street: Street) -> None:
    with tenancy.door("operator"):
        seen = set(models.Organization.objects.values_list("slug", flat=True))
        inside = [model._default_manager.count() for model in everything.tenant_models()]

    assert seen == {"acme", "globex"}
    assert set(inside) == {0}


@pytest.mark.parametrize("kind", ["slug", "user", "token", "operator"])
def test_a_door_opens_no_other_table(kind: str, street: Street) -> None:
    key = _key(kind, street)
    with tenancy.organization(street.acme.id):
        everything.make_one_of_each()
    opened = {
        "user": {models.Membership},
        "token": {models.ServiceToken},
    }.get(kind, set())

    with tenancy.door(key):
        seen = {model for model in everything.tenant_models() if model._default_manager.exists()}

    assert seen == opened


@pytest.mark.parametrize(
    ("kind", "table", "column"),
    [
        ("slug", "gifting_organization", "name"),
        ("operator", "gifting_organization", "name"),
        ("user", "gifting_membership", "role"),
        ("token", "gifting_servicetoken", "name"),
    ],
)
def test_nothing_is_changed_or_removed_through_a_door(
    kind: str, table: str, column: str, street: Street
) -> None:
    with tenancy.door(_key(kind, street)), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        seen = cursor.fetchone()[0]
        cursor.execute(f"UPDATE {table} SET {column} = {column}")
        changed = cursor.rowcount
        cursor.execute(f"DELETE FROM {table}")
        removed = cursor.rowcount

    assert seen > 0
    assert (changed, removed) == (0, 0)


def test_nothing_is_added_through_a_door(street: Street) -> None:
    with (
        tenancy.door(f"user:{street.otto.pk}"),
        pytest.raises(ProgrammingError) as caught,
        transaction.atomic(),
    ):
        models.Membership.objects.create(
            organization_id=street.acme.id, user=street.otto, role=access.Role.ADMIN.value
        )

    assert "violates row-level security policy" in str(caught.value)


def test_a_door_stays_shut_inside_an_organization_for_other_ones(street: Street) -> None:
    with tenancy.organization(street.acme.id):
        seen = set(models.Membership.objects.values_list("organization_id", flat=True))

    assert seen == {street.acme.id}


def test_a_door_closes_behind_its_block(street: Street) -> None:
    with tenancy.door("operator"):
        seen_through_it = models.Organization.objects.count()

    assert seen_through_it == 2
    assert models.Organization.objects.count() == 0


def test_a_door_closes_when_its_block_fails(street: Street) -> None:
    with pytest.raises(ZeroDivisionError), tenancy.door("operator"):
        _ = 1 / 0

    assert models.Organization.objects.count() == 0


def _key(kind: str, street: Street) -> str:
    return {
        "slug": "slug:acme",
        "user": f"user:{street.maya.pk}",
        "token": f"token:{memberships._hash(street.acme_token.secret)}",
        "operator": "operator",
    }[kind]

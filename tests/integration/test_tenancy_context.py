"""The chosen organization belongs to one transaction and never outlives it."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from gifting import models
from gifting.selectors import organizations as organization_records
from gifting.services import tenancy
from tests.factories import organizations, sends

pytestmark = pytest.mark.django_db


class Interrupted(Exception):  # noqa: N818 - an accident of the test, not of the product
    """Something went wrong in the middle of a request."""


@pytest.fixture
def acme() -> organization_records.OrganizationRecord:
    return _organization_with_vendor("Acme")


@pytest.fixture
def globex() -> organization_records.OrganizationRecord:
    return _organization_with_vendor("Globex")


def test_the_same_organization_may_be_chosen_again(
    acme: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(acme.id):
        with tenancy.organization(acme.id):
            inside_twice = models.Vendor.objects.count()
        after_the_inner_one = models.Vendor.objects.count()

    assert (inside_twice, after_the_inner_one) == (1, 1)
    assert tenancy.current() is None


def test_a_second_organization_is_refused_and_the_first_stays(
    acme: organization_records.OrganizationRecord,
    globex: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(acme.id):
        with (
            pytest.raises(tenancy.OrganizationAlreadyChosenError) as caught,
            tenancy.organization(globex.id),
        ):
            pytest.fail("the block of a second organization ran")
        still_chosen = tenancy.current()
        seen = models.Vendor.objects.get().code

    assert str(acme.id) in str(caught.value)
    assert str(globex.id) in str(caught.value)
    assert still_chosen == acme.id
    assert seen == "Acme"


def test_two_organizations_may_follow_each_other_in_one_transaction(
    acme: organization_records.OrganizationRecord,
    globex: organization_records.OrganizationRecord,
) -> None:
    seen = []
    with transaction.atomic():
        for organization in (acme, globex, acme):
            with tenancy.organization(organization.id):
                seen.append(models.Vendor.objects.get().code)

    assert seen == ["Acme", "Globex", "Acme"]


def test_nothing_stays_chosen_after_an_error(
    acme: organization_records.OrganizationRecord,
) -> None:
    with pytest.raises(Interrupted), tenancy.organization(acme.id):
        raise Interrupted

    assert tenancy.current() is None
    assert models.Vendor.objects.count() == 0


def test_nothing_stays_chosen_after_an_error_of_the_database(
    acme: organization_records.OrganizationRecord,
) -> None:
    with (
        pytest.raises(DatabaseError),
        tenancy.organization(acme.id),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 1 / 0")

    assert tenancy.current() is None
    assert models.Vendor.objects.count() == 0


def test_a_savepoint_that_fails_leaves_the_organization_chosen(
    acme: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(acme.id):
        with pytest.raises(Interrupted), transaction.atomic():
            raise Interrupted

        assert tenancy.current() == acme.id
        assert models.Vendor.objects.count() == 1


@pytest.mark.parametrize("value", ["", "00000000-0000-0000-0000-000000000000"])
def test_a_setting_that_names_no_organization_shows_nothing(
    value: str, acme: organization_records.OrganizationRecord
) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('tribute.organization', %s, true)", [value])
        seen = models.Vendor.objects.count()

    assert seen == 0


def test_a_setting_that_is_no_uuid_is_an_error(
    acme: organization_records.OrganizationRecord,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('tribute.organization', 'acme', true)")

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        models.Vendor.objects.count()

    assert "invalid input syntax for type uuid" in str(caught.value)


def _organization_with_vendor(name: str) -> organization_records.OrganizationRecord:
    organization = organizations.make_organization(name)
    with tenancy.organization(organization.id):
        sends.make_vendor(name)
    return organization

"""Organizations cannot read, count, change, reference or collide with each other's rows.

Everything here runs in PostgreSQL as the application role, in SQL as well as through the ORM, over
every model that Django's registry knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.utils import DatabaseError, IntegrityError, ProgrammingError

from attribution import models as attribution
from gifting import models as gifting
from gifting.domain import access
from gifting.selectors import organizations as organization_records
from gifting.services import tenancy
from tests.factories import everything, imports, opportunities, organizations, sends

pytestmark = pytest.mark.django_db

TENANT_MODELS = everything.tenant_models()


@dataclass(frozen=True, slots=True)
class Link:
    """A foreign key from one tenant table to another."""

    child: type[models.Model]
    column: str
    parent: type[models.Model]

    def __str__(self) -> str:
        return f"{self.child._meta.db_table}.{self.column}"


def _links() -> list[Link]:
    # Credits carry no links: a run COPYs millions and proves by one join that none is foreign.
    return [
        Link(model, field.column, field.related_model)
        for model in TENANT_MODELS
        for field in model._meta.concrete_fields
        if model is not attribution.Credit
        and isinstance(field, models.ForeignKey)
        and field.related_model in TENANT_MODELS
    ]


@pytest.fixture
def acme() -> organization_records.OrganizationRecord:
    return organizations.make_organization("Acme")


@pytest.fixture
def globex() -> organization_records.OrganizationRecord:
    return organizations.make_organization("Globex")


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_without_an_organization_a_table_is_empty(
    model: type[models.Model], acme: organization_records.OrganizationRecord
) -> None:
    with tenancy.organization(acme.id):
        row = everything.make_row(model)
        count_inside = model._default_manager.count()

    count_outside = model._default_manager.count()

    assert count_inside > 0
    assert count_outside == 0
    assert not model._default_manager.filter(pk=row.pk).exists()
    assert _sql(f"SELECT count(*) FROM {_table(model)}") == [(0,)]
    assert _sql(f"SELECT 1 FROM {_table(model)} WHERE id = {row.pk}") == []


def test_without_an_organization_no_organization_is_seen(
    acme: organization_records.OrganizationRecord,
) -> None:
    assert gifting.Organization.objects.count() == 0
    assert _sql(f"SELECT 1 FROM gifting_organization WHERE id = '{acme.id}'") == []


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_another_organizations_row_cannot_be_read_counted_changed_or_removed(
    model: type[models.Model],
    acme: organization_records.OrganizationRecord,
    globex: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(globex.id):
        theirs = everything.make_row(model)
        before = _sql(f"SELECT to_jsonb(t) FROM {_table(model)} AS t ORDER BY id")

    with tenancy.organization(acme.id):
        found = model._default_manager.filter(pk=theirs.pk).count()
        counted = _sql(
            f"SELECT count(*) FROM {_table(model)} WHERE organization_id = '{globex.id}'"
        )
        changed = _attempt(
            f"UPDATE {_table(model)} SET organization_id = organization_id WHERE id = {theirs.pk}"
        )
        taken = _attempt(
            f"UPDATE {_table(model)} SET organization_id = '{acme.id}' WHERE id = {theirs.pk}"
        )
        removed = _attempt(f"DELETE FROM {_table(model)} WHERE id = {theirs.pk}")

    assert found == 0
    assert counted == [(0,)]
    assert {changed, taken, removed} <= {0, "InsufficientPrivilege"}
    with tenancy.organization(globex.id):
        assert _sql(f"SELECT to_jsonb(t) FROM {_table(model)} AS t ORDER BY id") == before


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_a_row_cannot_be_added_or_moved_to_another_organization(
    model: type[models.Model],
    acme: organization_records.OrganizationRecord,
    globex: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(acme.id):
        ours = everything.make_row(model)

        added = _attempt(_insert_copy(model, ours.pk, organization_id=str(globex.id)))
        moved = _attempt(
            f"UPDATE {_table(model)} SET organization_id = '{globex.id}' WHERE id = {ours.pk}"
        )

    # PostgreSQL has one code for a missing privilege and for a row that a policy refuses. Where a
    # table's own trigger looks first, the refusal is the trigger's.
    assert {added, moved} <= {"InsufficientPrivilege", "CheckViolation"}
    with tenancy.organization(globex.id):
        assert not model._default_manager.filter(pk=ours.pk).exists()


@pytest.mark.parametrize("link", _links(), ids=str)
def test_no_row_can_reference_another_organizations_row(
    link: Link,
    acme: organization_records.OrganizationRecord,
    globex: organization_records.OrganizationRecord,
) -> None:
    """Attacked as the owner, for whom neither policies nor privileges nor triggers stand before.

    Checks of the row itself, which would speak first, are taken away too.
    """
    with tenancy.organization(globex.id):
        theirs = everything.make_row(link.parent)
    with tenancy.organization(acme.id):
        ours = everything.make_row(link.child)
        _sql("SET CONSTRAINTS ALL IMMEDIATE")
        _sql("SET LOCAL ROLE NONE")
        _sql(f"ALTER TABLE {_table(link.child)} DISABLE TRIGGER USER")
        for (check,) in _sql(
            "SELECT conname FROM pg_constraint WHERE contype = 'c'"
            f" AND conrelid = '{_table(link.child)}'::regclass"
        ):
            _sql(f'ALTER TABLE {_table(link.child)} DROP CONSTRAINT "{check}"')

        with pytest.raises(IntegrityError) as caught, transaction.atomic():
            _sql(
                f"UPDATE {_table(link.child)} SET {link.column} = {theirs.pk} WHERE id = {ours.pk}"
            )

        assert _constraint(caught.value) == f"{link}_link".replace(".", "_")
        _sql("SET LOCAL ROLE tribute_app")


def test_the_application_cannot_send_for_another_organizations_campaign(
    acme: organization_records.OrganizationRecord,
    globex: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(globex.id):
        their_campaign = sends.make_campaign()
    with tenancy.organization(acme.id):
        our_send = sends.make_send()

        with pytest.raises(IntegrityError) as inserted, transaction.atomic():
            sends.make_send(campaign=their_campaign, cost_center=our_send.cost_center)
        with pytest.raises(IntegrityError) as updated, transaction.atomic():
            gifting.Send.objects.filter(pk=our_send.pk).update(campaign=their_campaign)

        assert _constraint(inserted.value) == "gifting_send_campaign_id_link"
        assert _constraint(updated.value) == "gifting_send_campaign_id_link"
        assert gifting.Send.objects.count() == 1


def test_the_application_cannot_tell_a_foreign_row_from_a_missing_one(
    acme: organization_records.OrganizationRecord,
    globex: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(globex.id):
        their_account = opportunities.make_account()
    missing_id = 2**62

    with tenancy.organization(acme.id):
        messages = []
        for account_id in (their_account.pk, missing_id):
            with pytest.raises(IntegrityError) as caught, transaction.atomic():
                opportunities.make_touchpoint(account=attribution.Account(id=account_id))
            messages.append(re.sub(r"[0-9]{2,}|[0-9a-f-]{36}|=\(.*\)", "…", str(caught.value)))

    assert messages[0] == messages[1]


def test_the_same_keys_can_be_used_by_both_organizations(
    acme: organization_records.OrganizationRecord,
    globex: organization_records.OrganizationRecord,
) -> None:
    person = organizations.make_person("maya")

    for organization in (acme, globex):
        organizations.join(person, organization=organization, role=access.Role.MARKETING)
        with tenancy.organization(organization.id):
            _make_rows_with_plain_keys()

    for organization in (acme, globex):
        with tenancy.organization(organization.id):
            assert gifting.Campaign.objects.get().code == "SPRING"
            assert gifting.Send.objects.get().external_id == "1"
            assert attribution.Opportunity.objects.get().external_id == "1"
            assert gifting.Membership.objects.get().user_id == person.pk


def test_an_upsert_never_reaches_another_organizations_row(
    acme: organization_records.OrganizationRecord,
    globex: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(globex.id):
        opportunities.make_account("1", name="Theirs")

    with tenancy.organization(acme.id):
        attribution.Account.objects.update_or_create(
            organization_id=acme.id, source="crm", external_id="1", defaults={"name": "Ours"}
        )

        assert attribution.Account.objects.get().name == "Ours"
    with tenancy.organization(globex.id):
        assert attribution.Account.objects.get().name == "Theirs"


def test_joins_aggregates_and_subqueries_stay_inside(
    acme: organization_records.OrganizationRecord,
    globex: organization_records.OrganizationRecord,
) -> None:
    for organization, amount_minor in ((acme, 10_00), (globex, 99_00)):
        with tenancy.organization(organization.id):
            sends.make_cost_line(sends.make_send("1"), amount_minor)

    with tenancy.organization(acme.id):
        through_orm = gifting.CostLine.objects.aggregate(total=models.Sum("change_minor"))
        through_sql = _sql(
            "SELECT sum(line.change_minor) FROM gifting_costline AS line"
            " JOIN gifting_send AS send ON send.external_id = '1'"
        )
        through_view = _sql("SELECT count(*) FROM gifting_sendtouch")

    assert through_orm == {"total": 10_00}
    assert through_sql == [(10_00,)]
    assert through_view == [(0,)]


def test_copy_from_is_refused_and_copy_to_gives_only_ones_own_rows(
    acme: organization_records.OrganizationRecord,
    globex: organization_records.OrganizationRecord,
) -> None:
    for organization, code in ((acme, "ours"), (globex, "theirs")):
        with tenancy.organization(organization.id):
            sends.make_vendor(code)

    with tenancy.organization(acme.id), connection.cursor() as cursor:
        with cursor.copy("COPY gifting_vendor (code) TO STDOUT") as copy:
            copied = b"".join(copy)
        with pytest.raises(DatabaseError) as caught, transaction.atomic():
            cursor.execute("COPY gifting_vendor FROM STDIN")

    assert copied == b"ours\n"
    assert "COPY FROM not supported with row-level security" in str(caught.value)


def test_statistics_of_the_database_show_no_value_of_any_row(
    acme: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(acme.id):
        for _ in range(20):
            sends.make_recipient(email="secret@customer.example")
        _sql("SET LOCAL ROLE NONE")
        _sql("ANALYZE gifting_recipient")
        seen_by_owner = _sql("SELECT 1 FROM pg_stats WHERE most_common_vals::text LIKE '%secret@%'")
        _sql("SET LOCAL ROLE tribute_app")

        seen_by_application = _sql(
            "SELECT DISTINCT tablename FROM pg_stats WHERE tablename LIKE 'gifting_%'"
        )

    assert seen_by_owner == [(1,)]
    assert set(seen_by_application) <= {("gifting_sendtransition",)}


def _make_rows_with_plain_keys() -> None:
    vendor = sends.make_vendor("shop")
    campaign = sends.make_campaign("SPRING")
    sends.make_gift_item(vendor=vendor)
    recipient = sends.make_recipient("1")
    send = sends.make_send("1", campaign=campaign, vendor=vendor, recipient=recipient)
    account = opportunities.make_account("1")
    opportunities.make_opportunity("1", account=account)
    opportunities.make_touchpoint("1", account=account, campaign=campaign, send=send)
    opportunities.make_run(model="LINEAR")
    imports.make_quarantined_row()


def _table(model: type[models.Model]) -> str:
    return model._meta.db_table


def _insert_copy(model: type[models.Model], pk: object, **changes: str) -> str:
    columns = [field.column for field in model._meta.concrete_fields if field.column != "id"]
    values = [f"'{changes[name]}'" if name in changes else f'"{name}"' for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    return (
        f"INSERT INTO {_table(model)} ({names})"
        f" SELECT {', '.join(values)} FROM {_table(model)} WHERE id = {pk}"
    )


def _sql(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def _attempt(statement: str) -> int | str:
    """Return how many rows the statement touched, or the name of PostgreSQL's refusal."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            return int(cursor.rowcount)
    except (ProgrammingError, IntegrityError) as refused:
        return type(refused.__cause__).__name__


def _constraint(refused: DatabaseError) -> str | None:
    cause: Any = refused.__cause__
    name: str | None = cause.diag.constraint_name
    return name

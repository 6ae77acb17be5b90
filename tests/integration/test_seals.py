"""Every committed operation is chained, and any changed byte is found (invariant 33)."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from config import ownership
from gifting import models
from gifting.selectors import organizations as records
from gifting.services import tenancy
from tests.factories import ledger, organizations


@pytest.fixture
def books(committed_db: None) -> records.OrganizationRecord:
    """Open books with a reservation and a spend in them."""
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        budget = ledger.make_budget()
        ledger.make_commitment(budget)
        ledger.record_fact(budget, 5_00)
    return organization


def seal(organization: records.OrganizationRecord) -> dict[str, Any]:
    output = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command("seal_ledger", "--organization", organization.slug, "--json", stdout=output)
    found: dict[str, Any] = json.loads(output.getvalue())
    return found


def test_the_chain_grows_and_holds(books: records.OrganizationRecord) -> None:
    first = seal(books)
    again = seal(books)
    with tenancy.organization(books.id):
        ledger.make_budget()
    more = seal(books)

    assert (first["sealed"], first["number"], first["holds"]) == (3, 3, True)
    assert (again["sealed"], again["hash"]) == (0, first["hash"])
    assert (more["sealed"], more["number"], more["unsealed"], more["holds"]) == (1, 4, 0, True)


def test_any_stored_byte_that_changes_is_found(books: records.OrganizationRecord) -> None:
    seal(books)
    changes = [
        ("gifting_transfer", "amount_minor = amount_minor + 1"),
        ("gifting_transfer", "reference = reference || 'x'"),
        ("gifting_operation", "response = response || '{\"a\": 1}'"),
        ("gifting_operation", "recorded_at = recorded_at + interval '1 microsecond'"),
        ("gifting_budgetentry", "reason = 'Another'"),
        ("gifting_fundinglineage", "amount_minor = amount_minor + 1"),
        ("gifting_ledgerseal", "hash = reverse(hash)"),
    ]

    found = []
    for table, change in changes:
        with ownership.owner() as owner, owner.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            cursor.execute(f"CREATE TABLE before_change AS TABLE {table}")
            cursor.execute(f"UPDATE {table} SET {change}")
        found.append(seal(books)["holds"])
        with ownership.owner() as owner, owner.cursor() as cursor:
            column = change.split(" ", 1)[0]
            cursor.execute(
                f"UPDATE {table} SET {column} = b.{column} FROM before_change AS b"
                f" WHERE b.id = {table}.id"
            )
            cursor.execute("DROP TABLE before_change")
            cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")

    assert found == [False] * len(changes)
    assert seal(books)["holds"] is True


@pytest.mark.django_db
def test_a_seal_is_what_the_database_makes_of_it() -> None:
    with tenancy.organization(organizations.make_organization().id):
        forged = models.LedgerSeal.objects.create(
            organization_id=organizations.here(),
            operation=ledger.make_operation(),
            number=7,
            previous_hash="forged",
            hash="forged",
        )

        with pytest.raises(IntegrityError), transaction.atomic():
            models.LedgerSeal.objects.create(
                organization_id=organizations.here(), operation_id=forged.operation_id
            )

        forged.refresh_from_db()
        assert (forged.number, forged.previous_hash) == (1, "")
        assert len(forged.hash) == models.seals.HASH_LENGTH


@pytest.mark.django_db
def test_a_chain_that_does_not_hold_ends_the_command_with_one() -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        ledger.make_seal()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET LOCAL ROLE NONE")
            cursor.execute("ALTER TABLE gifting_ledgerseal DISABLE TRIGGER history_is_kept")
            cursor.execute("UPDATE gifting_ledgerseal SET hash = reverse(hash)")
            cursor.execute("ALTER TABLE gifting_ledgerseal ENABLE TRIGGER history_is_kept")
            cursor.execute("SET LOCAL ROLE tribute_app")

    with pytest.raises(SystemExit) as end:
        call_command("seal_ledger", "--organization", organization.slug, stdout=io.StringIO())

    assert end.value.code == 1

"""A sandbox has a row in every history, and nobody who works as the application changes one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from attribution.domain import multitouch
from gifting.domain import access, cuts
from gifting.selectors import consolidated
from gifting.services import tenancy
from integrations.domain.sandbox import parameters
from integrations.services import sandbox, sandbox_examples
from tests.factories import checksums

pytestmark = pytest.mark.django_db

# Enough for every kind of change of a deal.
OPPORTUNITIES = 120
# Those of the organization: what all of them share, such as reference rates, is the server's.
SEALED = """
    SELECT tgrelid::regclass::text FROM pg_trigger
    JOIN pg_attribute ON attrelid = tgrelid AND attname = 'organization_id'
    WHERE tgname IN ('history_is_kept', 'history_is_not_truncated') AND tgenabled = 'O'
    GROUP BY 1 HAVING count(*) = 2 ORDER BY 1
"""


def test_every_history_has_rows_that_cannot_be_changed() -> None:
    made = sandbox.create(
        name="Attack me (sandbox)",
        wanted=parameters.Parameters(opportunities=OPPORTUNITIES),
        progress=lambda _: None,
    )
    sandbox_examples.leave(made=made)
    sandbox.attribute(made=made, models_to_run=[multitouch.Model.LINEAR])

    with tenancy.organization(made.organization.id):
        tables = [table for (table,) in _sql(SEALED)]
        rows = {table: _sql(f"SELECT count(*) FROM {table}")[0][0] for table in tables}
        changed = [
            statement
            for table in tables
            for statement in (
                f"UPDATE {table} SET organization_id = organization_id",
                f"DELETE FROM {table}",
                f"TRUNCATE {table} CASCADE",
            )
            if _goes_through(statement)
        ]

    assert len(tables) > 30
    assert [table for table, count in rows.items() if count == 0] == []
    assert changed == []


def test_examples_are_left_once_and_change_no_total() -> None:
    made = sandbox.create(
        name="Attack me (sandbox)",
        wanted=parameters.Parameters(opportunities=OPPORTUNITIES),
        progress=lambda _: None,
    )
    actor = access.Actor.system(organization_id=made.organization.id)

    sandbox_examples.leave(made=made)
    before = checksums.by_table(made.organization.id)
    sandbox_examples.leave(made=made)

    assert checksums.by_table(made.organization.id) == before
    with tenancy.organization(made.organization.id):
        (total,) = consolidated.get(actor=actor, cut=cuts.Dimension.VENDOR).totals()
        assert total.amount_minor == made.truth["spend_minor"]
        assert consolidated.differences(actor=actor) == ()


def _goes_through(statement: str) -> bool:
    try:
        with transaction.atomic():
            _sql(statement)
    except DatabaseError:
        return False
    return True


def _sql(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []

"""A commitment asks PostgreSQL three things, and lets go of its fund without waiting for itself."""

from __future__ import annotations

import dataclasses

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from config.drills import scratch
from gifting import models
from gifting.domain import ledger as rules
from gifting.services import tenancy
from tests.factories import sends

# To enter and claim the key, to find funds and period, to write and commit.
JOURNEYS = 3
TRANSACTION = {"BEGIN", "COMMIT"}


def test_a_commitment_makes_three_journeys(committed_db: None) -> None:
    with scratch.organization(day=sends.DAY, room=5, budget_count=2) as books:
        books.commit(key="first", budget_ids=books.budget_ids)
        with CaptureQueriesContext(connection) as asked:
            books.commit(key="second", budget_ids=books.budget_ids)

        said = [query["sql"] for query in asked if query["sql"] not in TRANSACTION]

        assert len(said) == JOURNEYS
        assert said[-1].endswith("; COMMIT")
        assert books.committed_minor() == [2 * scratch.AMOUNT.amount_minor] * 2


def test_what_the_commit_refuses_leaves_nothing(committed_db: None) -> None:
    with scratch.organization(day=sends.DAY, room=1, budget_count=1) as books:
        books.commit(key="fits", budget_ids=books.budget_ids)

        with pytest.raises(rules.BudgetExceeded):
            books.commit(key="too-much", budget_ids=books.budget_ids)

        assert not connection.in_atomic_block
        assert books.committed_minor() == [scratch.AMOUNT.amount_minor]
        again = books.commit(key="fits", budget_ids=books.budget_ids)
        assert again.replayed


def test_inside_a_callers_transaction_it_is_the_caller_who_commits(committed_db: None) -> None:
    with scratch.organization(day=sends.DAY, room=5, budget_count=1) as books:
        with tenancy.organization(books.organization.id):
            books.commit(key="given-up", budget_ids=books.budget_ids)
            transaction.set_rollback(True)

        assert books.committed_minor() == [0]
        assert not books.commit(key="given-up", budget_ids=books.budget_ids).replayed


def test_an_organization_is_entered_in_one_statement_and_left_with_the_transaction(
    committed_db: None,
) -> None:
    with scratch.organization(day=sends.DAY, room=5, budget_count=1) as books:
        with (
            CaptureQueriesContext(connection) as asked,
            tenancy.organization(books.organization.id),
        ):
            pass

        said = [query["sql"] for query in asked if query["sql"] not in TRANSACTION]
        assert len(said) == 1
        assert tenancy.current() is None


def test_a_known_period_that_does_not_hold_the_day_is_not_believed(committed_db: None) -> None:
    """The first period that ends later may start later: a gap of the calendar is filled first."""
    with scratch.organization(day=sends.DAY, room=5, budget_count=1) as books:
        earlier = dataclasses.replace(books, day=sends.DAY.replace(year=sends.DAY.year - 3))

        answer = earlier.commit(key="early", budget_ids=books.budget_ids)

        with tenancy.organization(books.organization.id):
            transfer = models.Transfer.objects.get(operation__public_id=answer.operation_id)
            period = models.FiscalPeriod.objects.get(id=transfer.fiscal_period_id)
        assert period.starts_on <= earlier.day < period.ends_on

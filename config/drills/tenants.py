"""Two organizations side by side: neither reads, moves or learns of the other's money."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections.abc import Callable
from typing import Final

from django.db import DatabaseError, connection, transaction

from config.drills import scratch
from config.drills.report import Report
from gifting.domain import refusals
from gifting.services import ledger, tenancy

REFUSED: Final = "refused"

Attack = Callable[[scratch.Scratch, scratch.Scratch, uuid.UUID], bool]


def run(*, day: dt.date, workers: int) -> Report:
    """Let every worker attack the other organization in every way; count what went through."""
    before = scratch.deadlocks()
    with (
        scratch.organization(day=day, room=workers, budget_count=1) as one,
        scratch.organization(day=day, room=workers, budget_count=1) as other,
    ):
        sides = ((one, other), (other, one))
        reserved = [
            uuid.UUID(
                books.commit(key="reserved", budget_ids=books.budget_ids).response["commitments"][0]
            )
            for books in (one, other)
        ]
        # Each worker's own work goes on, so that connections change hands between the two.
        attacks = _attacks()

        def attempt(number: int) -> list[str]:
            ours, theirs = sides[number % 2]
            ours.commit(key=f"work-{number}", budget_ids=ours.budget_ids)
            target = reserved[(number + 1) % 2]
            return [_outcome(attack, ours, theirs, target) for attack in attacks]

        lines, connections = scratch.all_at_once(attempt, workers=workers)
        committed = [books.committed_minor() for books in (one, other)]
        differences = one.differences() + other.differences()
    outcomes = list(itertools.chain.from_iterable(lines))
    shares = [len(range(side, workers, 2)) for side in range(2)]
    expected = [[(1 + share) * scratch.AMOUNT.amount_minor] for share in shares]
    leaked = tuple(sorted({each for each in outcomes if each != REFUSED}))
    deadlocks = scratch.deadlocks() - before
    return Report(
        drill="tenants",
        tried=len(outcomes),
        room=0,
        accepted=len(outcomes) - outcomes.count(REFUSED),
        refused=outcomes.count(REFUSED),
        deadlocks=deadlocks,
        errors=leaked,
        held=committed == expected and not (leaked or deadlocks or differences),
        details={"connections": connections, "ways": len(attacks)},
    )


def _attacks() -> list[Attack]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')"
            " AND a.attname = 'organization_id' AND NOT a.attisdropped ORDER BY 1"
        )
        tables = [name for (name,) in cursor.fetchall()]
    return [
        _use_their_budget,
        _void_their_commitment,
        *(_reading(table) for table in tables),
        *(_changing(table) for table in tables),
        *(_removing(table) for table in tables),
    ]


def _outcome(
    attack: Attack, ours: scratch.Scratch, theirs: scratch.Scratch, target: uuid.UUID
) -> str:
    try:
        went_through = attack(ours, theirs, target)
    except (DatabaseError, refusals.Refusal):
        went_through = False
    return f"{attack.__name__} went through" if went_through else REFUSED


def _use_their_budget(ours: scratch.Scratch, theirs: scratch.Scratch, _: uuid.UUID) -> bool:
    ours.commit(key=f"theft-{uuid.uuid4()}", budget_ids=theirs.budget_ids)
    return True


def _void_their_commitment(ours: scratch.Scratch, _: scratch.Scratch, target: uuid.UUID) -> bool:
    ledger.void(
        actor=ours.actor,
        key=f"theft-{uuid.uuid4()}",
        commitment=target,
        amount=scratch.AMOUNT,
        effective_on=ours.day,
    )
    return True


def _reading(table: str) -> Attack:
    return _statement(f"SELECT 1 FROM {table} WHERE organization_id = %s LIMIT 1")


def _changing(table: str) -> Attack:
    return _statement(
        f"UPDATE {table} SET organization_id = organization_id WHERE organization_id = %s"
    )


def _removing(table: str) -> Attack:
    return _statement(f"DELETE FROM {table} WHERE organization_id = %s")


def _statement(statement: str) -> Attack:
    """Attack in SQL; it went through when it touched a row."""

    def attack(ours: scratch.Scratch, theirs: scratch.Scratch, _: uuid.UUID) -> bool:
        with (
            tenancy.organization(ours.organization.id),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [theirs.organization.id])
            return bool(cursor.rowcount > 0)

    attack.__name__ = statement
    return attack

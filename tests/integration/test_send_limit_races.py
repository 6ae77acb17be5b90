"""Approvals that meet in limits beside their budgets: exactly the room is taken, in one order."""

from __future__ import annotations

from concurrent import futures

from django.db import connections

from config.drills import scratch
from gifting.domain.budgets import DimensionKind
from gifting.domain.decisions import Outcome
from gifting.domain.ledger import Balances
from gifting.selectors import funds
from gifting.services import decisions, tenancy
from tests.factories import controls, organizations, requests, sends
from tests.factories import ledger as books

NOON = organizations.NOON


def test_approvals_at_once_over_two_limits_take_exactly_their_room(committed_db: None) -> None:
    """Eight sends of two budgets, all of one program and one sender: room for five, then three."""
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        homes = [books.make_budget(1_000_00) for _ in range(2)]
        wide = controls.scoped_budget(5 * 58_00, controls.value("DAYS", DimensionKind.PROGRAM))
        narrow = controls.scoped_budget(3 * 58_00, controls.value("0055", DimensionKind.PERSON))
        campaign = sends.make_campaign(program=sends.make_program("DAYS"))
        asked = [
            requests.make_request(*homes[:: 1 if number % 2 else -1], campaign=campaign, sender=who)
            for number, who in enumerate(["0055", ""] * 4)
        ]
        actor = books.actor()
    before = scratch.deadlocks()

    def approve(number: int) -> Outcome | None:
        try:
            return decisions.decide(
                actor=actor, key=f"race-{number}", send=asked[number].public_id, at=NOON
            ).outcome
        finally:
            connections.close_all()

    with futures.ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(approve, range(8)))

    assert scratch.deadlocks() == before
    assert outcomes.count(Outcome.APPROVED) == 5
    assert outcomes.count(Outcome.REFUSED) == 3
    with tenancy.organization(organization.id):
        assert books.balances(wide) == Balances(5 * 58_00, committed=5 * 58_00)
        assert books.balances(narrow).available >= 0
        assert sum(books.balances(home).committed for home in homes) == 5 * 58_00
        assert funds.differences(actor=actor) == ()

"""Requests that meet: whatever the order, one of them wins and the figures stay true."""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from uuid import UUID

import pytest
from django.db import connection
from django.db import models as db

from config.drills import scratch
from gifting import models
from gifting.domain import refusals
from gifting.domain.ledger import PeriodStatus
from gifting.services import budgets, ledger, operations, periods, tenancy
from tests.factories import organizations, sends

AMOUNT = scratch.AMOUNT
DAY = sends.DAY
ROUNDS = 12


@pytest.fixture
def books(committed_db: None) -> Iterator[scratch.Scratch]:
    with scratch.organization(day=DAY, room=40, budget_count=4) as made:
        yield made


def test_any_mix_of_requests_over_many_funds_never_deadlocks(books: scratch.Scratch) -> None:
    """Commits, invoices, facts, voids, refunds and transfers, each over funds in its own order."""
    before = scratch.deadlocks()

    def work(number: int) -> list[str]:
        dice = random.Random(number)
        return [_one_of_everything(books, dice, f"{number}-{turn}") for turn in range(ROUNDS)]

    outcomes, _ = scratch.all_at_once(work, workers=8)

    codes = {code for line in outcomes for code in line}
    assert codes <= {"", "BUDGET_EXCEEDED"}
    assert scratch.deadlocks() == before
    assert books.differences() == 0


def test_a_post_and_an_expiry_have_exactly_one_winner(books: scratch.Scratch) -> None:
    due = dt.datetime(2025, 3, 14, tzinfo=dt.UTC)
    made = [
        UUID(
            ledger.commit(
                actor=books.actor,
                key=f"due-{number}",
                shares=[ledger.Share(books.budget_ids[0], AMOUNT)],
                effective_on=DAY,
                expires_at=due,
            ).response["commitments"][0]
        )
        for number in range(ROUNDS)
    ]

    def work(number: int) -> int:
        if number == 0:
            return ledger.expire_due(actor=books.actor, at=due)
        posted = 0
        for commitment in made:
            try:
                ledger.accrue(
                    actor=books.actor,
                    key=f"accrue-{commitment}",
                    commitment=commitment,
                    amount=AMOUNT,
                    effective_on=DAY,
                )
            except operations.CommitmentResolved:
                continue
            posted += 1
        return posted

    (expired, posted), _ = scratch.all_at_once(work, workers=2)

    with tenancy.organization(books.organization.id):
        figures = models.Commitment.objects.filter(public_id__in=made).values_list(
            "posted_minor", "voided_minor"
        )
        whole = AMOUNT.amount_minor
        assert set(figures) <= {(whole, 0), (0, whole)}
        assert sorted(figures).count((whole, 0)) == posted
    assert expired + posted == ROUNDS
    assert books.differences() == 0


def test_nothing_enters_a_period_that_is_being_closed(books: scratch.Scratch) -> None:
    """The totals that the closing transaction reads are the totals for ever."""
    with tenancy.organization(books.organization.id):
        period_id = sends.period_of(DAY).pk
    closed = threading.Event()

    def post(number: int) -> int:
        accepted = 0
        while not closed.is_set() and accepted < 20:
            try:
                key = f"post-{number}-{accepted}"
                books.commit(key=key, budget_ids=[books.budget_ids[number]])
            except operations.PeriodClosed:
                break
            accepted += 1
        connection.close()
        return accepted

    with futures.ThreadPoolExecutor(3) as threads:
        posting = [threads.submit(post, number) for number in range(3)]
        time.sleep(0.1)
        with tenancy.organization(books.organization.id):
            periods.move(
                actor=books.actor,
                period_id=period_id,
                status=PeriodStatus.CLOSED,
                reason="The month is done",
            )
            read_by_the_closer = _posted_to(period_id)
            time.sleep(0.1)
        closed.set()
        accepted = sum(each.result() for each in posting)

    with tenancy.organization(books.organization.id):
        assert _posted_to(period_id) == read_by_the_closer
        assert models.Operation.objects.filter(kind="COMMIT").count() == accepted


def test_a_budget_approved_above_running_commitments_misses_none(books: scratch.Scratch) -> None:
    with tenancy.organization(books.organization.id):
        root_id = organizations.root_cost_center().pk
        period_id = sends.period_of(DAY).pk

    def work(number: int) -> None:
        if number:
            for turn in range(ROUNDS):
                books.commit(key=f"{number}-{turn}", budget_ids=[books.budget_ids[number]])
            return
        with tenancy.organization(books.organization.id):
            budgets.approve(
                actor=books.actor,
                name="Company",
                amount=AMOUNT * 1000,
                cost_center_id=root_id,
                fiscal_period_id=period_id,
            )

    scratch.all_at_once(work, workers=4)

    with tenancy.organization(books.organization.id):
        company = models.Fund.objects.get(budget__name="Company")
        assert company.committed_minor == 3 * ROUNDS * AMOUNT.amount_minor
    assert books.differences() == 0


def _one_of_everything(books: scratch.Scratch, dice: random.Random, key: str) -> str:
    one, other = dice.sample(books.budget_ids, 2)
    try:
        answer = books.commit(key=f"{key}-commit", budget_ids=[one, other])
        first, second = (UUID(each) for each in answer.response["commitments"])
        spend = ledger.invoice(
            actor=books.actor,
            key=f"{key}-invoice",
            commitment=first,
            amount=AMOUNT * 2,
            effective_on=DAY,
            reason="Freight came on top",
        )
        ledger.void(
            actor=books.actor,
            key=f"{key}-void",
            commitment=second,
            amount=AMOUNT,
            effective_on=DAY,
        )
        ledger.refund(
            actor=books.actor,
            key=f"{key}-refund",
            spend=UUID(spend.response["spend"]),
            amount=AMOUNT * 2,
            effective_on=DAY,
        )
        budgets.transfer(
            actor=books.actor,
            key=f"{key}-transfer",
            from_budget_id=one,
            to_budget_id=other,
            amount=AMOUNT,
            reason="Needed more over there",
            effective_on=DAY,
        )
    except refusals.Refusal as refusal:
        return refusal.code
    return ""


def _posted_to(period_id: int) -> int:
    total = models.Transfer.objects.filter(fiscal_period_id=period_id).aggregate(
        total=db.Sum("amount_minor")
    )["total"]
    return int(total or 0)

"""Requests that meet a close or each other: figures stay true and numbers have no gaps."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent import futures

import pytest
from django.db import IntegrityError, connection, transaction

from config.drills import scratch
from gifting import models
from gifting.domain import ledger as rules
from gifting.domain.journals import batches
from gifting.domain.ledger import PeriodStatus
from gifting.selectors import closes
from gifting.services import chart, journals, ledger, operations, periods, tenancy
from tests.factories import sends

DAY = sends.DAY
WORKERS = 6
EACH = 4


@pytest.fixture
def books(committed_db: None) -> Iterator[scratch.Scratch]:
    with scratch.organization(day=DAY, room=60, budget_count=4) as made:
        yield made


def test_what_the_closing_transaction_stored_is_what_stands_for_ever(
    books: scratch.Scratch,
) -> None:
    """Three workers post while the period is closed; the figures stored are the last ones."""
    with tenancy.organization(books.organization.id):
        period_id = sends.period_of(DAY).pk
    closed = threading.Event()

    def post(number: int) -> int:
        accepted = 0
        while not closed.is_set() and accepted < 20:
            try:
                books.commit(key=f"post-{number}-{accepted}", budget_ids=[books.budget_ids[number]])
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
            time.sleep(0.1)
        closed.set()
        accepted = sum(each.result() for each in posting)

    with tenancy.organization(books.organization.id):
        period = sends.period_of(DAY)
        version = models.PeriodClose.objects.get()
        stored = closes.stored(actor=books.actor, close=version)
        assert set(stored) == set(closes.present(actor=books.actor, period=period))
        committed = sum(each.closing_minor for each in stored if each.bucket == "COMMITTED")
        assert committed == accepted * scratch.AMOUNT.amount_minor


def test_a_close_that_sees_an_old_snapshot_is_refused(books: scratch.Scratch) -> None:
    with tenancy.organization(books.organization.id):
        period_id = sends.period_of(DAY).pk

    with pytest.raises(IntegrityError, match="READ COMMITTED"):
        _close_on_an_old_snapshot(books, period_id)

    with tenancy.organization(books.organization.id):
        assert sends.period_of(DAY).status == PeriodStatus.OPEN
        assert models.PeriodClose.objects.count() == 0


def test_batches_that_are_made_at_once_are_numbered_without_a_gap(books: scratch.Scratch) -> None:
    """Some are voided at once, some find nothing left, and some are taken back half way."""
    _map(books)

    def work(number: int) -> int:
        made = 0
        for turn in range(EACH):
            _spend(books, f"{number}-{turn}", number % len(books.budget_ids))
            made += _tell(books, f"{number}-{turn}", is_taken_back=turn == 1)
        connection.close()
        return made

    made, _ = scratch.all_at_once(work, workers=WORKERS)

    with tenancy.organization(books.organization.id):
        numbers = list(
            models.JournalBatch.objects.order_by("number").values_list("number", flat=True)
        )
        live = models.JournalItem.objects.filter(is_voided=False).values_list(
            "transfer_id", flat=True
        )
        told = sorted(live)
        # What was taken back half way, at the very end, may be left to tell.
        spent = models.Transfer.objects.filter(to_bucket="ACTUAL").count()
    assert numbers == list(range(1, sum(made) + 1))
    assert len(told) == len(set(told)) <= spent == WORKERS * EACH


def test_the_same_batch_is_written_once_by_all_who_ask_at_once(books: scratch.Scratch) -> None:
    _map(books)
    _spend(books, "one", 0)
    assert _tell(books, "one") == 1
    with tenancy.organization(books.organization.id):
        batch = models.JournalBatch.objects.get().public_id

    def work(_: int) -> bytes:
        (file,) = journals.files(actor=books.actor, batch=batch, written_as=batches.Format.JSON)
        connection.close()
        return file.content

    contents, _ = scratch.all_at_once(work, workers=WORKERS)

    with tenancy.organization(books.organization.id):
        assert models.JournalFile.objects.count() == 1
    assert len(set(contents)) == 1


def _close_on_an_old_snapshot(books: scratch.Scratch, period_id: int) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with tenancy.organization(books.organization.id):
            periods.move(
                actor=books.actor,
                period_id=period_id,
                status=PeriodStatus.CLOSED,
                reason="The month is done",
            )


def _map(books: scratch.Scratch) -> None:
    with tenancy.organization(books.organization.id):
        gifts = chart.add_account(
            actor=books.actor, code="6420", name="Gifts", kind=batches.AccountKind.EXPENSE
        )
        owed = chart.add_account(
            actor=books.actor, code="2000", name="Clearing", kind=batches.AccountKind.LIABILITY
        )
        chart.add_mapping(
            actor=books.actor,
            mapping=chart.Mapping(
                bucket=rules.Bucket.ACTUAL,
                account_id=gifts,
                counter_account_id=owed,
                valid_from=DAY,
            ),
        )


def _spend(books: scratch.Scratch, key: str, budget: int) -> None:
    ledger.record_fact(
        actor=books.actor,
        key=f"spend-{key}",
        budget_id=books.budget_ids[budget],
        amount=scratch.AMOUNT,
        effective_on=DAY,
        reason="Bought on a card",
    )


def _tell(books: scratch.Scratch, key: str, *, is_taken_back: bool = False) -> int:
    """Make a batch of all that is left, and return how many there are more."""
    try:
        with tenancy.organization(books.organization.id):
            journals.create(
                actor=books.actor,
                key=f"tell-{key}-{uuid.uuid4()}",
                period_id=sends.period_of(DAY).pk,
                kind=batches.Kind.SPEND,
                currency=scratch.CURRENCY,
            )
            transaction.set_rollback(is_taken_back)
    except journals.NothingToTell:
        return 0
    return int(not is_taken_back)

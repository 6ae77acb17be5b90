"""A close is prepared, waived and signed by different people, and its figures stay as they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gifting import models
from gifting.domain import access, closes, refusals
from gifting.domain.journals import batches
from gifting.domain.ledger import PeriodStatus
from gifting.selectors import closes as figures
from gifting.services import closes as books
from gifting.services import ledger as posting
from gifting.services import operations, tenancy
from tests.factories import closes as factory
from tests.factories import ledger, organizations

pytestmark = pytest.mark.django_db

DAY, NEXT_DAY = factory.DAY, factory.NEXT_DAY


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        factory.make_chart()
        yield


def _open_items(preparation: models.ClosePreparation) -> dict[str, int]:
    return {
        check["item"]: check["open_count"] for check in preparation.checks if not check["is_met"]
    }


def test_the_checklist_finds_what_is_open_and_nothing_when_it_is_done() -> None:
    """Delivered 40, invoiced 7 above a budget of 5: an accrual, an overrun and two journals."""
    ledger.accrue(ledger.make_commitment(), 40_00)
    ledger.record_fact(ledger.make_budget(5_00), 7_00)

    before = factory.prepare()
    factory.tell(batches.Kind.ACCRUAL)
    factory.tell(batches.Kind.SPEND)
    exception = models.OverrunException.objects.get()
    posting.settle_exception(
        actor=factory.person(),
        exception=exception.public_id,
        resolution="Seen",
        at=organizations.NOON,
    )
    factory.import_lines(
        f"{DAY},{factory.GIFTS},40.00,USD,TRB-000001,",
        f"{DAY},{factory.GIFTS},7.00,USD,TRB-000003,",
    )
    run = factory.reconcile()
    after = factory.prepare()

    assert _open_items(before) == {"ACCRUALS": 1, "EXCEPTIONS": 1, "JOURNALS": 1, "TIE_OUT": 1}
    assert (run.gl_total_minor, run.ours_total_minor, run.is_clear) == (47_00, 47_00, True)
    assert _open_items(after) == {}
    assert factory.period().status == PeriodStatus.SOFT_CLOSED


def test_an_accrual_that_was_invoiced_since_is_out_of_date() -> None:
    commitment = ledger.make_commitment()
    ledger.accrue(commitment, 40_00)
    factory.prepare()
    factory.tell(batches.Kind.ACCRUAL)

    ledger.invoice(commitment, 40_00)

    assert _open_items(factory.prepare())["ACCRUALS"] == 1


def test_a_signed_close_stores_every_bucket_of_every_fund() -> None:
    """A budget of 100 with 40 reserved: allocated 100, committed 40."""
    ledger.make_commitment(ledger.make_budget(100_00), 40_00)
    preparation = factory.prepare()
    for item in _open_items(preparation):
        factory.waive(preparation, closes.Item(item))

    closed = factory.sign(preparation)

    lines = figures.stored(actor=ledger.actor(), close=closed)
    assert {(line.bucket, line.movement_minor, line.closing_minor) for line in lines} == {
        ("SOURCE", 100_00, 100_00),
        ("COMMITTED", 40_00, 40_00),
    }
    assert (closed.version, closed.line_count, int(closed.control_total_minor)) == (1, 2, 140_00)
    assert set(lines) == set(figures.present(actor=ledger.actor(), period=factory.period()))
    assert models.CloseSignature.objects.get().period_close == closed
    assert factory.period().status == PeriodStatus.CLOSED


def test_a_closed_period_that_is_opened_gets_a_second_version_beside_the_first() -> None:
    budget = ledger.make_budget(100_00)
    ledger.make_commitment(budget, 40_00)
    ledger.move_period(PeriodStatus.CLOSED)
    first = models.PeriodClose.objects.get()
    stored = figures.stored(actor=ledger.actor(), close=first)

    ledger.move_period(PeriodStatus.OPEN)
    ledger.make_commitment(budget, 15_00)
    ledger.move_period(PeriodStatus.CLOSED)

    second = models.PeriodClose.objects.latest("id")
    (changed,) = figures.differences(actor=ledger.actor(), before=first, after=second)
    assert (second.version, second.sha256 == first.sha256) == (2, False)
    assert (changed.bucket, changed.before_minor, changed.after_minor) == (
        "COMMITTED",
        40_00,
        55_00,
    )
    assert figures.stored(actor=ledger.actor(), close=first) == stored


def test_a_period_that_is_closed_again_as_it_was_has_the_same_fingerprint() -> None:
    ledger.make_commitment()
    for status in (PeriodStatus.CLOSED, PeriodStatus.OPEN, PeriodStatus.CLOSED):
        ledger.move_period(status)

    first, second = models.PeriodClose.objects.order_by("id")
    assert first.sha256 == second.sha256


def test_a_late_fact_is_logged_with_both_periods_and_changes_no_closed_figure() -> None:
    budget = ledger.make_budget(100_00)
    ledger.move_period(PeriodStatus.CLOSED)
    closed = models.PeriodClose.objects.get()
    before = figures.present(actor=ledger.actor(), period=factory.period())

    spend = ledger.record_fact(budget, 7_00)
    ledger.refund(spend, 2_00)

    late, back = models.Restatement.objects.order_by("id")
    assert (late.cause, late.amount_minor, late.spend_change_minor) == ("FACT", 7_00, 7_00)
    assert (back.cause, back.amount_minor, back.spend_change_minor) == ("REFUND", 2_00, -2_00)
    assert (late.belongs_to, late.posted_to) == (factory.period(), factory.period(NEXT_DAY))
    assert late.period_close == closed
    assert figures.present(actor=ledger.actor(), period=factory.period()) == before


def test_a_fact_of_an_open_period_is_no_restatement() -> None:
    ledger.record_fact(ledger.make_budget(), 7_00)
    ledger.move_period(PeriodStatus.CLOSED)
    ledger.record_fact(ledger.make_budget(day=NEXT_DAY), 7_00, day=NEXT_DAY)

    assert models.Restatement.objects.count() == 0


def test_the_preparer_neither_signs_nor_waives() -> None:
    femi = factory.person()
    ledger.record_fact(ledger.make_budget(), 7_00)
    preparation = factory.prepare(femi)

    with pytest.raises(books.PreparerMayNot):
        factory.waive(preparation, closes.Item.TIE_OUT, femi)
    with pytest.raises(books.PreparerMayNot):
        factory.sign(preparation, femi)

    assert models.CloseWaiver.objects.count() == 0
    assert factory.period().status == PeriodStatus.SOFT_CLOSED


def test_a_machine_does_not_sign() -> None:
    preparation = factory.prepare()

    with pytest.raises(books.PersonRequired):
        factory.sign(preparation, ledger.actor())

    assert factory.period().status == PeriodStatus.SOFT_CLOSED


def test_an_open_checklist_is_not_signed_and_the_period_stays_as_it_was() -> None:
    ledger.record_fact(ledger.make_budget(), 7_00)
    preparation = factory.prepare()
    factory.waive(preparation, closes.Item.TIE_OUT)

    with pytest.raises(books.ChecklistOpen, match="JOURNALS: 1"):
        factory.sign(preparation)

    assert factory.period().status == PeriodStatus.SOFT_CLOSED
    assert models.PeriodClose.objects.count() == 0


def test_what_was_posted_after_the_preparation_is_seen_at_the_signature() -> None:
    preparation = factory.prepare()
    ledger.record_fact(ledger.make_budget(), 7_00)

    with pytest.raises(books.ChecklistOpen):
        factory.sign(preparation)

    assert models.PeriodClose.objects.count() == 0


def test_only_the_latest_preparation_is_signed() -> None:
    first = factory.prepare()
    factory.prepare()

    with pytest.raises(books.PreparationOutdated):
        factory.sign(first)


def test_what_is_met_needs_no_waiver_and_a_soft_close_gets_none() -> None:
    preparation = factory.prepare()

    for item in (closes.Item.CODING, closes.Item.SOFT_CLOSED):
        with pytest.raises(books.NothingToWaive):
            factory.waive(preparation, item)


def test_the_same_key_closes_once() -> None:
    preparation = factory.prepare()
    signer = factory.person()
    request: dict[str, Any] = {"actor": signer, "key": "sign", "preparation": preparation.public_id}

    first = books.close(**request, reason="Done")
    second = books.close(**request, reason="Done")

    assert (first.response, second.replayed) == (second.response, True)
    assert models.PeriodClose.objects.count() == 1
    with pytest.raises(operations.IdempotencyKeyReused):
        books.close(**request, reason="Done twice")


def test_a_closed_period_is_not_prepared() -> None:
    ledger.move_period(PeriodStatus.CLOSED)

    with pytest.raises(operations.PeriodClosed):
        factory.prepare()


@pytest.mark.parametrize("role", [access.Role.MARKETING, access.Role.AUDITOR, access.Role.APPROVER])
def test_others_do_not_close(role: access.Role) -> None:
    outsider = access.Actor.member(
        user_id=organizations.make_person(f"otto-{role}").pk,
        organization_id=organizations.here(),
        role=role,
        cost_center_ids=[],
    )

    with pytest.raises(refusals.Forbidden):
        factory.prepare(outsider)

    assert factory.period().status == PeriodStatus.OPEN

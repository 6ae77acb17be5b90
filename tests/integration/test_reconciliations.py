"""The general ledger enters once and is tied to ours until nothing is left to explain."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from gifting import models
from gifting.domain import closes
from gifting.domain.ledger import PeriodStatus
from gifting.services import reconciliations, tenancy
from tests.factories import closes as factory
from tests.factories import ledger, organizations

pytestmark = pytest.mark.django_db

DAY, NEXT_DAY = factory.DAY, factory.NEXT_DAY


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        factory.make_chart()
        yield


def _counts() -> tuple[int, int, int]:
    return (
        models.GlImport.objects.count(),
        models.GlLine.objects.count(),
        models.GlRejectedLine.objects.count(),
    )


def test_the_same_file_and_the_same_lines_in_another_order_add_nothing() -> None:
    lines = [f"{DAY},6420,{number}.00,USD,S-{number}," for number in range(1, 6)] + ["bad,,,,,"]

    first = factory.import_lines(*lines)
    same = factory.import_lines(*lines)
    permuted = factory.import_lines(*random.Random(3).sample(lines, len(lines)))

    assert (first.line_count, first.rejected_count, first.is_new) == (5, 1, True)
    assert (same.is_new, permuted.is_new) == (False, False)
    assert same.import_id == permuted.import_id == first.import_id
    assert _counts() == (1, 5, 1)


def test_a_difference_is_the_sum_of_its_causes_until_each_is_named() -> None:
    """Ours 5 + 9, theirs 5 + 1: the stamps of 1 and the missing 9 are named one by one."""
    budget = ledger.make_budget(100_00)
    factory.fact(budget, 5_00, "S-1")
    factory.fact(budget, 9_00, "S-2")
    factory.import_lines(
        f"{DAY},6420,5.00,USD,S-1,Mug", f"{DAY},6420,1.00,USD,stamps,", f"{DAY},2000,-6.00,USD,,"
    )

    first = factory.reconcile()
    for cause in first.causes.all():
        factory.explain(cause)
    second = factory.reconcile()

    figures = [
        (run.gl_total_minor, run.ours_total_minor, run.explained_minor, run.unexplained_minor)
        for run in (first, second)
    ]
    assert figures == [(6_00, 14_00, 0, -8_00), (6_00, 14_00, -8_00, 0)]
    assert (first.is_clear, second.is_clear) == (False, True)
    (match,) = second.matches.all()
    assert match.amount_minor == 5_00


def test_open_lines_that_cancel_out_are_still_open() -> None:
    """Theirs 5 in stationery of the first, ours 5 for a mug bought weeks later: not the same."""
    factory.fact(ledger.make_budget(), 5_00, "S-1", day=DAY.replace(day=30))
    factory.import_lines(f"{DAY.replace(day=1)},6420,5.00,USD,stationery,")

    run = factory.reconcile()

    assert (run.unexplained_minor, run.causes.count(), run.is_clear) == (0, 2, False)


def test_what_is_in_the_neighboring_period_is_a_matter_of_timing() -> None:
    """We post March's mug in March; the general ledger has it in April."""
    factory.fact(ledger.make_budget(), 5_00, "S-1")
    factory.import_lines(f"{NEXT_DAY},6420,5.00,USD,S-1,", day=NEXT_DAY)
    factory.import_lines(f"{DAY},2000,1.00,USD,,")

    march, april = factory.reconcile(), factory.reconcile(day=NEXT_DAY)

    assert [(each.cause, each.amount_minor) for each in march.causes.all()] == [("TIMING", -5_00)]
    assert [(each.cause, each.amount_minor) for each in april.causes.all()] == [("TIMING", 5_00)]
    assert (march.is_clear, april.is_clear) == (True, True)


def test_accruals_and_their_reversals_are_a_part_of_ours() -> None:
    """Delivered 40 in March, invoiced in April: ours is 40 in March and 0 in April."""
    commitment = ledger.make_commitment()
    ledger.accrue(commitment, 40_00)
    factory.import_lines(f"{DAY},2000,1.00,USD,,")
    march = factory.reconcile()
    ledger.move_period(PeriodStatus.CLOSED)
    ledger.invoice(commitment, 40_00)
    factory.import_lines(f"{NEXT_DAY},2000,1.00,USD,,", day=NEXT_DAY)

    april = factory.reconcile(day=NEXT_DAY)

    assert (march.ours_total_minor, april.ours_total_minor) == (40_00, 0)
    assert sorted(each.amount_minor for each in april.causes.all()) == [-40_00, 40_00]


def test_the_latest_import_counts() -> None:
    factory.fact(ledger.make_budget(), 5_00, "S-1")
    factory.import_lines(f"{DAY},6420,4.00,USD,S-1,")
    factory.import_lines(f"{DAY},6420,5.00,USD,S-1,")

    assert factory.reconcile().is_clear


def test_a_line_is_explained_once() -> None:
    cause = factory.make_cause()
    factory.explain(cause)

    with pytest.raises(reconciliations.ExplainedAlready):
        factory.explain(cause)

    assert models.ReconciliationExplanation.objects.get().cause == closes.Cause.IN_GL_NOT_OURS


def test_without_an_import_there_is_nothing_to_compare() -> None:
    with pytest.raises(reconciliations.NothingImported):
        factory.reconcile()

    assert models.ReconciliationRun.objects.count() == 0

"""The ledger's arithmetic: which moves there are, and what a fund holds after one."""

from __future__ import annotations

import pytest

from gifting.domain.ledger import (
    ALLOWED,
    PEND,
    REVERSALS,
    Balances,
    Bucket,
    BudgetExceeded,
    Move,
    MoveNotAllowed,
)

FULL = Balances(allocated=100, committed=30, accrued=20, actual=40, overrun=10)


def test_what_is_available_and_what_finance_sees_as_left() -> None:
    assert (FULL.used, FULL.available, FULL.net_position) == (90, 20, 10)


@pytest.mark.parametrize(
    ("from_bucket", "to_bucket", "after"),
    [
        (Bucket.SOURCE, Bucket.AVAILABLE, Balances(105, 30, 20, 40, 10)),
        (Bucket.AVAILABLE, Bucket.SOURCE, Balances(95, 30, 20, 40, 10)),
        (Bucket.AVAILABLE, Bucket.COMMITTED, Balances(100, 35, 20, 40, 10)),
        (Bucket.COMMITTED, Bucket.AVAILABLE, Balances(100, 25, 20, 40, 10)),
        (Bucket.COMMITTED, Bucket.ACCRUED, Balances(100, 25, 25, 40, 10)),
        (Bucket.COMMITTED, Bucket.ACTUAL, Balances(100, 25, 20, 45, 10)),
        (Bucket.ACCRUED, Bucket.ACTUAL, Balances(100, 30, 15, 45, 10)),
        (Bucket.ACCRUED, Bucket.AVAILABLE, Balances(100, 30, 15, 40, 10)),
        (Bucket.AVAILABLE, Bucket.ACTUAL, Balances(100, 30, 20, 45, 10)),
        (Bucket.ACTUAL, Bucket.AVAILABLE, Balances(100, 30, 20, 35, 10)),
        (Bucket.OVERRUN, Bucket.AVAILABLE, Balances(100, 30, 20, 40, 15)),
        (Bucket.AVAILABLE, Bucket.OVERRUN, Balances(100, 30, 20, 40, 5)),
    ],
)
def test_every_allowed_move(from_bucket: Bucket, to_bucket: Bucket, after: Balances) -> None:
    assert FULL.apply(Move(from_bucket, to_bucket, 5)) == after
    assert (from_bucket, to_bucket) in ALLOWED


def test_every_other_move_is_refused() -> None:
    others = {(one, other) for one in Bucket for other in Bucket} - ALLOWED

    for one, other in others:
        with pytest.raises(MoveNotAllowed):
            Move(one, other, 5)

    assert (len(ALLOWED), len(others)) == (12, 24)


@pytest.mark.parametrize("amount_minor", [0, -1])
def test_nothing_moves_by_nothing(amount_minor: int) -> None:
    with pytest.raises(MoveNotAllowed):
        Move(*PEND, amount_minor)


def test_a_step_is_taken_back_only_as_a_reversal() -> None:
    back = Move(Bucket.ACCRUED, Bucket.COMMITTED, 20, is_reversal=True)

    assert FULL.apply(back) == Balances(100, 50, 0, 40, 10)
    assert REVERSALS.isdisjoint(ALLOWED)
    with pytest.raises(MoveNotAllowed):
        Move(*PEND, 5, is_reversal=True)


def test_one_unit_more_than_the_room_is_refused_and_an_overrun_is_no_room() -> None:
    assert FULL.apply(Move(*PEND, 10)).net_position == 0

    with pytest.raises(BudgetExceeded) as refusal:
        FULL.apply(Move(*PEND, 11))

    assert (refusal.value.available_minor, refusal.value.requested_minor) == (10, 11)


def test_a_fact_takes_what_is_available_and_no_more() -> None:
    assert FULL.apply(Move(Bucket.AVAILABLE, Bucket.ACTUAL, 20)).available == 0

    with pytest.raises(BudgetExceeded) as refusal:
        FULL.apply(Move(Bucket.AVAILABLE, Bucket.ACTUAL, 21))

    assert (refusal.value.available_minor, refusal.value.requested_minor) == (20, 21)
    assert refusal.value.code == "BUDGET_EXCEEDED"


def test_a_bucket_gives_no_more_than_it_holds() -> None:
    with pytest.raises(MoveNotAllowed):
        FULL.apply(Move(Bucket.ACCRUED, Bucket.ACTUAL, 21))


def test_uses_reach_the_funds_above_and_a_funds_own_matters_do_not() -> None:
    own = {pair for pair in ALLOWED if not Move(*pair, 1).reaches_ancestors}

    assert own == {pair for pair in ALLOWED if {Bucket.SOURCE, Bucket.OVERRUN} & set(pair)}

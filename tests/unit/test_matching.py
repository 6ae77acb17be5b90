"""The table of the three-way match, and where an order line's money stands."""

from __future__ import annotations

import pytest

from gifting.domain import matching
from gifting.domain.matching import Invoiced, Moves, Ordered, Outcome, Received, Standing, Tolerance

TEN_AT_FIVE = Ordered(quantity=10, unit_price_minor=5_00)
# 2% of a line, at most 1.00; 10% of the order, at most 3 units.
SOME = Tolerance(200, 1_00, 1_000, 3)


def _received(*quantities: int) -> list[Received]:
    return [Received(n, (n,), quantity) for n, quantity in enumerate(quantities, 1)]


def _invoiced(*lines: tuple[int, int], tolerance: Tolerance = SOME) -> list[Invoiced]:
    return [
        Invoiced(n, (n,), quantity, net_minor, tolerance)
        for n, (quantity, net_minor) in enumerate(lines, 1)
    ]


@pytest.mark.parametrize(
    ("received", "quantity", "net_minor", "outcome"),
    [
        (10, 10, 50_00, Outcome.MATCHED),
        (10, 4, 20_00, Outcome.MATCHED),
        (12, 10, 50_00, Outcome.MATCHED),
        (10, 10, 51_00, Outcome.WITHIN_TOLERANCE),
        (10, 10, 49_00, Outcome.WITHIN_TOLERANCE),
        (10, 10, 51_01, Outcome.PRICE_VARIANCE),
        (10, 10, 48_99, Outcome.PRICE_VARIANCE),
        # 2% of 20.00 is 0.40, which is lower than 1.00.
        (10, 4, 20_40, Outcome.WITHIN_TOLERANCE),
        (10, 4, 20_41, Outcome.PRICE_VARIANCE),
        # 10% of 10 is 1, which is lower than 3.
        (10, 11, 55_00, Outcome.WITHIN_TOLERANCE),
        (10, 12, 60_00, Outcome.QTY_VARIANCE),
        (9, 10, 50_00, Outcome.WITHIN_TOLERANCE),
        (8, 10, 50_00, Outcome.QTY_VARIANCE),
        (8, 10, 99_00, Outcome.QTY_VARIANCE),
        (0, 10, 50_00, Outcome.NO_RECEIPT),
        (0, 1, 99_00, Outcome.NO_RECEIPT),
    ],
)
def test_the_table(received: int, quantity: int, net_minor: int, outcome: Outcome) -> None:
    (verdict,) = matching.match(
        TEN_AT_FIVE, _received(received) if received else [], _invoiced((quantity, net_minor))
    )

    assert verdict.outcome is outcome


def test_without_a_tolerance_nothing_may_be_off() -> None:
    exact, cent = matching.match(
        TEN_AT_FIVE, _received(10), _invoiced((5, 25_00), (5, 25_01), tolerance=Tolerance())
    )

    assert (exact.outcome, cent.outcome) == (Outcome.MATCHED, Outcome.PRICE_VARIANCE)


def test_a_line_without_an_order_is_no_match() -> None:
    assert matching.without_order(7) == matching.Verdict(7, Outcome.NO_PO)


def test_units_meet_the_receipts_in_their_order() -> None:
    """Received 3 + 7, invoiced 5 at 4.00 and 5 at 6.00: the lower price is matched."""
    first, second = matching.match(TEN_AT_FIVE, _received(3, 7), _invoiced((5, 20_00), (5, 30_00)))

    assert [(p.receipt_id, p.quantity, p.amount_minor) for p in first.pieces] == [
        (1, 3, 12_00),
        (2, 2, 8_00),
    ]
    assert [(p.receipt_id, p.quantity, p.amount_minor) for p in second.pieces] == [(2, 5, 25_00)]
    assert (first.price_variance_minor, second.price_variance_minor) == (-5_00, 5_00)


def test_the_excess_of_many_small_lines_is_one_excess() -> None:
    """Each is one unit over, which the tolerance allows once."""
    verdicts = matching.match(
        TEN_AT_FIVE, _received(10), _invoiced((10, 50_00), (1, 5_00), (1, 5_00))
    )

    assert [each.outcome for each in verdicts] == [
        Outcome.MATCHED,
        Outcome.WITHIN_TOLERANCE,
        Outcome.QTY_VARIANCE,
    ]


@pytest.mark.parametrize(
    ("received", "invoiced", "accrued", "committed"),
    [
        (0, 0, 0, 51_00),
        (4, 0, 20_00, 31_00),
        (4, 4, 0, 30_60),
        (4, 6, 0, 20_40),
        (10, 3, 35_00, 70),
        (10, 10, 0, 0),
        (12, 10, 10_00, 0),
    ],
)
def test_where_a_line_stands(received: int, invoiced: int, accrued: int, committed: int) -> None:
    """Ten at 5.00 and 1.00 of tax, which is invoiced unit by unit."""
    line = Standing(10, 5_00, 1_00, received, invoiced)

    assert (line.accrued_minor, line.committed_minor) == (accrued, committed)


def test_an_order_expects_no_more_than_was_ordered() -> None:
    line = Standing(10, 5_00, 1_00, received=10, invoiced=8)

    assert [line.expected_minor(n) for n in (0, 1, 2, 5)] == [0, 5_10, 10_20, 10_20]


@pytest.mark.parametrize(
    ("accrued_minor", "open_minor", "expected"),
    [
        (0, 50_00, Moves(20_00, 0, 0)),
        (20_00, 30_00, Moves(0, 0, 0)),
        (25_00, 30_00, Moves(0, 5_00, 0)),
        (20_00, 32_00, Moves(0, 0, 2_00)),
        (0, 12_00, Moves(12_00, 0, 0)),
        (0, 0, Moves(0, 0, 0)),
    ],
)
def test_moves_bring_what_is_held_to_where_the_line_stands(
    accrued_minor: int, open_minor: int, expected: Moves
) -> None:
    """Ten at 5.00 of which four arrived: 20.00 accrued and 30.00 open."""
    line = Standing(10, 5_00, received=4)

    assert matching.moves(line, accrued_minor=accrued_minor, open_minor=open_minor) == expected

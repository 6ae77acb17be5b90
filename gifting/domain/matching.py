"""The three-way match: what was ordered, what arrived and what was invoiced, held side by side.

Formulas, in whole units and minor units, for one order line:

- received and invoiced units are laid end to end, each by its day and then its own number, so that
  the result follows from the papers and not from the order in which they came in;
- a unit is matched when it lies inside what was ordered, what was received and what was invoiced;
- expected = units x order price; price variance = net of credits - expected;
- excess = invoiced units so far - the smaller of ordered and received units;
- a tolerance is the lower of a percentage (rounded down) and an absolute amount;
- goods received, not invoiced (GRNI) = (received - invoiced units, if more) x order price.

What is matched of a line never exceeds the order, the receipts or the invoice, in units and in
money; PostgreSQL refuses a match that does (`gifting/migrations/sql/procurement.sql`).
A blanket order is a line whose units are minor units at a price of 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BASIS_POINTS: Final = 10_000

Key = tuple[object, ...]


class Outcome(StrEnum):
    MATCHED = "MATCHED"
    WITHIN_TOLERANCE = "WITHIN_TOLERANCE"
    PRICE_VARIANCE = "PRICE_VARIANCE"
    QTY_VARIANCE = "QTY_VARIANCE"
    NO_RECEIPT = "NO_RECEIPT"
    NO_PO = "NO_PO"
    DUPLICATE = "DUPLICATE"


# What nobody has to look at.
GOOD: Final = frozenset({Outcome.MATCHED, Outcome.WITHIN_TOLERANCE})


class Resolution(StrEnum):
    """How an exception left the queue: by a new paper, by a person's repair, or accepted as is."""

    CLEARED = "CLEARED"
    RESOLVED = "RESOLVED"
    WAIVED = "WAIVED"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far price and quantity may be off; the lower of percentage and absolute wins."""

    price_basis_points: int = 0
    price_absolute_minor: int = 0
    quantity_basis_points: int = 0
    quantity_absolute: int = 0

    def price_minor(self, expected_minor: int) -> int:
        return min(
            expected_minor * self.price_basis_points // BASIS_POINTS, self.price_absolute_minor
        )

    def units(self, ordered: int) -> int:
        return min(ordered * self.quantity_basis_points // BASIS_POINTS, self.quantity_absolute)


@dataclass(frozen=True, slots=True)
class Ordered:
    """A line of an order: so many units at a price, in minor units."""

    quantity: int
    unit_price_minor: int


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery or redemption; `key` begins with its day and tells it from all others."""

    id: int
    key: Key
    quantity: int


@dataclass(frozen=True, slots=True)
class Invoiced:
    """A line of an invoice, net of its credit notes; `key` as in `Received`."""

    id: int
    key: Key
    quantity: int
    net_minor: int
    tolerance: Tolerance = Tolerance()


@dataclass(frozen=True, slots=True)
class Piece:
    """Units of one invoice line that arrived in one receipt, and what of its amount they carry."""

    receipt_id: int
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the match says of one invoice line."""

    invoiced_id: int
    outcome: Outcome
    excess_quantity: int = 0
    price_variance_minor: int = 0
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Where the units of a paper lie when all are laid end to end."""

    start: int
    end: int


def match(
    ordered: Ordered, receipts: Sequence[Received], invoices: Sequence[Invoiced]
) -> tuple[Verdict, ...]:
    """Judge every invoice line of one order line, in the order of their keys."""
    arrived = sorted(receipts, key=lambda each: each.key)
    billed = sorted(invoices, key=lambda each: each.key)
    received = sum(each.quantity for each in arrived)
    covered = min(ordered.quantity, received)
    places = list(zip(arrived, _laid([each.quantity for each in arrived]), strict=True))
    return tuple(
        _judge(ordered, each, place, covered, places, is_received=received > 0)
        for each, place in zip(billed, _laid([each.quantity for each in billed]), strict=True)
    )


def without_order(invoiced_id: int) -> Verdict:
    """Judge an invoice line that names no order."""
    return Verdict(invoiced_id, Outcome.NO_PO)


def _judge(
    ordered: Ordered,
    invoiced: Invoiced,
    place: _Stretch,
    covered: int,
    receipts: Sequence[tuple[Received, _Stretch]],
    *,
    is_received: bool,
) -> Verdict:
    expected_minor = invoiced.quantity * ordered.unit_price_minor
    variance_minor = invoiced.net_minor - expected_minor
    excess = max(0, place.end - covered)
    return Verdict(
        invoiced_id=invoiced.id,
        outcome=_outcome(ordered, invoiced, excess, variance_minor, is_received=is_received),
        excess_quantity=excess,
        price_variance_minor=variance_minor,
        pieces=tuple(_pieces(ordered, invoiced, place, covered, receipts)),
    )


def _outcome(
    ordered: Ordered, invoiced: Invoiced, excess: int, variance_minor: int, *, is_received: bool
) -> Outcome:
    allowed = invoiced.tolerance
    expected_minor = invoiced.quantity * ordered.unit_price_minor
    if not is_received:
        return Outcome.NO_RECEIPT
    if excess > allowed.units(ordered.quantity):
        return Outcome.QTY_VARIANCE
    if abs(variance_minor) > allowed.price_minor(expected_minor):
        return Outcome.PRICE_VARIANCE
    return Outcome.WITHIN_TOLERANCE if excess or variance_minor else Outcome.MATCHED


def _pieces(
    ordered: Ordered,
    invoiced: Invoiced,
    place: _Stretch,
    covered: int,
    receipts: Sequence[tuple[Received, _Stretch]],
) -> list[Piece]:
    pieces = []
    for receipt, arrived in receipts:
        start = max(place.start, arrived.start)
        end = min(place.end, arrived.end, covered)
        if start < end:
            carried = _carried(invoiced, end - place.start) - _carried(
                invoiced, start - place.start
            )
            amount_minor = min((end - start) * ordered.unit_price_minor, carried)
            pieces.append(Piece(receipt.id, end - start, amount_minor))
    return pieces


def _carried(invoiced: Invoiced, units: int) -> int:
    """Return what the first units of an invoice line cost, rounded down."""
    return invoiced.net_minor * units // invoiced.quantity


def _laid(quantities: Sequence[int]) -> list[_Stretch]:
    laid, end = [], 0
    for quantity in quantities:
        laid.append(_Stretch(end, end + quantity))
        end += quantity
    return laid


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an order line stands: units ordered, received and invoiced, and what backs it."""

    ordered: int
    unit_price_minor: int
    tax_minor: int = 0
    received: int = 0
    invoiced: int = 0

    @property
    def accrued_minor(self) -> int:
        """Goods received, not invoiced, at the order's price."""
        return max(0, self.received - self.invoiced) * self.unit_price_minor

    @property
    def committed_minor(self) -> int:
        """What is neither received nor invoiced yet, and the tax that is not invoiced."""
        open_units = max(0, self.ordered - max(self.received, self.invoiced))
        return open_units * self.unit_price_minor + self.tax_minor - self._tax_of(self.invoiced)

    def expected_minor(self, quantity: int) -> int:
        """Return what the order says of the next units invoiced, its share of tax included."""
        after = min(self.ordered, self.invoiced + quantity)
        units = after - min(self.ordered, self.invoiced)
        return units * self.unit_price_minor + self._tax_of(after) - self._tax_of(self.invoiced)

    def _tax_of(self, units: int) -> int:
        return self.tax_minor * min(units, self.ordered) // self.ordered


@dataclass(frozen=True, slots=True)
class Moves:
    """What brings an order line's reserved money to where it stands; each 0 or more."""

    accrue_minor: int
    release_minor: int
    void_minor: int


def moves(standing: Standing, *, accrued_minor: int, open_minor: int) -> Moves:
    """Return the moves from what is held to what should be, never more than is open."""
    accrue = min(max(0, standing.accrued_minor - accrued_minor), open_minor)
    return Moves(
        accrue_minor=accrue,
        release_minor=max(0, accrued_minor - standing.accrued_minor),
        void_minor=max(0, open_minor - accrue - standing.committed_minor),
    )

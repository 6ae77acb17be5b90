"""The ledger's arithmetic: buckets, the moves between them, and what a fund holds after a move.

The rules kept here, and enforced by PostgreSQL (`gifting/migrations/sql/ledger.sql`):

- Money stands in buckets and only moves from one to another, a positive amount at a time, so that
  no move can be out of balance.
- committed + accrued + actual <= allocated + overrun, in every fund. What is left is available.
- A use of money (commit, accrue, spend, and the ways back) moves every fund above as well. What is
  allocated to a fund, and by how much facts overran it, is a matter of that fund alone.

SOURCE is the world outside: what was approved comes from it. OVERRUN is the world outside, too:
from it comes what was owed although nothing was left.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gifting.domain import refusals


class Bucket(StrEnum):
    SOURCE = "SOURCE"
    AVAILABLE = "AVAILABLE"
    COMMITTED = "COMMITTED"
    ACCRUED = "ACCRUED"
    ACTUAL = "ACTUAL"
    OVERRUN = "OVERRUN"


class PeriodStatus(StrEnum):
    OPEN = "OPEN"
    SOFT_CLOSED = "SOFT_CLOSED"
    CLOSED = "CLOSED"


class EntryKind(StrEnum):
    """Why a register entry changed what a budget may spend."""

    ORIGINAL = "ORIGINAL"
    REVISION = "REVISION"
    TRANSFER_OUT = "TRANSFER_OUT"
    TRANSFER_IN = "TRANSFER_IN"
    CARRY_FORWARD = "CARRY_FORWARD"
    LAPSE = "LAPSE"


class OperationKind(StrEnum):
    """What was asked for, once, under one key."""

    APPROVE = "APPROVE"
    REVISE = "REVISE"
    TRANSFER = "TRANSFER"
    CARRY_FORWARD = "CARRY_FORWARD"
    LAPSE = "LAPSE"
    ROLL_OVER = "ROLL_OVER"
    CLAW_BACK = "CLAW_BACK"
    REQUEST = "REQUEST"
    SETTLE_REQUEST = "SETTLE_REQUEST"
    SET_POLICY = "SET_POLICY"
    SUBMIT_FORECAST = "SUBMIT_FORECAST"
    SHARE = "SHARE"
    BORROW = "BORROW"
    COMMIT = "COMMIT"
    ACCRUE = "ACCRUE"
    INVOICE = "INVOICE"
    VOID = "VOID"
    RELEASE = "RELEASE"
    EXPIRE = "EXPIRE"
    FACT = "FACT"
    REFUND = "REFUND"
    DECISION = "DECISION"
    PREPARE_CLOSE = "PREPARE_CLOSE"
    WAIVE = "WAIVE"
    CLOSE = "CLOSE"
    RECONCILE = "RECONCILE"
    EXPLAIN = "EXPLAIN"
    CREATE_JOURNAL = "CREATE_JOURNAL"
    VOID_JOURNAL = "VOID_JOURNAL"
    ORDER = "ORDER"
    CLOSE_ORDER = "CLOSE_ORDER"
    RECEIVE = "RECEIVE"
    TAKE_INVOICE = "TAKE_INVOICE"
    CREDIT = "CREDIT"
    SET_TOLERANCE = "SET_TOLERANCE"
    SETTLE_MATCH = "SETTLE_MATCH"
    AGREE_PRICE = "AGREE_PRICE"
    IDENTIFY_VENDOR = "IDENTIFY_VENDOR"
    MERGE_VENDORS = "MERGE_VENDORS"
    UNMERGE_VENDORS = "UNMERGE_VENDORS"
    RECORD_OUTSIDE = "RECORD_OUTSIDE"
    CLAIM_OUTSIDE = "CLAIM_OUTSIDE"
    REVERSE = "REVERSE"


class Cause(StrEnum):
    """What moved money beside what was ordered: kept apart, so that nobody is blamed for it."""

    FX = "FX"


Pair = tuple[Bucket, Bucket]

PEND: Final[Pair] = (Bucket.AVAILABLE, Bucket.COMMITTED)

ALLOWED: Final[frozenset[Pair]] = frozenset(
    {
        (Bucket.SOURCE, Bucket.AVAILABLE),
        (Bucket.AVAILABLE, Bucket.SOURCE),
        PEND,
        (Bucket.COMMITTED, Bucket.AVAILABLE),
        (Bucket.COMMITTED, Bucket.ACCRUED),
        (Bucket.COMMITTED, Bucket.ACTUAL),
        (Bucket.ACCRUED, Bucket.ACTUAL),
        # An invoice below its accrual leaves a rest that is owed no more.
        (Bucket.ACCRUED, Bucket.AVAILABLE),
        (Bucket.AVAILABLE, Bucket.ACTUAL),
        (Bucket.ACTUAL, Bucket.AVAILABLE),
        (Bucket.OVERRUN, Bucket.AVAILABLE),
        (Bucket.AVAILABLE, Bucket.OVERRUN),
    }
)

# A step that turns out wrong is taken back whole, once, by the move the other way.
REVERSALS: Final[frozenset[Pair]] = frozenset(
    {
        (Bucket.ACCRUED, Bucket.COMMITTED),
        (Bucket.ACTUAL, Bucket.ACCRUED),
        (Bucket.ACTUAL, Bucket.COMMITTED),
    }
)

_OWN: Final = frozenset({Bucket.SOURCE, Bucket.OVERRUN})


class MoveNotAllowed(refusals.Invalid):
    code = "MOVE_NOT_ALLOWED"


class BudgetExceeded(refusals.Conflict):
    """The fund, or one above it, has less available than was asked for."""

    code = "BUDGET_EXCEEDED"

    def __init__(self, message: str, *, available_minor: int, requested_minor: int) -> None:
        super().__init__(message, field="amount")
        self.available_minor = available_minor
        self.requested_minor = requested_minor


@dataclass(frozen=True, slots=True)
class Move:
    """A positive amount on its way from one bucket to another; raises MoveNotAllowed."""

    from_bucket: Bucket
    to_bucket: Bucket
    amount_minor: int
    is_reversal: bool = False

    def __post_init__(self) -> None:
        if self.amount_minor <= 0:
            raise MoveNotAllowed("Money moves by amounts above zero.", field="amount")
        if self.pair not in (REVERSALS if self.is_reversal else ALLOWED):
            raise MoveNotAllowed(
                f"Money does not move from {self.from_bucket} to {self.to_bucket}. Take it by the "
                "steps between them."
            )

    @property
    def pair(self) -> Pair:
        return self.from_bucket, self.to_bucket

    @property
    def reaches_ancestors(self) -> bool:
        """Tell a use of money, which the funds above feel, from what is a fund's own matter."""
        return _OWN.isdisjoint(self.pair)


@dataclass(frozen=True, slots=True)
class Balances:
    """What a fund holds, in minor units of its currency."""

    allocated: int = 0
    committed: int = 0
    accrued: int = 0
    actual: int = 0
    overrun: int = 0

    @property
    def used(self) -> int:
        return self.committed + self.accrued + self.actual

    @property
    def available(self) -> int:
        return self.allocated + self.overrun - self.used

    @property
    def net_position(self) -> int:
        """What finance sees as left: an overrun is not room, it is a debt."""
        return self.available - self.overrun

    def apply(self, move: Move) -> Balances:
        """Return the balances after the move; raises BudgetExceeded and MoveNotAllowed."""
        after = self.after(move)
        if move.pair == PEND and move.amount_minor > self.net_position:
            raise BudgetExceeded(
                f"{self.net_position} minor units are room and {move.amount_minor} were asked for, "
                "for an overrun is owed. Ask for less, or have the budget revised.",
                available_minor=self.net_position,
                requested_minor=move.amount_minor,
            )
        if after.available < 0:
            raise BudgetExceeded(
                f"{self.available} minor units are available and {move.amount_minor} were asked "
                "for. Ask for less, or have the budget revised.",
                available_minor=self.available,
                requested_minor=move.amount_minor,
            )
        if min(dataclasses.astuple(after)) < 0:
            raise MoveNotAllowed(
                f"{move.from_bucket} holds less than {move.amount_minor} minor units.",
                field="amount",
            )
        return after

    def after(self, move: Move) -> Balances:
        """Return the balances after the move without a judgement, as a replay needs them."""
        change = dict.fromkeys(_FIELDS.values(), 0)
        for bucket, sign in ((move.from_bucket, -1), (move.to_bucket, 1)):
            if bucket in _FIELDS:
                # The outside buckets hold what they gave, so their sign is the other way round.
                outward = -1 if bucket in _OWN else 1
                change[_FIELDS[bucket]] += sign * outward * move.amount_minor
        return Balances(
            allocated=self.allocated + change["allocated"],
            committed=self.committed + change["committed"],
            accrued=self.accrued + change["accrued"],
            actual=self.actual + change["actual"],
            overrun=self.overrun + change["overrun"],
        )


_FIELDS: Final = {
    Bucket.SOURCE: "allocated",
    Bucket.COMMITTED: "committed",
    Bucket.ACCRUED: "accrued",
    Bucket.ACTUAL: "actual",
    Bucket.OVERRUN: "overrun",
}

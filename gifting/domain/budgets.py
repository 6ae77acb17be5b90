"""Rules of budgets: how hard a limit is, what else it is scoped by, and what a year's end leaves.

- HARD refuses a decision above the room. SOFT accepts it with a reason and leaves an exception that
  someone must settle. ADVISORY accepts it and leaves a warning. Facts are accepted by all of them.
- Rollover of a closing period: LAPSE carries nothing; CARRY_COMMITTED carries open commitments with
  the money that backs them; CARRY_ALL carries what is available as well, up to a cap. The rest
  lapses. What goes out of the closing budget and comes into the opening one sums to zero.

PostgreSQL enforces the first rule (`gifting/migrations/sql/budget_controls.sql`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gifting.domain import refusals

WHOLE_BASIS_POINTS: Final = 10_000


class Enforcement(StrEnum):
    """What happens to a decision above the room of a budget."""

    HARD = "HARD"
    SOFT = "SOFT"
    ADVISORY = "ADVISORY"


class Rollover(StrEnum):
    """What of a budget reaches the next period when its own closes."""

    LAPSE = "LAPSE"
    CARRY_COMMITTED = "CARRY_COMMITTED"
    CARRY_ALL = "CARRY_ALL"


class DimensionKind(StrEnum):
    """What a budget may be scoped by, beside its cost center and campaign."""

    PROGRAM = "PROGRAM"
    PERSON = "PERSON"
    REGION = "REGION"
    GL_ACCOUNT = "GL_ACCOUNT"


class RequestOutcomeKind(StrEnum):
    """How a request for money ended."""

    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


class ExceptionKind(StrEnum):
    """Who is behind an overrun: a fact, a decision that needs settling, or one that was warned."""

    FACT = "FACT"
    DECISION = "DECISION"
    WARNING = "WARNING"


class CapUnusable(refusals.Invalid):
    code = "CAP_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that may be carried of what is available; raises CapUnusable.

    Given as minor units, as basis points of the revised amount, or as both: the lower one counts.
    Neither means no cap.
    """

    amount_minor: int | None = None
    basis_points: int | None = None

    def __post_init__(self) -> None:
        if self.amount_minor is not None and self.amount_minor < 0:
            raise CapUnusable(
                "A cap is zero or above. Write how much may be carried.", field="cap_amount_minor"
            )
        if self.basis_points is not None and not 0 <= self.basis_points <= WHOLE_BASIS_POINTS:
            raise CapUnusable(
                f"A cap is 0 to {WHOLE_BASIS_POINTS} basis points of the revised amount.",
                field="cap_basis_points",
            )

    def of(self, *, available_minor: int, revised_minor: int) -> int:
        """Return what may be carried, in minor units; a part of a minor unit is not carried."""
        limits = [available_minor]
        if self.amount_minor is not None:
            limits.append(self.amount_minor)
        if self.basis_points is not None:
            limits.append(revised_minor * self.basis_points // WHOLE_BASIS_POINTS)
        return max(0, min(limits))


@dataclass(frozen=True, slots=True)
class Split:
    """What of a closing budget is carried, in and beside its commitments, and what lapses."""

    committed_minor: int
    available_minor: int
    lapsed_minor: int

    @property
    def carried_minor(self) -> int:
        return self.committed_minor + self.available_minor


def roll_over(
    *, rollover: Rollover, cap: Cap, available_minor: int, committed_minor: int, revised_minor: int
) -> Split:
    """Split what a closing budget has left; `committed_minor` is what is still open of it."""
    carried = 0
    if rollover is Rollover.CARRY_ALL:
        carried = cap.of(available_minor=available_minor, revised_minor=revised_minor)
    return Split(
        committed_minor=0 if rollover is Rollover.LAPSE else committed_minor,
        available_minor=carried,
        lapsed_minor=max(0, available_minor) - carried,
    )

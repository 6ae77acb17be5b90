"""Shared budgets: what each side funded and used, and how fair that is.

For each side of a shared budget:

- share funded = its contribution / the sum of all contributions.
- share used = its committed + accrued + actual / the sum of the same over all sides.
- gap = share used - share funded. Above zero a side used more than it funded.
- short end = the lowest gap of all sides, as a number above zero: how far the side that got the
  short end of the stick stayed below what it funded. 0 means that all used as they funded.

Ratios are exact fractions of minor units; without any use, or any contribution, there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Mode(StrEnum):
    """Whether the sides of a period lend each other, or keep to their own."""

    SHARED = "SHARED"
    SEPARATE = "SEPARATE"


@dataclass(frozen=True, slots=True)
class Side:
    """What a side funded, used, lent and borrowed, in minor units."""

    budget_id: int
    contribution_minor: int
    used_minor: int
    lent_minor: int = 0
    borrowed_minor: int = 0


@dataclass(frozen=True, slots=True)
class Fairness:
    """A side's part of the money and of its use; see above."""

    budget_id: int
    share_funded: Fraction | None
    share_used: Fraction | None

    @property
    def gap(self) -> Fraction | None:
        if self.share_funded is None or self.share_used is None:
            return None
        return self.share_used - self.share_funded


def fairness(sides: Sequence[Side]) -> tuple[Fairness, ...]:
    """Compare what each side used with what it funded."""
    funded = sum(side.contribution_minor for side in sides)
    used = sum(side.used_minor for side in sides)
    return tuple(
        Fairness(
            side.budget_id,
            Fraction(side.contribution_minor, funded) if funded else None,
            Fraction(side.used_minor, used) if used else None,
        )
        for side in sides
    )


def short_end(views: Sequence[Fairness]) -> Fraction | None:
    """Return how far the side that fared worst stayed below what it funded."""
    gaps = [view.gap for view in views if view.gap is not None]
    return max(Fraction(0), -min(gaps)) if gaps else None

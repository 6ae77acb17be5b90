"""Milestones: the touches at which a deal took its steps, and how they share a journey.

    FIRST   the earliest touch
    LEAD    the last touch at or before the instant the lead was made
    OPENED  the last touch at or before the instant the opportunity was made
    CLOSED  the last touch, at or before the close; an open deal has none

Rule for shares s of the milestones (together M) and a middle share D, with M + D the whole:

- Milestones on one touch add up.
- The touches that are no milestone share D evenly. Where there is none, D goes evenly to the
  milestones that are there.
- A milestone is missing when its instant is not given, or no touch of the journey lies at or before
  it. The others then share M in proportion to their own shares, and the deal is flagged. FIRST is
  always there, and stands in where a model has no other milestone left, so the shares of a journey
  always add up to the whole.

Source: the positions of Adobe Marketo Measure, whose manual gives the rules for overlaps and for a
journey without middle; it has none for a step that no touch precedes.

How. With k middle touches, p milestones there and S the sum of their shares, the integers are

    M * s * k   and   D * S   for a middle touch, over S * k * (M + D);   or, where k is 0,
    M * s * p + D * S                              over S * p * (M + D)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from attribution.domain import grouping, journey
from gifting.domain import refusals

MOST_STAGES: Final = 6
WHOLE_PERCENT: Final = 100
_MISSING: Final = -1


class SharesUnusable(refusals.Invalid):
    code = "SHARES_UNUSABLE"


class Milestone(StrEnum):
    FIRST = "FIRST"
    LEAD = "LEAD"
    OPENED = "OPENED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Shares:
    """State what each milestone earns, and what the touches between share; see `custom`.

    `stages` are the shares of steps of an organization's own, whose instants come beside the deals.
    """

    milestones: tuple[tuple[Milestone, int], ...]
    middle: int
    stages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Shared:
    """Hold one integer for each touch of each journey, and which deals lacked a milestone."""

    weight: NDArray[np.int64]
    is_incomplete: NDArray[np.bool_]


def custom(
    *, milestones: Sequence[tuple[Milestone, int]], stages: Sequence[int] = (), middle: int = 0
) -> Shares:
    """Make shares of an organization's own, in whole percent; raises SharesUnusable."""
    named = [milestone for milestone, _ in milestones]
    parts = [*(part for _, part in milestones), *stages, middle]
    if len(set(named)) != len(named) or len(stages) > MOST_STAGES:
        raise SharesUnusable(
            f"Each milestone may stand once, beside at most {MOST_STAGES} stages.", field="shares"
        )
    if not parts[:-1] or min(parts) < 0 or sum(parts) != WHOLE_PERCENT or min(parts[:-1]) == 0:
        raise SharesUnusable(
            "The shares of milestones and stages have to be above zero and, with the middle share, "
            f"add up to {WHOLE_PERCENT}.",
            field="shares",
        )
    return Shares(milestones=tuple(milestones), middle=middle, stages=tuple(stages))


def share(
    shares: Shares,
    *,
    journeys: journey.Journeys,
    rows: Sequence[NDArray[np.int64]],
) -> Shared:
    """Weigh every touch; `rows` holds the place of each milestone or stage, see `row_before`."""
    parts = [*(part for _, part in shares.milestones), *shares.stages]
    first = np.where(journeys.touch_counts > 0, journeys.offsets[:-1], _MISSING)
    is_there = [row != _MISSING for row in rows]
    is_incomplete = ~np.logical_and.reduce(is_there) & (first != _MISSING)
    if not any(milestone is Milestone.FIRST for milestone, _ in shares.milestones):
        # Where nothing else is there, the first touch stands in for it.
        is_bare = ~np.logical_or.reduce(is_there)
        rows = [*rows, np.where(is_bare, first, _MISSING)]
        is_there = [*is_there, is_bare & (first != _MISSING)]
        parts = [*parts, 1]

    is_marked = np.zeros(len(journeys.touch), dtype=np.bool_)
    for row, there in zip(rows, is_there, strict=True):
        is_marked[row[there]] = True
    middle_count = journeys.touch_counts - grouping.segment_counts(is_marked, journeys.offsets)
    part_sum = np.zeros(len(first), dtype=np.int64)
    there_count = np.zeros(len(first), dtype=np.int64)
    for part, there in zip(parts, is_there, strict=True):
        part_sum += there * np.int64(part)
        there_count += there

    total = sum(part for _, part in shares.milestones) + sum(shares.stages)
    has_middle = middle_count > 0
    factor = np.where(has_middle, middle_count, there_count) * total
    extra = np.where(has_middle, 0, shares.middle * part_sum)
    if not shares.middle:
        factor, extra = np.full_like(factor, total), np.zeros_like(extra)
    weight = np.zeros(len(journeys.touch), dtype=np.int64)
    if shares.middle:
        weight = np.where(is_marked, 0, np.repeat(shares.middle * part_sum, journeys.touch_counts))
    for part, row, there in zip(parts, rows, is_there, strict=True):
        weight[row[there]] += factor[there] * part + extra[there]
    return Shared(weight=weight, is_incomplete=is_incomplete)


def row_before(
    instants: NDArray[np.int64],
    *,
    occurred_at: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Find the last touch of each journey at or before an instant; -1 where there is none."""
    is_before = occurred_at <= np.repeat(instants, np.diff(offsets))
    counts = grouping.segment_counts(is_before, offsets)
    return np.where(counts > 0, offsets[:-1] + counts - 1, _MISSING)


def first_row(journeys: journey.Journeys) -> NDArray[np.int64]:
    """Find the first touch of each journey; -1 where there is none."""
    return np.where(journeys.touch_counts > 0, journeys.offsets[:-1], _MISSING)


def last_row(journeys: journey.Journeys) -> NDArray[np.int64]:
    """Find the last touch of each journey; -1 where there is none."""
    return np.where(journeys.touch_counts > 0, journeys.offsets[1:] - 1, _MISSING)

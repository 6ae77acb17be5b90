"""Attribution models: how the touches of a journey share one opportunity, as integer weights.

A touch earns weight / (sum of weights) of the amount. Weights are whole numbers, so that the shares
are exact fractions and every engine gives the same bits; decay, whose shares are no fractions, says
how its whole numbers are made (`decay`). Touches of weight 0 get no row. Formulas, sources and edge
cases of all models: `RULES` here, and `docs/models.md`.

A model is a function from a case to `Weights` and one line in `RULES`. Changing what it computes
raises its version, which every run keeps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from attribution.domain import decay, grouping, journey, milestones
from gifting.domain import refusals


class ColumnMissing(refusals.Invalid):
    code = "MODEL_COLUMN_MISSING"


class Model(StrEnum):
    FIRST_TOUCH = "FIRST_TOUCH"
    LAST_TOUCH = "LAST_TOUCH"
    LEAD_CREATION = "LEAD_CREATION"
    LINEAR = "LINEAR"
    LINEAR_DISTINCT_CHANNELS = "LINEAR_DISTINCT_CHANNELS"
    U_SHAPED = "U_SHAPED"
    U_HUBSPOT = "U_HUBSPOT"
    U_ADOBE = "U_ADOBE"
    W_SHAPED = "W_SHAPED"
    FULL_PATH = "FULL_PATH"
    J_SHAPED = "J_SHAPED"
    INVERSE_J = "INVERSE_J"
    TIME_DECAY = "TIME_DECAY"
    TIME_DECAY_STEP = "TIME_DECAY_STEP"
    PRIMARY_CAMPAIGN_SOURCE = "PRIMARY_CAMPAIGN_SOURCE"
    CUSTOM = "CUSTOM"


# What is computed unless somebody asks for more.
STANDARD: Final = (Model.FIRST_TOUCH, Model.LAST_TOUCH, Model.LINEAR)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an organization chooses about its models."""

    half_life: int = decay.DEFAULT_HALF_LIFE_DAYS * journey.MICROSECONDS_PER_DAY
    step: int = decay.DEFAULT_STEP_DAYS * journey.MICROSECONDS_PER_DAY
    custom: milestones.Shares | None = None


DEFAULTS: Final = Settings()


@dataclass(frozen=True)
class Case:
    """Hold some opportunities, their journeys, and what models ask of both, computed once.

    `journeys` names touches by their rows, and journey i is that of opportunity i. `stages_at` has
    a column of instants for each stage of a custom model.
    """

    opportunities: journey.Opportunities
    touches: journey.Touches
    journeys: journey.Journeys
    as_of: int
    settings: Settings = DEFAULTS
    stages_at: tuple[NDArray[np.int64], ...] = ()

    @cached_property
    def segments(self) -> grouping.Segments:
        return grouping.Segments(self.journeys.offsets)

    @property
    def opportunity(self) -> NDArray[np.int64]:
        """Name the opportunity of each touch of each journey."""
        return self.segments.owner

    @cached_property
    def occurred_at(self) -> NDArray[np.int64]:
        return self.touches.occurred_at[self.journeys.touch]

    @cached_property
    def ends_at(self) -> NDArray[np.int64]:
        """Give the close, or the run's instant while there is none."""
        closed_at = self.opportunities.closed_at
        return np.where(closed_at == journey.OPEN, np.int64(self.as_of), closed_at)

    @cached_property
    def _rows(self) -> dict[milestones.Milestone, NDArray[np.int64]]:
        return {}

    def row_of(self, milestone: milestones.Milestone) -> NDArray[np.int64]:
        """Find the touch at which each journey passed a milestone; -1 where there is none."""
        if milestone not in self._rows:
            self._rows[milestone] = self._find(milestone)
        return self._rows[milestone]

    def row_before(self, instants: NDArray[np.int64]) -> NDArray[np.int64]:
        return milestones.row_before(
            instants,
            occurred_at=self.occurred_at,
            offsets=self.journeys.offsets,
        )

    def _find(self, milestone: milestones.Milestone) -> NDArray[np.int64]:
        match milestone:
            case milestones.Milestone.FIRST:
                return milestones.first_row(self.journeys)
            case milestones.Milestone.CLOSED:
                is_open = self.opportunities.closed_at == journey.OPEN
                return np.where(is_open, -1, milestones.last_row(self.journeys))
            case milestones.Milestone.OPENED:
                return self.row_before(self.opportunities.opened_at)
            case milestones.Milestone.LEAD:
                lead_created_at = self.opportunities.lead_created_at
                if lead_created_at is None:
                    return np.full(len(self.opportunities), -1, dtype=np.int64)
                return self.row_before(lead_created_at)


def _nobody() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Weights:
    """Hold the touches that earn anything, grouped by opportunity.

    `rows` are places in `Journeys.touch`, in the order of time within an opportunity; those of
    opportunity i are rows[offsets[i]:offsets[i + 1]]. A weight is positive, and the weights of an
    opportunity add up to at most 2**62. `wide` has the exact weights of opportunities for which
    this is too little room. `incomplete` lists opportunities of which a milestone is missing.
    """

    rows: NDArray[np.int64]
    weight: NDArray[np.int64]
    offsets: NDArray[np.int64]
    wide: Mapping[int, list[int]] = field(default_factory=dict)
    incomplete: NDArray[np.int64] = field(default_factory=_nobody)


@dataclass(frozen=True, slots=True)
class Rule:
    """State what a model computes, for the figures that quote it."""

    version: int
    title: str
    formula: str
    default_lookback_days: int | None
    weigh: Callable[[Case], Weights]


def weigh(model: Model, case: Case) -> Weights:
    """Give the weights of a model for every journey; raises ColumnMissing."""
    return RULES[model].weigh(case)


def _first_touch(case: Case) -> Weights:
    return _one_each(milestones.first_row(case.journeys))


def _last_touch(case: Case) -> Weights:
    return _one_each(milestones.last_row(case.journeys))


def _lead_creation(case: Case) -> Weights:
    lead, first = case.row_of(milestones.Milestone.LEAD), milestones.first_row(case.journeys)
    is_missing = (lead < 0) & (first >= 0)
    weights = _one_each(np.where(is_missing, first, lead))
    return Weights(
        rows=weights.rows,
        weight=weights.weight,
        offsets=weights.offsets,
        incomplete=np.flatnonzero(is_missing),
    )


def _linear(case: Case) -> Weights:
    rows = np.arange(len(case.journeys.touch), dtype=np.int64)
    return Weights(rows=rows, weight=np.ones_like(rows), offsets=case.journeys.offsets)


def _linear_distinct_channels(case: Case) -> Weights:
    """Weigh by L / (touches of the channel), L their least common multiple in the journey."""
    channels = _needed(case.touches.channel, "channel of each touch")[case.journeys.touch]
    order = grouping.stable_order_by_two(
        case.opportunity.view(np.uint64), (channels + 1).view(np.uint64)
    )
    journey_of, channel_of = case.opportunity[order], channels[order]
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = (journey_of[1:] != journey_of[:-1]) | (channel_of[1:] != channel_of[:-1])
    starts = np.flatnonzero(is_first)
    sizes = np.diff(starts, append=len(order))
    of_touch = np.empty_like(case.opportunity)
    of_touch[order] = np.repeat(sizes, sizes)

    multiple, wide = _least_multiples(journey_of[starts], sizes, len(case.opportunities))
    offsets = case.journeys.offsets
    weight = np.maximum(multiple[case.opportunity] // of_touch, 1)
    return Weights(
        rows=np.arange(len(order), dtype=np.int64),
        weight=weight,
        offsets=offsets,
        wide={
            place: [
                least // size for size in of_touch[offsets[place] : offsets[place + 1]].tolist()
            ]
            for place, least in wide.items()
        },
    )


_MULTIPLE_BITS: Final = 44


def _least_multiples(
    owner: NDArray[np.int64], sizes: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], dict[int, int]]:
    """Give the least common multiple of the sizes of each owner, those of many bits apart."""
    multiple = np.ones(count, dtype=np.int64)
    wide: dict[int, int] = {}
    if not len(owner):
        return multiple, wide
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    bits = np.add.reduceat(np.log2(sizes), starts)
    is_small = bits < _MULTIPLE_BITS
    narrow = np.where(np.repeat(is_small, np.diff(starts, append=len(owner))), sizes, 1)
    multiple[owner[starts]] = np.lcm.reduceat(narrow, starts)
    ends = [*starts[1:].tolist(), len(owner)]
    for place in np.flatnonzero(~is_small).tolist():
        least = math.lcm(*sizes[starts[place] : ends[place]].tolist())
        who = int(owner[starts[place]])
        multiple[who] = min(least, 1 << _MULTIPLE_BITS)
        if least > 1 << _MULTIPLE_BITS:
            wide[who] = least
    return multiple, wide


def _positions(first: int, last: int, middle: int) -> Callable[[Case], Weights]:
    """Share by place alone: the last touch counts as such on an open deal as well."""
    shares = milestones.Shares(
        milestones=((milestones.Milestone.FIRST, first), (milestones.Milestone.CLOSED, last)),
        middle=middle,
    )

    def weigh_positions(case: Case) -> Weights:
        ends = [milestones.first_row(case.journeys), milestones.last_row(case.journeys)]
        return _shared(shares, case, ends)

    return weigh_positions


def _milestones(shares: milestones.Shares) -> Callable[[Case], Weights]:
    def weigh_milestones(case: Case) -> Weights:
        rows = [case.row_of(milestone) for milestone, _ in shares.milestones]
        return _shared(shares, case, rows)

    return weigh_milestones


def _custom(case: Case) -> Weights:
    shares = case.settings.custom
    if shares is None or len(case.stages_at) != len(shares.stages):
        raise ColumnMissing(
            "A custom model needs its shares, and the instants of each of its stages.",
            field="custom",
        )
    rows = [case.row_of(milestone) for milestone, _ in shares.milestones]
    return _shared(shares, case, [*rows, *map(case.row_before, case.stages_at)])


def _shared(shares: milestones.Shares, case: Case, rows: list[NDArray[np.int64]]) -> Weights:
    given = milestones.share(shares, journeys=case.journeys, rows=rows)
    weights = _positive(given.weight, case.journeys.offsets)
    return Weights(
        rows=weights.rows,
        weight=weights.weight,
        offsets=weights.offsets,
        incomplete=np.flatnonzero(given.is_incomplete),
    )


def _time_decay(case: Case) -> Weights:
    return _positive(
        decay.continuous(
            case.occurred_at, case.journeys.offsets, half_life=case.settings.half_life
        ),
        case.journeys.offsets,
    )


def _time_decay_step(case: Case) -> Weights:
    return _positive(
        decay.stepped(
            case.occurred_at, case.journeys.offsets, ends_at=case.ends_at, step=case.settings.step
        ),
        case.journeys.offsets,
    )


def _primary_campaign_source(case: Case) -> Weights:
    """Give all to the earliest touch of the campaign that the opportunity names."""
    named = _needed(case.opportunities.primary_campaign, "primary campaign of each opportunity")
    campaigns = _needed(case.touches.campaign, "campaign of each touch")
    own = campaigns[case.journeys.touch]
    is_named = (own == named[case.opportunity]) & (own != journey.NO_GROUP)
    rows = np.flatnonzero(is_named)
    owner = case.opportunity[rows]
    earliest = np.full(len(case.opportunities), -1, dtype=np.int64)
    earliest[owner[::-1]] = rows[::-1]
    return _one_each(earliest)


def _positive(weight: NDArray[np.int64], offsets: NDArray[np.int64]) -> Weights:
    """Keep the touches that earn anything."""
    is_positive = weight > 0
    rows = np.flatnonzero(is_positive)
    if len(rows) == len(weight):
        return Weights(rows=rows, weight=weight, offsets=offsets)
    counts = grouping.segment_counts(is_positive, offsets)
    return Weights(rows=rows, weight=weight[rows], offsets=grouping.counts_to_offsets(counts))


def _one_each(rows: NDArray[np.int64]) -> Weights:
    """Give weight 1 to one row of each opportunity that has one; -1 is none."""
    is_there = rows >= 0
    rows = rows[is_there]
    return Weights(
        rows=rows,
        weight=np.ones_like(rows),
        offsets=grouping.counts_to_offsets(is_there.astype(np.int64)),
    )


def _needed(column: NDArray[np.int64] | None, what: str) -> NDArray[np.int64]:
    if column is None:
        raise ColumnMissing(f"The model needs the {what}. Give it or leave the model out.")
    return column


def _rule(
    title: str,
    formula: str,
    weigh_case: Callable[[Case], Weights],
    lookback_days: int | None = journey.DEFAULT_LOOKBACK_DAYS,
) -> Rule:
    return Rule(
        version=1,
        title=title,
        formula=formula,
        default_lookback_days=lookback_days,
        weigh=weigh_case,
    )


_FIRST, _LEAD = milestones.Milestone.FIRST, milestones.Milestone.LEAD
_OPENED, _CLOSED = milestones.Milestone.OPENED, milestones.Milestone.CLOSED

RULES: Final[Mapping[Model, Rule]] = MappingProxyType(
    {
        Model.FIRST_TOUCH: _rule(
            "First touch", "the whole amount to the earliest touch in the look-back", _first_touch
        ),
        Model.LAST_TOUCH: _rule(
            "Last touch", "the whole amount to the last touch at or before the close", _last_touch
        ),
        Model.LEAD_CREATION: _rule(
            "Lead creation",
            "the whole amount to the last touch at or before the lead was made",
            _lead_creation,
            None,
        ),
        Model.LINEAR: _rule(
            "Linear", "amount / n to each of the n touches in the look-back", _linear
        ),
        Model.LINEAR_DISTINCT_CHANNELS: _rule(
            "Linear over distinct channels (observed-set Shapley)",
            "amount / m to each of the m channels, evenly to the touches of the channel",
            _linear_distinct_channels,
        ),
        Model.U_SHAPED: _rule(
            "U-shaped, 40-20-40 by position",
            "40 % to the first touch, 40 % to the last, 20 % evenly to those between",
            _positions(2, 2, 1),
        ),
        Model.U_HUBSPOT: _rule(
            "U-shaped, HubSpot",
            "40 % to the first touch, 40 % to lead creation, 20 % evenly to the others",
            _milestones(milestones.Shares(((_FIRST, 2), (_LEAD, 2)), middle=1)),
            None,
        ),
        Model.U_ADOBE: _rule(
            "U-shaped, Adobe 50-50",
            "50 % to the first touch, 50 % to lead creation",
            _milestones(milestones.Shares(((_FIRST, 1), (_LEAD, 1)), middle=0)),
            None,
        ),
        Model.W_SHAPED: _rule(
            "W-shaped",
            "30 % each to the first touch, lead creation and opportunity creation, 10 % evenly to "
            "the others",
            _milestones(milestones.Shares(((_FIRST, 3), (_LEAD, 3), (_OPENED, 3)), middle=1)),
            None,
        ),
        Model.FULL_PATH: _rule(
            "Full path",
            "22.5 % each to the first touch, lead creation, opportunity creation and the close, "
            "10 % evenly to the others",
            _milestones(
                milestones.Shares(((_FIRST, 9), (_LEAD, 9), (_OPENED, 9), (_CLOSED, 9)), middle=4)
            ),
            None,
        ),
        Model.J_SHAPED: _rule(
            "J-shaped",
            "20 % to the first touch, 60 % to the last, 20 % evenly to those between",
            _positions(1, 3, 1),
        ),
        Model.INVERSE_J: _rule(
            "Inverse J",
            "60 % to the first touch, 20 % to the last, 20 % evenly to those between",
            _positions(3, 1, 1),
        ),
        Model.TIME_DECAY: _rule(
            "Time decay",
            "amount * w / sum of w, with w = 2 ** (-age / half-life)",
            _time_decay,
        ),
        Model.TIME_DECAY_STEP: _rule(
            "Time decay by steps",
            "amount * w / sum of w, with w = 2 ** -floor(age / step)",
            _time_decay_step,
        ),
        Model.PRIMARY_CAMPAIGN_SOURCE: _rule(
            "Primary campaign source",
            "the whole amount to the earliest touch of the campaign that the opportunity names",
            _primary_campaign_source,
            None,
        ),
        Model.CUSTOM: _rule(
            "Custom",
            "a share for each milestone and stage, the middle share evenly to the others",
            _custom,
            None,
        ),
    }
)

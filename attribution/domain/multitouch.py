"""Attribution models: how the touches of a journey share one opportunity, as integer weights.

For n touches in time order the weights are

    FIRST_TOUCH   1 to the first, nothing to the others
    LAST_TOUCH    1 to the last at or before the close, nothing to the others
    LINEAR        1 to each, so each earns 1/n

and a touch earns weight / (sum of weights) of the amount. Sources: all three are the models of
these names in Salesforce, HubSpot, Google Analytics and Adobe Marketo Measure. Weights are whole
numbers, so that the shares are exact fractions and every engine gives the same bits; a model with
real-valued weights states its table of integers. Touches of weight 0 get no row.

A model is a function from journeys to `Weights` and one line in `RULES`. Changing what it computes
raises its version, which every run keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from attribution.domain import grouping, journey


class Model(StrEnum):
    FIRST_TOUCH = "FIRST_TOUCH"
    LAST_TOUCH = "LAST_TOUCH"
    LINEAR = "LINEAR"


@dataclass(frozen=True, slots=True)
class Weights:
    """Hold the touches that earn anything, grouped by opportunity.

    `rows` are places in `Journeys.touch`, in the order of time within an opportunity; those of
    opportunity i are rows[offsets[i]:offsets[i + 1]]. A weight is positive and below 2**32.
    """

    rows: NDArray[np.int64]
    weight: NDArray[np.int64]
    offsets: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rule:
    """State what a model computes, for the figures that quote it."""

    version: int
    title: str
    formula: str
    default_lookback_days: int | None
    weigh: Callable[[journey.Journeys], Weights]


def weigh(model: Model, journeys: journey.Journeys) -> Weights:
    """Give the weights of a model for every journey."""
    return RULES[model].weigh(journeys)


def _first_touch(journeys: journey.Journeys) -> Weights:
    return _one_each(journeys, journeys.offsets[:-1])


def _last_touch(journeys: journey.Journeys) -> Weights:
    return _one_each(journeys, journeys.offsets[1:] - 1)


def _linear(journeys: journey.Journeys) -> Weights:
    rows = np.arange(len(journeys.touch), dtype=np.int64)
    return Weights(rows=rows, weight=np.ones_like(rows), offsets=journeys.offsets)


def _one_each(journeys: journey.Journeys, rows: NDArray[np.int64]) -> Weights:
    """Give weight 1 to one row of each opportunity that has touches."""
    has_touches = journeys.touch_counts > 0
    rows = rows[has_touches]
    return Weights(
        rows=rows,
        weight=np.ones_like(rows),
        offsets=grouping.counts_to_offsets(has_touches.astype(np.int64)),
    )


RULES: Final[Mapping[Model, Rule]] = MappingProxyType(
    {
        Model.FIRST_TOUCH: Rule(
            version=1,
            title="First touch",
            formula="the whole amount to the earliest touch in the look-back",
            default_lookback_days=journey.DEFAULT_LOOKBACK_DAYS,
            weigh=_first_touch,
        ),
        Model.LAST_TOUCH: Rule(
            version=1,
            title="Last touch",
            formula="the whole amount to the last touch at or before the close",
            default_lookback_days=journey.DEFAULT_LOOKBACK_DAYS,
            weigh=_last_touch,
        ),
        Model.LINEAR: Rule(
            version=1,
            title="Linear",
            formula="amount / n to each of the n touches in the look-back",
            default_lookback_days=journey.DEFAULT_LOOKBACK_DAYS,
            weigh=_linear,
        ),
    }
)

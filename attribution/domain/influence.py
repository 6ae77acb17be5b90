"""Influence: the whole amount of every opportunity to everything that touched it.

    influenced(group) = sum of the amounts of the opportunities with a touch of the group

Never additive: an opportunity counts once for each campaign or channel that touched it, so that the
figures of several groups add up to more than the revenue. It is no model of attribution, has no
credits, and whoever shows it shows LABEL beside it. Source: "influenced revenue" and "uniform
attribution" as HockeyStack, Reachdesk and CRM campaign reports have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from attribution.domain import grouping, multitouch

IS_ADDITIVE: Final = False
LABEL: Final = "Influenced, not attributed: the figures overlap and must not be added up."


@dataclass(frozen=True, slots=True)
class Influence:
    """Hold, for each group, the opportunities that it touched and their amounts."""

    opportunity_count: NDArray[np.int64]
    missing_amount_count: NDArray[np.int64]
    amount_minor: NDArray[np.int64]


def of_groups(case: multitouch.Case, group: NDArray[np.int64], *, group_count: int) -> Influence:
    """Sum by group of the touches, one currency at a time; raises money.AmountOutOfRange.

    `group` numbers the groups of the touches that the case names, and NO_GROUP is none.
    """
    own = group[case.journeys.touch]
    has_group = own >= 0
    pairs = np.unique(case.opportunity[has_group] * group_count + own[has_group])
    opportunity, groups = np.divmod(pairs, max(group_count, 1))
    has_amount = case.opportunities.has_amount[opportunity]
    amounts_minor = np.where(has_amount, case.opportunities.amount_minor[opportunity], 0)
    return Influence(
        opportunity_count=np.bincount(groups, minlength=group_count),
        missing_amount_count=np.bincount(groups[~has_amount], minlength=group_count),
        amount_minor=grouping.sum_by(groups, amounts_minor, group_count),
    )

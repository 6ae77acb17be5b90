"""How a deal moved: the stages it entered, the amounts it was given and who owned it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from integrations.domain.sandbox import company, moments, outcomes, parameters
from integrations.domain.sandbox.deals import Deals
from integrations.domain.sandbox.draws import Draws, Flags, Floats, Ints, Topic

WON_STAGE: Final = len(company.STAGES)
LOST_STAGE: Final = WON_STAGE + 1
STAGE_NAMES: Final = (*company.STAGES, company.WON_STAGE, company.LOST_STAGE)

# Where in a deal's life each stage begins: from, and how far later at most.
_STAGE_FROM: Final = (0.0, 0.10, 0.40, 0.70)
_STAGE_RANGE: Final = (0.0, 0.25, 0.20, 0.20)
_LOST_AT_WEIGHTS: Final = (0.3, 0.3, 0.25, 0.15)
_RESIZED_AT: Final = 2
_REASSIGNED_FROM: Final = 0.2
_REASSIGNED_RANGE: Final = 0.6
_UNSIZED_SHARE: Final = 0.3
# The close is the last step, and falls on the instant of the close itself.
_CLOSE_STEP: Final = moments.MINUTE * len(company.STAGES)


@dataclass(frozen=True, slots=True)
class Changes:
    """One history: whose, which step of it, when, and to what."""

    deal: Ints
    ordinal: Ints
    at: Ints
    value: Ints


@dataclass(frozen=True, slots=True)
class Histories:
    """The three histories, and where they leave each deal; an amount of -1 is not given."""

    stages: Changes
    amounts: Changes
    owners: Changes
    stage: Ints
    amount_minor: Ints
    owner: Ints
    opened_at: Ints
    closed_at: Ints


def tell(
    *, wanted: parameters.Parameters, block: int, deals: Deals, found: outcomes.Outcomes
) -> Histories:
    """Tell the histories of the block's deals up to the last known day."""
    draws = Draws(seed=wanted.seed, block=block, topic=Topic.HISTORIES)
    count = len(deals.account)
    clock = moments.office_seconds(draws, count)
    is_closed = found.status != outcomes.OPEN
    starts = _stage_days(draws, deals, found)
    is_entered = _entered(draws, wanted, found, starts)
    resized = is_entered[:, _RESIZED_AT] & deals.is_resized
    owner_day = deals.opened_day + _part(
        found, deals, _REASSIGNED_FROM + _REASSIGNED_RANGE * draws.uniform(count)
    )
    is_moved = deals.is_reassigned & (owner_day <= wanted.last_day)
    is_unsized = draws.chance(count, _UNSIZED_SHARE) & ~is_closed & ~is_entered[:, 1]
    current = np.where(resized | ~deals.is_resized, deals.amount_minor, deals.first_amount_minor)
    reached = is_entered.sum(axis=1) - 1
    ending = np.where(found.status == outcomes.WON, WON_STAGE, LOST_STAGE)
    opened_at = moments.at(deals.opened_day, clock)
    closed_at = moments.at(found.closed_day, clock)
    everyone = np.ones(count, dtype=np.bool_)
    stages = [
        _Step(is_entered[:, place], place, moments.at(starts[:, place], clock))
        for place in range(len(company.STAGES))
    ]
    return Histories(
        stages=_in_order(*stages, _Step(is_closed, ending, closed_at - _CLOSE_STEP)),
        amounts=_in_order(
            _Step(~is_unsized, deals.first_amount_minor, opened_at),
            _Step(resized, deals.amount_minor, moments.at(starts[:, _RESIZED_AT], clock)),
        ),
        owners=_in_order(
            _Step(everyone, deals.owner, opened_at),
            _Step(is_moved, deals.next_owner, moments.at(owner_day, clock)),
        ),
        stage=np.where(is_closed, ending, reached),
        amount_minor=np.where(is_unsized, -1, current),
        owner=np.where(is_moved, deals.next_owner, deals.owner),
        opened_at=opened_at,
        closed_at=np.where(is_closed, closed_at, moments.NEVER),
    )


def _part(found: outcomes.Outcomes, deals: Deals, share: Floats) -> Ints:
    """Give the days that are this share of the deal's life."""
    return np.floor((found.closed_day - deals.opened_day) * share).astype(np.int64)


def _stage_days(draws: Draws, deals: Deals, found: outcomes.Outcomes) -> Ints:
    days = [
        deals.opened_day + _part(found, deals, start + width * draws.uniform(len(deals.account)))
        for start, width in zip(_STAGE_FROM, _STAGE_RANGE, strict=True)
    ]
    return np.stack(days, axis=1)


def _entered(
    draws: Draws, wanted: parameters.Parameters, found: outcomes.Outcomes, starts: Ints
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Tell which stages were entered: all by won deals, some by lost ones, by open ones so far."""
    last = draws.choice(len(found.status), _LOST_AT_WEIGHTS)
    last = np.where(found.status == outcomes.LOST, last, WON_STAGE)
    return (np.arange(len(company.STAGES)) <= last[:, None]) & (starts <= wanted.last_day)


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a history: which deals took it, to what, and when."""

    which: Flags
    value: Ints | int
    at: Ints


def _in_order(*steps: _Step) -> Changes:
    """List the steps deal by deal; those of one day keep their order by minutes."""
    deal, ordinal = np.nonzero(np.column_stack([step.which for step in steps]))
    shape = (len(steps[0].which), len(steps))
    at = np.column_stack([step.at + moments.MINUTE * place for place, step in enumerate(steps)])
    value = np.empty(shape, dtype=np.int64)
    for place, step in enumerate(steps):
        value[:, place] = step.value
    return Changes(deal=deal, ordinal=ordinal, at=at[deal, ordinal], value=value[deal, ordinal])

"""Digital touches: mails read, webinars joined, ads seen. They do nothing to a deal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from integrations.domain.sandbox import company, moments, parameters
from integrations.domain.sandbox.draws import Draws, Ints, Topic

MOST_TOUCHES: Final = 16

_TOUCHES_PER_DAY: Final = 0.02
_DAYS_BEFORE: Final = 30
_KNOWN_PERSON_SHARE: Final = 0.7
NOBODY: Final = -1


@dataclass(frozen=True, slots=True)
class Touches:
    """Digital touches by deal; `person` counts the account's contacts, NOBODY when unknown."""

    deal: Ints
    ordinal: Ints
    campaign: Ints
    person: Ints
    at: Ints


def touch(
    *,
    wanted: parameters.Parameters,
    block: int,
    opened_day: Ints,
    ends_day: Ints,
    recipient_count: Ints,
) -> Touches:
    """Let touches arrive from a month before the opening up to the close, at one daily rate."""
    draws = Draws(seed=wanted.seed, block=block, topic=Topic.DIGITAL)
    length = ends_day - opened_day + _DAYS_BEFORE
    mean = np.asarray(_TOUCHES_PER_DAY * length, dtype=np.float64)
    count = draws.poisson(mean, most=MOST_TOUCHES)
    deal = np.repeat(np.arange(len(length)), count)
    total = len(deal)
    offset = np.floor(draws.uniform(total) * length[deal]).astype(np.int64)
    day = opened_day[deal] - _DAYS_BEFORE + offset
    person = np.floor(draws.uniform(total) * recipient_count[deal]).astype(np.int64)
    is_known = draws.chance(total, _KNOWN_PERSON_SHARE) & (recipient_count[deal] > 0)
    return Touches(
        deal=deal,
        ordinal=np.arange(total) - np.searchsorted(deal, deal),
        campaign=company.GIFT_CAMPAIGN_COUNT + draws.choice(total, company.DIGITAL_WEIGHTS),
        person=np.where(is_known, person, NOBODY),
        at=moments.at(day, moments.office_seconds(draws, total)),
    )

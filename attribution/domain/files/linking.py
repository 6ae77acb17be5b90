"""Linking: some deals of a file with their touches and journeys, ready for models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from attribution.domain import journey, kernel, multitouch
from attribution.domain.files import deals, touches

PAIRS_PER_PIECE: Final = 262_144

Piece = tuple[NDArray[np.int64], multitouch.Case]


@dataclass(frozen=True, slots=True)
class Linked:
    """Hold deals as rows of all deals, and their touches as rows of all touches.

    The last of `touch` names none, so that -1 finds it.
    """

    deal: NDArray[np.int64]
    touch: NDArray[np.int64]
    opportunities: journey.Opportunities
    touches: journey.Touches
    timelines: journey.Timelines
    as_of: int

    @property
    def is_touched(self) -> NDArray[np.bool_]:
        return self.timelines.stop > self.timelines.start

    def pieces(self, settings: multitouch.Settings) -> Iterator[Piece]:
        """Yield the deals of each piece, in order, with their journeys."""
        first = 0
        for piece in self.timelines.pieces(PAIRS_PER_PIECE):
            rows = slice(first, first + len(piece))
            first += len(piece)
            case = multitouch.Case(
                opportunities=self.opportunities.take(rows),
                touches=self.touches,
                journeys=piece.journeys(),
                as_of=self.as_of,
                settings=settings,
            )
            yield self.deal[rows], case


def link(
    known: deals.Deals,
    found: touches.Touches,
    is_wanted: NDArray[np.bool_],
    *,
    as_of: int,
    lookback_days: int | None,
    threads: int,
) -> Linked:
    """Find the journeys of the wanted deals."""
    deal = np.flatnonzero(is_wanted)
    opportunities, own, rows = touches.linked(known, found, deal)
    timelines = kernel.timelines(
        opportunities, own, as_of=as_of, lookback_days=lookback_days, threads=threads
    )
    return Linked(deal, np.append(rows, len(found)), opportunities, own, timelines, as_of)

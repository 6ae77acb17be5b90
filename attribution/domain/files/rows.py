"""Rows of a result by touch: the credits of a piece, and what is unattributed between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attribution.domain import credit, multitouch
from attribution.domain.files import deals, results, touches


@dataclass(frozen=True, slots=True)
class Rows:
    """Credits of a piece with its unattributed deals, in order; touch -1 is unattributed."""

    opportunity: NDArray[np.int64]
    touch: NDArray[np.int64]
    weight: NDArray[np.int64]
    credit_minor: NDArray[np.int64]

    @classmethod
    def of(cls, given: credit.Credits, case: multitouch.Case) -> Rows:
        weight = np.rint(given.weight / given.weight_sum * float(results.WEIGHT_UNIT)).astype(
            np.int64
        )
        if not len(given.unattributed):
            return cls(given.opportunity, given.touch, weight, given.amount_minor)
        left = given.unattributed
        opportunity = np.concatenate((given.opportunity, left))
        order = np.argsort(opportunity, kind="stable")
        columns = (
            (given.touch, np.full(len(left), -1)),
            (weight, np.full(len(left), results.WEIGHT_UNIT)),
            (given.amount_minor, case.opportunities.amount_minor[left]),
        )
        return cls(opportunity[order], *(np.concatenate(pair)[order] for pair in columns))


@dataclass(frozen=True, slots=True)
class Texts:
    """The names that rows point at; what is unattributed points at the last of each."""

    deal: pa.Array
    touch: pa.Array
    channel: pa.Array
    campaign: pa.Array
    currency: pa.Array
    channel_of: NDArray[np.int64]
    campaign_of: NDArray[np.int64]

    @classmethod
    def of(cls, known: deals.Deals, found: touches.Touches, *, is_csv: bool) -> Texts:
        fit = results.quoted if is_csv else lambda cells: cells
        channels = [*found.channel.names, touches.UNATTRIBUTED]
        campaigns = [*found.campaign.names, ""]
        return cls(
            deal=fit(known.id),
            touch=fit(pa.concat_arrays([found.id, pa.array([""], found.id.type)])),
            channel=fit(pa.array(channels, pa.string())),
            campaign=fit(pa.array(campaigns, pa.string())),
            currency=pa.array(known.currency_codes, pa.string()),
            channel_of=np.append(found.channel.number, len(channels) - 1),
            campaign_of=np.append(found.campaign.number, len(campaigns) - 1),
        )

    def names(
        self, model: str, deal: NDArray[np.int64], touch: NDArray[np.int64]
    ) -> dict[str, pa.Array]:
        return {
            "model": pa.repeat(pa.scalar(model, pa.string()), len(deal)),
            "opportunity_id": self.deal.take(pa.array(deal)),
            "touch_id": self.touch.take(pa.array(touch)),
            "channel": self.channel.take(pa.array(self.channel_of[touch])),
            "campaign": self.campaign.take(pa.array(self.campaign_of[touch])),
        }

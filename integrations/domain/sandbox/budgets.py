"""What was approved for each campaign, before anyone knew what it would spend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from integrations.domain.sandbox import company, parameters
from integrations.domain.sandbox.draws import Draws, Topic

ROUND_TO_MINOR: Final = 100_00

_FROM_PERCENT: Final = 85
_TO_PERCENT: Final = 130


def plan(
    *, wanted: parameters.Parameters, spend_by_campaign: Mapping[str, int], period_count: int
) -> dict[str, int]:
    """Give the amount per fiscal period of each campaign: near its mean spend, in round hundreds.

    Some campaigns come out under budget and some over, as in life.
    """
    draws = Draws(seed=wanted.seed, block=0, topic=Topic.BUDGETS)
    percents = draws.whole(company.GIFT_CAMPAIGN_COUNT, _FROM_PERCENT, _TO_PERCENT)
    campaigns = company.CAMPAIGNS[: company.GIFT_CAMPAIGN_COUNT]
    return {
        campaign.code: _rounded(
            spend_by_campaign.get(campaign.code, 0) * int(percent) // (100 * period_count)
        )
        for campaign, percent in zip(campaigns, percents, strict=True)
    }


def _rounded(amount_minor: int) -> int:
    return max(1, round(amount_minor / ROUND_TO_MINOR)) * ROUND_TO_MINOR

"""Return on investment by campaign: which gifts earned which revenue against which budget.

Basis: revenue of opportunities that closed in the cut's fiscal periods, as credited by one model;
cost recorded in the same periods. A gift whose deal has not closed yet costs now and earns later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from attribution.domain import returns
from attribution.selectors import credits as figures
from gifting.domain import access, money
from gifting.selectors import budgets, spend

BASIS: Final = (
    "Attributed won revenue by the fiscal period of the close; "
    "landed cost by the fiscal period in which it was recorded."
)


@dataclass(frozen=True, slots=True)
class CampaignReturn:
    """What one campaign cost, earned and was allowed to cost; no key means no campaign.

    Whoever sees some cost centers only sees the credit of the others as one row without its cost.
    """

    campaign_id: UUID | None
    name: str
    budget: money.Money | None
    spend: money.Money
    credit: money.Money
    touch_count: int
    is_cost_shown: bool
    roi: returns.Return

    @property
    def has_cost(self) -> bool:
        return self.spend.amount_minor != 0


@dataclass(frozen=True, slots=True)
class Report:
    """The main result: every campaign, and the identity that its figures keep.

    `roi` sets the spend against the credit of the campaigns that spent it (`costed_credit`): what
    campaigns without a recorded cost earned is no return on this money.
    """

    totals: figures.Totals
    budget: money.Money
    spend: money.Money
    costed_credit: money.Money
    roi: returns.Return
    campaigns: tuple[CampaignReturn, ...]


def by_campaign(*, actor: access.Actor, model: str, currency: str, cut: spend.Cut) -> Report:
    """Return spend, credit, budget and ROI of each campaign, most credit first.

    The campaigns' spend adds up to the report's; their credit and what is unattributed add up to
    won revenue. Raises Forbidden, NoRun and TooManyRows.
    """
    totals = figures.totals(actor=actor, model=model, currency=currency, cut=cut)
    credited = figures.by(
        actor=actor,
        model=model,
        dimension=figures.Dimension.CAMPAIGN,
        currency=currency,
        cut=cut,
    )
    spent = spend.by(actor=actor, dimension=spend.Dimension.CAMPAIGN, currency=currency, cut=cut)
    allowed = budgets.original_by_campaign(actor=actor, currency=currency, cut=cut)
    total_spend = spend.total(actor=actor, currency=currency, cut=cut)
    campaigns = _merge(credited, spent, allowed, money.Money.zero(currency))
    costed_credit = money.total((row.credit for row in campaigns if row.has_cost), currency)
    return Report(
        totals=totals,
        budget=budgets.original_total(actor=actor, currency=currency, cut=cut),
        spend=total_spend,
        costed_credit=costed_credit,
        roi=returns.roi_attributed_net(revenue=costed_credit, cost=total_spend),
        campaigns=campaigns,
    )


def _merge(
    credited: tuple[figures.CreditRow, ...],
    spent: tuple[spend.SpendRow, ...],
    allowed: dict[UUID, money.Money],
    nothing: money.Money,
) -> tuple[CampaignReturn, ...]:
    earned = {(row.key, row.label): row for row in credited if not row.is_unattributed}
    cost = {(row.key, row.label): row.amount for row in spent}
    rows = [
        _campaign(
            *campaign,
            credited=earned.get(campaign),
            cost=cost.get(campaign, nothing),
            budget=allowed.get(campaign[0]) if campaign[0] else None,
        )
        for campaign in earned | cost
    ]
    return tuple(sorted(rows, key=lambda row: (-row.credit.amount_minor, row.name)))


def _campaign(
    key: UUID | None,
    name: str,
    *,
    credited: figures.CreditRow | None,
    cost: money.Money,
    budget: money.Money | None,
) -> CampaignReturn:
    credit = credited.credit if credited else money.Money.zero(cost.currency)
    is_elsewhere = key is None and name == figures.ELSEWHERE
    return CampaignReturn(
        campaign_id=key,
        name=name,
        budget=budget,
        spend=cost,
        credit=credit,
        touch_count=credited.touch_count if credited else 0,
        is_cost_shown=not is_elsewhere,
        roi=(
            returns.roi_of_cost_not_shown(revenue=credit)
            if is_elsewhere
            else returns.roi_attributed_net(revenue=credit, cost=cost)
        ),
    )

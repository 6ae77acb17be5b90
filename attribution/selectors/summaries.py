"""The main result on one sheet: what gifts cost, what they earned, what nobody may claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from attribution.selectors import credits as figures
from attribution.selectors import roi
from gifting.domain import access, money
from gifting.selectors import spend

MOST_CAMPAIGNS: Final = 50


@dataclass(frozen=True, slots=True)
class Summary:
    """The main result in one currency; no report means that no run is published yet.

    It is partial for whoever sees the spend of some cost centers only.

    Campaigns that cost something stand apart from those that cost nothing: dividing the revenue
    of both by the cost of the first would flatter the gifts.
    """

    report: roi.Report | None
    costly: tuple[roi.CampaignReturn, ...]
    free: tuple[roi.CampaignReturn, ...]
    left_out_count: int
    spend: money.Money
    other_currencies: tuple[str, ...]
    is_partial: bool
    basis: str
    model: str


def get(*, actor: access.Actor, model: str, currency: str) -> Summary:
    """Return the main result over all time, as far as the actor may read; raises Forbidden."""
    cut = spend.Cut()
    report = _report(actor, model, currency, cut)
    campaigns = report.campaigns if report else ()
    costly = tuple(row for row in campaigns if row.has_cost)
    free = tuple(row for row in campaigns if not row.has_cost)
    currencies = spend.currencies(actor=actor, cut=cut)
    return Summary(
        report=report,
        costly=costly[:MOST_CAMPAIGNS],
        free=free[:MOST_CAMPAIGNS],
        left_out_count=len(costly[MOST_CAMPAIGNS:]) + len(free[MOST_CAMPAIGNS:]),
        spend=spend.total(actor=actor, currency=currency, cut=cut),
        other_currencies=tuple(code for code in currencies if code != currency),
        is_partial=actor.cost_center_ids is not None,
        basis=roi.BASIS,
        model=model,
    )


def _report(actor: access.Actor, model: str, currency: str, cut: spend.Cut) -> roi.Report | None:
    if not actor.may(access.Permission.READ_ATTRIBUTION):
        return None
    try:
        return roi.by_campaign(actor=actor, model=model, currency=currency, cut=cut)
    except figures.NoRun:
        return None

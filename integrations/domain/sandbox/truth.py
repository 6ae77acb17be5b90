"""What is true of a sandbox: the sums that the product's own figures must equal.

They are added up from the generator's arrays, never read back from the product.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from integrations.domain.sandbox import blocks, company, outcomes
from integrations.domain.sandbox.draws import Ints


class Truth:
    """Sums over the blocks seen so far."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._spend: dict[str, Counter[str]] = {
            cut: Counter() for cut in ("campaign", "vendor", "cost_center")
        }
        self._digest = hashlib.sha256()

    def add_block(self, block: blocks.Block) -> None:
        """Count a block of the company."""
        found = block.outcomes
        is_closed = found.status != outcomes.OPEN
        is_won = found.status == outcomes.WON
        is_caused = is_won & ~found.is_won_without_gifts
        is_spoiled = (found.status == outcomes.LOST) & found.is_won_without_gifts
        amount = block.deals.amount_minor
        is_closed_gifted = is_closed & found.is_gifted
        self._counts.update(
            accounts=len(block.accounts.tier),
            contacts=int(block.accounts.contact_count.sum()),
            opportunities=len(is_won),
            won=int(is_won.sum()),
            lost=int((is_closed & ~is_won).sum()),
            won_revenue_minor=int(amount[is_won].sum()),
            gifted_closed=int(is_closed_gifted.sum()),
            gifted_won=int((is_won & found.is_gifted).sum()),
            incremental_wins=int(is_caused.sum()) - int(is_spoiled.sum()),
            incremental_revenue_minor=int(amount[is_caused].sum() - amount[is_spoiled].sum()),
            days_saved=int(found.days_saved[is_closed_gifted].sum()),
            stage_changes=len(block.histories.stages.deal),
            amount_changes=len(block.histories.amounts.deal),
            owner_changes=len(block.histories.owners.deal),
        )
        self._digest.update(_bytes(block.accounts, block.deals, found, block.histories))
        self.add_laid(block.laid)

    def add_laid(self, laid: blocks.Laid) -> None:
        """Count gifts and touches."""
        lines, chosen = laid.lines, laid.chosen
        self._counts.update(
            gifts=len(chosen.deal),
            gift_events=len(laid.events.gift),
            cost_lines=len(lines.gift),
            digital_touches=len(laid.touches.deal),
            spend_minor=int(lines.change_minor.sum()),
        )
        for cut, places, names in (
            ("campaign", chosen.campaign, [row.code for row in company.CAMPAIGNS]),
            ("vendor", chosen.vendor, [row.code for row in company.VENDORS]),
            ("cost_center", chosen.cost_center, [row.code for row in company.COST_CENTERS]),
        ):
            self._spend[cut].update(_sums(places[lines.gift], lines.change_minor, names))
        self._digest.update(_bytes(chosen, laid.events, lines, laid.touches))

    def spend_by_campaign(self) -> dict[str, int]:
        """Give the spend of each campaign in minor units."""
        return dict(self._spend["campaign"])

    def as_json(self) -> dict[str, Any]:
        """Give the truth as it is kept and printed."""
        return {
            **self._counts,
            **{f"spend_by_{cut}_minor": dict(sums) for cut, sums in self._spend.items()},
            "fingerprint": self._digest.hexdigest(),
        }


def _sums(places: Ints, amounts: Ints, names: Sequence[str]) -> dict[str, int]:
    """Add amounts by place; integers throughout, since a float loses cents."""
    sums = np.zeros(len(names), dtype=np.int64)
    np.add.at(sums, places, amounts)
    return {
        name: int(total)
        for name, total, count in zip(
            names, sums, np.bincount(places, minlength=len(names)), strict=True
        )
        if count
    }


def _bytes(*values: Any) -> bytes:
    return b"".join(_array_bytes(values))


def _array_bytes(values: Iterable[Any]) -> Iterable[bytes]:
    for value in values:
        if is_dataclass(value):
            yield from _array_bytes(getattr(value, field.name) for field in fields(value))
        elif isinstance(value, np.ndarray):
            # Uniform draws are exact everywhere; what is derived from them by log and exp is not
            # kept as a float anywhere.
            yield np.ascontiguousarray(value).tobytes()

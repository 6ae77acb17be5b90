"""Which account a spend goes to: the mapping that fits it most closely on its day.

The order of closeness: the nearest cost center, then the class of recipient, then the component; of
equals the later day, then the later record. A gift to a paying customer may be a reduction of
revenue and one to a prospect is marketing (ASC 606-10-32-25), so the two have mappings of their
own. What no mapping fits has no account: nothing is guessed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gifting.domain import ledger, refusals

LABEL_LENGTH: Final = 100
NO_TAX: Final = "Tax Exempt"
# A spend is coded twice in its life: while it is accrued and when it is invoiced.
BUCKETS: Final = (ledger.Bucket.ACCRUED, ledger.Bucket.ACTUAL)


class MappingMissing(refusals.Conflict):
    code = "GL_MAPPING_MISSING"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping's conditions; None and the empty text fit everything."""

    id: int
    cost_center_id: int | None
    component: str
    recipient_class: str
    bucket: ledger.Bucket
    valid_from: dt.date


@dataclass(frozen=True, slots=True)
class Spend:
    """What is known of a spend: its cost center and those above, the nearest first."""

    cost_center_ids: Sequence[int]
    component: str
    recipient_class: str
    bucket: ledger.Bucket
    day: dt.date


def closest(mappings: Iterable[Mapping], spend: Spend) -> Mapping | None:
    """Return the mapping that fits the spend most closely, or None when none fits."""
    fitting = [mapping for mapping in mappings if _fits(mapping, spend)]
    return max(fitting, key=lambda mapping: _closeness(mapping, spend), default=None)


def _fits(mapping: Mapping, spend: Spend) -> bool:
    return (
        mapping.bucket is spend.bucket
        and mapping.valid_from <= spend.day
        and mapping.component in {"", spend.component}
        and mapping.recipient_class in {"", spend.recipient_class}
        and (mapping.cost_center_id is None or mapping.cost_center_id in spend.cost_center_ids)
    )


def _closeness(mapping: Mapping, spend: Spend) -> tuple[int, bool, bool, dt.date, int]:
    center = (
        -len(spend.cost_center_ids)
        if mapping.cost_center_id is None
        else -list(spend.cost_center_ids).index(mapping.cost_center_id)
    )
    return (
        center,
        mapping.recipient_class != "",
        mapping.component != "",
        mapping.valid_from,
        mapping.id,
    )

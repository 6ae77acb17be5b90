"""What a sandbox can be asked for, and how far apart its limits lie."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any, Final, Self

from gifting.domain import refusals

LEAST_OPPORTUNITIES: Final = 1
MOST_OPPORTUNITIES: Final = 1_000_000
MOST_EFFECT: Final = 3.0
MOST_CYCLE_EFFECT: Final = 0.9
LARGEST_SEED: Final = 2**32 - 1
HISTORY_DAYS: Final = 730
BLOCK_SIZE: Final = 20_000

EPOCH: Final = dt.date(1970, 1, 1)
DEFAULT_UNTIL: Final = dt.date(2026, 10, 31)
FIRST_UNTIL: Final = dt.date(2000, 1, 1)
LAST_UNTIL: Final = dt.date(2100, 1, 1)


class SandboxUnusable(refusals.Invalid):
    code = "SANDBOX_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Parameters:
    """State which truth is planted and which biases hide it; raises SandboxUnusable.

    `effect` is what the first gift adds to the log odds of winning, `cycle_effect` the share of the
    remaining days that it saves. `selection_bias` sends gifts to better accounts first;
    `long_deal_bias` lets them arrive at a constant daily rate while a deal is open, so that long
    deals get more of them. No fact lies after the day `until`.
    """

    seed: int = 7
    opportunities: int = 500
    effect: float = 0.4
    cycle_effect: float = 0.0
    selection_bias: bool = True
    long_deal_bias: bool = True
    until: dt.date = DEFAULT_UNTIL

    def __post_init__(self) -> None:
        _require("seed", self.seed, 0, LARGEST_SEED)
        _require("opportunities", self.opportunities, LEAST_OPPORTUNITIES, MOST_OPPORTUNITIES)
        _require("effect", self.effect, -MOST_EFFECT, MOST_EFFECT)
        _require("cycle_effect", self.cycle_effect, 0, MOST_CYCLE_EFFECT)
        _require("until", self.until, FIRST_UNTIL, LAST_UNTIL)

    @property
    def block_count(self) -> int:
        """How many blocks the company is made in."""
        return -(-self.opportunities // BLOCK_SIZE)

    @property
    def first_day(self) -> int:
        """The first day on which a deal may open, counted from 1970-01-01."""
        return self.last_day - HISTORY_DAYS + 1

    @property
    def last_day(self) -> int:
        """The last day on which anything is known, counted from 1970-01-01."""
        return (self.until - EPOCH).days

    @property
    def starts_on(self) -> dt.date:
        """The first day on which a deal may open."""
        return EPOCH + dt.timedelta(days=self.first_day)

    def as_json(self) -> dict[str, Any]:
        """Give the parameters as they are kept beside the truth."""
        return {**dataclasses.asdict(self), "until": self.until.isoformat()}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        return cls(**{**kept, "until": dt.date.fromisoformat(kept["until"])})


def _require(name: str, value: Any, least: Any, most: Any) -> None:
    if not least <= value <= most:
        raise SandboxUnusable(
            f"The sandbox's {name.replace('_', ' ')} is {value}. Give {least:,} to {most:,}."
            if isinstance(value, int | float)
            else f"The sandbox's {name} is {value}. Give a day from {least} to {most}.",
            field=name,
        )

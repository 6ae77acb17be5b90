"""Data-driven models on files: shares from won against lost deals, and what they divide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from attribution.domain import grouping, journey, markov, shapley
from attribution.domain.files import deals, faults, linking, results, touches
from gifting.domain import money, refusals

MARKOV, SHAPLEY = "markov", "shapley"
NAMES: Final = (MARKOV, SHAPLEY)
_SCALE: Final = 1 << 62


class BasisUnusable(refusals.Invalid):
    code = "BASIS_UNUSABLE"


class NegativeAmount(refusals.Invalid):
    code = "NEGATIVE_AMOUNT"


# What the data, not the question, may not allow.
REFUSALS: Final = (BasisUnusable, NegativeAmount, markov.TooManyStates, shapley.TooManyChannels)


@dataclass(frozen=True, slots=True)
class Shares:
    """Hold the share of each group, and the groups whose value is negative."""

    exact: tuple[Fraction, ...]
    negative: tuple[str, ...]


def require(known: deals.Deals, basis: str) -> None:
    """Refuse what the models say nothing about; raises BasisUnusable and NegativeAmount."""
    if basis != deals.STATUSES[deals.WON]:
        raise BasisUnusable(
            "markov and shapley compare won deals with lost ones. Leave them out, or take "
            "--basis won.",
            field="basis",
        )
    is_negative = (known.status == deals.WON) & (known.columns.amount_minor < 0)
    if is_negative.any():
        fault = faults.Fault(
            int(known.row[is_negative].min()),
            "amount",
            "is negative, and markov and shapley divide only what was won. Leave the deal or "
            "these models out.",
        )
        raise NegativeAmount(known.place.fault(fault).message, field="amount")


def solve(
    name: str, closed: linking.Linked, status: NDArray[np.int64], groups: touches.Groups, order: int
) -> Shares:
    """Find the shares of groups among closed deals.

    Raises OrderUnusable, TooManyStates and TooManyChannels.
    """
    journeys = closed.timelines.journeys()
    present, place = np.unique(groups.number[closed.touch[journeys.touch]], return_inverse=True)
    is_won = status[closed.deal] == deals.WON
    negative: tuple[str, ...] = ()
    if name == MARKOV:
        found = markov.shares(
            place, journeys.offsets, is_won, channel_count=len(present), order=order
        )
    else:
        values = shapley.values(place, journeys.offsets, is_won, channel_count=len(present))
        found = values.share
        negative = tuple(groups.names[number] for number in present[values.is_negative].tolist())
    shares = np.zeros(len(groups.names))
    shares[present] = found
    return Shares(tuple(Fraction(share) for share in shares.tolist()), negative)


def rows(
    name: str,
    won: linking.Linked,
    known: deals.Deals,
    groups: touches.Groups,
    shares: Shares,
) -> list[results.Row]:
    """Divide what touched deals brought, in each currency, by the shares."""
    found: list[tuple[int, results.Row]] = []
    currency = known.currency[won.deal]
    for number in np.unique(currency).tolist():
        code = known.currency_codes[number]
        is_own = currency == number
        parts = _divided(won.opportunities, is_own & won.is_touched, shares.exact)
        cells = [
            (place, groups.names[place], share, part)
            for place, (share, part) in enumerate(zip(shares.exact, parts, strict=True))
            if share
        ]
        rest = total(won.opportunities, is_own & ~won.is_touched)
        cells.append((len(parts), touches.UNATTRIBUTED, Fraction(0), rest))
        found += [
            (place, results.Row((name, group), weight, part, money.exponent(code), code))
            for place, group, weight, part in cells
        ]
    return [row for _, row in sorted(found, key=lambda each: each[0])]


def _divided(
    own: journey.Opportunities, is_own: NDArray[np.bool_], shares: Sequence[Fraction]
) -> list[int | None]:
    """Split the total of some deals by shares, to the last unit."""
    whole = total(own, is_own)
    if whole is None or not any(shares):
        return [whole if whole is None else 0] * len(shares)
    return [*money.split_minor(whole, [round(share * _SCALE) for share in shares])]


def total(own: journey.Opportunities, is_own: NDArray[np.bool_]) -> int | None:
    """Sum the amounts of some deals; None when there are deals and no amount is given."""
    is_given = is_own & own.has_amount
    if is_own.any() and not is_given.any():
        return None
    return grouping.exact_total(own.amount_minor[is_given])

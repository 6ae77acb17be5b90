"""Which part of a gift the tax office takes as an expense, and on which part value added tax falls.

The rules kept here: every gift is split into what is within a rule and what is beyond it, and the
two add up to what the gift cost, to the minor unit. Two shapes:

    CAP    within = what is exempt, the costs beside the item, and items up to the limit
    CLIFF  a gift is within when no window that holds it passes the limit, else beyond as a whole

What "within" and "beyond" mean follows from the tax: deductible and not for INCOME; free of value
added tax and liable to it for VAT. Gifts in a window are taken in the order of their days.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gifting.domain import gift_rules, money


class Tax(StrEnum):
    INCOME = "INCOME"
    VAT = "VAT"


class Shape(StrEnum):
    CAP = "CAP"
    CLIFF = "CLIFF"


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of one tax rule.

    `exempt_item_minor` is up to which price an item is exempt that carries the giver's name and is
    given widely; `needs_advert` and `excluded_kinds` put a gift beyond the rule from the start.
    """

    code: str
    version: int
    tax: Tax
    shape: Shape
    limit: money.Money
    window: gift_rules.Window
    basis: gift_rules.Basis
    jurisdiction: str
    exempt_item_minor: int | None = None
    needs_advert: bool = False
    excluded_kinds: frozenset[gift_rules.GiftKind] = frozenset()
    valid_from: dt.date = dt.date.min
    valid_until: dt.date | None = None
    source: str = ""
    reviewer: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """A recipient's share of a gift, with what the tax office asks about it."""

    key: int
    given_on: dt.date
    cost: gift_rules.Cost
    kind: gift_rules.GiftKind = gift_rules.GiftKind.GOODS
    has_advert: bool = False
    is_widely_given: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """A sum of money in two parts."""

    within_minor: int = 0
    beyond_minor: int = 0

    @property
    def spent_minor(self) -> int:
        return self.within_minor + self.beyond_minor

    def __add__(self, other: Split) -> Split:
        return Split(self.within_minor + other.within_minor, self.beyond_minor + other.beyond_minor)


def split(
    rule: Rule,
    gifts: Sequence[Given],
    *,
    year_of: gift_rules.YearOf = gift_rules.calendar_year_of,
) -> Mapping[int, Split]:
    """Split each gift of one recipient, by its key.

    All gifts of the recipient in the windows around the ones of interest have to be there.
    """
    ordered = sorted(gifts, key=lambda gift: (gift.given_on, gift.key))
    if rule.shape is Shape.CAP:
        return _capped(rule, ordered, year_of)
    return _all_or_nothing(rule, ordered, year_of)


def _capped(rule: Rule, ordered: Sequence[Given], year_of: gift_rules.YearOf) -> dict[int, Split]:
    left: dict[gift_rules.Span, int] = {}
    parts = {}
    for gift in ordered:
        landed = gift.cost.landed
        counted = gift_rules.basis_of(gift.cost, rule.basis)
        if _is_ineligible(rule, gift):
            parts[gift.key] = Split(0, landed)
            continue
        if _is_exempt(rule, gift):
            parts[gift.key] = Split(landed, 0)
            continue
        span, _ = gift_rules.heaviest([], gift.given_on, rule.window, year_of)
        room = left.get(span, rule.limit.amount_minor)
        within = min(room, counted) if counted > 0 else counted
        left[span] = room - within
        parts[gift.key] = Split(landed - counted + within, counted - within)
    return parts


def _all_or_nothing(
    rule: Rule, ordered: Sequence[Given], year_of: gift_rules.YearOf
) -> dict[int, Split]:
    eligible = [
        gift for gift in ordered if not _is_ineligible(rule, gift) and not _is_exempt(rule, gift)
    ]
    amounts = [(gift.given_on, gift_rules.basis_of(gift.cost, rule.basis)) for gift in eligible]
    over = {
        day: gift_rules.heaviest(amounts, day, rule.window, year_of)[1] > rule.limit.amount_minor
        for day, _ in amounts
    }
    counted = {gift.key for gift in eligible}
    return {
        gift.key: Split(0, gift.cost.landed)
        if (over[gift.given_on] if gift.key in counted else _is_ineligible(rule, gift))
        else Split(gift.cost.landed, 0)
        for gift in ordered
    }


def _is_ineligible(rule: Rule, gift: Given) -> bool:
    return gift.kind in rule.excluded_kinds or (rule.needs_advert and not gift.has_advert)


def _is_exempt(rule: Rule, gift: Given) -> bool:
    return (
        rule.exempt_item_minor is not None
        and gift.has_advert
        and gift.is_widely_given
        and gift_rules.basis_of(gift.cost, rule.basis) <= rule.exempt_item_minor
    )

"""May this person receive this gift: dated limits, each over its own window and its own basis.

The rules kept here:
- A gift is judged with all gifts of the same recipient in every window that holds its day, those
  after it too: a gift that is recorded late may break a limit that a later one would have broken.
- A rolling limit holds over each stretch of 12 months that holds the day. A stretch that starts
  between two gifts holds no more than the one that starts at the next gift, so the stretches that
  start at gifts are all that need to be added up.
- Gifts of one day are one occasion: PER_GIFT adds them up, so that a split does not slip below.
- A rule in another currency than the gift compares converted amounts. Without a rate nothing is
  known, and a rule that would block or ask asks.

Amounts are minor units. A limit is the most that is allowed. What a basis adds up:

    ITEM     the item
    BRANDED  the item and what was put on it
    GROSS    BRANDED, packing, freight and tax
    LANDED   GROSS, duty and fees
"""

from __future__ import annotations

import bisect
import calendar
import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from gifting.domain import money, recipients

MONTHS_OF_YEAR: Final = 12


class Window(StrEnum):
    PER_GIFT = "PER_GIFT"
    CALENDAR_YEAR = "CALENDAR_YEAR"
    TAX_YEAR = "TAX_YEAR"
    BUSINESS_YEAR = "BUSINESS_YEAR"
    ROLLING_12M = "ROLLING_12M"


class Basis(StrEnum):
    ITEM = "ITEM"
    BRANDED = "BRANDED"
    GROSS = "GROSS"
    LANDED = "LANDED"


class Action(StrEnum):
    BLOCK = "BLOCK"
    APPROVE = "APPROVE"
    WARN = "WARN"
    REPORT = "REPORT"


class Side(StrEnum):
    """Whose country brings the rule: the giver's tax office, or the recipient's law."""

    GIVER = "GIVER"
    RECIPIENT = "RECIPIENT"


class GiftKind(StrEnum):
    GOODS = "GOODS"
    FOOD_OR_DRINK = "FOOD_OR_DRINK"
    TOBACCO = "TOBACCO"
    VOUCHER = "VOUCHER"
    CASH_EQUIVALENT = "CASH_EQUIVALENT"
    EXPERIENCE = "EXPERIENCE"
    PRIZE_OR_SERVICE = "PRIZE_OR_SERVICE"


class Outcome(StrEnum):
    WITHIN = "WITHIN"
    EXCEEDED = "EXCEEDED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a gift costs, in parts; recoverable tax is left out by whoever records it."""

    item: int = 0
    personalization: int = 0
    handling: int = 0
    shipping: int = 0
    tax: int = 0
    duty: int = 0
    fee: int = 0

    @property
    def landed(self) -> int:
        return basis_of(self, Basis.LANDED)


@dataclass(frozen=True, slots=True)
class Span:
    """Days from the first up to, and without, the last."""

    starts_on: dt.date
    ends_on: dt.date

    def holds(self, day: dt.date) -> bool:
        return self.starts_on <= day < self.ends_on


class Versioned(Protocol):
    """What is kept in versions of a code; a version ends where the next one begins."""

    @property
    def code(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def valid_from(self) -> dt.date: ...
    @property
    def valid_until(self) -> dt.date | None: ...


VersionedRule = TypeVar("VersionedRule", bound=Versioned)


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of one limit; no jurisdiction, class or kind means all of them."""

    code: str
    version: int
    limit: money.Money
    window: Window
    basis: Basis
    action: Action
    jurisdiction: str = ""
    side: Side = Side.RECIPIENT
    recipient_class: recipients.RecipientClass | None = None
    gift_kind: GiftKind | None = None
    is_cliff: bool = False
    valid_from: dt.date = dt.date.min
    valid_until: dt.date | None = None
    source: str = ""
    reviewer: str = ""
    public_id: UUID | None = None

    def applies_to(self, case: Case) -> bool:
        """Tell whether the rule is about a gift like this."""
        country = case.giver_country if self.side is Side.GIVER else case.country
        return (
            self.jurisdiction in {"", country}
            and self.recipient_class in {None, case.recipient_class}
            and self.counts(case.gift)
        )

    def counts(self, gift: Gift) -> bool:
        """Tell whether a gift of this kind is added up by the rule."""
        return self.gift_kind in {None, gift.kind}


@dataclass(frozen=True, slots=True)
class Gift:
    """A recipient's share of a gift, on the day it was given."""

    given_on: dt.date
    cost: Cost
    currency: str
    kind: GiftKind = GiftKind.GOODS


@dataclass(frozen=True, slots=True)
class Case:
    """The gift that is asked about, and for whom."""

    gift: Gift
    recipient_class: recipients.RecipientClass = recipients.RecipientClass.UNKNOWN
    country: str = ""
    giver_country: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one version of one rule says, over which days, and by which figures."""

    code: str
    version: int
    action: Action
    outcome: Outcome
    limit: money.Money
    total_minor: int | None
    span: Span
    reason: str
    rule_id: UUID | None = None
    override_id: UUID | None = None

    @property
    def demands(self) -> Action | None:
        """Return what has to happen now; None when the gift is within the limit, or let through."""
        if self.outcome is Outcome.WITHIN or self.override_id is not None:
            return None
        if self.outcome is Outcome.UNKNOWN:
            return Action.WARN if self.action in {Action.WARN, Action.REPORT} else Action.APPROVE
        return self.action

    def as_json(self) -> dict[str, Any]:
        """Give what the decision of a send keeps."""
        return {
            "rule": self.code,
            "version": self.version,
            "rule_id": self.rule_id and str(self.rule_id),
            "action": self.action.value,
            "outcome": self.outcome.value,
            "limit_minor": self.limit.amount_minor,
            "currency": self.limit.currency,
            "total_minor": self.total_minor,
            "starts_on": self.span.starts_on.isoformat(),
            "ends_on": self.span.ends_on.isoformat(),
            "override_id": self.override_id and str(self.override_id),
            "reason": self.reason,
        }


# The minor units of one currency in another as of a day, or None when no rate is known.
Converter = Callable[[money.Money, str, dt.date], money.Money | None]
# The fiscal year that holds a day.
YearOf = Callable[[dt.date], Span]

_PARTS: Final[Mapping[Basis, tuple[str, ...]]] = MappingProxyType(
    {
        Basis.ITEM: ("item",),
        Basis.BRANDED: ("item", "personalization"),
        Basis.GROSS: ("item", "personalization", "handling", "shipping", "tax"),
        Basis.LANDED: (
            "item",
            "personalization",
            "handling",
            "shipping",
            "tax",
            "duty",
            "fee",
        ),
    }
)


def basis_of(cost: Cost, basis: Basis) -> int:
    """Add up the parts of a cost that a basis counts."""
    return sum(getattr(cost, part) for part in _PARTS[basis])


def in_force(rules: Iterable[VersionedRule], day: dt.date) -> tuple[VersionedRule, ...]:
    """Return, of each code, the newest version that has begun by a day, if it still holds then."""
    begun: dict[str, VersionedRule] = {}
    for rule in sorted(rules, key=lambda rule: rule.version):
        if rule.valid_from <= day:
            begun[rule.code] = rule
    return tuple(
        rule
        for _, rule in sorted(begun.items())
        if rule.valid_until is None or day < rule.valid_until
    )


def one_rate_known(amount: money.Money, currency: str, _on: dt.date) -> money.Money | None:
    """Convert nothing: only amounts that are in the currency already are known."""
    return amount if amount.currency == currency else None


def calendar_year_of(day: dt.date) -> Span:
    """Return the calendar year of a day."""
    return Span(dt.date(day.year, 1, 1), dt.date(day.year + 1, 1, 1))


def year_later(day: dt.date) -> dt.date:
    """Return the first day after the 12 months that start on a day."""
    is_leap_day = (day.month, day.day) == (2, 29)
    if is_leap_day and not calendar.isleap(day.year + 1):
        return dt.date(day.year + 1, 3, 1)
    return day.replace(year=day.year + 1)


def judge(
    rules: Iterable[Rule],
    case: Case,
    past: Sequence[Gift],
    *,
    year_of: YearOf = calendar_year_of,
    convert: Converter = one_rate_known,
) -> tuple[Verdict, ...]:
    """Return what each rule that applies says of one more gift to a recipient.

    `past` are all other gifts of the same recipient, in any order, those after the day too.
    """
    return tuple(
        _verdict(rule, case.gift, past, year_of, convert)
        for rule in in_force(rules, case.gift.given_on)
        if rule.applies_to(case)
    )


def heaviest(
    amounts: Sequence[tuple[dt.date, int]], day: dt.date, window: Window, year_of: YearOf
) -> tuple[Span, int]:
    """Return the window around a day that holds the most, and how much it holds."""
    if window is Window.ROLLING_12M:
        return _heaviest_rolling(amounts, day)
    span = _fixed(window, day, year_of)
    return span, sum(amount for given_on, amount in amounts if span.holds(given_on))


def _verdict(
    rule: Rule, gift: Gift, past: Sequence[Gift], year_of: YearOf, convert: Converter
) -> Verdict:
    counted = [gift, *(each for each in past if rule.counts(each))]
    amounts = [(each.given_on, _in_currency_of(rule, each, convert)) for each in counted]
    known = [(day, amount) for day, amount in amounts if amount is not None]
    span, total_minor = heaviest(known, gift.given_on, rule.window, year_of)
    is_exceeded = total_minor > rule.limit.amount_minor
    is_unknown = not is_exceeded and any(
        amount is None and _may_share(rule.window, span, gift.given_on, day)
        for day, amount in amounts
    )
    outcome = Outcome.EXCEEDED if is_exceeded else Outcome.UNKNOWN if is_unknown else Outcome.WITHIN
    return Verdict(
        code=rule.code,
        version=rule.version,
        action=rule.action,
        outcome=outcome,
        limit=rule.limit,
        total_minor=None if is_unknown else total_minor,
        span=span,
        reason=_reason(rule, outcome, total_minor, span),
        rule_id=rule.public_id,
    )


def _in_currency_of(rule: Rule, gift: Gift, convert: Converter) -> int | None:
    amount = money.Money(basis_of(gift.cost, rule.basis), gift.currency)
    if not rule.limit.amount_minor:
        # Nothing is nothing in every currency.
        return amount.amount_minor
    converted = convert(amount, rule.limit.currency, gift.given_on)
    return None if converted is None else converted.amount_minor


def _may_share(window: Window, span: Span, day: dt.date, other: dt.date) -> bool:
    """Tell whether another day may lie in one window with this one."""
    if window is not Window.ROLLING_12M:
        return span.holds(other)
    return max(day, other) < year_later(min(day, other))


def _fixed(window: Window, day: dt.date, year_of: YearOf) -> Span:
    if window is Window.PER_GIFT:
        return Span(day, day + dt.timedelta(days=1))
    if window is Window.CALENDAR_YEAR:
        return calendar_year_of(day)
    return year_of(day)


def _heaviest_rolling(amounts: Sequence[tuple[dt.date, int]], day: dt.date) -> tuple[Span, int]:
    ordered = sorted(amounts)
    days = [given_on for given_on, _ in ordered]
    sums = [0, *accumulate(amount for _, amount in ordered)]
    starts = {given_on for given_on in days if given_on <= day < year_later(given_on)} | {day}
    spans = [Span(start, year_later(start)) for start in sorted(starts)]
    totals = [
        sums[bisect.bisect_left(days, span.ends_on)]
        - sums[bisect.bisect_left(days, span.starts_on)]
        for span in spans
    ]
    heaviest_total = max(totals)
    return spans[totals.index(heaviest_total)], heaviest_total


def _reason(rule: Rule, outcome: Outcome, total_minor: int, span: Span) -> str:
    last_day = span.ends_on - dt.timedelta(days=1)
    days = f"from {span.starts_on} to {last_day}"
    if outcome is Outcome.UNKNOWN:
        return f"{rule.code}: no rate to {rule.limit.currency} for a gift {days}"
    total = money.Money(total_minor, rule.limit.currency)
    compared = "more than" if outcome is Outcome.EXCEEDED else "within"
    return f"{rule.code}: {total} {days}, {compared} {rule.limit} ({rule.basis})"

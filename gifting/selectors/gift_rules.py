"""Rules about gifts for readers, and what recipients were given under them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from gifting import models
from gifting.domain import access, gift_rules, money, recipients, tax
from gifting.selectors import fiscal, records
from gifting.selectors.records import lookup

READERS = (
    access.Permission.READ_SPEND,
    access.Permission.READ_BUDGETS,
    access.Permission.APPROVE,
)
PARTS = ("item", "personalization", "handling", "shipping", "tax", "duty", "fee")


class RuleRecord(NamedTuple):
    """A version of a limit on gifts."""

    id: int
    public_id: UUID
    code: str
    version: int
    jurisdiction: str
    side: str
    recipient_class: str
    gift_kind: str
    window: str
    basis: str
    limit_minor: int
    currency: str
    is_cliff: bool
    action: str
    valid_from: dt.date
    valid_until: dt.date | None
    source: str
    reviewer: str
    is_shipped: bool


@dataclass(frozen=True, slots=True)
class RuleWhere(records.Where):
    """Conditions on gift rules."""

    codes: Collection[str] | None = lookup("code__in")
    jurisdictions: Collection[str] | None = lookup("jurisdiction__in")
    actions: Collection[str] | None = lookup("action__in")


RULES = records.Source(model=models.GiftRule, record=RuleRecord, permissions=READERS)


class Person(NamedTuple):
    """What rules ask about a recipient."""

    id: int
    recipient_class: recipients.RecipientClass
    country: str


def all_rules() -> tuple[gift_rules.Rule, ...]:
    """Return every version of every limit of the organization."""
    return tuple(_rule(row) for row in models.GiftRule.objects.order_by("code", "version"))


def all_tax_rules() -> tuple[tax.Rule, ...]:
    """Return every version of every tax rule of the organization."""
    return tuple(_tax_rule(row) for row in models.TaxRule.objects.order_by("code", "version"))


def people(recipient_ids: Iterable[int]) -> Mapping[int, Person]:
    """Return what rules ask about these recipients."""
    rows = models.Recipient.objects.filter(id__in=list(recipient_ids))
    return {
        key: Person(key, recipients.RecipientClass(recipient_class), country)
        for key, recipient_class, country in rows.values_list("id", "recipient_class", "country")
    }


def counted_as(recipient_ids: Iterable[int]) -> Mapping[int, int]:
    """Return whom each of these recipients counts as: another, or itself."""
    wanted = list(recipient_ids)
    links = models.RecipientLink.objects.filter(recipient_id__in=wanted, ended_at=None)
    found = dict(links.values_list("recipient_id", "counts_as_id"))
    return {key: found.get(key, key) for key in wanted}


def everyone_counted_as(recipient_id: int) -> frozenset[int]:
    """Return the recipient and all who count as it."""
    links = models.RecipientLink.objects.filter(counts_as_id=recipient_id, ended_at=None)
    return frozenset({recipient_id, *links.values_list("recipient_id", flat=True)})


def gifts_of(
    recipient_ids: Collection[int], *, without: UUID | None = None
) -> tuple[gift_rules.Gift, ...]:
    """Return what these recipients were given and nobody took back, all of it together."""
    rows = models.RecipientGift.objects.filter(
        recipient_id__in=recipient_ids, reverses=None
    ).exclude(
        id__in=models.RecipientGift.objects.filter(
            recipient_id__in=recipient_ids, reverses__isnull=False
        ).values("reverses_id")
    )
    if without is not None:
        rows = rows.exclude(subject_id=without)
    return tuple(
        gift_rules.Gift(
            given_on=row.given_on,
            cost=cost_of(row),
            currency=row.currency,
            kind=gift_rules.GiftKind(row.kind),
        )
        for row in rows.order_by("id")
    )


def cost_of(row: models.RecipientGift) -> gift_rules.Cost:
    """Return the parts that a gift's row holds."""
    return gift_rules.Cost(**{part: getattr(row, f"{part}_minor") for part in PARTS})


def year_of() -> gift_rules.YearOf:
    """Return what finds the fiscal year of a day, each looked up once."""

    @cache
    def found(day: dt.date) -> gift_rules.Span:
        for span in spans:
            if span.holds(day):
                return span
        span = gift_rules.Span(*fiscal.year_of(day))
        spans.append(span)
        return span

    spans: list[gift_rules.Span] = []
    return found


def giver_country() -> str:
    """Return the country whose tax office the organization answers to; empty when not told."""
    return str(models.Organization.objects.values_list("country", flat=True).get())


def _rule(row: models.GiftRule) -> gift_rules.Rule:
    return gift_rules.Rule(
        **_common(row),
        side=gift_rules.Side(row.side),
        action=gift_rules.Action(row.action),
        recipient_class=(
            recipients.RecipientClass(row.recipient_class) if row.recipient_class else None
        ),
        gift_kind=gift_rules.GiftKind(row.gift_kind) if row.gift_kind else None,
        is_cliff=row.is_cliff,
        public_id=row.public_id,
    )


def _tax_rule(row: models.TaxRule) -> tax.Rule:
    return tax.Rule(
        **_common(row),
        tax=tax.Tax(row.tax),
        shape=tax.Shape(row.shape),
        exempt_item_minor=row.exempt_item_minor,
        needs_advert=row.needs_advert,
        excluded_kinds=frozenset(map(gift_rules.GiftKind, row.excluded_kinds)),
    )


def _common(row: models.GiftRule | models.TaxRule) -> dict[str, Any]:
    return {
        "code": row.code,
        "version": row.version,
        "limit": money.Money(row.limit_minor, row.currency),
        "window": gift_rules.Window(row.window),
        "basis": gift_rules.Basis(row.basis),
        "jurisdiction": row.jurisdiction,
        "valid_from": row.valid_from,
        "valid_until": row.valid_until,
        "source": row.source,
        "reviewer": row.reviewer,
    }

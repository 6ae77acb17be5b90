"""Split what recipients were given by a tax rule, and add it up to the spend, to the minor unit.

The rules kept here: the rows are the cost lines of the fiscal year in the rule's currency, so that
within + beyond + unjudged is what `spend` says of the year. A gift is judged by its whole cost on
the day it was given, with all gifts of the same person in the windows around; what of it was posted
in the year is divided in the same proportion. Costs of a send without a recipient are unjudged.
Refunds take from the item first. Finance sees a pseudonym, which is the same in every report.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Max, Min

from gifting import models
from gifting.domain import access, fiscal, gift_rules, money, refusals, tax
from gifting.domain.journals import cells
from gifting.selectors import gift_rules as records

# Gifts of so many days around the fiscal year may lie in a window with one of its own.
NOBODY: Final = "nobody"
LONGEST_CELL: Final = 1000
AROUND: Final = dt.timedelta(days=366)
_PART_OF: Final[Mapping[str, str]] = {
    "ITEM": "item",
    "PERSONALIZATION": "personalization",
    "HANDLING": "handling",
    "PACKAGING": "handling",
    "SHIPPING": "shipping",
    "TAX": "tax",
    "DUTY": "duty",
    "FEE": "fee",
}


class UnknownTaxRule(refusals.NotFound):
    code = "UNKNOWN_TAX_RULE"


class UnknownFiscalYear(refusals.NotFound):
    code = "UNKNOWN_FISCAL_YEAR"


@dataclass(frozen=True, slots=True)
class RecipientSplit:
    """What one person was given in a fiscal year, all that count as one together.

    Without a recipient it is what nobody is known for. The name is personal data.
    """

    recipient_id: UUID | None
    name: str | None
    gift_count: int
    within_minor: int
    beyond_minor: int
    unjudged_minor: int

    @property
    def spent_minor(self) -> int:
        return self.within_minor + self.beyond_minor + self.unjudged_minor


class ShownSplit(NamedTuple):
    """A person's split as amounts of money, and where it stands among the others."""

    cursor: str
    recipient_id: UUID | None
    name: str | None
    gift_count: int
    within: money.Money
    beyond: money.Money
    unjudged: money.Money
    spent: money.Money


@dataclass(frozen=True, slots=True)
class Report:
    """A tax rule applied to a fiscal year."""

    rules: tuple[tax.Rule, ...]
    fiscal_year: int
    currency: str
    starts_on: dt.date
    ends_on: dt.date
    rows: tuple[RecipientSplit, ...]
    other_currencies: tuple[str, ...]

    @property
    def within(self) -> money.Money:
        return money.Money(sum(row.within_minor for row in self.rows), self.currency)

    @property
    def beyond(self) -> money.Money:
        return money.Money(sum(row.beyond_minor for row in self.rows), self.currency)

    @property
    def unjudged(self) -> money.Money:
        return money.Money(sum(row.unjudged_minor for row in self.rows), self.currency)

    @property
    def shown_rows(self) -> tuple[ShownSplit, ...]:
        """Return the rows as amounts of money."""
        return tuple(
            ShownSplit(
                cursor=str(row.recipient_id or NOBODY),
                recipient_id=row.recipient_id,
                name=row.name,
                gift_count=row.gift_count,
                within=money.Money(row.within_minor, self.currency),
                beyond=money.Money(row.beyond_minor, self.currency),
                unjudged=money.Money(row.unjudged_minor, self.currency),
                spent=money.Money(row.spent_minor, self.currency),
            )
            for row in self.rows
        )

    @property
    def spent(self) -> money.Money:
        return self.within + self.beyond + self.unjudged


def split(*, actor: access.Actor, rule_code: str, fiscal_year: int) -> Report:
    """Apply a tax rule to a fiscal year, each gift by the version in force on its day.

    Senders see the gifts of their own cost centers, judged with all others. Raises Forbidden,
    UnknownTaxRule and UnknownFiscalYear.
    """
    actor.require(access.Permission.READ_SPEND)
    rules = tuple(rule for rule in records.all_tax_rules() if rule.code == rule_code)
    if not rules:
        raise UnknownTaxRule(
            f"There is no tax rule {rule_code[:64]!r}. Look at the rules for its code.",
            field="rule_code",
        )
    currency = rules[0].limit.currency
    span = _span(fiscal_year)
    sends = _sends(currency, fiscal_year, span)
    shares = _shares(actor, sends)
    return Report(
        rules=rules,
        fiscal_year=fiscal_year,
        currency=currency,
        starts_on=span.starts_on,
        ends_on=span.ends_on,
        rows=_rows(actor, _judged(rules, shares, records.year_of())),
        other_currencies=_other_currencies(actor, fiscal_year, currency),
    )


@dataclass(slots=True)
class _Send:
    """A send with all its costs, and what of them was posted in the year."""

    key: int
    recipient: int | None
    sent_on: dt.date
    cost_center: int
    parts: dict[str, int]
    of_year: int = 0


@dataclass(frozen=True, slots=True)
class _Share:
    """One recipient's share of a send."""

    key: int
    person: int | None
    gift: tax.Given
    of_year_minor: int
    is_visible: bool


def _span(fiscal_year: int) -> gift_rules.Span:
    bounds = models.FiscalPeriod.objects.filter(
        calendar__is_default=True, fiscal_year=fiscal_year
    ).aggregate(starts_on=Min("starts_on"), ends_on=Max("ends_on"))
    if bounds["starts_on"] is None:
        raise UnknownFiscalYear(
            f"The books have no fiscal year {fiscal_year}. Look at the fiscal periods.",
            field="fiscal_year",
        )
    return gift_rules.Span(**bounds)


def _sends(currency: str, fiscal_year: int, span: gift_rules.Span) -> dict[int, _Send]:
    """Read the sends with costs in the year or around it, each with all its costs."""
    zone = models.Organization.objects.values_list("time_zone", flat=True).get()
    found: dict[int, _Send] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _COSTS,
            {
                "currency": currency,
                "fiscal_year": fiscal_year,
                "from": span.starts_on - AROUND,
                "until": span.ends_on + AROUND,
            },
        )
        for key, recipient, sent_at, center, component, amount, of_year, first_on in cursor:
            send = found.get(key)
            if send is None:
                day = first_on if sent_at is None else fiscal.period_date(sent_at, zone)
                send = found[key] = _Send(key, recipient, day, center, defaultdict(int))
            send.parts[component] += int(amount)
            send.of_year += int(of_year)
            if sent_at is None:
                send.sent_on = min(send.sent_on, first_on)
    return found


_COSTS: Final = """
    WITH chosen AS (
        SELECT DISTINCT line.send_id FROM gifting_costline AS line
        JOIN gifting_fiscalperiod AS period ON period.id = line.fiscal_period_id
        WHERE line.organization_id = current_organization() AND line.currency = %(currency)s
            AND (period.fiscal_year = %(fiscal_year)s
                OR line.occurred_on >= %(from)s AND line.occurred_on < %(until)s)
    )
    SELECT send.id, send.recipient_id, send.sent_at, send.cost_center_id, line.component,
        sum(line.change_minor),
        coalesce(sum(line.change_minor) FILTER (WHERE period.fiscal_year = %(fiscal_year)s), 0),
        min(line.occurred_on)
    FROM chosen
    JOIN gifting_send AS send
        ON send.organization_id = current_organization() AND send.id = chosen.send_id
    JOIN gifting_costline AS line
        ON line.organization_id = current_organization() AND line.send_id = chosen.send_id
        AND line.currency = %(currency)s
    JOIN gifting_fiscalperiod AS period ON period.id = line.fiscal_period_id
    GROUP BY send.id, send.recipient_id, send.sent_at, send.cost_center_id, line.component
    ORDER BY send.id
"""


def _shares(actor: access.Actor, sends: Mapping[int, _Send]) -> list[_Share]:
    """Divide each send among those it was recorded for, or give it to its one recipient."""
    recorded: dict[int, list[models.RecipientGift]] = defaultdict(list)
    rows = models.RecipientGift.objects.filter(send_id__among=list(sends)).order_by("id")
    taken = set(rows.exclude(reverses=None).values_list("reverses_id", flat=True))
    for row in rows.filter(reverses=None):
        if row.send_id is not None and row.pk not in taken:
            recorded[row.send_id].append(row)
    links = models.RecipientLink.objects.filter(ended_at=None)
    roots = dict(links.values_list("recipient_id", "counts_as_id"))
    shares: list[_Share] = []
    for send in sends.values():
        is_visible = actor.sees_cost_center(send.cost_center)
        gifts = recorded.get(send.key)
        made = _divided(send, gifts) if gifts else [(send.recipient, _given(send), send.of_year)]
        for recipient, gift, of_year in made:
            person = None if recipient is None else roots.get(recipient, recipient)
            shares.append(
                _Share(len(shares), person, replace(gift, key=len(shares)), of_year, is_visible)
            )
    return shares


def _given(send: _Send) -> tax.Given:
    return tax.Given(key=send.key, given_on=send.sent_on, cost=_cost(send.parts))


def _divided(
    send: _Send, gifts: Sequence[models.RecipientGift]
) -> list[tuple[int | None, tax.Given, int]]:
    weights = [records.cost_of(row).landed for row in gifts]
    if not any(weights):
        weights = [1] * len(gifts)
    parts = {
        part: money.split_minor(amount, weights)
        for part, amount in asdict(_cost(send.parts)).items()
    }
    of_year = money.split_minor(send.of_year, weights)
    return [
        (
            row.recipient_id,
            tax.Given(
                key=send.key,
                given_on=row.given_on,
                cost=gift_rules.Cost(**{part: split[place] for part, split in parts.items()}),
                kind=gift_rules.GiftKind(row.kind),
                has_advert=row.has_advert,
                is_widely_given=row.is_widely_given,
            ),
            of_year[place],
        )
        for place, row in enumerate(gifts)
    ]


def _cost(parts: Mapping[str, int]) -> gift_rules.Cost:
    """Net the parts of a cost: what came back is taken from the item first, then from the rest."""
    named: dict[str, int] = defaultdict(int)
    back = 0
    for component, amount in parts.items():
        if component in _PART_OF and amount >= 0:
            named[_PART_OF[component]] += amount
        else:
            back -= amount
    for part in _PART_OF.values():
        taken = min(named[part], back) if back > 0 else 0
        named[part] -= taken
        back -= taken
    # More came back than was paid, or a part of another kind: it stays beside the item.
    named["fee"] -= back
    return gift_rules.Cost(**named)


def _judged(
    rules: Sequence[tax.Rule], shares: Iterable[_Share], year_of: gift_rules.YearOf
) -> dict[int | None, RecipientSplit]:
    by_person: dict[int | None, list[_Share]] = defaultdict(list)
    for share in shares:
        by_person[share.person].append(share)
    found = {}
    for person, mine in by_person.items():
        shown = [share for share in mine if share.is_visible and share.of_year_minor]
        if not shown:
            continue
        splits = {} if person is None else _by_version(rules, mine, year_of)
        found[person] = _summed(shown, splits)
    return found


def _by_version(
    rules: Sequence[tax.Rule], mine: Sequence[_Share], year_of: gift_rules.YearOf
) -> dict[int, tax.Split]:
    """Judge each gift by the version that is in force on its day, beside all gifts."""
    gifts = [share.gift for share in mine]
    found: dict[int, tax.Split] = {}
    judged: dict[int, Mapping[int, tax.Split]] = {}
    for gift in gifts:
        versions = gift_rules.in_force(rules, gift.given_on)
        if not versions:
            continue
        (rule,) = versions
        if rule.version not in judged:
            judged[rule.version] = tax.split(rule, gifts, year_of=year_of)
        found[gift.key] = judged[rule.version][gift.key]
    return found


def _summed(shown: Sequence[_Share], splits: Mapping[int, tax.Split]) -> RecipientSplit:
    within = beyond = unjudged = 0
    for share in shown:
        split = splits.get(share.key)
        if split is None:
            unjudged += share.of_year_minor
            continue
        weights = [split.within_minor, split.beyond_minor]
        if min(weights) < 0 or not any(weights):
            weights = [1, 0]
        inside, outside = money.split_minor(share.of_year_minor, weights)
        within += inside
        beyond += outside
    return RecipientSplit(None, None, len(shown), within, beyond, unjudged)


def _rows(
    actor: access.Actor, found: Mapping[int | None, RecipientSplit]
) -> tuple[RecipientSplit, ...]:
    """Name each person by the pseudonym, and by name for those who may read it."""
    ids = [person for person in found if person is not None]
    people: dict[int, tuple[UUID, str]] = {
        key: (public_id, name)
        for key, public_id, name in models.Recipient.objects.filter(id__among=ids).values_list(
            "id", "public_id", "name"
        )
    }
    sees_names = actor.may(access.Permission.READ_PERSONAL_DATA)
    rows = []
    for person, row in found.items():
        if person is None:
            rows.append(row)
            continue
        public_id, name = people[person]
        rows.append(replace(row, recipient_id=public_id, name=name if sees_names else None))
    return tuple(sorted(rows, key=lambda row: (row.recipient_id is None, str(row.recipient_id))))


def _other_currencies(actor: access.Actor, fiscal_year: int, currency: str) -> tuple[str, ...]:
    rows: Any = models.SpendRollup.objects.filter(fiscal_period__fiscal_year=fiscal_year).exclude(
        currency=currency
    )
    if actor.cost_center_ids is not None:
        rows = rows.filter(cost_center_id__among=list(actor.cost_center_ids))
    return tuple(sorted(rows.values_list("currency", flat=True).distinct()))


def as_csv(report: Report) -> bytes:
    """Write the split as a CSV file, the total last; no cell can start a formula."""
    header = ("recipient", "name", "gifts", "spent", "within", "beyond", "unjudged", "currency")
    rows = [
        (
            str(row.recipient_id or NOBODY),
            cells.text(cells.clean(row.name or "", most=LONGEST_CELL)),
            str(row.gift_count),
            row.spent.decimal_text,
            row.within.decimal_text,
            row.beyond.decimal_text,
            row.unjudged.decimal_text,
            report.currency,
        )
        for row in report.shown_rows
    ]
    total = (
        "total",
        "",
        str(sum(row.gift_count for row in report.rows)),
        report.spent.decimal_text,
        report.within.decimal_text,
        report.beyond.decimal_text,
        report.unjudged.decimal_text,
        report.currency,
    )
    return cells.table(header, [*rows, total])

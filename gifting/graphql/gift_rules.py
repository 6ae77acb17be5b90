"""Rules about gifts as the API shows them: limits, "may I send this?", tax splits, the register."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any, ClassVar, Final, cast
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import gift_rules as limits
from gifting.domain import money, recipients
from gifting.domain import tax as taxes
from gifting.graphql import context, errors, fields, inputs, pages, scalars, types
from gifting.selectors import gift_rules as records
from gifting.selectors import records as pages_of
from gifting.selectors import register, sends
from gifting.selectors import tax as splits
from gifting.services import gift_rules
from gifting.services import recipients as people

MOST_RECIPIENTS: Final = 100
CURRENCY: Final = "ISO 4217 code of the currency of the amounts."

fields.describe(
    limits.Window,
    name="GiftWindow",
    description="Over which days gifts to one recipient are added up.",
    values={
        "PER_GIFT": "One day: what is given on one day is one occasion.",
        "CALENDAR_YEAR": "January to December.",
        "TAX_YEAR": "The organization's fiscal year.",
        "BUSINESS_YEAR": "The organization's fiscal year.",
        "ROLLING_12M": "Any 12 months that hold the day.",
    },
)
fields.describe(
    limits.Basis,
    name="GiftBasis",
    description="Which parts of a gift's cost are added up.",
    values={
        "ITEM": "The item alone.",
        "BRANDED": "The item and what was put on it.",
        "GROSS": "BRANDED, packing, freight and tax.",
        "LANDED": "GROSS, duty and fees: everything.",
    },
)
fields.describe(
    limits.Action,
    name="GiftRuleAction",
    description="What happens above the limit.",
    values={
        "BLOCK": "It is not sent, unless an override lets it.",
        "APPROVE": "Somebody has to approve it.",
        "WARN": "The sender is told.",
        "REPORT": "It goes into a report.",
    },
)
fields.describe(
    limits.Side,
    name="GiftRuleSide",
    description="Whose country brings a rule.",
    values={
        "GIVER": "The one where the organization files its taxes.",
        "RECIPIENT": "The recipient's.",
    },
)
fields.describe(
    limits.Outcome,
    name="GiftRuleOutcome",
    description="What a rule says of a gift.",
    values={
        "WITHIN": "Within the limit.",
        "EXCEEDED": "Above it.",
        "UNKNOWN": "No exchange rate is known; a rule that would block or ask asks.",
    },
)
fields.describe(
    limits.GiftKind,
    name="GiftKind",
    description="What a gift is to the rules.",
    values={
        "GOODS": "A thing.",
        "FOOD_OR_DRINK": "To be eaten or drunk.",
        "TOBACCO": "To be smoked.",
        "VOUCHER": "Good for goods of one seller.",
        "CASH_EQUIVALENT": "As good as money, such as a prepaid card.",
        "EXPERIENCE": "An event or a trip.",
        "PRIZE_OR_SERVICE": "A prize, or a payment for a service.",
    },
)
fields.describe(
    recipients.Relation,
    name="RecipientRelation",
    description="Why gifts to one recipient count as gifts to another.",
    values={
        "DUPLICATE": "They are one person.",
        "FAMILY": "They are one family.",
        "COMPANY_GIFT": "A gift to the company is meant for the person.",
    },
)
fields.describe(
    taxes.Tax,
    name="GiftTax",
    description="Which tax a rule is about.",
    values={
        "INCOME": "Within is deductible, beyond is not.",
        "VAT": "Within is free of value added tax, beyond is liable to it.",
    },
)


@strawberry.type(description="A version of a limit on gifts. Not legal advice.")
class GiftRule(fields.Record):
    """Show a rule."""

    rows: ClassVar = records.RULES

    public_id: relay.NodeID[UUID]
    code: str = strawberry.field(description="Its code; versions of one rule share it.")
    version: int = strawberry.field(description="Its number; the next one ends it.")
    jurisdiction: str = strawberry.field(description="ISO 3166 code; empty for everywhere.")
    recipient_class: recipients.RecipientClass | None = fields.derived(
        lambda row, _: (
            recipients.RecipientClass(row.recipient_class) if row.recipient_class else None
        ),
        description="For whom; null for everybody.",
    )
    window: limits.Window = fields.derived(
        lambda row, _: limits.Window(row.window), description="Over which days."
    )
    basis: limits.Basis = fields.derived(
        lambda row, _: limits.Basis(row.basis), description="Of which parts of the cost."
    )
    limit: scalars.Money = fields.amount("limit_minor", description="The most that is allowed.")
    is_cliff: bool = strawberry.field(
        description="True when all counts above the limit, not the excess alone."
    )
    action: limits.Action = fields.derived(
        lambda row, _: limits.Action(row.action), description="What happens above it."
    )
    valid_from: dt.date = strawberry.field(description="Its first day.")
    valid_until: dt.date | None = strawberry.field(
        description="The first day without it; null until a newer version."
    )
    source: str = strawberry.field(description="Where it comes from.")
    reviewer: str = strawberry.field(description="Who looked at it.")
    is_shipped: bool = strawberry.field(
        description="True when it came with the product; not legal advice."
    )


@strawberry.type(description="What a rule says of one recipient of a gift.")
class GiftVerdict:
    """Show a verdict."""

    rule_code: str = fields.derived(lambda row, _: row.verdict.code, description="The rule.")
    rule_version: int = fields.derived(
        lambda row, _: row.verdict.version, description="Its version."
    )
    outcome: limits.Outcome = fields.derived(
        lambda row, _: row.verdict.outcome, description="Whether the limit holds."
    )
    demands: limits.Action | None = fields.derived(
        lambda row, _: row.verdict.demands,
        description="What has to happen; null when nothing has, or an override lets it pass.",
    )
    limit: scalars.Money = fields.derived(
        lambda row, _: row.verdict.limit, description="The limit."
    )
    total: scalars.Money | None = fields.derived(
        lambda row, _: _total(row.verdict),
        description="All gifts to the recipient in the window, this one included, by the rule's "
        "basis; null when no rate is known.",
    )
    starts_on: dt.date = fields.derived(
        lambda row, _: row.verdict.span.starts_on, description="The first day of the window."
    )
    ends_on: dt.date = fields.derived(
        lambda row, _: row.verdict.span.ends_on, description="The first day after the window."
    )
    reason: str = fields.derived(
        lambda row, _: row.verdict.reason, description="The same in words."
    )


@strawberry.type(description="Whether a gift may be sent. It decides nothing and holds nothing.")
class GiftCheck:
    """Show the findings."""

    is_blocked: bool = strawberry.field(description="True when a rule forbids it.")
    rules_asking: list[str] = strawberry.field(
        description="The codes of the rules that ask for an approval."
    )
    verdicts: list[GiftVerdict] = strawberry.field(
        description="What each rule that applies says, for each recipient.",
        directives=[scalars.ListSize(assumed_size=MOST_RECIPIENTS)],
    )


@strawberry.type(description="What one person was given in a fiscal year, split by a tax rule.")
class RecipientTaxSplit:
    """Show a row of the split."""

    recipient_id: relay.GlobalID | None = fields.derived(
        lambda row, _: (
            relay.GlobalID("Recipient", str(row.recipient_id)) if row.recipient_id else None
        ),
        description="The pseudonym, the same in every report; null for gifts to nobody known.",
    )
    name: str | None = strawberry.field(description=types.PERSONAL)
    gift_count: int = strawberry.field(description="How many gifts cost something in the year.")
    within: scalars.Money = fields.derived(
        lambda row, _: row.within, description="Deductible, or free of value added tax."
    )
    beyond: scalars.Money = fields.derived(
        lambda row, _: row.beyond, description="Not deductible, or liable to value added tax."
    )
    unjudged: scalars.Money = fields.derived(
        lambda row, _: row.unjudged,
        description="Spent on nobody known, or before the rule was in force.",
    )
    spent: scalars.Money = fields.derived(
        lambda row, _: row.spent, description="within + beyond + unjudged: what it cost."
    )


@strawberry.type(description="A row in a page.", directives=[scalars.FREE])
class RecipientTaxSplitEdge:
    """Show a row's place."""

    cursor: str = strawberry.field(description="Where it stands: start behind it with `after`.")
    node: RecipientTaxSplit = strawberry.field(description="The row.")


@strawberry.type(description="One page of rows, and how to get the next.")
class RecipientTaxSplitConnection:
    """Show a page of the split."""

    page_info: relay.PageInfo = strawberry.field(description="How to get the page after.")
    edges: list[RecipientTaxSplitEdge] = strawberry.field(description="The rows in their order.")
    total_count: int = strawberry.field(description="How many there are.")


@strawberry.type(
    description="A fiscal year's gifts split by a tax rule. Not legal advice. The rows add up to "
    "the spend of the year in the rule's currency."
)
class TaxSplit:
    """Show a split."""

    report: strawberry.Private[splits.Report]

    rule_code: str = fields.derived(
        lambda row, _: row.report.rules[0].code, description="The rule."
    )
    tax: taxes.Tax = fields.derived(
        lambda row, _: row.report.rules[0].tax, description="Which tax it is about."
    )
    sources: list[str] = fields.derived(
        lambda row, _: [rule.source for rule in row.report.rules],
        description="Where the rule's versions come from.",
    )
    fiscal_year: int = fields.derived(
        lambda row, _: row.report.fiscal_year, description="The year."
    )
    within: scalars.Money = fields.derived(
        lambda row, _: row.report.within, description="Deductible, or free of value added tax."
    )
    beyond: scalars.Money = fields.derived(
        lambda row, _: row.report.beyond,
        description="Not deductible, or liable to value added tax.",
    )
    unjudged: scalars.Money = fields.derived(
        lambda row, _: row.report.unjudged,
        description="Spent on nobody known, or before the rule was in force.",
    )
    spent: scalars.Money = fields.derived(
        lambda row, _: row.report.spent,
        description="within + beyond + unjudged: the spend of the year in the rule's currency.",
    )
    other_currencies: list[str] = fields.derived(
        lambda row, _: list(row.report.other_currencies),
        description="Currencies of spend in the year that the rule does not look at.",
    )

    @strawberry.field(
        description="The rows, one a person, by pseudonym.",
        directives=[scalars.ListSize(assumed_size=pages.UNSAID_SIZE)],
    )
    def recipients(
        self,
        first: Annotated[
            int, strawberry.argument(description="This many, at most 100.")
        ] = pages.UNSAID_SIZE,
        after: Annotated[
            str | None, strawberry.argument(description="Start behind the row of this cursor.")
        ] = None,
    ) -> RecipientTaxSplitConnection:
        return _page(self.report.shown_rows, first=first, after=after)


@strawberry.type(description="A line of the gift register.")
class GiftRegisterEntry:
    """Show a line; the entry has the type's own attributes."""

    given_on: dt.date = strawberry.field(description="The day.")
    giver: str = strawberry.field(description="The login of who gave; empty for the product.")
    recipient_id: relay.GlobalID = fields.derived(
        lambda row, _: relay.GlobalID("Recipient", str(row.recipient_id)),
        description="The recipient's pseudonym.",
    )
    recipient_name: str | None = strawberry.field(description=types.PERSONAL)
    organization: str = strawberry.field(description="The CRM's id of the recipient's company.")
    recipient_class: recipients.RecipientClass = strawberry.field(description="What they are.")
    is_public_official: bool = strawberry.field(description="Whether they hold a public office.")
    country: str = strawberry.field(description="Their country; empty when unknown.")
    nature: str = strawberry.field(description="What was given.")
    value: scalars.Money = fields.derived(
        lambda row, _: row.value, description="What the recipient's share cost in all."
    )
    purpose: str = strawberry.field(description="What it was given for.")
    answer: str = strawberry.field(description="The send's state, such as DECLINED.")
    conflict_note: str = strawberry.field(description="What was said about conflicts of interest.")
    approvers: list[str] = fields.derived(
        lambda row, _: list(row.approvers), description="The logins of who approved it."
    )
    is_taken_back: bool = strawberry.field(description="True when it was not made after all.")
    gifts_in_12_months: int = strawberry.field(
        name="giftsIn12Months", description="Gifts to the person in the 12 months up to the day."
    )
    is_pattern: bool = strawberry.field(
        description="True when there are more than 3 in the 12 months: look for a pattern."
    )


@strawberry.input(description="Conditions on gift rules; all that are given must hold.")
class GiftRuleFilter:
    codes: list[str] | None = inputs.given("Only rules with one of these codes.")
    jurisdictions: list[str] | None = inputs.given("Only of these countries (ISO 3166).")


@strawberry.enum(description="What gift rules can be ordered by.")
class GiftRuleOrderField(Enum):
    CODE = strawberry.enum_value("code", description="The code.")
    VALID_FROM = strawberry.enum_value("valid_from", description="The first day.")


GiftRuleOrder = inputs.order(GiftRuleOrderField, "gift rules")


@strawberry.input(description="A gift that may be sent.")
class CheckGiftInput:
    recipient_ids: list[relay.GlobalID] = strawberry.field(
        description="Whom it is for, 1 to 100; the cost is divided among them."
    )
    given_on: dt.date = strawberry.field(description="The day it is to be given.")
    currency: str = strawberry.field(description=CURRENCY)
    item_minor: scalars.MinorUnits = strawberry.field(description="The item, in minor units.")
    personalization_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="What is put on it, in minor units."
    )
    handling_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="Packing, in minor units."
    )
    shipping_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="Freight, in minor units."
    )
    tax_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="Tax that is not recovered, in minor units."
    )
    kind: limits.GiftKind = strawberry.field(
        default=limits.GiftKind.GOODS, description="What it is to the rules."
    )


@strawberry.input(description="What a recipient is.")
class ClassifyRecipientInput:
    recipient_id: relay.GlobalID = strawberry.field(description="Which recipient.")
    recipient_class: recipients.RecipientClass = strawberry.field(description="What they are.")


@strawberry.input(description="Two recipients that count as one.")
class LinkRecipientsInput:
    recipient_id: relay.GlobalID = strawberry.field(description="Who is to count as another.")
    counts_as_id: relay.GlobalID = strawberry.field(description="The other.")
    relation: recipients.Relation = strawberry.field(description="Why.")
    reason: str = strawberry.field(description="The reason in words: 1 to 4000 characters.")


@strawberry.input(description="A recipient that counts for itself again.")
class UnlinkRecipientInput:
    recipient_id: relay.GlobalID = strawberry.field(description="Which recipient.")


@strawberry.type(description="What became of what was said about a recipient.")
class RecipientRulesPayload(errors.Payload):
    """Answer what is about one recipient."""

    recipient: types.Recipient | None = strawberry.field(
        default=None, description="The recipient; null when it was refused."
    )


@strawberry.type
class Query:
    """Hold the reads about rules on gifts."""

    gift_rules: pages.Connection[GiftRule] = pages.connection(
        records.RULES,
        where=records.RuleWhere,
        conditions=GiftRuleFilter,
        order=GiftRuleOrder,
        unsaid_order=pages_of.Order("code"),
        description="The versions of the limits on gifts. Needs a permission to read money.",
    )

    @strawberry.field(
        description="May I send this? What every rule says of a gift, with all that its recipients "
        "were given before. Needs READ_SPEND or WRITE_SENDS, and to see the recipients."
    )
    def gift_check(
        self,
        info: context.Info,
        gift: Annotated[CheckGiftInput, strawberry.argument(description="The gift.")],
    ) -> GiftCheck:
        request = info.context
        if len(gift.recipient_ids) > MOST_RECIPIENTS:
            raise gift_rules.GiftUnusable(
                f"A gift is checked for 1 to {MOST_RECIPIENTS} recipients.", field="recipient_ids"
            )
        cost = limits.Cost(
            item=gift.item_minor,
            personalization=gift.personalization_minor,
            handling=gift.handling_minor,
            shipping=gift.shipping_minor,
            tax=gift.tax_minor,
        )
        proposal = gift_rules.Proposal(
            # A question about nothing that was recorded.
            subject_id=uuid.uuid4(),
            given_on=gift.given_on,
            currency=gift.currency,
            shares=gift_rules.equal_shares(cost, _keys(request, gift.recipient_ids)),
            kind=gift.kind,
        )
        findings = gift_rules.check(
            actor=request.actor, proposal=proposal, at=request.at, holds=False
        )
        return GiftCheck(
            is_blocked=findings.is_blocked,
            rules_asking=list(findings.rules_asking),
            verdicts=cast("list[GiftVerdict]", list(findings.verdicts)),
        )

    @strawberry.field(
        description="Split a fiscal year's gifts by a tax rule, such as US-274B. Needs READ_SPEND."
    )
    def tax_split(
        self,
        info: context.Info,
        rule_code: Annotated[str, strawberry.argument(description="The tax rule's code.")],
        fiscal_year: Annotated[int, strawberry.argument(description="Such as 2026.")],
    ) -> TaxSplit:
        return TaxSplit(
            report=splits.split(
                actor=info.context.actor, rule_code=rule_code, fiscal_year=fiscal_year
            )
        )

    @strawberry.field(
        description="The gift register of some days, by day: the first 100. `manage.py "
        "gift_register` writes it whole. Needs READ_SPEND.",
        directives=[scalars.ListSize(assumed_size=register.MOST_SHOWN)],
    )
    def gift_register(
        self,
        info: context.Info,
        from_date: Annotated[dt.date, strawberry.argument(description="The first day.")],
        to_date: Annotated[dt.date, strawberry.argument(description="The first day after.")],
    ) -> list[GiftRegisterEntry]:
        found = register.entries(actor=info.context.actor, from_date=from_date, to_date=to_date)
        return cast("list[GiftRegisterEntry]", list(found))


@strawberry.type
class Mutation:
    """Hold the writes about recipients as rules see them."""

    @strawberry.field(
        description="Say what a recipient is; said again, it changes nothing. Needs WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(RecipientRulesPayload)],
    )
    def classify_recipient(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ClassifyRecipientInput, strawberry.argument(description="What they are.")
        ],
    ) -> RecipientRulesPayload:
        request = info.context
        (key,) = _keys(request, [input.recipient_id])
        people.classify(
            actor=request.actor, recipient_id=key, recipient_class=input.recipient_class
        )
        return _payload(request, key)

    @strawberry.field(
        description="Count gifts to one recipient, and to all who count as it, as gifts to "
        "another; said again, it changes nothing. Needs WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(RecipientRulesPayload)],
    )
    def link_recipients(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            LinkRecipientsInput, strawberry.argument(description="Who counts as whom.")
        ],
    ) -> RecipientRulesPayload:
        request = info.context
        key, other = _keys(request, [input.recipient_id, input.counts_as_id])
        people.link(
            actor=request.actor,
            recipient_id=key,
            counts_as_id=other,
            relation=input.relation,
            reason=input.reason,
            at=request.at,
        )
        return _payload(request, key)

    @strawberry.field(
        description="Let a recipient count for itself again; said again, it changes nothing. Needs "
        "WRITE_SENDS.",
        extensions=[errors.RefusalsAsUserErrors(RecipientRulesPayload)],
    )
    def unlink_recipient(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            UnlinkRecipientInput, strawberry.argument(description="Which.")
        ],
    ) -> RecipientRulesPayload:
        request = info.context
        (key,) = _keys(request, [input.recipient_id])
        people.unlink(actor=request.actor, recipient_id=key, at=request.at)
        return _payload(request, key)


def _keys(request: context.Context, asked: Iterable[relay.GlobalID]) -> list[int]:
    """Return the internal keys of recipients in their order; raises Forbidden and NotFound."""
    ids = inputs.public_ids(asked, node="Recipient", field="recipient_id")
    return [
        sends.RECIPIENTS.key(actor=request.actor, public_id=each, field="recipient_id")
        for each in ids
    ]


def _payload(request: context.Context, key: int) -> RecipientRulesPayload:
    found: Any = sends.RECIPIENTS.by_ids(actor=request.actor, ids=[key]).get(key)
    return RecipientRulesPayload(recipient=found)


def _total(verdict: limits.Verdict) -> money.Money | None:
    if verdict.total_minor is None:
        return None
    return money.Money(verdict.total_minor, verdict.limit.currency)


def _page(
    rows: tuple[splits.ShownSplit, ...], *, first: int, after: str | None
) -> RecipientTaxSplitConnection:
    if not 0 <= first <= pages_of.MOST_RECORDS:
        raise pages_of.PageUnusable(
            f"A page holds 0 to {pages_of.MOST_RECORDS} rows.", field="first"
        )
    cursors = [row.cursor for row in rows]
    if after is not None and after not in cursors:
        raise pages_of.CursorUnknown(
            "A cursor names a row that is not there. Start again without it.", field="after"
        )
    start = 0 if after is None else cursors.index(after) + 1
    shown = rows[start : start + first]
    return RecipientTaxSplitConnection(
        page_info=relay.PageInfo(
            has_next_page=start + len(shown) < len(rows),
            has_previous_page=start > 0,
            start_cursor=shown[0].cursor if shown else None,
            end_cursor=shown[-1].cursor if shown else None,
        ),
        edges=[
            RecipientTaxSplitEdge(cursor=row.cursor, node=cast("RecipientTaxSplit", row))
            for row in shown
        ],
        total_count=len(rows),
    )

"""Judge gifts by the rules, remember what was given, and keep the rules in versions.

`check` and `record` are for services that decide on a gift in a transaction of their own. A check
that holds its recipients locks one row for each of them, in the order of their ids, until that
transaction ends: of two gifts to one recipient the second sees the first. Take these locks before
those of funds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final
from uuid import UUID

from django.db import connection

from gifting import models
from gifting.domain import (
    access,
    exchange,
    gift_rules,
    ledger,
    money,
    recipients,
    refusals,
    rule_book,
    tax,
    texts,
)
from gifting.selectors import approvals as override_records
from gifting.selectors import exchange as rates
from gifting.selectors import gift_rules as records
from gifting.services import conflicts, operations, overrides

MOST_SHARES: Final = 1000
COUNTRY_LENGTH: Final = 2
# Whom a register has to say more about: without it nothing is sent.
REGISTERED: Final = frozenset(
    {
        recipients.RecipientClass.PUBLIC_OFFICIAL,
        recipients.RecipientClass.HEALTHCARE_PROFESSIONAL,
        recipients.RecipientClass.BROKER_DEALER,
    }
)


class UnknownRecipient(refusals.NotFound):
    code = "UNKNOWN_RECIPIENT"


class GiftUnusable(refusals.Invalid):
    code = "GIFT_UNUSABLE"


class RegisterIncomplete(refusals.Invalid):
    code = "REGISTER_INCOMPLETE"


class GiftRuleUnusable(refusals.Invalid):
    code = "GIFT_RULE_UNUSABLE"


class GiftRuleVersionTaken(refusals.Conflict):
    code = "GIFT_RULE_VERSION_TAKEN"


@dataclass(frozen=True, slots=True)
class Share:
    """What one recipient gets of a gift, in minor units of its currency."""

    recipient_id: int
    cost: gift_rules.Cost


@dataclass(frozen=True, slots=True)
class Proposal:
    """A gift as rules and the register see it: who gets what, when, and what for.

    `subject_id` is the public id of what is decided on, such as a send.
    """

    subject_id: UUID
    given_on: dt.date
    currency: str
    shares: tuple[Share, ...]
    kind: gift_rules.GiftKind = gift_rules.GiftKind.GOODS
    has_advert: bool = False
    is_widely_given: bool = False
    nature: str = ""
    purpose: str = ""
    conflict_note: str = ""


@dataclass(frozen=True, slots=True)
class RecipientVerdict:
    """What a rule says about one recipient of the gift."""

    recipient_id: int
    verdict: gift_rules.Verdict


@dataclass(frozen=True, slots=True)
class Findings:
    """What all rules say of a gift."""

    verdicts: tuple[RecipientVerdict, ...]

    @property
    def is_blocked(self) -> bool:
        return gift_rules.Action.BLOCK in self._demands

    @property
    def rules_asking(self) -> tuple[str, ...]:
        """Return the codes of the rules that ask for an approval, for `approvals.Facts.rules`."""
        asking = {
            each.verdict.code
            for each in self.verdicts
            if each.verdict.demands is gift_rules.Action.APPROVE
        }
        return tuple(sorted(asking))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return why something has to happen, or be known."""
        return tuple(each.verdict.reason for each in self.verdicts if each.verdict.demands)

    @property
    def overrides(self) -> frozenset[UUID]:
        return frozenset(
            each.verdict.override_id for each in self.verdicts if each.verdict.override_id
        )

    @property
    def _demands(self) -> frozenset[gift_rules.Action | None]:
        return frozenset(each.verdict.demands for each in self.verdicts)

    def as_json(self) -> list[dict[str, Any]]:
        """Give what the decision of a send keeps."""
        return [
            {"recipient": each.recipient_id, **each.verdict.as_json()} for each in self.verdicts
        ]


def equal_shares(cost: gift_rules.Cost, recipient_ids: Sequence[int]) -> tuple[Share, ...]:
    """Divide a gift to several named people, to the minor unit; raises GiftUnusable.

    A gift to a company that is meant for certain people is a gift to each of them.
    """
    if not 0 < len(recipient_ids) <= MOST_SHARES:
        raise GiftUnusable(f"A gift has 1 to {MOST_SHARES} recipients.", field="recipients")
    weights = [1] * len(recipient_ids)
    parts = {part: money.split_minor(amount, weights) for part, amount in asdict(cost).items()}
    return tuple(
        Share(
            recipient_id, gift_rules.Cost(**{part: split[index] for part, split in parts.items()})
        )
        for index, recipient_id in enumerate(recipient_ids)
    )


def check(
    *,
    actor: access.Actor,
    proposal: Proposal,
    at: dt.datetime,
    holds: bool = True,
    giver_country: str | None = None,
    convert: gift_rules.Converter | None = None,
) -> Findings:
    """Judge a gift by every rule that applies, for each recipient with all who count as the same.

    With `holds` the recipients are locked until the end of the caller's transaction; a question
    that decides nothing asks without. Amounts are converted at the rate of the day of each gift,
    unless the caller converts them. What was recorded for the same subject before is left out.
    Raises Forbidden, UnknownRecipient and GiftUnusable.
    """
    _require_asker(actor)
    _require_usable(proposal)
    ids = [share.recipient_id for share in proposal.shares]
    if holds:
        hold(actor=actor, recipient_ids=ids)
    people = records.people(ids)
    if missing := set(ids) - set(people):
        raise UnknownRecipient(
            f"There is no recipient {min(missing)} for you. Look the recipient up and name that.",
            field="recipient_id",
        )
    context = _Context(
        rules=records.all_rules(),
        roots=records.counted_as(ids),
        people=people,
        year_of=records.year_of(),
        giver_country=records.giver_country() if giver_country is None else giver_country,
        convert=convert or _converter(actor),
        at=at,
    )
    return Findings(
        tuple(
            RecipientVerdict(share.recipient_id, verdict)
            for index, share in enumerate(proposal.shares)
            for verdict in _verdicts(context, proposal, index, share)
        )
    )


def record(
    *,
    actor: access.Actor,
    proposal: Proposal,
    at: dt.datetime,
    send_id: int | None = None,
    findings: Findings | None = None,
) -> None:
    """Remember what each recipient is given, in the caller's transaction, and use its overrides.

    Recorded again with another content, the former is taken back. The recipients stay locked until
    the transaction ends. Raises Forbidden, UnknownRecipient, GiftUnusable, RegisterIncomplete,
    OverrideUsedUp and OverrideByItsUser.
    """
    _require_asker(actor)
    _require_usable(proposal)
    ids = [share.recipient_id for share in proposal.shares]
    hold(actor=actor, recipient_ids=ids)
    people = records.people(ids)
    _require_registrable(proposal, people)
    rows = [
        models.RecipientGift(
            organization_id=actor.organization_id,
            recipient_id=share.recipient_id,
            send_id=send_id,
            subject_id=proposal.subject_id,
            given_on=proposal.given_on,
            kind=proposal.kind.value,
            recipient_class=people[share.recipient_id].recipient_class.value,
            country=people[share.recipient_id].country,
            currency=proposal.currency,
            **{f"{part}_minor": amount for part, amount in asdict(share.cost).items()},
            has_advert=proposal.has_advert,
            is_widely_given=proposal.is_widely_given,
            nature=proposal.nature,
            purpose=proposal.purpose,
            conflict_note=proposal.conflict_note,
            giver_id=actor.user_id,
        )
        for share in proposal.shares
    ]
    standing = _standing(proposal.subject_id)
    if [_content(row) for row in rows] == [_content(row) for row in standing]:
        return
    _take_back(actor, standing)
    models.RecipientGift.objects.bulk_create(rows)
    for override_id in sorted(findings.overrides if findings else ()):
        overrides.use(actor=actor, override_id=override_id, subject_id=proposal.subject_id, at=at)


def take_back(*, actor: access.Actor, subject_id: UUID) -> None:
    """Forget nothing, but count a gift no longer that was not made; raises Forbidden.

    Nothing happens when there is nothing to take back.
    """
    _require_asker(actor)
    standing = _standing(subject_id)
    hold(actor=actor, recipient_ids=[row.recipient_id for row in standing])
    _take_back(actor, _standing(subject_id))


def hold(*, actor: access.Actor, recipient_ids: Sequence[int]) -> None:
    """Lock these recipients, or whom they count as, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lock_recipients(%s, %s::bigint[])",
            [actor.organization_id, sorted(set(recipient_ids))],
        )


def adopt_book(*, actor: access.Actor) -> int:
    """Add the rules that ship and are not there yet; return how many. Raises Forbidden."""
    actor.require(access.Permission.MANAGE_POLICIES)
    limits = [
        models.GiftRule(**_columns(actor, rule), is_shipped=True) for rule in rule_book.GIFT_RULES
    ]
    taxes = [
        models.TaxRule(**_tax_columns(actor, rule), is_shipped=True) for rule in rule_book.TAX_RULES
    ]
    before = models.GiftRule.objects.count() + models.TaxRule.objects.count()
    models.GiftRule.objects.bulk_create(limits, ignore_conflicts=True)
    models.TaxRule.objects.bulk_create(taxes, ignore_conflicts=True)
    return models.GiftRule.objects.count() + models.TaxRule.objects.count() - before


def file_taxes_in(*, actor: access.Actor, country: str) -> None:
    """Say whose tax office the organization answers to, which brings the giver's rules.

    Empty brings none. Raises Forbidden and GiftRuleUnusable.
    """
    actor.require(access.Permission.MANAGE_POLICIES)
    _require_country(country, field="country")
    models.Organization.objects.filter(id=actor.organization_id).update(country=country)


def define_rule(*, actor: access.Actor, key: str, rule: gift_rules.Rule) -> int:
    """Add a rule of the organization's own, or the next version of one; return the version.

    The number that the rule carries is not read. A version that ends on the day it begins retires
    the code from that day on. Raises Forbidden, GiftRuleUnusable, UnknownCurrency and
    GiftRuleVersionTaken.
    """
    actor.require(access.Permission.MANAGE_POLICIES)
    operations.text(rule.source, field="source")
    operations.text(rule.code, field="code", most=texts.CODE_LENGTH)
    _require_country(rule.jurisdiction, field="jurisdiction")
    if len(rule.reviewer) > texts.NAME_LENGTH:
        raise GiftRuleUnusable(
            f"The reviewer has at most {texts.NAME_LENGTH} characters.", field="reviewer"
        )
    if rule.limit.amount_minor < 0:
        raise GiftRuleUnusable("A limit is zero or more.", field="limit")
    if rule.valid_until is not None and rule.valid_until < rule.valid_from:
        raise GiftRuleUnusable("A rule ends after it begins.", field="valid_until")

    def plan(_: UUID) -> operations.Plan:
        last = models.GiftRule.objects.filter(code=rule.code).order_by("-version")
        version = (last.values_list("version", flat=True).first() or 0) + 1
        taken = GiftRuleVersionTaken("Somebody else made a version at the same time. Look at it.")
        with conflicts.refusing("gift_rule_version_is_unique", taken):
            models.GiftRule.objects.create(**_columns(actor, replace(rule, version=version)))
        return operations.Plan(response={"version": version})

    asked = {"act": "define_rule", "rule": _columns(actor, replace(rule, version=0))}
    answer = operations.perform(
        actor=actor, kind=ledger.OperationKind.DECISION, key=key, request=asked, plan=plan
    )
    return int(answer.response["version"])


@dataclass(frozen=True, slots=True)
class _Context:
    """What is the same for every share of a gift."""

    rules: tuple[gift_rules.Rule, ...]
    roots: Mapping[int, int]
    people: Mapping[int, records.Person]
    year_of: gift_rules.YearOf
    giver_country: str
    convert: gift_rules.Converter
    at: dt.datetime


def _converter(actor: access.Actor) -> gift_rules.Converter:
    """Convert at the organization's rates; whoever may have a gift judged need not read them."""
    reader = access.Actor.system(organization_id=actor.organization_id)

    def convert(amount: money.Money, currency: str, on: dt.date) -> money.Money | None:
        try:
            path = rates.path(
                actor=reader, from_currency=amount.currency, to_currency=currency, on=on
            )
        except (exchange.RateMissing, exchange.RateStale):
            return None
        return path.convert(amount)

    return convert


def _verdicts(
    context: _Context, proposal: Proposal, index: int, share: Share
) -> Sequence[gift_rules.Verdict]:
    root = context.roots[share.recipient_id]
    same = records.everyone_counted_as(root)
    person = context.people[share.recipient_id]
    beside = tuple(
        _gift(proposal, other)
        for place, other in enumerate(proposal.shares)
        if place != index and context.roots[other.recipient_id] == root
    )
    verdicts = gift_rules.judge(
        context.rules,
        gift_rules.Case(
            gift=_gift(proposal, share),
            recipient_class=person.recipient_class,
            country=person.country,
            giver_country=context.giver_country,
        ),
        (*beside, *records.gifts_of(same, without=proposal.subject_id)),
        year_of=context.year_of,
        convert=context.convert,
    )
    return [_overridden(context, proposal, same, verdict) for verdict in verdicts]


def _overridden(
    context: _Context, proposal: Proposal, same: frozenset[int], verdict: gift_rules.Verdict
) -> gift_rules.Verdict:
    if verdict.demands not in {gift_rules.Action.BLOCK, gift_rules.Action.APPROVE}:
        return verdict
    override = override_records.override_id(
        rule_code=verdict.code,
        subject_id=proposal.subject_id,
        recipient_ids=same,
        at=context.at,
    )
    return replace(verdict, override_id=override)


def _gift(proposal: Proposal, share: Share) -> gift_rules.Gift:
    return gift_rules.Gift(
        given_on=proposal.given_on,
        cost=share.cost,
        currency=proposal.currency,
        kind=proposal.kind,
    )


def _require_asker(actor: access.Actor) -> None:
    if not actor.may(access.Permission.READ_SPEND):
        actor.require(access.Permission.WRITE_SENDS)


def _require_usable(proposal: Proposal) -> None:
    money.exponent(proposal.currency)
    if not 0 < len(proposal.shares) <= MOST_SHARES:
        raise GiftUnusable(f"A gift has 1 to {MOST_SHARES} recipients.", field="recipients")
    for share in proposal.shares:
        for amount in asdict(share.cost).values():
            if money.Money(amount, proposal.currency).amount_minor < 0:
                raise GiftUnusable("No part of a gift costs less than nothing.", field="cost")


def _require_registrable(proposal: Proposal, people: Mapping[int, records.Person]) -> None:
    for share in proposal.shares:
        person = people[share.recipient_id]
        if person.recipient_class not in REGISTERED:
            continue
        for field in ("nature", "purpose"):
            if not getattr(proposal, field).strip():
                raise RegisterIncomplete(
                    f"A gift to a recipient of the class {person.recipient_class} goes into the "
                    f"gift register. Say its {field}.",
                    field=field,
                )


def _require_country(country: str, *, field: str) -> None:
    if country and not (len(country) == COUNTRY_LENGTH and country.isascii() and country.isupper()):
        raise GiftRuleUnusable(
            f"{country[:8]!a} is no ISO 3166 code of a country. Write two capital letters, such as "
            "US.",
            field=field,
        )


def _standing(subject_id: UUID) -> list[models.RecipientGift]:
    rows = models.RecipientGift.objects.filter(subject_id=subject_id).order_by("id")
    taken = {row.reverses_id for row in rows}
    return [row for row in rows if row.reverses_id is None and row.pk not in taken]


_KEPT: Final = ("public_id", "recorded_at", "id", "giver_id")


def _content(row: models.RecipientGift) -> dict[str, Any]:
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields  # noqa: SLF001 - Django's own name for it
        if field.attname not in _KEPT
    }


def _take_back(actor: access.Actor, standing: Sequence[models.RecipientGift]) -> None:
    models.RecipientGift.objects.bulk_create(
        models.RecipientGift(
            organization_id=actor.organization_id,
            recipient_id=row.recipient_id,
            send_id=row.send_id,
            subject_id=row.subject_id,
            given_on=row.given_on,
            kind=row.kind,
            recipient_class=row.recipient_class,
            country=row.country,
            currency=row.currency,
            item_minor=0,
            giver_id=actor.user_id,
            reverses=row,
        )
        for row in standing
    )


def _columns(actor: access.Actor, rule: gift_rules.Rule) -> dict[str, Any]:
    return {
        **_common(actor, rule),
        "side": rule.side.value,
        "recipient_class": rule.recipient_class.value if rule.recipient_class else "",
        "gift_kind": rule.gift_kind.value if rule.gift_kind else "",
        "is_cliff": rule.is_cliff,
        "action": rule.action.value,
    }


def _tax_columns(actor: access.Actor, rule: tax.Rule) -> dict[str, Any]:
    return {
        **_common(actor, rule),
        "tax": rule.tax.value,
        "shape": rule.shape.value,
        "exempt_item_minor": rule.exempt_item_minor,
        "needs_advert": rule.needs_advert,
        "excluded_kinds": sorted(kind.value for kind in rule.excluded_kinds),
    }


def _common(actor: access.Actor, rule: gift_rules.Rule | tax.Rule) -> dict[str, Any]:
    return {
        "organization_id": actor.organization_id,
        "code": rule.code,
        "version": rule.version,
        "jurisdiction": rule.jurisdiction,
        "window": rule.window.value,
        "basis": rule.basis.value,
        "limit_minor": rule.limit.amount_minor,
        "currency": rule.limit.currency,
        "valid_from": rule.valid_from,
        "valid_until": rule.valid_until,
        "source": rule.source,
        "reviewer": rule.reviewer,
        "user_id": actor.user_id,
    }

"""Gifts are judged with all that the same person got, whoever the person was called."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from gifting import models
from gifting.domain import access, gift_rules, money, recipients
from gifting.selectors import gift_rules as records
from gifting.services import gift_rules as service
from gifting.services import overrides, tenancy
from gifting.services import recipients as people
from tests.factories import approvals, organizations, sends

NOON = organizations.NOON
DAY = NOON.date()
CLASSES = recipients.RecipientClass
ACTIONS = gift_rules.Action
CIRCLE = """
    INSERT INTO gifting_recipientlink
        (organization_id, recipient_id, counts_as_id, relation, reason, linked_at)
    SELECT organization_id, counts_as_id, recipient_id, 'DUPLICATE', 'circle', now()
    FROM gifting_recipientlink
"""
GIFT = """
    INSERT INTO gifting_recipientgift (organization_id, recipient_id, subject_id, given_on, kind,
        recipient_class, country, currency, item_minor, personalization_minor, handling_minor,
        shipping_minor, tax_minor, duty_minor, fee_minor, has_advert, is_widely_given, nature,
        purpose, conflict_note, reverses_id)
    SELECT gift.organization_id, {recipient}, subject_id, given_on, kind, recipient_class, country,
        currency, {item}, 0, 0, 0, 0, 0, 0, false, false, '', '', '', {reverses}
    FROM gifting_recipientgift AS gift, gifting_recipientlink AS link
"""


@pytest.fixture
def here(db: None) -> Iterator[None]:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        yield


def recipient(
    recipient_class: recipients.RecipientClass = CLASSES.CUSTOMER,
) -> models.Recipient:
    made = sends.make_recipient()
    people.classify(actor=approvals.system(), recipient_id=made.pk, recipient_class=recipient_class)
    return made


def give(*shares: tuple[models.Recipient, int], day: dt.date = DAY) -> service.Findings:
    """Check a gift and record it when nothing blocks it."""
    proposal = approvals.proposal(*shares, day=day)
    findings = check(proposal)
    if not findings.is_blocked:
        service.record(actor=approvals.system(), proposal=proposal, at=NOON, findings=findings)
    return findings


def check(proposal: service.Proposal, **more: Any) -> service.Findings:
    return service.check(actor=approvals.system(), proposal=proposal, at=NOON, **more)


def link(
    twin: models.Recipient,
    to: models.Recipient,
    relation: recipients.Relation = recipients.Relation.DUPLICATE,
) -> None:
    people.link(
        actor=approvals.system(),
        recipient_id=twin.pk,
        counts_as_id=to.pk,
        relation=relation,
        reason="The same to the rules",
        at=NOON,
    )


def fired(findings: service.Findings) -> dict[str, gift_rules.Action]:
    return {
        each.verdict.code: each.verdict.action
        for each in findings.verdicts
        if each.verdict.outcome is gift_rules.Outcome.EXCEEDED
    }


def test_an_organization_starts_with_the_rules_that_ship(here: None) -> None:
    assert models.GiftRule.objects.filter(is_shipped=True).count() == 18
    assert models.TaxRule.objects.filter(is_shipped=True).count() == 6
    assert service.adopt_book(actor=approvals.system()) == 0


@pytest.mark.parametrize(
    ("recipient_class", "kind", "day", "amount", "expected"),
    [
        (CLASSES.CUSTOMER, "GOODS", DAY, 999_00, {}),
        (CLASSES.PUBLIC_OFFICIAL, "GOODS", DAY, 20_00, {"OFFICIAL-ANY": ACTIONS.APPROVE}),
        (
            CLASSES.PUBLIC_OFFICIAL,
            "GOODS",
            DAY,
            20_01,
            {"OFFICIAL-ANY": ACTIONS.APPROVE, "US-FEDERAL-OCCASION": ACTIONS.BLOCK},
        ),
        (
            CLASSES.PUBLIC_OFFICIAL,
            "CASH_EQUIVALENT",
            DAY,
            1,
            {"OFFICIAL-ANY": ACTIONS.APPROVE, "OFFICIAL-CASH": ACTIONS.BLOCK},
        ),
        (CLASSES.BROKER_DEALER, "GOODS", dt.date(2026, 3, 29), 100_00, {}),
        (
            CLASSES.BROKER_DEALER,
            "GOODS",
            dt.date(2026, 3, 29),
            100_01,
            {"FINRA-3220": ACTIONS.BLOCK},
        ),
        (CLASSES.BROKER_DEALER, "GOODS", dt.date(2026, 3, 30), 300_00, {}),
        (
            CLASSES.BROKER_DEALER,
            "GOODS",
            dt.date(2026, 3, 30),
            300_01,
            {"FINRA-3220": ACTIONS.BLOCK},
        ),
        (CLASSES.HEALTHCARE_PROFESSIONAL, "GOODS", dt.date(2026, 5, 1), 13_81, {}),
        (
            CLASSES.HEALTHCARE_PROFESSIONAL,
            "GOODS",
            dt.date(2026, 5, 1),
            13_82,
            {"US-OPEN-PAYMENTS-ITEM": ACTIONS.REPORT},
        ),
        (
            CLASSES.HEALTHCARE_PROFESSIONAL,
            "GOODS",
            dt.date(2026, 5, 1),
            138_14,
            {
                "US-OPEN-PAYMENTS-ITEM": ACTIONS.REPORT,
                "US-OPEN-PAYMENTS-YEAR": ACTIONS.REPORT,
            },
        ),
    ],
)
def test_the_limits_that_ship_hold_to_the_cent(  # noqa: PLR0917 - one row of the table
    here: None,
    recipient_class: recipients.RecipientClass,
    kind: str,
    day: dt.date,
    amount: int,
    expected: dict[str, gift_rules.Action],
) -> None:
    proposal = approvals.proposal(
        (recipient(recipient_class), amount), day=day, kind=gift_rules.GiftKind(kind)
    )

    assert fired(check(proposal)) == expected


@pytest.mark.parametrize(
    ("country", "amount", "currency", "expected"),
    [
        ("", 999_00, "USD", set()),
        ("US", 25_00, "USD", set()),
        ("US", 25_01, "USD", {"US-274B"}),
        ("GB", 50_01, "GBP", {"GB-BIM45070", "GB-VAT"}),
        ("DE", 50_01, "EUR", {"DE-4-5-1"}),
        ("FR", 73_01, "EUR", {"FR-VAT"}),
    ],
)
def test_the_givers_country_brings_its_own_rules(
    here: None, country: str, amount: int, currency: str, expected: set[str]
) -> None:
    models.Organization.objects.update(country=country)
    proposal = approvals.proposal((recipient(), amount), currency=currency)

    findings = check(proposal)

    assert set(fired(findings)) == expected
    assert not findings.is_blocked


def test_small_gifts_of_a_year_add_up_whatever_their_order(here: None) -> None:
    official = recipient(CLASSES.PUBLIC_OFFICIAL)
    days = [dt.date(2025, month, 1) for month in (11, 2, 6)]

    outcomes = [give((official, 20_00), day=day).is_blocked for day in days]

    assert outcomes == [False, False, True]


def test_two_gifts_of_30_half_a_year_apart_pass_both_years_and_fail_the_twelve_months(
    here: None,
) -> None:
    approvals.own_rule("YEARLY", window=gift_rules.Window.CALENDAR_YEAR)
    approvals.own_rule("ROLLING")
    client = recipient()
    give((client, 30_00), day=dt.date(2025, 10, 1))

    findings = give((client, 30_00), day=dt.date(2026, 4, 1))

    assert fired(findings) == {"ROLLING": ACTIONS.BLOCK}


def test_a_gift_that_was_taken_back_leaves_room(here: None) -> None:
    approvals.own_rule()
    client = recipient()
    first = approvals.proposal((client, 40_00))
    service.record(actor=approvals.system(), proposal=first, at=NOON)
    assert give((client, 20_00)).is_blocked

    service.take_back(actor=approvals.system(), subject_id=first.subject_id)
    service.take_back(actor=approvals.system(), subject_id=first.subject_id)

    assert not give((client, 20_00)).is_blocked
    assert models.RecipientGift.objects.filter(reverses__isnull=False).count() == 1


def test_what_is_recorded_again_replaces_what_was_and_counts_once(here: None) -> None:
    client = recipient()
    subject = uuid.uuid4()
    for amount in (40_00, 40_00, 35_00):
        service.record(
            actor=approvals.system(),
            proposal=approvals.proposal((client, amount), subject=subject),
            at=NOON,
        )

    (gift,) = records.gifts_of([client.pk])
    assert gift.cost.item == 35_00
    assert models.RecipientGift.objects.count() == 3


@pytest.mark.parametrize("relation", list(recipients.Relation))
def test_limits_hold_over_duplicates_family_and_named_people(
    here: None, relation: recipients.Relation
) -> None:
    approvals.own_rule()
    client, other = recipient(), recipient()
    give((other, 30_00))

    link(other, client, relation)

    assert give((client, 30_00)).is_blocked
    assert give((other, 30_00)).is_blocked


def test_duplicates_of_duplicates_count_as_one_and_an_end_restores_each(here: None) -> None:
    approvals.own_rule()
    first, second, third = recipient(), recipient(), recipient()
    link(second, first)
    link(third, second)
    link(third, second)
    give((third, 30_00))
    assert give((first, 30_00)).is_blocked

    people.unlink(actor=approvals.system(), recipient_id=third.pk, at=NOON)

    assert not give((first, 30_00)).is_blocked
    assert records.everyone_counted_as(first.pk) == {first.pk, second.pk}


def test_who_others_count_as_takes_them_along(here: None) -> None:
    first, second, third = recipient(), recipient(), recipient()
    link(second, first)

    link(first, third)

    assert records.everyone_counted_as(third.pk) == {first.pk, second.pk, third.pk}


def test_a_company_gift_is_a_gift_to_each_person_it_names(here: None) -> None:
    """$100 for three people is 33.34, 33.33 and 33.33."""
    approvals.own_rule(limit_minor=33_33)
    three = [recipient() for _ in range(3)]
    shares = service.equal_shares(gift_rules.Cost(item=100_00), [person.pk for person in three])
    proposal = service.Proposal(
        subject_id=uuid.uuid4(), given_on=DAY, currency="USD", shares=shares
    )

    findings = check(proposal)

    assert [share.cost.item for share in shares] == [33_34, 33_33, 33_33]
    assert {
        each.recipient_id
        for each in findings.verdicts
        if each.verdict.outcome is gift_rules.Outcome.EXCEEDED
    } == {three[0].pk}


def test_two_shares_for_one_person_are_one_gift(here: None) -> None:
    approvals.own_rule()
    client, spouse = recipient(), recipient()
    link(spouse, client, recipients.Relation.FAMILY)

    assert check(approvals.proposal((client, 30_00), (spouse, 30_00))).is_blocked


def test_without_a_rate_a_rule_that_would_block_asks(here: None) -> None:
    approvals.own_rule()
    client = recipient()
    foreign = approvals.proposal((client, 10_00), currency="EUR")

    def at_parity(amount: money.Money, currency: str, _: dt.date) -> money.Money:
        return money.Money(amount.amount_minor, currency)

    blind, converted = check(foreign), check(foreign, convert=at_parity)

    assert (blind.is_blocked, blind.rules_asking) == (False, ("OWN",))
    assert (converted.is_blocked, converted.rules_asking) == (False, ())


def test_an_override_lets_one_rule_pass_for_one_person(here: None) -> None:
    approvals.own_rule()
    client, other = recipient(), recipient()
    overrides.grant(
        actor=approvals.member(access.Role.FINANCE),
        key="o",
        rule_code="OWN",
        recipient_id=client.pk,
        reason="Ten years a customer",
        requested_by=None,
        valid_until=NOON + dt.timedelta(days=1),
        at=NOON,
    )

    first, second, of_other = (
        give((client, 60_00)),
        give((client, 60_00)),
        give((other, 60_00)),
    )

    assert [each.is_blocked for each in (first, second, of_other)] == [False, True, True]
    assert models.OverrideUse.objects.count() == 1


def test_a_rule_ends_where_its_next_version_begins_and_none_is_edited(here: None) -> None:
    approvals.own_rule(limit_minor=50_00, valid_from=dt.date(2025, 1, 1))
    version = approvals.own_rule(limit_minor=90_00, valid_from=dt.date(2026, 1, 1))
    client = recipient()

    before = check(approvals.proposal((client, 60_00), day=dt.date(2025, 12, 31)))
    after = check(approvals.proposal((client, 60_00), day=dt.date(2026, 1, 1)))

    assert version == 2
    assert (before.is_blocked, after.is_blocked) == (True, False)
    assert before.verdicts[0].verdict.version == 1


def test_a_gift_to_an_official_says_what_it_is_and_what_for(here: None) -> None:
    proposal = service.Proposal(
        subject_id=uuid.uuid4(),
        given_on=DAY,
        currency="USD",
        shares=(service.Share(recipient(CLASSES.PUBLIC_OFFICIAL).pk, gift_rules.Cost(item=1)),),
        nature="Pen",
    )

    with pytest.raises(service.RegisterIncomplete) as refusal:
        service.record(actor=approvals.system(), proposal=proposal, at=NOON)

    assert refusal.value.field == "purpose"
    assert not models.RecipientGift.objects.exists()


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            CIRCLE,
            "recipient_link_is_one_deep",
        ),
        ("UPDATE gifting_recipientlink SET counts_as_id = recipient_id", "permission"),
        ("DELETE FROM gifting_recipientlink", "permission"),
        ("UPDATE gifting_recipientgift SET item_minor = 0", "permission"),
        ("DELETE FROM gifting_recipientgift", "permission"),
        ("UPDATE gifting_giftrule SET limit_minor = 1000000", "permission"),
        (
            GIFT.format(recipient="link.recipient_id", item=0, reverses="gift.id"),
            "recipient_gift_reverses_its_own",
        ),
        (
            GIFT.format(recipient="gift.recipient_id", item=-1, reverses="NULL"),
            "recipient_gift_parts_are_not_negative",
        ),
    ],
)
def test_postgresql_keeps_what_was_given_and_who_counts_as_whom(
    here: None, statement: str, rule: str
) -> None:
    approvals.make_gift()
    approvals.make_link()

    assert refused(statement) == rule


def test_a_name_is_never_a_part_of_a_verdict(here: None) -> None:
    approvals.own_rule()
    findings = check(approvals.proposal((recipient(), 60_00)))

    assert "Rita" not in str(findings.as_json())


@pytest.mark.parametrize("attempt", range(2))
def test_of_two_gifts_at_once_exactly_one_passes(committed_db: None, attempt: int) -> None:
    """Eight threads give $30 to one person under two names; room is for one of them."""
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        approvals.own_rule()
        client, twin = recipient(), recipient()
        link(twin, client)
    barrier = threading.Barrier(8)

    def attack(number: int) -> bool:
        barrier.wait()
        try:
            with tenancy.organization(organization.id):
                return not give((client if number % 2 else twin, 30_00)).is_blocked
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(attack, range(8)))

    assert sum(passed) == 1
    with tenancy.organization(organization.id):
        assert models.RecipientGift.objects.count() == 1


def refused(statement: str) -> str:
    """Run a statement and name the rule that it broke."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except Exception as error:  # noqa: BLE001 - whatever PostgreSQL says is the answer
        cause: Any = error.__cause__
        return "permission" if cause.sqlstate == "42501" else str(cause.diag.constraint_name)
    return ""

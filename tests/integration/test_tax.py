"""A year's gifts split by a tax rule add up to what the year's spend says, for every reader."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator

import pytest

from gifting import models
from gifting.domain import access, gift_rules, money, recipients
from gifting.selectors import register, spend, tax
from gifting.services import gift_rules as service
from gifting.services import recipients as people
from gifting.services import tenancy
from tests.factories import approvals, organizations, sends

pytestmark = pytest.mark.django_db

NOON = organizations.NOON
DAY = NOON.date()
COMPONENT = models.sends.Component


@pytest.fixture(autouse=True)
def here() -> Iterator[None]:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        yield


def finance() -> access.Actor:
    return approvals.member(access.Role.FINANCE)


def spent(actor: access.Actor, year: int = 2025) -> money.Money:
    return spend.summary(actor=actor, currency="USD", cut=spend.Cut(fiscal_year=year)).total


def test_three_baskets_are_75_dollars_deductible_of_240() -> None:
    for _ in range(3):
        sends.make_cost_line(sends.make_send(), 80_00)

    report = tax.split(actor=finance(), rule_code="US-274B", fiscal_year=2025)

    assert (report.within.amount_minor, report.beyond.amount_minor) == (75_00, 165_00)
    assert [row.gift_count for row in report.rows] == [1, 1, 1]


def test_one_basket_for_three_named_people_is_split_as_it_was_recorded() -> None:
    """$240 to a company for three people: 3 x $25 again, though it is one send."""
    send = sends.make_send()
    sends.make_cost_line(send, 240_00)
    three = [sends.make_recipient().pk for _ in range(3)]
    shares = service.equal_shares(gift_rules.Cost(item=230_00), three)
    service.record(
        actor=approvals.system(),
        proposal=service.Proposal(send.public_id, DAY, "USD", shares),
        send_id=send.pk,
        at=NOON,
    )

    report = tax.split(actor=finance(), rule_code="US-274B", fiscal_year=2025)

    assert (report.within.amount_minor, report.beyond.amount_minor) == (75_00, 165_00)


def test_the_split_adds_up_to_the_spend_of_the_year_with_late_costs_and_nobody() -> None:
    late = sends.make_send()
    sends.make_cost_line(late, 80_00)
    sends.make_cost_line(late, 91_01, day=dt.date(2026, 2, 1))
    sends.make_cost_line(late, 7_00, component=COMPONENT.SHIPPING, day=dt.date(2026, 2, 1))
    nobody = sends.make_send()
    models.Send.objects.filter(id=nobody.pk).update(recipient=None)
    sends.make_cost_line(nobody, 12_34)
    actor = finance()

    reports = [
        tax.split(actor=actor, rule_code="US-274B", fiscal_year=year) for year in (2025, 2026)
    ]

    assert [report.spent for report in reports] == [spent(actor, 2025), spent(actor, 2026)]
    assert [report.unjudged.amount_minor for report in reports] == [12_34, 0]
    assert reports[1].spent.amount_minor == 18_01


def test_people_who_count_as_one_share_one_limit() -> None:
    client, spouse = sends.make_recipient(), sends.make_recipient()
    people.link(
        actor=approvals.system(),
        recipient_id=spouse.pk,
        counts_as_id=client.pk,
        relation=recipients.Relation.FAMILY,
        reason="Married",
        at=NOON,
    )
    for recipient in (client, spouse):
        sends.make_cost_line(sends.make_send(recipient=recipient), 20_00)

    (row,) = tax.split(actor=finance(), rule_code="US-274B", fiscal_year=2025).rows

    assert (row.within_minor, row.beyond_minor, row.gift_count) == (25_00, 15_00, 2)
    assert row.recipient_id == client.public_id


def test_finance_sees_a_pseudonym_and_marketing_a_name() -> None:
    sends.make_cost_line(sends.make_send(), 80_00)

    of_finance = tax.split(actor=finance(), rule_code="US-274B", fiscal_year=2025)
    of_marketing = tax.split(
        actor=approvals.member(access.Role.MARKETING), rule_code="US-274B", fiscal_year=2025
    )

    assert [row.name for row in of_finance.rows] == [None]
    assert [row.name for row in of_marketing.rows] == ["Rita Recipient"]
    assert of_finance.rows[0].recipient_id == of_marketing.rows[0].recipient_id


def test_senders_see_their_own_costs_judged_with_all_others() -> None:
    client = sends.make_recipient()
    elsewhere, own = organizations.make_cost_center(), organizations.make_cost_center()
    for center in (elsewhere, own):
        send = sends.make_send(recipient=client, cost_center=center)
        sends.make_cost_line(send, 20_00)
    sender = access.Actor.member(
        user_id=1,
        organization_id=organizations.here(),
        role=access.Role.SALES,
        cost_center_ids=[own.pk],
    )

    report = tax.split(actor=sender, rule_code="US-274B", fiscal_year=2025)

    assert (report.within.amount_minor, report.beyond.amount_minor) == (5_00, 15_00)
    assert report.spent == spent(sender)


def test_a_refund_takes_from_the_item_first() -> None:
    send = sends.make_send()
    sends.make_cost_line(send, 80_00)
    sends.make_cost_line(send, 9_00, component=COMPONENT.SHIPPING)
    sends.make_cost_line(send, -60_00, component=COMPONENT.REFUND)

    report = tax.split(actor=finance(), rule_code="US-274B", fiscal_year=2025)

    assert (report.within.amount_minor, report.beyond.amount_minor) == (29_00, 0)


@pytest.mark.parametrize(
    ("rule", "year", "refusal"),
    [("NONE", 2025, tax.UnknownTaxRule), ("US-274B", 1999, tax.UnknownFiscalYear)],
)
def test_what_is_not_there_is_refused(rule: str, year: int, refusal: type[Exception]) -> None:
    sends.period_of(DAY)

    with pytest.raises(refusal):
        tax.split(actor=finance(), rule_code=rule, fiscal_year=year)


def test_the_register_says_who_gave_what_to_whom_and_why() -> None:
    maya = approvals.member(access.Role.MARKETING)
    official = sends.make_recipient(account_reference="ACME")
    people.classify(
        actor=maya,
        recipient_id=official.pk,
        recipient_class=recipients.RecipientClass.PUBLIC_OFFICIAL,
    )
    given = approvals.proposal((official, 15_00))
    service.record(actor=maya, proposal=given, send_id=sends.make_send().pk, at=NOON)
    approvals.define(approvals.band())
    approver = finance()
    approvals.answer(approvals.ask(maya, 15_00, subject=given.subject_id), approver)
    service.take_back(actor=maya, subject_id=given.subject_id)

    (entry,) = register.entries(actor=finance(), from_date=DAY, to_date=DAY + dt.timedelta(days=1))

    assert (entry.nature, entry.purpose) == ("Tea box", "Thanks for the visit")
    assert (entry.value, entry.organization) == (money.Money(15_00, "USD"), "ACME")
    assert (entry.is_public_official, entry.is_taken_back) == (True, True)
    assert entry.recipient_name is None
    assert len(entry.approvers) == 1
    assert entry.giver


def test_many_small_gifts_to_one_person_show_as_a_pattern() -> None:
    client = sends.make_recipient()
    for month in range(1, 6):
        given = approvals.proposal((client, 5_00), day=dt.date(2025, month, 1))
        service.record(actor=approvals.system(), proposal=given, at=NOON)

    entries = register.entries(
        actor=approvals.system(), from_date=dt.date(2025, 1, 1), to_date=dt.date(2026, 1, 1)
    )

    assert [entry.gifts_in_12_months for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.is_pattern for entry in entries] == [False, False, False, True, True]
    assert uuid.UUID(str(entries[0].gift_id))

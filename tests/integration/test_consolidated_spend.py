"""Consolidated spend: what has no value, what overlaps, who sees whom, and what a fault is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from gifting.domain import access, cuts, money, refusals
from gifting.selectors import consolidated, spend
from gifting.services import ledger as books
from gifting.services import tenancy
from tests.factories import ledger as ledger_rows
from tests.factories import organizations, sends

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance() -> Iterator[access.Actor]:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        system = access.Actor.system(organization_id=organization.id)
        yield replace(
            system, permissions=system.permissions - {access.Permission.READ_PERSONAL_DATA}
        )


def _labels(report: consolidated.Report) -> dict[str, int]:
    return {row.keys[0].label: row.amount.amount_minor for row in report.slices}


def test_what_has_no_program_or_sender_is_a_slice_of_its_own(finance: access.Actor) -> None:
    planned = sends.make_campaign(program=sends.make_program(name="Days"))
    sends.make_cost_line(sends.make_send(campaign=planned, sender_reference="s-1"), 30_00)
    sends.make_cost_line(sends.make_send(), 12_00)

    by_program = consolidated.get(actor=finance, cut=cuts.Dimension.PROGRAM)
    by_person = consolidated.get(actor=finance, cut=cuts.Dimension.PERSON)

    assert _labels(by_program) == {"Days": 30_00, "(none)": 12_00}
    assert sorted(_labels(by_person).values()) == [12_00, 30_00]
    assert _labels(by_person)["(none)"] == 12_00


def test_the_slice_without_a_value_is_there_when_it_is_empty(finance: access.Actor) -> None:
    sends.make_cost_line(sends.make_send(sender_reference="s-1"), 30_00)

    report = consolidated.get(actor=finance, cut=cuts.Dimension.PERSON)

    assert _labels(report)["(none)"] == 0


def test_a_department_shows_its_own_spend_and_that_below_it(finance: access.Actor) -> None:
    region = organizations.make_cost_center(name="Region")
    team = organizations.make_cost_center(name="Team", parent=region)
    for center, amount in ((region, 10_00), (team, 5_00)):
        campaign = sends.make_campaign(cost_center=center)
        sends.make_cost_line(sends.make_send(campaign=campaign), amount)

    report = consolidated.get(actor=finance, cut=cuts.Dimension.DEPARTMENT)

    rolled_up = {
        row.keys[0].label: (row.amount.amount_minor, row.rolled_up and row.rolled_up.amount_minor)
        for row in report.slices
    }
    root = organizations.root_cost_center().name
    assert rolled_up == {region.name: (10_00, 15_00), team.name: (5_00, 5_00), root: (0, 15_00)}
    assert report.totals() == (money.Money(15_00, "USD"),)


@pytest.mark.parametrize("measure", [cuts.Measure.ROLLED_UP, cuts.Measure.SHARE])
def test_what_overlaps_or_is_a_ratio_refuses_to_be_added_up(
    finance: access.Actor, measure: cuts.Measure
) -> None:
    sends.make_cost_line(sends.make_send(), 10_00)
    report = consolidated.get(actor=finance, cut=cuts.Dimension.DEPARTMENT)

    with pytest.raises(cuts.NotAdditive) as refused:
        report.totals(measure)

    assert refused.value.code == "NOT_ADDITIVE"


def test_a_pair_of_one_dimension_with_itself_is_refused(finance: access.Actor) -> None:
    with pytest.raises(cuts.CutTwice):
        consolidated.get(actor=finance, cut=cuts.Dimension.VENDOR, then=cuts.Dimension.VENDOR)


def test_a_currency_that_does_not_exist_is_refused(finance: access.Actor) -> None:
    with pytest.raises(money.UnknownCurrency):
        consolidated.get(actor=finance, cut=cuts.Dimension.VENDOR, currency="XXY")


def test_finance_sees_a_pseudonym_that_stays_the_same_and_nothing_else(
    finance: access.Actor,
) -> None:
    sends.make_cost_line(sends.make_send(sender_reference="maya@acme.example"), 10_00)
    names = replace(
        finance, permissions=finance.permissions | {access.Permission.READ_PERSONAL_DATA}
    )

    hidden, again = (consolidated.get(actor=finance, cut=cuts.Dimension.PERSON) for _ in range(2))
    open_ = consolidated.get(actor=names, cut=cuts.Dimension.PERSON)

    assert "maya@acme.example" in _labels(open_)
    assert "maya" not in str(hidden)
    assert hidden == again


def test_pseudonyms_of_two_organizations_cannot_be_matched() -> None:
    one, other = (organizations.make_organization() for _ in range(2))

    names = {
        consolidated.pseudonym(organization_id=each.id, reference="maya") for each in (one, other)
    }

    assert len(names) == 2


def test_a_sender_sees_the_spend_of_their_own_branch(finance: access.Actor) -> None:
    branch = organizations.make_cost_center("branch")
    own = sends.make_campaign(name="Own", cost_center=branch)
    sends.make_cost_line(sends.make_send(campaign=own), 7_00)
    sends.make_cost_line(sends.make_send(), 90_00)
    seller = replace(finance, cost_center_ids=frozenset({branch.pk}))

    for cut in cuts.Dimension:
        report = consolidated.get(actor=seller, cut=cut)
        lines = consolidated.reconcile(actor=seller, report=report)

        assert report.totals() == (money.Money(7_00, "USD"),)
        assert [line.difference.amount_minor for line in lines] == [0]


def test_who_reads_no_money_is_refused(finance: access.Actor) -> None:
    nobody = replace(finance, permissions=frozenset())

    with pytest.raises(refusals.Forbidden):
        consolidated.get(actor=nobody, cut=cuts.Dimension.VENDOR)
    with pytest.raises(refusals.Forbidden):
        consolidated.differences(actor=nobody)


def test_a_period_limits_the_cut_and_its_proof(finance: access.Actor) -> None:
    send = sends.make_send()
    sends.make_cost_line(send, 10_00)
    later = sends.DAY.replace(month=sends.DAY.month + 2)
    sends.make_cost_line(send, 14_00, day=later)
    where = spend.Cut(fiscal_period_ids=[sends.period_of(later).public_id])

    report = consolidated.get(actor=finance, cut=cuts.Dimension.VENDOR, where=where)
    (line,) = consolidated.reconcile(actor=finance, report=report, where=where)

    assert report.totals() == (money.Money(4_00, "USD"),)
    assert (line.ledger_total, line.row_count) == (money.Money(4_00, "USD"), 1)


def test_the_ledger_counts_what_was_delivered_and_what_was_invoiced(db: None) -> None:
    organization = organizations.make_organization()
    actor = access.Actor.system(organization_id=organization.id)
    with tenancy.organization(organization.id):
        budget = sends.make_budget(amount_minor=100_00)
        committed = UUID(ledger_rows.commit((budget, 60_00)).response["commitments"][0])
    books.accrue(
        actor=actor,
        key="accrue",
        commitment=committed,
        amount=money.Money(40_00, "USD"),
        effective_on=sends.DAY,
    )
    books.invoice(
        actor=actor,
        key="invoice",
        commitment=committed,
        amount=money.Money(25_00, "USD"),
        effective_on=sends.DAY,
        reason="March",
    )

    with tenancy.organization(organization.id):
        for basis, expected in ((cuts.Basis.ACCRUAL, 40_00), (cuts.Basis.INVOICED, 25_00)):
            for cut in cuts.Dimension:
                report = consolidated.get(actor=actor, cut=cut, basis=basis)
                (line,) = consolidated.reconcile(actor=actor, report=report)

                assert report.totals() == (money.Money(expected, "USD"),)
                assert (report.served, line.difference.amount_minor) == ("LEDGER", 0)


def test_a_rollup_that_was_tampered_with_is_found(finance: access.Actor) -> None:
    sends.make_cost_line(sends.make_send(sender_reference="s-1"), 10_00)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute("UPDATE gifting_senderspend SET amount_minor = amount_minor + 1")
        cursor.execute("UPDATE gifting_spendrollup SET amount_minor = amount_minor - 1")
        cursor.execute("SET LOCAL ROLE tribute_app")

    found = consolidated.differences(actor=finance)
    (line,) = consolidated.reconcile(
        actor=finance, report=consolidated.get(actor=finance, cut=cuts.Dimension.VENDOR)
    )

    assert {each.rollup: each.stored_minor - each.told_minor for each in found} == {
        "SenderSpend": 1,
        "SpendRollup": -1,
    }
    assert line.difference == money.Money(-1, "USD")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gifting_senderspend SET amount_minor = 0",
        "DELETE FROM gifting_senderspend",
        "TRUNCATE gifting_senderspend",
        (
            "INSERT INTO gifting_senderspend (organization_id, fiscal_period_id, cost_center_id,"
            " sender_reference, currency, amount_minor) SELECT organization_id, fiscal_period_id,"
            " cost_center_id, 'other', currency, 1 FROM gifting_senderspend"
        ),
    ],
)
def test_nobody_writes_the_rollup_of_senders_by_hand(finance: access.Actor, statement: str) -> None:
    sends.make_cost_line(sends.make_send(), 10_00)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert consolidated.differences(actor=finance) == ()

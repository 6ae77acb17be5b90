"""Sends drive the ledger: each preset by hand, in every bucket, and its cost lines say the same."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.models import Sum

from gifting import models
from gifting.domain.ledger import Balances
from gifting.domain.lifecycle import IllegalTransition, State
from gifting.selectors import funds
from gifting.services import charges, operations, tenancy
from gifting.services import ledger as services
from tests.factories import ledger, organizations, requests, sends

pytestmark = pytest.mark.django_db

NOON = organizations.NOON


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield
        with connection.cursor() as cursor:
            # What PostgreSQL would check at the commit that never comes here.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert funds.differences(actor=ledger.actor()) == ()


@pytest.mark.parametrize(
    ("preset", "states", "committed", "accrued", "actual"),
    [
        ("SENDOSO_EGIFT", "", 58_00, 0, 0),
        ("SENDOSO_EGIFT", "OFFERED", 0, 0, 58_00),
        ("SENDOSO_EGIFT", "OFFERED EXPIRED", 0, 0, 0),
        ("SENDOSO_EGIFT", "OFFERED OPENED EXPIRED", 0, 0, 58_00),
        ("SENDOSO_PHYSICAL", "OFFERED", 0, 58_00, 0),
        ("SENDOSO_PHYSICAL", "OFFERED SHIPPED", 0, 0, 58_00),
        ("SENDOSO_PHYSICAL", "OFFERED CANCELLED", 0, 0, 0),
        ("SENDOSO_PHYSICAL", "SHIPPED UNDELIVERABLE", 0, 0, 58_00),
        ("SENDOSO_PHYSICAL", "SHIPPED UNDELIVERABLE REFUNDED", 0, 0, 0),
        ("REACHDESK", "OFFERED", 58_00, 0, 0),
        ("REACHDESK", "OFFERED IN_FULFILLMENT", 0, 0, 58_00),
        ("REACHDESK", "IN_FULFILLMENT CANCELLED", 0, 0, 0),
        ("ALYCE", "OFFERED OPENED", 58_00, 0, 0),
        ("ALYCE", "OFFERED ACCEPTED", 0, 58_00, 0),
        ("ALYCE", "ACCEPTED IN_FULFILLMENT", 0, 0, 58_00),
        ("ALYCE", "OFFERED DECLINED", 0, 0, 0),
        ("POSTAL_EMAIL", "OFFERED", 0, 0, 58_00),
        ("POSTAL_EMAIL", "OFFERED EXPIRED", 0, 0, 0),
        ("POSTAL_MAGICLINK", "OFFERED", 58_00, 0, 0),
        ("POSTAL_MAGICLINK", "ACCEPTED", 0, 0, 58_00),
        ("ANDOPEN_MARKETPLACE", "OFFERED", 60_50, 0, 0),
        ("ANDOPEN_MARKETPLACE", "ACCEPTED", 0, 0, 60_50),
        ("SNAPPY_PREPAID", "OFFERED", 63_00, 0, 0),
        ("SNAPPY_PREPAID", "ACCEPTED", 0, 0, 63_00),
        ("LOOP_AND_TIE", "OFFERED", 0, 0, 58_00),
        ("LOOP_AND_TIE", "OFFERED EXPIRED", 0, 0, 0),
        ("BHN_REWARDS", "OFFERED EXPIRED", 0, 0, 0),
        ("TANGO_CHOICE", "OFFERED CANCELLED", 0, 0, 0),
        ("TANGO_CHOICE", "OFFERED ACCEPTED CANCELLED", 0, 0, 58_00),
        (None, "OFFERED", 58_00, 0, 0),
        (None, "OFFERED DELIVERED", 0, 58_00, 0),
    ],
)
def test_each_presets_money_stands_where_its_terms_put_it(
    preset: str | None, states: str, committed: int, accrued: int, actual: int
) -> None:
    """A gift of 50.00 and 8.00 shipping; 5% of 50.00 is 2.50, 10% of 50.00 is 5.00."""
    budget = ledger.make_budget(100_00)
    send = requests.make_approved(budget, preset=preset)

    requests.tell(send, *(State(state) for state in states.split()))

    assert ledger.balances(budget) == Balances(100_00, committed, accrued, actual)
    assert _cost(send) == accrued + actual
    assert _shared(send) == accrued + actual


def test_what_is_told_twice_late_or_out_of_order_ends_the_same() -> None:
    """Offered, opened, expired at Sendoso: charged, and kept, since it was opened in time."""
    told = [
        (State.OFFERED, NOON),
        (State.OPENED, NOON + dt.timedelta(hours=1)),
        (State.EXPIRED, NOON + dt.timedelta(days=90)),
    ]
    ends = []
    for order in itertools.permutations(told):
        budget = ledger.make_budget(100_00)
        send = requests.make_approved(budget, preset="SENDOSO_EGIFT")
        for state, at in (*order, *reversed(order)):
            requests.tell(send, state, at=at)
        ends.append((ledger.balances(budget), requests.costs(send)))

    assert ends == [(Balances(100_00, actual=58_00), {"ITEM": 50_00, "SHIPPING": 8_00})] * 6


def test_the_same_news_moves_money_once() -> None:
    budget = ledger.make_budget(100_00)
    send = requests.make_approved(budget, preset="SENDOSO_EGIFT")
    first, again = (*requests.tell(send, State.OFFERED), *requests.tell(send, State.OFFERED))
    (late,) = requests.tell(send, State.SCHEDULED)

    assert (first.outcome, again.outcome) == (charges.Outcome.NEWS, charges.Outcome.REPEATED)
    assert first.operation_id is not None
    assert again.operation_id is None
    assert late.outcome is charges.Outcome.REPEATED
    assert ledger.balances(budget) == Balances(100_00, actual=58_00)


def test_news_that_contradicts_what_is_known_changes_nothing() -> None:
    budget = ledger.make_budget(100_00)
    send = requests.make_approved(budget, preset="ALYCE")
    requests.tell(send, State.ACCEPTED)

    with pytest.raises(IllegalTransition):
        requests.tell(send, State.EXPIRED)

    assert ledger.balances(budget) == Balances(100_00, accrued=58_00)


def test_an_estimate_is_adjusted_in_the_period_of_the_adjustment() -> None:
    """Estimated 58.00 in March; shipped in April for 50.00 + 11.50: 3.50 more, in April."""
    budget = ledger.make_budget(100_00)
    send = requests.make_approved(budget, preset="SENDOSO_PHYSICAL")
    requests.tell(send, State.OFFERED)
    april = NOON + dt.timedelta(days=25)
    charges.record_price(
        actor=ledger.actor(),
        send=send.public_id,
        charge=requests.charge({"ITEM": 50_00, "SHIPPING": 11_50}, at=april),
    )
    assert ledger.balances(budget) == Balances(100_00, accrued=58_00, actual=3_50)

    requests.tell(send, State.SHIPPED, at=april)

    lines = models.CostLine.objects.filter(send=send, component="SHIPPING").order_by("version")
    assert list(lines.values_list("basis", "change_minor", "fiscal_period__number")) == [
        ("ESTIMATED", 8_00, 3),
        ("ESTIMATED", 3_50, 4),
        ("ACTUAL", 0, 4),
    ]
    assert ledger.balances(budget) == Balances(100_00, actual=61_50)


def test_a_lower_charge_gives_the_rest_back() -> None:
    budget = ledger.make_budget(100_00)
    send = requests.make_approved(budget, preset="SENDOSO_PHYSICAL")
    requests.tell(send, State.OFFERED)

    requests.invoice(send, {"ITEM": 45_00, "SHIPPING": 6_00})

    assert ledger.balances(budget) == Balances(100_00, actual=51_00)
    assert requests.costs(send) == {"ITEM": 45_00, "SHIPPING": 6_00}


def test_a_charge_beyond_the_budget_is_owed_and_named() -> None:
    """Reserved 58.00 of 60.00; invoiced 75.00: 15.00 overran."""
    budget = ledger.make_budget(60_00)
    send = requests.make_approved(budget)

    requests.invoice(send, {"ITEM": 75_00})

    assert ledger.balances(budget) == Balances(60_00, actual=75_00, overrun=15_00)
    assert models.OverrunException.objects.get().transfer.amount_minor == 15_00


def test_a_refund_repays_the_overrun_first_and_never_more_than_was_paid() -> None:
    budget = ledger.make_budget(60_00)
    send = requests.make_approved(budget)
    requests.invoice(send, {"ITEM": 75_00})

    requests.refund(send, 20_00)
    assert ledger.balances(budget) == Balances(60_00, actual=55_00)
    with pytest.raises(operations.RefundExceedsSpend):
        requests.refund(send, 55_01)
    assert ledger.balances(budget) == Balances(60_00, actual=55_00)

    requests.refund(send, 55_00)

    assert ledger.balances(budget) == Balances(60_00)
    assert requests.costs(send) == {"ITEM": 75_00, "REFUND": -75_00}


def test_several_budgets_bear_a_gift_by_their_weights_to_the_unit() -> None:
    """50.01 and 8.00 over 1:1:1 are 16.67 each, and 2.67, 2.67, 2.66: ties go to the first."""
    budgets = [ledger.make_budget(100_00) for _ in range(3)]
    send = requests.make_approved(
        *budgets, preset="SENDOSO_EGIFT", estimate={"ITEM": 50_01, "SHIPPING": 8_00}
    )
    assert [ledger.balances(each).committed for each in budgets] == [19_34, 19_34, 19_33]

    requests.tell(send, State.OFFERED)
    assert [ledger.balances(each).actual for each in budgets] == [19_34, 19_34, 19_33]
    requests.tell(send, State.EXPIRED)

    assert [ledger.balances(each) for each in budgets] == [Balances(100_00)] * 3


def test_a_gift_that_went_without_an_approval_is_owed_all_the_same() -> None:
    budget = ledger.make_budget(50_00)
    send = requests.make_request(budget, preset="SENDOSO_EGIFT")

    requests.tell(send, State.OFFERED)

    assert ledger.balances(budget) == Balances(50_00, actual=58_00, overrun=8_00)
    with pytest.raises(charges.SendNotApproved):
        charges.dispatch(
            actor=ledger.actor(),
            send=send.public_id,
            moment=charges.Moment(State.OPENED, NOON),
        )


def test_what_snappy_held_too_much_comes_back_next_month() -> None:
    """Held 63.00, claimed 59.20; 3.80 come back on 1 April 2025, a Tuesday."""
    budget = ledger.make_budget(100_00)
    send = requests.make_approved(budget, preset="SNAPPY_PREPAID")
    charges.record_price(
        actor=ledger.actor(),
        send=send.public_id,
        charge=requests.charge({"ITEM": 50_00, "SHIPPING": 8_00, "TAX": 1_20}),
    )

    requests.tell(send, State.ACCEPTED)
    assert ledger.balances(budget) == Balances(100_00, committed=3_80, actual=59_20)
    early = services.expire_due(actor=ledger.actor(), at=dt.datetime(2025, 3, 31, tzinfo=dt.UTC))
    on_time = services.expire_due(actor=ledger.actor(), at=dt.datetime(2025, 4, 1, tzinfo=dt.UTC))

    assert (early, on_time) == (0, 1)
    assert ledger.balances(budget) == Balances(100_00, actual=59_20)


def test_a_fact_under_a_used_reference_is_refused_when_it_differs() -> None:
    send = requests.make_approved()
    charge = requests.charge({"ITEM": 40_00}, reference="INV-1")
    other = requests.charge({"ITEM": 41_00}, reference="INV-1")
    actor = ledger.actor()
    charges.record_invoice(actor=actor, send=send.public_id, charge=charge)

    again = charges.record_invoice(actor=actor, send=send.public_id, charge=charge)
    with pytest.raises(charges.ChargeReferenceReused):
        charges.record_invoice(actor=actor, send=send.public_id, charge=other)

    assert again.outcome is charges.Outcome.REPEATED
    assert requests.costs(send) == {"ITEM": 40_00}


def test_a_send_from_a_file_takes_events_and_no_money() -> None:
    send = sends.make_send()
    requests.tell(send, State.SHIPPED)

    with pytest.raises(charges.SendNotRequested):
        requests.invoice(send, {"ITEM": 40_00})

    assert models.SendFact.objects.count() == models.Transfer.objects.count() == 0


def _cost(send: models.Send) -> int:
    total = models.CostLine.objects.filter(send=send).aggregate(total=Sum("change_minor"))
    return int(total["total"] or 0)


def _shared(send: models.Send) -> int:
    rows = models.CostShare.objects.filter(cost_line__send=send)
    return int(rows.aggregate(total=Sum("amount_minor"))["total"] or 0)

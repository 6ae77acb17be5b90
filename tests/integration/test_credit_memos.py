"""Money that vendors keep: issued, used, lost on its day, and reported to the unit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.db import connection

from gifting import models
from gifting.domain import timing
from gifting.domain.ledger import Balances
from gifting.domain.lifecycle import State
from gifting.selectors import adjustments, funding, funds
from gifting.selectors import credit_memos as reports
from gifting.services import breakage, charges, credit_memos, operations, tenancy
from gifting.services import ledger as services
from gifting.services import requests as asking
from gifting.services import timing as terms
from tests.factories import ledger, organizations, requests, sends

pytestmark = pytest.mark.django_db

NOON = organizations.NOON
DAY = sends.DAY
YEAR = dt.timedelta(days=365)


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield
        with connection.cursor() as cursor:
            # What PostgreSQL would check at the commit that never comes here.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert funds.differences(actor=ledger.actor()) == ()


def test_what_comes_back_as_a_credit_dies_after_its_year_and_is_a_cost_again() -> None:
    """58.00 back as a credit on 14 March 2025, 18.00 used, 40.00 dead on 14 March 2026."""
    budget = ledger.make_budget(100_00)
    send = requests.make_approved(budget, preset="LOOP_AND_TIE")
    requests.tell(send, State.OFFERED, State.EXPIRED)
    assert ledger.balances(budget) == Balances(100_00)
    memo = models.CreditMemo.objects.get()
    assert (memo.amount_minor, memo.expires_on) == (58_00, DAY + YEAR)
    _use(memo, 18_00)

    early = breakage.expire_due(actor=ledger.actor(), at=NOON + YEAR - dt.timedelta(days=1))
    on_its_day = breakage.expire_due(actor=ledger.actor(), at=NOON + YEAR)
    again = breakage.expire_due(actor=ledger.actor(), at=NOON + YEAR)

    assert (early, on_its_day, again) == (0, 1, 0)
    assert ledger.balances(budget) == Balances(100_00, actual=40_00)
    assert requests.costs(send) == {
        "ITEM": 50_00,
        "SHIPPING": 8_00,
        "REFUND": -58_00,
        "BREAKAGE": 40_00,
    }


def test_a_breakage_is_owed_when_the_budget_was_spent_meanwhile() -> None:
    budget = ledger.make_budget(58_00)
    send = requests.make_approved(budget, preset="LOOP_AND_TIE")
    requests.tell(send, State.OFFERED, State.EXPIRED)
    ledger.record_fact(budget, 58_00)

    breakage.expire_due(actor=ledger.actor(), at=NOON + YEAR)

    assert ledger.balances(budget) == Balances(58_00, actual=116_00, overrun=58_00)


def test_a_credit_that_came_by_mistake_is_taken_back() -> None:
    """Expired, credited; then it turns out that it was accepted in time."""
    budget = ledger.make_budget(100_00)
    vendor = sends.make_vendor()
    terms.add(
        actor=ledger.actor(),
        vendor_id=vendor.pk,
        gift_kind=timing.GiftKind.ANY,
        terms=timing.Terms(
            at_offer=timing.Effect.CHARGE,
            on_expiry=timing.Return.CREDIT,
            returns_while=timing.Returnable.UNOPENED,
            credit_days=30,
        ),
        starts_on=DAY,
        source="The contract",
    )
    gift = requests.asked(budget, vendor=vendor)
    made = asking.request(actor=ledger.actor(), asked=gift, at=NOON)
    send = models.Send.objects.get(public_id=made)
    requests.approve(send)
    requests.tell(send, State.OFFERED, State.EXPIRED)

    (late,) = requests.tell(send, State.OPENED)

    assert late.outcome is charges.Outcome.LATE
    assert ledger.balances(budget) == Balances(100_00, actual=58_00)
    use = models.CreditUse.objects.get()
    assert (use.kind, use.amount_minor) == ("WITHDRAWN", 58_00)
    assert breakage.expire_due(actor=ledger.actor(), at=NOON + YEAR) == 0


@pytest.mark.parametrize(
    ("amount_minor", "day", "refusal"),
    [
        (58_01, DAY, credit_memos.CreditExceeded),
        (1_00, DAY + YEAR, credit_memos.CreditExpired),
        (1_00, DAY - dt.timedelta(days=1), credit_memos.CreditUnusable),
        (0, DAY, services.AmountNotPositive),
    ],
)
def test_a_credit_that_does_not_cover_it_is_not_used(
    amount_minor: int, day: dt.date, refusal: type[Exception]
) -> None:
    memo = _credit()

    with pytest.raises(refusal):
        _use(memo, amount_minor, day=day)

    memo.refresh_from_db()
    assert memo.used_minor == 0


def test_one_reference_uses_a_credit_once() -> None:
    memo = _credit()
    paid = sends.make_send(vendor=memo.vendor)
    for _ in range(2):
        _use(memo, 10_00, send=paid, reference="order-7")
    with pytest.raises(credit_memos.CreditReferenceReused):
        _use(memo, 11_00, send=paid, reference="order-7")

    memo.refresh_from_db()
    assert memo.used_minor == 10_00


def test_another_vendors_gift_is_not_paid_by_a_credit() -> None:
    memo = _credit()

    with pytest.raises(credit_memos.CreditUnusable):
        _use(memo, 10_00, send=sends.make_send())


def test_a_vendors_own_credit_is_recorded_once() -> None:
    vendor = sends.make_vendor()

    def issue(amount_minor: int) -> object:
        return credit_memos.issue(
            actor=ledger.actor(),
            vendor_id=vendor.pk,
            amount=ledger.usd(amount_minor),
            issued_on=DAY,
            expires_on=None,
            reference="CM-1",
            source="The vendor's mail",
        )

    first, again = issue(20_00), issue(20_00)
    with pytest.raises(credit_memos.CreditReferenceReused):
        issue(21_00)

    assert first == again
    assert models.CreditMemo.objects.count() == 1


def test_the_report_of_breakage_names_every_amount() -> None:
    """Four gifts of 58.00: one unopened and recoverable, one opened and kept, two credits.

    Of the credits one was used by 18.00 and lost 40.00, the other is open with 58.00.
    """
    budget = ledger.make_budget(500_00)
    open_send = requests.make_approved(budget, preset="SENDOSO_EGIFT")
    requests.tell(open_send, State.OFFERED)
    kept = requests.make_approved(budget, preset="SENDOSO_EGIFT")
    requests.tell(kept, State.OFFERED, State.OPENED, State.EXPIRED)
    lost = requests.make_approved(budget, preset="LOOP_AND_TIE")
    requests.tell(lost, State.OFFERED, State.EXPIRED)
    _use(models.CreditMemo.objects.get(send=lost), 18_00)
    breakage.expire_due(actor=ledger.actor(), at=NOON + YEAR)
    still_open = requests.make_approved(budget, preset="LOOP_AND_TIE")
    requests.tell(still_open, State.OFFERED, State.EXPIRED, at=NOON + YEAR)

    found = reports.breakage(
        actor=ledger.actor(), starts_on=DAY, ends_on=DAY + YEAR + dt.timedelta(days=1)
    )

    figures = {row.vendor_id: row[3:] for row in found}
    # In this order: what was issued, used, withdrawn and lost, what is open, dying soon,
    # recoverable, and kept by the vendor.
    assert figures == {
        open_send.vendor_id: (0, 0, 0, 0, 0, 0, 58_00, 0),
        kept.vendor_id: (0, 0, 0, 0, 0, 0, 0, 58_00),
        lost.vendor_id: (58_00, 18_00, 0, 40_00, 0, 0, 0, 40_00),
        still_open.vendor_id: (58_00, 0, 0, 0, 58_00, 0, 0, 0),
    }


def test_adjustments_stand_in_both_periods() -> None:
    """Estimated 8.00 shipping in March, charged 11.50 in April."""
    budget = ledger.make_budget(100_00)
    send = requests.make_approved(budget, preset="SENDOSO_PHYSICAL")
    requests.tell(send, State.OFFERED)
    april = NOON + dt.timedelta(days=25)
    requests.invoice(send, {"ITEM": 50_00, "SHIPPING": 11_50}, at=april)
    march, later = sends.period_of(DAY), sends.period_of(april.date())

    found = {
        period.pk: adjustments.of_period(actor=ledger.actor(), fiscal_period_id=period.pk)
        for period in (march, later, sends.period_of(dt.date(2025, 5, 1)))
    }

    (one,) = found[later.pk]
    assert one == adjustments.Adjustment(
        send=send.public_id,
        component="SHIPPING",
        currency="USD",
        estimated_minor=8_00,
        adjusted_minor=11_50,
        change_minor=3_50,
        estimated_on=DAY,
        estimated_in_id=march.pk,
        adjusted_on=april.date(),
        adjusted_in_id=later.pk,
        is_final=True,
    )
    assert list(found.values()) == [(one,), (one,), ()]


def test_every_cost_is_borne_by_a_fund_or_named_as_paid_elsewhere() -> None:
    budget = ledger.make_budget(100_00)
    send = requests.make_approved(budget, preset="SENDOSO_EGIFT")
    requests.tell(send, State.OFFERED)
    sends.make_cost_line(sends.make_send(), 30_00)

    assert funding.trace(actor=ledger.actor()) == (
        funding.Traced(
            "USD", 88_00, budgeted_minor=58_00, unbudgeted_minor=30_00, unbudgeted_lines=1
        ),
    )


def test_a_wrong_step_of_the_ledger_is_taken_back_once() -> None:
    budget = ledger.make_budget(100_00)
    commitment = ledger.make_commitment(budget, 40_00)
    ledger.invoice(commitment, 25_00)
    wrong = models.Transfer.objects.get(to_bucket="ACTUAL")

    answer = _reverse(wrong)
    with pytest.raises(services.TransferNotReversible):
        _reverse(wrong)

    assert answer.response == {"reversed": str(wrong.public_id)}
    assert ledger.balances(budget) == Balances(100_00, committed=40_00)
    assert models.FundingSource.objects.get(entry__budget=budget).spent_minor == 0


def test_steps_of_sends_and_spends_at_will_are_not_reversed() -> None:
    budget = ledger.make_budget(200_00)
    send = requests.make_approved(budget, preset="SENDOSO_EGIFT")
    requests.tell(send, State.OFFERED)
    ledger.record_fact(budget, 10_00)
    before = ledger.balances(budget)

    for step in models.Transfer.objects.filter(to_bucket="ACTUAL"):
        with pytest.raises(services.TransferNotReversible):
            _reverse(step)

    assert ledger.balances(budget) == before


def _credit() -> models.CreditMemo:
    send = requests.make_approved(preset="LOOP_AND_TIE")
    requests.tell(send, State.OFFERED, State.EXPIRED)
    return models.CreditMemo.objects.get(send=send)


def _use(
    memo: models.CreditMemo,
    amount_minor: int,
    *,
    send: models.Send | None = None,
    day: dt.date = DAY,
    reference: str | None = None,
) -> None:
    credit_memos.use(
        actor=ledger.actor(),
        credit=memo.public_id,
        send=(send or sends.make_send(vendor=memo.vendor)).public_id,
        amount=ledger.usd(amount_minor),
        used_on=day,
        reference=reference or f"use-{organizations.next_number()}",
    )


def _reverse(step: models.Transfer) -> operations.Answer:
    return services.reverse(
        actor=ledger.actor(),
        key=ledger.key(),
        transfer=step.public_id,
        effective_on=DAY,
        reason="Posted to the wrong order",
    )

"""Accrual + reversal + invoice over the periods is the invoice, and nothing counts twice (23).

The oracle knows units alone: by the end of a period as much was consumed as was received or was
invoiced, whichever is more, and each period bears what was consumed in it, at the order's price,
and the price variances of the invoices that came in.
"""

from __future__ import annotations

import datetime as dt

import hypothesis
import pytest
from django.db import transaction
from hypothesis import strategies as st

from gifting.selectors import accruals
from gifting.services import tenancy
from tests.factories import ledger, organizations, procurement, sends

pytestmark = pytest.mark.django_db

PRICE = 7
DAYS = [dt.date(2025, month, 10) for month in (3, 4, 5)]

papers = st.lists(
    st.tuples(
        st.sampled_from(["receive", "invoice"]),
        st.integers(0, 2),
        st.integers(1, 9),
        st.integers(-6, 6),
    ),
    max_size=6,
)


@hypothesis.settings(max_examples=4)
@hypothesis.given(papers)
def test_every_period_bears_what_was_consumed_in_it(
    given: list[tuple[str, int, int, int]],
) -> None:
    with transaction.atomic():
        with tenancy.organization(organizations.make_organization().id):
            budget = ledger.make_budget(10_000, day=DAYS[0])
            line = procurement.make_order(
                procurement.order_of(60, PRICE, budget=budget), day=DAYS[0]
            ).lines.get()
            received, invoiced, varied = [0] * 3, [0] * 3, [0] * 3
            for kind, period, quantity, off in given:
                if kind == "receive":
                    procurement.receive(line, quantity, day=DAYS[period])
                    received[period] += quantity
                else:
                    net = max(0, quantity * PRICE + off)
                    procurement.take(procurement.invoice_of(line, quantity, net), day=DAYS[period])
                    invoiced[period] += quantity
                    varied[period] += net - quantity * PRICE
            told = [_expense(day) for day in DAYS]
            (last,) = [_accrued(DAYS[-1])]
            held = ledger.balances(budget)
        transaction.set_rollback(True)

    consumed = [
        max(sum(received[: n + 1]), sum(invoiced[: n + 1])) * PRICE for n in range(len(DAYS))
    ]
    before = [0, *consumed]
    assert told == [consumed[n] - before[n] + varied[n] for n in range(len(DAYS))]
    total_invoiced = sum(invoiced) * PRICE + sum(varied)
    assert sum(told) == total_invoiced + last
    assert (held.actual, held.accrued) == (total_invoiced, last)


def _expense(day: dt.date) -> int:
    found = accruals.recognition(actor=ledger.actor(), fiscal_period_id=sends.period_of(day).pk)
    return sum(each.expense_minor for each in found)


def _accrued(day: dt.date) -> int:
    found = accruals.at_period_end(actor=ledger.actor(), fiscal_period_id=sends.period_of(day).pk)
    return sum(each.amount_minor for each in found)

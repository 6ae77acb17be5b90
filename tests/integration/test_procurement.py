"""Orders reserve, receipts accrue, invoices post what is owed, and credit notes give it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from gifting import models
from gifting.domain import ledger as ledger_rules
from gifting.selectors import accruals, purchasing
from gifting.services import invoices, orders, tenancy
from tests.factories import ledger, organizations, procurement, requests, sends

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@pytest.fixture
def budget() -> models.Budget:
    return ledger.make_budget(100_00)


@pytest.fixture
def line(budget: models.Budget) -> models.PurchaseOrderLine:
    """Ten units at 5.00, from a budget of 100.00."""
    return procurement.make_order(procurement.order_of(10, 5_00, budget=budget)).lines.get()


def held(budget: models.Budget) -> tuple[int, int, int, int]:
    now = ledger.balances(budget)
    return now.committed, now.accrued, now.actual, now.overrun


def test_an_order_reserves_what_arrives_is_accrued_and_what_is_invoiced_is_spent(
    budget: models.Budget, line: models.PurchaseOrderLine
) -> None:
    ordered = held(budget)
    procurement.receive(line, 4)
    received = held(budget)
    procurement.make_invoice(procurement.invoice_of(line, 4, 20_00))
    invoiced = held(budget)

    assert ordered == (50_00, 0, 0, 0)
    assert received == (30_00, 20_00, 0, 0)
    assert invoiced == (30_00, 0, 20_00, 0)
    assert procurement.outcomes(line) == ["MATCHED"]


def test_what_comes_before_its_receipt_is_cleared_by_it(
    budget: models.Budget, line: models.PurchaseOrderLine
) -> None:
    procurement.make_invoice(procurement.invoice_of(line, 4, 20_00))
    early = procurement.outcomes(line)
    procurement.receive(line, 4)

    (exception,) = models.MatchException.objects.all()
    assert (early, procurement.outcomes(line)) == (["NO_RECEIPT"], ["MATCHED"])
    assert (exception.resolution, exception.resolved_by) == ("CLEARED", None)
    assert held(budget) == (30_00, 0, 20_00, 0)


def test_a_price_variance_eats_nothing_of_what_is_still_to_come(
    budget: models.Budget, line: models.PurchaseOrderLine
) -> None:
    """Five of ten arrived and are invoiced at 6.00: 5.00 beyond the order, and 25.00 stay."""
    procurement.receive(line, 5)
    procurement.make_invoice(procurement.invoice_of(line, 5, 30_00))

    assert held(budget) == (25_00, 0, 30_00, 0)
    assert procurement.outcomes(line) == ["PRICE_VARIANCE"]


def test_what_was_cheaper_than_ordered_comes_back(
    budget: models.Budget, line: models.PurchaseOrderLine
) -> None:
    procurement.receive(line, 10)
    procurement.make_invoice(procurement.invoice_of(line, 10, 40_00))

    assert held(budget) == (0, 0, 40_00, 0)


def test_an_invoice_that_the_budget_cannot_bear_is_taken_all_the_same(
    budget: models.Budget, line: models.PurchaseOrderLine
) -> None:
    procurement.make_invoice(procurement.invoice_of(line, 10, 120_00))

    assert held(budget) == (0, 0, 120_00, 20_00)
    assert models.OverrunException.objects.count() == 1


def test_an_order_that_does_not_fit_leaves_nothing(budget: models.Budget) -> None:
    small = procurement.order_of(1, 60_00, budget=budget)

    with pytest.raises(ledger_rules.BudgetExceeded):
        procurement.make_order(small, small)

    assert models.PurchaseOrder.objects.count() == 0
    assert held(budget) == (0, 0, 0, 0)


def test_a_closed_order_gives_back_what_will_not_come(
    budget: models.Budget, line: models.PurchaseOrderLine
) -> None:
    procurement.receive(line, 4)

    for key in ("once", "once"):
        orders.close(
            actor=procurement.actor(),
            key=key,
            order=line.order.public_id,
            closed_on=procurement.DAY,
        )
    with pytest.raises(orders.OrderClosed):
        orders.close(
            actor=procurement.actor(),
            key="again",
            order=line.order.public_id,
            closed_on=procurement.DAY,
        )

    assert held(budget) == (0, 20_00, 0, 0)


def test_a_blanket_order_is_called_off_by_amounts(budget: models.Budget) -> None:
    called_off = orders.blanket("Gifts of the year", budget.pk, ledger.usd(80_00))
    line = procurement.make_order(called_off, is_blanket=True).lines.get()

    procurement.receive(line, 30_00)
    procurement.make_invoice(procurement.invoice_of(line, 30_00, 30_00))

    assert held(budget) == (50_00, 0, 30_00, 0)
    assert procurement.outcomes(line) == ["MATCHED"]


@pytest.mark.parametrize("number", ["INV-0012", "inv 12", "Inv12", "INV/00012"])
def test_a_copy_is_named_whatever_its_spelling_and_posted_nowhere(
    budget: models.Budget, line: models.PurchaseOrderLine, number: str
) -> None:
    billed = procurement.invoice_of(line, 4, 20_00)
    first = procurement.take(billed, number="INV-0012")
    before = held(budget)

    copy = procurement.take(billed, number=number)

    assert (copy.invoice, copy.is_duplicate) == (first.invoice, True)
    assert "INV-0012" in copy.message
    assert held(budget) == before
    assert models.VendorInvoice.objects.count() == 1
    assert models.MatchException.objects.filter(outcome="DUPLICATE").count() == 1


def test_a_copy_under_a_merged_name_is_a_copy(line: models.PurchaseOrderLine) -> None:
    twin = sends.make_vendor(name="Gift Shop Ltd")
    billed = procurement.invoice_of(line, 4, 20_00)
    with pytest.raises(invoices.OtherVendor):
        procurement.take(billed, vendor=twin, number="INV-12")
    procurement.merge(twin, line.order.vendor)
    first = procurement.take(billed, number="INV-0012")

    copy = procurement.take(billed, vendor=twin, number="inv 12")

    assert (copy.invoice, copy.is_duplicate) == (first.invoice, True)


def test_recoverable_tax_is_no_cost(budget: models.Budget, line: models.PurchaseOrderLine) -> None:
    taxed = invoices.Line(
        "Tea boxes", 10, 50_00, 3_00, recoverable_tax_minor=7_00, order_line_id=line.pk
    )

    procurement.take(taxed)

    assert models.VendorInvoice.objects.get().total_minor == 60_00
    assert held(budget)[2] == 53_00


def test_a_receipt_of_a_send_is_proof_and_moves_no_money(budget: models.Budget) -> None:
    before = held(budget)

    receipt = procurement.receive(send=sends.make_send())

    assert (receipt.amount_minor, receipt.order_line_id) == (0, None)
    assert held(budget) == before


def test_the_tier_that_would_have_applied_is_computed_by_hand() -> None:
    """120 boxes at 5.00 were paid; from 100 on they cost 4.00: 120.00 too much."""
    item = sends.make_gift_item(name="Tea box")
    procurement.agree(item, tiers={1: 5_00, 100: 4_00})
    for quantity in (50, 70):
        ordered = procurement.order_of(quantity, 5_00, item=item)
        line = procurement.make_order(ordered, vendor=item.vendor).lines.get()
        procurement.take(procurement.invoice_of(line, quantity, quantity * 5_00))
    window = purchasing.Window("USD", procurement.DAY, procurement.DAY + dt.timedelta(days=1))

    found = purchasing.consolidation(actor=procurement.actor(), window=window)

    (saving,) = found.savings
    assert (saving.quantity, saving.minimum_quantity) == (120, 100)
    assert (saving.paid_minor, saving.saving_minor) == (600_00, 120_00)


def test_what_a_send_accrues_without_an_order_is_on_the_list_too() -> None:
    link = requests.make_send_commitment()
    ledger.accrue(link.commitment, 1_00)
    period = sends.period_of(procurement.DAY)

    (accrual,) = accruals.at_period_end(actor=procurement.actor(), fiscal_period_id=period.pk)

    assert (accrual.source, accrual.amount_minor) == (accruals.Source.COMMITMENT, 1_00)
    assert accrual.vendor_id == link.send.vendor_id
    assert accrual.reverses_on == period.ends_on

"""Orders reserve, receipts accrue, invoices post what is owed, and credit notes give it back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gifting import models
from gifting.services import tenancy
from tests.factories import ledger, organizations, procurement

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

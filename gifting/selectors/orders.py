"""Orders, their lines, receipts and agreed prices, as rows for readers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db.models import Sum

from gifting import models
from gifting.domain import access
from gifting.selectors import records

READERS = (access.Permission.READ_BUDGETS, access.Permission.READ_SPEND)


class OrderRecord(NamedTuple):
    """An order's row."""

    id: int
    public_id: UUID
    number: str
    currency: str
    ordered_on: dt.date
    is_blanket: bool
    recorded_at: dt.datetime
    vendor_id: int
    cost_center_id: int


class OrderLineRecord(NamedTuple):
    """An order line's row, with what its commitment holds."""

    order_id: int
    id: int
    public_id: UUID
    number: int
    description: str
    quantity: int
    unit_price_minor: int
    nonrecoverable_tax_minor: int
    recoverable_tax_minor: int
    gl_account: str
    finance_tag: str
    budget_id: int
    gift_item_id: int | None
    order__currency: str
    commitment__amount_minor: int
    commitment__posted_minor: int
    commitment__voided_minor: int
    commitment__accrued_minor: int

    @property
    def open_minor(self) -> int:
        """What is reserved and neither arrived nor was given back."""
        settled = self.commitment__posted_minor + self.commitment__voided_minor
        return self.commitment__amount_minor - settled


class ReceiptRecord(NamedTuple):
    """A receipt's row."""

    id: int
    public_id: UUID
    kind: str
    quantity: int
    amount_minor: int
    currency: str
    received_on: dt.date
    proof: str
    source: str
    source_id: str
    recorded_at: dt.datetime
    vendor_id: int
    order_line_id: int | None
    send_id: int | None
    fiscal_period_id: int


class ContractPriceRecord(NamedTuple):
    """An agreed price's row."""

    id: int
    public_id: UUID
    currency: str
    starts_on: dt.date
    ends_on: dt.date | None
    reference: str
    recorded_at: dt.datetime
    vendor_id: int
    gift_item_id: int


class PriceTierRecord(NamedTuple):
    """One tier of an agreed price."""

    contract_price_id: int
    minimum_quantity: int
    unit_price_minor: int
    contract_price__currency: str


class LineStanding(NamedTuple):
    """How many units of an order line arrived and were invoiced."""

    received: int
    invoiced: int


@dataclass(frozen=True, slots=True)
class OrderWhere(records.Where):
    """Conditions on orders."""

    vendor_ids: Collection[UUID] | None = records.lookup("vendor__public_id__in")
    numbers: Collection[str] | None = records.lookup("number__in")
    ordered_from: dt.date | None = records.lookup("ordered_on__gte")
    ordered_before: dt.date | None = records.lookup("ordered_on__lt")


@dataclass(frozen=True, slots=True)
class ReceiptWhere(records.Where):
    """Conditions on receipts."""

    purchase_order_line_ids: Collection[UUID] | None = records.lookup("order_line__public_id__in")
    send_ids: Collection[UUID] | None = records.lookup("send__public_id__in")
    received_from: dt.date | None = records.lookup("received_on__gte")
    received_before: dt.date | None = records.lookup("received_on__lt")


@dataclass(frozen=True, slots=True)
class ContractPriceWhere(records.Where):
    """Conditions on agreed prices."""

    vendor_ids: Collection[UUID] | None = records.lookup("vendor__public_id__in")


ORDERS = records.Source(
    model=models.PurchaseOrder,
    record=OrderRecord,
    permissions=READERS,
    cost_center="cost_center_id",
)
ORDER_LINES = records.Source(
    model=models.PurchaseOrderLine,
    record=OrderLineRecord,
    permissions=READERS,
    cost_center="order__cost_center_id",
)
LINES_OF_ORDERS = records.Details(
    model=models.PurchaseOrderLine,
    record=OrderLineRecord,
    whole=ORDERS,
    link="order_id",
    order=("number",),
)
RECEIPTS = records.Source(
    model=models.Receipt,
    record=ReceiptRecord,
    permissions=READERS,
    cost_center="cost_center_id",
)
CONTRACT_PRICES = records.Source(
    model=models.ContractPrice, record=ContractPriceRecord, permissions=READERS
)
TIERS_OF_CONTRACT_PRICES = records.Details(
    model=models.PriceTier,
    record=PriceTierRecord,
    whole=CONTRACT_PRICES,
    link="contract_price_id",
    order=("minimum_quantity",),
)


def standings(*, actor: access.Actor, line_ids: Collection[int]) -> dict[int, LineStanding]:
    """Return how far order lines, which the actor sees, have come."""
    seen = ORDER_LINES.by_ids(actor=actor, ids=line_ids)
    received = dict(
        models.Receipt.objects.filter(order_line_id__in=list(seen))
        .values_list("order_line_id")
        .annotate(units=Sum("quantity"))
    )
    invoiced = dict(
        models.VendorInvoiceLine.objects.filter(order_line_id__in=list(seen))
        .values_list("order_line_id")
        .annotate(units=Sum("quantity"))
    )
    return {
        line: LineStanding(int(received.get(line, 0)), int(invoiced.get(line, 0))) for line in seen
    }

"""Purchase orders, the prices agreed for them, and the proof that what was ordered arrived.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/procurement.sql`):
- Orders, their lines, receipts and price tiers are append-only. An order ends when its money is
  invoiced or voided in the ledger: what is left of it is what its commitments hold.
- Every line is backed by a commitment of its own, of the line's budget and its whole amount.
- A number is one order's per vendor, whatever its case, blanks, punctuation and leading zeros.
- A receipt is told once per source, and is worth its units at the order's price.
- A vendor has one price for one item and currency on one day.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models

from gifting.models import tenancy

NUMBER_LENGTH = 64
SOURCE_LENGTH = 64
REFERENCE_LENGTH = 255


class ReceiptKind(models.TextChoices):
    DELIVERY = "DELIVERY", "Delivered, by the carrier's proof"
    REDEMPTION = "REDEMPTION", "Redeemed by the recipient"


def paper_number() -> models.CharField[str, str]:
    """Hold a paper's number as it stands there."""
    return models.CharField(max_length=NUMBER_LENGTH)


def paper_key() -> models.CharField[str, str]:
    """Hold a paper's number in a form that compares; written by trigger."""
    return models.CharField(max_length=4 * NUMBER_LENGTH, editable=False)


class PurchaseOrder(tenancy.TenantModel):
    """What was ordered from a vendor under one number. Append-only."""

    vendor = tenancy.link("gifting.Vendor")
    cost_center = tenancy.link("gifting.CostCenter")
    operation = tenancy.link("gifting.Operation")
    number = paper_number()
    number_key = paper_key()
    number_parts = paper_key()
    currency = tenancy.currency_field()
    ordered_on = models.DateField(help_text="In the organization's time zone")
    is_blanket = models.BooleanField(
        default=False, help_text="Its lines are amounts to call off, not units"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ("-ordered_on",)
        constraints = (
            tenancy.unique("purchase_order_public_id_is_unique", "public_id"),
            tenancy.unique("purchase_order_number_is_unique", "vendor", "number_key"),
            tenancy.unique("purchase_order_parts_are_unique", "vendor", "number_parts"),
            tenancy.currency_code("purchase_order_currency_is_iso"),
            models.CheckConstraint(
                condition=~models.Q(number_key=""), name="purchase_order_has_a_number"
            ),
        )
        indexes = (
            models.Index(fields=["organization", "cost_center"], name="order_by_cost_center"),
        )

    def __str__(self) -> str:
        return f"Order {self.number}"


class PurchaseOrderLine(tenancy.TenantModel):
    """Units of one thing at one price, or an amount to call off. Append-only."""

    order = tenancy.link("gifting.PurchaseOrder", related_name="lines")
    number = models.PositiveSmallIntegerField(help_text="1, 2, 3 … per order")
    description = models.CharField(max_length=tenancy.NAME_LENGTH)
    gift_item = tenancy.link("gifting.GiftItem", null=True)
    budget = tenancy.link("gifting.Budget")
    commitment = tenancy.link("gifting.Commitment")
    quantity = models.BigIntegerField(help_text="Units; of a blanket order minor units")
    unit_price_minor = models.BigIntegerField(help_text="Of one unit; 1 in a blanket order")
    nonrecoverable_tax_minor = models.BigIntegerField(db_default=0, help_text="Costs the budget")
    recoverable_tax_minor = models.BigIntegerField(db_default=0, help_text="Comes back: no cost")
    gl_account = models.CharField(max_length=tenancy.CODE_LENGTH, blank=True, db_default="")
    finance_tag = models.CharField(max_length=tenancy.CODE_LENGTH, blank=True, db_default="")

    class Meta:
        constraints = (
            tenancy.unique("order_line_public_id_is_unique", "public_id"),
            tenancy.unique("order_line_number_is_unique", "order", "number"),
            tenancy.unique("order_line_commitment_is_its_own", "commitment"),
            models.CheckConstraint(
                condition=models.Q(
                    quantity__gte=1,
                    unit_price_minor__gte=0,
                    nonrecoverable_tax_minor__gte=0,
                    recoverable_tax_minor__gte=0,
                ),
                name="order_line_figures_are_not_negative",
            ),
        )
        indexes = (models.Index(fields=["organization", "budget"], name="order_line_by_budget"),)

    def __str__(self) -> str:
        return f"{self.number}. {self.description}"


class Receipt(tenancy.TenantModel):
    """Proof that something arrived or was redeemed: of an order line, a send, or both. Append-only.

    A receipt of an order line moves the line's money; that of a send alone is proof, and the send
    moves its own money.
    """

    vendor = tenancy.link("gifting.Vendor")
    order_line = tenancy.link("gifting.PurchaseOrderLine", null=True, related_name="receipts")
    send = tenancy.link("gifting.Send", null=True)
    operation = tenancy.link("gifting.Operation")
    fiscal_period = tenancy.link("gifting.FiscalPeriod", help_text="Where it is posted")
    cost_center = tenancy.link("gifting.CostCenter")
    kind = models.CharField(max_length=16, choices=ReceiptKind.choices)
    quantity = models.BigIntegerField(help_text="Units; of a blanket order minor units")
    amount_minor = models.BigIntegerField(
        help_text="At the order's price; 0 for a send without an order"
    )
    currency = tenancy.currency_field()
    received_on = models.DateField(help_text="In the organization's time zone")
    proof = models.CharField(
        max_length=REFERENCE_LENGTH, help_text="The carrier's or platform's own number"
    )
    source = models.CharField(max_length=SOURCE_LENGTH, help_text="The system that told it")
    source_id = models.CharField(max_length=REFERENCE_LENGTH, help_text="Its number there")

    class Meta:
        constraints = (
            tenancy.unique("receipt_public_id_is_unique", "public_id"),
            tenancy.unique("receipt_source_id_is_unique", "source", "source_id"),
            tenancy.known("receipt_kind_is_known", "kind", ReceiptKind),
            tenancy.currency_code("receipt_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=1, amount_minor__gte=0),
                name="receipt_figures_are_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(order_line__isnull=False) | models.Q(send__isnull=False),
                name="receipt_is_of_something",
            ),
            models.CheckConstraint(condition=~models.Q(proof=""), name="receipt_has_a_proof"),
        )
        indexes = (
            models.Index(fields=["organization", "order_line"], name="receipt_by_order_line"),
            models.Index(fields=["organization", "send"], name="receipt_by_send"),
        )

    def __str__(self) -> str:
        return f"{self.quantity} on {self.received_on}"


class ContractPrice(tenancy.TenantModel):
    """What a vendor agreed to ask for an item in some days; its tiers say how much."""

    vendor = tenancy.link("gifting.Vendor")
    gift_item = tenancy.link("gifting.GiftItem")
    currency = tenancy.currency_field()
    starts_on = models.DateField()
    ends_on = models.DateField(
        null=True, blank=True, help_text="The first day after; open if empty"
    )
    reference = models.CharField(max_length=REFERENCE_LENGTH, help_text="Of the contract")

    class Meta:
        constraints = (
            tenancy.unique("contract_price_public_id_is_unique", "public_id"),
            tenancy.currency_code("contract_price_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True)
                | models.Q(starts_on__lt=models.F("ends_on")),
                name="contract_price_lasts",
            ),
            ExclusionConstraint(
                name="contract_price_is_one_a_day",
                expressions=[
                    ("organization", RangeOperators.EQUAL),
                    ("vendor", RangeOperators.EQUAL),
                    ("gift_item", RangeOperators.EQUAL),
                    ("currency", RangeOperators.EQUAL),
                    (
                        models.Func("starts_on", "ends_on", function="daterange"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        )

    def __str__(self) -> str:
        return f"Price of item {self.gift_item_id} from {self.starts_on}"


class PriceTier(tenancy.TenantModel):
    """The price of one unit from so many units on. Append-only."""

    contract_price = tenancy.link("gifting.ContractPrice", related_name="tiers")
    minimum_quantity = models.BigIntegerField()
    unit_price_minor = models.BigIntegerField()

    class Meta:
        constraints = (
            tenancy.unique("price_tier_public_id_is_unique", "public_id"),
            tenancy.unique("price_tier_is_unique", "contract_price", "minimum_quantity"),
            models.CheckConstraint(
                condition=models.Q(minimum_quantity__gte=1, unit_price_minor__gte=0),
                name="price_tier_figures_are_positive",
            ),
        )

    def __str__(self) -> str:
        return f"{self.unit_price_minor} from {self.minimum_quantity}"

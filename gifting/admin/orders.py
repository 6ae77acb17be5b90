"""Screens of orders, agreed prices and receipts, and the forms that enter them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from gifting import models
from gifting.admin import papers, screens
from gifting.domain import access, money
from gifting.services import contracts, orders, receipts

READS = (access.Permission.READ_BUDGETS, access.Permission.READ_SPEND)
# What a receipt says of its source when a person enters it.
BY_HAND = "HAND"
UNITS = "Units; of a blanket order an amount such as 250.00"


def of_order(column: str, label: str) -> Any:
    """Show minor units of an order's line in the order's currency."""

    @admin.display(description=label)
    def shown(_screen: Any, row: Any) -> str:
        return money.Money(getattr(row, column), row.order.currency).format()

    return shown


class OrderLineForm(papers.LineForm):
    """Ask what is ordered at which price, or how much may be called off."""

    quantity = papers.figure("Quantity", UNITS, required=True)
    unit_price = papers.figure("Price of one", "Empty in a blanket order")
    nonrecoverable_tax = papers.figure("Tax that stays a cost")
    recoverable_tax = papers.figure("Tax that comes back")

    def read(self) -> orders.Line:
        currency, is_blanket = self.paper.currency, self.paper.is_blanket
        given = self.cleaned_data
        if bool(given["unit_price"]) is is_blanket:
            self.add_error(
                "unit_price",
                "A line of a blanket order is an amount and has no price."
                if is_blanket
                else "Write the price of one.",
            )
        return orders.Line(
            given["description"],
            given["budget"].pk,
            papers.units(self, "quantity", called_off_in=currency if is_blanket else None),
            1 if is_blanket else papers.minor(self, "unit_price", currency),
            nonrecoverable_tax_minor=papers.minor(self, "nonrecoverable_tax", currency),
            recoverable_tax_minor=papers.minor(self, "recoverable_tax", currency),
            gift_item_id=given["gift_item"].pk if given["gift_item"] else None,
            gl_account=given["gl_account"],
            finance_tag=given["finance_tag"],
        )


class OrderLineInline(papers.LineInline):
    model = models.PurchaseOrderLine
    form = OrderLineForm
    autocomplete_fields = ("budget", "gift_item")
    optional = ("gift_item",)
    fields = (
        "description",
        "quantity",
        "unit_price",
        "nonrecoverable_tax",
        "recoverable_tax",
        "budget",
        "gift_item",
        "gl_account",
        "finance_tag",
    )


@admin.register(models.PurchaseOrder)
class PurchaseOrderScreen(papers.PaperScreen, screens.FactScreen):
    reads = READS
    writes = access.Permission.WRITE_SENDS
    form = papers.PaperForm
    inlines = (OrderLineInline,)
    autocomplete_fields = ("vendor", "cost_center")
    add_fieldsets = (
        (None, {"fields": ("vendor", "number", "cost_center", papers.KEY)}),
        ("Terms", {"fields": ("currency", "ordered_on", "is_blanket")}),
    )
    cost_center = "cost_center"
    list_display = ("number", "vendor", "ordered_on", "currency", "is_blanket", "requested_by")
    list_select_related = ("vendor", "requested_by")
    list_filter = ("ordered_on", "is_blanket")
    search_fields = ("number__iexact", "vendor__name__istartswith")
    fieldsets = (
        (None, {"fields": ("number", "vendor", "cost_center", "currency", "is_blanket")}),
        (screens.RECORD, {"fields": ("ordered_on", "requested_by", "public_id", "recorded_at")}),
    )

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        order = orders.place(
            actor=actor,
            key=values[papers.KEY],
            vendor_id=values["vendor"].pk,
            number=values["number"],
            cost_center_id=values["cost_center"].pk,
            currency=values["currency"],
            ordered_on=values["ordered_on"],
            lines=values["lines"],
            is_blanket=values["is_blanket"],
        )
        return papers.id_of(models.PurchaseOrder, order)


@admin.register(models.PurchaseOrderLine)
class PurchaseOrderLineScreen(screens.FactScreen):
    reads = READS
    cost_center = "order__cost_center"
    list_display = ("order", "number", "description", "quantity", "price", "budget")
    list_select_related = ("order", "budget")
    search_fields = ("order__number__iexact", "description")
    fieldsets = (
        (None, {"fields": ("order", "number", "description", "gift_item", "quantity")}),
        ("Money", {"fields": ("price", "tax", "recoverable", "budget", "commitment")}),
        ("Finance", {"fields": ("gl_account", "finance_tag")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    price = of_order("unit_price_minor", "Price of one")
    tax = of_order("nonrecoverable_tax_minor", "Tax that stays a cost")
    recoverable = of_order("recoverable_tax_minor", "Tax that comes back")


class ReceiptForm(papers.PaperForm):
    """Ask what arrived, of an order's line, of a send or of both."""

    order = papers.number("Order", "The number on the order; empty for a send without one")
    order_line = papers.position("Line of the order")
    quantity = papers.figure("Quantity", UNITS, required=True)

    def read(self) -> None:
        vendor = self.cleaned_data.get("vendor")
        line = papers.order_line(self, vendor.pk if vendor else None)
        self.cleaned_data["order_line"] = line
        self.cleaned_data["quantity"] = papers.units(
            self, "quantity", called_off_in=papers.blanket_currency(line)
        )


@admin.register(models.Receipt)
class ReceiptScreen(papers.PaperScreen, screens.FactScreen):
    reads = READS
    writes = access.Permission.WRITE_SENDS
    form = ReceiptForm
    optional = ("vendor", "send")
    autocomplete_fields = ("vendor", "send")
    add_fieldsets = (
        ("Of an order", {"fields": ("vendor", "order", "order_line", papers.KEY)}),
        ("Of a send", {"fields": ("send",)}),
        ("Arrived", {"fields": ("kind", "quantity", "received_on")}),
        ("Proof", {"fields": ("proof", "source", "source_id")}),
    )
    cost_center = "cost_center"
    list_display = ("vendor", "kind", "quantity", "amount", "received_on", "proof")
    list_select_related = ("vendor",)
    list_filter = ("kind", "received_on")
    search_fields = ("proof__exact", "source_id__exact")
    fieldsets = (
        (None, {"fields": ("vendor", "order_line", "send", "kind", "quantity", "amount")}),
        ("Proof", {"fields": ("received_on", "proof", "source", "source_id")}),
        (screens.RECORD, {"fields": ("fiscal_period", "public_id", "recorded_at")}),
    )
    amount = screens.amount("amount_minor", "At the order's price")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"source": BY_HAND, **super().get_changeform_initial_data(request)}

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        line, send = values["order_line"], values["send"]
        receipt = receipts.receive(
            actor=actor,
            key=values[papers.KEY],
            kind=models.orders.ReceiptKind(values["kind"]),
            quantity=values["quantity"],
            received_on=values["received_on"],
            proof=values["proof"],
            source=values["source"],
            source_id=values["source_id"],
            at=timezone.now(),
            order_line_id=line.pk if line else None,
            send_id=send.pk if send else None,
        )
        return papers.id_of(models.Receipt, receipt)


class TierForm(papers.LineForm):
    """Ask from how many units on one costs how much."""

    price = papers.figure("Price of one", required=True)

    def read(self) -> tuple[int, int]:
        return (
            self.cleaned_data["minimum_quantity"],
            papers.minor(self, "price", self.paper.currency),
        )


class TierInline(papers.LineInline):
    model = models.PriceTier
    form = TierForm
    fields = ("minimum_quantity", "price")


@admin.register(models.ContractPrice)
class ContractPriceScreen(papers.PaperScreen):
    reads = READS
    writes = access.Permission.WRITE_VENDORS
    form = papers.PaperForm
    inlines = (TierInline,)
    autocomplete_fields = ("gift_item",)
    add_fieldsets = (
        (None, {"fields": ("gift_item", "currency", "reference", papers.KEY)}),
        ("Days", {"fields": ("starts_on", "ends_on")}),
    )
    list_display = ("vendor", "gift_item", "currency", "starts_on", "ends_on", "reference")
    list_select_related = ("vendor", "gift_item")
    list_filter = ("starts_on",)
    search_fields = ("reference__istartswith", "gift_item__name")
    fieldsets = (
        (None, {"fields": ("vendor", "gift_item", "currency", "reference")}),
        ("Days", {"fields": ("starts_on", "ends_on")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        contract = contracts.agree(
            actor=actor,
            key=values[papers.KEY],
            gift_item_id=values["gift_item"].pk,
            currency=values["currency"],
            starts_on=values["starts_on"],
            ends_on=values["ends_on"],
            reference=values["reference"],
            tiers=values["lines"],
        )
        return papers.id_of(models.ContractPrice, contract)


@admin.register(models.PriceTier)
class PriceTierScreen(screens.Screen):
    reads = READS
    list_display = ("contract_price", "minimum_quantity", "price")
    list_select_related = ("contract_price",)
    search_fields = ("contract_price__reference__istartswith",)
    fieldsets = ((None, {"fields": ("contract_price", "minimum_quantity", "price")}),)

    @admin.display(description="Price of one")
    def price(self, row: models.PriceTier) -> str:
        """Show the price in the contract's currency."""
        return money.Money(row.unit_price_minor, row.contract_price.currency).format()

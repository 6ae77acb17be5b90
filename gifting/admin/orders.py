"""Screens of orders, agreed prices and receipts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from gifting import models
from gifting.admin import screens
from gifting.domain import access, money

READS = (access.Permission.READ_BUDGETS, access.Permission.READ_SPEND)


def of_order(column: str, label: str) -> Any:
    """Show minor units of an order's line in the order's currency."""

    @admin.display(description=label)
    def shown(_screen: Any, row: Any) -> str:
        return money.Money(getattr(row, column), row.order.currency).format()

    return shown


@admin.register(models.PurchaseOrder)
class PurchaseOrderScreen(screens.FactScreen):
    reads = READS
    cost_center = "cost_center"
    list_display = ("number", "vendor", "ordered_on", "currency", "is_blanket", "requested_by")
    list_select_related = ("vendor", "requested_by")
    list_filter = ("ordered_on", "is_blanket")
    search_fields = ("number__iexact", "vendor__name__istartswith")
    fieldsets = (
        (None, {"fields": ("number", "vendor", "cost_center", "currency", "is_blanket")}),
        (screens.RECORD, {"fields": ("ordered_on", "requested_by", "public_id", "recorded_at")}),
    )


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


@admin.register(models.Receipt)
class ReceiptScreen(screens.FactScreen):
    reads = READS
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


@admin.register(models.ContractPrice)
class ContractPriceScreen(screens.Screen):
    reads = READS
    list_display = ("vendor", "gift_item", "currency", "starts_on", "ends_on", "reference")
    list_select_related = ("vendor", "gift_item")
    list_filter = ("starts_on",)
    search_fields = ("reference__istartswith", "gift_item__name")
    fieldsets = (
        (None, {"fields": ("vendor", "gift_item", "currency", "reference")}),
        ("Days", {"fields": ("starts_on", "ends_on")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


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

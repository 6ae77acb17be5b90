"""Vendors' invoices and credit notes, what they were matched with, and what is wrong with them.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/procurement.sql`):
- Invoices, credit notes, their lines and matches are append-only.
- A number is one invoice's per vendor, whatever its case, blanks, punctuation and leading zeros.
- An invoice's lines add up to the total that stands on it; what is credited never exceeds a line.
- A match never exceeds the order line, the receipt or the invoice line, in units and in money.
- An exception is settled once, with a reason; whoever entered the invoice does not waive it.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from gifting.domain import matching
from gifting.models import orders, tenancy

_FIGURES = ("net_minor", "nonrecoverable_tax_minor", "recoverable_tax_minor")


def _none_negative(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=models.Q(**{f"{figure}__gte": 0 for figure in _FIGURES}), name=name
    )


class VendorInvoice(tenancy.TenantModel):
    """What a vendor asks for under one number. Append-only."""

    vendor = tenancy.link("gifting.Vendor")
    operation = tenancy.link("gifting.Operation", help_text="What entered it")
    fiscal_period = tenancy.link("gifting.FiscalPeriod", help_text="Where it is posted")
    number = orders.paper_number()
    number_key = orders.paper_key()
    number_parts = orders.paper_key()
    currency = tenancy.currency_field()
    invoiced_on = models.DateField(help_text="The date on the invoice")
    total_minor = models.BigIntegerField(help_text="As it stands on the invoice, with all tax")
    source = models.CharField(max_length=orders.SOURCE_LENGTH, help_text="Where it came from")
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ("-invoiced_on",)
        constraints = (
            tenancy.unique("vendor_invoice_public_id_is_unique", "public_id"),
            tenancy.unique("vendor_invoice_number_is_unique", "vendor", "number_key"),
            tenancy.unique("vendor_invoice_parts_are_unique", "vendor", "number_parts"),
            tenancy.currency_code("vendor_invoice_currency_is_iso"),
            models.CheckConstraint(
                condition=~models.Q(number_key=""), name="vendor_invoice_has_a_number"
            ),
            models.CheckConstraint(
                condition=models.Q(total_minor__gte=0), name="vendor_invoice_is_not_negative"
            ),
        )
        indexes = (
            models.Index(fields=["organization", "invoiced_on"], name="vendor_invoice_by_date"),
        )

    def __str__(self) -> str:
        return f"Invoice {self.number}"


class VendorInvoiceLine(tenancy.TenantModel):
    """One position of an invoice, and the postings that it made. Append-only."""

    invoice = tenancy.link("gifting.VendorInvoice", related_name="lines")
    number = models.PositiveSmallIntegerField(help_text="1, 2, 3 … per invoice")
    description = models.CharField(max_length=tenancy.NAME_LENGTH)
    order_line = tenancy.link("gifting.PurchaseOrderLine", null=True, related_name="invoice_lines")
    budget = tenancy.link("gifting.Budget")
    quantity = models.BigIntegerField(help_text="Units; of a blanket order minor units")
    net_minor = models.BigIntegerField(help_text="Without tax")
    nonrecoverable_tax_minor = models.BigIntegerField(db_default=0, help_text="Costs the budget")
    recoverable_tax_minor = models.BigIntegerField(db_default=0, help_text="Comes back: no cost")
    gl_account = models.CharField(max_length=tenancy.CODE_LENGTH, blank=True, db_default="")
    finance_tag = models.CharField(max_length=tenancy.CODE_LENGTH, blank=True, db_default="")
    expected_operation = tenancy.link(
        "gifting.Operation", null=True, help_text="Posted what the order expected"
    )
    variance_operation = tenancy.link(
        "gifting.Operation", null=True, help_text="Posted what went beyond the order"
    )

    class Meta:
        constraints = (
            tenancy.unique("invoice_line_public_id_is_unique", "public_id"),
            tenancy.unique("invoice_line_number_is_unique", "invoice", "number"),
            tenancy.unique("invoice_line_is_posted_once", "expected_operation"),
            tenancy.unique("invoice_line_variance_is_posted_once", "variance_operation"),
            _none_negative("invoice_line_figures_are_not_negative"),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=1), name="invoice_line_quantity_is_positive"
            ),
        )
        indexes = (
            models.Index(fields=["organization", "order_line"], name="invoice_line_by_order_line"),
            models.Index(fields=["organization", "budget"], name="invoice_line_by_budget"),
        )

    def __str__(self) -> str:
        return f"{self.number}. {self.description}"


class CreditNote(tenancy.TenantModel):
    """What a vendor takes off an invoice afterwards. Append-only."""

    vendor = tenancy.link("gifting.Vendor")
    invoice = tenancy.link("gifting.VendorInvoice", related_name="credit_notes")
    operation = tenancy.link("gifting.Operation")
    fiscal_period = tenancy.link("gifting.FiscalPeriod", help_text="Where it is posted")
    number = orders.paper_number()
    number_key = orders.paper_key()
    number_parts = orders.paper_key()
    currency = tenancy.currency_field()
    credited_on = models.DateField(help_text="The date on the credit note")
    reason = models.TextField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ("-credited_on",)
        constraints = (
            tenancy.unique("credit_note_public_id_is_unique", "public_id"),
            tenancy.unique("credit_note_number_is_unique", "vendor", "number_key"),
            tenancy.unique("credit_note_parts_are_unique", "vendor", "number_parts"),
            tenancy.currency_code("credit_note_currency_is_iso"),
            models.CheckConstraint(
                condition=~models.Q(number_key=""), name="credit_note_has_a_number"
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="credit_note_has_a_reason"),
        )
        indexes = (models.Index(fields=["organization", "invoice"], name="credit_by_invoice"),)

    def __str__(self) -> str:
        return f"Credit note {self.number}"


class CreditNoteLine(tenancy.TenantModel):
    """What is taken off one line of an invoice. Append-only."""

    credit_note = tenancy.link("gifting.CreditNote", related_name="lines")
    invoice_line = tenancy.link("gifting.VendorInvoiceLine", related_name="credits")
    net_minor = models.BigIntegerField(help_text="Without tax")
    nonrecoverable_tax_minor = models.BigIntegerField(db_default=0)
    recoverable_tax_minor = models.BigIntegerField(db_default=0)

    class Meta:
        constraints = (
            tenancy.unique("credit_line_public_id_is_unique", "public_id"),
            tenancy.unique("credit_line_is_unique", "credit_note", "invoice_line"),
            _none_negative("credit_line_figures_are_not_negative"),
        )
        indexes = (
            models.Index(fields=["organization", "invoice_line"], name="credit_by_invoice_line"),
        )

    def __str__(self) -> str:
        return f"{self.net_minor} off line {self.invoice_line_id}"


class MatchPolicy(tenancy.TenantModel):
    """How far invoices may be off from a day on; the latest one recorded counts. Append-only."""

    starts_on = models.DateField(help_text="For invoices of this date and later")
    currency = tenancy.currency_field()
    price_basis_points = models.PositiveIntegerField(help_text="Of the order's price")
    price_absolute_minor = models.BigIntegerField(help_text="Of one invoice line")
    quantity_basis_points = models.PositiveIntegerField(help_text="Of the ordered quantity")
    quantity_absolute = models.BigIntegerField(help_text="Units of one order line")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            tenancy.unique("match_policy_public_id_is_unique", "public_id"),
            tenancy.currency_code("match_policy_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(
                    price_absolute_minor__gte=0,
                    quantity_absolute__gte=0,
                    price_basis_points__lte=matching.BASIS_POINTS,
                    quantity_basis_points__lte=matching.BASIS_POINTS,
                ),
                name="match_policy_is_a_tolerance",
            ),
        )

    def __str__(self) -> str:
        return f"Tolerance from {self.starts_on}"


class Match(tenancy.TenantModel):
    """Units that were ordered, received and invoiced, in one run of an order line. Append-only.

    The run with the highest number counts. A line that matches nothing has one row without units.
    """

    order_line = tenancy.link("gifting.PurchaseOrderLine", null=True)
    receipt = tenancy.link("gifting.Receipt", null=True)
    invoice_line = tenancy.link("gifting.VendorInvoiceLine", related_name="matches")
    policy = tenancy.link("gifting.MatchPolicy", null=True, help_text="The tolerance that judged")
    run = models.PositiveIntegerField(help_text="1, 2, 3 … per order line")
    quantity = models.BigIntegerField()
    amount_minor = models.BigIntegerField(help_text="The lower of order and invoice price")
    excess_quantity = models.BigIntegerField(help_text="Units invoiced beyond order or receipts")
    price_variance_minor = models.BigIntegerField(help_text="Net of credits less order price")
    outcome = models.CharField(max_length=32, choices=tenancy.labels(matching.Outcome))

    class Meta:
        constraints = (
            tenancy.unique("match_public_id_is_unique", "public_id"),
            tenancy.unique(
                "match_is_unique", "invoice_line", "run", "receipt", nulls_distinct=False
            ),
            tenancy.known("match_outcome_is_known", "outcome", matching.Outcome),
            models.CheckConstraint(
                condition=models.Q(
                    receipt__isnull=False,
                    order_line__isnull=False,
                    quantity__gte=1,
                    amount_minor__gte=0,
                )
                | models.Q(receipt__isnull=True, quantity=0, amount_minor=0),
                name="match_without_a_receipt_is_empty",
            ),
        )
        indexes = (
            models.Index(fields=["organization", "order_line", "run"], name="match_by_order_line"),
        )

    def __str__(self) -> str:
        return f"{self.outcome} {self.quantity}"


class MatchException(tenancy.TenantModel):
    """An invoice line that somebody has to look at, or a second copy of an invoice."""

    invoice = tenancy.link("gifting.VendorInvoice", related_name="exceptions")
    invoice_line = tenancy.link("gifting.VendorInvoiceLine", null=True)
    operation = tenancy.link("gifting.Operation", help_text="What opened it")
    outcome = models.CharField(max_length=32, choices=tenancy.labels(matching.Outcome))
    detail = models.TextField(help_text="What is wrong, in words")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Who entered the invoice, or its copy",
    )
    opened_at = models.DateTimeField(db_default=Now(), editable=False)
    resolution = models.CharField(
        max_length=16, choices=tenancy.labels(matching.Resolution), blank=True, db_default=""
    )
    reason = models.TextField(blank=True, db_default="")
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            tenancy.unique("match_exception_public_id_is_unique", "public_id"),
            tenancy.unique(
                "match_exception_is_open_once",
                "invoice_line",
                condition=models.Q(resolved_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=models.Q(
                    outcome__in=sorted(
                        each.value for each in matching.Outcome if each not in matching.GOOD
                    )
                ),
                name="match_exception_is_one",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    resolved_at__isnull=True, resolution="", reason="", resolved_by__isnull=True
                )
                | (
                    models.Q(
                        resolved_at__isnull=False, resolution__in=[*map(str, matching.Resolution)]
                    )
                    & ~models.Q(reason="")
                ),
                name="match_exception_is_settled_with_a_reason",
            ),
            models.CheckConstraint(
                condition=~models.Q(resolution=matching.Resolution.WAIVED.value)
                | (
                    models.Q(resolved_by__isnull=False)
                    & (
                        models.Q(requested_by__isnull=True)
                        | ~models.Q(resolved_by=models.F("requested_by"))
                    )
                ),
                name="match_exception_is_waived_by_another",
            ),
        )
        indexes = (
            models.Index(
                fields=["organization", "opened_at"],
                name="match_exception_queue",
                condition=models.Q(resolved_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.outcome}: {self.detail}"

"""Orders, receipts, invoices and what follows, in the organization that the test has entered."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.contrib.auth import models as auth

from gifting import models
from gifting.domain import access, documents, matching
from gifting.services import contracts, invoices, matches, orders, outside, receipts
from gifting.services import vendors as vendor_services
from tests.factories import ledger, organizations, sends

DAY = ledger.DAY
NOON = organizations.NOON
DELIVERY = models.orders.ReceiptKind.DELIVERY


def actor() -> access.Actor:
    return ledger.actor()


def make_order(
    *lines: orders.Line,
    vendor: models.Vendor | None = None,
    number: str | None = None,
    is_blanket: bool = False,
    day: dt.date = DAY,
) -> models.PurchaseOrder:
    """Place an order as the product does; without lines for 10 tea boxes at 5.00."""
    public_id = orders.place(
        actor=actor(),
        key=ledger.key(),
        vendor_id=(vendor or sends.make_vendor()).pk,
        number=number or f"PO-{organizations.next_number()}",
        cost_center_id=organizations.root_cost_center().pk,
        currency="USD",
        ordered_on=day,
        lines=lines or [order_of(10, 5_00)],
        is_blanket=is_blanket,
    )
    return models.PurchaseOrder.objects.get(public_id=public_id)


def order_of(
    quantity: int,
    price_minor: int,
    *,
    budget: models.Budget | None = None,
    tax_minor: int = 0,
    item: models.GiftItem | None = None,
) -> orders.Line:
    return orders.Line(
        "Tea boxes",
        (budget or ledger.make_budget(1_000_00)).pk,
        quantity,
        price_minor,
        nonrecoverable_tax_minor=tax_minor,
        gift_item_id=item.pk if item else None,
        gl_account="6200",
        finance_tag="ABM-27",
    )


def make_order_line(quantity: int = 10, price_minor: int = 5_00) -> models.PurchaseOrderLine:
    return make_order(order_of(quantity, price_minor)).lines.get()


def receive(
    line: models.PurchaseOrderLine | None = None,
    quantity: int = 1,
    *,
    send: models.Send | None = None,
    day: dt.date = DAY,
    key: str | None = None,
    source_id: str | None = None,
) -> models.Receipt:
    public_id = receipts.receive(
        actor=actor(),
        key=key or ledger.key(),
        kind=DELIVERY,
        quantity=quantity,
        received_on=day,
        proof="1Z 999 AA1 01",
        source="carrier",
        source_id=source_id or f"proof-{organizations.next_number()}",
        at=NOON,
        order_line_id=line.pk if line else None,
        send_id=send.pk if send else None,
    )
    return models.Receipt.objects.get(public_id=public_id)


def invoice_of(
    line: models.PurchaseOrderLine, quantity: int, net_minor: int, *, tax_minor: int = 0
) -> invoices.Line:
    return invoices.Line(
        "Tea boxes",
        quantity,
        net_minor,
        nonrecoverable_tax_minor=tax_minor,
        order_line_id=line.pk,
    )


def take(
    *lines: invoices.Line,
    vendor: models.Vendor | None = None,
    number: str | None = None,
    day: dt.date = DAY,
    by: access.Actor | None = None,
    key: str | None = None,
) -> invoices.Taken:
    """Enter an invoice as the product does, of the vendor of its first order."""
    order_line_id = lines[0].order_line_id
    if vendor is None:
        vendor = (
            models.PurchaseOrderLine.objects.get(id=order_line_id).order.vendor
            if order_line_id
            else sends.make_vendor()
        )
    return invoices.take(
        actor=by or actor(),
        key=key or ledger.key(),
        vendor_id=vendor.pk,
        number=number or f"INV-{organizations.next_number()}",
        currency="USD",
        invoiced_on=day,
        total_minor=sum(line.total_minor for line in lines),
        lines=lines,
        at=NOON,
    )


def make_invoice(*lines: invoices.Line, day: dt.date = DAY) -> models.VendorInvoice:
    taken = take(*(lines or [invoice_of(make_order_line(), 10, 50_00)]), day=day)
    return models.VendorInvoice.objects.get(public_id=taken.invoice)


def credit(
    invoice: models.VendorInvoice, net_minor: int, *, number: str | None = None, day: dt.date = DAY
) -> models.CreditNote:
    """Take an amount off the first line of an invoice."""
    public_id = invoices.credit(
        actor=actor(),
        key=ledger.key(),
        invoice=invoice.public_id,
        number=number or f"CN-{organizations.next_number()}",
        credited_on=day,
        lines=[invoices.Credit(invoice.lines.order_by("number")[0].pk, net_minor)],
        reason="Some of it was broken",
        at=NOON,
    )
    return models.CreditNote.objects.get(public_id=public_id)


def set_tolerance(
    *,
    price: tuple[int, int] = (0, 0),
    quantity: tuple[int, int] = (0, 0),
    day: dt.date = DAY,
) -> models.MatchPolicy:
    """Allow so many basis points and at most so much, of price and of quantity."""
    public_id: UUID = matches.set_tolerance(
        actor=actor(),
        key=ledger.key(),
        currency="USD",
        starts_on=day,
        tolerance=matching.Tolerance(*price, *quantity),
    )
    return models.MatchPolicy.objects.get(public_id=public_id)


def make_match() -> models.Match:
    line = make_order_line()
    receive(line, 10)
    invoice = make_invoice(invoice_of(line, 10, 50_00))
    return models.Match.objects.get(invoice_line__invoice=invoice)


def make_exception() -> models.MatchException:
    return make_invoice().exceptions.get()


def outcomes(line: models.PurchaseOrderLine) -> list[str]:
    """Return what the last run says of each invoice line, in the order of the invoices."""
    runs = models.Match.objects.filter(order_line=line)
    last = runs.order_by("-run").values_list("run", flat=True)[:1]
    told = dict(
        runs.filter(run__in=last)
        .order_by("invoice_line_id")
        .values_list("invoice_line_id", "outcome")
    )
    return list(told.values())


def make_identity(
    vendor: models.Vendor | None = None,
    *,
    kind: documents.IdentityKind = documents.IdentityKind.DOMAIN,
    value: str | None = None,
) -> models.VendorIdentity:
    public_id = vendor_services.identify(
        actor=actor(),
        key=ledger.key(),
        vendor_id=(vendor or sends.make_vendor()).pk,
        kind=kind,
        value=value or f"gifts{organizations.next_number()}.example",
    )
    return models.VendorIdentity.objects.get(public_id=public_id)


def merge(
    vendor: models.Vendor | None = None, into: models.Vendor | None = None
) -> models.VendorMerge:
    public_id = vendor_services.merge(
        actor=actor(),
        key=ledger.key(),
        vendor_id=(vendor or sends.make_vendor()).pk,
        into_id=(into or sends.make_vendor()).pk,
        reason="The same tax id",
    )
    return models.VendorMerge.objects.get(public_id=public_id)


def unmerge(event: models.VendorMerge) -> models.VendorMerge:
    public_id = vendor_services.unmerge(
        actor=actor(), key=ledger.key(), merge=event.public_id, reason="Two companies after all"
    )
    return models.VendorMerge.objects.get(public_id=public_id)


def agree(
    item: models.GiftItem | None = None,
    *,
    tiers: dict[int, int] | None = None,
    starts_on: dt.date = DAY,
    ends_on: dt.date | None = None,
) -> models.ContractPrice:
    item = item or sends.make_gift_item()
    public_id = contracts.agree(
        actor=actor(),
        key=ledger.key(),
        gift_item_id=item.pk,
        currency="USD",
        starts_on=starts_on,
        ends_on=ends_on,
        reference="MSA 2025",
        tiers=sorted((tiers or {1: 5_00, 100: 4_00}).items()),
    )
    return models.ContractPrice.objects.get(public_id=public_id)


def outside_line(
    amount_minor: int = 30_00, *, merchant: str = "Gift Shop", native_id: str | None = None
) -> outside.Line:
    return outside.Line(
        models.outside.OutsideSource.CARD,
        native_id or f"card-{organizations.next_number()}",
        merchant,
        DAY,
        ledger.usd(amount_minor),
    )


def make_outside(amount_minor: int = 30_00, *, merchant: str = "Gift Shop") -> models.OutsideSpend:
    line = outside_line(amount_minor, merchant=merchant)
    outside.record(actor=actor(), key=ledger.key(), lines=[line])
    return models.OutsideSpend.objects.get(native_id=line.native_id)


def claim(row: models.OutsideSpend, budget: models.Budget) -> models.OutsideSpend:
    outside.claim(
        actor=actor(), key=ledger.key(), outside_spend=row.public_id, budget_id=budget.pk, at=NOON
    )
    row.refresh_from_db()
    return row


def make_invoice_line() -> models.VendorInvoiceLine:
    return make_invoice().lines.get()


def make_credit_line() -> models.CreditNoteLine:
    return credit(make_invoice(), 1_00).lines.get()


def make_price_tier() -> models.PriceTier:
    return agree(tiers={1: 5_00}).tiers.get()


def person(user: auth.User) -> access.Actor:
    """Return the actor of somebody who books, in the organization that the test has entered."""
    return access.Actor.member(
        user_id=user.pk,
        organization_id=organizations.here(),
        role=access.Role.FINANCE,
        cost_center_ids=(),
    )

"""From an order to a credit note: Maya orders and receives, Femi books, Ana waives."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from typing import Any

import pytest

from gifting import models
from gifting.services import tenancy
from tests.factories import ledger, organizations, sends
from tests.functional import api

pytestmark = pytest.mark.django_db

DAY = organizations.NOON.date()

ORDER = """
    mutation ($input: PlacePurchaseOrderInput!) { placePurchaseOrder(input: $input) {
        purchaseOrder { id number lines { id openAmount { amount } accruedAmount { amount } } }
        userErrors { code field } } }
"""
RECEIPT = """
    mutation ($input: RecordReceiptInput!) { recordReceipt(input: $input) {
        receipt { id proof orderLine { receivedQuantity openAmount { amount }
            accruedAmount { amount } } } userErrors { code } } }
"""
INVOICE = """
    mutation ($input: RecordVendorInvoiceInput!) { recordVendorInvoice(input: $input) {
        vendorInvoice { id total { amount } lines { id matches { outcome quantity
            amount { amount } priceVariance { amount } receipt { proof } } } }
        duplicateOf { id } userErrors { code field message } } }
"""
QUEUE = """{ matchExceptions(filter: {isOpen: true}) { totalCount edges { node {
    id outcome detail invoice { number } requestedByName } } } }"""
SETTLE = """
    mutation ($input: SettleMatchExceptionInput!) { settleMatchException(input: $input) {
        matchException { resolution reason resolvedByName } userErrors { code } } }
"""
CREDIT = """
    mutation ($input: RecordCreditNoteInput!) { recordCreditNote(input: $input) {
        creditNote { number lines { net { amount } } } userErrors { code } } }
"""
ACCRUALS = """
    query ($period: ID!) { accruals(fiscalPeriodId: $period) {
        accruals { reference quantity amount { amount } accruedOn reversesOn glAccount financeTag
            vendorName proofs { proof receivedOn } budget { name } }
        totals { amount } priceVariances { amount { amount } }
        recognition { accrued { amount } invoiced { amount } expense { amount } } } }
"""


def id_of(kind: str, row: Any) -> str:
    return base64.b64encode(f"{kind}:{row.public_id}".encode()).decode()


def test_an_invoice_above_its_order_is_posted_queued_waived_and_credited() -> None:
    """Ten boxes at 5.00 from 52.00: invoiced at 5.50, which is 3.00 more than is there."""
    cast = organizations.make_cast()
    with tenancy.organization(cast.organization.id):
        root = organizations.root_cost_center()
        budget = sends.make_budget(amount_minor=52_00)
        vendor = sends.make_vendor(name="Gift Shop")
        period = sends.period_of(DAY)
    maya, femi, ana = (api.of_person(person) for person in (cast.maya, cast.femi, cast.ana))

    ordered = _ask(
        maya,
        ORDER,
        vendorId=id_of("Vendor", vendor),
        number="PO-7",
        costCenterId=id_of("CostCenter", root),
        currency="USD",
        orderedOn=str(DAY),
        lines=[
            {
                "description": "Tea boxes",
                "budgetId": id_of("Budget", budget),
                "quantity": 10,
                "unitPriceMinor": 5_00,
                "glAccount": "6200",
                "financeTag": "ABM-27",
            }
        ],
    )["placePurchaseOrder"]
    (line,) = ordered["purchaseOrder"]["lines"]
    received = _ask(
        maya,
        RECEIPT,
        kind="DELIVERY",
        quantity=10,
        receivedOn=str(DAY),
        proof="1Z999",
        source="ups",
        sourceId="1Z999",
        orderLineId=line["id"],
    )["recordReceipt"]["receipt"]
    listed = femi.ask(ACCRUALS, {"period": id_of("FiscalPeriod", period)}).data["accruals"]
    asked = {
        "idempotencyKey": str(uuid.uuid4()),
        "vendorId": id_of("Vendor", vendor),
        "number": "INV-0012",
        "currency": "USD",
        "invoicedOn": str(DAY),
        "totalMinor": 55_00,
        "lines": [
            {
                "description": "Tea boxes",
                "quantity": 10,
                "netMinor": 55_00,
                "orderLineId": line["id"],
            }
        ],
    }
    invoiced = femi.ask(INVOICE, {"input": asked}).data["recordVendorInvoice"]
    again = femi.ask(INVOICE, {"input": asked}).data["recordVendorInvoice"]
    copy = _ask(femi, INVOICE, **{**asked, "number": "inv 12", "idempotencyKey": "copy"})[
        "recordVendorInvoice"
    ]
    queue = femi.ask(QUEUE).data["matchExceptions"]

    assert ordered["userErrors"] == []
    assert line["openAmount"] == {"amount": "50.00"}
    assert received["orderLine"] == {
        "receivedQuantity": 10,
        "openAmount": {"amount": "0.00"},
        "accruedAmount": {"amount": "50.00"},
    }
    assert listed["accruals"] == [
        {
            "reference": "PO-7",
            "quantity": 10,
            "amount": {"amount": "50.00"},
            "accruedOn": str(period.ends_on - dt.timedelta(days=1)),
            "reversesOn": str(period.ends_on),
            "glAccount": "6200",
            "financeTag": "ABM-27",
            "vendorName": "Gift Shop",
            "proofs": [{"proof": "1Z999", "receivedOn": str(DAY)}],
            "budget": {"name": budget.name},
        }
    ]
    assert listed["totals"] == [{"amount": "50.00"}]
    assert invoiced["vendorInvoice"]["lines"][0]["matches"] == [
        {
            "outcome": "PRICE_VARIANCE",
            "quantity": 10,
            "amount": {"amount": "50.00"},
            "priceVariance": {"amount": "5.00"},
            "receipt": {"proof": "1Z999"},
        }
    ]
    assert again == invoiced
    assert copy["vendorInvoice"] is None
    assert copy["duplicateOf"] == {"id": invoiced["vendorInvoice"]["id"]}
    assert [(error["code"], error["field"]) for error in copy["userErrors"]] == [
        ("DUPLICATE_INVOICE", "number")
    ]
    assert {(each["node"]["outcome"], each["node"]["detail"]) for each in queue["edges"]} == {
        ("PRICE_VARIANCE", "The price is 5.00 USD off the order."),
        ("DUPLICATE", f"A copy of invoice INV-0012 of {DAY} came in again."),
    }
    assert _held(cast, budget) == (0, 0, 55_00, 3_00)

    by_outcome = {each["node"]["outcome"]: each["node"]["id"] for each in queue["edges"]}
    own_waiver = _settle(femi, by_outcome["PRICE_VARIANCE"], "WAIVED")
    waiver = _settle(ana, by_outcome["PRICE_VARIANCE"], "WAIVED")
    repair = _settle(femi, by_outcome["DUPLICATE"], "RESOLVED")
    credited = _ask(
        femi,
        CREDIT,
        invoiceId=invoiced["vendorInvoice"]["id"],
        number="CN-1",
        creditedOn=str(DAY),
        reason="The price was wrong",
        lines=[{"invoiceLineId": invoiced["vendorInvoice"]["lines"][0]["id"], "netMinor": 5_00}],
    )["recordCreditNote"]
    left = femi.ask(QUEUE).data["matchExceptions"]
    recognized = femi.ask(ACCRUALS, {"period": id_of("FiscalPeriod", period)}).data["accruals"]

    assert [error["code"] for error in own_waiver["userErrors"]] == ["WAIVER_BY_REQUESTER"]
    assert waiver["matchException"] == {
        "resolution": "WAIVED",
        "reason": "We talked to the vendor",
        "resolvedByName": cast.ana.username,
    }
    assert repair["matchException"]["resolution"] == "RESOLVED"
    assert credited == {
        "creditNote": {"number": "CN-1", "lines": [{"net": {"amount": "5.00"}}]},
        "userErrors": [],
    }
    assert left["totalCount"] == 0
    assert _held(cast, budget) == (0, 0, 50_00, 0)
    assert recognized["accruals"] == []
    assert recognized["priceVariances"] == [{"amount": {"amount": "5.00"}}]
    assert recognized["recognition"] == [
        {
            "accrued": {"amount": "0.00"},
            "invoiced": {"amount": "55.00"},
            "expense": {"amount": "50.00"},
        }
    ]


def test_vendors_are_merged_and_outside_spend_is_claimed() -> None:
    """What the card paid to GIFT SHOP INC. is found to be the vendor's, and charged."""
    cast = organizations.make_cast()
    with tenancy.organization(cast.organization.id):
        shop = sends.make_vendor(name="Gift Shop")
        twin = sends.make_vendor(name="Gift Shop Inc.")
        budget = sends.make_budget(amount_minor=100_00)
    femi = api.of_person(cast.femi)

    candidates = femi.ask("{ vendorMergeCandidates { vendor { name } other { name } } }").data
    merged = _ask(
        femi,
        """mutation ($input: MergeVendorsInput!) { mergeVendors(input: $input) {
            vendorMerge { id into { name } } userErrors { code } } }""",
        vendorId=id_of("Vendor", twin),
        intoId=id_of("Vendor", shop),
        reason="The same tax id",
    )["mergeVendors"]
    recorded = _ask(
        femi,
        """mutation ($input: RecordOutsideSpendInput!) { recordOutsideSpend(input: $input) {
            recorded known userErrors { code } } }""",
        lines=[_card("c1", "GIFT SHOP INC."), _card("c1", "GIFT SHOP INC."), _card("c2", "Zoo")],
    )["recordOutsideSpend"]
    unclaimed = femi.ask(
        """{ outsideSpend(filter: {isUnclaimed: true}) { edges { node {
            id nativeId confidenceBasisPoints vendor { name } } } } }"""
    ).data["outsideSpend"]["edges"]
    line = next(each["node"] for each in unclaimed if each["node"]["nativeId"] == "c1")
    claimed = _ask(
        femi,
        """mutation ($input: ClaimOutsideSpendInput!) { claimOutsideSpend(input: $input) {
            outsideSpend { budget { name } } userErrors { code } } }""",
        outsideSpendId=line["id"],
        budgetId=id_of("Budget", budget),
    )["claimOutsideSpend"]
    window = {"startsOn": str(DAY), "endsOn": str(DAY + dt.timedelta(days=1))}
    evidence = femi.ask(
        """query ($window: PurchaseWindow!) {
            vendorConsolidation(window: $window) { vendors legalEntities
                topThree { value numerator { amount } denominator { amount } }
                entities { name vendors amount { amount } vendor { code } } }
            maverickRate(window: $window) { rate { value } maverick { reference } } }""",
        {"window": window},
    ).data

    assert candidates["vendorMergeCandidates"] == [
        {"vendor": {"name": "Gift Shop"}, "other": {"name": "Gift Shop Inc."}}
    ]
    assert merged["vendorMerge"]["into"] == {"name": "Gift Shop"}
    assert (recorded["recorded"], recorded["known"]) == (2, 1)
    assert line["vendor"]["name"] == "Gift Shop Inc."
    assert claimed == {"outsideSpend": {"budget": {"name": budget.name}}, "userErrors": []}
    assert _held(cast, budget) == (0, 0, 30_00, 0)
    assert evidence["vendorConsolidation"] == {
        "vendors": 1,
        "legalEntities": 1,
        "topThree": {
            "value": "0.500000",
            "numerator": {"amount": "30.00"},
            "denominator": {"amount": "60.00"},
        },
        "entities": [
            {"name": "", "vendors": 0, "amount": {"amount": "30.00"}, "vendor": None},
            {
                "name": "Gift Shop",
                "vendors": 1,
                "amount": {"amount": "30.00"},
                "vendor": {"code": shop.code},
            },
        ],
    }
    assert evidence["maverickRate"]["rate"] == {"value": "1.000000"}


def test_otto_sees_and_changes_nothing_of_it() -> None:
    cast = organizations.make_cast()
    with tenancy.organization(cast.organization.id):
        vendor, other = sends.make_vendor(), sends.make_vendor()
    otto = api.of_person(cast.otto)

    refused = _ask(
        otto,
        """mutation ($input: MergeVendorsInput!) { mergeVendors(input: $input) {
            vendorMerge { id } userErrors { code } } }""",
        vendorId=id_of("Vendor", vendor),
        intoId=id_of("Vendor", other),
        reason="Because",
    )["mergeVendors"]

    assert [error["code"] for error in refused["userErrors"]] == ["NOT_FOUND"]
    with tenancy.organization(cast.organization.id):
        assert models.VendorMerge.objects.count() == 0


def _ask(who: api.Api, mutation: str, **values: Any) -> Any:
    values.setdefault("idempotencyKey", str(uuid.uuid4()))
    return who.ask(mutation, {"input": values}).data


def _settle(who: api.Api, exception: str, resolution: str) -> Any:
    return _ask(
        who,
        SETTLE,
        exceptionId=exception,
        resolution=resolution,
        reason="We talked to the vendor",
    )["settleMatchException"]


def _held(cast: organizations.Cast, budget: models.Budget) -> tuple[int, int, int, int]:
    with tenancy.organization(cast.organization.id):
        now = ledger.balances(budget)
    return now.committed, now.accrued, now.actual, now.overrun


def _card(native_id: str, merchant: str) -> dict[str, Any]:
    return {
        "source": "CARD",
        "nativeId": native_id,
        "merchant": merchant,
        "spentOn": str(DAY),
        "amount": {"amountMinor": 30_00, "currency": "USD"},
    }

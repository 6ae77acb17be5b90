"""Femi takes the quarter's report, Ana approves it, and both see what changed since."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import pytest

from gifting.domain import access
from gifting.selectors import organizations as organization_records
from gifting.services import tenancy
from tests.factories import exchange, ledger, organizations
from tests.functional import api

FRIDAY = dt.date(2025, 3, 14)

TAKE = """mutation ($input: TakeSnapshotInput!) { takeSnapshot(input: $input) {
    document snapshot { publicId sha256 rowCount signatures { role } } userErrors { code } } }"""
SIGN = """mutation ($input: SignOffInput!) { signOff(input: $input) {
    snapshot { signatures { role person } } userErrors { code } } }"""
CHANGES = """query ($id: UUID!) { changesSinceSignOff(snapshotId: $id) {
    isSame measures figures { was now difference } facts { kind measures } } }"""
DOCUMENT = "query ($id: UUID!) { snapshotDocument(snapshotId: $id) }"
REPORT = """query ($asOf: UUID) { report(kind: "BUDGETS", asOf: $asOf) {
    rows { keys measures } totals { measure total } } }"""
RATES = """{ exchangeRates(base: "EUR", quote: "USD", fromDate: "2025-03-01",
    toDate: "2025-03-31") { rate rateDate isOwn }
    convert(amount: {amountMinor: 10000, currency: "EUR"}, toCurrency: "USD", on: "2025-03-16") {
        amount { amountMinor currency } askedOn usedOn legs { rate source } } }"""
CONSTANT = """{ constantCurrency(kind: "BUDGETS", rateSet: {currency: "EUR", rateType: SPOT,
    on: "2025-03-14"}) { actual constant effect } }"""
LIST = "{ reportSnapshots { kind signatures { role } } }"


@pytest.fixture
def books(committed_db: None) -> organization_records.OrganizationRecord:
    """Open the books of a company with one budget of 110 dollars and rates of its own."""
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        exchange.make_reference_rates((FRIDAY, {"USD": "1.1"}))
        exchange.make_own_rates("USD,EUR,BUDGET,2025-01-01,0.8")
        ledger.make_budget(110_00)
    return organization


def person(name: str, role: access.Role, books: organization_records.OrganizationRecord) -> api.Api:
    return api.of_person(organizations.make_member(name, organization=books, role=role))


def take(who: api.Api, **asked: Any) -> Any:
    given = {"idempotencyKey": "q1", "kind": "BUDGETS", **asked}
    return who.ask(TAKE, {"input": given}).data["takeSnapshot"]


def sign(who: api.Api, snapshot: Any, role: str) -> Any:
    given = {"snapshotId": snapshot["publicId"], "role": role, "sha256": snapshot["sha256"]}
    return who.ask(SIGN, {"input": given}).data["signOff"]


def test_a_report_is_taken_signed_and_compared(
    books: organization_records.OrganizationRecord,
) -> None:
    femi = person("femi", access.Role.FINANCE, books)
    ana = person("ana", access.Role.ADMIN, books)
    maya = person("maya", access.Role.MARKETING, books)

    taken = take(femi)
    snapshot = taken["snapshot"]
    early = sign(ana, snapshot, "APPROVER")
    prepared = sign(femi, snapshot, "PREPARER")
    own = sign(femi, snapshot, "APPROVER")
    approved = sign(ana, snapshot, "APPROVER")
    with tenancy.organization(books.id):
        ledger.make_budget(50_00)
    document = femi.ask(DOCUMENT, {"id": snapshot["publicId"]}).data["snapshotDocument"]
    changes = femi.ask(CHANGES, {"id": snapshot["publicId"]}).data["changesSinceSignOff"]
    before = femi.ask(REPORT, {"asOf": snapshot["publicId"]}).data["report"]
    now = femi.ask(REPORT, {}).data["report"]

    assert document == taken["document"]
    assert hashlib.sha256(document.encode()).hexdigest() == snapshot["sha256"]
    assert [each["code"] for each in early["userErrors"]] == ["NOT_PREPARED"]
    assert prepared["userErrors"] == []
    assert [each["code"] for each in own["userErrors"]] == ["PREPARER_IS_NOT_APPROVER"]
    assert approved["snapshot"]["signatures"] == [
        {"role": "PREPARER", "person": "femi"},
        {"role": "APPROVER", "person": "ana"},
    ]
    assert changes["isSame"] is False
    assert [each["difference"][1] for each in changes["figures"]] == [50_00]
    assert (len(before["rows"]), len(now["rows"])) == (1, 2)
    assert take(femi)["snapshot"]["publicId"] == snapshot["publicId"]
    assert take(femi, kind="REGISTER")["userErrors"] == [{"code": "IDEMPOTENCY_KEY_REUSED"}]
    refused = maya.ask(TAKE, {"input": {"idempotencyKey": "mine", "kind": "BUDGETS"}})
    assert refused.codes == ["FORBIDDEN"]
    assert maya.ask(LIST).codes == ["FORBIDDEN"]
    assert len(femi.ask(LIST).data["reportSnapshots"]) == 1


def test_rates_are_shown_and_an_amount_is_tried(
    books: organization_records.OrganizationRecord,
) -> None:
    femi = person("femi", access.Role.FINANCE, books)

    found = femi.ask(RATES).data
    (constant,) = femi.ask(CONSTANT).data["constantCurrency"]

    (rate,) = found["exchangeRates"]
    assert (rate["rate"], rate["rateDate"], rate["isOwn"]) == ("1.1000000000", "2025-03-14", False)
    assert found["convert"]["amount"] == {"amountMinor": 110_00, "currency": "USD"}
    assert (found["convert"]["askedOn"], found["convert"]["usedOn"]) == (
        "2025-03-16",
        "2025-03-14",
    )
    assert (constant["actual"][1], constant["constant"][1], constant["effect"][1]) == (
        100_00,
        88_00,
        12_00,
    )


def test_a_stranger_learns_of_no_snapshot(
    books: organization_records.OrganizationRecord,
) -> None:
    femi = person("femi", access.Role.FINANCE, books)
    elsewhere = organizations.make_organization()
    otto = person("otto", access.Role.FINANCE, elsewhere)
    snapshot = take(femi)["snapshot"]

    answer = otto.ask(DOCUMENT, {"id": snapshot["publicId"]})

    assert answer.codes == ["UNKNOWN_SNAPSHOT"]
    assert sign(otto, snapshot, "PREPARER")["userErrors"] == [{"code": "UNKNOWN_SNAPSHOT"}]

"""In the admin, papers of procurement are entered by forms, each once, by those who may."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.contrib.auth import models as auth
from django.db import models as db
from django.test import Client
from django.urls import reverse

from gifting import models
from gifting.domain import access
from gifting.domain import ledger as rules
from gifting.services import tenancy
from tests.factories import ledger, organizations, procurement, sends

pytestmark = pytest.mark.django_db

DAY = procurement.DAY.isoformat()
NO_TAX = {"nonrecoverable_tax": "", "recoverable_tax": ""}
NO_CODES = {"gl_account": "", "finance_tag": ""}
CLAIM: type[db.Model] = models.OutsideSpend
PAPERS: tuple[type[db.Model], ...] = (
    models.PurchaseOrder,
    models.Receipt,
    models.VendorInvoice,
    models.CreditNote,
    models.ContractPrice,
    models.MatchPolicy,
    CLAIM,
)
# Whoever orders and receives does not pay.
ENTERED_BY_FINANCE = (models.VendorInvoice, models.CreditNote, models.MatchPolicy, CLAIM)


@pytest.fixture
def cast() -> organizations.Cast:
    return organizations.make_cast()


class Papers:
    """What the papers of one vendor say; each one as its form asks for it."""

    def __init__(self, cast: organizations.Cast) -> None:
        self.organization_id = cast.organization.id
        with tenancy.organization(self.organization_id):
            self.vendor = sends.make_vendor()
            self.root = organizations.root_cost_center()
            self.budget = ledger.make_budget(1_000_00)
            self.item = sends.make_gift_item(vendor=self.vendor)

    def order(self, **changes: str) -> dict[str, Any]:
        line = {
            "description": "Tea boxes",
            "quantity": "10",
            "unit_price": "5.00",
            **NO_TAX,
            "nonrecoverable_tax": "4",
            "budget": self.budget.pk,
            "gift_item": self.item.pk,
            "gl_account": "6200",
            "finance_tag": "ABM-27",
        }
        paper = {
            "vendor": self.vendor.pk,
            "number": "PO-7",
            "cost_center": self.root.pk,
            "currency": "USD",
            "ordered_on": DAY,
        }
        return _with_lines({**paper, **changes}, "lines", line)

    def receipt(self, quantity: str = "10") -> dict[str, Any]:
        return {
            "vendor": self.vendor.pk,
            "order": "po 7",
            "order_line": "1",
            "send": "",
            "kind": "DELIVERY",
            "quantity": quantity,
            "received_on": DAY,
            "proof": "1Z 999",
            "source": "HAND",
            "source_id": "1Z 999",
        }

    def invoice(self, total: str = "54.00", **changes: str) -> dict[str, Any]:
        line = {
            "description": "Tea boxes",
            "quantity": "10",
            "net": "50.00",
            **NO_TAX,
            "nonrecoverable_tax": "4.00",
            "order": "PO-7",
            "order_line": "1",
            "budget": "",
            **NO_CODES,
        }
        paper = {"vendor": self.vendor.pk, "number": "INV-1", "currency": "USD"}
        asked = {**paper, "invoiced_on": DAY, "total": total}
        return _with_lines(asked, "lines", {**line, **changes})

    def credit(self, net: str = "5.00") -> dict[str, Any]:
        paper = {
            "vendor": self.vendor.pk,
            "invoice": "inv 01",
            "number": "CN-1",
            "credited_on": DAY,
            "reason": "One box was broken",
        }
        return _with_lines(paper, "lines", {"invoice_line": "1", "net": net, **NO_TAX})

    def price(self) -> dict[str, Any]:
        days = {"starts_on": DAY, "ends_on": ""}
        paper = {"gift_item": self.item.pk, "currency": "USD", "reference": "MSA 2025", **days}
        first = {"minimum_quantity": "1", "price": "5.00"}
        return _with_lines(paper, "tiers", first, {"minimum_quantity": "100", "price": "4.00"})

    def tolerance(self) -> dict[str, Any]:
        return {
            "starts_on": DAY,
            "currency": "USD",
            "price_basis_points": "200",
            "price_absolute": "5.00",
            "quantity_basis_points": "0",
            "quantity_absolute": "0",
        }

    def claim(self) -> dict[str, Any]:
        return {"budget": self.budget.pk, "vendor": self.vendor.pk}


def of(person: auth.User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def enter(client: Client, page: str, given: Mapping[str, Any], *, times: int = 1) -> Any:
    """Open a form and send what it shows with what was typed; return the last answer."""
    shown: Any = client.get(page)
    assert shown.status_code == 200
    found = re.search(r'name="idempotency_key" value="([^"]+)"', shown.content.decode())
    assert found is not None
    for _ in range(times):
        answer = client.post(page, {**given, "idempotency_key": found[1]})
    return answer


def test_an_order_is_placed_received_invoiced_and_credited(cast: organizations.Cast) -> None:
    """10 boxes at 5.00 with 4.00 of tax are reserved; one box, 5.00, is taken off again."""
    papers = Papers(cast)
    maya, femi = of(cast.maya), of(cast.femi)
    held = []

    for client, model, given in (
        (maya, models.PurchaseOrder, papers.order()),
        (maya, models.Receipt, papers.receipt()),
        (femi, models.VendorInvoice, papers.invoice()),
        (femi, models.CreditNote, papers.credit()),
    ):
        assert enter(client, _add(model), given).status_code == 302
        with tenancy.organization(cast.organization.id):
            held.append(ledger.balances(papers.budget))

    assert held == [
        _balances(committed=54_00),
        _balances(committed=4_00, accrued=50_00),
        _balances(actual=54_00),
        _balances(actual=49_00),
    ]
    with tenancy.organization(cast.organization.id):
        line = models.PurchaseOrderLine.objects.select_related("order").get()
        invoice = models.VendorInvoice.objects.get()
    assert (line.gift_item_id, line.gl_account) == (papers.item.pk, "6200")
    assert (line.order.requested_by_id, invoice.recorded_by_id) == (cast.maya.pk, cast.femi.pk)
    assert (invoice.number, invoice.total_minor) == ("INV-1", 54_00)


@pytest.mark.parametrize("model", PAPERS, ids=lambda model: model.__name__)
def test_a_form_that_is_sent_twice_enters_its_paper_once(
    model: type[db.Model], cast: organizations.Cast
) -> None:
    papers = Papers(cast)
    page, given = _prepare(model, papers, cast)
    before = _counts(papers)

    answer = enter(_writer(model, cast), page, given, times=2)

    assert answer.status_code == 302
    after = _counts(papers)
    assert after[model] == before[model] + (model is not CLAIM)
    assert after[models.Operation] == before[models.Operation] + (2 if _posts(model) else 1)


@pytest.mark.parametrize("model", PAPERS, ids=lambda model: model.__name__)
def test_who_may_not_enter_a_paper_is_shown_no_form_and_sends_none(
    model: type[db.Model], cast: organizations.Cast
) -> None:
    papers = Papers(cast)
    page, given = _prepare(model, papers, cast)
    before = _counts(papers)
    barred = of(cast.maya if model in ENTERED_BY_FINANCE else cast.femi)
    if model is models.ContractPrice:
        barred = of(
            organizations.make_member("sal", organization=cast.organization, role=access.Role.SALES)
        )

    answer = barred.post(page, {**given, "idempotency_key": "admin:1"})

    assert answer.status_code == 403
    assert _counts(papers) == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"total": "53.00"}, "its lines add up to 54.00 USD"),
        ({"total": "54.001"}, "has more decimals than USD has"),
        ({"net": "many"}, "is not an amount of USD"),
        ({"quantity": "1.5"}, "Write whole units"),
        ({"order": "PO-8"}, "The vendor has no order with this number and line"),
        ({"order": "", "order_line": ""}, "of an order line or of a budget without one"),
    ],
)
def test_a_refused_invoice_is_explained_and_posts_nothing(
    given: dict[str, str], message: str, cast: organizations.Cast
) -> None:
    papers = Papers(cast)
    page, _ = _prepare(models.VendorInvoice, papers, cast)
    before = _counts(papers)

    refused = enter(of(cast.femi), page, papers.invoice(**given))

    assert refused.status_code == 200
    assert message in refused.content.decode()
    assert _counts(papers) == before


def test_a_refusal_stands_at_the_field_that_it_names(cast: organizations.Cast) -> None:
    papers = Papers(cast)
    _prepare(models.Receipt, papers, cast)
    before = _counts(papers)

    taken = enter(of(cast.maya), _add(models.PurchaseOrder), papers.order())
    lineless = enter(
        of(cast.maya), _add(models.PurchaseOrder), {**papers.order(), "lines-TOTAL_FORMS": "0"}
    )

    (message,) = taken.context["adminform"].form.errors["number"]
    assert "Choose another number" in message
    assert "Please submit at least 1 form" in lineless.content.decode()
    assert _counts(papers) == before


def test_a_form_that_was_entered_is_not_entered_with_other_figures(
    cast: organizations.Cast,
) -> None:
    papers = Papers(cast)
    maya, page = of(cast.maya), _add(models.PurchaseOrder)
    first = maya.post(page, {**papers.order(), "idempotency_key": "admin:1"})
    before = _counts(papers)

    changed: Any = maya.post(page, {**papers.order(number="PO-8"), "idempotency_key": "admin:1"})
    keyless: Any = maya.post(page, papers.order(number="PO-8"))

    assert first.status_code == 302
    assert "This form was entered before, with other figures" in changed.content.decode()
    assert "The form lost its key" in keyless.content.decode()
    assert _counts(papers) == before


def test_a_second_copy_of_an_invoice_is_shown_the_first(cast: organizations.Cast) -> None:
    papers = Papers(cast)
    page, given = _prepare(models.VendorInvoice, papers, cast)
    femi = of(cast.femi)
    enter(femi, page, given)
    with tenancy.organization(cast.organization.id):
        first = models.VendorInvoice.objects.get()

    copy = enter(femi, page, {**given, "number": "inv 1"})

    shown = reverse("admin:gifting_vendorinvoice_change", args=[first.pk])
    assert copy.headers["Location"] == shown
    assert "Nothing was posted; the copy waits in the queue" in femi.get(shown).content.decode()
    with tenancy.organization(cast.organization.id):
        assert models.VendorInvoice.objects.get() == first
        assert models.MatchException.objects.filter(outcome="DUPLICATE").count() == 1
        assert ledger.balances(papers.budget) == _balances(actual=54_00)


def test_a_blanket_order_is_placed_and_called_off_by_amounts(cast: organizations.Cast) -> None:
    papers = Papers(cast)
    maya = of(cast.maya)
    amount = {"lines-0-quantity": "250.00", "lines-0-nonrecoverable_tax": ""}
    order = {**papers.order(), **amount, "is_blanket": "on"}

    priced = enter(maya, _add(models.PurchaseOrder), order)
    placed = enter(maya, _add(models.PurchaseOrder), {**order, "lines-0-unit_price": ""})
    received = enter(maya, _add(models.Receipt), papers.receipt("99.50"))

    assert "is an amount and has no price" in priced.content.decode()
    assert (placed.status_code, received.status_code) == (302, 302)
    with tenancy.organization(cast.organization.id):
        assert ledger.balances(papers.budget) == _balances(committed=150_50, accrued=99_50)


def test_prices_tolerances_and_claims_are_kept_as_typed(cast: organizations.Cast) -> None:
    papers = Papers(cast)

    for model in (models.ContractPrice, models.MatchPolicy, CLAIM):
        page, given = _prepare(model, papers, cast)
        assert enter(of(cast.femi), page, given).status_code == 302

    with tenancy.organization(cast.organization.id):
        tiers = models.PriceTier.objects.order_by("minimum_quantity")
        assert list(tiers.values_list("minimum_quantity", "unit_price_minor")) == [
            (1, 5_00),
            (100, 4_00),
        ]
        tolerance = models.MatchPolicy.objects.get()
        claimed = models.OutsideSpend.objects.get()
    assert (tolerance.price_basis_points, tolerance.price_absolute_minor) == (200, 5_00)
    assert (claimed.budget_id, claimed.vendor_id) == (papers.budget.pk, papers.vendor.pk)
    assert (claimed.claimed_by_id, claimed.confidence_basis_points) == (cast.femi.pk, 10_000)


def test_a_line_is_claimed_once(cast: organizations.Cast) -> None:
    papers = Papers(cast)
    page, given = _prepare(CLAIM, papers, cast)
    femi = of(cast.femi)
    enter(femi, page, given)
    before = _counts(papers)

    again: Any = femi.post(page, {**given, "idempotency_key": "admin:another"})

    assert "charged to a budget already" in again.content.decode()
    assert 'name="idempotency_key"' not in femi.get(page).content.decode()
    assert _counts(papers) == before


def _prepare(
    model: type[db.Model], papers: Papers, cast: organizations.Cast
) -> tuple[str, dict[str, Any]]:
    """Enter by the services what a paper follows; return where and how it is entered."""
    with tenancy.organization(cast.organization.id):
        if model in (models.Receipt, models.VendorInvoice, models.CreditNote):
            order = procurement.order_of(10, 5_00, budget=papers.budget, tax_minor=4_00)
            line = procurement.make_order(order, vendor=papers.vendor, number="PO-7").lines.get()
        if model is models.CreditNote:
            billed = procurement.invoice_of(line, 10, 50_00, tax_minor=4_00)
            procurement.take(billed, number="INV-1")
        if model is CLAIM:
            row = procurement.make_outside()
            return reverse("admin:gifting_outsidespend_change", args=[row.pk]), papers.claim()
    asked: dict[type[db.Model], Callable[[], dict[str, Any]]] = {
        models.PurchaseOrder: papers.order,
        models.Receipt: papers.receipt,
        models.VendorInvoice: papers.invoice,
        models.CreditNote: papers.credit,
        models.ContractPrice: papers.price,
        models.MatchPolicy: papers.tolerance,
    }
    return _add(model), asked[model]()


def _writer(model: type[db.Model], cast: organizations.Cast) -> Client:
    return of(cast.femi if model in ENTERED_BY_FINANCE else cast.maya)


def _add(model: type[db.Model]) -> str:
    return reverse(f"admin:gifting_{model._meta.model_name}_add")


def _with_lines(paper: Mapping[str, Any], prefix: str, *lines: Mapping[str, Any]) -> dict[str, Any]:
    sent = {
        f"{prefix}-{number}-{name}": value
        for number, line in enumerate(lines)
        for name, value in line.items()
    }
    rows = {f"{prefix}-TOTAL_FORMS": str(len(lines)), f"{prefix}-INITIAL_FORMS": "0"}
    return {**paper, **sent, **rows}


def _counts(papers: Papers) -> dict[type[db.Model], int]:
    counted: list[type[db.Model]] = [*PAPERS, models.Operation, models.Transfer]
    with tenancy.organization(papers.organization_id):
        return {model: model._default_manager.count() for model in counted}


def _posts(model: type[db.Model]) -> bool:
    """Tell whether entering the paper posts to the ledger by an operation of its own."""
    return model in (models.Receipt, models.VendorInvoice, models.CreditNote, CLAIM)


def _balances(*, committed: int = 0, accrued: int = 0, actual: int = 0) -> rules.Balances:
    return rules.Balances(1_000_00, committed, accrued, actual, 0)

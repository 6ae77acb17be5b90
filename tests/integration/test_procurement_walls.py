"""The rules of procurement are PostgreSQL's: every way around the services ends in an SQL error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from gifting import models
from gifting.services import tenancy
from tests.factories import ledger, organizations, procurement, sends

pytestmark = pytest.mark.django_db

DENIED = "InsufficientPrivilege"


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gifting_purchaseorderline SET quantity = 1",
        "UPDATE gifting_vendorinvoice SET number = 'another'",
        "UPDATE gifting_match SET quantity = 1",
        "UPDATE gifting_matchexception SET requested_by_id = NULL",
        "UPDATE gifting_outsidespend SET amount_minor = 1",
        "UPDATE gifting_vendoridentity SET vendor_id = vendor_id",
        "UPDATE gifting_contractprice SET starts_on = starts_on",
        "DELETE FROM gifting_matchexception",
        "DELETE FROM gifting_receipt",
        "TRUNCATE gifting_vendormerge",
    ],
)
def test_the_application_is_denied(statement: str) -> None:
    assert _attempt(statement) == DENIED


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ("quantity = 11", "match_is_within_its_order"),
        ("quantity = 7", "match_is_within_its_receipt"),
        ("quantity = 6", "match_is_within_its_invoice"),
        ("amount_minor = 50_01", "match_is_within_its_order"),
        ("amount_minor = 30_01", "match_is_within_its_receipt"),
        ("amount_minor = 25_01", "match_is_within_its_invoice"),
        ("order_line_id = other", "match_stays_in_its_order_line"),
        ("receipt_id = NULL", "match_without_a_receipt_is_empty"),
        ("outcome = 'FINE'", "match_outcome_is_known"),
    ],
)
def test_a_match_exceeds_no_leg(changed: str, rule: str) -> None:
    """Ordered 10, received 6 and invoiced 5, each at 5.00."""
    line = procurement.make_order_line()
    other = procurement.make_order_line()
    procurement.receive(line, 6)
    procurement.make_invoice(procurement.invoice_of(line, 5, 25_00))
    column, value = changed.replace("_0", "0").replace("other", str(other.pk)).split(" = ")
    columns = {
        "organization_id": "organization_id",
        "order_line_id": "order_line_id",
        "receipt_id": "receipt_id",
        "invoice_line_id": "invoice_line_id",
        "run": "run + 1",
        "quantity": "quantity",
        "amount_minor": "amount_minor",
        "excess_quantity": "0",
        "price_variance_minor": "0",
        "outcome": "outcome",
        column: value,
    }

    refused = _attempt(
        f"INSERT INTO gifting_match ({', '.join(columns)})"
        f" SELECT {', '.join(columns.values())} FROM gifting_match"
    )

    assert refused == rule
    assert models.Match.objects.count() == 1


@pytest.mark.parametrize("spelling", ["INV-0012", "inv 12", "INV/0012", "Inv12"])
def test_a_number_is_one_invoices_whoever_writes_it(spelling: str) -> None:
    line = procurement.make_order_line()
    procurement.take(procurement.invoice_of(line, 1, 5_00), number="INV-0012")

    refused = _attempt(
        "INSERT INTO gifting_vendorinvoice (organization_id, vendor_id, operation_id,"
        " fiscal_period_id, number, number_key, number_parts, currency, invoiced_on, total_minor,"
        f" source) SELECT organization_id, vendor_id, operation_id, fiscal_period_id, '{spelling}',"
        " 'another', 'another', currency, invoiced_on, total_minor, source"
        " FROM gifting_vendorinvoice"
    )

    assert refused in {"vendor_invoice_number_is_unique", "vendor_invoice_parts_are_unique"}


def test_the_lines_of_an_invoice_add_up() -> None:
    procurement.make_invoice()

    refused = _attempt(
        "INSERT INTO gifting_vendorinvoiceline (organization_id, invoice_id, number, description,"
        " budget_id, quantity, net_minor) SELECT organization_id, invoice_id, 2, 'more', budget_id,"
        " 1, 1 FROM gifting_vendorinvoiceline",
        at_commit=True,
    )

    assert refused == "invoice_lines_add_up"


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ("quantity + 1, unit_price_minor, commitment_id", "order_line_is_backed"),
        ("quantity, unit_price_minor + 1, commitment_id", "order_line_is_backed"),
        ("quantity, unit_price_minor, commitment_id", "order_line_commitment_is_its_own"),
    ],
)
def test_an_order_line_is_backed_by_a_commitment_of_its_own(values: str, rule: str) -> None:
    procurement.make_order_line()

    refused = _attempt(
        "INSERT INTO gifting_purchaseorderline (organization_id, order_id, number, description,"
        " budget_id, quantity, unit_price_minor, commitment_id)"
        f" SELECT organization_id, order_id, 2, 'more', budget_id, {values}"
        " FROM gifting_purchaseorderline"
    )

    assert refused == rule


@pytest.mark.parametrize("change", ["amount_minor + 1", "0"])
def test_a_receipt_is_worth_its_units_at_the_orders_price(change: str) -> None:
    procurement.receive(procurement.make_order_line(), 2)

    refused = _attempt(
        "INSERT INTO gifting_receipt (organization_id, vendor_id, order_line_id, operation_id,"
        " fiscal_period_id, cost_center_id, kind, quantity, amount_minor, currency, received_on,"
        " proof, source, source_id) SELECT organization_id, vendor_id, order_line_id, operation_id,"
        f" fiscal_period_id, cost_center_id, kind, quantity, {change}, currency, received_on,"
        " proof, source, 'another' FROM gifting_receipt"
    )

    assert refused == "receipt_is_worth_its_order"


def test_a_credit_stays_within_its_line() -> None:
    procurement.credit(procurement.make_invoice(), 30_00)
    more = procurement.make_invoice()

    over = _attempt(
        "INSERT INTO gifting_creditnoteline (organization_id, credit_note_id, invoice_line_id,"
        " net_minor) SELECT organization_id, credit_note_id, invoice_line_id, 20_01"
        " FROM gifting_creditnoteline".replace("20_01", "2001")
    )
    stray = _attempt(
        "INSERT INTO gifting_creditnoteline (organization_id, credit_note_id, invoice_line_id,"
        f" net_minor) SELECT organization_id, credit_note_id, {more.lines.get().pk}, 1"
        " FROM gifting_creditnoteline"
    )

    assert (over, stray) == ("credit_is_within_its_line", "credit_is_within_its_line")


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            (
                "UPDATE gifting_matchexception SET resolution = 'WAIVED', resolved_at = now(),"
                " reason = 'mine', resolved_by_id = requested_by_id"
            ),
            "match_exception_is_waived_by_another",
        ),
        (
            (
                "UPDATE gifting_matchexception SET resolution = 'WAIVED', resolved_at = now(),"
                " reason = 'nobody'"
            ),
            "match_exception_is_waived_by_another",
        ),
        (
            "UPDATE gifting_matchexception SET resolution = 'RESOLVED', resolved_at = now()",
            "match_exception_is_settled_with_a_reason",
        ),
        (
            (
                "INSERT INTO gifting_matchexception (organization_id, invoice_id, operation_id,"
                " outcome, detail, resolution, reason, resolved_at) SELECT organization_id,"
                " invoice_id, operation_id, 'DUPLICATE', 'x', 'CLEARED', 'x', now()"
                " FROM gifting_matchexception"
            ),
            "match_exception_starts_open",
        ),
        (
            (
                "INSERT INTO gifting_matchexception (organization_id, invoice_id, operation_id,"
                " outcome, detail) SELECT organization_id, invoice_id, operation_id, 'MATCHED', 'x'"
                " FROM gifting_matchexception"
            ),
            "match_exception_is_one",
        ),
    ],
)
def test_an_exception_is_settled_by_another_and_with_a_reason(statement: str, rule: str) -> None:
    femi = organizations.make_person(f"femi{organizations.next_number()}")
    by = procurement.person(femi)
    line = procurement.make_order_line()
    procurement.take(procurement.invoice_of(line, 1, 5_00), by=by)

    refused = _attempt(statement)

    assert models.MatchException.objects.get().requested_by == femi
    assert refused == rule


def test_vendors_are_merged_once_and_never_in_a_circle() -> None:
    one, other, third = (sends.make_vendor() for _ in range(3))
    merge = procurement.merge(one, other)
    insert = (
        "INSERT INTO gifting_vendormerge (organization_id, vendor_id, into_id, undoes_id, reason)"
        " SELECT organization_id, {vendor}, {into}, {undoes}, 'x' FROM gifting_vendormerge"
    )

    twice = _attempt(insert.format(vendor=one.pk, into=third.pk, undoes="NULL"))
    circle = _attempt(insert.format(vendor=other.pk, into=one.pk, undoes="NULL"))
    itself = _attempt(insert.format(vendor=third.pk, into=third.pk, undoes="NULL"))
    stray = _attempt(insert.format(vendor=one.pk, into=third.pk, undoes=merge.pk))

    assert (twice, circle) == ("vendor_is_merged_once", "vendor_merges_make_no_circle")
    assert itself in {"vendor_is_not_merged_into_itself", "vendor_merges_make_no_circle"}
    assert stray == "vendor_merge_undoes_a_merge"


def test_prices_of_one_item_do_not_overlap_and_are_never_extended() -> None:
    procurement.agree(ends_on=procurement.DAY.replace(year=2026))

    overlapping = _attempt(
        "INSERT INTO gifting_contractprice (organization_id, vendor_id, gift_item_id, currency,"
        " starts_on, ends_on, reference) SELECT organization_id, vendor_id, gift_item_id, currency,"
        " starts_on + 1, NULL, reference FROM gifting_contractprice"
    )
    extended = _attempt("UPDATE gifting_contractprice SET ends_on = ends_on + 1")

    assert (overlapping, extended) == (
        "contract_price_is_one_a_day",
        "contract_price_is_only_ended",
    )


def test_outside_spend_is_claimed_once() -> None:
    procurement.claim(procurement.make_outside(), ledger.make_budget())

    again = _attempt("UPDATE gifting_outsidespend SET claimed_at = claimed_at + interval '1 day'")
    undone = _attempt(
        "UPDATE gifting_outsidespend SET budget_id = NULL, cost_center_id = NULL,"
        " operation_id = NULL, claimed_by_id = NULL, claimed_at = NULL"
    )

    assert (again, undone) == ("outside_spend_is_claimed_once",) * 2


def _attempt(statement: str, *, at_commit: bool = False) -> str:
    """Return the rule, or the kind of denial, that a statement meets; nothing of it stays."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            if at_commit:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)
    except IntegrityError as error:
        return str(getattr(error.__cause__, "diag").constraint_name)  # noqa: B009 - psycopg's own
    except ProgrammingError as error:
        return type(error.__cause__).__name__
    return "done"

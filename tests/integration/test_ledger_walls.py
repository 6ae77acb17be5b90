"""The rules of the ledger are PostgreSQL's: every way around the services ends in an SQL error."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from gifting import models
from gifting.domain.ledger import ALLOWED, REVERSALS, Balances, Bucket, PeriodStatus
from gifting.services import tenancy
from tests.factories import ledger, organizations, sends

pytestmark = pytest.mark.django_db

DENIED = "InsufficientPrivilege"


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@pytest.fixture
def budget() -> models.Budget:
    return ledger.make_budget(100_00)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gifting_fund SET allocated_minor = allocated_minor + 1",
        "UPDATE gifting_fund SET committed_minor = 0",
        "UPDATE gifting_fund SET overrun_minor = 1",
        "UPDATE gifting_fund SET budget_id = budget_id",
        (
            "INSERT INTO gifting_fund (organization_id, budget_id, currency, allocated_minor)"
            " SELECT organization_id, budget_id, 'USD', 1 FROM gifting_fund"
        ),
        "UPDATE gifting_commitment SET voided_minor = amount_minor",
        "UPDATE gifting_commitment SET amount_minor = amount_minor + 1",
        (
            "INSERT INTO gifting_commitment (organization_id, pend_id, fund_id, amount_minor)"
            " SELECT organization_id, pend_id, fund_id, 1 FROM gifting_commitment"
        ),
        "UPDATE gifting_fundingsource SET spent_minor = 0",
        "DELETE FROM gifting_fundancestor",
        "UPDATE gifting_overrunexception SET reason = 'another'",
        "UPDATE gifting_operation SET response = '{}'",
        "UPDATE gifting_fiscalperiod SET status = 'CLOSED'",
        "SELECT open_funds(organization_id, ARRAY[id]) FROM gifting_budget",
        "SELECT refuse_overspend(organization_id, id, 1) FROM gifting_fund",
        "CALL remove_scratch_organization(current_organization())",
    ],
)
def test_the_application_is_denied(statement: str) -> None:
    ledger.make_overrun_exception()
    ledger.make_commitment()

    assert _attempt(statement) == DENIED


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            "UPDATE gifting_fund SET allocated_minor = allocated_minor + 1",
            "fund_moves_by_transfers",
        ),
        ("UPDATE gifting_fund SET row_version = 9", "fund_moves_by_transfers"),
        (
            (
                "INSERT INTO gifting_fund (organization_id, budget_id, currency, allocated_minor)"
                " SELECT organization_id, budget_id, 'USD', 1 FROM gifting_fund"
            ),
            "fund_starts_empty",
        ),
        ("UPDATE gifting_commitment SET voided_minor = 1", "commitment_moves_by_transfers"),
        (
            (
                "INSERT INTO gifting_commitment (organization_id, pend_id, fund_id, amount_minor)"
                " SELECT organization_id, pend_id, fund_id, 1 FROM gifting_commitment"
            ),
            "commitment_is_made_by_its_transfer",
        ),
        ("UPDATE gifting_fiscalperiod SET status = 'CLOSED'", "fiscal_period_moves_by_events"),
        ("UPDATE gifting_organization SET is_scratch = true", "organization_scratch_is_kept"),
        ("CALL remove_scratch_organization(current_organization())", "organization_is_scratch"),
    ],
)
def test_the_owner_is_refused(statement: str, rule: str) -> None:
    ledger.make_commitment()
    _sql("SET CONSTRAINTS ALL IMMEDIATE")
    _sql("SET LOCAL ROLE NONE")

    refused = _attempt(statement)

    _sql("SET LOCAL ROLE tribute_app")
    assert refused == rule


def test_only_the_named_moves_are_moves(budget: models.Budget) -> None:
    """What the other rules ask of a move is given, so that this one alone speaks."""
    commitment = str(ledger.make_commitment(budget, 1).pk)
    ledger.record_fact(budget, 1)
    spend = str(models.Transfer.objects.get(to_bucket="ACTUAL").pk)
    entry = str(budget.entries.get().pk)

    passed = set()
    for one in Bucket:
        for other in Bucket:
            extra = {"entry_id": entry} if Bucket.SOURCE in {one, other} else {}
            if one in {Bucket.COMMITTED, Bucket.ACCRUED}:
                extra["commitment_id"] = commitment
            if (one, other) == (Bucket.ACTUAL, Bucket.AVAILABLE):
                extra["refunds_id"] = spend
            if _transfer(budget, one, other, 1, **extra) != "transfer_pair_is_allowed":
                passed.add((one, other))

    assert passed == set(ALLOWED)
    assert REVERSALS.isdisjoint(ALLOWED)


@pytest.mark.parametrize("amount_minor", [0, -1, -(2**63)])
def test_only_amounts_above_zero_move(budget: models.Budget, amount_minor: int) -> None:
    refused = _transfer(budget, Bucket.AVAILABLE, Bucket.COMMITTED, amount_minor)

    assert refused == "transfer_amount_is_positive"


@pytest.mark.parametrize(
    ("one", "other", "extra", "rule"),
    [
        (Bucket.SOURCE, Bucket.AVAILABLE, {}, "transfer_from_source_has_an_entry"),
        (Bucket.COMMITTED, Bucket.ACTUAL, {}, "transfer_of_reserved_money_names_it"),
        (Bucket.ACTUAL, Bucket.AVAILABLE, {}, "transfer_out_of_actual_names_its_spend"),
        (Bucket.AVAILABLE, Bucket.ACTUAL, {"expires_at": "now()"}, "transfer_expires_when_pending"),
        (Bucket.AVAILABLE, Bucket.COMMITTED, {}, "no_overspend"),
        (Bucket.AVAILABLE, Bucket.OVERRUN, {"amount_minor": "1"}, "fund_balances_are_not_negative"),
        (
            Bucket.AVAILABLE,
            Bucket.COMMITTED,
            {"effective_on": "'2025-04-01'"},
            "transfer_is_not_posted_before_its_day",
        ),
        (Bucket.OVERRUN, Bucket.AVAILABLE, {}, "overrun_has_its_exception"),
        (Bucket.AVAILABLE, Bucket.ACTUAL, {"amount_minor": "1"}, "lineage_sums_to_its_spend"),
    ],
)
def test_a_transfer_by_hand_meets_its_rule(
    budget: models.Budget, one: Bucket, other: Bucket, extra: dict[str, str], rule: str
) -> None:
    before = ledger.balances(budget)

    refused = _transfer(budget, one, other, 100_01, **extra)

    assert refused == rule
    assert ledger.balances(budget) == before


def test_an_entry_allocates_once_and_only_its_own_amount(budget: models.Budget) -> None:
    entry = budget.entries.get()
    other = ledger.make_budget(100_00)

    refused = [
        _transfer(budget, Bucket.SOURCE, Bucket.AVAILABLE, 100_00, entry_id=str(entry.pk)),
        _transfer(budget, Bucket.SOURCE, Bucket.AVAILABLE, 99_99, entry_id=str(entry.pk)),
        _transfer(other, Bucket.SOURCE, Bucket.AVAILABLE, 100_00, entry_id=str(entry.pk)),
    ]

    assert refused == [
        "transfer_entry_is_unique",
        "transfer_entry_is_unique",
        "transfer_entry_is_unique",
    ]
    assert ledger.balances(budget).allocated == 100_00


def test_reserved_money_of_another_fund_is_not_taken(budget: models.Budget) -> None:
    other = ledger.make_budget(100_00)
    ledger.make_commitment(budget, 40_00)
    theirs = ledger.make_commitment(other, 40_00)

    refused = _transfer(
        budget, Bucket.COMMITTED, Bucket.AVAILABLE, 40_00, commitment_id=str(theirs.pk)
    )

    assert refused == "transfer_stays_in_its_fund"


def test_a_commitment_is_not_moved_by_what_does_not_touch_it(budget: models.Budget) -> None:
    theirs = ledger.make_commitment(budget, 40_00)

    refused = _transfer(budget, Bucket.AVAILABLE, Bucket.ACTUAL, 1, commitment_id=str(theirs.pk))

    assert refused == "transfer_of_a_commitment_moves_it"


def test_a_refund_follows_a_spend_of_its_fund(budget: models.Budget) -> None:
    other = ledger.make_budget(100_00)
    ledger.record_fact(budget, 40_00)
    ledger.record_fact(other, 40_00)
    theirs = models.Transfer.objects.get(fund__budget=other, to_bucket="ACTUAL")

    refused = _transfer(budget, Bucket.ACTUAL, Bucket.AVAILABLE, 40_00, refunds_id=str(theirs.pk))

    assert refused == "refund_follows_its_spend"


def test_a_step_is_taken_back_exactly_and_once(budget: models.Budget) -> None:
    commitment = ledger.make_commitment(budget, 40_00)
    ledger.accrue(commitment, 10_00)
    step = models.Transfer.objects.get(to_bucket="ACCRUED")
    back = {"commitment_id": str(commitment.pk), "reverses_id": str(step.pk)}

    outcomes = [
        _transfer(budget, Bucket.ACCRUED, Bucket.COMMITTED, 9_99, **back),
        _transfer(budget, Bucket.ACCRUED, Bucket.COMMITTED, 10_00, **back),
        _transfer(budget, Bucket.ACCRUED, Bucket.COMMITTED, 10_00, **back),
    ]

    commitment.refresh_from_db()
    assert outcomes == ["reversal_is_exact", "", "transfer_is_reversed_once"]
    assert ledger.balances(budget) == Balances(allocated=100_00, committed=40_00)
    assert (commitment.posted_minor, commitment.accrued_minor) == (0, 0)


def test_no_transfer_is_posted_to_a_closed_period(budget: models.Budget) -> None:
    operation_id = _operation()
    ledger.move_period(PeriodStatus.CLOSED)

    refused = _transfer(budget, Bucket.AVAILABLE, Bucket.COMMITTED, 1, operation_id=operation_id)

    assert refused == "period_is_not_closed"


def test_a_closed_period_keeps_its_days_and_starts_open() -> None:
    ledger.move_period(PeriodStatus.CLOSED)

    refused = [
        _attempt(
            "UPDATE gifting_fiscalperiod SET ends_on = ends_on - 1 WHERE starts_on = '2025-03-01'"
        ),
        _attempt(
            "INSERT INTO gifting_fiscalperiod (organization_id, calendar_id, fiscal_year, quarter,"
            " number, name, starts_on, ends_on, status) SELECT organization_id, id, 2030, 1, 1,"
            " 'FY2030 P01', '2030-01-01', '2030-02-01', 'CLOSED' FROM gifting_fiscalcalendar"
        ),
        _attempt(
            "UPDATE gifting_fiscalperiod SET ends_on = ends_on - 1 WHERE starts_on = '2025-12-01'"
        ),
    ]

    assert refused == ["fiscal_period_closed_is_kept", "fiscal_period_starts_open", ""]


def test_an_entry_keeps_the_sign_of_its_kind(budget: models.Budget) -> None:
    kinds = [
        ("ORIGINAL", -1),
        ("REVISION", 0),
        ("TRANSFER_IN", -1),
        ("TRANSFER_OUT", 1),
        ("LAPSE", 1),
    ]

    refused = set()
    for kind, amount_minor in kinds:
        pair = {"pair_id": f"'{uuid.uuid4()}'"} if kind.startswith("TRANSFER") else {}
        refused.add(_entry(budget, kind, amount_minor, **pair))

    assert refused == {"budget_entry_sign_fits_its_kind"}


def test_a_budget_has_one_original_and_a_reason_for_each_change(budget: models.Budget) -> None:
    refused = [
        _entry(budget, "ORIGINAL", 1),
        _entry(budget, "REVISION", 1, reason=""),
        _entry(budget, "TRANSFER_IN", 1),
        _entry(budget, "REVISION", -100_01),
    ]

    assert refused == [
        "budget_entry_original_is_one",
        "budget_entry_has_a_reason",
        "budget_entry_is_paired_by_its_kind",
        "no_overspend",
    ]
    assert ledger.balances(budget) == Balances(allocated=100_00)


@pytest.mark.parametrize(
    "sides",
    [
        [("TRANSFER_OUT", -10)],
        [("TRANSFER_OUT", -10), ("TRANSFER_IN", 11)],
        [("TRANSFER_OUT", -10), ("TRANSFER_IN", 5), ("TRANSFER_IN", 5)],
        [("TRANSFER_OUT", -10), ("CARRY_FORWARD", 10)],
    ],
)
def test_a_transfer_has_two_sides_that_sum_to_zero(sides: list[tuple[str, int]]) -> None:
    extra = {"pair_id": f"'{uuid.uuid4()}'", "operation_id": _operation()}
    entries = [
        _entry_statement(ledger.make_budget(100_00), kind, amount_minor, **extra)
        for kind, amount_minor in sides
    ]

    refused = _attempt(*entries, "SET CONSTRAINTS ALL IMMEDIATE")

    assert refused == "transfer_pairs_sum_to_zero"


def test_the_checks_at_the_end_hold_outside_the_organization_too(budget: models.Budget) -> None:
    """At COMMIT the transaction has left its organization; the rows are judged all the same."""
    entry = _entry_statement(budget, "TRANSFER_OUT", -1, pair_id=f"'{uuid.uuid4()}'")

    refused = _attempt(
        entry,
        "SELECT set_config('tribute.organization', '', true)",
        "SET CONSTRAINTS ALL IMMEDIATE",
    )

    assert refused == "transfer_pairs_sum_to_zero"


def test_lineage_stays_in_its_budget_and_within_what_was_approved(budget: models.Budget) -> None:
    ledger.record_fact(budget, 40_00)
    spend = models.Transfer.objects.get(to_bucket="ACTUAL")
    pend = models.Transfer.objects.get(id=ledger.make_commitment(budget, 1).pend_id)
    theirs = ledger.make_budget(100_00).entries.get()
    april = budget.entries.get()

    refused = [
        _lineage(spend, theirs.pk, 1),
        _lineage(pend, april.pk, 1),
        _lineage(spend, None, 0),
        _lineage(spend, None, 1),
        _lineage(spend, april.pk, 1),
    ]

    assert refused == [
        "lineage_stays_in_its_fund",
        "lineage_stays_in_its_fund",
        "funding_lineage_is_positive",
        "lineage_sums_to_its_spend",
        "funding_lineage_is_unique",
    ]


def test_a_parked_fund_is_unparked_by_hand_and_by_nothing_else(budget: models.Budget) -> None:
    ledger.commit((budget, 1))
    parked = _attempt("UPDATE gifting_fund SET is_parked = true")

    refused = _transfer(budget, Bucket.AVAILABLE, Bucket.COMMITTED, 1)

    assert (parked, refused) == ("", "fund_is_parked")


def test_a_resolved_commitment_is_not_extended(budget: models.Budget) -> None:
    commitment = ledger.make_commitment(budget, 40_00)
    extended = _attempt("UPDATE gifting_commitment SET expires_at = now()")
    ledger.void(commitment, 40_00)

    refused = _attempt("UPDATE gifting_commitment SET expires_at = NULL")

    assert (extended, refused) == ("", "commitment_is_resolved")


def _transfer(
    budget: models.Budget,
    from_bucket: Bucket,
    to_bucket: Bucket,
    amount_minor: int = 1,
    /,
    **extra: str,
) -> str:
    """Add a transfer in SQL and check what waits for the commit; return what refused it."""
    columns = {
        "organization_id": "current_organization()",
        "operation_id": extra.get("operation_id") or _operation(),
        "fund_id": str(ledger.fund_of(budget).pk),
        "fiscal_period_id": str(budget.fiscal_period_id),
        "from_bucket": f"'{from_bucket}'",
        "to_bucket": f"'{to_bucket}'",
        "amount_minor": str(amount_minor),
        "effective_on": f"'{sends.DAY}'",
        **extra,
    }
    return _attempt(_insert("gifting_transfer", columns), "SET CONSTRAINTS ALL IMMEDIATE")


def _entry(budget: models.Budget, kind: str, amount_minor: int, **extra: str) -> str:
    """Add a register entry in SQL and check what waits for the commit; return what refused it."""
    return _attempt(
        _entry_statement(budget, kind, amount_minor, **extra), "SET CONSTRAINTS ALL IMMEDIATE"
    )


def _entry_statement(budget: models.Budget, kind: str, amount_minor: int, **extra: str) -> str:
    columns = {
        "organization_id": "current_organization()",
        "operation_id": extra.get("operation_id") or _operation(),
        "budget_id": str(budget.pk),
        "fiscal_period_id": str(budget.fiscal_period_id),
        "kind": f"'{kind}'",
        "amount_minor": str(amount_minor),
        "effective_on": f"'{sends.DAY}'",
        "reason": f"'{extra.pop('reason', 'By hand')}'",
        **extra,
    }
    return _insert("gifting_budgetentry", columns)


def _lineage(spend: models.Transfer, entry_id: int | None, amount_minor: int) -> str:
    columns = {
        "organization_id": "current_organization()",
        "transfer_id": str(spend.pk),
        "entry_id": str(entry_id) if entry_id else "NULL",
        "amount_minor": str(amount_minor),
    }
    return _attempt(_insert("gifting_fundinglineage", columns), "SET CONSTRAINTS ALL IMMEDIATE")


def _operation() -> str:
    """Add an operation of this transaction by hand, and return its id."""
    key = f"by-hand-{organizations.next_number()}"
    (row,) = _sql(
        "INSERT INTO gifting_operation (organization_id, kind, idempotency_key, request_hash,"
        f" response) VALUES (current_organization(), 'FACT', '{key}', '', '{{}}') RETURNING id"
    )
    return str(row[0])


def _insert(table: str, columns: dict[str, str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"


def _attempt(*statements: str) -> str:
    """Return the rule that refused the statements, or nothing when they went through."""
    try:
        with transaction.atomic():
            for statement in statements:
                _sql(statement)
            _sql("SET CONSTRAINTS ALL DEFERRED")
    except (IntegrityError, ProgrammingError) as refused:
        cause: Any = refused.__cause__
        return str(cause.diag.constraint_name or type(cause).__name__)
    return ""


def _sql(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []

"""The rules of closes, journals and tie-outs are PostgreSQL's: ways around end in an error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connection, transaction

from gifting import models
from gifting.domain import closes
from gifting.domain.journals import batches
from gifting.domain.ledger import PeriodStatus
from gifting.services import tenancy
from tests.factories import closes as factory
from tests.factories import ledger, organizations

pytestmark = pytest.mark.django_db

DENIED = "InsufficientPrivilege"
COPY = (
    "INSERT INTO gifting_journalitem (organization_id, batch_id, number, transfer_id, amount_minor,"
    " debit, credit) SELECT organization_id, batch_id, 99, {transfer}, {amount}, debit, credit"
    " FROM gifting_journalitem LIMIT 1"
)
RUN = (
    "INSERT INTO gifting_reconciliationrun (organization_id, operation_id, fiscal_period_id,"
    " gl_import_id, currency, gl_total_minor, ours_total_minor, explained_minor,"
    " unexplained_minor, is_clear) SELECT organization_id, {operation}, fiscal_period_id,"
    " gl_import_id, currency, {gl}, {ours}, {explained}, {unexplained}, {clear}"
    " FROM gifting_reconciliationrun LIMIT 1"
)


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO gifting_periodclose SELECT * FROM gifting_periodclose",
        "INSERT INTO gifting_closingline SELECT * FROM gifting_closingline",
        "INSERT INTO gifting_restatement SELECT * FROM gifting_restatement",
        "UPDATE gifting_closingline SET closing_minor = 0",
        "UPDATE gifting_journalbatch SET number = 7",
        "UPDATE gifting_journalbatch SET total_minor = 7",
        "UPDATE gifting_journalitem SET is_voided = true",
        "UPDATE gifting_journalfile SET content = ''",
        "DELETE FROM gifting_journalbatch",
        "SELECT store_closing_figures()",
    ],
)
def test_the_application_is_denied(statement: str) -> None:
    assert _attempt(statement) == DENIED


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("number = 7", "journal_batch_is_voided_once"),
        (
            "voided_at = now(), void_reason = 'x', dated_on = dated_on + 1",
            "journal_batch_is_voided_once",
        ),
        ("voided_at = now()", "journal_batch_is_voided_for_a_reason"),
    ],
)
def test_the_owner_voids_a_batch_and_changes_nothing_else(change: str, rule: str) -> None:
    factory.make_journal_batch()

    assert _as_owner(f"UPDATE gifting_journalbatch SET {change}") == rule


def test_a_voided_batch_is_not_put_in_force_again() -> None:
    factory.make_journal_batch()
    assert _attempt("UPDATE gifting_journalbatch SET voided_at = now(), void_reason = 'x'") is None

    refused = _attempt("UPDATE gifting_journalbatch SET voided_at = NULL, void_reason = ''")

    assert refused == "journal_batch_is_voided_once"
    assert models.JournalItem.objects.get().is_voided


def test_the_owner_changes_no_item() -> None:
    factory.make_journal_batch()

    for change in ("amount_minor = 1", "is_voided = true", "debit = credit"):
        assert _as_owner(f"UPDATE gifting_journalitem SET {change}") == "journal_item_is_kept"


def test_a_number_is_given_whatever_was_asked_for() -> None:
    batch = factory.make_journal_batch()
    copied = (
        "INSERT INTO gifting_journalbatch (organization_id, operation_id, fiscal_period_id, number,"
        " kind, dated_on, currency, item_count, total_minor, heading, content_sha256)"
        " SELECT organization_id, operation_id, fiscal_period_id, 1000, kind, dated_on, currency,"
        " item_count, total_minor, heading, content_sha256 FROM gifting_journalbatch"
    )

    with transaction.atomic():
        _sql(copied)
        number = models.JournalBatch.objects.exclude(pk=batch.pk).get().number
        transaction.set_rollback(True)

    assert number == 2
    # A batch without the items that it names does not last.
    assert _attempt(copied) == "journal_batch_is_its_items"


def test_an_item_tells_what_its_transfer_moved_and_each_transfer_once() -> None:
    factory.make_journal_batch()
    again = _attempt(COPY.format(transfer="transfer_id", amount="amount_minor"))
    more = _attempt(COPY.format(transfer="transfer_id", amount="amount_minor + 1"))
    reserved = _attempt(
        COPY.format(transfer=ledger.make_transfer().pk, amount=str(40_00)),
    )

    assert again == "journal_spend_is_told_once"
    assert (more, reserved) == ("journal_item_tells_its_transfer",) * 2


def test_an_accrual_without_its_reversal_does_not_last() -> None:
    factory.make_chart()
    ledger.accrue(ledger.make_commitment(), 40_00)
    factory.prepare()
    factory.tell(batches.Kind.ACCRUAL)
    _sql("SET CONSTRAINTS ALL IMMEDIATE")
    lone = (
        "WITH made AS (INSERT INTO gifting_journalbatch (organization_id, operation_id,"
        " fiscal_period_id, kind, dated_on, currency, item_count, total_minor, heading,"
        " content_sha256) SELECT organization_id, operation_id, fiscal_period_id, 'ACCRUAL',"
        " dated_on, currency, 1, 1, heading, '' FROM gifting_journalbatch WHERE kind = 'ACCRUAL'"
        " RETURNING id) SELECT id FROM made"
    )

    assert _attempt(lone) == "journal_batch_is_its_items"


def test_a_file_has_the_fingerprint_of_its_content() -> None:
    factory.make_journal_file()

    forged = _attempt(
        "INSERT INTO gifting_journalfile (organization_id, batch_id, written_as, part, name,"
        " content, sha256) SELECT organization_id, batch_id, 'XERO', 1, name, 'forged', sha256"
        " FROM gifting_journalfile"
    )

    assert forged == "journal_file_is_its_content"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"explained": "explained_minor + 1"}, "reconciliation_run_adds_up"),
        (
            {"gl": "gl_total_minor + 1", "unexplained": "unexplained_minor + 1"},
            "reconciliation_reads_the_general_ledger",
        ),
        (
            {"ours": "ours_total_minor + 1", "unexplained": "unexplained_minor - 1"},
            "reconciliation_reads_our_ledger",
        ),
        (
            {"explained": "explained_minor + unexplained_minor", "unexplained": "0"},
            "reconciliation_is_the_sum_of_its_causes",
        ),
        ({"clear": "true"}, "reconciliation_is_the_sum_of_its_causes"),
    ],
)
def test_a_run_says_what_both_ledgers_say(changes: dict[str, str], rule: str) -> None:
    run = factory.make_run()
    _sql("SET CONSTRAINTS ALL IMMEDIATE")
    given = {
        "operation": "operation_id",
        "gl": "gl_total_minor",
        "ours": "ours_total_minor",
        "explained": "explained_minor",
        "unexplained": "unexplained_minor",
        "clear": "is_clear",
        **changes,
    }

    assert (run.unexplained_minor, run.is_clear) == (1_00, False)
    assert _attempt(RUN.format(**given)) == rule


@pytest.mark.parametrize(
    ("amount", "rule"),
    [
        ("amount_minor + 1", "reconciliation_accounts_for_every_line"),
        ("-amount_minor", "reconciliation_accounts_for_every_line"),
    ],
)
def test_a_line_is_matched_for_no_more_than_its_amount(amount: str, rule: str) -> None:
    factory.make_run()
    added = (
        "INSERT INTO gifting_reconciliationmatch (organization_id, run_id, gl_line_id, transfer_id,"
        f" role, amount_minor) SELECT organization_id, run_id, gl_line_id, transfer_id, 'ACCRUAL',"
        f" {amount} FROM gifting_reconciliationmatch"
    )

    assert _attempt(added) == rule


def test_the_preparer_is_copied_and_can_be_neither_waiver_nor_signer() -> None:
    femi = factory.person()
    ledger.record_fact(ledger.make_budget(), 7_00)
    preparation = factory.prepare(femi)
    ledger.move_period(PeriodStatus.CLOSED)
    waiver = (
        "INSERT INTO gifting_closewaiver (organization_id, preparation_id, item, reason,"
        " waived_by_id, prepared_by_id) SELECT organization_id, id, 'TIE_OUT', 'x', {by}, NULL"
        f" FROM gifting_closepreparation WHERE id = {preparation.pk}"
    )
    signature = (
        "INSERT INTO gifting_closesignature (organization_id, preparation_id, period_close_id,"
        " signed_by_id) SELECT p.organization_id, p.id, c.id, {by}"
        " FROM gifting_closepreparation AS p, gifting_periodclose AS c"
        f" WHERE p.id = {preparation.pk}"
    )
    other = factory.person().user_id

    assert _attempt(waiver.format(by=femi.user_id)) == "close_waiver_is_not_the_preparers"
    assert _attempt(signature.format(by=other)) == "signature_waits_for_every_item"
    for check in preparation.checks:
        if not check["is_met"]:
            factory.waive(preparation, closes.Item(check["item"]))
    assert _attempt(signature.format(by=femi.user_id)) == "close_signature_is_not_the_preparers"
    assert _attempt(signature.format(by=other)) is None


def test_a_signature_is_of_the_period_that_was_prepared() -> None:
    preparation = factory.prepare(day=factory.NEXT_DAY)
    ledger.move_period(PeriodStatus.CLOSED)
    other = factory.person().user_id

    refused = _attempt(
        "INSERT INTO gifting_closesignature (organization_id, preparation_id, period_close_id,"
        f" signed_by_id) SELECT p.organization_id, p.id, c.id, {other}"
        " FROM gifting_closepreparation AS p, gifting_periodclose AS c"
        f" WHERE p.id = {preparation.pk}"
    )

    assert refused == "signature_is_of_the_prepared_period"


def _as_owner(statement: str) -> str | None:
    _sql("SET CONSTRAINTS ALL IMMEDIATE")
    _sql("SET LOCAL ROLE NONE")
    refused = _attempt(statement)
    _sql("SET LOCAL ROLE tribute_app")
    return refused


def _attempt(statement: str) -> str | None:
    """Return the rule that refused the statement, or the kind of error, or None."""
    try:
        with transaction.atomic():
            _sql(statement)
            _sql("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError as refused:
        cause = refused.__cause__
        rule: str | None = getattr(getattr(cause, "diag", None), "constraint_name", None)
        return rule or type(cause).__name__
    return None


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)

"""Sales and marketing share a budget: consent of both, floors, loans owed, and fairness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from gifting import models
from gifting.domain import refusals
from gifting.domain.shared import Mode
from gifting.selectors import shared as views
from gifting.services import shared, tenancy
from tests.factories import ledger, organizations, planning

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield
        _sql("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.fixture
def pool() -> planning.Pool:
    return planning.make_pool()


def _code(act: Callable[[], Any]) -> str:
    try:
        act()
    except refusals.Refusal as refusal:
        return refusal.code
    return ""


def test_terms_hold_when_both_sides_consented(pool: planning.Pool) -> None:
    terms = pool.propose(pool.terms((70_00, 30_00)))
    shared.consent(actor=pool.maya, terms=terms)
    early = _code(lambda: shared.activate(actor=pool.sam, key=ledger.key(), terms=terms))
    own = _code(lambda: shared.activate(actor=pool.maya, key=ledger.key(), terms=terms))
    stranger = _code(lambda: shared.consent(actor=pool.chief, terms=terms))
    before = ledger.balances(pool.marketing).allocated

    shared.consent(actor=pool.sam, terms=terms)
    shared.activate(actor=pool.sam, key=ledger.key(), terms=terms)

    assert (early, own, stranger, before) == (
        "CONSENT_MISSING",
        "TWO_PEOPLE_NEEDED",
        "NOT_A_SIDE",
        60_00,
    )
    assert ledger.balances(pool.marketing).allocated == 70_00
    assert ledger.balances(pool.sales).allocated == 30_00
    assert models.SharedConsent.objects.filter(terms__public_id=terms).count() == 2


def test_a_side_cannot_be_dropped_without_its_consent(pool: planning.Pool) -> None:
    pool.agree()
    other = ledger.make_budget(40_00, day=planning.POOL_DAY)
    chief = pool.chief.user_id or 0
    kept = pool.terms()
    taken = shared.Terms(
        fiscal_period_id=kept.fiscal_period_id,
        mode=Mode.SHARED,
        manager_id=chief,
        sides=[kept.sides[0], shared.Side(other.pk, chief, 40_00)],
        reason="Without sales",
    )
    terms = pool.propose(taken)
    shared.consent(actor=pool.maya, terms=terms)
    shared.consent(actor=pool.chief, terms=terms)

    refused = _code(lambda: shared.activate(actor=pool.chief, key=ledger.key(), terms=terms))

    assert refused == "CONSENT_MISSING"
    assert models.SharedActivation.objects.count() == 1


def test_one_side_alone_changes_no_register(pool: planning.Pool) -> None:
    pool.agree()

    def revise() -> None:
        with transaction.atomic():
            ledger.revise(pool.marketing, 1_00)
            _sql("SET CONSTRAINTS ALL IMMEDIATE")

    assert _rule(revise) == "shared_budget_changes_by_consent"
    assert ledger.balances(pool.marketing).allocated == 60_00


def test_what_is_borrowed_is_owed_until_repaid(pool: planning.Pool) -> None:
    pool.agree()
    loan = UUID(pool.lend(30_00).response["loan"])
    ledger.record_fact(pool.sales, 60_00)
    (lent,) = views.views(actor=ledger.actor(), shared_budget=pool.shared_budget)

    refused = _code(lambda: pool.repay(loan, 10_01))
    pool.repay(loan, 10_00)
    (repaid,) = views.views(actor=ledger.actor(), shared_budget=pool.shared_budget)

    by_name = {side.budget_id: side for side in lent.sides}
    marketing, sales = by_name[pool.marketing.pk], by_name[pool.sales.pk]
    assert refused == "BUDGET_EXCEEDED"
    assert (marketing.lent_minor, sales.borrowed_minor) == (30_00, 30_00)
    assert sales.paid_by_others_minor == 20_00
    assert (marketing.share_funded, marketing.share_used) == (Fraction(3, 5), Fraction(0))
    assert sales.gap == Fraction(3, 5)
    assert lent.short_end == Fraction(3, 5)
    assert [side.lent_minor for side in repaid.sides] == [20_00, 0]


@pytest.mark.parametrize(
    ("terms", "amount", "refused"),
    [
        ({}, 40_01, "LOAN_REFUSED"),
        ({}, 40_00, ""),
        ({"limit": 10_00}, 10_01, "LOAN_REFUSED"),
        ({"mode": Mode.SEPARATE}, 1, "LOAN_REFUSED"),
    ],
)
def test_the_manager_lends_within_floor_limit_and_mode(
    pool: planning.Pool, terms: dict[str, Any], amount: int, refused: str
) -> None:
    pool.agree(pool.terms(**terms))

    assert _code(lambda: pool.lend(amount)) == refused
    assert ledger.balances(pool.sales).allocated == 40_00 + (0 if refused else amount)


def test_nobody_but_the_manager_lends(pool: planning.Pool) -> None:
    pool.agree()

    assert _code(lambda: pool.lend(1_00, actor=pool.maya)) == "LOAN_REFUSED"
    assert not models.SharedLoan.objects.exists()


def test_more_than_the_loan_is_not_repaid(pool: planning.Pool) -> None:
    pool.agree()
    loan = UUID(pool.lend(5_00).response["loan"])
    pool.repay(loan, 3_00)

    assert _code(lambda: pool.repay(loan, 2_01)) == "REPAYMENT_EXCEEDS_LOAN"
    assert ledger.balances(pool.marketing).allocated == 58_00


def test_both_modes_are_reported_period_by_period(pool: planning.Pool) -> None:
    pool.agree()
    pool.agree(pool.terms(mode=Mode.SEPARATE))

    (view,) = views.views(actor=ledger.actor(), shared_budget=pool.shared_budget)

    assert view.mode is Mode.SEPARATE


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            (
                "INSERT INTO gifting_sharedactivation (organization_id, terms_id, operation_id)"
                " SELECT terms.organization_id, terms.id, (SELECT max(id) FROM gifting_operation)"
                " FROM gifting_sharedterms AS terms"
            ),
            "shared_terms_have_every_consent",
        ),
        (
            (
                "INSERT INTO gifting_sharedconsent (organization_id, terms_id, user_id)"
                " SELECT organization_id, id, manager_id FROM gifting_sharedterms"
            ),
            "shared_consent_is_a_sides",
        ),
        (
            (
                "INSERT INTO gifting_sharedloan (organization_id, terms_id, lender_id,"
                " borrower_id, amount_minor, operation_id, requested_by_id, approved_by_id)"
                " SELECT side.organization_id, side.terms_id, side.budget_id,"
                " (SELECT max(budget_id) FROM gifting_sharedside), 1,"
                " (SELECT max(id) FROM gifting_operation), side.representative_id,"
                " terms.manager_id FROM gifting_sharedside AS side JOIN gifting_sharedterms"
                " AS terms ON terms.id = side.terms_id ORDER BY side.id LIMIT 1"
            ),
            "shared_loan_is_under_shared_terms",
        ),
        ("UPDATE gifting_sharedside SET floor_minor = 0", "InsufficientPrivilege"),
        ("DELETE FROM gifting_sharedconsent", "InsufficientPrivilege"),
        ("UPDATE gifting_sharedterms SET manager_id = requested_by_id", "InsufficientPrivilege"),
    ],
)
def test_agreements_are_postgresqls(pool: planning.Pool, statement: str, rule: str) -> None:
    pool.propose()

    assert _rule(lambda: _sql(statement)) == rule


def test_a_loan_that_no_register_shows_is_refused(pool: planning.Pool) -> None:
    pool.agree()

    refused = _rule(
        lambda: _sql(
            "INSERT INTO gifting_sharedloan (organization_id, terms_id, lender_id, borrower_id,"
            " amount_minor, operation_id, requested_by_id, approved_by_id)"
            f" SELECT organization_id, id, {pool.marketing.pk}, {pool.sales.pk}, 1,"
            f" (SELECT max(id) FROM gifting_operation), {pool.sam.user_id}, manager_id"
            " FROM gifting_sharedterms"
        )
    )

    assert refused == "shared_loan_is_in_the_registers"


def _rule(act: Callable[[], Any]) -> str:
    try:
        with transaction.atomic():
            act()
    except Exception as error:  # noqa: BLE001 - PostgreSQL's word is what the test is about
        cause: Any = error.__cause__
        return cause.diag.constraint_name or type(cause).__name__
    return ""


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)

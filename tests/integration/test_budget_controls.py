"""Limits as hard as their policy says, requests that count, and several dimensions at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from gifting import models
from gifting.domain import budgets as rules
from gifting.domain import refusals
from gifting.domain.budgets import Cap, DimensionKind, Enforcement, Rollover
from gifting.selectors import funds
from gifting.services import ledger as services
from gifting.services import policies, tenancy
from tests.factories import controls, ledger, organizations

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _code(act: Callable[[], Any]) -> str:
    try:
        act()
    except refusals.Refusal as refusal:
        return refusal.code
    return ""


def test_a_hard_budget_refuses_and_keeps_nothing() -> None:
    budget = ledger.make_budget(10_00)

    assert _code(lambda: controls.commit(budget, 10_01, reason="Urgent")) == "BUDGET_EXCEEDED"
    assert ledger.balances(budget).used == 0
    assert not models.OverrunException.objects.exists()


def test_a_soft_budget_asks_for_a_reason_and_leaves_it_to_be_settled() -> None:
    budget = ledger.make_budget(10_00)
    controls.set_policy(budget, enforcement=Enforcement.SOFT)

    assert _code(lambda: controls.commit(budget, 12_00)) == "OVERRUN_NEEDS_REASON"
    controls.commit(budget, 12_00, reason="The deal closes on Friday")

    held = ledger.balances(budget)
    opened = models.OverrunException.objects.get()
    assert (held.committed, held.overrun, held.available) == (12_00, 2_00, 0)
    assert (opened.kind, opened.reason) == ("DECISION", "The deal closes on Friday")
    services.settle_exception(
        actor=ledger.actor(), exception=opened.public_id, resolution="Agreed", at=organizations.NOON
    )
    opened.refresh_from_db()
    assert opened.resolution == "Agreed"


def test_an_advisory_budget_warns() -> None:
    budget = ledger.make_budget(10_00)
    controls.set_policy(budget, enforcement=Enforcement.ADVISORY)

    controls.commit(budget, 15_00)

    assert models.OverrunException.objects.get().kind == "WARNING"
    assert ledger.balances(budget).net_position == -5_00


def test_a_hard_budget_above_a_soft_one_still_refuses() -> None:
    above = organizations.make_cost_center()
    top = ledger.make_budget(20_00, cost_center=above)
    low = ledger.make_budget(10_00, cost_center=organizations.make_cost_center(parent=above))
    controls.set_policy(low, enforcement=Enforcement.SOFT)

    assert _code(lambda: controls.commit(low, 20_01, reason="Why not")) == "BUDGET_EXCEEDED"
    controls.commit(low, 20_00, reason="Why not")

    assert (ledger.balances(top).overrun, ledger.balances(low).overrun) == (0, 10_00)
    assert funds.differences(actor=ledger.actor()) == ()


def test_what_comes_back_of_a_decision_pays_back_its_overrun_first() -> None:
    budget = ledger.make_budget(10_00)
    controls.set_policy(budget, enforcement=Enforcement.SOFT)
    commitment = controls.commit(budget, 14_00, reason="Urgent")

    ledger.void(commitment, 3_00)
    after_void = ledger.balances(budget)
    spend = ledger.invoice(commitment, 11_00)
    ledger.refund(spend, 11_00)

    assert (after_void.overrun, after_void.available) == (1_00, 0)
    held = ledger.balances(budget)
    assert (held.overrun, held.available, held.actual) == (0, 10_00, 0)
    assert funds.differences(actor=ledger.actor()) == ()


@pytest.mark.parametrize(
    ("enforcement", "kind", "rule"),
    [
        ("HARD", "COMMIT", "hard_budget_is_never_passed"),
        ("SOFT", "COMMIT", ""),
    ],
)
def test_no_decision_writes_its_own_overrun_into_a_hard_budget(
    enforcement: str, kind: str, rule: str
) -> None:
    budget = ledger.make_budget(10_00)
    controls.set_policy(budget, enforcement=Enforcement(enforcement))

    assert _overrun_by_hand(budget, kind) == rule


def test_an_overrun_without_its_exception_cannot_commit() -> None:
    budget = ledger.make_budget(10_00)
    controls.set_policy(budget, enforcement=Enforcement.SOFT)

    def overrun() -> None:
        with transaction.atomic():
            _transfer_by_hand(budget, "COMMIT")
            _sql("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="overrun_has_its_exception"):
        overrun()


def test_a_request_is_shown_in_its_budget_and_above_and_ends_once() -> None:
    above = organizations.make_cost_center()
    top = ledger.make_budget(20_00, cost_center=above)
    low = ledger.make_budget(10_00, cost_center=organizations.make_cost_center(parent=above))

    (granted,) = controls.request((low, 4_00))
    (withdrawn,) = controls.request((low, 3_00))
    asked = [ledger.fund_of(each).requested_minor for each in (low, top)]
    controls.commit(low, 4_00, request=granted)
    controls.withdraw(withdrawn)

    assert asked == [7_00, 7_00]
    assert [ledger.fund_of(each).requested_minor for each in (low, top)] == [0, 0]
    assert [each.outcome for each in models.RequestOutcome.objects.order_by("id")] == [
        "GRANTED",
        "WITHDRAWN",
    ]
    assert _code(lambda: controls.commit(low, 1_00, request=granted)) == "REQUEST_ENDED"
    assert _code(lambda: controls.withdraw(granted)) == "REQUEST_ENDED"


def test_requests_take_room_only_where_they_count() -> None:
    counting, free = ledger.make_budget(10_00), ledger.make_budget(10_00)
    controls.set_policy(counting, counts_requested=True)

    (asked,) = controls.request((counting, 8_00))
    controls.request((free, 8_00))

    assert _code(lambda: controls.commit(free, 10_00)) == ""
    assert _code(lambda: controls.commit(counting, 2_01)) == "BUDGET_EXCEEDED"
    assert _code(lambda: controls.request((counting, 2_01))) == "BUDGET_EXCEEDED"
    controls.commit(counting, 10_00, request=asked)
    assert ledger.balances(counting).available == 0


def test_a_request_grants_in_its_own_budget_alone() -> None:
    budget, other = ledger.make_budget(), ledger.make_budget()
    (asked,) = controls.request((budget, 1_00))

    refused = _code(lambda: controls.commit(other, 1_00, request=asked))

    assert refused == "REQUEST_OF_OTHER_BUDGET"
    assert not models.RequestOutcome.objects.exists()


def test_one_commitment_is_held_against_every_budget_that_its_values_scope() -> None:
    emea = controls.value("EMEA")
    maya = controls.value("maya", DimensionKind.PERSON)
    home = ledger.make_budget(100_00)
    region = controls.scoped_budget(30_00, emea)
    person = controls.scoped_budget(20_00, maya)
    both = controls.scoped_budget(15_00, emea, maya)

    commitment = controls.commit(home, 10_00, values=(emea, maya))
    refused = _code(lambda: controls.commit(home, 6_00, values=(emea, maya)))
    controls.commit(home, 6_00, values=(maya,))
    spend = ledger.invoice(commitment, 10_00)
    ledger.refund(spend, 4_00)

    held = [ledger.balances(each) for each in (home, region, person, both)]
    assert refused == "BUDGET_EXCEEDED"
    assert [(each.committed, each.actual) for each in held] == [
        (6_00, 6_00),
        (0, 6_00),
        (6_00, 6_00),
        (0, 6_00),
    ]
    assert funds.differences(actor=ledger.actor()) == ()


def test_a_budget_scoped_by_nothing_named_is_not_met() -> None:
    emea, apac = controls.value("EMEA"), controls.value("APAC")
    home = ledger.make_budget(100_00)
    limit = controls.scoped_budget(1_00, apac)

    controls.commit(home, 50_00, values=(emea,))

    assert ledger.balances(limit).used == 0


def test_a_scoped_budget_is_no_home_of_money() -> None:
    limit = controls.scoped_budget(30_00, controls.value())

    assert _code(lambda: controls.commit(limit, 1_00)) == "SCOPED_BUDGET"
    assert ledger.balances(limit).used == 0


@pytest.mark.parametrize("held", ["'{}'", "ARRAY[1]::bigint[]"])
def test_a_reach_cannot_leave_a_limit_out(held: str) -> None:
    emea = controls.value()
    home = ledger.make_budget()
    controls.scoped_budget(30_00, emea)

    refused = _attempt(
        "INSERT INTO gifting_reach (organization_id, fund_id, value_ids, fund_ids)"
        f" SELECT organization_id, id, ARRAY[{emea}]::bigint[], {held} FROM gifting_fund"
        f" WHERE budget_id = {home.pk}"
    )

    assert refused == "reach_is_whole"


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE gifting_fund SET requested_minor = 0", "InsufficientPrivilege"),
        ("UPDATE gifting_fund SET enforcement = 'SOFT'", "InsufficientPrivilege"),
        ("UPDATE gifting_overrunexception SET kind = 'WARNING'", "InsufficientPrivilege"),
        ("UPDATE gifting_budget SET scope = '{1}'", "budget_scope_is_kept"),
        (
            (
                "INSERT INTO gifting_requestoutcome (organization_id, request_id, operation_id,"
                " outcome) SELECT organization_id, id, operation_id, 'GRANTED'"
                " FROM gifting_spendrequest"
            ),
            "request_is_granted_by_its_commitment",
        ),
        (
            (
                "INSERT INTO gifting_spendrequest (organization_id, operation_id, fund_id,"
                " amount_minor) SELECT organization_id, operation_id, fund_id, 0"
                " FROM gifting_spendrequest"
            ),
            "spend_request_is_positive",
        ),
        (
            (
                "INSERT INTO gifting_budgetentry (organization_id, budget_id, operation_id,"
                " fiscal_period_id, kind, amount_minor, effective_on, reason, requested_by_id,"
                " approved_by_id) SELECT organization_id, budget_id, operation_id,"
                " fiscal_period_id, 'REVISION', 1, effective_on, 'Mine', 1, 1"
                " FROM gifting_budgetentry"
            ),
            "budget_entry_is_approved_by_another",
        ),
    ],
)
def test_the_controls_are_postgresqls(statement: str, rule: str) -> None:
    controls.make_request()

    assert _attempt(statement) == rule


def test_two_people_change_a_budget_that_wants_two() -> None:
    budget = ledger.make_budget(10_00)
    controls.set_policy(budget, needs_two_people=True)

    assert _code(lambda: ledger.revise(budget, 1_00)) == "TWO_PEOPLE_NEEDED"
    assert ledger.balances(budget).allocated == 10_00


@pytest.mark.parametrize(
    ("rollover", "cap", "carried", "lapsed"),
    [
        (Rollover.LAPSE, Cap(), 0, 60_00),
        (Rollover.CARRY_COMMITTED, Cap(), 40_00, 60_00),
        (Rollover.CARRY_ALL, Cap(), 100_00, 0),
        (Rollover.CARRY_ALL, Cap(amount_minor=15_00), 55_00, 45_00),
        (Rollover.CARRY_ALL, Cap(basis_points=1_000), 50_00, 50_00),
    ],
)
def test_a_closing_budget_rolls_over_by_its_policy(
    rollover: Rollover, cap: Cap, carried: int, lapsed: int
) -> None:
    budget = ledger.make_budget(100_00)
    later = ledger.make_budget(1_00, day=controls.NEXT_DAY)
    controls.set_policy(budget, rollover=rollover, cap=cap)
    commitment = controls.commit(budget, 40_00)

    answer = controls.roll_over(budget, later, idempotency_key="once")
    again = controls.roll_over(budget, later, idempotency_key="once")

    old, new = ledger.balances(budget), ledger.balances(later)
    kept = 40_00 if rollover is Rollover.LAPSE else 0
    assert (old.committed, old.available) == (kept, 0)
    assert (new.allocated, new.committed) == (1_00 + carried, 40_00 - kept)
    assert answer.response["lapsed_minor"] == lapsed
    assert (again.replayed, again.response) == (True, answer.response)
    # Closing out and opening in is zero net: all that left the company lapsed.
    assert old.allocated + new.allocated == 101_00 - lapsed
    assert _code(lambda: controls.roll_over(budget, later)) == "ALREADY_ROLLED_OVER"
    ledger.invoice(commitment, 40_00)
    moved = ledger.balances(budget if kept else later)
    assert (moved.committed, moved.actual) == (0, 40_00)
    assert funds.differences(actor=ledger.actor()) == ()


def test_a_carried_commitment_is_moved_by_its_old_name() -> None:
    budget, later = ledger.make_budget(), ledger.make_budget(day=controls.NEXT_DAY)
    controls.set_policy(budget, rollover=Rollover.CARRY_COMMITTED)
    commitment = controls.commit(budget, 40_00)
    controls.roll_over(budget, later)

    ledger.accrue(commitment, 30_00)
    ledger.void(commitment, 10_00)

    held = ledger.balances(later)
    assert (held.committed, held.accrued, held.available) == (0, 30_00, 110_00)


def test_a_rollover_names_a_later_budget() -> None:
    budget, beside = ledger.make_budget(), ledger.make_budget()
    controls.set_policy(budget, rollover=Rollover.CARRY_ALL)

    codes = [_code(partial(controls.roll_over, budget, to)) for to in (None, budget, beside)]

    assert codes == ["ROLLOVER_UNUSABLE"] * 3
    assert ledger.balances(budget).available == 100_00


def test_a_commitment_is_carried_only_by_who_lets_it_go() -> None:
    later = ledger.make_budget()
    commitment = ledger.make_commitment()

    refused = _attempt(
        "WITH asked AS (INSERT INTO gifting_operation (organization_id, kind, idempotency_key,"
        " request_hash, response) VALUES (current_organization(), 'COMMIT', 'x', 'x', '{}')"
        " RETURNING id)"
        " INSERT INTO gifting_transfer (organization_id, operation_id, fund_id, fiscal_period_id,"
        " from_bucket, to_bucket, amount_minor, effective_on, continues_id)"
        " SELECT fund.organization_id, asked.id, fund.id, budget.fiscal_period_id, 'AVAILABLE',"
        f" 'COMMITTED', 40_00, '{ledger.DAY}', {commitment.pk} FROM asked, gifting_fund AS fund"
        " JOIN gifting_budget AS budget ON budget.id = fund.budget_id"
        f" WHERE budget.id = {later.pk}".replace("40_00", "4000")
    )

    assert refused == "carried_commitment_is_let_go"


def test_unused_money_is_clawed_back_on_its_day_once() -> None:
    pot, budget = ledger.make_budget(), ledger.make_budget(50_00)
    day = dt.date(2025, 3, 14)
    controls.set_policy(budget, claw_back_to_id=pot.pk, claw_back_on=day)
    controls.commit(budget, 20_00)
    early = organizations.NOON - dt.timedelta(days=1)

    done = [
        policies.claw_back_due(actor=ledger.actor(), at=at)
        for at in (early, organizations.NOON, organizations.NOON)
    ]

    assert done == [0, 1, 0]
    assert ledger.balances(pot).allocated == 130_00
    assert ledger.balances(budget).available == 0


def test_a_cap_that_is_no_part_is_refused() -> None:
    codes = [
        _code(partial(Cap, **cap))
        for cap in ({"amount_minor": -1}, {"basis_points": -1}, {"basis_points": 10_001})
    ]

    assert codes == [rules.CapUnusable.code] * 3


def _overrun_by_hand(budget: models.Budget, kind: str) -> str:
    try:
        with transaction.atomic():
            transfer = _transfer_by_hand(budget, kind)
            models.OverrunException.objects.create(
                organization_id=organizations.here(), transfer_id=transfer, reason="Because"
            )
    except IntegrityError as error:
        return _rule(error)
    return ""


def _transfer_by_hand(budget: models.Budget, kind: str) -> int:
    operation = models.Operation.objects.create(
        organization_id=organizations.here(),
        kind=kind,
        idempotency_key=ledger.key(),
        request_hash="x",
        response={},
    )
    transfer = models.Transfer(
        organization_id=organizations.here(),
        operation=operation,
        fund=ledger.fund_of(budget),
        fiscal_period_id=budget.fiscal_period_id,
        from_bucket="OVERRUN",
        to_bucket="AVAILABLE",
        amount_minor=5,
        effective_on=ledger.DAY,
    )
    transfer.save()
    return transfer.pk


def _attempt(statement: str) -> str:
    try:
        with transaction.atomic():
            _sql(statement)
            _sql("SET CONSTRAINTS ALL IMMEDIATE")
    except Exception as error:  # noqa: BLE001 - PostgreSQL's word is what the test is about
        return _rule(error)
    return ""


def _rule(error: Exception) -> str:
    cause: Any = error.__cause__
    return cause.diag.constraint_name or type(cause).__name__


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)

"""Nobody approves what they did themselves or through a token, and nobody spends what is owed."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator

import pytest
from django.db import IntegrityError, connection, transaction

from gifting import models
from gifting.domain import access, matching, refusals
from gifting.domain.budgets import Enforcement
from gifting.domain.ledger import BudgetExceeded, OperationKind, PeriodStatus
from gifting.services import access as memberships
from gifting.services import budgets, decisions, matches, overrides, periods, tenancy
from gifting.services import ledger as services
from tests.factories import approvals, closes, controls, ledger, organizations, procurement, sends
from tests.factories import requests as gifts

pytestmark = pytest.mark.django_db

NOON = organizations.NOON


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@pytest.fixture
def ana() -> access.Actor:
    return approvals.member(access.Role.ADMIN)


@pytest.fixture
def token(ana: access.Actor) -> access.Actor:
    """Act by a token that Ana made."""
    memberships.issue_token(
        actor=ana,
        name="Ana's script",
        scopes=frozenset({access.Scope.WRITE_SENDS, access.Scope.WRITE_BUDGETS}),
        lifetime=dt.timedelta(days=30),
        at=NOON,
    )
    made = models.ServiceToken.objects.get()
    return access.Actor(
        organization_id=organizations.here(),
        user_id=None,
        token_id=made.pk,
        role=access.Role.SERVICE,
        permissions=access.ROLE_PERMISSIONS[access.Role.ADMIN],
        cost_center_ids=None,
    )


def _overrun(actor: access.Actor) -> models.OverrunException:
    services.record_fact(
        actor=actor,
        key=ledger.key(),
        budget_id=ledger.make_budget(10_00).pk,
        amount=ledger.usd(12_00),
        effective_on=ledger.DAY,
        reason="Freight came on top",
    )
    return models.OverrunException.objects.get()


def _settle(actor: access.Actor, opened: models.OverrunException) -> None:
    services.settle_exception(
        actor=actor, exception=opened.public_id, resolution="Accepted", at=NOON
    )


def test_an_overrun_is_not_settled_by_who_posted_it(ana: access.Actor) -> None:
    opened = _overrun(ana)

    assert _code(lambda: _settle(ana, opened)) == "OVERRUN_BY_ITS_POSTER"
    opened.refresh_from_db()
    assert (opened.resolved_at, opened.approved_by_id) == (None, None)

    _settle(closes.person(), opened)
    opened.refresh_from_db()
    assert opened.resolved_at == NOON


def test_an_overrun_is_not_settled_by_the_maker_of_the_token_that_posted_it(
    ana: access.Actor, token: access.Actor
) -> None:
    opened = _overrun(token)

    assert _code(lambda: _settle(ana, opened)) == "OVERRUN_BY_ITS_POSTER"
    with pytest.raises(IntegrityError, match="somebody else"), transaction.atomic():
        models.OverrunException.objects.update(approved_by_id=ana.user_id, resolved_at=NOON)


def test_nobody_else_becomes_the_maker_of_a_token(token: access.Actor) -> None:
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        models.ServiceToken.objects.update(created_by=None)


def test_nobody_else_becomes_the_approver_of_a_budget(ana: access.Actor) -> None:
    budget = ledger.make_budget(10_00)

    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        models.Budget.objects.filter(id=budget.pk).update(approved_by_id=ana.user_id)


def test_an_exception_is_not_written_settled() -> None:
    opened = ledger.make_overrun_exception()

    with pytest.raises(IntegrityError, match="starts open"), transaction.atomic():
        models.OverrunException.objects.create(
            organization_id=organizations.here(),
            transfer_id=opened.transfer_id,
            reason="It is fine",
            resolved_at=NOON,
        )


def test_a_send_that_a_token_asks_for_is_not_approved_by_the_tokens_maker(
    ana: access.Actor, token: access.Actor
) -> None:
    budget = ledger.make_budget(100_00)
    send = gifts.make_request(budget, actor=token)

    with pytest.raises(decisions.RequesterDecides):
        gifts.approve(send, actor=ana)

    assert ledger.balances(budget).committed == 0
    assert models.SendRequest.objects.get().requested_by_id == ana.user_id
    gifts.approve(send, actor=closes.person())
    assert ledger.balances(budget).committed == 58_00


def test_an_override_is_not_used_through_a_token_of_its_approver(
    ana: access.Actor, token: access.Actor
) -> None:
    granted = overrides.grant(
        actor=ana,
        key=ledger.key(),
        rule_code="OFFICIAL-ANY",
        reason="Legal has agreed",
        requested_by=None,
        valid_until=NOON + dt.timedelta(days=7),
        at=NOON,
    )

    with pytest.raises(overrides.OverrideByItsUser):
        overrides.use(actor=token, override_id=granted, subject_id=uuid.uuid4(), at=NOON)

    assert not models.OverrideUse.objects.exists()


def test_an_invoice_of_a_token_is_not_waived_by_the_tokens_maker(
    ana: access.Actor, token: access.Actor
) -> None:
    line = procurement.make_order_line()
    procurement.take(procurement.invoice_of(line, 10, 70_00), by=token)

    for opened in models.MatchException.objects.all():
        assert opened.requested_by_id == ana.user_id
        with pytest.raises(matches.WaiverByRequester):
            matches.settle(
                actor=ana,
                key=ledger.key(),
                exception=opened.public_id,
                resolution=matching.Resolution.WAIVED,
                reason="It is fine",
                at=NOON,
            )
    assert models.MatchException.objects.filter(resolved_at=None).exists()


def test_nobody_closes_a_period_for_good_without_a_signature() -> None:
    femi = closes.person()
    period = sends.period_of(ledger.DAY)

    refused = _code(
        lambda: periods.move(
            actor=femi, period_id=period.pk, status=PeriodStatus.CLOSED, reason="I say so"
        )
    )

    assert refused == "CLOSE_UNSIGNED"
    with pytest.raises(IntegrityError, match="by a signature"), transaction.atomic():
        _close_unsigned(femi, period)
    period.refresh_from_db()
    assert period.status == PeriodStatus.OPEN


def test_what_a_fact_overran_is_no_room_for_a_decision() -> None:
    """Reserve all, owe 20 more, and let go: 100 were approved and 20 are spent, so 80 are left."""
    budget = ledger.make_budget(100_00)
    held = ledger.make_commitment(budget, 100_00)
    ledger.record_fact(budget, 20_00)
    ledger.void(held, 100_00)

    with pytest.raises(BudgetExceeded) as refusal:
        ledger.commit((budget, 80_01))

    assert refusal.value.available_minor == 80_00
    ledger.commit((budget, 80_00))
    assert ledger.balances(budget).used == 100_00


def test_what_a_fact_overran_is_no_room_in_a_budget_above() -> None:
    above = organizations.make_cost_center()
    cap = ledger.make_budget(100_00, cost_center=above)
    below = ledger.make_budget(500_00, cost_center=organizations.make_cost_center(parent=above))
    held = ledger.make_commitment(below, 100_00)
    ledger.record_fact(below, 20_00)
    ledger.void(held, 100_00)

    assert _code(lambda: ledger.commit((below, 80_01))) == "BUDGET_EXCEEDED"
    ledger.commit((below, 80_00))

    assert ledger.balances(cap).used == 100_00


def test_a_revision_that_covers_an_overrun_is_not_spent_again() -> None:
    budget = ledger.make_budget(100_00)
    ledger.record_fact(budget, 120_00)
    ledger.revise(budget, 20_00)

    assert _code(lambda: ledger.commit((budget, 1))) == "BUDGET_EXCEEDED"


def test_what_a_fact_overran_is_not_moved_to_another_budget() -> None:
    budget, other = ledger.make_budget(100_00), ledger.make_budget(0)
    held = ledger.make_commitment(budget, 100_00)
    ledger.record_fact(budget, 20_00)
    ledger.void(held, 100_00)

    assert _code(lambda: ledger.transfer(budget, other, 80_01)) == "BUDGET_EXCEEDED"
    assert ledger.balances(other).allocated == 0
    ledger.transfer(budget, other, 50_00)
    budgets.lapse(
        actor=ledger.actor(),
        key=ledger.key(),
        budget_id=budget.pk,
        reason="The year is over",
        effective_on=ledger.DAY,
    )

    held_now = ledger.balances(budget)
    assert (held_now.allocated, held_now.actual, held_now.net_position) == (20_00, 20_00, 0)


@pytest.mark.parametrize("enforcement", list(Enforcement))
def test_no_reason_lets_the_register_move_more_than_there_is(enforcement: Enforcement) -> None:
    budget, other = ledger.make_budget(100_00), ledger.make_budget(0)
    controls.set_policy(budget, enforcement=enforcement)

    assert _code(lambda: ledger.transfer(budget, other, 100_01)) == "BUDGET_EXCEEDED"

    assert (ledger.balances(budget).allocated, ledger.balances(other).allocated) == (100_00, 0)


def test_a_fact_that_takes_more_than_it_owes_leaves_no_room() -> None:
    """Call a decision a fact in SQL: OVERRUN gives room, but not to what reserves."""
    budget = ledger.make_budget(10_00)

    with pytest.raises(IntegrityError, match="less available"), transaction.atomic():
        _reserve_as_a_fact(budget)

    assert ledger.balances(budget).used == 0


def test_a_soft_budget_still_counts_what_decisions_overran() -> None:
    budget = ledger.make_budget(10_00)
    controls.set_policy(budget, enforcement=Enforcement.SOFT)

    controls.commit(budget, 12_00, reason="The deal closes on Friday")

    assert ledger.balances(budget).overrun == 2_00
    assert _code(lambda: ledger.commit((budget, 1))) == "OVERRUN_NEEDS_REASON"


def _close_unsigned(actor: access.Actor, period: models.FiscalPeriod) -> None:
    periods.enter(actor=actor, period_id=period.pk, status=PeriodStatus.CLOSED, reason="I say so")
    connection.check_constraints()


def _reserve_as_a_fact(budget: models.Budget) -> None:
    fact = models.Operation.objects.create(
        organization_id=organizations.here(),
        kind=OperationKind.FACT.value,
        idempotency_key="sly",
        request_hash="sly",
        response={},
    )
    for way, amount in ((("OVERRUN", "AVAILABLE"), 90_00), (("AVAILABLE", "COMMITTED"), 100_00)):
        models.Transfer.objects.create(
            organization_id=organizations.here(),
            operation=fact,
            fund=ledger.fund_of(budget),
            fiscal_period_id=budget.fiscal_period_id,
            from_bucket=way[0],
            to_bucket=way[1],
            amount_minor=amount,
            effective_on=ledger.DAY,
        )


def _code(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except refusals.Refusal as refusal:
        return refusal.code
    return ""

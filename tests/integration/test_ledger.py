"""Money of a budget is reserved, spent and given back; what does not fit is refused or overruns."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from gifting import models
from gifting.domain import access, money, refusals
from gifting.domain.ledger import Balances, Bucket, BudgetExceeded, OperationKind, PeriodStatus
from gifting.selectors import funds
from gifting.services import audits, budgets, operations, periods, tenancy
from gifting.services import ledger as services
from tests.factories import ledger, organizations, sends

pytestmark = pytest.mark.django_db

NOON = organizations.NOON
HOUR = dt.timedelta(hours=1)
NEXT_MONTH = dt.date(2025, 4, 2)


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@pytest.fixture
def budget() -> models.Budget:
    return ledger.make_budget(100_00)


def test_an_approved_budget_opens_its_fund_and_its_register(budget: models.Budget) -> None:
    entry = budget.entries.get()

    assert (entry.kind, entry.amount_minor) == ("ORIGINAL", 100_00)
    assert ledger.balances(budget) == Balances(allocated=100_00)
    assert ledger.fund_of(budget).row_version == 1


def test_a_budget_of_zero_has_a_register_and_no_room() -> None:
    empty = ledger.make_budget(0)

    with pytest.raises(BudgetExceeded):
        ledger.commit((empty, 1))

    assert empty.entries.get().amount_minor == 0
    assert ledger.balances(empty) == Balances()


def test_a_gift_goes_through_every_bucket(budget: models.Budget) -> None:
    commitment = ledger.make_commitment(budget, 40_00)
    after = [ledger.balances(budget)]
    ledger.accrue(commitment, 40_00)
    after.append(ledger.balances(budget))
    ledger.invoice(commitment, 40_00)
    after.append(ledger.balances(budget))

    assert after == [
        Balances(allocated=100_00, committed=40_00),
        Balances(allocated=100_00, accrued=40_00),
        Balances(allocated=100_00, actual=40_00),
    ]


def test_an_invoice_takes_the_accrual_then_the_open_rest_then_room(budget: models.Budget) -> None:
    commitment = ledger.make_commitment(budget, 40_00)
    ledger.accrue(commitment, 10_00)

    answer = ledger.invoice(commitment, 45_00)

    moved = models.Transfer.objects.filter(operation__public_id=answer.operation_id).order_by("id")
    assert list(moved.values_list("from_bucket", "amount_minor")) == [
        ("ACCRUED", 10_00),
        ("COMMITTED", 30_00),
        ("AVAILABLE", 5_00),
    ]
    assert answer.response == {"spend": str(answer.operation_id), "overrun_minor": 0}
    assert ledger.balances(budget) == Balances(allocated=100_00, actual=45_00)


def test_an_invoice_beyond_the_budget_is_owed_and_overruns_it(budget: models.Budget) -> None:
    commitment = ledger.make_commitment(budget, 90_00)

    answer = ledger.invoice(commitment, 115_00)

    exception = models.OverrunException.objects.get()
    assert answer.response["overrun_minor"] == 15_00
    assert ledger.balances(budget) == Balances(allocated=100_00, actual=115_00, overrun=15_00)
    assert (exception.reason, exception.resolved_at) == ("Freight came on top", None)
    assert exception.transfer.amount_minor == 15_00
    assert exception.transfer.from_bucket == Bucket.OVERRUN.value


def test_the_oldest_entry_pays_first_and_none_pays_what_overruns(budget: models.Budget) -> None:
    ledger.revise(budget, 20_00)

    answer = ledger.record_fact(budget, 125_00)

    original, revision = budget.entries.order_by("id")
    paid = models.FundingLineage.objects.filter(
        transfer__operation__public_id=answer.operation_id
    ).order_by("id")
    assert list(paid.values_list("entry_id", "amount_minor")) == [
        (original.pk, 100_00),
        (revision.pk, 20_00),
        (None, 5_00),
    ]


def test_money_taken_away_pays_nothing(budget: models.Budget) -> None:
    ledger.revise(budget, -60_00)

    ledger.record_fact(budget, 50_00)

    paid = models.FundingLineage.objects.order_by("id").values_list("entry__kind", "amount_minor")
    assert list(paid) == [("ORIGINAL", 40_00), (None, 10_00)]


def test_a_full_refund_returns_every_balance(budget: models.Budget) -> None:
    ledger.make_commitment(budget, 30_00)
    before = ledger.balances(budget)
    spend = ledger.record_fact(budget, 90_00)

    ledger.refund(spend, 40_00)
    ledger.refund(spend, 50_00)

    assert ledger.balances(budget) == before
    assert set(models.FundingSource.objects.values_list("spent_minor", flat=True)) == {0}


def test_a_partial_refund_repays_the_overrun_first(budget: models.Budget) -> None:
    spend = ledger.record_fact(budget, 120_00)

    ledger.refund(spend, 15_00)

    assert ledger.balances(budget) == Balances(allocated=100_00, actual=105_00, overrun=5_00)
    assert models.FundingSource.objects.get().spent_minor == 100_00


def test_no_more_is_refunded_than_was_spent(budget: models.Budget) -> None:
    spend = ledger.record_fact(budget, 50_00)
    ledger.refund(spend, 30_00)

    with pytest.raises(operations.RefundExceedsSpend) as refusal:
        ledger.refund(spend, 20_01)

    assert "0.01 USD is more" in refusal.value.message
    assert ledger.balances(budget) == Balances(allocated=100_00, actual=20_00)


def test_one_minor_unit_too_much_is_refused_and_nothing_moves(budget: models.Budget) -> None:
    other = ledger.make_budget(100_00)
    ledger.commit((budget, 60_00))
    rows = models.Transfer.objects.count(), models.Operation.objects.count()

    with pytest.raises(BudgetExceeded) as refusal:
        ledger.commit((other, 1_00), (budget, 40_01))

    assert refusal.value.message == (
        f"The budget {budget.name!r} has 40.00 USD available, and 40.01 USD was asked for. "
        "Ask for less, or have the budget revised."
    )
    assert (refusal.value.available_minor, refusal.value.requested_minor) == (40_00, 40_01)
    assert refusal.value.code == "BUDGET_EXCEEDED"
    assert (models.Transfer.objects.count(), models.Operation.objects.count()) == rows
    assert ledger.balances(other) == Balances(allocated=100_00)


def test_a_use_moves_every_budget_above_and_no_other() -> None:
    company = organizations.make_cost_center("COMPANY-2")
    team = organizations.make_cost_center("TEAM", parent=company)
    campaign = sends.make_campaign(cost_center=team)
    top = ledger.make_budget(500_00, cost_center=company)
    middle = ledger.make_budget(300_00, cost_center=team)
    lowest = ledger.make_budget(200_00, cost_center=team, campaign=campaign)
    beside = ledger.make_budget(200_00)
    april = ledger.make_budget(500_00, cost_center=company, day=NEXT_MONTH)

    ledger.commit((lowest, 50_00))
    ledger.commit((middle, 20_00))

    found = [ledger.balances(each).committed for each in (lowest, middle, top, beside, april)]
    depths = models.FundAncestor.objects.filter(fund__budget=lowest).order_by("depth")
    assert found == [50_00, 70_00, 70_00, 0, 0]
    assert list(depths.values_list("ancestor__budget_id", "depth")) == [(middle.pk, 1), (top.pk, 2)]


def test_the_cap_above_holds_when_the_budgets_below_promise_more() -> None:
    team = organizations.make_cost_center()
    cap = ledger.make_budget(100_00, cost_center=team)
    below = [
        ledger.make_budget(80_00, cost_center=organizations.make_cost_center(parent=team))
        for _ in range(2)
    ]
    ledger.commit((below[0], 80_00))

    with pytest.raises(BudgetExceeded) as refusal:
        ledger.commit((below[1], 20_01))
    ledger.commit((below[1], 20_00))

    assert cap.name in refusal.value.message
    assert [ledger.balances(each).committed for each in (cap, *below)] == [100_00, 80_00, 20_00]


def test_a_fact_below_overruns_only_the_budgets_that_are_short() -> None:
    team = organizations.make_cost_center()
    cap = ledger.make_budget(100_00, cost_center=team)
    child = ledger.make_budget(120_00, cost_center=organizations.make_cost_center(parent=team))

    spend = ledger.record_fact(child, 110_00)
    overrun = ledger.balances(cap).overrun, ledger.balances(child).overrun
    ledger.refund(spend, 110_00)

    assert overrun == (10_00, 0)
    assert ledger.balances(cap) == Balances(allocated=100_00)
    assert ledger.balances(child) == Balances(allocated=120_00)


def test_a_budget_that_comes_later_takes_over_what_is_used_below() -> None:
    team = organizations.make_cost_center()
    child = ledger.make_budget(80_00, cost_center=organizations.make_cost_center(parent=team))
    ledger.commit((child, 30_00))
    ledger.record_fact(child, 20_00)

    cap = ledger.make_budget(60_00, cost_center=team)

    assert ledger.balances(cap) == Balances(allocated=60_00, committed=30_00, actual=20_00)
    assert funds.differences(actor=ledger.actor()) == ()


def test_a_void_gives_back_and_a_resolved_commitment_never_moves(budget: models.Budget) -> None:
    commitment = ledger.make_commitment(budget, 40_00)
    ledger.accrue(commitment, 15_00)
    ledger.void(commitment, 25_00)

    refused = [
        _code(lambda: ledger.void(commitment, 1)),
        _code(lambda: ledger.accrue(commitment, 1)),
    ]

    commitment.refresh_from_db()
    assert refused == ["COMMITMENT_RESOLVED"] * 2
    assert (commitment.posted_minor, commitment.voided_minor) == (15_00, 25_00)
    assert ledger.balances(budget) == Balances(allocated=100_00, accrued=15_00)


def test_no_more_moves_than_is_reserved_or_accrued(budget: models.Budget) -> None:
    ledger.make_commitment(budget, 50_00)
    commitment = ledger.make_commitment(budget, 40_00)
    ledger.accrue(commitment, 10_00)

    refused = [
        _code(lambda: ledger.accrue(commitment, 30_01)),
        _code(lambda: ledger.void(commitment, 30_01)),
        _code(lambda: ledger.release(commitment, 10_01)),
    ]

    assert refused == ["COMMITMENT_EXCEEDED"] * 3
    assert ledger.balances(budget) == Balances(allocated=100_00, committed=80_00, accrued=10_00)


def test_an_accrual_that_is_owed_no_more_is_released(budget: models.Budget) -> None:
    commitment = ledger.make_commitment(budget, 40_00)
    ledger.accrue(commitment, 40_00)
    ledger.invoice(commitment, 35_00)

    ledger.release(commitment, 5_00)

    assert ledger.balances(budget) == Balances(allocated=100_00, actual=35_00)


def test_what_is_due_expires_once_and_only_its_open_rest(budget: models.Budget) -> None:
    due = ledger.make_commitment(budget, 40_00, expires_at=NOON)
    ledger.accrue(due, 10_00)
    ledger.make_commitment(budget, 20_00, expires_at=NOON + HOUR)
    ledger.make_commitment(budget, 5_00)

    expired = [services.expire_due(actor=ledger.actor(), at=NOON) for _ in range(2)]

    due.refresh_from_db()
    assert expired == [1, 0]
    assert (due.posted_minor, due.voided_minor) == (10_00, 30_00)
    assert ledger.balances(budget) == Balances(allocated=100_00, committed=25_00, accrued=10_00)


def test_a_repeat_gets_the_stored_answer_and_another_request_none(budget: models.Budget) -> None:
    first = ledger.commit((budget, 10_00), idempotency_key="same")

    again = ledger.commit((budget, 10_00), idempotency_key="same")
    with pytest.raises(operations.IdempotencyKeyReused) as refusal:
        ledger.commit((budget, 10_01), idempotency_key="same")

    assert (first.replayed, again.replayed) == (False, True)
    assert (again.operation_id, again.response) == (first.operation_id, first.response)
    assert refusal.value.code == "IDEMPOTENCY_KEY_REUSED"
    assert ledger.balances(budget).committed == 10_00


def test_a_repeat_is_answered_when_nothing_of_it_could_be_done_any_more(
    budget: models.Budget,
) -> None:
    first = ledger.commit((budget, 100_00), idempotency_key="same")
    ledger.move_period(PeriodStatus.CLOSED)

    again = ledger.commit((budget, 100_00), idempotency_key="same")

    assert again.response == first.response


def test_a_refused_request_leaves_its_key_free(budget: models.Budget) -> None:
    with pytest.raises(BudgetExceeded):
        ledger.commit((budget, 100_01), idempotency_key="retry")
    ledger.revise(budget, 1)

    answer = ledger.commit((budget, 100_01), idempotency_key="retry")

    assert not answer.replayed


def test_the_register_tells_every_change_and_the_original_stays(budget: models.Budget) -> None:
    other = ledger.make_budget(50_00)
    ledger.revise(budget, 25_00)
    ledger.revise(budget, -5_00)

    ledger.transfer(budget, other, 30_00)

    (figures,) = funds.figures(actor=ledger.actor(), budget_ids=[budget.pk])
    register = budget.entries.order_by("id").values_list("kind", "amount_minor")
    assert list(register) == [
        ("ORIGINAL", 100_00),
        ("REVISION", 25_00),
        ("REVISION", -5_00),
        ("TRANSFER_OUT", -30_00),
    ]
    assert (figures.original_minor, figures.revised_minor) == (100_00, 90_00)
    assert ledger.balances(other).allocated == 80_00
    budget.refresh_from_db()
    assert budget.original_amount_minor == 100_00


def test_used_money_is_neither_revised_away_nor_transferred(budget: models.Budget) -> None:
    other = ledger.make_budget(50_00)
    ledger.commit((budget, 70_00))

    refused = [
        _code(lambda: ledger.revise(budget, -30_01)),
        _code(lambda: ledger.transfer(budget, other, 30_01)),
    ]

    assert refused == ["BUDGET_EXCEEDED"] * 2
    assert ledger.balances(budget) == Balances(allocated=100_00, committed=70_00)
    assert ledger.balances(other) == Balances(allocated=50_00)
    assert models.BudgetEntry.objects.count() == 2


def test_what_is_left_is_carried_forward_or_lapses(budget: models.Budget) -> None:
    april = ledger.make_budget(10_00, cost_center=budget.cost_center, day=NEXT_MONTH)
    ledger.commit((budget, 70_00))

    budgets.carry_forward(
        actor=ledger.actor(),
        key=ledger.key(),
        from_budget_id=budget.pk,
        to_budget_id=april.pk,
        amount=ledger.usd(20_00),
        reason="Year end",
        effective_on=NEXT_MONTH,
    )
    budgets.lapse(
        actor=ledger.actor(),
        key=ledger.key(),
        budget_id=budget.pk,
        reason="Year end",
        effective_on=sends.DAY,
    )

    kinds = budget.entries.order_by("id").values_list("kind", "amount_minor")
    assert list(kinds)[1:] == [("CARRY_FORWARD", -20_00), ("LAPSE", -10_00)]
    assert ledger.balances(budget) == Balances(allocated=70_00, committed=70_00)
    assert ledger.balances(april) == Balances(allocated=30_00)


def test_a_closed_period_takes_no_decision_and_a_fact_goes_to_the_next(
    budget: models.Budget,
) -> None:
    commitment = ledger.make_commitment(budget, 10_00)
    ledger.move_period(PeriodStatus.CLOSED)

    refused = [
        _code(lambda: ledger.commit((budget, 1))),
        _code(lambda: ledger.revise(budget, 1)),
    ]
    ledger.invoice(commitment, 10_00)

    posted = models.Transfer.objects.latest("id")
    assert refused == ["PERIOD_CLOSED"] * 2
    assert posted.effective_on == sends.DAY
    assert posted.fiscal_period == sends.period_of(NEXT_MONTH)


def test_a_softly_closed_period_takes_decisions_of_those_who_close(budget: models.Budget) -> None:
    ledger.move_period(PeriodStatus.SOFT_CLOSED)
    sender = access.Actor.token(
        token_id=organizations.make_service_token().id,
        organization_id=organizations.here(),
        scopes=[access.Scope.WRITE_SENDS],
    )

    with pytest.raises(operations.PeriodClosed):
        services.commit(
            actor=sender,
            key=ledger.key(),
            shares=[services.Share(budget.pk, ledger.usd(1))],
            effective_on=sends.DAY,
        )
    ledger.commit((budget, 1))

    assert ledger.balances(budget).committed == 1


def test_a_period_remembers_who_closed_and_opened_it_and_why() -> None:
    ledger.move_period(PeriodStatus.SOFT_CLOSED)
    ledger.move_period(PeriodStatus.CLOSED)
    ledger.move_period(PeriodStatus.OPEN)

    with pytest.raises(periods.PeriodStatusKept):
        ledger.move_period(PeriodStatus.OPEN)

    moves = models.PeriodEvent.objects.order_by("id").values_list("from_status", "to_status")
    assert list(moves) == [("OPEN", "SOFT_CLOSED"), ("SOFT_CLOSED", "CLOSED"), ("CLOSED", "OPEN")]
    assert sends.period_of(sends.DAY).status == "OPEN"


@pytest.mark.parametrize("amount_minor", [0, -1, money.MIN_AMOUNT_MINOR])
def test_an_amount_that_is_not_above_zero_is_refused(
    budget: models.Budget, amount_minor: int
) -> None:
    commitment = ledger.make_commitment(budget, 10_00)
    before = models.Operation.objects.count()

    refused = {
        _code(lambda: ledger.commit((budget, amount_minor))),
        _code(lambda: ledger.record_fact(budget, amount_minor)),
        _code(lambda: ledger.invoice(commitment, amount_minor)),
        _code(lambda: ledger.accrue(commitment, amount_minor)),
        _code(lambda: ledger.void(commitment, amount_minor)),
        _code(lambda: ledger.transfer(budget, ledger.make_budget(0), amount_minor)),
    }

    assert refused == {"AMOUNT_NOT_POSITIVE"}
    assert models.Operation.objects.exclude(kind=OperationKind.APPROVE).count() == before - 1


def test_an_amount_that_overflows_is_refused(budget: models.Budget) -> None:
    refused = [
        _code(lambda: ledger.commit((budget, money.MAX_AMOUNT_MINOR))),
        _code(lambda: ledger.revise(budget, money.MAX_AMOUNT_MINOR)),
    ]

    assert refused == ["BUDGET_EXCEEDED", "AMOUNT_OUT_OF_RANGE"]
    assert ledger.balances(budget) == Balances(allocated=100_00)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: money.Money(1e308, "USD"), "AMOUNT_NOT_INTEGER"),  # type: ignore[arg-type]
        (lambda: money.Money(10.5, "USD"), "AMOUNT_NOT_INTEGER"),  # type: ignore[arg-type]
        (lambda: money.Money(2**63, "USD"), "AMOUNT_OUT_OF_RANGE"),
        (lambda: money.Money(1, "ZZZ"), "UNKNOWN_CURRENCY"),
    ],
)
def test_what_is_no_money_never_reaches_the_ledger(make: Callable[[], object], code: str) -> None:
    assert _code(make) == code


def test_another_currency_is_refused_without_a_rate(budget: models.Budget) -> None:
    share = services.Share(budget.pk, money.Money(1, "EUR"))

    refused = _code(
        lambda: services.commit(
            actor=ledger.actor(), key=ledger.key(), shares=[share], effective_on=sends.DAY
        )
    )

    assert refused == "RATE_MISSING"
    assert ledger.balances(budget) == Balances(allocated=100_00)


@pytest.mark.parametrize("key", ["", " ", "a b", "nul\0", "é", "k" * 256, "\ud800"])
def test_a_key_that_cannot_be_kept_is_refused(budget: models.Budget, key: str) -> None:
    refused = _code(
        lambda: services.commit(
            actor=ledger.actor(),
            key=key,
            shares=[services.Share(budget.pk, ledger.usd(1))],
            effective_on=sends.DAY,
        )
    )

    assert refused == "IDEMPOTENCY_KEY_UNUSABLE"


@pytest.mark.parametrize("reason", ["", "  ", "nul\0", "\ud800", "x" * 4001])
def test_a_reason_that_cannot_be_kept_is_refused(budget: models.Budget, reason: str) -> None:
    refused = _code(
        lambda: budgets.revise(
            actor=ledger.actor(),
            key=ledger.key(),
            budget_id=budget.pk,
            amount=ledger.usd(1),
            reason=reason,
            effective_on=sends.DAY,
        )
    )

    assert refused == "TEXT_UNUSABLE"


@pytest.mark.parametrize("day", [dt.date.min, dt.date.max])
def test_a_day_outside_every_calendar_is_refused(budget: models.Budget, day: dt.date) -> None:
    assert _code(lambda: ledger.commit((budget, 1), day=day)) == "FISCAL_YEAR_OUT_OF_RANGE"


def test_what_does_not_exist_is_refused(budget: models.Budget) -> None:
    missing = models.Commitment(public_id=uuid.uuid4())
    spend = operations.Answer(uuid.uuid4(), {"spend": str(uuid.uuid4())}, replayed=False)

    refused = [
        _code(lambda: ledger.commit((models.Budget(id=2**62), 1))),
        _code(lambda: ledger.void(missing, 1)),
        _code(lambda: ledger.refund(spend, 1)),
        _code(lambda: ledger.commit((budget, 1), (budget, 1))),
        _code(ledger.commit),
    ]

    assert refused == [
        "UNKNOWN_BUDGET",
        "UNKNOWN_COMMITMENT",
        "UNKNOWN_SPEND",
        "SHARES_UNUSABLE",
        "SHARES_UNUSABLE",
    ]


def test_only_those_who_may_move_money() -> None:
    auditor = access.Actor.member(
        user_id=1,
        organization_id=organizations.here(),
        role=access.Role.AUDITOR,
        cost_center_ids=(),
    )
    day, usd, nobody = sends.DAY, ledger.usd(1), uuid.uuid4()

    refused = {
        _code(lambda: services.commit(actor=auditor, key="1", shares=[], effective_on=day)),
        _code(
            lambda: services.void(
                actor=auditor, key="1", commitment=nobody, amount=usd, effective_on=day
            )
        ),
        _code(
            lambda: services.refund(
                actor=auditor, key="1", spend=nobody, amount=usd, effective_on=day
            )
        ),
        _code(
            lambda: budgets.lapse(
                actor=auditor, key="1", budget_id=1, reason="No", effective_on=day
            )
        ),
        _code(
            lambda: periods.move(
                actor=auditor, period_id=1, status=PeriodStatus.CLOSED, reason="No"
            )
        ),
    }

    assert refused == {"FORBIDDEN"}


def test_a_sender_commits_in_their_own_cost_centers_alone(budget: models.Budget) -> None:
    ours = organizations.make_cost_center()
    maya = access.Actor.member(
        user_id=organizations.make_person(f"maya{organizations.next_number()}").pk,
        organization_id=organizations.here(),
        role=access.Role.MARKETING,
        cost_center_ids=[ours.pk],
    )
    own_budget = ledger.make_budget(10_00, cost_center=ours)
    answers = [
        _code(
            lambda budget=each: services.commit(  # type: ignore[misc]
                actor=maya,
                key=ledger.key(),
                shares=[services.Share(budget.pk, ledger.usd(1))],
                effective_on=sends.DAY,
            )
        )
        for each in (own_budget, budget)
    ]

    seen = funds.figures(actor=maya)

    assert answers == ["", "FORBIDDEN"]
    assert [each.budget_id for each in seen] == [own_budget.pk]
    assert models.Operation.objects.get(kind="COMMIT").user_id == maya.user_id


def test_the_figures_of_a_budget(budget: models.Budget) -> None:
    ledger.revise(budget, 50_00)
    commitment = ledger.make_commitment(budget, 60_00)
    ledger.accrue(commitment, 20_00)
    ledger.record_fact(budget, 95_00)

    (found,) = funds.figures(actor=ledger.actor(), budget_ids=[budget.pk])

    assert found == funds.Figures(
        budget_id=budget.pk,
        public_id=budget.public_id,
        name=budget.name,
        cost_center_id=budget.cost_center_id,
        campaign_id=None,
        fiscal_period_id=budget.fiscal_period_id,
        currency="USD",
        original_minor=100_00,
        revised_minor=150_00,
        requested_minor=0,
        committed_minor=40_00,
        accrued_minor=20_00,
        actual_minor=95_00,
        overrun_minor=5_00,
        available_minor=0,
        is_parked=False,
    )
    assert found.net_position_minor == -5_00


def test_the_tree_hangs_budgets_on_their_cost_centers() -> None:
    team = organizations.make_cost_center("TEAM")
    below = organizations.make_cost_center("TEAM-A", parent=team)
    cap = ledger.make_budget(cost_center=team)
    child = ledger.make_budget(cost_center=below)

    (root,) = funds.tree(actor=ledger.actor(), fiscal_period_ids=[cap.fiscal_period_id])

    (team_branch,) = root.branches
    (leaf,) = team_branch.branches
    assert [each.code for each in (root, team_branch, leaf)] == ["COMPANY", "TEAM", "TEAM-A"]
    assert [each.budget_id for each in (*team_branch.budgets, *leaf.budgets)] == [cap.pk, child.pk]
    assert (root.budgets, leaf.branches) == ((), ())


def test_a_fund_that_differs_from_its_replay_is_named_and_parked(budget: models.Budget) -> None:
    sound = ledger.make_budget(10_00)
    commitment = ledger.make_commitment(budget, 10_00)
    _flip_a_balance(ledger.fund_of(budget))

    (found,) = audits.replay(actor=ledger.actor())

    assert found.budget_id == budget.pk
    assert (found.stored.allocated, found.replayed.allocated) == (100_01, 100_00)
    assert _code(lambda: ledger.commit((budget, 1))) == "FUND_PARKED"
    assert _code(lambda: ledger.commit((sound, 1))) == ""
    ledger.invoice(commitment, 10_00)
    assert ledger.balances(budget).actual == 10_00


def test_an_overrun_is_settled_once(budget: models.Budget) -> None:
    ledger.record_fact(budget, 120_00)
    opened = models.OverrunException.objects.get()

    services.settle_exception(
        actor=ledger.actor(), exception=opened.public_id, resolution="Accepted", at=NOON
    )
    refused = _code(
        lambda: services.settle_exception(
            actor=ledger.actor(), exception=opened.public_id, resolution="No", at=NOON
        )
    )

    opened.refresh_from_db()
    assert refused == "EXCEPTION_SETTLED"
    assert (opened.resolved_at, opened.resolution) == (NOON, "Accepted")


def _flip_a_balance(fund: models.Fund) -> None:
    """Corrupt a row as only the owner of the server can."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute("ALTER TABLE gifting_fund DISABLE TRIGGER fund_moves_by_transfers")
        cursor.execute(
            "UPDATE gifting_fund SET allocated_minor = allocated_minor + 1 WHERE id = %s", [fund.pk]
        )
        cursor.execute("ALTER TABLE gifting_fund ENABLE TRIGGER fund_moves_by_transfers")
        cursor.execute("SET LOCAL ROLE tribute_app")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _code(attempt: Callable[[], object]) -> str:
    """Return the code of the refusal, or nothing when the attempt went through."""
    try:
        attempt()
    except refusals.Refusal as refusal:
        return refusal.code
    return ""

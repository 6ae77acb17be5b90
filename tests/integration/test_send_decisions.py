"""One decision: budget room, approval matrix and gift rules together, and kept with its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import connection

from gifting import models
from gifting.domain import access, approvals, gift_rules, money, refusals
from gifting.domain.decisions import FORMULA, Mode, Outcome
from gifting.domain.ledger import Balances, BudgetExceeded
from gifting.domain.lifecycle import State
from gifting.services import approvals as matrix
from gifting.services import decisions, tenancy
from gifting.services import gift_rules as rules
from gifting.services import requests as services
from tests.factories import ledger, organizations, requests, sends

pytestmark = pytest.mark.django_db

NOON = organizations.NOON


@pytest.fixture
def cast() -> organizations.Cast:
    return organizations.make_cast()


@pytest.fixture(autouse=True)
def _inside(cast: organizations.Cast) -> Iterator[None]:
    with tenancy.organization(cast.organization.id):
        yield
        with connection.cursor() as cursor:
            # What PostgreSQL would check at the commit that never comes here.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.fixture
def maya(cast: organizations.Cast) -> access.Actor:
    return _member(cast, cast.maya.pk, access.Role.MARKETING)


@pytest.fixture
def femi(cast: organizations.Cast) -> access.Actor:
    return _member(cast, cast.femi.pk, access.Role.FINANCE)


@pytest.fixture
def ana(cast: organizations.Cast) -> access.Actor:
    return _member(cast, cast.ana.pk, access.Role.ADMIN)


def test_an_approval_keeps_everything_that_decided_it(
    maya: access.Actor, femi: access.Actor
) -> None:
    budget = _budget(100_00)
    send = requests.make_request(budget, preset="SENDOSO_EGIFT", actor=maya)

    decided = requests.approve(send, actor=femi)

    row = models.SendDecision.objects.get()
    fund = str(ledger.fund_of(budget).pk)
    assert decided.outcome is Outcome.APPROVED
    assert (row.requested_by_id, row.decided_by_id) == (maya.user_id, femi.user_id)
    assert row.formula == FORMULA
    assert row.versions["approval_policy"] == "0"
    assert row.versions["money_timing"] == str(models.MoneyTiming.objects.get().pk)
    assert row.facts["asked"] == {fund: 58_00}
    assert row.facts["available_after"] == {fund: 42_00}
    assert len(row.inputs_hash) == 64
    send.refresh_from_db()
    assert send.state == State.SCHEDULED
    draw = models.SendCommitment.objects.get()
    assert draw.commitment.public_id == decided.commitments[0]


def test_nobody_decides_on_what_they_asked_for(ana: access.Actor) -> None:
    budget = ledger.make_budget(100_00)
    send = requests.make_request(budget, actor=ana)

    with pytest.raises(decisions.RequesterDecides):
        requests.approve(send, actor=ana)

    assert ledger.balances(budget) == Balances(100_00)
    assert not models.SendDecision.objects.exists()


def test_a_sender_without_the_right_decides_nothing(maya: access.Actor, femi: access.Actor) -> None:
    send = requests.make_request(actor=access.Actor.system(organization_id=maya.organization_id))

    with pytest.raises(refusals.Forbidden):
        requests.approve(send, actor=maya)

    assert not models.SendDecision.objects.exists()


def test_a_refusal_is_an_answer_that_is_kept_once(femi: access.Actor) -> None:
    budget = ledger.make_budget(57_99)
    send = requests.make_request(budget)

    first, again = requests.approve(send, actor=femi), requests.approve(send, actor=femi)

    assert first.outcome is again.outcome is Outcome.REFUSED
    assert [reason.code for reason in first.reasons] == ["BUDGET_EXCEEDED"]
    row = models.SendDecision.objects.get()
    assert row.reasons == [{"code": "BUDGET_EXCEEDED", "message": first.reasons[0].message}]
    assert row.facts["available"] == {str(ledger.fund_of(budget).pk): 57_99}
    assert ledger.balances(budget) == Balances(57_99)


def test_what_was_refused_is_approved_when_there_is_room(femi: access.Actor) -> None:
    budget = ledger.make_budget(57_99)
    send = requests.make_request(budget)
    requests.approve(send, actor=femi)
    ledger.revise(budget, 1)

    decided = requests.approve(send, actor=femi)

    assert decided.outcome is Outcome.APPROVED
    assert ledger.balances(budget) == Balances(58_00, committed=58_00)


def test_one_key_decides_once_and_another_key_not_again(femi: access.Actor) -> None:
    budget = ledger.make_budget(200_00)
    send = requests.make_request(budget)

    def decide(key: str) -> decisions.Decided:
        return decisions.decide(actor=femi, key=key, send=send.public_id, at=NOON)

    first, again = decide("once"), decide("once")
    with pytest.raises(decisions.AlreadyDecided):
        decide("twice")

    assert again == decisions.Decided(
        send.public_id, Outcome.APPROVED, (), first.commitments, replayed=True
    )
    assert ledger.balances(budget) == Balances(200_00, committed=58_00)


def test_several_budgets_reserve_all_or_nothing(femi: access.Actor) -> None:
    rich, poor = ledger.make_budget(100_00), ledger.make_budget(10_00)
    send = requests.make_request(rich, poor)

    decided = requests.approve(send, actor=femi)

    assert decided.outcome is Outcome.REFUSED
    assert ledger.balances(rich) == Balances(100_00)
    assert ledger.balances(poor) == Balances(10_00)


def test_the_matrix_is_answered_and_the_money_reserved_in_one_step(
    ana: access.Actor, maya: access.Actor, femi: access.Actor
) -> None:
    """Above 50.00 finance approves: Femi's word is both the approval and the decision."""
    _define(ana, access.Role.FINANCE)
    budget = _budget(100_00)
    send = requests.make_request(budget, actor=maya)

    waiting = requests.approve(send, actor=maya)
    decided = requests.approve(send, actor=femi)

    assert waiting.outcome is None
    assert [reason.code for reason in waiting.reasons] == ["APPROVAL_MISSING"]
    assert decided.outcome is Outcome.APPROVED
    row = models.SendDecision.objects.get()
    assert row.versions["approval_policy"] == "1"
    assert row.facts["approval"]["steps"][0]["role"] == "FINANCE"
    assert models.Approval.objects.get().approved_by_id == femi.user_id


def test_what_the_policy_lets_through_needs_no_approver(
    ana: access.Actor, maya: access.Actor
) -> None:
    """Below 50.00 the matrix asks nobody, so Maya reserves 40.00 herself; the policy decided."""
    _define(ana, access.Role.FINANCE)
    budget = _budget(100_00)
    send = requests.make_request(budget, actor=maya, estimate={"ITEM": 40_00})

    decided = requests.approve(send, actor=maya)

    assert decided.outcome is Outcome.APPROVED
    assert models.SendDecision.objects.get().decided_by_id is None


def test_two_approvers_are_two_people(
    ana: access.Actor, maya: access.Actor, femi: access.Actor
) -> None:
    _define(ana, access.Role.FINANCE, access.Role.ADMIN)
    budget = _budget(100_00)
    send = requests.make_request(budget, actor=maya)

    first = requests.approve(send, actor=femi)
    committed = ledger.balances(budget).committed
    second = requests.approve(send, actor=ana)

    assert (first.outcome, committed) == (None, 0)
    assert second.outcome is Outcome.APPROVED
    assert ledger.balances(budget).committed == 58_00


def test_a_blocked_gift_reserves_nothing_and_says_which_rule(
    ana: access.Actor, femi: access.Actor
) -> None:
    """At most 100.00 a calendar year: the second gift of 58.00 to Rita is one too many."""
    _limit(ana, 100_00)
    budget = ledger.make_budget(500_00)
    recipient = sends.make_recipient()
    vendor = requests.make_vendor()

    def ask() -> models.Send:
        asked = requests.asked(budget, vendor=vendor, recipient=recipient)
        made = services.request(actor=ledger.actor(), asked=asked, at=NOON)
        return models.Send.objects.get(public_id=made)

    first, second = ask(), ask()
    accepted = requests.approve(first, actor=femi)
    blocked = requests.approve(second, actor=femi)

    assert accepted.outcome is Outcome.APPROVED
    assert blocked.outcome is Outcome.REFUSED
    assert [reason.code for reason in blocked.reasons] == ["GIFT_BLOCKED"]
    assert ledger.balances(budget) == Balances(500_00, committed=58_00)
    kept = models.SendDecision.objects.get(outcome="REFUSED")
    assert kept.facts["gift_rules"][0]["rule"] == "HOUSE"
    assert kept.versions["gift_rule HOUSE"] == "1"


def test_a_cancelled_gift_counts_for_no_limit(ana: access.Actor, femi: access.Actor) -> None:
    _limit(ana, 100_00)
    budget = ledger.make_budget(500_00)
    recipient = sends.make_recipient()
    vendor = requests.make_vendor("POSTAL_MAGICLINK")
    asked = [requests.asked(budget, vendor=vendor, recipient=recipient) for _ in range(2)]
    first, second = (
        models.Send.objects.get(
            public_id=services.request(actor=ledger.actor(), asked=each, at=NOON)
        )
        for each in asked
    )
    requests.approve(first, actor=femi)
    requests.tell(first, State.CANCELLED)

    decided = requests.approve(second, actor=femi)

    assert decided.outcome is Outcome.APPROVED


def test_a_batch_is_reserved_at_once_and_its_sends_draw_from_it(femi: access.Actor) -> None:
    budget = ledger.make_budget(200_00)
    batch = _batch(budget, count=3)

    decided = decisions.decide_batch(
        actor=femi, key="batch", batch=batch, mode=Mode.ALL_OR_NOTHING, at=NOON
    )

    commitment = models.Commitment.objects.get()
    assert commitment.amount_minor == 3 * 58_00
    assert [draw.commitment_id for draw in models.SendCommitment.objects.all()] == [
        commitment.pk
    ] * 3
    first, second, _ = (models.Send.objects.get(public_id=each) for each in decided.approved)
    requests.tell(first, State.OFFERED, State.DELIVERED)
    requests.tell(second, State.CANCELLED)
    assert ledger.balances(budget) == Balances(200_00, committed=58_00, accrued=58_00)


def test_a_batch_that_does_not_fit_leaves_nothing(femi: access.Actor) -> None:
    budget = ledger.make_budget(150_00)
    batch = _batch(budget, count=3)

    with pytest.raises(BudgetExceeded):
        decisions.decide_batch(
            actor=femi, key="batch", batch=batch, mode=Mode.ALL_OR_NOTHING, at=NOON
        )

    assert ledger.balances(budget) == Balances(150_00)
    assert not models.SendDecision.objects.exists()


def test_as_many_of_a_batch_as_fit_are_the_first_ones(femi: access.Actor) -> None:
    """58.00, 100.00 and 58.00 on 150.00: the second does not fit, the third does."""
    budget = ledger.make_budget(150_00)
    batch = _batch(budget, count=3, amounts={1: 100_00})

    decided = decisions.decide_batch(
        actor=femi, key="batch", batch=batch, mode=Mode.AS_MANY_AS_FIT, at=NOON
    )

    order = list(
        models.SendRequest.objects.filter(batch=batch)
        .order_by("position")
        .values_list("send__public_id", flat=True)
    )
    assert decided.approved == (order[0], order[2])
    assert decided.refused == (order[1],)
    assert ledger.balances(budget) == Balances(150_00, committed=116_00)
    again = decisions.decide_batch(
        actor=femi, key="batch", batch=batch, mode=Mode.AS_MANY_AS_FIT, at=NOON
    )
    assert (again.approved, again.replayed) == (decided.approved, True)


def test_the_same_request_is_the_send_once_and_another_under_its_reference_is_refused() -> None:
    budget = ledger.make_budget()
    vendor = requests.make_vendor()
    asked = requests.asked(budget, vendor=vendor, reference="gift-for-rita")
    other = requests.asked(budget, vendor=vendor, reference="gift-for-rita")
    actor = ledger.actor()

    first = services.request(actor=actor, asked=asked, at=NOON)
    again = services.request(actor=actor, asked=asked, at=NOON)
    with pytest.raises(services.ReferenceReused):
        services.request(actor=actor, asked=other, at=NOON)

    assert first == again
    assert models.SendRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("estimate", "refusal"),
    [
        ({}, services.EstimateUnusable),
        ({"REFUND": money.Money(1, "USD")}, services.EstimateUnusable),
        ({"GIFT": money.Money(1, "USD")}, services.EstimateUnusable),
        ({"ITEM": money.Money(-1, "USD")}, services.EstimateUnusable),
        ({"ITEM": money.Money(0, "USD")}, refusals.Invalid),
        ({"ITEM": money.Money(1, "USD"), "TAX": money.Money(1, "EUR")}, money.CurrencyMismatch),
        ({"ITEM": money.Money(1, "EUR")}, money.CurrencyMismatch),
        (
            {"ITEM": money.Money(2**63 - 1, "USD"), "TAX": money.Money(1, "USD")},
            money.AmountOutOfRange,
        ),
    ],
)
def test_a_bad_estimate_is_refused_and_leaves_nothing(
    estimate: dict[str, money.Money], refusal: type[Exception]
) -> None:
    asked = requests.asked(ledger.make_budget(), vendor=requests.make_vendor())
    bad = services.Asked(asked.reference, asked.gift, estimate, asked.shares)

    with pytest.raises(refusal):
        services.request(actor=ledger.actor(), asked=bad, at=NOON)

    assert not models.Send.objects.exists()


def _budget(amount_minor: int) -> models.Budget:
    return ledger.make_budget(amount_minor, cost_center=organizations.root_cost_center())


def _member(cast: organizations.Cast, user_id: int, role: access.Role) -> access.Actor:
    return access.Actor.member(
        user_id=user_id,
        organization_id=cast.organization.id,
        role=role,
        cost_center_ids=[organizations.root_cost_center().pk],
    )


def _define(ana: access.Actor, *roles: access.Role) -> None:
    bands = tuple(
        approvals.Band(
            number=number,
            approver=approvals.Approver(approvals.ApproverKind.ROLE, role=role),
            amount_at_least_minor=50_00,
        )
        for number, role in enumerate(roles, start=1)
    )
    matrix.define_policy(
        actor=ana,
        key=ledger.key(),
        policy=approvals.Policy(version=0, currency="USD", bands=bands),
        reason="House rules",
        at=NOON,
    )


def _limit(ana: access.Actor, limit_minor: int) -> None:
    rules.define_rule(
        actor=ana,
        key=ledger.key(),
        rule=gift_rules.Rule(
            code="HOUSE",
            version=0,
            window=gift_rules.Window.CALENDAR_YEAR,
            basis=gift_rules.Basis.LANDED,
            limit=ledger.usd(limit_minor),
            action=gift_rules.Action.BLOCK,
            valid_from=NOON.date().replace(month=1, day=1),
            source="House rules",
        ),
    )


def _batch(budget: models.Budget, *, count: int, amounts: dict[int, int] | None = None) -> UUID:
    vendor = requests.make_vendor()
    return services.request_batch(
        actor=ledger.actor(),
        reference=f"batch-{organizations.next_number()}",
        asked=[
            requests.asked(
                budget,
                vendor=vendor,
                estimate={"ITEM": (amounts or {}).get(number, 58_00)},
            )
            for number in range(count)
        ],
        at=NOON,
    )

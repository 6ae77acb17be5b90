"""Sends and the limits of budgets: soft, advisory and hard ones, and those beside their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from gifting import models
from gifting.domain import access, money
from gifting.domain.budgets import DimensionKind, Enforcement, ExceptionKind
from gifting.domain.decisions import Mode, Outcome
from gifting.domain.ledger import Balances
from gifting.domain.lifecycle import State
from gifting.selectors import funding, funds
from gifting.services import decisions, ledger, operations, tenancy, unbudgeted
from gifting.services import requests as services
from tests.factories import controls, organizations, requests, sends
from tests.factories import ledger as books

pytestmark = pytest.mark.django_db

NOON = organizations.NOON
WHY = "The board wants it"
EMEA = {DimensionKind.REGION: "EMEA"}


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield
        with connection.cursor() as cursor:
            # What PostgreSQL would check at the commit that never comes here.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert funds.differences(actor=books.actor()) == ()


@pytest.mark.parametrize(
    ("enforcement", "reason", "code", "kinds"),
    [
        (Enforcement.SOFT, "", "OVERRUN_NEEDS_REASON", []),
        (Enforcement.SOFT, WHY, None, [(ExceptionKind.DECISION, WHY)]),
        (
            Enforcement.ADVISORY,
            "",
            None,
            [(ExceptionKind.WARNING, "Above the room of an advisory budget")],
        ),
        (Enforcement.HARD, "", "BUDGET_EXCEEDED", []),
        (Enforcement.HARD, WHY, "BUDGET_EXCEEDED", []),
    ],
)
def test_an_approval_beyond_the_room_is_what_the_policy_says(
    enforcement: Enforcement,
    reason: str,
    code: str | None,
    kinds: list[tuple[ExceptionKind, str]],
) -> None:
    budget = books.make_budget(50_00)
    controls.set_policy(budget, enforcement=enforcement)
    send = requests.make_request(budget)

    decided = requests.approve(send, reason=reason)

    assert [each.code for each in decided.reasons] == ([code] if code else [])
    assert books.balances(budget) == (
        Balances(50_00) if code else Balances(50_00, committed=58_00, overrun=8_00)
    )
    opened = funds.overruns(actor=books.actor())
    assert [(each.kind, each.reason) for each in opened] == kinds
    assert models.SendDecision.objects.get().facts.get("overrun_reason", "") == reason


def test_what_was_refused_for_want_of_a_reason_is_approved_with_one_and_repaid() -> None:
    budget = books.make_budget(50_00)
    controls.set_policy(budget, enforcement=Enforcement.SOFT)
    send = requests.make_request(budget)
    assert requests.approve(send).outcome is Outcome.REFUSED

    assert requests.approve(send, reason=WHY).outcome is Outcome.APPROVED
    requests.tell(send, State.CANCELLED)

    assert books.balances(budget) == Balances(50_00)


def test_a_key_with_another_reason_is_another_request() -> None:
    budget = books.make_budget(50_00)
    controls.set_policy(budget, enforcement=Enforcement.SOFT)
    send = requests.make_request(budget)

    def decide(reason: str) -> decisions.Decided:
        return decisions.decide(
            actor=books.actor(), key="once", send=send.public_id, at=NOON, overrun_reason=reason
        )

    assert decide(WHY).commitments == decide(WHY).commitments
    with pytest.raises(operations.IdempotencyKeyReused):
        decide("Something else")

    assert books.balances(budget) == Balances(50_00, committed=58_00, overrun=8_00)


@pytest.mark.parametrize(
    ("reason", "most"), [("", 1), (WHY, 2)], ids=["as many as fit", "the budget may be passed"]
)
def test_a_batch_passes_a_soft_budget_with_a_reason_alone(reason: str, most: int) -> None:
    budget = books.make_budget(100_00)
    controls.set_policy(budget, enforcement=Enforcement.SOFT)
    batch = _batch([requests.asked(budget, vendor=sends.make_vendor()) for _ in range(2)])

    answer = _decide_batch(batch, reason=reason)

    assert len(answer.approved) == most
    assert books.balances(budget).committed == most * 58_00


@pytest.mark.parametrize("kind", [DimensionKind.PROGRAM, DimensionKind.PERSON, *EMEA])
def test_a_full_limit_refuses_what_the_campaigns_own_budget_would_take(
    kind: DimensionKind,
) -> None:
    campaign = sends.make_campaign(program=sends.make_program("EMEA"))
    own = books.make_budget(1_000_00)
    limit = controls.scoped_budget(100_00, controls.value(kind=kind))

    def ask() -> models.Send:
        return requests.make_request(own, campaign=campaign, sender="EMEA", dimensions=EMEA)

    first, second = ask(), ask()
    assert books.fund_of(limit).requested_minor == 2 * 58_00
    decided = [requests.approve(each) for each in (first, second)]

    assert [each.outcome for each in decided] == [Outcome.APPROVED, Outcome.REFUSED]
    assert decided[1].reasons[0].code == "BUDGET_EXCEEDED"
    assert "'Limit'" in decided[1].reasons[0].message
    assert books.balances(own) == Balances(1_000_00, committed=58_00)
    assert books.balances(limit) == Balances(100_00, committed=58_00)
    facts = models.SendDecision.objects.get(send=second).facts
    assert facts["available"][str(books.fund_of(limit).pk)] == 42_00


def test_what_is_known_of_a_send_counts_before_what_is_given() -> None:
    campaign = sends.make_campaign(program=sends.make_program("DAYS"))
    own = books.make_budget(1_000_00)
    limit = controls.scoped_budget(10_00, controls.value("DAYS", DimensionKind.PROGRAM))
    send = requests.make_request(
        own, campaign=campaign, dimensions={DimensionKind.PROGRAM: "ANOTHER"}
    )

    assert requests.approve(send).outcome is Outcome.REFUSED

    assert books.balances(limit) == Balances(10_00)


def test_a_limit_bears_what_is_charged_and_gets_back_what_is_refunded() -> None:
    """Reserved 58.00, charged 70.00: the limit lacks 10.00 of it. All of it comes back."""
    own = books.make_budget(100_00)
    limit = controls.scoped_budget(60_00, controls.value())
    send = requests.make_request(own, preset="SENDOSO_EGIFT", dimensions=EMEA)
    requests.approve(send)

    requests.invoice(send, {"ITEM": 70_00})
    assert books.balances(own) == Balances(100_00, actual=70_00)
    assert books.balances(limit) == Balances(60_00, actual=70_00, overrun=10_00)

    requests.refund(send, 70_00)
    assert books.balances(own) == Balances(100_00)
    assert books.balances(limit) == Balances(60_00)


def test_a_batch_takes_as_many_as_fit_each_limit() -> None:
    """Of four over one budget, two name a region whose limit has room for one."""
    own = books.make_budget(1_000_00)
    limit = controls.scoped_budget(60_00, controls.value())
    vendor = sends.make_vendor()
    asked = [requests.asked(own, vendor=vendor, dimensions=named) for named in (EMEA, {}, EMEA, {})]

    answer = _decide_batch(_batch(asked))

    assert (len(answer.approved), len(answer.refused)) == (3, 1)
    assert books.balances(own) == Balances(1_000_00, committed=3 * 58_00)
    assert books.balances(limit) == Balances(60_00, committed=58_00)
    assert books.fund_of(own).requested_minor == 0
    requests.tell(models.Send.objects.get(public_id=answer.approved[0]), State.CANCELLED)
    assert books.balances(own) == Balances(1_000_00, committed=2 * 58_00)
    assert books.balances(limit) == Balances(60_00)


def test_the_cost_of_an_imported_send_is_borne_once() -> None:
    budget = books.make_budget(40_00)
    limit = controls.scoped_budget(100_00, controls.value("0055", DimensionKind.PERSON))
    send = sends.make_send(sender_reference="0055")
    sends.make_cost_line(send, 50_00)
    sends.make_cost_line(send, 8_00, component=models.sends.Component.SHIPPING)
    assert _traced() == (58_00, 0, 58_00)

    first = _post(send, budget, key="once")
    again = _post(send, budget, key="once")
    with pytest.raises(unbudgeted.AlreadyBudgeted):
        _post(send, budget, key="twice")

    assert (first.replayed, again.replayed) == (False, True)
    assert first.operation_id == again.operation_id
    assert _traced() == (58_00, 58_00, 0)
    assert books.balances(budget) == Balances(40_00, actual=58_00, overrun=18_00)
    assert books.balances(limit) == Balances(100_00, actual=58_00)
    assert [each.reason for each in funds.overruns(actor=books.actor())] == [WHY]


def test_a_cost_that_comes_later_is_borne_by_itself() -> None:
    budget, other = books.make_budget(100_00), books.make_budget(100_00)
    send = sends.make_send()
    sends.make_cost_line(send, 50_00)
    _post(send, budget)
    sends.make_cost_line(send, 62_00)
    assert _traced() == (62_00, 50_00, 12_00)

    _post(send, other)

    assert _traced() == (62_00, 62_00, 0)
    assert books.balances(budget).actual == 50_00
    assert books.balances(other).actual == 12_00


def test_what_is_no_unbudgeted_cost_is_refused_and_posts_nothing() -> None:
    budget = books.make_budget(100_00)
    asked, free, foreign = requests.make_request(budget), sends.make_send(), sends.make_send()
    sends.make_cost_line(foreign, 10_00, currency="EUR")
    sent = sends.make_send()
    sends.make_cost_line(sent, 10_00)
    limit = controls.scoped_budget(100_00, controls.value())

    with pytest.raises(unbudgeted.SendPaysItself):
        _post(asked, budget)
    with pytest.raises(unbudgeted.AlreadyBudgeted):
        _post(free, budget)
    with pytest.raises(money.CurrencyMismatch):
        _post(foreign, budget)
    with pytest.raises(operations.ScopedBudget):
        _post(sent, limit)
    sends.make_cost_line(sent, -1_00)
    with pytest.raises(ledger.AmountNotPositive):
        _post(sent, budget)

    assert books.balances(budget) == Balances(100_00)
    assert books.balances(limit) == Balances(100_00)
    assert not models.SendPosting.objects.exists()


def _batch(asked: list[services.Asked]) -> models.SendRequest:
    made = services.request_batch(actor=books.actor(), reference="batch", asked=asked, at=NOON)
    return models.SendRequest.objects.filter(batch=made)[0]


def _decide_batch(row: models.SendRequest, *, reason: str = "") -> decisions.DecidedBatch:
    assert row.batch is not None
    return decisions.decide_batch(
        actor=books.actor(),
        key=books.key(),
        batch=row.batch,
        mode=Mode.AS_MANY_AS_FIT,
        at=NOON,
        overrun_reason=reason,
    )


def _post(
    send: models.Send, budget: models.Budget, *, key: str = "", actor: access.Actor | None = None
) -> operations.Answer:
    return unbudgeted.post(
        actor=actor or books.actor(),
        key=key or books.key(),
        send=send.public_id,
        budget_id=budget.pk,
        reason=WHY,
    )


def _traced() -> tuple[int, int, int]:
    (row,) = funding.trace(actor=books.actor())
    return row.total_minor, row.budgeted_minor, row.unbudgeted_minor

"""The ledger does what its retelling says, after any sequence of requests, accepted or refused.

Held after every step: conservation and no overspend in each fund (invariant 1), balances equal to
the replay (2), full and partial refunds (4), once per key (7), commitments never exceeded or
moved when resolved (8), caps above (9), limits as hard as their policy says and an exception for
each overrun (10), transfers on both sides or none (11), no decision in a closed period (15), the
original kept and revised = its register (19).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import hypothesis
import pytest
from django.db import connection, models, transaction
from hypothesis import stateful
from hypothesis import strategies as st

from gifting import models as gifting
from gifting.domain import budgets, refusals
from gifting.domain import ledger as rules
from gifting.selectors import funds
from gifting.services import ledger as services
from gifting.services import operations, tenancy
from tests.factories import controls, ledger, organizations
from tests.properties import ledger_oracle

pytestmark = pytest.mark.django_db

ORIGINALS = {"company": 300, "team": 200, "east": 150, "west": 150, "lab": 100}
PARENTS = {"team": "company", "east": "team", "west": "team"}
ABOVE = {
    "company": (),
    "team": ("company",),
    "east": ("team", "company"),
    "west": ("team", "company"),
    "lab": (),
}
NOON = organizations.NOON
LATER = NOON + dt.timedelta(days=1)

names = st.sampled_from(sorted(ORIGINALS))
amounts = st.integers(1, 130)


class LedgerMachine(stateful.RuleBasedStateMachine):
    """Ask the ledger and its retelling for the same, and compare what both hold."""

    commitments: stateful.Bundle[str] = stateful.Bundle("commitments")
    spends: stateful.Bundle[str] = stateful.Bundle("spends")
    requests: stateful.Bundle[tuple[str, dict[str, int], operations.Answer]] = stateful.Bundle(
        "requests"
    )

    def __init__(self) -> None:
        super().__init__()
        self._savepoint = transaction.atomic()
        self._savepoint.__enter__()
        self._organization = tenancy.organization(organizations.make_organization().id)
        self._organization.__enter__()
        centers: dict[str, gifting.CostCenter] = {}
        for name in ORIGINALS:
            parent = centers.get(PARENTS.get(name, ""))
            centers[name] = organizations.make_cost_center(parent=parent)
        self.budgets = {
            name: ledger.make_budget(amount, cost_center=centers[name])
            for name, amount in ORIGINALS.items()
        }
        self.oracle = ledger_oracle.Oracle(
            {name: ledger_oracle.Fund(amount) for name, amount in ORIGINALS.items()}, ABOVE
        )

    def teardown(self) -> None:
        self._organization.__exit__(None, None, None)
        transaction.set_rollback(True)
        self._savepoint.__exit__(None, None, None)

    @stateful.rule(
        target=requests,
        shares=st.dictionaries(names, amounts, min_size=1, max_size=3),
        is_due=st.booleans(),
        reason=st.sampled_from(["", "Urgent"]),
    )
    def commit(self, shares: dict[str, int], *, is_due: bool, reason: str) -> Any:
        key = ledger.key()
        answer, refused = self._ask(lambda: self._commit(key, shares, is_due=is_due, reason=reason))
        told = answer.response["commitments"] if answer else [str(n) for n in range(len(shares))]
        by_name = dict(zip(shares, told, strict=True))

        expected = self.oracle.commit(shares, by_name, is_due=is_due, has_reason=bool(reason))
        assert refused == expected
        is_plain = answer and not is_due and not reason
        return (key, shares, answer) if is_plain else stateful.multiple()

    @stateful.rule(name=names, enforcement=st.sampled_from(list(budgets.Enforcement)))
    def follow_a_policy(self, name: str, enforcement: budgets.Enforcement) -> None:
        controls.set_policy(self.budgets[name], enforcement=enforcement)

        self.oracle.follow(name, enforcement.value)

    @stateful.rule(request=requests, extra=st.integers(0, 1))
    def repeat(self, request: tuple[str, dict[str, int], operations.Answer], extra: int) -> None:
        key, shares, first = request
        asked = {name: amount + extra for name, amount in shares.items()}

        again, refused = self._ask(lambda: self._commit(key, asked, is_due=False))

        if extra:
            assert refused == "IDEMPOTENCY_KEY_REUSED"
        else:
            assert again is not None
            assert (again.replayed, again.response) == (True, first.response)

    @stateful.rule(target=commitments, request=requests, number=st.integers(0, 2))
    def take(self, request: tuple[str, dict[str, int], operations.Answer], number: int) -> str:
        made: list[str] = request[2].response["commitments"]
        return made[number % len(made)]

    @stateful.rule(commitment=commitments, amount=amounts)
    def accrue(self, commitment: str, amount: int) -> None:
        self._same(
            lambda: ledger.accrue(_row(commitment), amount),
            lambda: self.oracle.accrue(commitment, amount),
        )

    @stateful.rule(commitment=commitments, amount=amounts)
    def void(self, commitment: str, amount: int) -> None:
        self._same(
            lambda: ledger.void(_row(commitment), amount),
            lambda: self.oracle.void(commitment, amount),
        )

    @stateful.rule(commitment=commitments, amount=amounts)
    def release(self, commitment: str, amount: int) -> None:
        self._same(
            lambda: ledger.release(_row(commitment), amount),
            lambda: self.oracle.release(commitment, amount),
        )

    @stateful.rule(target=spends, commitment=commitments, amount=amounts)
    def invoice(self, commitment: str, amount: int) -> str:
        answer = ledger.invoice(_row(commitment), amount)
        spend: str = answer.response["spend"]

        expected = self.oracle.invoice(commitment, amount, spend)
        assert answer.response["overrun_minor"] == expected
        return spend

    @stateful.rule(target=spends, name=names, amount=amounts)
    def record_fact(self, name: str, amount: int) -> str:
        answer = ledger.record_fact(self.budgets[name], amount)
        spend: str = answer.response["spend"]

        expected = self.oracle.record_fact(name, amount, spend)
        assert answer.response["overrun_minor"] == expected
        return spend

    @stateful.rule(spend=spends, amount=amounts)
    def refund(self, spend: str, amount: int) -> None:
        stored = operations.Answer(uuid.UUID(spend), {"spend": spend}, replayed=False)
        self._same(lambda: ledger.refund(stored, amount), lambda: self.oracle.refund(spend, amount))

    @stateful.rule(spend=spends)
    def refund_the_rest(self, spend: str) -> None:
        rest = self.oracle.spends[spend].amount - self.oracle.spends[spend].refunded
        if rest:
            self.refund(spend, rest)

    @stateful.rule(name=names, amount=st.integers(-130, 130).filter(bool))
    def revise(self, name: str, amount: int) -> None:
        self._same(
            lambda: ledger.revise(self.budgets[name], amount),
            lambda: self.oracle.revise(name, amount),
        )

    @stateful.rule(pair=st.permutations(sorted(ORIGINALS)), amount=amounts)
    def transfer(self, pair: list[str], amount: int) -> None:
        source, target = pair[:2]
        self._same(
            lambda: ledger.transfer(self.budgets[source], self.budgets[target], amount),
            lambda: self.oracle.transfer(source, target, amount),
        )

    @stateful.rule()
    def expire(self) -> None:
        expired = services.expire_due(actor=ledger.actor(), at=LATER)

        assert expired == self.oracle.expire()

    @stateful.rule()
    def close_or_open(self) -> None:
        self.oracle.is_closed = not self.oracle.is_closed
        closed, opened = rules.PeriodStatus.CLOSED, rules.PeriodStatus.OPEN
        ledger.move_period(closed if self.oracle.is_closed else opened)

    @stateful.invariant()
    def holds_what_the_retelling_holds(self) -> None:
        stored = {
            name: (
                fund.allocated_minor,
                fund.committed_minor,
                fund.accrued_minor,
                fund.actual_minor,
                fund.overrun_minor,
            )
            for name, budget in self.budgets.items()
            for fund in gifting.Fund.objects.filter(budget=budget)
        }
        expected = {name: fund.figures() for name, fund in self.oracle.funds.items()}
        assert stored == expected
        assert all(fund.available >= 0 for fund in self.oracle.funds.values())

    @stateful.invariant()
    def equals_its_own_replay_and_register(self) -> None:
        register = dict(
            gifting.BudgetEntry.objects.values_list("budget_id").annotate(
                total=models.Sum("amount_minor")
            )
        )
        found = funds.figures(actor=ledger.actor())
        assert funds.differences(actor=ledger.actor()) == ()
        assert {each.budget_id: each.revised_minor for each in found} == register
        assert [each.original_minor for each in found] == list(ORIGINALS.values())

    @stateful.invariant()
    def explains_every_overrun_and_every_spend(self) -> None:
        with connection.cursor() as cursor:
            # What PostgreSQL would check at the commit that never comes here.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        overruns = gifting.Transfer.objects.filter(from_bucket="OVERRUN").count()
        paid = gifting.FundingSource.objects.aggregate(total=models.Sum("spent_minor"))["total"]
        spent = self._net("ACTUAL")
        beyond = gifting.FundingLineage.objects.filter(entry=None)
        unpaid = sum(
            line.amount_minor * (1 if line.transfer.to_bucket == "ACTUAL" else -1)
            for line in beyond.select_related("transfer")
        )
        assert gifting.OverrunException.objects.count() == overruns
        assert int(paid or 0) + unpaid == spent

    def _net(self, bucket: str) -> int:
        total = models.Sum("amount_minor")
        into = gifting.Transfer.objects.filter(to_bucket=bucket).aggregate(total=total)["total"]
        out = gifting.Transfer.objects.filter(from_bucket=bucket).aggregate(total=total)["total"]
        return int(into or 0) - int(out or 0)

    def _commit(
        self, key: str, shares: Mapping[str, int], *, is_due: bool, reason: str = ""
    ) -> operations.Answer:
        return ledger.commit(
            *((self.budgets[name], amount) for name, amount in shares.items()),
            idempotency_key=key,
            expires_at=NOON if is_due else None,
            reason=reason,
        )

    def _same(self, real: Callable[[], operations.Answer], told: Callable[[], str]) -> None:
        _, refused = self._ask(real)
        assert refused == told()

    def _ask(
        self, request: Callable[[], operations.Answer]
    ) -> tuple[operations.Answer | None, str]:
        try:
            return request(), ""
        except refusals.Refusal as refusal:
            return None, refusal.code


def test_any_sequence_of_requests_is_as_it_is_told() -> None:
    stateful.run_state_machine_as_test(
        LedgerMachine,
        settings=hypothesis.settings(max_examples=25, stateful_step_count=25, deadline=None),
    )


def _row(commitment: str) -> gifting.Commitment:
    return gifting.Commitment(public_id=uuid.UUID(commitment))

"""The money of sends is what its retelling says, however their news comes: late, twice, reordered.

Held after every step: the fund holds what the facts of all sends say (invariants 1, 4 and 23), its
balances equal their replay (2), nothing is told twice (7), cost lines and their shares sum to what
stands accrued and spent (3), and what was refused changed nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import hypothesis
import pytest
from django.db import connection, models, transaction
from hypothesis import stateful
from hypothesis import strategies as st

from gifting import models as gifting
from gifting.domain import refusals
from gifting.domain.lifecycle import State
from gifting.selectors import funds
from gifting.services import tenancy
from tests.factories import ledger, organizations, requests

pytestmark = pytest.mark.django_db

ROOM = 10_000_00
ESTIMATE = 58_00
STAGES = ("OFFERED", "ACCEPTED", "IN_FULFILLMENT", "SHIPPED", "DELIVERED")
LOOKS = ("OPENED", "CLICKED")
ENDS = ("DECLINED", "EXPIRED", "CANCELLED", "FAILED", "UNDELIVERABLE", "REFUNDED")


@dataclass(frozen=True)
class Deal:
    """A vendor's terms told again: from which stage on it is owed, and what gives it back."""

    accrued_from: str | None
    charged_from: str | None
    given_back_on: frozenset[str]
    not_after: frozenset[str] = frozenset()


OPENED = frozenset({*LOOKS, *STAGES[1:]})
DEALS = {
    "SENDOSO_EGIFT": Deal(None, "OFFERED", frozenset({"EXPIRED", "FAILED"}), OPENED),
    "SENDOSO_PHYSICAL": Deal("OFFERED", "SHIPPED", frozenset({"DECLINED", "EXPIRED", "CANCELLED"})),
    "ALYCE": Deal("ACCEPTED", "IN_FULFILLMENT", frozenset()),
    "POSTAL_EMAIL": Deal(None, "OFFERED", frozenset({"EXPIRED", "CANCELLED", "FAILED"})),
    "LOOP_AND_TIE": Deal(
        None, "OFFERED", frozenset({"EXPIRED", "CANCELLED"}), frozenset(STAGES[1:])
    ),
}


@dataclass
class Gift:
    """One send as the retelling knows it."""

    deal: Deal
    row: gifting.Send
    states: set[str] = field(default_factory=set)
    invoiced: int | None = None
    refunded: int = 0

    def figures(self) -> tuple[int, int, int]:
        """Say what is committed, accrued and actual because of it."""
        looked = bool(self.states & set(LOOKS))
        stages = [i for i, name in enumerate(STAGES) if name in self.states]
        furthest = max([*stages, *([0] if looked else [])], default=-1)
        price = ESTIMATE if self.invoiced is None else self.invoiced
        is_charged = self.invoiced is not None or self._reached(self.deal.charged_from, furthest)
        is_accrued = self._reached(self.deal.accrued_from, furthest)
        end = next((name for name in reversed(ENDS) if name in self.states), None)
        is_back = end == "REFUNDED" or (
            end in self.deal.given_back_on and not self.states & self.deal.not_after
        )
        if is_charged:
            left = price - min(self.refunded, price)
            if is_back and not (end == "REFUNDED" and self.refunded):
                left = 0
            return 0, 0, left
        if is_accrued:
            return (0, 0, 0) if is_back else (0, price, 0)
        return (0 if end else ESTIMATE), 0, 0

    @staticmethod
    def _reached(stage: str | None, furthest: int) -> bool:
        return stage is not None and furthest >= STAGES.index(stage)


class SendMachine(stateful.RuleBasedStateMachine):
    """Tell the books and the retelling the same news, and compare what both hold."""

    gifts: stateful.Bundle[int] = stateful.Bundle("gifts")

    def __init__(self) -> None:
        super().__init__()
        self._savepoint = transaction.atomic()
        self._savepoint.__enter__()
        self._organization = tenancy.organization(organizations.make_organization().id)
        self._organization.__enter__()
        self.budgets = [ledger.make_budget(ROOM) for _ in range(2)]
        self.told: list[Gift] = []

    def teardown(self) -> None:
        self._organization.__exit__(None, None, None)
        transaction.set_rollback(True)
        self._savepoint.__exit__(None, None, None)

    @stateful.initialize(target=gifts, preset=st.sampled_from(sorted(DEALS)))
    def first(self, preset: str) -> int:
        return self._make(preset)

    @stateful.rule(target=gifts, preset=st.sampled_from(sorted(DEALS)))
    def approve(self, preset: str) -> int:
        return self._make(preset)

    @stateful.rule(gift=gifts, state=st.sampled_from((*STAGES, *LOOKS, *ENDS)))
    def tell(self, gift: int, state: str) -> None:
        told = self.told[gift]
        refused = self._refused(lambda: requests.tell(told.row, State(state)))
        assert refused in {"", "ILLEGAL_TRANSITION"}
        if not refused:
            told.states.add(state)

    @stateful.rule(gift=gifts)
    def tell_all_again(self, gift: int) -> None:
        told = self.told[gift]
        for state in sorted(told.states, reverse=True):
            (again,) = requests.tell(told.row, State(state))
            assert again.operation_id is None

    @stateful.rule(gift=gifts, amount=st.integers(1, 90_00))
    def invoice(self, gift: int, amount: int) -> None:
        told = self.told[gift]
        if told.refunded or told.invoiced is not None:
            return
        requests.invoice(told.row, {"ITEM": amount})
        told.invoiced = amount

    @stateful.rule(gift=gifts, amount=st.integers(1, 60_00))
    def refund(self, gift: int, amount: int) -> None:
        told = self.told[gift]
        _, accrued, actual = told.figures()
        if accrued:
            return
        refused = self._refused(lambda: requests.refund(told.row, amount))
        assert refused == ("REFUND_EXCEEDS_SPEND" if amount > actual else "")
        if not refused:
            told.refunded += amount

    @stateful.invariant()
    def holds_what_the_retelling_holds(self) -> None:
        expected = [sum(each) for each in zip(*(g.figures() for g in self.told), strict=True)]
        stored = [ledger.balances(budget) for budget in self.budgets]
        held = [
            sum(getattr(each, name) for each in stored)
            for name in ("committed", "accrued", "actual")
        ]
        assert held == (expected or [0, 0, 0])
        assert [each.overrun for each in stored] == [0, 0]

    @stateful.invariant()
    def costs_and_shares_and_postings_say_the_same(self) -> None:
        with connection.cursor() as cursor:
            # What PostgreSQL would check at the commit that never comes here.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        stands = sum(sum(gift.figures()[1:]) for gift in self.told)
        lines = gifting.CostLine.objects.aggregate(total=models.Sum("change_minor"))["total"]
        shares = gifting.CostShare.objects.aggregate(total=models.Sum("amount_minor"))["total"]
        assert (int(lines or 0), int(shares or 0)) == (stands, stands)
        assert funds.differences(actor=ledger.actor()) == ()

    def _refused(self, request: Callable[[], object]) -> str:
        try:
            request()
        except refusals.Refusal as refusal:
            return refusal.code
        return ""

    def _make(self, preset: str) -> int:
        send = requests.make_approved(*self.budgets, preset=preset, weights=[2, 1])
        self.told.append(Gift(dataclasses.replace(DEALS[preset]), send))
        return len(self.told) - 1


def test_any_news_in_any_order_is_as_it_is_told() -> None:
    stateful.run_state_machine_as_test(
        SendMachine,
        settings=hypothesis.settings(max_examples=8, stateful_step_count=14, deadline=None),
    )

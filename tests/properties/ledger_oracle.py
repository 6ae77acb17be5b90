"""The ledger told again in plain Python, without a database, to hold the real one against.

It shares nothing with the product but the rules: a fund is four numbers and an overrun, and each
request says which of them it would change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Fund:
    allocated: int
    committed: int = 0
    accrued: int = 0
    actual: int = 0
    overrun: int = 0

    @property
    def available(self) -> int:
        return self.allocated + self.overrun - self.committed - self.accrued - self.actual

    def figures(self) -> tuple[int, int, int, int, int]:
        return self.allocated, self.committed, self.accrued, self.actual, self.overrun


@dataclass
class Reserved:
    fund: str
    open: int
    accrued: int = 0
    is_due: bool = False
    # What its whole decision took beyond the room of each fund and did not pay back.
    beyond: dict[str, int] = field(default_factory=dict)


@dataclass
class Spend:
    fund: str
    amount: int
    overruns: dict[str, int]
    refunded: int = 0
    unreserved: int = 0
    reserved: Reserved | None = None


@dataclass
class Oracle:
    funds: dict[str, Fund]
    above: Mapping[str, Sequence[str]]
    reserved: dict[str, Reserved] = field(default_factory=dict)
    spends: dict[str, Spend] = field(default_factory=dict)
    is_closed: bool = False
    enforcement: dict[str, str] = field(default_factory=dict)

    def room(self, name: str) -> int:
        """Return what a decision may take: what overran a HARD budget is owed and no room."""
        fund = self.funds[name]
        is_hard = self.enforcement.get(name, "HARD") == "HARD"
        return fund.available - (fund.overrun if is_hard else 0)

    def reached(self, name: str) -> list[Fund]:
        return [self.funds[each] for each in (name, *self.above[name])]

    def commit(
        self,
        shares: Mapping[str, int],
        keys: Mapping[str, str],
        *,
        is_due: bool,
        has_reason: bool = False,
    ) -> str:
        if self.is_closed:
            return "PERIOD_CLOSED"
        asked: dict[str, int] = {}
        for name, amount in shares.items():
            for each in (name, *self.above[name]):
                asked[each] = asked.get(each, 0) + amount
        beyond: dict[str, int] = {}
        # The first fund that is short says why.
        for name in self.funds:
            if asked.get(name, 0) <= self.room(name):
                continue
            enforcement = self.enforcement.get(name, "HARD")
            if enforcement == "HARD":
                return "BUDGET_EXCEEDED"
            if enforcement == "SOFT" and not has_reason:
                return "OVERRUN_NEEDS_REASON"
            beyond[name] = asked[name] - self.funds[name].available
        for name, amount in asked.items():
            self.funds[name].overrun += beyond.get(name, 0)
            self.funds[name].committed += amount
        for name, amount in shares.items():
            self.reserved[keys[name]] = Reserved(name, amount, is_due=is_due, beyond=beyond)
        return ""

    def _pay_back(self, reserved: Reserved, amount: int) -> None:
        """Pay back first what a decision took beyond the room."""
        for name in (reserved.fund, *self.above[reserved.fund]):
            fund = self.funds[name]
            part = min(amount, reserved.beyond.get(name, 0), fund.overrun, fund.available)
            if part > 0:
                reserved.beyond[name] -= part
                fund.overrun -= part

    def accrue(self, key: str, amount: int) -> str:
        reserved = self.reserved[key]
        if refusal := _beyond_open(reserved, amount):
            return refusal
        reserved.open -= amount
        reserved.accrued += amount
        for fund in self.reached(reserved.fund):
            fund.committed -= amount
            fund.accrued += amount
        return ""

    def void(self, key: str, amount: int) -> str:
        reserved = self.reserved[key]
        if refusal := _beyond_open(reserved, amount):
            return refusal
        reserved.open -= amount
        for fund in self.reached(reserved.fund):
            fund.committed -= amount
        self._pay_back(reserved, amount)
        return ""

    def release(self, key: str, amount: int) -> str:
        reserved = self.reserved[key]
        if amount > reserved.accrued:
            return "COMMITMENT_EXCEEDED"
        reserved.accrued -= amount
        for fund in self.reached(reserved.fund):
            fund.accrued -= amount
        self._pay_back(reserved, amount)
        return ""

    def expire(self) -> int:
        due = [each for each in self.reserved.values() if each.is_due and each.open]
        for reserved in due:
            for fund in self.reached(reserved.fund):
                fund.committed -= reserved.open
            self._pay_back(reserved, reserved.open)
            reserved.open = 0
        return len(due)

    def invoice(self, key: str, amount: int, spend: str) -> int:
        reserved = self.reserved[key]
        from_accrued = min(amount, reserved.accrued)
        from_open = min(amount - from_accrued, reserved.open)
        reserved.accrued -= from_accrued
        reserved.open -= from_open
        for fund in self.reached(reserved.fund):
            fund.accrued -= from_accrued
            fund.committed -= from_open
            fund.actual += from_accrued + from_open
        owed = self._owe(reserved.fund, amount, amount - from_accrued - from_open, spend)
        self.spends[spend].reserved = reserved
        return owed

    def record_fact(self, name: str, amount: int, spend: str) -> int:
        return self._owe(name, amount, amount, spend)

    def _owe(self, name: str, whole: int, beyond: int, spend: str) -> int:
        overruns = {}
        for each in (name, *self.above[name]):
            fund = self.funds[each]
            overruns[each] = max(0, beyond - fund.available)
            fund.overrun += overruns[each]
            fund.actual += beyond
        self.spends[spend] = Spend(name, whole, overruns, unreserved=beyond)
        return overruns[name]

    def refund(self, key: str, amount: int) -> str:
        spend = self.spends[key]
        if amount > spend.amount - spend.refunded:
            return "REFUND_EXCEEDS_SPEND"
        # What was spent without a reserve is given back first.
        before = max(0, spend.refunded - spend.unreserved)
        spend.refunded += amount
        from_reserve = max(0, spend.refunded - spend.unreserved) - before
        for each in (spend.fund, *self.above[spend.fund]):
            repaid = min(amount, spend.overruns[each])
            spend.overruns[each] -= repaid
            self.funds[each].actual -= amount
            self.funds[each].overrun -= repaid
        if spend.reserved is not None:
            self._pay_back(spend.reserved, from_reserve)
        return ""

    def follow(self, name: str, enforcement: str) -> None:
        self.enforcement[name] = enforcement

    def revise(self, name: str, amount: int) -> str:
        if self.is_closed:
            return "PERIOD_CLOSED"
        if self.funds[name].available + amount < 0:
            return "BUDGET_EXCEEDED"
        self.funds[name].allocated += amount
        return ""

    def transfer(self, source: str, target: str, amount: int) -> str:
        if self.is_closed:
            return "PERIOD_CLOSED"
        if amount > self.room(source):
            return "BUDGET_EXCEEDED"
        return self.revise(source, -amount) or self.revise(target, amount)


def _beyond_open(reserved: Reserved, amount: int) -> str:
    if reserved.open == 0:
        return "COMMITMENT_RESOLVED"
    return "COMMITMENT_EXCEEDED" if amount > reserved.open else ""

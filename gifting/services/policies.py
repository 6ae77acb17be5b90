"""Say how hard a budget's limit is, and do what its policy says when its period ends.

A policy is added, never changed: the newest one counts. Without one, a budget is HARD, does not
count what is requested, and lapses.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from gifting import models
from gifting.domain import access, budgets, refusals
from gifting.domain.ledger import Bucket, EntryKind, OperationKind
from gifting.services import ledger, operations, periods, postings, tenancy
from gifting.services.operations import Answer, Entry, Plan, Step

MOST_CARRIED: Final = 5_000
NO_CAP: Final = budgets.Cap()


class AlreadyRolledOver(refusals.Conflict):
    code = "ALREADY_ROLLED_OVER"


class RolloverUnusable(refusals.Invalid):
    code = "ROLLOVER_UNUSABLE"


class PolicyUnusable(refusals.Invalid):
    code = "POLICY_UNUSABLE"


class NothingToClawBack(refusals.Conflict):
    code = "NOTHING_TO_CLAW_BACK"


@dataclass(frozen=True, slots=True)
class Policy:
    """How hard a limit is, who may change what it limits, and what its end leaves."""

    enforcement: budgets.Enforcement = budgets.Enforcement.HARD
    counts_requested: bool = False
    needs_two_people: bool = False
    rollover: budgets.Rollover = budgets.Rollover.LAPSE
    cap: budgets.Cap = NO_CAP
    claw_back_to_id: int | None = None
    claw_back_on: dt.date | None = None


def set_policy(
    *, actor: access.Actor, key: str, budget_id: int, policy: Policy, reason: str
) -> Answer:
    """Let a budget follow this policy from now on.

    Raises Forbidden, UnknownBudget, PolicyUnusable, TextUnusable and what `operations.perform`
    refuses.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    why = operations.text(reason, field="reason")
    if (policy.claw_back_to_id is None) != (policy.claw_back_on is None):
        raise PolicyUnusable(
            "What is clawed back needs a budget to go to and a day. Give both or none.",
            field="claw_back_on",
        )
    if policy.claw_back_to_id == budget_id:
        raise PolicyUnusable(
            "A budget does not claw back from itself. Name another one.", field="claw_back_to"
        )

    def plan(_: UUID) -> Plan:
        fund = ledger.fund_of(budget_id=budget_id)
        if policy.claw_back_to_id is not None:
            other = ledger.fund_of(budget_id=policy.claw_back_to_id)
            if other.currency != fund.currency:
                raise PolicyUnusable(
                    "Money is clawed back into a budget of the same currency.", field="claw_back_to"
                )

        def then(operation_pk: int) -> None:
            models.BudgetPolicy.objects.create(
                organization_id=actor.organization_id,
                budget_id=budget_id,
                operation_id=operation_pk,
                enforcement=policy.enforcement.value,
                counts_requested=policy.counts_requested,
                needs_two_people=policy.needs_two_people,
                rollover=policy.rollover.value,
                cap_amount_minor=policy.cap.amount_minor,
                cap_basis_points=policy.cap.basis_points,
                claw_back_to_id=policy.claw_back_to_id,
                claw_back_on=policy.claw_back_on,
                reason=why,
                user_id=actor.user_id,
            )

        return Plan(response={"budget": budget_id}, then=then)

    return operations.perform(
        actor=actor,
        kind=OperationKind.SET_POLICY,
        key=key,
        request={"budget": budget_id, "policy": _plain(policy), "reason": reason},
        plan=plan,
    )


def policy_of(*, budget_id: int) -> Policy:
    """Return the policy that a budget follows."""
    row = models.BudgetPolicy.objects.filter(budget_id=budget_id).order_by("-id").first()
    if row is None:
        return Policy()
    return Policy(
        enforcement=budgets.Enforcement(row.enforcement),
        counts_requested=row.counts_requested,
        needs_two_people=row.needs_two_people,
        rollover=budgets.Rollover(row.rollover),
        cap=budgets.Cap(row.cap_amount_minor, row.cap_basis_points),
        claw_back_to_id=row.claw_back_to_id,
        claw_back_on=row.claw_back_on,
    )


def roll_over(
    *,
    actor: access.Actor,
    key: str,
    budget_id: int,
    to_budget_id: int | None,
    reason: str,
    effective_on: dt.date,
    requested_by_id: int | None = None,
) -> Answer:
    """Carry what a closing budget has left into a later one, by its policy, and let the rest lapse.

    A carried commitment is let go here and made again there, by one operation: whoever moves it by
    its old name moves the new one. The effective day is the closing period's, which must not be
    closed yet. Raises Forbidden, UnknownBudget, RolloverUnusable, AlreadyRolledOver, BudgetExceeded
    when the later budget lacks the room for what its carried commitments exceed, and PeriodClosed.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    why = operations.text(reason, field="reason")

    def plan(_: UUID) -> Plan:
        posting = postings.Posting(
            periods.of_decision(actor=actor, day=effective_on), effective_on, "rollover"
        )
        periods.hold(period_id=posting.period_id)
        if models.Rollover.objects.filter(budget_id=budget_id).exists():
            raise AlreadyRolledOver("The budget was rolled over. Look at what it carried.")
        return _Rollover(actor, posting, (budget_id, to_budget_id), why, requested_by_id).plan()

    return operations.perform(
        actor=actor,
        kind=OperationKind.ROLL_OVER,
        key=key,
        request={
            "budgets": [budget_id, to_budget_id],
            "reason": reason,
            "effective_on": effective_on,
            "requested_by": requested_by_id,
        },
        plan=plan,
    )


def claw_back(
    *,
    actor: access.Actor,
    key: str,
    budget_id: int,
    reason: str,
    at: dt.datetime,
    requested_by_id: int | None = None,
) -> Answer:
    """Take what is unused back to where the policy says, from its day on.

    Raises Forbidden, UnknownBudget, NothingToClawBack, PeriodClosed and TextUnusable.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    why = operations.text(reason, field="reason")

    def plan(_: UUID) -> Plan:
        zone = models.Organization.objects.get(id=actor.organization_id).time_zone
        day = periods.day_of(at=at, time_zone=zone)
        policy = policy_of(budget_id=budget_id)
        if policy.claw_back_on is None or policy.claw_back_on > day:
            raise NothingToClawBack("The budget's policy claws nothing back by this day.")
        period_id = periods.of_decision(actor=actor, day=day)
        periods.hold(period_id=period_id)
        left = ledger.lock_room(budget_id=budget_id)
        if left.amount_minor <= 0:
            raise NothingToClawBack("Nothing is left in the budget that could go back.")
        pair_id = uuid.uuid4()
        entries = tuple(
            Entry(
                budget_id=each,
                fiscal_period_id=period_id,
                kind=kind,
                amount_minor=sign * left.amount_minor,
                effective_on=day,
                reason=why,
                pair_id=pair_id,
                requested_by_id=requested_by_id,
            )
            for each, kind, sign in (
                (budget_id, EntryKind.TRANSFER_OUT, -1),
                (_whole(policy.claw_back_to_id), EntryKind.TRANSFER_IN, 1),
            )
        )
        return Plan(
            response={"amount_minor": left.amount_minor, "currency": left.currency},
            entries=entries,
        )

    return operations.perform(
        actor=actor,
        kind=OperationKind.CLAW_BACK,
        key=key,
        request={"budget": budget_id, "reason": reason},
        plan=plan,
    )


def claw_back_due(*, actor: access.Actor, at: dt.datetime) -> int:
    """Claw back from every budget whose policy's day has come; return from how many.

    Once for each policy: what is allocated later stays until a new policy says otherwise. Budgets
    that are changed by two people are left to them.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    with tenancy.organization(actor.organization_id):
        zone = models.Organization.objects.get(id=actor.organization_id).time_zone
        day = periods.day_of(at=at, time_zone=zone)
        newest = models.BudgetPolicy.objects.order_by("budget_id", "-id").distinct("budget_id")
        due = [
            row
            for row in newest
            if row.claw_back_on is not None and row.claw_back_on <= day and not row.needs_two_people
        ]
    done = 0
    for row in due:
        try:
            answer = claw_back(
                actor=actor,
                key=f"claw-back:{row.public_id}",
                budget_id=row.budget_id,
                reason="Unused by the day of its policy",
                at=at,
            )
        except (NothingToClawBack, operations.PeriodClosed):
            continue
        done += not answer.replayed
    return done


class _Rollover:
    """What one rollover writes."""

    def __init__(
        self,
        actor: access.Actor,
        posting: postings.Posting,
        way: tuple[int, int | None],
        reason: str,
        requested_by_id: int | None,
    ) -> None:
        self.actor = actor
        self.posting = posting
        self.budget_id, self.to_budget_id = way
        self.reason = reason
        self.requested_by_id = requested_by_id
        self.policy = policy_of(budget_id=self.budget_id)
        self.fund = ledger.fund_of(budget_id=self.budget_id)
        self.target = self._target()
        self.commitments = self._open_commitments()
        wanted = [self.fund.pk, *([self.target.pk] if self.target else [])]
        self.fund = postings.lock_funds(wanted)[self.fund.pk]

    def plan(self) -> Plan:
        open_minor = sum(postings.open_minor(each) for each in self.commitments)
        free = postings.available(self.fund)
        # An overrun is a debt: what carried commitments took from it is not money to carry.
        backed = max(0, min(open_minor, free + open_minor - self.fund.overrun_minor))
        split = budgets.roll_over(
            rollover=self.policy.rollover,
            cap=self.policy.cap,
            available_minor=max(0, min(free, free - self.fund.overrun_minor + open_minor - backed)),
            committed_minor=backed if self.commitments else 0,
            revised_minor=self.fund.allocated_minor,
        )
        if split.carried_minor and self.target is None:
            raise RolloverUnusable(
                "The budget's policy carries money on. Name the later budget.", field="to_budget"
            )
        return Plan(
            response={
                "policy": self.policy.rollover.value,
                "committed_minor": split.committed_minor,
                "available_minor": split.available_minor,
                "lapsed_minor": split.lapsed_minor,
                "currency": self.fund.currency,
            },
            steps=tuple(self._let_go(each) for each in self.commitments),
            entries=tuple(self._entries(split)),
            then=lambda operation_pk: self._carry(split, operation_pk),
        )

    def _target(self) -> models.Fund | None:
        if self.to_budget_id is None:
            return None
        if self.to_budget_id == self.budget_id:
            raise RolloverUnusable("Money rolls over into another budget.", field="to_budget")
        target = ledger.fund_of(budget_id=self.to_budget_id)
        here, there = self.fund.budget.fiscal_period, target.budget.fiscal_period
        if target.currency != self.fund.currency or there.starts_on < here.ends_on:
            raise RolloverUnusable(
                f"{target.budget.name!r} is not a budget of the same currency in a later period.",
                field="to_budget",
            )
        return target

    def _open_commitments(self) -> list[models.Commitment]:
        if self.policy.rollover is budgets.Rollover.LAPSE:
            return []
        locked = list(
            models.Commitment.objects.select_for_update(no_key=True)
            .filter(fund=self.fund)
            .order_by("id")
        )
        found = [each for each in locked if postings.open_minor(each)]
        if len(found) > MOST_CARRIED:
            raise RolloverUnusable(
                f"More than {MOST_CARRIED} commitments are open. Void or post some of them first."
            )
        return found

    def _let_go(self, commitment: models.Commitment) -> Step:
        return self.posting.step(
            self.fund.pk,
            (Bucket.COMMITTED, Bucket.AVAILABLE),
            postings.open_minor(commitment),
            commitment_id=commitment.pk,
        )

    def _entries(self, split: budgets.Split) -> Sequence[Entry]:
        pair_id = uuid.uuid4()
        moves: list[tuple[int, EntryKind, int, UUID | None]] = []
        if split.carried_minor and self.to_budget_id is not None:
            carry = EntryKind.CARRY_FORWARD
            moves.append((self.budget_id, carry, -split.carried_minor, pair_id))
            moves.append((self.to_budget_id, carry, split.carried_minor, pair_id))
        if split.lapsed_minor:
            moves.append((self.budget_id, EntryKind.LAPSE, -split.lapsed_minor, None))
        return [
            Entry(
                budget_id=budget_id,
                fiscal_period_id=self.posting.period_id,
                kind=kind,
                amount_minor=amount,
                effective_on=self.posting.day,
                reason=self.reason,
                pair_id=pair,
                requested_by_id=self.requested_by_id,
            )
            for budget_id, kind, amount, pair in moves
        ]

    def _carry(self, split: budgets.Split, operation_pk: int) -> None:
        if self.target is not None:
            models.Transfer.objects.bulk_create(
                models.Transfer(
                    organization_id=self.actor.organization_id,
                    operation_id=operation_pk,
                    fund=self.target,
                    fiscal_period_id=self.posting.period_id,
                    from_bucket=Bucket.AVAILABLE.value,
                    to_bucket=Bucket.COMMITTED.value,
                    amount_minor=postings.open_minor(each),
                    effective_on=self.posting.day,
                    reference=each.pend.reference,
                    expires_at=each.expires_at,
                    continues=each,
                )
                for each in self.commitments
            )
        models.Rollover.objects.create(
            organization_id=self.actor.organization_id,
            budget_id=self.budget_id,
            to_budget_id=self.to_budget_id,
            operation_id=operation_pk,
            policy=self.policy.rollover.value,
            committed_minor=split.committed_minor,
            available_minor=split.available_minor,
            lapsed_minor=split.lapsed_minor,
        )


def _whole(budget_id: int | None) -> int:
    if budget_id is None:
        raise AssertionError("a policy with a day to claw back names a budget")
    return budget_id


def _plain(policy: Policy) -> dict[str, Any]:
    return {
        "enforcement": policy.enforcement.value,
        "counts_requested": policy.counts_requested,
        "needs_two_people": policy.needs_two_people,
        "rollover": policy.rollover.value,
        "cap": [policy.cap.amount_minor, policy.cap.basis_points],
        "claw_back": [policy.claw_back_to_id, policy.claw_back_on],
    }

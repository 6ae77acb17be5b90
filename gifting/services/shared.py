"""Budgets of several sides: agree on terms, lend by the manager, and pay back.

Terms are proposed with their sides, hold once every side consented (`consent`, `activate`), and are
replaced by later ones of the same period in the same way. PostgreSQL keeps each of these rules.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Sum

from gifting import models
from gifting.domain import access, money, refusals, texts
from gifting.domain.ledger import EntryKind, OperationKind
from gifting.domain.shared import Mode
from gifting.services import conflicts, ledger, operations, periods, tenancy
from gifting.services.operations import Answer, Entry, Plan

MOST_SIDES: Final = 20


class UnknownShared(refusals.NotFound):
    code = "UNKNOWN_SHARED_BUDGET"


class SharedExists(refusals.Conflict):
    code = "SHARED_BUDGET_EXISTS"


class SidesUnusable(refusals.Invalid):
    code = "SIDES_UNUSABLE"


class ConsentMissing(refusals.Conflict):
    code = "CONSENT_MISSING"


class NotASide(refusals.Conflict):
    code = "NOT_A_SIDE"


class TermsActive(refusals.Conflict):
    code = "TERMS_ACTIVE"


class LoanRefused(refusals.Conflict):
    code = "LOAN_REFUSED"


class RepaymentExceedsLoan(refusals.Conflict):
    code = "REPAYMENT_EXCEEDS_LOAN"


@dataclass(frozen=True, slots=True)
class Side:
    """What a side funds, keeps to itself, and who speaks for it."""

    budget_id: int
    representative_id: int
    contribution_minor: int
    floor_minor: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a shared budget in one period."""

    fiscal_period_id: int
    mode: Mode
    manager_id: int
    sides: Sequence[Side]
    reason: str
    manager_limit_minor: int | None = None


def create(*, actor: access.Actor, name: str, currency: str) -> UUID:
    """Make a shared budget, which has no terms yet; raises Forbidden and SharedExists."""
    actor.require(access.Permission.WRITE_BUDGETS)
    texts.require(name, field="name", most=texts.NAME_LENGTH)
    exists = SharedExists(f"A shared budget {name!r} exists. Choose another name.", field="name")
    row = models.SharedBudget(
        organization_id=actor.organization_id,
        name=name,
        currency=money.Money.zero(currency).currency,
    )
    with (
        tenancy.organization(actor.organization_id),
        conflicts.refusing("shared_budget_name_is_unique", exists),
    ):
        row.save()
        row.refresh_from_db(fields=["public_id"])
    return row.public_id


def propose(*, actor: access.Actor, key: str, shared_budget: UUID, terms: Terms) -> Answer:
    """Propose terms; the answer's `terms` names them.

    Whoever may write budgets or speaks for a side may propose. Raises Forbidden, UnknownShared,
    SidesUnusable, TextUnusable and what `operations.perform` refuses.
    """
    actor.require(access.Permission.READ_BUDGETS)
    person = _person(actor)
    why = operations.text(terms.reason, field="reason")
    representatives = {side.representative_id for side in terms.sides}
    if not 2 <= len(terms.sides) <= MOST_SIDES or len(representatives) < len(terms.sides):  # noqa: PLR2004 - two sides share
        raise SidesUnusable(
            f"A shared budget has 2 to {MOST_SIDES} sides, each with its own representative.",
            field="sides",
        )
    if terms.manager_limit_minor is not None and terms.manager_limit_minor < 0:
        raise SidesUnusable(
            "The most of one loan is zero or above. Leave it out for no limit.",
            field="manager_limit_minor",
        )
    if person not in representatives:
        actor.require(access.Permission.WRITE_BUDGETS)
    named = uuid.uuid4()

    def plan(_: UUID) -> Plan:
        row = models.SharedBudget.objects.filter(public_id=shared_budget).first()
        if row is None:
            raise UnknownShared(f"There is no shared budget {shared_budget}.", field="shared")
        made = models.SharedTerms(
            organization_id=actor.organization_id,
            public_id=named,
            shared_budget=row,
            fiscal_period_id=terms.fiscal_period_id,
            mode=terms.mode.value,
            manager_id=terms.manager_id,
            manager_limit_minor=terms.manager_limit_minor,
            reason=why,
            requested_by_id=person,
        )
        made.save()
        unfit = SidesUnusable(
            "A side needs a budget of the shared budget's period and currency that shares no other "
            "one, and a floor within its contribution.",
            field="sides",
        )
        with conflicts.judging(
            {
                "shared_side_fits_its_terms": unfit,
                "shared_side_floor_is_within_its_contribution": unfit,
                "shared_side_budget_is_unique": unfit,
            }
        ):
            models.SharedSide.objects.bulk_create(
                models.SharedSide(
                    organization_id=actor.organization_id,
                    terms=made,
                    budget_id=side.budget_id,
                    representative_id=side.representative_id,
                    contribution_minor=side.contribution_minor,
                    floor_minor=side.floor_minor,
                )
                for side in terms.sides
            )
        return Plan(response={"terms": str(named)})

    return operations.perform(
        actor=actor,
        kind=OperationKind.SHARE,
        key=key,
        request={
            "shared_budget": shared_budget,
            "terms": [terms.fiscal_period_id, terms.mode, terms.manager_id, terms.reason],
            "limit": terms.manager_limit_minor,
            "sides": [
                [s.budget_id, s.representative_id, s.contribution_minor, s.floor_minor]
                for s in terms.sides
            ],
        },
        plan=plan,
    )


def consent(*, actor: access.Actor, terms: UUID) -> None:
    """Agree to terms as the representative of a side; a second time changes nothing.

    Raises Forbidden, UnknownShared and NotASide.
    """
    actor.require(access.Permission.READ_BUDGETS)
    with tenancy.organization(actor.organization_id):
        row, person = _terms(terms), _person(actor)
        if models.SharedConsent.objects.filter(terms=row, user_id=person).exists():
            return
        refused = NotASide("Only who speaks for a side consents to its terms.", field="terms")
        with conflicts.refusing("shared_consent_is_a_sides", refused):
            models.SharedConsent.objects.create(
                organization_id=actor.organization_id, terms=row, user_id=person
            )


def activate(*, actor: access.Actor, key: str, terms: UUID) -> Answer:
    """Let terms hold to which every side consented; each side's register follows.

    Raises Forbidden, UnknownShared, ConsentMissing, TermsActive, TwoPeopleNeeded when who proposed
    the terms does it, BudgetExceeded when a side uses more than it would have, and PeriodClosed.
    """
    actor.require(access.Permission.READ_BUDGETS)

    def plan(_: UUID) -> Plan:
        row = _terms(terms)
        if models.SharedActivation.objects.filter(terms=row).exists():
            raise TermsActive("The terms hold already.", field="terms")
        speaks = models.SharedSide.objects.filter(terms=row, representative_id=actor.user_id)
        if not speaks.exists():
            actor.require(access.Permission.WRITE_BUDGETS)
        if actor.user_id == row.requested_by_id:
            raise operations.TwoPeopleNeeded(
                "Whoever proposed the terms does not let them hold. Ask another side.",
                field="terms",
            )
        day = row.fiscal_period.starts_on
        period_id = periods.of_decision(actor=actor, day=day)
        periods.hold(period_id=period_id)
        entries = []
        sides = list(models.SharedSide.objects.filter(terms=row).order_by("budget_id"))
        for side in sides:
            fund = ledger.fund_of(budget_id=side.budget_id)
            wanted = side.contribution_minor + _net_borrowed(side.budget_id)
            if wanted != fund.allocated_minor:
                entries.append(
                    Entry(
                        budget_id=side.budget_id,
                        fiscal_period_id=period_id,
                        kind=EntryKind.REVISION,
                        amount_minor=wanted - fund.allocated_minor,
                        effective_on=day,
                        reason=row.reason,
                        requested_by_id=row.requested_by_id,
                    )
                )

        def then(operation_pk: int) -> None:
            missing = ConsentMissing(
                "Not every side consented, or nobody beside who proposed the terms did.",
                field="terms",
            )
            with conflicts.refusing("shared_terms_have_every_consent", missing):
                models.SharedActivation.objects.create(
                    organization_id=actor.organization_id, terms=row, operation_id=operation_pk
                )

        return Plan(response={"terms": str(terms)}, entries=tuple(entries), then=then)

    return operations.perform(
        actor=actor,
        kind=OperationKind.SHARE,
        key=key,
        request={"activate": terms},
        plan=plan,
    )


def lend(
    *,
    actor: access.Actor,
    key: str,
    lender_id: int,
    borrower_id: int,
    amount: money.Money,
    reason: str,
    requested_by_id: int,
) -> Answer:
    """Lend one side's unused money to another, as the manager of the terms that hold.

    The borrower's representative asked for it. Raises Forbidden, UnknownShared, LoanRefused,
    AmountNotPositive, CurrencyMismatch, BudgetExceeded and PeriodClosed.
    """
    actor.require(access.Permission.READ_BUDGETS)
    ledger.require_positive(amount)
    why = operations.text(reason, field="reason")
    manager = _person(actor)

    def plan(_: UUID) -> Plan:
        terms = _in_force(lender_id)
        if terms.manager_id != manager:
            raise LoanRefused("Only the manager of the shared budget lends.", field="lender")
        way = (lender_id, borrower_id)
        entries = _moves(actor, terms, way, amount, reason=why, requested_by_id=requested_by_id)

        def then(operation_pk: int) -> None:
            with _judging_loans():
                models.SharedLoan.objects.create(
                    organization_id=actor.organization_id,
                    terms=terms,
                    lender_id=lender_id,
                    borrower_id=borrower_id,
                    amount_minor=amount.amount_minor,
                    operation_id=operation_pk,
                    requested_by_id=requested_by_id,
                    approved_by_id=manager,
                    public_id=named,
                )

        return Plan(response={"loan": str(named)}, entries=entries, then=then)

    named = uuid.uuid4()
    return operations.perform(
        actor=actor,
        kind=OperationKind.BORROW,
        key=key,
        request={
            "lend": [lender_id, borrower_id, amount.amount_minor, amount.currency],
            "requested_by": requested_by_id,
            "reason": reason,
        },
        plan=plan,
    )


def repay(*, actor: access.Actor, key: str, loan: UUID, amount: money.Money, reason: str) -> Answer:
    """Give back a part of a loan; the borrower's representative or the manager does.

    Raises Forbidden, UnknownShared, RepaymentExceedsLoan, BudgetExceeded and PeriodClosed.
    """
    actor.require(access.Permission.READ_BUDGETS)
    ledger.require_positive(amount)
    why = operations.text(reason, field="reason")
    person = _person(actor)

    def plan(_: UUID) -> Plan:
        row = models.SharedLoan.objects.filter(public_id=loan).select_related("terms").first()
        if row is None:
            raise UnknownShared(f"There is no loan {loan}.", field="loan")
        speaks = models.SharedSide.objects.filter(
            terms=row.terms, budget_id=row.borrower_id, representative_id=person
        )
        if not speaks.exists() and person != row.terms.manager_id:
            actor.require(access.Permission.WRITE_BUDGETS)
        way = (row.borrower_id, row.lender_id)
        entries = _moves(actor, row.terms, way, amount, reason=why)

        def then(operation_pk: int) -> None:
            beyond = RepaymentExceedsLoan(
                "More would be repaid than is owed. Look at the repayments so far.", field="amount"
            )
            with conflicts.refusing("shared_repayment_is_within_its_loan", beyond):
                models.SharedRepayment.objects.create(
                    organization_id=actor.organization_id,
                    loan=row,
                    amount_minor=amount.amount_minor,
                    operation_id=operation_pk,
                )

        return Plan(response={"loan": str(loan)}, entries=entries, then=then)

    return operations.perform(
        actor=actor,
        kind=OperationKind.BORROW,
        key=key,
        request={"repay": [loan, amount.amount_minor, amount.currency], "reason": reason},
        plan=plan,
    )


def _moves(
    actor: access.Actor,
    terms: models.SharedTerms,
    way: tuple[int, int],
    amount: money.Money,
    *,
    reason: str,
    requested_by_id: int | None = None,
) -> tuple[Entry, ...]:
    day = terms.fiscal_period.starts_on
    period_id = periods.of_decision(actor=actor, day=day)
    periods.hold(period_id=period_id)
    pair_id = uuid.uuid4()
    kinds = (EntryKind.TRANSFER_OUT, EntryKind.TRANSFER_IN)
    for budget_id in way:
        ledger.require_currency(ledger.fund_of(budget_id=budget_id), amount)
    return tuple(
        Entry(
            budget_id=budget_id,
            fiscal_period_id=period_id,
            kind=kind,
            amount_minor=sign * amount.amount_minor,
            effective_on=day,
            reason=reason,
            pair_id=pair_id,
            requested_by_id=requested_by_id,
        )
        for budget_id, kind, sign in zip(way, kinds, (-1, 1), strict=True)
    )


def _in_force(budget_id: int) -> models.SharedTerms:
    row = (
        models.SharedActivation.objects.filter(terms__sides__budget_id=budget_id)
        .select_related("terms__fiscal_period")
        .order_by("-id")
        .first()
    )
    if row is None:
        raise UnknownShared("The budget is no side of a shared one that holds.", field="lender")
    terms: models.SharedTerms = row.terms
    return terms


def _net_borrowed(budget_id: int) -> int:
    borrowed = _owed(models.SharedLoan.objects.filter(borrower_id=budget_id))
    return borrowed - _owed(models.SharedLoan.objects.filter(lender_id=budget_id))


def _owed(loans: Iterable[models.SharedLoan]) -> int:
    rows = list(loans)
    repaid = models.SharedRepayment.objects.filter(loan__in=rows).aggregate(
        total=Sum("amount_minor")
    )["total"]
    lent: int = sum(row.amount_minor for row in rows)
    return lent - int(repaid or 0)


def _terms(terms: UUID) -> models.SharedTerms:
    row = models.SharedTerms.objects.filter(public_id=terms).select_related("fiscal_period").first()
    if row is None:
        raise UnknownShared(f"There are no terms {terms}.", field="terms")
    return row


def _person(actor: access.Actor) -> int:
    if actor.user_id is None:
        raise refusals.Forbidden("People agree on shared budgets, not machines.")
    return actor.user_id


def _judging_loans() -> AbstractContextManager[None]:
    refused: Mapping[str, refusals.Refusal] = {
        rule: LoanRefused(message, field="amount")
        for rule, message in {
            "shared_loan_is_under_shared_terms": "The sides keep to their own in this period, or "
            "newer terms hold.",
            "shared_loan_is_the_managers": "The loan is above what the manager may lend.",
            "shared_loan_keeps_the_floor": "The loan takes the lender below its floor, or is not "
            "asked for by the borrower's representative.",
            "shared_loan_is_between_two": "Whoever asks for a loan does not approve it.",
        }.items()
    }
    return conflicts.judging(refused)

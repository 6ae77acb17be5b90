"""Forecasts and shared budgets, in the organization that the test entered."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import NamedTuple
from uuid import UUID

from django.contrib.auth import models as auth

from gifting import models
from gifting.domain import access
from gifting.domain.shared import Mode
from gifting.selectors import organizations as records
from gifting.services import forecasts, operations, shared
from tests.factories import ledger, organizations

# Of a period that no other factory closes.
POOL_DAY = ledger.DAY + dt.timedelta(days=64)


class Pool(NamedTuple):
    """Sales and marketing, who speak for them, and the CRO who manages what they share."""

    shared_budget: UUID
    marketing: models.Budget
    sales: models.Budget
    maya: access.Actor
    sam: access.Actor
    chief: access.Actor

    def terms(
        self,
        contributions: tuple[int, int] = (60_00, 40_00),
        *,
        mode: Mode = Mode.SHARED,
        floor: int = 20_00,
        limit: int | None = None,
    ) -> shared.Terms:
        return shared.Terms(
            fiscal_period_id=self.marketing.fiscal_period_id,
            mode=mode,
            manager_id=_id(self.chief),
            manager_limit_minor=limit,
            sides=[
                shared.Side(budget.pk, _id(actor), amount, floor)
                for budget, actor, amount in zip(
                    (self.marketing, self.sales), (self.maya, self.sam), contributions, strict=True
                )
            ],
            reason="One plan for the quarter",
        )

    def propose(self, terms: shared.Terms | None = None) -> UUID:
        answer = shared.propose(
            actor=self.maya,
            key=ledger.key(),
            shared_budget=self.shared_budget,
            terms=terms or self.terms(),
        )
        return UUID(answer.response["terms"])

    def agree(self, terms: shared.Terms | None = None) -> UUID:
        """Propose, have both sides consent, and let the terms hold."""
        named = self.propose(terms)
        for actor in (self.maya, self.sam):
            shared.consent(actor=actor, terms=named)
        shared.activate(actor=self.sam, key=ledger.key(), terms=named)
        return named

    def lend(self, amount_minor: int, *, actor: access.Actor | None = None) -> operations.Answer:
        """Let marketing lend to sales."""
        return shared.lend(
            actor=actor or self.chief,
            key=ledger.key(),
            lender_id=self.marketing.pk,
            borrower_id=self.sales.pk,
            amount=ledger.usd(amount_minor),
            reason="A deal of sales came early",
            requested_by_id=_id(self.sam),
        )

    def repay(self, loan: UUID, amount_minor: int) -> operations.Answer:
        return shared.repay(
            actor=self.sam,
            key=ledger.key(),
            loan=loan,
            amount=ledger.usd(amount_minor),
            reason="As agreed",
        )


def managed_by(terms: shared.Terms, manager_id: int) -> shared.Terms:
    """Return the terms under another manager."""
    return dataclasses.replace(terms, manager_id=manager_id)


def make_pool() -> Pool:
    organization = records.get(organization_id=organizations.here())
    number = organizations.next_number()
    roles = {
        "maya": access.Role.MARKETING,
        "sam": access.Role.SALES,
        "chief": access.Role.FINANCE,
    }
    actors = {
        name: _actor(
            organizations.make_member(f"{name}{number}", organization=organization, role=role), role
        )
        for name, role in roles.items()
    }
    named = shared.create(actor=ledger.actor(), name=f"Go to market {number}", currency="USD")
    return Pool(
        named,
        ledger.make_budget(60_00, day=POOL_DAY),
        ledger.make_budget(40_00, day=POOL_DAY),
        **actors,
    )


def make_terms() -> models.SharedTerms:
    return models.SharedTerms.objects.get(public_id=make_pool().propose())


def make_side() -> models.SharedSide:
    return models.SharedSide.objects.filter(terms=make_terms()).order_by("id")[0]


def make_consent() -> models.SharedConsent:
    return models.SharedConsent.objects.filter(terms__public_id=make_pool().agree())[0]


def make_activation() -> models.SharedActivation:
    return models.SharedActivation.objects.get(terms__public_id=make_pool().agree())


def make_shared_budget() -> models.SharedBudget:
    return models.SharedBudget.objects.get(public_id=make_pool().shared_budget)


def make_loan() -> models.SharedLoan:
    pool = make_pool()
    pool.agree()
    return models.SharedLoan.objects.get(public_id=pool.lend(5_00).response["loan"])


def make_repayment() -> models.SharedRepayment:
    pool = make_pool()
    pool.agree()
    loan = UUID(pool.lend(5_00).response["loan"])
    pool.repay(loan, 2_00)
    return models.SharedRepayment.objects.get(loan__public_id=loan)


def make_version() -> models.ForecastVersion:
    version = forecasts.begin(actor=ledger.actor(), name=f"Outlook {organizations.next_number()}")
    return models.ForecastVersion.objects.get(public_id=version)


def make_line(
    version: models.ForecastVersion | None = None,
    budget: models.Budget | None = None,
    *,
    planned: int = 50_00,
    remaining: int = 10_00,
    quantity: int = 5,
) -> models.ForecastLine:
    version = version or make_version()
    budget = budget or ledger.make_budget()
    forecasts.plan(
        actor=ledger.actor(),
        version=version.public_id,
        budget_id=budget.pk,
        planned=ledger.usd(planned),
        remaining=ledger.usd(remaining),
        quantity=quantity,
    )
    return models.ForecastLine.objects.get(version=version, budget=budget)


def _actor(person: auth.User, role: access.Role) -> access.Actor:
    return access.Actor.member(
        user_id=person.pk,
        organization_id=organizations.here(),
        role=role,
        cost_center_ids=[],
    )


def _id(actor: access.Actor) -> int:
    assert actor.user_id is not None
    return actor.user_id

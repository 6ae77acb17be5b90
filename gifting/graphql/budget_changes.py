"""Changes of budgets: register entries, policies, periods, forecasts, and what sides agree on."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.domain import budgets as rules
from gifting.domain import ledger as ledger_rules
from gifting.domain import money, shared
from gifting.graphql import budgets as budget_types
from gifting.graphql import context, errors, inputs, scalars
from gifting.services import budgets, ledger, operations, periods, policies
from gifting.services import forecasts as forecast_services
from gifting.services import shared as sharing

KEY: Final = "Yours for this request: the same one again has the same answer."
WHY: Final = "Why; it is kept with the entry."


@strawberry.input(description="A change of what a budget may spend.")
class ReviseBudgetInput:
    budget_id: relay.GlobalID = strawberry.field(description="Which budget.")
    amount: inputs.MoneyInput = strawberry.field(description="Below zero takes away.")
    reason: str = strawberry.field(description=WHY)
    effective_on: dt.date = strawberry.field(description="Its day.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="Money that goes from one budget to another.")
class MoveBudgetInput:
    from_budget_id: relay.GlobalID = strawberry.field(description="Where from.")
    to_budget_id: relay.GlobalID = strawberry.field(description="Where to.")
    amount: inputs.MoneyInput = strawberry.field(description="How much; above zero.")
    reason: str = strawberry.field(description=WHY)
    effective_on: dt.date = strawberry.field(description="Its day.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="A budget whose period ends.")
class EndBudgetInput:
    budget_id: relay.GlobalID = strawberry.field(description="Which budget.")
    to_budget_id: relay.GlobalID | None = strawberry.field(
        default=None, description="The later budget, where the policy carries money on."
    )
    reason: str = strawberry.field(description=WHY)
    effective_on: dt.date = strawberry.field(description="A day of the period that ends.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="How hard a budget's limit is, and what its end leaves.")
class SetBudgetPolicyInput:
    budget_id: relay.GlobalID = strawberry.field(description="Which budget.")
    enforcement: rules.Enforcement = strawberry.field(description="How hard its limit is.")
    counts_requested: bool = strawberry.field(
        default=False, description="Whether requests take room from decisions."
    )
    needs_two_people: bool = strawberry.field(
        default=False, description="Whether register entries name who asked and who approved."
    )
    rollover: rules.Rollover = strawberry.field(
        default=rules.Rollover.LAPSE, description="What its end leaves."
    )
    cap_amount_minor: scalars.MinorUnits | None = strawberry.field(
        default=None, description="The most that is carried of what is available, minor units."
    )
    cap_basis_points: int | None = strawberry.field(
        default=None, description="The same as basis points of the revised amount."
    )
    claw_back_to_id: relay.GlobalID | None = strawberry.field(
        default=None, description="Where unused money goes back to."
    )
    claw_back_on: dt.date | None = strawberry.field(default=None, description="And when.")
    reason: str = strawberry.field(description=WHY)
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="An overrun that is settled; once, so that it needs no key.")
class SettleOverrunInput:
    overrun_id: UUID = strawberry.field(description="Which overrun.")
    resolution: str = strawberry.field(description="How; it is kept under your name.")


@strawberry.input(description="A forecast version that is final.")
class SubmitForecastInput:
    forecast_version_id: UUID = strawberry.field(description="Which version.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="A period that opens or closes; moving it twice is refused.")
class MoveFiscalPeriodInput:
    fiscal_period_id: relay.GlobalID = strawberry.field(description="Which period.")
    status: ledger_rules.PeriodStatus = strawberry.field(description="What it becomes.")
    reason: str = strawberry.field(description="Why; it is kept with the event.")


@strawberry.input(description="A side of proposed terms.")
class SharedSideInput:
    budget_id: relay.GlobalID = strawberry.field(description="The side's budget.")
    representative_id: int = strawberry.field(description="The person who speaks for it.")
    contribution_minor: scalars.MinorUnits = strawberry.field(
        description="What it funds, in minor units."
    )
    floor_minor: scalars.MinorUnits = strawberry.field(
        default=scalars.MinorUnits(0), description="What lending never takes."
    )


@strawberry.input(description="Terms of a shared budget in one period.")
class ProposeSharedTermsInput:
    shared_budget_id: UUID = strawberry.field(description="Which shared budget.")
    fiscal_period_id: relay.GlobalID = strawberry.field(description="In which period.")
    mode: shared.Mode = strawberry.field(description="Shared or separate.")
    manager_id: int = strawberry.field(description="The person who lends among the sides.")
    manager_limit_minor: scalars.MinorUnits | None = strawberry.field(
        default=None, description="The most of one loan, in minor units."
    )
    sides: list[SharedSideInput] = strawberry.field(description="2 to 20 sides.")
    reason: str = strawberry.field(description=WHY)
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="Terms that a side agrees to; a second time changes nothing.")
class ConsentSharedTermsInput:
    terms_id: UUID = strawberry.field(description="Which terms.")


@strawberry.input(description="Terms that hold from now on.")
class ActivateSharedTermsInput:
    terms_id: UUID = strawberry.field(description="Which terms.")
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="Money that one side lends another.")
class LendSharedBudgetInput:
    lender_id: relay.GlobalID = strawberry.field(description="The lending side's budget.")
    borrower_id: relay.GlobalID = strawberry.field(description="The borrowing side's budget.")
    amount: inputs.MoneyInput = strawberry.field(description="How much.")
    requested_by_id: int = strawberry.field(description="The borrower's representative.")
    reason: str = strawberry.field(description=WHY)
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.input(description="A part of a loan that goes back.")
class RepaySharedLoanInput:
    loan_id: UUID = strawberry.field(description="Which loan.")
    amount: inputs.MoneyInput = strawberry.field(description="How much.")
    reason: str = strawberry.field(description=WHY)
    idempotency_key: str = strawberry.field(description=KEY)


@strawberry.type(description="What became of a change of budgets.")
class BudgetChangePayload(errors.Payload):
    """Answer every change here."""

    operation_id: UUID | None = strawberry.field(
        default=None, description="The operation; null when it was refused or needed none."
    )
    is_repeat: bool | None = strawberry.field(
        default=None, description="Whether the key had this answer before; null when refused."
    )
    made_id: UUID | None = strawberry.field(
        default=None,
        description="What was made: terms, a loan, a shared budget, a forecast version or a fiscal "
        "calendar; null otherwise.",
    )


@strawberry.type
class Mutation:
    """Hold the budgets' part of the schema's mutation type."""

    @strawberry.field(
        description="Change what a budget may spend; undone by the opposite amount. Needs "
        "WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def revise_budget(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ReviseBudgetInput, strawberry.argument(description="The change.")
        ],
    ) -> BudgetChangePayload:
        answer = budgets.revise(
            actor=info.context.actor,
            key=input.idempotency_key,
            budget_id=_budget(info, input.budget_id, "budget_id"),
            amount=_money(input.amount),
            reason=input.reason,
            effective_on=input.effective_on,
        )
        return _done(answer)

    @strawberry.field(
        description="Move unused money from one budget to another, on both sides or none. Needs "
        "WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def transfer_budget(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            MoveBudgetInput, strawberry.argument(description="Where from, where to.")
        ],
    ) -> BudgetChangePayload:
        answer = budgets.transfer(
            actor=info.context.actor,
            key=input.idempotency_key,
            from_budget_id=_budget(info, input.from_budget_id, "from_budget_id"),
            to_budget_id=_budget(info, input.to_budget_id, "to_budget_id"),
            amount=_money(input.amount),
            reason=input.reason,
            effective_on=input.effective_on,
        )
        return _done(answer)

    @strawberry.field(
        description="Carry unused money into a budget of a later period. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def carry_budget_forward(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            MoveBudgetInput, strawberry.argument(description="Where from, where to.")
        ],
    ) -> BudgetChangePayload:
        answer = budgets.carry_forward(
            actor=info.context.actor,
            key=input.idempotency_key,
            from_budget_id=_budget(info, input.from_budget_id, "from_budget_id"),
            to_budget_id=_budget(info, input.to_budget_id, "to_budget_id"),
            amount=_money(input.amount),
            reason=input.reason,
            effective_on=input.effective_on,
        )
        return _done(answer)

    @strawberry.field(
        description="Let all that is available in a budget lapse. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def lapse_budget(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            EndBudgetInput, strawberry.argument(description="Which budget.")
        ],
    ) -> BudgetChangePayload:
        answer = budgets.lapse(
            actor=info.context.actor,
            key=input.idempotency_key,
            budget_id=_budget(info, input.budget_id, "budget_id"),
            reason=input.reason,
            effective_on=input.effective_on,
        )
        return _done(answer)

    @strawberry.field(
        description="Roll a closing budget over by its policy, once. Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def roll_over_budget(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            EndBudgetInput, strawberry.argument(description="Which budget, and into which.")
        ],
    ) -> BudgetChangePayload:
        answer = policies.roll_over(
            actor=info.context.actor,
            key=input.idempotency_key,
            budget_id=_budget(info, input.budget_id, "budget_id"),
            to_budget_id=None
            if input.to_budget_id is None
            else _budget(info, input.to_budget_id, "to_budget_id"),
            reason=input.reason,
            effective_on=input.effective_on,
        )
        return _done(answer)

    @strawberry.field(
        description="Let a budget follow a policy from now on. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def set_budget_policy(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            SetBudgetPolicyInput, strawberry.argument(description="The policy.")
        ],
    ) -> BudgetChangePayload:
        answer = policies.set_policy(
            actor=info.context.actor,
            key=input.idempotency_key,
            budget_id=_budget(info, input.budget_id, "budget_id"),
            policy=policies.Policy(
                enforcement=input.enforcement,
                counts_requested=input.counts_requested,
                needs_two_people=input.needs_two_people,
                rollover=input.rollover,
                cap=rules.Cap(input.cap_amount_minor, input.cap_basis_points),
                claw_back_to_id=None
                if input.claw_back_to_id is None
                else _budget(info, input.claw_back_to_id, "claw_back_to_id"),
                claw_back_on=input.claw_back_on,
            ),
            reason=input.reason,
        )
        return _done(answer)

    @strawberry.field(
        description="Settle an overrun, once, as another than who posted it. Needs APPROVE.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def settle_budget_overrun(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            SettleOverrunInput, strawberry.argument(description="Which overrun, and how.")
        ],
    ) -> BudgetChangePayload:
        ledger.settle_exception(
            actor=info.context.actor,
            exception=input.overrun_id,
            resolution=input.resolution,
            at=info.context.at,
        )
        return BudgetChangePayload(is_repeat=False)

    @strawberry.field(
        description="Submit a forecast version, which is kept as it is. Needs WRITE_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def submit_forecast(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            SubmitForecastInput, strawberry.argument(description="Which version.")
        ],
    ) -> BudgetChangePayload:
        answer = forecast_services.submit(
            actor=info.context.actor,
            key=input.idempotency_key,
            version=input.forecast_version_id,
            at=info.context.at,
        )
        return _done(answer)

    @strawberry.field(
        description="Open a period, or close it softly. Needs CLOSE_PERIODS.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def move_fiscal_period(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            MoveFiscalPeriodInput, strawberry.argument(description="Which period, and why.")
        ],
    ) -> BudgetChangePayload:
        periods.move(
            actor=info.context.actor,
            period_id=budget_types.key_of(
                info, input.fiscal_period_id, "FiscalPeriod", "fiscal_period_id"
            ),
            status=input.status,
            reason=input.reason,
        )
        return BudgetChangePayload(is_repeat=False)

    @strawberry.field(
        description="Propose terms of a shared budget; they hold when every side consented. Needs "
        "READ_BUDGETS, and WRITE_BUDGETS of who speaks for no side.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def propose_shared_terms(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ProposeSharedTermsInput, strawberry.argument(description="The terms.")
        ],
    ) -> BudgetChangePayload:
        answer = sharing.propose(
            actor=info.context.actor,
            key=input.idempotency_key,
            shared_budget=input.shared_budget_id,
            terms=sharing.Terms(
                fiscal_period_id=budget_types.key_of(
                    info, input.fiscal_period_id, "FiscalPeriod", "fiscal_period_id"
                ),
                mode=input.mode,
                manager_id=input.manager_id,
                manager_limit_minor=input.manager_limit_minor,
                sides=[
                    sharing.Side(
                        budget_id=_budget(info, side.budget_id, "sides"),
                        representative_id=side.representative_id,
                        contribution_minor=side.contribution_minor,
                        floor_minor=side.floor_minor,
                    )
                    for side in input.sides
                ],
                reason=input.reason,
            ),
        )
        return _done(answer, made="terms")

    @strawberry.field(
        description="Agree to terms as the representative of a side. Needs READ_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def consent_to_shared_terms(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ConsentSharedTermsInput, strawberry.argument(description="Which terms.")
        ],
    ) -> BudgetChangePayload:
        sharing.consent(actor=info.context.actor, terms=input.terms_id)
        return BudgetChangePayload(is_repeat=False)

    @strawberry.field(
        description="Let terms hold that every side consented to; not for who proposed them. Needs "
        "READ_BUDGETS, and WRITE_BUDGETS of who speaks for no side.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def activate_shared_terms(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            ActivateSharedTermsInput, strawberry.argument(description="Which terms.")
        ],
    ) -> BudgetChangePayload:
        answer = sharing.activate(
            actor=info.context.actor, key=input.idempotency_key, terms=input.terms_id
        )
        return _done(answer, made="terms")

    @strawberry.field(
        description="Lend one side's unused money to another, as the manager. Needs READ_BUDGETS.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def lend_shared_budget(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            LendSharedBudgetInput, strawberry.argument(description="Who lends whom how much.")
        ],
    ) -> BudgetChangePayload:
        answer = sharing.lend(
            actor=info.context.actor,
            key=input.idempotency_key,
            lender_id=_budget(info, input.lender_id, "lender_id"),
            borrower_id=_budget(info, input.borrower_id, "borrower_id"),
            amount=_money(input.amount),
            reason=input.reason,
            requested_by_id=input.requested_by_id,
        )
        return _done(answer, made="loan")

    @strawberry.field(
        description="Repay a part of a loan. Needs READ_BUDGETS, and WRITE_BUDGETS of who is "
        "neither the borrower nor the manager.",
        extensions=[errors.RefusalsAsUserErrors(BudgetChangePayload)],
    )
    def repay_shared_loan(
        self,
        info: context.Info,
        input: Annotated[  # noqa: A002 - the convention's own name
            RepaySharedLoanInput, strawberry.argument(description="Which loan, and how much.")
        ],
    ) -> BudgetChangePayload:
        answer = sharing.repay(
            actor=info.context.actor,
            key=input.idempotency_key,
            loan=input.loan_id,
            amount=_money(input.amount),
            reason=input.reason,
        )
        return _done(answer, made="loan")


def _done(answer: operations.Answer, *, made: str = "") -> BudgetChangePayload:
    return BudgetChangePayload(
        operation_id=answer.operation_id,
        is_repeat=answer.replayed,
        made_id=UUID(answer.response[made]) if made else None,
    )


def _money(asked: inputs.MoneyInput) -> money.Money:
    return money.Money(asked.amount_minor, asked.currency)


def _budget(info: context.Info, asked: relay.GlobalID, field: str) -> int:
    return budget_types.key_of(info, asked, "Budget", field)

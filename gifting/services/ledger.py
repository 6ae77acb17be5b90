"""Spend budget money: reserve it, post what was delivered and invoiced, give back what was not.

Decisions (`commit`) are refused when a fund, or one above it, lacks the room. Facts (`invoice`,
`record_fact`) are owed anyway: what does not fit is taken from OVERRUN, with an exception that
someone has to settle. Each call is one operation under a key of its caller's: see `operations`.

Locks: key, period, commitments by id, funds by id. PostgreSQL keeps the same order in its triggers.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F, Q

from gifting import models
from gifting.domain import access, money, refusals
from gifting.domain.ledger import REVERSALS, Bucket, Move, OperationKind
from gifting.services import conflicts, dimensions, foreign, operations, periods, postings, tenancy
from gifting.services.operations import Answer, Plan, Step

MAX_SHARES: Final = 100
MAX_EXPIRED: Final = 1000


class UnknownBudget(refusals.NotFound):
    code = "UNKNOWN_BUDGET"


class UnknownCommitment(refusals.NotFound):
    code = "UNKNOWN_COMMITMENT"


class UnknownSpend(refusals.NotFound):
    code = "UNKNOWN_SPEND"


class UnknownSpendRequest(refusals.NotFound):
    code = "UNKNOWN_SPEND_REQUEST"


class UnknownException(refusals.NotFound):
    code = "UNKNOWN_EXCEPTION"


class ExceptionSettled(refusals.Conflict):
    code = "EXCEPTION_SETTLED"


class OverrunByItsPoster(refusals.Conflict):
    code = "OVERRUN_BY_ITS_POSTER"


class UnknownTransfer(refusals.NotFound):
    code = "UNKNOWN_TRANSFER"


class TransferNotReversible(refusals.Conflict):
    code = "TRANSFER_NOT_REVERSIBLE"


class AmountNotPositive(refusals.Invalid):
    code = "AMOUNT_NOT_POSITIVE"


class SharesUnusable(refusals.Invalid):
    code = "SHARES_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Share:
    """A budget's part of one commitment of money, and the request that it grants, if it was one."""

    budget_id: int
    amount: money.Money
    request: UUID | None = None


def commit(
    *,
    actor: access.Actor,
    key: str,
    shares: Sequence[Share],
    effective_on: dt.date,
    reference: str = "",
    expires_at: dt.datetime | None = None,
    dimension_values: Sequence[int] = (),
    overrun_reason: str = "",
) -> Answer:
    """Reserve each share in its budget, all or nothing; the answer names the commitments.

    Budgets that are scoped by the values named here limit it as well. A budget that is SOFT is
    passed with a reason, an ADVISORY one with a warning: see `funds.overruns`. A share that grants
    a request takes its place. A share in another currency than its fund's is converted at the last
    known rate of the day; see `foreign`. Raises Forbidden, UnknownBudget, SharesUnusable,
    AmountNotPositive, AmountTooSmall, RateMissing, RateStale, BudgetExceeded, OverrunNeedsReason,
    ScopedBudget, UnknownSpendRequest, RequestEnded, FundParked, PeriodClosed, and what
    `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_SENDS)
    require_shares(shares)
    _require_reference(reference)
    why = overrun_reason and operations.text(overrun_reason, field="overrun_reason")
    asked: dict[str, object] = {
        "shares": [[share.budget_id, *_plain(share.amount)] for share in shares],
        "effective_on": effective_on,
        "reference": reference,
        "expires_at": expires_at,
    }
    extra = {
        "dimension_values": sorted(dimension_values),
        "overrun_reason": overrun_reason,
        "requests": [share.request for share in shares if share.request],
    }

    def plan(_: UUID) -> Plan:
        funds, period = _funds_and_period(actor, shares, effective_on)
        posting = postings.Posting(
            periods.of_decision(actor=actor, day=effective_on, known=period),
            effective_on,
            reference,
        )
        steps = tuple(
            _beside(_pend(posting, funds[share.budget_id].id, part, expires_at), share, reach)
            for share, part in zip(shares, _parts(actor, shares, funds, effective_on), strict=True)
            for reach in [dimensions.reach_of(actor, funds[share.budget_id].id, dimension_values)]
        )
        return Plan(
            response={"commitments": [str(step.public_id) for step in steps]},
            steps=steps,
            overrun_reason=why,
        )

    return operations.perform(
        actor=actor,
        kind=OperationKind.COMMIT,
        key=key,
        request=asked | {name: value for name, value in extra.items() if value},
        plan=plan,
    )


def accrue(
    *,
    actor: access.Actor,
    key: str,
    commitment: UUID,
    amount: money.Money,
    effective_on: dt.date,
) -> Answer:
    """Post what was delivered but not invoiced yet.

    Raises Forbidden, UnknownCommitment, CommitmentExceeded, CommitmentResolved and PeriodClosed.
    """
    return _move_reserved(
        actor=actor,
        key=key,
        kind=OperationKind.ACCRUE,
        commitment=commitment,
        amount=amount,
        effective_on=effective_on,
        way=(Bucket.COMMITTED, Bucket.ACCRUED),
    )


def void(
    *,
    actor: access.Actor,
    key: str,
    commitment: UUID,
    amount: money.Money,
    effective_on: dt.date,
) -> Answer:
    """Give reserved money back that will not be spent; refuses as `accrue` does."""
    return _move_reserved(
        actor=actor,
        key=key,
        kind=OperationKind.VOID,
        commitment=commitment,
        amount=amount,
        effective_on=effective_on,
        way=(Bucket.COMMITTED, Bucket.AVAILABLE),
    )


def release(
    *,
    actor: access.Actor,
    key: str,
    commitment: UUID,
    amount: money.Money,
    effective_on: dt.date,
) -> Answer:
    """Give accrued money back that will not be invoiced; refuses as `accrue` does."""
    return _move_reserved(
        actor=actor,
        key=key,
        kind=OperationKind.RELEASE,
        commitment=commitment,
        amount=amount,
        effective_on=effective_on,
        way=(Bucket.ACCRUED, Bucket.AVAILABLE),
    )


def invoice(
    *,
    actor: access.Actor,
    key: str,
    commitment: UUID,
    amount: money.Money,
    effective_on: dt.date,
    reason: str,
    reference: str = "",
) -> Answer:
    """Post an invoice against a commitment: its accrual first, then the rest of it, then room.

    What no room is left for is taken from OVERRUN, with the reason. In a closed period it is posted
    to the next one that is not. What a changed exchange rate alone adds or saves is a step of its
    own. Raises Forbidden, UnknownCommitment, RateMissing, RateStale, AmountTooSmall,
    AmountNotPositive and TextUnusable; never BudgetExceeded.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    require_positive(amount)
    _require_reference(reference)
    why = operations.text(reason, field="reason")

    def plan(operation_id: UUID) -> Plan:
        posting = postings.Posting(
            periods.of_fact(actor=actor, day=effective_on), effective_on, reference
        )
        periods.hold(period_id=posting.period_id)
        reserved = _lock_commitment(actor, commitment, _is_settled)
        reach_id = reserved.pend.reach_id
        funds = postings.lock_funds([reserved.fund_id], reach_id=reach_id)
        fund = funds[reserved.fund_id]
        billed = foreign.bill(
            actor=actor,
            amount=amount,
            reserved=reserved,
            currency=fund.currency,
            on=effective_on,
        )
        steps = foreign.pay(posting, reserved, funds, billed, reach_id=reach_id)
        return _spend_plan(operation_id, fund, steps, why)

    return operations.perform(
        actor=actor,
        kind=OperationKind.INVOICE,
        key=key,
        request={
            "commitment": commitment,
            "amount": _plain(amount),
            "effective_on": effective_on,
            "reason": reason,
            "reference": reference,
        },
        plan=plan,
    )


def record_fact(
    *,
    actor: access.Actor,
    key: str,
    budget_id: int,
    amount: money.Money,
    effective_on: dt.date,
    reason: str,
    reference: str = "",
    dimension_values: Sequence[int] = (),
) -> Answer:
    """Post what is owed without a commitment; accepted whether or not the budget has room.

    Overrun and closed periods are treated as in `invoice`. Raises Forbidden, UnknownBudget,
    RateMissing, RateStale, AmountTooSmall, AmountNotPositive and TextUnusable; never
    BudgetExceeded.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    require_positive(amount)
    _require_reference(reference)
    why = operations.text(reason, field="reason")

    def plan(operation_id: UUID) -> Plan:
        fund_id, currency = _funds_of(actor, [Share(budget_id, amount)])[budget_id]
        posting = postings.Posting(
            periods.of_fact(actor=actor, day=effective_on), effective_on, reference
        )
        periods.hold(period_id=posting.period_id)
        reach_id = dimensions.reach_of(actor, fund_id, dimension_values)
        funds = postings.lock_funds([fund_id], reach_id=reach_id)
        owed = foreign.part(actor=actor, currency=currency, amount=amount, on=effective_on)
        steps = postings.spend_at_will(
            posting, fund_id, funds, owed.amount_minor, reach_id=reach_id
        )
        steps = foreign.named(steps, owed)
        return _spend_plan(operation_id, funds[fund_id], steps, why)

    return operations.perform(
        actor=actor,
        kind=OperationKind.FACT,
        key=key,
        request={
            "budget": budget_id,
            "amount": _plain(amount),
            "effective_on": effective_on,
            "reason": reason,
            "reference": reference,
        }
        | ({"dimension_values": sorted(dimension_values)} if dimension_values else {}),
        plan=plan,
    )


def refund(
    *,
    actor: access.Actor,
    key: str,
    spend: UUID,
    amount: money.Money,
    effective_on: dt.date,
    reference: str = "",
) -> Answer:
    """Give back a spend, or a part of it, to what paid it: its overrun first.

    Raises Forbidden, UnknownSpend, RefundExceedsSpend, RateMissing, RateStale, AmountTooSmall and
    AmountNotPositive.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    require_positive(amount)
    _require_reference(reference)

    def plan(operation_id: UUID) -> Plan:
        spent = _spends(spend)
        posting = postings.Posting(
            periods.of_fact(actor=actor, day=effective_on), effective_on, reference
        )
        periods.hold(period_id=posting.period_id)
        funds = postings.lock_funds([spent[0].fund_id], reach_id=spent[0].reach_id)
        currency = funds[spent[0].fund_id].currency
        owed = foreign.given_back(
            actor=actor, amount=amount, spent=spent, currency=currency, on=effective_on
        )
        back = postings.give_back(posting, spent, money.Money(owed.amount_minor, currency))
        payments = [payment for step, of in back for payment in postings.returned(step, of)]
        steps = foreign.named([step for step, _ in back], owed)
        steps += postings.repay_overruns(posting, spend, funds, owed.amount_minor)
        response = {"refund": str(operation_id), "amount_minor": owed.amount_minor}
        return Plan(response=response, steps=tuple(steps), payments=tuple(payments))

    return operations.perform(
        actor=actor,
        kind=OperationKind.REFUND,
        key=key,
        request={
            "spend": spend,
            "amount": _plain(amount),
            "effective_on": effective_on,
            "reference": reference,
        },
        plan=plan,
    )


def reverse(
    *, actor: access.Actor, key: str, transfer: UUID, effective_on: dt.date, reason: str
) -> Answer:
    """Take a wrong step back, whole and once: what was accrued or spent stands reserved again.

    A step of a send is corrected by a fact of the send, and a spend without a commitment by a
    refund. Raises Forbidden, UnknownTransfer, TransferNotReversible, TextUnusable, BudgetExceeded
    and PeriodClosed.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    operations.text(reason, field="reason", most=models.ledger.REFERENCE_LENGTH)

    def plan(_: UUID) -> Plan:
        wrong = models.Transfer.objects.filter(public_id=transfer).first()
        if wrong is None:
            raise UnknownTransfer(f"There is no transfer {transfer}.", field="transfer")
        posting = postings.Posting(
            periods.of_fact(actor=actor, day=effective_on), effective_on, reason
        )
        periods.hold(period_id=posting.period_id)
        _require_reversible(wrong)
        way = (Bucket(wrong.to_bucket), Bucket(wrong.from_bucket))
        step = Step(
            fund_id=wrong.fund_id,
            fiscal_period_id=posting.period_id,
            move=Move(*way, wrong.amount_minor, is_reversal=True),
            effective_on=posting.day,
            reference=reason,
            commitment_id=wrong.commitment_id,
            reverses_id=wrong.pk,
        )
        is_spent = way[0] is Bucket.ACTUAL
        payments = tuple(postings.returned(step, wrong)) if is_spent else ()
        return Plan(response={"reversed": str(transfer)}, steps=(step,), payments=payments)

    return operations.perform(
        actor=actor,
        kind=OperationKind.REVERSE,
        key=key,
        request={"transfer": transfer, "effective_on": effective_on, "reason": reason},
        plan=plan,
    )


def settle_exception(
    *, actor: access.Actor, exception: UUID, resolution: str, at: dt.datetime
) -> None:
    """Approve an overrun afterwards, once, as somebody else than who posted it.

    Raises Forbidden, UnknownException, ExceptionSettled and OverrunByItsPoster.
    """
    actor.require(access.Permission.APPROVE)
    words = operations.text(resolution, field="resolution")
    own = OverrunByItsPoster("You posted this overrun, so another approver has to settle it.")
    with (
        tenancy.organization(actor.organization_id),
        conflicts.refusing("overrun_is_settled_by_another", own),
    ):
        opened = models.OverrunException.objects.filter(public_id=exception)
        if not opened.exists():
            raise UnknownException("There is no such overrun exception.", field="exception")
        settled = opened.filter(resolved_at=None).update(
            approved_by_id=actor.user_id, resolved_at=at, resolution=words
        )
    if not settled:
        raise ExceptionSettled("The overrun is settled already. Look at its resolution.")


def expire_due(*, actor: access.Actor, at: dt.datetime, limit: int = MAX_EXPIRED) -> int:
    """Give back what is reserved by commitments that are past their time; return how many.

    Commitments that someone posts at this moment are left to them.
    """
    with tenancy.organization(actor.organization_id):
        due = list(
            models.Commitment.objects.filter(expires_at__lte=at)
            .filter(amount_minor__gt=F("posted_minor") + F("voided_minor"))
            .order_by("expires_at", "id")
            .values_list("public_id", flat=True)[:limit]
        )
        zone = models.Organization.objects.get(id=actor.organization_id).time_zone
    day = periods.day_of(at=at, time_zone=zone)
    return sum(_expire(actor, commitment, at, day) for commitment in due)


def fund_of(*, budget_id: int) -> models.Fund:
    """Return the fund of a budget; raises UnknownBudget."""
    fund = models.Fund.objects.filter(budget_id=budget_id).first()
    if fund is None:
        raise UnknownBudget(f"There is no budget {budget_id}.", field="budget")
    return fund


def lock_room(*, budget_id: int) -> money.Money:
    """Return the room of a budget and keep it so until the transaction ends."""
    fund = fund_of(budget_id=budget_id)
    return money.Money(postings.room(postings.lock_funds([fund.pk])[fund.pk]), fund.currency)


def require_budgets(
    *, actor: access.Actor, currency: str, budget_ids: Iterable[int]
) -> dict[int, int]:
    """Return the fund of each budget, if the actor sees it and it is in the currency.

    Raises UnknownBudget, Forbidden and CurrencyMismatch.
    """
    zero = money.Money.zero(currency)
    funds = _funds_of(actor, [Share(budget_id, zero) for budget_id in budget_ids])
    for fund in funds.values():
        _require_same_currency(fund.currency, zero)
    return {budget_id: fund.id for budget_id, fund in funds.items()}


def require_shares(shares: Sequence[Share]) -> None:
    """Refuse shares that are none, too many, twice of one budget, or not above zero."""
    if not 1 <= len(shares) <= MAX_SHARES or len({each.budget_id for each in shares}) < len(shares):
        raise SharesUnusable(
            f"A commitment has 1 to {MAX_SHARES} shares, each of another budget.", field="shares"
        )
    for share in shares:
        require_positive(share.amount)


def require_positive(amount: money.Money) -> None:
    """Refuse an amount that moves nothing or the wrong way; raises AmountNotPositive."""
    if amount.amount_minor <= 0:
        raise AmountNotPositive(
            f"{amount} is not above zero. Write how much money moves.", field="amount"
        )


def require_currency(fund: models.Fund, amount: money.Money) -> None:
    """Refuse an amount in another currency than the fund's; raises CurrencyMismatch."""
    _require_same_currency(fund.currency, amount)


class _Fund(NamedTuple):
    id: int
    currency: str


class _NothingDue(Exception):  # noqa: N818 - an answer between two functions, not an error
    """Someone else resolved, extended or holds the commitment."""


def _require_reversible(wrong: models.Transfer) -> None:
    """Refuse what cannot be taken back whole; the commitment is locked against a second try."""
    if wrong.commitment_id is not None:
        models.Commitment.objects.select_for_update(no_key=True).get(id=wrong.commitment_id)
    if (wrong.to_bucket, wrong.from_bucket) not in REVERSALS:
        raise TransferNotReversible(
            f"Money that went from {wrong.from_bucket} to {wrong.to_bucket} is given back by a "
            "void, a release or a refund.",
            field="transfer",
        )
    if models.SendPosting.objects.filter(operation_id=wrong.operation_id).exists():
        raise TransferNotReversible(
            "This step belongs to a send. Tell what is true of the send, and its money follows.",
            field="transfer",
        )
    is_taken = models.Transfer.objects.filter(Q(reverses=wrong) | Q(refunds=wrong)).exists()
    if is_taken:
        raise TransferNotReversible(
            "This step was taken back or refunded before. Look at what followed it.",
            field="transfer",
        )


def _expire(actor: access.Actor, commitment: UUID, at: dt.datetime, day: dt.date) -> bool:
    def plan(_: UUID) -> Plan:
        posting = postings.Posting(periods.of_fact(actor=actor, day=day), day)
        periods.hold(period_id=posting.period_id)
        reserved = (
            models.Commitment.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(public_id=commitment, expires_at__lte=at)
            .first()
        )
        if reserved is None or not postings.open_minor(reserved):
            raise _NothingDue
        way = (Bucket.COMMITTED, Bucket.AVAILABLE)
        step = posting.step(
            reserved.fund_id, way, postings.open_minor(reserved), commitment_id=reserved.pk
        )
        return Plan(response={"commitment": str(commitment)}, steps=(step,))

    try:
        answer = operations.perform(
            actor=actor,
            kind=OperationKind.EXPIRE,
            key=f"expire:{commitment}",
            request={"commitment": commitment},
            plan=plan,
        )
    except _NothingDue:
        return False
    return not answer.replayed


def _move_reserved(
    *,
    actor: access.Actor,
    key: str,
    kind: OperationKind,
    commitment: UUID,
    amount: money.Money,
    effective_on: dt.date,
    way: tuple[Bucket, Bucket],
) -> Answer:
    actor.require(access.Permission.WRITE_SENDS)
    require_positive(amount)

    def plan(_: UUID) -> Plan:
        posting = postings.Posting(periods.of_fact(actor=actor, day=effective_on), effective_on)
        periods.hold(period_id=posting.period_id)
        reserved = _lock_commitment(
            actor, commitment, _is_let_go if way[0] is Bucket.COMMITTED else None
        )
        currency = models.Fund.objects.get(id=reserved.fund_id).currency
        part = foreign.moved(reserved=reserved, currency=currency, amount=amount, way=way)
        step = posting.step(reserved.fund_id, way, part.amount_minor, commitment_id=reserved.pk)
        return Plan(response={"commitment": str(commitment)}, steps=(_told(step, part),))

    return operations.perform(
        actor=actor,
        kind=kind,
        key=key,
        request={
            "commitment": commitment,
            "amount": _plain(amount),
            "effective_on": effective_on,
        },
        plan=plan,
    )


def _spend_plan(operation_id: UUID, fund: models.Fund, steps: Sequence[Step], reason: str) -> Plan:
    overrun_minor = sum(
        step.move.amount_minor
        for step in steps
        if step.fund_id == fund.pk and step.move.from_bucket is Bucket.OVERRUN
    )
    return Plan(
        response={"spend": str(operation_id), "overrun_minor": overrun_minor},
        steps=tuple(steps),
        payments=tuple(postings.paid(fund, steps)),
        overrun_reason=reason,
    )


def _funds_of(actor: access.Actor, shares: Iterable[Share]) -> dict[int, _Fund]:
    """Find the fund of each share's budget, if the actor sees it."""
    with connection.cursor() as cursor:
        cursor.execute(_FUNDS, [[share.budget_id for share in shares]])
        return _usable(actor, shares, cursor.fetchall())


def _funds_and_period(
    actor: access.Actor, shares: Sequence[Share], day: dt.date
) -> tuple[dict[int, _Fund], periods.Period | None]:
    """Find in one journey what every commitment asks for: its funds, and the period of its day."""
    with connection.cursor() as cursor:
        budget_ids = [share.budget_id for share in shares]
        cursor.execute("SELECT * FROM funds_and_period(%s, %s)", [day, budget_ids])
        rows = cursor.fetchall()
    period = rows[0][_FUND_COLUMNS:] if rows else (None,)
    return (
        _usable(actor, shares, [row[:_FUND_COLUMNS] for row in rows]),
        None if period[0] is None else periods.Period(*period),
    )


def _usable(
    actor: access.Actor, shares: Iterable[Share], rows: Iterable[tuple[Any, ...]]
) -> dict[int, _Fund]:
    """Judge the funds that were found."""
    found = {budget_id: rest for budget_id, *rest in rows}
    for budget_id in (share.budget_id for share in shares):
        if budget_id not in found:
            raise UnknownBudget(f"There is no budget {budget_id}.", field="budget")
        actor.require_cost_center(found[budget_id][2])
    return {budget_id: _Fund(fund_id, code) for budget_id, (fund_id, code, _) in found.items()}


def _parts(
    actor: access.Actor, shares: Sequence[Share], funds: Mapping[int, _Fund], on: dt.date
) -> list[foreign.Part]:
    amounts = [(funds[share.budget_id].currency, share.amount) for share in shares]
    return foreign.parts(actor=actor, amounts=amounts, on=on)


def _pend(
    posting: postings.Posting, fund_id: int, part: foreign.Part, expires_at: dt.datetime | None
) -> Step:
    way = (Bucket.AVAILABLE, Bucket.COMMITTED)
    return _told(posting.step(fund_id, way, part.amount_minor, expires_at=expires_at), part)


def _beside(step: Step, share: Share, reach_id: int | None) -> Step:
    """Name the request that the step grants and the limits beside its own."""
    if share.request is None and reach_id is None:
        return step
    request_id = None
    if share.request is not None:
        request_id = (
            models.SpendRequest.objects.filter(public_id=share.request)
            .values_list("id", flat=True)
            .first()
        )
        if request_id is None:
            raise UnknownSpendRequest(f"There is no request {share.request}.", field="request")
    return dataclasses.replace(step, request_id=request_id, reach_id=reach_id)


def _told(step: Step, part: foreign.Part) -> Step:
    if part.conversion_id is None or part.transaction_minor is None:
        return step
    return step.in_currency(part.conversion_id, part.transaction_minor)


def _lock_commitment(
    actor: access.Actor,
    commitment: UUID,
    is_over: Callable[[models.Commitment], bool] | None = None,
) -> models.Commitment:
    """Lock a commitment that the actor sees, or the one that carries it over once it is over."""
    reserved = (
        models.Commitment.objects.select_for_update(no_key=True)
        .filter(public_id=commitment)
        .first()
    )
    if reserved is None:
        raise UnknownCommitment(f"There is no commitment {commitment}.", field="commitment")
    if is_over is not None and is_over(reserved):
        later = models.Commitment.objects.filter(pend__continues=reserved).first()
        if later is not None:
            return _lock_commitment(actor, later.public_id, is_over)
    center = models.Fund.objects.values_list("budget__cost_center_id", flat=True)
    actor.require_cost_center(center.get(id=reserved.fund_id))
    return reserved


def _is_let_go(commitment: models.Commitment) -> bool:
    return postings.open_minor(commitment) == 0


def _is_settled(commitment: models.Commitment) -> bool:
    return _is_let_go(commitment) and commitment.accrued_minor == 0


def _spends(spend: UUID) -> list[models.Transfer]:
    spent = list(
        models.Transfer.objects.filter(
            operation__public_id=spend, to_bucket=Bucket.ACTUAL.value
        ).order_by("id")
    )
    if not spent:
        raise UnknownSpend(f"There is no spend {spend}.", field="spend")
    return spent


def _plain(amount: money.Money) -> list[object]:
    return [amount.amount_minor, amount.currency]


def _require_reference(reference: str) -> None:
    if reference:
        operations.text(reference, field="reference", most=models.ledger.REFERENCE_LENGTH)


def _require_same_currency(currency: str, amount: money.Money) -> None:
    if currency != amount.currency:
        raise money.CurrencyMismatch(
            f"The budget is in {currency} and {amount} is not. Convert it first, at a dated rate.",
            field="currency",
        )


_FUNDS: Final = """
    SELECT budget.id, fund.id, fund.currency, budget.cost_center_id
    FROM gifting_fund AS fund JOIN gifting_budget AS budget
        ON budget.organization_id = fund.organization_id AND budget.id = fund.budget_id
    WHERE budget.id = ANY (%s)
"""
_FUND_COLUMNS: Final = 4

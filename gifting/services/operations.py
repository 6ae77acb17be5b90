"""Do what was asked for once: one key, one effect, one answer, for ever.

`perform` claims the key, which makes a second request with it wait, and answers from the store when
the key was used: the same request gets the same answer, another one is refused. A new request is
planned, and its plan written in one transaction: the operation, its transfers in one statement (so
that PostgreSQL moves all funds in the order of their ids), then what belongs to them. PostgreSQL is
the judge of every plan; here its words are turned into refusals. A refused request leaves nothing,
not even its key.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection

from gifting import models
from gifting.domain import access, ledger, money, refusals, texts
from gifting.services import tenancy

RETRIES: Final = 5
LOCK_TIMEOUT: Final = "10s"
LONGEST_TEXT: Final = 4000

_BASE_PAUSE_SECONDS: Final = 0.01
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


class IdempotencyKeyReused(refusals.Conflict):
    code = "IDEMPOTENCY_KEY_REUSED"


class IdempotencyKeyUnusable(refusals.Invalid):
    code = "IDEMPOTENCY_KEY_UNUSABLE"


class LedgerBusy(refusals.Conflict):
    code = "LEDGER_BUSY"


class FundParked(refusals.Conflict):
    code = "FUND_PARKED"


class PeriodClosed(refusals.Conflict):
    code = "PERIOD_CLOSED"


class DateOutsidePeriod(refusals.Invalid):
    code = "DATE_OUTSIDE_PERIOD"


class CommitmentResolved(refusals.Conflict):
    code = "COMMITMENT_RESOLVED"


class CommitmentExceeded(refusals.Conflict):
    code = "COMMITMENT_EXCEEDED"


class RefundExceedsSpend(refusals.Conflict):
    code = "REFUND_EXCEEDS_SPEND"


class OverrunNeedsReason(ledger.BudgetExceeded):
    """The budget is SOFT: it may be passed with a reason."""

    code = "OVERRUN_NEEDS_REASON"


class ScopedBudget(refusals.Invalid):
    code = "SCOPED_BUDGET"


class RequestEnded(refusals.Conflict):
    code = "REQUEST_ENDED"


class RequestOfOtherBudget(refusals.Invalid):
    code = "REQUEST_OF_OTHER_BUDGET"


class TwoPeopleNeeded(refusals.Conflict):
    code = "TWO_PEOPLE_NEEDED"


@dataclass(frozen=True, slots=True)
class Step:
    """One transfer to be."""

    fund_id: int
    fiscal_period_id: int
    move: ledger.Move
    effective_on: dt.date
    public_id: UUID = field(default_factory=uuid.uuid4)
    reference: str = ""
    expires_at: dt.datetime | None = None
    commitment_id: int | None = None
    refunds_id: int | None = None
    reverses_id: int | None = None
    reach_id: int | None = None
    request_id: int | None = None
    continues_id: int | None = None
    conversion_id: int | None = None
    transaction_minor: int | None = None
    cause: ledger.Cause | None = None

    def in_currency(self, conversion_id: int, transaction_minor: int) -> Step:
        """Return the step with what it was in another currency."""
        return dataclasses.replace(
            self, conversion_id=conversion_id, transaction_minor=transaction_minor
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One register entry to be; PostgreSQL makes its transfer."""

    budget_id: int
    fiscal_period_id: int
    kind: ledger.EntryKind
    amount_minor: int
    effective_on: dt.date
    reason: str
    pair_id: UUID | None = None
    requested_by_id: int | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """Which register entry pays how much of a step; None is beyond the register."""

    step: UUID
    entry_id: int | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operation writes, and what it answers.

    `then` writes what belongs to the operation, whose key it gets, in the same transaction. The
    reason of an overrun explains what a fact takes from OVERRUN, and lets a decision pass the room
    of a budget that is SOFT.
    """

    response: Mapping[str, Any]
    steps: tuple[Step, ...] = ()
    entries: tuple[Entry, ...] = ()
    payments: tuple[Payment, ...] = ()
    overrun_reason: str = ""
    then: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The stored answer of an operation; `replayed` when this request was not the first."""

    operation_id: UUID
    response: Mapping[str, Any]
    replayed: bool


def perform(
    *,
    actor: access.Actor,
    kind: ledger.OperationKind,
    key: str,
    request: Mapping[str, Any],
    plan: Callable[[UUID], Plan],
) -> Answer:
    """Plan and write the operation of a new key, or return the answer that the key has.

    The plan gets the operation's public id. Raises IdempotencyKeyReused, IdempotencyKeyUnusable,
    LedgerBusy and what the plan or PostgreSQL refuses; a refused operation leaves nothing.
    """
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyUnusable(
            "An idempotency key has 1 to 255 visible ASCII characters without spaces. Make one "
            "for each request, such as a UUID, and keep it for repeats.",
            field="idempotency_key",
        )
    asked = _hash(kind, request)
    # Inside a transaction of the caller's, it is the caller who ends it.
    is_alone = not connection.in_atomic_block
    for attempt in range(RETRIES):
        try:
            with tenancy.organization_by(
                actor.organization_id, lambda: _claim(actor, key, asked)
            ) as stored:
                return stored or _write(actor, kind, key, asked, plan, is_alone=is_alone)
        except DatabaseError as error:
            if not _is_worth_a_retry(error):
                _refuse(actor, error)
            time.sleep(_pause_seconds(key, attempt))
    raise LedgerBusy("The budgets are in heavy use. Send the same request with the same key again.")


def text(value: str, *, field: str, most: int = LONGEST_TEXT) -> str:
    """Return a text that can be kept; raises TextUnusable for an empty, long or broken one."""
    texts.require(value, field=field, most=most)
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise texts.TextUnusable(
            f"The {field} holds characters that are no text. Write it again.", field=field
        )
    return value


def person_behind(actor: access.Actor) -> int | None:
    """Return who asks; a token asks for whoever made it, who so cannot approve what it asks."""
    if actor.token_id is None:
        return actor.user_id
    return models.ServiceToken.objects.values_list("created_by_id", flat=True).get(
        id=actor.token_id
    )


def _claim(actor: access.Actor, key: str, asked: str) -> Answer | None:
    """Enter the organization and hold the key until the end; a concurrent holder is waited for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT public_id, request_hash, response FROM enter_and_claim(%s, %s, %s)",
            [actor.organization_id, key, LOCK_TIMEOUT],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    if row[1] != asked:
        raise IdempotencyKeyReused(
            f"The key {key!r} was used for another request. Make a new key for a new request.",
            field="idempotency_key",
        )
    response = row[2] if isinstance(row[2], dict) else json.loads(row[2])
    return Answer(operation_id=row[0], response=response, replayed=True)


def _write(
    actor: access.Actor,
    kind: ledger.OperationKind,
    key: str,
    asked: str,
    plan: Callable[[UUID], Plan],
    *,
    is_alone: bool,
) -> Answer:
    operation_id = uuid.uuid4()
    planned = plan(operation_id)
    # The funds are locked until the commit, which then does not wait for an answer to travel.
    is_last = is_alone and not (
        planned.entries or planned.payments or planned.overrun_reason or planned.then
    )
    head = {
        "organization": actor.organization_id,
        "public_id": operation_id,
        "kind": kind.value,
        "user": actor.user_id,
        "token": actor.token_id,
        "key": key,
        "asked": asked,
        "response": json.dumps(planned.response),
        "overrun_reason": planned.overrun_reason,
        "steps": json.dumps([_row(step) for step in planned.steps]),
    }
    with connection.cursor() as cursor:
        cursor.execute(f"{_WRITE}; COMMIT" if is_last else _WRITE, head)
        rows = cursor.fetchall()
    if planned.entries:
        _write_entries(actor, int(rows[0][0]), planned)
    if planned.payments or planned.overrun_reason:
        _write_companions(actor, {public_id: pk for _, pk, public_id in rows}, planned)
    if planned.then is not None:
        planned.then(int(rows[0][0]))
    return Answer(operation_id=operation_id, response=planned.response, replayed=False)


def _write_entries(actor: access.Actor, operation_pk: int, planned: Plan) -> None:
    models.BudgetEntry.objects.bulk_create(
        models.BudgetEntry(
            organization_id=actor.organization_id,
            operation_id=operation_pk,
            budget_id=entry.budget_id,
            fiscal_period_id=entry.fiscal_period_id,
            kind=entry.kind.value,
            amount_minor=entry.amount_minor,
            effective_on=entry.effective_on,
            pair_id=entry.pair_id,
            reason=entry.reason,
            approved_by_id=actor.user_id,
            requested_by_id=entry.requested_by_id,
        )
        for entry in planned.entries
    )


def _write_companions(actor: access.Actor, keys: Mapping[UUID, int], planned: Plan) -> None:
    """Write the exceptions of overruns and the lineage of spends, which PostgreSQL insists on."""
    models.OverrunException.objects.bulk_create(
        models.OverrunException(
            organization_id=actor.organization_id,
            transfer_id=keys[step.public_id],
            reason=planned.overrun_reason,
        )
        for step in planned.steps
        if step.move.from_bucket is ledger.Bucket.OVERRUN
    )
    models.FundingLineage.objects.bulk_create(
        models.FundingLineage(
            organization_id=actor.organization_id,
            transfer_id=keys[payment.step],
            entry_id=payment.entry_id,
            amount_minor=payment.amount_minor,
        )
        for payment in planned.payments
    )


def _row(step: Step) -> dict[str, Any]:
    return {
        "public_id": str(step.public_id),
        "fund_id": step.fund_id,
        "fiscal_period_id": step.fiscal_period_id,
        "from_bucket": step.move.from_bucket.value,
        "to_bucket": step.move.to_bucket.value,
        "amount_minor": step.move.amount_minor,
        "effective_on": step.effective_on.isoformat(),
        "reference": step.reference,
        "expires_at": step.expires_at.isoformat() if step.expires_at else None,
        "commitment_id": step.commitment_id,
        "refunds_id": step.refunds_id,
        "reverses_id": step.reverses_id,
        "conversion_id": step.conversion_id,
        "transaction_amount_minor": step.transaction_minor,
        "cause": step.cause.value if step.cause else "",
        "reach_id": step.reach_id,
        "request_id": step.request_id,
        "continues_id": step.continues_id,
    }


def _hash(kind: ledger.OperationKind, request: Mapping[str, Any]) -> str:
    plain = json.dumps({"kind": kind.value, **request}, sort_keys=True, default=str)
    return hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()


def _is_worth_a_retry(error: DatabaseError) -> bool:
    return isinstance(
        error.__cause__, psycopg.errors.DeadlockDetected | psycopg.errors.LockNotAvailable
    )


def _pause_seconds(key: str, attempt: int) -> float:
    """Spread those who met: the pause doubles, and its jitter follows from the key."""
    jitter = hashlib.sha256(f"{key} {attempt}".encode()).digest()[0] / 255
    return float(_BASE_PAUSE_SECONDS * 2**attempt * (1 + jitter))


def _refuse(actor: access.Actor, error: DatabaseError) -> NoReturn:
    """Say PostgreSQL's no for people; an accident stays an accident."""
    cause = error.__cause__
    if isinstance(cause, psycopg.errors.NumericValueOutOfRange):
        raise money.AmountOutOfRange(
            "The sum does not fit in 64 bits of minor units. Ask for less.", field="amount"
        ) from None
    if not isinstance(cause, psycopg.errors.CheckViolation):
        raise error
    rule = cause.diag.constraint_name or ""
    if (
        rule in {"no_overspend", "fund_is_parked", "overrun_needs_a_reason"}
        and cause.diag.message_detail
    ):
        raise _shortage(actor, rule, json.loads(cause.diag.message_detail)) from None
    if rule in _REFUSALS:
        refusal, message = _REFUSALS[rule]
        raise refusal(message) from None
    raise error


def _shortage(actor: access.Actor, rule: str, told: Mapping[str, int]) -> refusals.Refusal:
    with tenancy.organization(actor.organization_id):
        budget = models.Budget.objects.get(
            id__in=models.Fund.objects.filter(id=told["fund"]).values("budget_id")
        )
    if rule == "fund_is_parked":
        return FundParked(
            f"The budget {budget.name!r} takes no new commitments until its figures are explained. "
            "Ask finance."
        )
    available = money.Money(told["available"], budget.currency)
    requested = money.Money(told["requested"], budget.currency)
    if rule == "overrun_needs_a_reason":
        return OverrunNeedsReason(
            f"The budget {budget.name!r} has {available} available, and {requested} was asked for. "
            "Its limit may be passed: say why, and someone will have to settle it.",
            available_minor=available.amount_minor,
            requested_minor=requested.amount_minor,
        )
    return ledger.BudgetExceeded(
        f"The budget {budget.name!r} has {available} available, and {requested} was asked for. "
        "Ask for less, or have the budget revised.",
        available_minor=available.amount_minor,
        requested_minor=requested.amount_minor,
    )


_REFUSALS: Final[Mapping[str, tuple[type[refusals.Refusal], str]]] = {
    "period_is_not_closed": (
        PeriodClosed,
        "The fiscal period is closed. Choose a day in an open one, or have it opened again.",
    ),
    "transfer_is_not_posted_before_its_day": (
        DateOutsidePeriod,
        "The day lies after the fiscal period. Choose a day inside it.",
    ),
    "commitment_is_resolved": (
        CommitmentResolved,
        "The commitment is posted, voided or expired. Nothing of it is left to move.",
    ),
    "commitment_is_not_exceeded": (
        CommitmentExceeded,
        "Less of the commitment is open than was asked for. Look at what is left of it.",
    ),
    "commitment_figures_are_not_negative": (
        CommitmentExceeded,
        "Less of the commitment is accrued than was asked for. Look at what is left of it.",
    ),
    "scoped_budget_is_no_home": (
        ScopedBudget,
        "The budget is scoped by a dimension: it limits what others spend. Spend from another one.",
    ),
    "request_is_open": (
        RequestEnded,
        "The request was granted, refused or withdrawn before. Ask again.",
    ),
    # Two that grant one request at once: the second finds nothing requested any more.
    "fund_requested_is_not_negative": (
        RequestEnded,
        "The request was granted, refused or withdrawn before. Ask again.",
    ),
    "request_is_of_its_fund": (
        RequestOfOtherBudget,
        "The request asks another budget for money. Name a request of the same budget.",
    ),
    "budget_entry_needs_two_people": (
        TwoPeopleNeeded,
        "This budget is changed by two people. Propose the change, and let another one approve it.",
    ),
    "budget_entry_is_approved_by_another": (
        TwoPeopleNeeded,
        "Whoever asked for the change does not approve it. Ask another approver.",
    ),
    "refunds_are_within_the_spend": (
        RefundExceedsSpend,
        "More would be given back than was spent. Look at the refunds so far.",
    ),
}

_WRITE: Final = """
    WITH operation AS (
        INSERT INTO gifting_operation (organization_id, public_id, kind, user_id, token_id,
            idempotency_key, request_hash, response, overrun_reason)
        VALUES (%(organization)s, %(public_id)s, %(kind)s, %(user)s, %(token)s, %(key)s, %(asked)s,
            %(response)s, %(overrun_reason)s)
        RETURNING id
    ), moved AS (
        INSERT INTO gifting_transfer (organization_id, operation_id, public_id, fund_id,
            fiscal_period_id, from_bucket, to_bucket, amount_minor, effective_on, reference,
            expires_at, commitment_id, refunds_id, reverses_id, conversion_id,
            transaction_amount_minor, cause, reach_id, request_id, continues_id)
        SELECT %(organization)s, operation.id, step.*
        FROM operation, jsonb_to_recordset(%(steps)s::jsonb) AS step (public_id uuid,
            fund_id bigint, fiscal_period_id bigint, from_bucket text, to_bucket text,
            amount_minor bigint, effective_on date, reference text, expires_at timestamptz,
            commitment_id bigint, refunds_id bigint, reverses_id bigint, conversion_id bigint,
            transaction_amount_minor bigint, cause text, reach_id bigint, request_id bigint,
            continues_id bigint)
        RETURNING id, public_id
    )
    SELECT operation.id, moved.id, moved.public_id FROM operation LEFT JOIN moved ON true
"""

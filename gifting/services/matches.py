"""Match invoices with orders and receipts, and keep the queue of what does not fit.

An order line is judged anew whenever one of its papers comes in. The match follows from the papers
alone, so it is written only when it says something else than the last run. An exception opens with
the first bad outcome and is cleared by the paper that mends it; people resolve what they repaired
and waive what they accept, never those who entered the invoice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import Max, Sum
from django.db.models.functions import Coalesce

from gifting import models
from gifting.domain import access, matching, money, refusals
from gifting.domain.ledger import OperationKind
from gifting.services import operations, standings
from gifting.services.operations import Plan

MOST_BASIS_POINTS: Final = matching.BASIS_POINTS
ENDED: Final = "A later paper made it fit."


class UnknownMatchException(refusals.NotFound):
    code = "UNKNOWN_MATCH_EXCEPTION"


class MatchExceptionSettled(refusals.Conflict):
    code = "MATCH_EXCEPTION_SETTLED"


class WaiverByRequester(refusals.Conflict):
    code = "WAIVER_BY_REQUESTER"


class PersonNeeded(refusals.Conflict):
    code = "PERSON_NEEDED"


class ToleranceUnusable(refusals.Invalid):
    code = "TOLERANCE_UNUSABLE"


def set_tolerance(
    *,
    actor: access.Actor,
    key: str,
    currency: str,
    starts_on: dt.date,
    tolerance: matching.Tolerance,
) -> UUID:
    """Judge invoices of a date and later by this tolerance; what is judged already stays.

    Raises Forbidden, UnknownCurrency, ToleranceUnusable and what `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    money.exponent(currency)
    _require(tolerance)
    figures = {
        "price_basis_points": tolerance.price_basis_points,
        "price_absolute_minor": tolerance.price_absolute_minor,
        "quantity_basis_points": tolerance.quantity_basis_points,
        "quantity_absolute": tolerance.quantity_absolute,
    }

    def plan(policy_id: UUID) -> Plan:
        models.MatchPolicy.objects.create(
            organization_id=actor.organization_id,
            public_id=policy_id,
            currency=currency,
            starts_on=starts_on,
            user_id=actor.user_id,
            **figures,
        )
        return Plan(response={"policy": str(policy_id)})

    answer = operations.perform(
        actor=actor,
        kind=OperationKind.SET_TOLERANCE,
        key=key,
        request={"currency": currency, "starts_on": starts_on, **figures},
        plan=plan,
    )
    return UUID(answer.response["policy"])


def judge(*, actor: access.Actor, line: standings.Line, operation_id: int, at: dt.datetime) -> None:
    """Match the papers of an order line, which the caller holds, and keep its exceptions true."""
    invoiced = _invoiced(line)
    if not invoiced:
        return
    verdicts = matching.match(
        matching.Ordered(line.ordered, line.unit_price_minor),
        _received(line),
        [each for each, _ in invoiced.values()],
    )
    runs = models.Match.objects.filter(order_line_id=line.id)
    last_run = runs.aggregate(n=Max("run"))["n"] or 0
    rows = [
        row
        for verdict in verdicts
        for row in _rows(
            actor,
            verdict,
            order_line_id=line.id,
            run=last_run + 1,
            policy_id=invoiced[verdict.invoiced_id][1],
        )
    ]
    if _told(rows) != _told(runs.filter(run=last_run)):
        models.Match.objects.bulk_create(rows)
    for verdict in verdicts:
        _keep_exception(actor, verdict, line.currency, operation_id, at)


def judge_without_order(
    *, actor: access.Actor, invoice_line_id: int, currency: str, operation_id: int, at: dt.datetime
) -> None:
    """Put an invoice line that names no order into the queue."""
    verdict = matching.without_order(invoice_line_id)
    models.Match.objects.bulk_create(
        _rows(actor, verdict, order_line_id=None, run=1, policy_id=None)
    )
    _keep_exception(actor, verdict, currency, operation_id, at)


def open_duplicate(
    *, actor: access.Actor, invoice: models.VendorInvoice, exception: UUID, operation_id: int
) -> None:
    """Put a second copy of an invoice into the queue; it is posted nowhere."""
    models.MatchException.objects.create(
        organization_id=actor.organization_id,
        public_id=exception,
        invoice=invoice,
        operation_id=operation_id,
        outcome=matching.Outcome.DUPLICATE.value,
        detail=f"A copy of invoice {invoice.number} of {invoice.invoiced_on} came in again.",
        requested_by_id=operations.person_behind(actor),
    )


def settle(
    *,
    actor: access.Actor,
    key: str,
    exception: UUID,
    resolution: matching.Resolution,
    reason: str,
    at: dt.datetime,
) -> UUID:
    """Resolve an exception that was repaired, or waive one that is accepted; return its id.

    A waiver needs APPROVE and somebody else than who entered the invoice; a resolution needs
    WRITE_BUDGETS. Raises Forbidden, PersonNeeded, UnknownMatchException, MatchExceptionSettled,
    WaiverByRequester, TextUnusable and what `operations.perform` refuses.
    """
    is_waiver = resolution is matching.Resolution.WAIVED
    actor.require(access.Permission.APPROVE if is_waiver else access.Permission.WRITE_BUDGETS)
    operations.text(reason, field="reason")
    if actor.user_id is None or resolution is matching.Resolution.CLEARED:
        raise PersonNeeded("An exception is settled by a person, who resolves or waives it.")

    def plan(_: UUID) -> Plan:
        opened = models.MatchException.objects.filter(public_id=exception).first()
        if opened is None:
            raise UnknownMatchException("There is no such exception.", field="exception")
        if is_waiver and opened.requested_by_id == actor.user_id:
            raise WaiverByRequester(
                "You entered this invoice, so another person has to waive what is wrong with it.",
                field="exception",
            )
        if not _close([opened.pk], resolution, reason, actor.user_id, at):
            raise MatchExceptionSettled(
                "The exception is settled already. Look at its reason.", field="exception"
            )
        return Plan(response={"exception": str(exception)})

    operations.perform(
        actor=actor,
        kind=OperationKind.SETTLE_MATCH,
        key=key,
        request={"exception": exception, "resolution": resolution.value, "reason": reason},
        plan=plan,
    )
    return exception


def _require(tolerance: matching.Tolerance) -> None:
    shares = (tolerance.price_basis_points, tolerance.quantity_basis_points)
    absolutes = (tolerance.price_absolute_minor, tolerance.quantity_absolute)
    if not all(0 <= share <= MOST_BASIS_POINTS for share in shares) or min(absolutes) < 0:
        raise ToleranceUnusable(
            f"A tolerance is 0 to {MOST_BASIS_POINTS} basis points and an amount of 0 or more.",
            field="tolerance",
        )


def _received(line: standings.Line) -> list[matching.Received]:
    rows = models.Receipt.objects.filter(order_line_id=line.id).values_list(
        "id", "received_on", "source", "source_id", "quantity"
    )
    return [
        matching.Received(pk, (day, source, source_id), quantity)
        for pk, day, source, source_id, quantity in rows
    ]


def _invoiced(line: standings.Line) -> dict[int, tuple[matching.Invoiced, int | None]]:
    """Return the invoice lines of an order line, net of credits, with the policy of each."""
    rows = (
        models.VendorInvoiceLine.objects.filter(order_line_id=line.id)
        .annotate(off_minor=Coalesce(Sum("credits__net_minor"), 0))
        .select_related("invoice__vendor")
    )
    policies = list(
        models.MatchPolicy.objects.filter(currency=line.currency).order_by("-starts_on", "-id")
    )
    return {row.pk: _one_invoiced(row, policies) for row in rows}


def _one_invoiced(row: Any, policies: Sequence[models.MatchPolicy]) -> Any:
    invoice = row.invoice
    policy = next(
        (
            each
            for each in policies
            if each.starts_on <= invoice.invoiced_on and each.recorded_at <= invoice.recorded_at
        ),
        None,
    )
    judged = matching.Invoiced(
        id=row.pk,
        key=(invoice.invoiced_on, invoice.vendor.code, invoice.number_key, row.number),
        quantity=row.quantity,
        net_minor=row.net_minor - int(row.off_minor),
        tolerance=_tolerance(policy),
    )
    return judged, policy.pk if policy else None


def _tolerance(policy: models.MatchPolicy | None) -> matching.Tolerance:
    if policy is None:
        return matching.Tolerance()
    return matching.Tolerance(
        price_basis_points=policy.price_basis_points,
        price_absolute_minor=policy.price_absolute_minor,
        quantity_basis_points=policy.quantity_basis_points,
        quantity_absolute=policy.quantity_absolute,
    )


def _rows(
    actor: access.Actor,
    verdict: matching.Verdict,
    *,
    order_line_id: int | None,
    run: int,
    policy_id: int | None,
) -> list[models.Match]:
    """Return the rows of a verdict: one for each piece, or one without units."""
    pieces: Sequence[matching.Piece | None] = verdict.pieces or (None,)
    return [
        models.Match(
            organization_id=actor.organization_id,
            order_line_id=order_line_id,
            receipt_id=piece.receipt_id if piece else None,
            invoice_line_id=verdict.invoiced_id,
            policy_id=policy_id,
            run=run,
            quantity=piece.quantity if piece else 0,
            amount_minor=piece.amount_minor if piece else 0,
            excess_quantity=verdict.excess_quantity,
            price_variance_minor=verdict.price_variance_minor,
            outcome=verdict.outcome.value,
        )
        for piece in pieces
    ]


def _told(rows: Iterable[models.Match]) -> set[tuple[object, ...]]:
    """Return what a run says, whatever the order of its rows."""
    return {
        (
            row.receipt_id,
            row.invoice_line_id,
            row.policy_id,
            row.quantity,
            row.amount_minor,
            row.excess_quantity,
            row.price_variance_minor,
            row.outcome,
        )
        for row in rows
    }


def _keep_exception(
    actor: access.Actor,
    verdict: matching.Verdict,
    currency: str,
    operation_id: int,
    at: dt.datetime,
) -> None:
    """Clear what a later paper mended, and open what is wrong now and nobody has settled."""
    told = models.MatchException.objects.filter(invoice_line_id=verdict.invoiced_id)
    stale = [
        each.pk for each in told.filter(resolved_at=None) if each.outcome != verdict.outcome.value
    ]
    _close(stale, matching.Resolution.CLEARED, ENDED, None, at)
    is_known = told.filter(outcome=verdict.outcome.value).exclude(
        resolution=matching.Resolution.CLEARED.value
    )
    if verdict.outcome in matching.GOOD or is_known.exists():
        return
    line = models.VendorInvoiceLine.objects.get(id=verdict.invoiced_id)
    models.MatchException.objects.create(
        organization_id=actor.organization_id,
        invoice_id=line.invoice_id,
        invoice_line=line,
        operation_id=operation_id,
        outcome=verdict.outcome.value,
        detail=_in_words(verdict, currency),
    )


def _in_words(verdict: matching.Verdict, currency: str) -> str:
    variance = money.Money(verdict.price_variance_minor, currency)
    return {
        matching.Outcome.NO_PO: "The line names no order.",
        matching.Outcome.NO_RECEIPT: "Nothing of the order line has arrived yet.",
        matching.Outcome.QTY_VARIANCE: (
            f"{verdict.excess_quantity} more were invoiced than were ordered and received."
        ),
        matching.Outcome.PRICE_VARIANCE: f"The price is {variance} off the order.",
    }[verdict.outcome]


def _close(
    ids: Sequence[int],
    resolution: matching.Resolution,
    reason: str,
    user_id: int | None,
    at: dt.datetime,
) -> int:
    return models.MatchException.objects.filter(id__in=ids, resolved_at=None).update(
        resolution=resolution.value, reason=reason, resolved_by_id=user_id, resolved_at=at
    )

"""The steps that post money: what every write of the ledger is made of.

Here are the parts that the ledger's own requests and those of sends share: to lock what is moved,
to spend what was reserved or what is left, to say who paid, and to give back. Nothing here writes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from gifting import models
from gifting.domain import money
from gifting.domain.budgets import Enforcement
from gifting.domain.ledger import Bucket, Cause, Move
from gifting.services import operations
from gifting.services.operations import Payment, Step


@dataclass(frozen=True, slots=True)
class Posting:
    """Where and when the steps of one operation are posted."""

    period_id: int
    day: dt.date
    reference: str = ""

    def step(
        self,
        fund_id: int,
        way: tuple[Bucket, Bucket],
        amount_minor: int,
        *,
        commitment_id: int | None = None,
        refunds_id: int | None = None,
        expires_at: dt.datetime | None = None,
        reach_id: int | None = None,
        request_id: int | None = None,
        conversion_id: int | None = None,
        cause: Cause | None = None,
    ) -> Step:
        """Return a step; one with a cause moves nothing of a foreign amount."""
        return Step(
            fund_id=fund_id,
            fiscal_period_id=self.period_id,
            move=Move(*way, amount_minor),
            effective_on=self.day,
            reference=self.reference,
            commitment_id=commitment_id,
            refunds_id=refunds_id,
            expires_at=expires_at,
            reach_id=reach_id,
            request_id=request_id,
            conversion_id=conversion_id if cause else None,
            transaction_minor=0 if cause else None,
            cause=cause,
        )


def lock_funds(
    fund_ids: Iterable[int], *, reach_id: int | None = None, beside: Iterable[int] = ()
) -> dict[int, models.Fund]:
    """Lock the funds, all above and beside them and of the reach, in the order of their ids."""
    wanted = {*fund_ids, *beside}
    if reach_id is not None:
        wanted |= set(models.Reach.objects.values_list("fund_ids", flat=True).get(id=reach_id))
    wanted |= set(
        models.FundAncestor.objects.filter(fund_id__in=wanted).values_list("ancestor_id", flat=True)
    )
    locked = models.Fund.objects.select_for_update(no_key=True).filter(id__in=wanted)
    return {fund.pk: fund for fund in locked.order_by("id")}


def open_minor(commitment: models.Commitment) -> int:
    left: int = commitment.amount_minor - commitment.posted_minor - commitment.voided_minor
    return left


def available(fund: models.Fund) -> int:
    used = fund.committed_minor + fund.accrued_minor + fund.actual_minor
    left: int = fund.allocated_minor + fund.overrun_minor - used
    return left


def room(fund: models.Fund) -> int:
    """Return what a decision may take: what overran a HARD budget is owed and no room."""
    is_hard = fund.enforcement == Enforcement.HARD.value
    return available(fund) - (fund.overrun_minor if is_hard else 0)


def spend_at_will(
    posting: Posting,
    fund_id: int,
    funds: Mapping[int, models.Fund],
    amount_minor: int,
    *,
    reach_id: int | None = None,
    fx_minor: int = 0,
    conversion_id: int | None = None,
) -> list[Step]:
    """Spend what is available; each fund that is short takes the rest from its own OVERRUN.

    What a changed rate adds comes last and is named so, what it overruns as well.
    """
    steps = []
    for fund in funds.values():
        short = max(0, amount_minor + fx_minor - available(fund))
        parts = {None: short - min(short, fx_minor), Cause.FX: min(short, fx_minor)}
        steps += [
            posting.step(
                fund.pk,
                (Bucket.OVERRUN, Bucket.AVAILABLE),
                minor,
                conversion_id=conversion_id,
                cause=cause,
            )
            for cause, minor in parts.items()
            if minor
        ]
    way = (Bucket.AVAILABLE, Bucket.ACTUAL)
    if amount_minor:
        steps.append(posting.step(fund_id, way, amount_minor, reach_id=reach_id))
    if fx_minor:
        steps.append(
            posting.step(
                fund_id,
                way,
                fx_minor,
                reach_id=reach_id,
                conversion_id=conversion_id,
                cause=Cause.FX,
            )
        )
    return steps


def paid(fund: models.Fund, steps: Iterable[Step]) -> list[Payment]:
    """Let the oldest entries pay first; what is beyond the budget is paid by none."""
    sources = list(
        models.FundingSource.objects.filter(entry__budget_id=fund.budget_id).order_by("entry_id")
    )
    unspent = {source.entry_id: source.amount_minor - source.spent_minor for source in sources}
    # Entries that were taken away again, by a revision or a transfer, pay nothing more.
    room_minor = fund.allocated_minor - sum(source.spent_minor for source in sources)
    payments = []
    for step in steps:
        left = step.move.amount_minor if step.move.to_bucket is Bucket.ACTUAL else 0
        for entry_id, unspent_minor in list(unspent.items()):
            part = min(left, unspent_minor, room_minor)
            if part > 0:
                payments.append(Payment(step.public_id, entry_id, part))
                unspent[entry_id] -= part
                room_minor -= part
                left -= part
        if left:
            payments.append(Payment(step.public_id, None, left))
    return payments


def give_back(
    posting: Posting, spent: Sequence[models.Transfer], amount: money.Money
) -> list[tuple[Step, models.Transfer]]:
    """Give back from the last part of the spend to the first."""
    left = amount.amount_minor
    back = []
    for part in reversed(spent):
        refunded = models.Transfer.objects.filter(refunds=part).aggregate(total=Sum("amount_minor"))
        given = min(left, part.amount_minor - int(refunded["total"] or 0))
        left -= given
        if given > 0:
            way = (Bucket.ACTUAL, Bucket.AVAILABLE)
            back.append((posting.step(part.fund_id, way, given, refunds_id=part.pk), part))
    if left:
        raise operations.RefundExceedsSpend(
            f"Of {amount}, {money.Money(left, amount.currency)} is more than what is left of the "
            "spend. Look at the refunds so far.",
            field="amount",
        )
    return back


def returned(step: Step, spend: models.Transfer) -> list[Payment]:
    """Return to each payer at most what it paid and did not get back: beyond the budget first."""
    owed: dict[int | None, int] = {}
    for entry_id, amount_minor in models.FundingLineage.objects.filter(transfer=spend).values_list(
        "entry_id", "amount_minor"
    ):
        owed[entry_id] = owed.get(entry_id, 0) + amount_minor
    for entry_id, amount_minor in models.FundingLineage.objects.filter(
        transfer__refunds=spend
    ).values_list("entry_id", "amount_minor"):
        owed[entry_id] -= amount_minor
    left = step.move.amount_minor
    payments = []
    for payer in sorted(owed, key=lambda each: (each is not None, -(each or 0))):
        part = min(left, owed[payer])
        left -= part
        if part:
            payments.append(Payment(step.public_id, payer, part))
    return payments


def repay_overruns(
    posting: Posting, spend: UUID, funds: Mapping[int, models.Fund], amount_minor: int
) -> list[Step]:
    """Give back to OVERRUN what the spend took from it, in each fund, as far as it is refunded."""
    taken = models.Transfer.objects.filter(
        operation__public_id=spend, from_bucket=Bucket.OVERRUN.value
    )
    refunds = models.Transfer.objects.filter(refunds__operation__public_id=spend)
    repaid = dict(
        models.Transfer.objects.filter(
            operation_id__in=refunds.values("operation_id"), to_bucket=Bucket.OVERRUN.value
        )
        .values_list("fund_id")
        .annotate(total=Sum("amount_minor"))
    )
    steps = []
    for fund_id, total in taken.values_list("fund_id").annotate(total=Sum("amount_minor")):
        owed = int(total) - int(repaid.get(fund_id, 0))
        part = min(amount_minor, owed, funds[fund_id].overrun_minor)
        if part > 0:
            steps.append(posting.step(fund_id, (Bucket.AVAILABLE, Bucket.OVERRUN), part))
    return steps

"""Move the ledger to what is known of a send: its reserve, what it owes, and what came back.

The rules kept here: what should stand follows from the facts by `gifting.domain.timing`; what does
stand is read from the postings of the send. The difference is one operation, with cost lines that
say the same by component and shares that say the same by fund. Nothing to move is no operation.

Facts are never refused: what was not reserved is spent at will, and what no room is left for is
taken from OVERRUN. Locks: the send, its period, its commitments by id, its funds by id.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection
from django.db.models import Sum

from gifting import models
from gifting.domain import access, money, timing
from gifting.domain.budgets import Enforcement
from gifting.domain.ledger import Bucket, OperationKind
from gifting.domain.timing import Effect
from gifting.models import sends as tables
from gifting.selectors import organizations
from gifting.services import credit_memos, dimensions, operations, periods, postings
from gifting.services.operations import Payment, Plan, Step

REASON: Final = "The vendor's terms or charges of a send"


@dataclass(frozen=True, slots=True)
class Share:
    """A fund that pays for the send, and what its decision reserved there, within which limits."""

    fund_id: int
    weight: int
    commitment_id: int | None
    reserved_minor: int
    reach_id: int | None = None


@dataclass(slots=True)
class Standing:
    """What stands on a send in one fund, by its own postings."""

    open: int = 0
    accrued: int = 0
    spent: int = 0


@dataclass(slots=True)
class Room:
    """What is left in locked funds while the steps of one operation take and free it."""

    funds: Mapping[int, models.Fund]
    above: Mapping[int, Sequence[int]]
    beside: Mapping[int, Sequence[int]]
    left: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, fund_ids: Iterable[int], reach_ids: Iterable[int | None] = ()) -> Room:
        """Lock the funds, all above them and all that the reaches hold beside them."""
        wanted = sorted(fund_ids)
        beside = dimensions.funds_of(each for each in reach_ids if each is not None)
        funds = postings.lock_funds(wanted, beside=itertools.chain(*beside.values()))
        above: dict[int, list[int]] = {fund_id: [] for fund_id in wanted}
        for fund_id, ancestor_id in models.FundAncestor.objects.filter(
            fund_id__in=wanted
        ).values_list("fund_id", "ancestor_id"):
            above[fund_id].append(ancestor_id)
        left = {fund_id: postings.available(fund) for fund_id, fund in funds.items()}
        return cls(funds, above, beside, left)

    def reached(self, fund_id: int, reach_id: int | None = None) -> list[int]:
        """List the fund, those above it and those of the reach."""
        beside = () if reach_id is None else self.beside[reach_id]
        return [fund_id, *self.above[fund_id], *beside]

    def takes(
        self,
        asked: Mapping[int, int],
        reaches: Mapping[int, int | None],
        *,
        may_pass: Collection[Enforcement] = (),
    ) -> bool:
        """Take what is asked of each fund if all of it is left, wherever its use reaches.

        A budget of a kind that may be passed lacks nothing.
        """
        needed: dict[int, int] = {}
        for fund_id, amount_minor in asked.items():
            for each in self.reached(fund_id, reaches.get(fund_id)):
                needed[each] = needed.get(each, 0) + amount_minor
        if any(
            amount > self._room(each) and self.funds[each].enforcement not in may_pass
            for each, amount in needed.items()
        ):
            return False
        for each, amount in needed.items():
            self.left[each] -= amount
        return True

    def _room(self, fund_id: int) -> int:
        """Return what a decision may take, which is less than what is left for facts."""
        fund = self.funds[fund_id]
        return self.left[fund_id] + postings.room(fund) - postings.available(fund)

    def free(self, share: Share, amount_minor: int) -> None:
        for each in self.reached(share.fund_id, share.reach_id):
            self.left[each] += amount_minor

    def spend(self, posting: postings.Posting, share: Share, amount_minor: int) -> list[Step]:
        """Spend what is left; each fund that is short takes the rest from its own OVERRUN."""
        steps = []
        for each in self.reached(share.fund_id, share.reach_id):
            short = max(0, amount_minor - max(0, self.left[each]))
            if short:
                steps.append(posting.step(each, (Bucket.OVERRUN, Bucket.AVAILABLE), short))
            self.left[each] += short - amount_minor
        way = (Bucket.AVAILABLE, Bucket.ACTUAL)
        spent = posting.step(share.fund_id, way, amount_minor, reach_id=share.reach_id)
        return [*steps, spent]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be settled: the send that its caller locked, and what should stand on it."""

    send: models.Send
    request: models.SendRequest
    terms: timing.Terms
    position: timing.Position
    day: dt.date
    key: str


def settle(*, actor: access.Actor, order: Order) -> operations.Answer | None:
    """Post what should stand on the send and does not; return the operation, if there was one.

    Raises PeriodClosed when no later period is open.
    """
    posting = postings.Posting(
        periods.of_fact(actor=actor, day=order.day),
        order.day,
        f"send:{order.send.public_id}",
    )
    periods.hold(period_id=posting.period_id)
    work = _Settlement(order, posting, shares_of(order.request))
    work.plan()
    lines = _lines(order.send, order.position, work.held, work.wanted)
    if not work.steps and not lines:
        return None

    def then(operation_pk: int) -> None:
        models.SendPosting.objects.create(
            organization_id=actor.organization_id, send=order.send, operation_id=operation_pk
        )
        _write_lines(order, posting, operation_pk, lines)
        _follow_credit(actor, order, work.held, operation_pk)

    plan = Plan(
        response={
            "send": str(order.send.public_id),
            "total_minor": order.position.total_minor,
        },
        steps=tuple(work.steps),
        payments=tuple(work.payments),
        overrun_reason=REASON,
        then=then,
    )
    amounts = sorted(order.position.amounts.items())
    return operations.perform(
        actor=actor,
        kind=_kind(work.steps),
        key=order.key,
        request={"send": order.send.public_id, "amounts": amounts, "day": order.day},
        plan=lambda _: plan,
    )


class _Settlement:
    """The steps of one settlement, and who pays or gets back."""

    def __init__(self, order: Order, posting: postings.Posting, shares: Sequence[Share]) -> None:
        self.order = order
        self.posting = posting
        self.shares = shares
        self.steps: list[Step] = []
        self.payments: list[Payment] = []
        self.commitments = _lock_commitments(shares)
        self.room = Room.of(
            (share.fund_id for share in shares), (share.reach_id for share in shares)
        )
        self.standing = _standing(order.send, shares, self.commitments)
        self.held = _held(order.send)
        self.wanted = _by_fund(order.position.amounts, shares)
        self._returned: dict[int, dict[int, int]] = {}

    def plan(self) -> None:
        """Give back first, then take, then let go of the reserve, then say who paid."""
        for share in self.shares:
            self._release(share)
        for share in self.shares:
            self._take(share)
        if not self.order.position.keeps_reserve:
            for share in self.shares:
                self._leave(share)
        self._repay()
        for share in self.shares:
            own = [step for step in self.steps if step.fund_id == share.fund_id]
            if any(step.move.to_bucket is Bucket.ACTUAL for step in own):
                self.payments += postings.paid(self.room.funds[share.fund_id], own)

    def _target(self, share: Share) -> int:
        return sum(self.wanted[name, share.fund_id] for name in self.order.position.amounts)

    def _move(self, share: Share, way: tuple[Bucket, Bucket], amount_minor: int) -> None:
        if amount_minor:
            self.steps.append(
                self.posting.step(
                    share.fund_id, way, amount_minor, commitment_id=share.commitment_id
                )
            )

    def _release(self, share: Share) -> None:
        """Give back what is accrued and will not be owed."""
        here = self.standing[share.fund_id]
        over = here.accrued - min(here.accrued, max(0, self._target(share) - here.spent))
        self._move(share, (Bucket.ACCRUED, Bucket.AVAILABLE), over)
        self.room.free(share, over)
        here.accrued -= over

    def _take(self, share: Share) -> None:
        """Accrue or spend what is owed and does not stand yet, or refund what stands too much."""
        here = self.standing[share.fund_id]
        owed = self._target(share) - here.spent
        if owed < 0:
            self._refund(share, -owed)
            return
        if self.order.position.effect is Effect.CHARGE:
            part = min(owed, here.accrued)
            self._move(share, (Bucket.ACCRUED, Bucket.ACTUAL), part)
            owed -= part
            part = min(owed, here.open)
            self._move(share, (Bucket.COMMITTED, Bucket.ACTUAL), part)
        else:
            owed -= here.accrued
            part = min(owed, here.open)
            self._move(share, (Bucket.COMMITTED, Bucket.ACCRUED), part)
        here.open -= part
        if owed - part:
            self.steps += self.room.spend(self.posting, share, owed - part)

    def _refund(self, share: Share, amount_minor: int) -> None:
        spent = models.Transfer.objects.filter(
            operation_id__in=_operations_of(self.order.send),
            fund_id=share.fund_id,
            to_bucket=Bucket.ACTUAL.value,
        ).order_by("id")
        amount = money.Money(amount_minor, self.order.request.currency)
        for step, of in postings.give_back(self.posting, list(spent), amount):
            self.steps.append(step)
            self.payments += postings.returned(step, of)
            back = self._returned.setdefault(of.operation_id, {})
            for each in self.room.reached(share.fund_id, share.reach_id):
                back[each] = back.get(each, 0) + step.move.amount_minor

    def _leave(self, share: Share) -> None:
        """Give the rest of the reserve back, now or when the vendor does.

        A commitment that other sends draw from cannot wait for one of them: it gives back now.
        """
        left = self.standing[share.fund_id].open
        if not left or share.commitment_id is None:
            return
        commitment = self.commitments[share.commitment_id]
        is_later = (
            self.order.terms.leftover is timing.Release.NEXT_MONTH
            and self.order.position.effect is not Effect.NOTHING
            and commitment.amount_minor == share.reserved_minor
        )
        if not is_later:
            self._move(share, (Bucket.COMMITTED, Bucket.AVAILABLE), left)
        elif commitment.expires_at is None:
            back_on = timing.returns_next_month(self.posting.day)
            zone = organizations.get(organization_id=commitment.organization_id).time_zone
            commitment.expires_at = periods.start_of(day=back_on, time_zone=zone)
            commitment.save(update_fields=["expires_at"])

    def _repay(self) -> None:
        """Give back to OVERRUN what a refunded operation took from it, where money came back."""
        owing = {fund_id: fund.overrun_minor for fund_id, fund in self.room.funds.items()}
        for operation_id, back in self._returned.items():
            taken = _overruns(operation_id)
            for fund_id, amount_minor in back.items():
                part = min(amount_minor, taken.get(fund_id, 0), owing[fund_id])
                if part > 0:
                    owing[fund_id] -= part
                    way = (Bucket.AVAILABLE, Bucket.OVERRUN)
                    self.steps.append(self.posting.step(fund_id, way, part))


def shares_of(request: models.SendRequest) -> list[Share]:
    """Return the funds that pay for the send, in the order of their ids."""
    draws = {
        draw.fund_id: draw
        for draw in models.SendCommitment.objects.filter(send_id=request.send_id).select_related(
            "commitment__pend"
        )
    }
    rows = models.SendShare.objects.filter(send_id=request.send_id).values_list(
        "budget_id", "weight"
    )
    funds = dict(
        models.Fund.objects.filter(budget_id__in=[budget_id for budget_id, _ in rows]).values_list(
            "budget_id", "id"
        )
    )
    return sorted(
        (
            Share(
                fund_id=funds[budget_id],
                weight=weight,
                commitment_id=draw.commitment_id if draw else None,
                reserved_minor=draw.amount_minor if draw else 0,
                reach_id=draw.commitment.pend.reach_id if draw else None,
            )
            for budget_id, weight in rows
            for draw in [draws.get(funds[budget_id])]
        ),
        key=lambda share: share.fund_id,
    )


def parts_of(request: models.SendRequest) -> dict[int, int]:
    """Return what each fund is asked for, in the order of their ids."""
    shares = shares_of(request)
    divided = split(request.estimate, [share.weight for share in shares])
    sums = [sum(each) for each in zip(*divided.values(), strict=True)]
    return {share.fund_id: amount for share, amount in zip(shares, sums, strict=True) if amount}


def reference_of(request: models.SendRequest) -> str:
    """Name the send, or the batch that it is decided with, in the ledger."""
    if request.batch is None:
        return f"send:{request.send.public_id}"
    return f"batch:{request.batch}"


def waiting_for(request: models.SendRequest) -> dict[int, models.SpendRequest]:
    """Return by fund what was requested for the send or its batch, and is not decided yet."""
    ended = models.RequestOutcome.objects.values("request_id")
    open_requests = models.SpendRequest.objects.filter(
        fund_id__in=[share.fund_id for share in shares_of(request)],
        reference=reference_of(request),
    )
    return {row.fund_id: row for row in open_requests.exclude(id__in=ended)}


def split(amounts: timing.Amounts, weights: Sequence[int]) -> dict[str, list[int]]:
    """Divide each component over the funds; what came back follows what was paid.

    By largest remainder, ties to the fund with the lowest id, and split(-x) is -split(x). A refund
    is divided by what each fund paid, so that a full one leaves nothing anywhere; what was lost of
    it by what each got back.
    """
    parts = {
        name: money.split_minor(amount, weights)
        for name, amount in amounts.items()
        if name not in {timing.REFUND, timing.BREAKAGE}
    }
    paid = [sum(each) for each in zip(*parts.values(), strict=True)] or list(weights)
    for name in (timing.REFUND, timing.BREAKAGE):
        if name in amounts:
            basis = paid if any(paid) else weights
            parts[name] = money.split_minor(amounts[name], basis)
            paid = [abs(part) for part in parts[name]]
    return parts


def _by_fund(amounts: timing.Amounts, shares: Sequence[Share]) -> dict[tuple[str, int], int]:
    parts = split(amounts, [share.weight for share in shares])
    return {
        (name, share.fund_id): part
        for name, divided in parts.items()
        for share, part in zip(shares, divided, strict=True)
    }


def _lock_commitments(shares: Iterable[Share]) -> dict[int, models.Commitment]:
    wanted = [share.commitment_id for share in shares if share.commitment_id is not None]
    locked = models.Commitment.objects.select_for_update(no_key=True).filter(id__in=wanted)
    return {commitment.pk: commitment for commitment in locked.order_by("id")}


def _standing(
    send: models.Send, shares: Sequence[Share], commitments: Mapping[int, models.Commitment]
) -> dict[int, Standing]:
    """Read what stands on the send from its postings; an expired reserve is gone."""
    standing = {share.fund_id: Standing(open=share.reserved_minor) for share in shares}
    moved = (
        models.Transfer.objects.filter(operation_id__in=_operations_of(send))
        .values_list("fund_id", "from_bucket", "to_bucket")
        .annotate(total=Sum("amount_minor"))
    )
    for fund_id, from_bucket, to_bucket, total in moved:
        if fund_id not in standing:
            continue
        for bucket, sign in ((from_bucket, -1), (to_bucket, 1)):
            here = standing[fund_id]
            if bucket == Bucket.COMMITTED:
                here.open += sign * total
            elif bucket == Bucket.ACCRUED:
                here.accrued += sign * total
            elif bucket == Bucket.ACTUAL:
                here.spent += sign * total
    for share in shares:
        if share.commitment_id is not None:
            left = postings.open_minor(commitments[share.commitment_id])
            standing[share.fund_id].open = min(standing[share.fund_id].open, left)
    return standing


def _operations_of(send: models.Send) -> Any:
    return models.SendPosting.objects.filter(send=send).values("operation_id")


def _held(send: models.Send) -> dict[tuple[str, int], int]:
    """Return what the shares of the send's cost lines say by component and fund."""
    rows = (
        models.CostShare.objects.filter(cost_line__send=send)
        .values_list("cost_line__component", "fund_id")
        .annotate(total=Sum("amount_minor"))
    )
    return {(name, fund_id): int(total) for name, fund_id, total in rows}


def _overruns(operation_id: int) -> dict[int, int]:
    """Return what an operation took from OVERRUN by fund, less what its refunds repaid."""
    total = Sum("amount_minor")
    taken = models.Transfer.objects.filter(
        operation_id=operation_id, from_bucket=Bucket.OVERRUN.value
    )
    owed = {fund: int(amount) for fund, amount in taken.values_list("fund_id").annotate(t=total)}
    refunds = models.Transfer.objects.filter(refunds__operation_id=operation_id)
    repaid = models.Transfer.objects.filter(
        operation_id__in=refunds.values("operation_id"), to_bucket=Bucket.OVERRUN.value
    )
    for fund_id, amount in repaid.values_list("fund_id").annotate(t=total):
        owed[fund_id] = owed.get(fund_id, 0) - int(amount)
    return owed


@dataclass(frozen=True, slots=True)
class _Line:
    """A component's next version, with its change by fund."""

    component: str
    amount_minor: int
    basis: str
    by_fund: Mapping[int, int]


def _lines(
    send: models.Send,
    position: timing.Position,
    held: Mapping[tuple[str, int], int],
    wanted: Mapping[tuple[str, int], int],
) -> list[_Line]:
    """Say each component anew whose amount, its division or its certainty changes."""
    basis = (
        tables.Basis.ACTUAL if position.effect is Effect.CHARGE else tables.Basis.ESTIMATED
    ).value
    last = _last_lines(send)
    lines = []
    for name in sorted({*position.amounts, *last}):
        funds = {fund for component, fund in {*wanted, *held} if component == name}
        change = {
            fund: wanted.get((name, fund), 0) - held.get((name, fund), 0) for fund in sorted(funds)
        }
        was = last.get(name)
        amount = position.amounts.get(name, 0)
        told = basis if name in position.amounts or was is None else was[1]
        if any(change.values()) or (was is not None and told != was[1] and amount):
            lines.append(
                _Line(name, amount, told, {fund: part for fund, part in change.items() if part})
            )
    return lines


def _last_lines(send: models.Send) -> dict[str, tuple[int, str]]:
    rows = models.CostLine.objects.filter(send=send).order_by("component", "-version")
    return {line.component: (line.amount_minor, line.basis) for line in rows.distinct("component")}


def _write_lines(
    order: Order, posting: postings.Posting, operation_pk: int, lines: Sequence[_Line]
) -> None:
    """Write the lines with their shares in one statement, as PostgreSQL asks."""
    if not lines:
        return
    shares = [
        (line.component, fund_id, part) for line in lines for fund_id, part in line.by_fund.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE_LINES,
            {
                "organization": order.send.organization_id,
                "send": order.send.pk,
                "operation": operation_pk,
                "currency": order.request.currency,
                "day": posting.day,
                "period": posting.period_id,
                "campaign": order.send.campaign_id,
                "vendor": order.send.vendor_id,
                "center": order.send.cost_center_id,
                "components": [line.component for line in lines],
                "amounts": [line.amount_minor for line in lines],
                "bases": [line.basis for line in lines],
                "share_components": [component for component, _, _ in shares],
                "share_funds": [fund_id for _, fund_id, _ in shares],
                "share_amounts": [part for _, _, part in shares],
            },
        )


def _follow_credit(
    actor: access.Actor,
    order: Order,
    held: Mapping[tuple[str, int], int],
    operation_pk: int,
) -> None:
    refunded = sum(amount for (name, _), amount in held.items() if name == timing.REFUND)
    credit_memos.follow(
        actor=actor,
        back=credit_memos.Back(
            send=order.send,
            amount=money.Money(
                refunded - order.position.amounts.get(timing.REFUND, 0), order.request.currency
            ),
            is_credit=order.position.came_back is timing.Return.CREDIT,
            credit_days=order.terms.credit_days,
            on=order.day,
            reference=f"send:{order.send.public_id}:{operation_pk}",
        ),
    )


def _kind(steps: Iterable[Step]) -> OperationKind:
    """Name the operation after the furthest thing that it does."""
    moved = {step.move.pair for step in steps}
    if any(pair[1] is Bucket.ACTUAL or pair[0] is Bucket.OVERRUN for pair in moved):
        return OperationKind.INVOICE
    if any(pair[0] is Bucket.ACTUAL for pair in moved):
        return OperationKind.REFUND
    if any(pair[1] is Bucket.ACCRUED for pair in moved):
        return OperationKind.ACCRUE
    return (
        OperationKind.RELEASE
        if any(pair[0] is Bucket.ACCRUED for pair in moved)
        else OperationKind.VOID
    )


# A component with money on it stays with the campaign, vendor and cost center that it stands on.
_WRITE_LINES: Final = """
    WITH line AS (
        INSERT INTO gifting_costline (organization_id, send_id, component, version, basis,
            amount_minor, change_minor, currency, occurred_on, fiscal_period_id, campaign_id,
            vendor_id, cost_center_id)
        SELECT %(organization)s, %(send)s, told.component, coalesce(last.version, 0) + 1,
            told.basis, told.amount_minor, told.amount_minor - coalesce(last.amount_minor, 0),
            %(currency)s, %(day)s, %(period)s,
            CASE WHEN last.amount_minor <> 0 THEN last.campaign_id ELSE %(campaign)s END,
            CASE WHEN last.amount_minor <> 0 THEN last.vendor_id ELSE %(vendor)s END,
            CASE WHEN last.amount_minor <> 0 THEN last.cost_center_id ELSE %(center)s END
        FROM unnest(%(components)s::text[], %(amounts)s::bigint[], %(bases)s::text[])
            AS told (component, amount_minor, basis)
        LEFT JOIN LATERAL (
            SELECT * FROM gifting_costline
            WHERE organization_id = %(organization)s AND send_id = %(send)s
                AND component = told.component ORDER BY version DESC LIMIT 1
        ) AS last ON true
        RETURNING id, component
    )
    INSERT INTO gifting_costshare (organization_id, cost_line_id, fund_id, operation_id,
        amount_minor)
    SELECT %(organization)s, line.id, share.fund_id, %(operation)s, share.amount_minor
    FROM unnest(%(share_components)s::text[], %(share_funds)s::bigint[],
        %(share_amounts)s::bigint[]) AS share (component, fund_id, amount_minor)
    JOIN line ON line.component = share.component
"""

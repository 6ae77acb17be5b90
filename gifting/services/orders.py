"""Place purchase orders, whose lines reserve their money, and close what will not come.

An order is placed whole or not at all: each line reserves its cost in its budget, in one operation
of the ledger, and is refused as a commitment is. What the order still reserves is what its
commitments hold; when nothing is open the order is done.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from gifting import models
from gifting.domain import access, documents, ledger, money, refusals
from gifting.domain.ledger import Bucket, OperationKind
from gifting.services import (
    conflicts,
    operations,
    periods,
    postings,
    standings,
    vendors,
)
from gifting.services import ledger as ledgers
from gifting.services.operations import Plan

MOST_LINES: Final = 200


class OrderNumberTaken(refusals.Conflict):
    code = "ORDER_NUMBER_TAKEN"


class OrderClosed(refusals.Conflict):
    code = "ORDER_CLOSED"


class UnknownOrder(refusals.NotFound):
    code = "UNKNOWN_ORDER"


class UnknownItem(refusals.NotFound):
    code = "UNKNOWN_ITEM"


class LinesUnusable(refusals.Invalid):
    code = "LINES_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Line:
    """What is ordered, from which budget; of a blanket order minor units at a price of 1."""

    description: str
    budget_id: int
    quantity: int
    unit_price_minor: int
    nonrecoverable_tax_minor: int = 0
    recoverable_tax_minor: int = 0
    gift_item_id: int | None = None
    gl_account: str = ""
    finance_tag: str = ""

    @property
    def cost_minor(self) -> int:
        return self.quantity * self.unit_price_minor + self.nonrecoverable_tax_minor


def place(
    *,
    actor: access.Actor,
    key: str,
    vendor_id: int,
    number: str,
    cost_center_id: int,
    currency: str,
    ordered_on: dt.date,
    lines: Sequence[Line],
    is_blanket: bool = False,
) -> UUID:
    """Place an order, reserve the cost of each line, and return the order's public id.

    Raises Forbidden, NumberUnusable, TextUnusable, LinesUnusable, OrderNumberTaken, UnknownVendor,
    UnknownItem, UnknownBudget, CurrencyMismatch, AmountNotPositive, BudgetExceeded, FundParked,
    PeriodClosed and what `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_SENDS)
    actor.require_cost_center(cost_center_id)
    require_number(number)
    require_lines(lines)
    for line in lines:
        _require(line, currency, is_blanket=is_blanket)
    order_id = uuid.uuid4()

    def plan(_: UUID) -> Plan:
        vendors.require(vendor_id)
        _require_items(lines, vendor_id)
        funds = _funds(actor, lines, currency)
        posting = postings.Posting(
            periods.of_decision(actor=actor, day=ordered_on), ordered_on, f"order:{order_id}"
        )
        steps = tuple(
            posting.step(funds[line.budget_id], ledger.PEND, line.cost_minor) for line in lines
        )

        def then(operation_id: int) -> None:
            order = models.PurchaseOrder(
                organization_id=actor.organization_id,
                public_id=order_id,
                vendor_id=vendor_id,
                cost_center_id=cost_center_id,
                operation_id=operation_id,
                number=number,
                currency=currency,
                ordered_on=ordered_on,
                is_blanket=is_blanket,
                requested_by_id=actor.user_id,
            )
            _save(order)
            _save_lines(order, lines, [step.public_id for step in steps])

        return Plan(response={"order": str(order_id)}, steps=steps, then=then)

    answer = operations.perform(
        actor=actor,
        kind=OperationKind.ORDER,
        key=key,
        request={
            "vendor": vendor_id,
            "number": number,
            "cost_center": cost_center_id,
            "currency": currency,
            "ordered_on": ordered_on,
            "lines": [asdict(line) for line in lines],
            "is_blanket": is_blanket,
        },
        plan=plan,
    )
    return UUID(answer.response["order"])


def close(*, actor: access.Actor, key: str, order: UUID, closed_on: dt.date) -> UUID:
    """Give back what the order still reserves; what arrived stays accrued. Return the order's id.

    Raises Forbidden, UnknownOrder, OrderClosed, PeriodClosed and what `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_SENDS)

    def plan(_: UUID) -> Plan:
        row = models.PurchaseOrder.objects.filter(public_id=order).first()
        if row is None:
            raise UnknownOrder("There is no such order.", field="order")
        actor.require_cost_center(row.cost_center_id)
        period_id = periods.of_fact(actor=actor, day=closed_on)
        line_ids = list(row.lines.values_list("id", flat=True))
        standings.hold(
            period_id=period_id,
            lines=standings.find(actor=actor, line_ids=line_ids).values(),
        )
        posting = postings.Posting(period_id, closed_on, f"order:{order}")
        steps = tuple(
            posting.step(
                reserved.fund_id,
                (Bucket.COMMITTED, Bucket.AVAILABLE),
                postings.open_minor(reserved),
                commitment_id=reserved.pk,
            )
            for reserved in models.Commitment.objects.filter(
                id__in=row.lines.values("commitment_id")
            ).order_by("id")
            if postings.open_minor(reserved)
        )
        if not steps:
            raise OrderClosed(
                f"Nothing of the order {row.number} is open. Look at its lines.", field="order"
            )
        return Plan(response={"order": str(order)}, steps=steps)

    operations.perform(
        actor=actor,
        kind=OperationKind.CLOSE_ORDER,
        key=key,
        request={"order": order, "closed_on": closed_on},
        plan=plan,
    )
    return order


def require_number(number: str) -> None:
    """Refuse a paper's number that cannot be kept; raises TextUnusable and NumberUnusable."""
    operations.text(number, field="number", most=models.orders.NUMBER_LENGTH)
    documents.require_number(number)


def require_lines(lines: Sequence[object]) -> None:
    """Refuse a paper without lines or with too many; raises LinesUnusable."""
    if not 1 <= len(lines) <= MOST_LINES:
        raise LinesUnusable(f"A paper has 1 to {MOST_LINES} lines.", field="lines")


def require_figures(figures: Mapping[str, int], *, currency: str) -> None:
    """Refuse figures that are not 0 or more; raises AmountNotInteger and LinesUnusable."""
    for name, figure in figures.items():
        if money.Money(figure, currency).amount_minor < 0:
            raise LinesUnusable(
                f"The {name.replace('_', ' ')} is below zero. Enter what was given back as a "
                "credit note.",
                field="lines",
            )


def _require(line: Line, currency: str, *, is_blanket: bool) -> None:
    operations.text(line.description, field="description", most=models.tenancy.NAME_LENGTH)
    standings.require_code(line.gl_account, field="gl_account")
    standings.require_code(line.finance_tag, field="finance_tag")
    require_figures(
        {
            "quantity": line.quantity,
            "unit_price": line.unit_price_minor,
            "nonrecoverable_tax": line.nonrecoverable_tax_minor,
            "recoverable_tax": line.recoverable_tax_minor,
        },
        currency=currency,
    )
    ledgers.require_positive(money.Money(line.cost_minor, currency))
    if line.quantity < 1 or (is_blanket and line.unit_price_minor != 1):
        raise LinesUnusable(
            "A line orders 1 unit or more; a line of a blanket order is an amount to call off.",
            field="lines",
        )


def _require_items(lines: Sequence[Line], vendor_id: int) -> None:
    wanted = {line.gift_item_id for line in lines if line.gift_item_id is not None}
    sold = set(
        models.GiftItem.objects.filter(id__in=wanted, vendor_id=vendor_id).values_list(
            "id", flat=True
        )
    )
    if wanted - sold:
        raise UnknownItem("The vendor does not sell this item. Look it up.", field="gift_item")


def _funds(actor: access.Actor, lines: Sequence[Line], currency: str) -> dict[int, int]:
    """Return the fund of each line's budget, if the actor sees it and it is in the currency."""
    wanted = {line.budget_id for line in lines}
    found = {
        fund.budget_id: fund
        for fund in models.Fund.objects.filter(budget_id__in=wanted).select_related("budget")
    }
    for budget_id in sorted(wanted):
        if budget_id not in found:
            raise ledgers.UnknownBudget(f"There is no budget {budget_id}.", field="budget")
        actor.require_cost_center(found[budget_id].budget.cost_center_id)
        ledgers.require_currency(found[budget_id], money.Money(0, currency))
    return {budget_id: fund.pk for budget_id, fund in found.items()}


def _save(order: models.PurchaseOrder) -> None:
    taken = OrderNumberTaken(
        f"The vendor has an order {order.number!r}, maybe in another spelling. Choose another "
        "number.",
        field="number",
    )
    with (
        conflicts.refusing("purchase_order_parts_are_unique", taken),
        conflicts.refusing("purchase_order_number_is_unique", taken),
    ):
        order.save(force_insert=True)


def _save_lines(
    order: models.PurchaseOrder, lines: Sequence[Line], commitments: Sequence[UUID]
) -> None:
    reserved = dict(
        models.Commitment.objects.filter(public_id__in=commitments).values_list("public_id", "id")
    )
    models.PurchaseOrderLine.objects.bulk_create(
        models.PurchaseOrderLine(
            organization_id=order.organization_id,
            order=order,
            number=number,
            commitment_id=reserved[commitment],
            **asdict(line),
        )
        for number, (line, commitment) in enumerate(zip(lines, commitments, strict=True), 1)
    )


def blanket(description: str, budget_id: int, amount: money.Money) -> Line:
    """Return the line of a blanket order: an amount to call off."""
    return Line(description, budget_id, quantity=amount.amount_minor, unit_price_minor=1)

"""Where order lines stand, and the ledger moves that keep their reserved money there.

What is locked here is locked in the order of the ledger: the period, commitments, then funds, so
that a paper with many lines posts them one by one without meeting another paper half-way.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Sum

from gifting import models
from gifting.domain import access, matching, money, refusals
from gifting.services import ledger, operations, periods, postings

# What follows from a paper is the product's own doing, whatever its sender may ask for directly.
_CONSEQUENCES: Final = frozenset({access.Permission.WRITE_SENDS, access.Permission.WRITE_BUDGETS})


class UnknownOrderLine(refusals.NotFound):
    code = "UNKNOWN_ORDER_LINE"


@dataclass(frozen=True, slots=True)
class Line:
    """An order line with what backs it."""

    id: int
    vendor_id: int
    cost_center_id: int
    budget_id: int
    commitment: UUID
    currency: str
    ordered: int
    unit_price_minor: int
    tax_minor: int


def find(*, actor: access.Actor, line_ids: Iterable[int]) -> dict[int, Line]:
    """Return the order lines that the actor sees; raises UnknownOrderLine and Forbidden."""
    wanted = set(line_ids)
    rows = models.PurchaseOrderLine.objects.filter(id__in=wanted).values_list(
        "id",
        "order__vendor_id",
        "order__cost_center_id",
        "budget_id",
        "commitment__public_id",
        "order__currency",
        "quantity",
        "unit_price_minor",
        "nonrecoverable_tax_minor",
    )
    found = {row[0]: Line(*row) for row in rows}
    if wanted - set(found):
        raise UnknownOrderLine("There is no such order line.", field="order_line")
    for line in found.values():
        actor.require_cost_center(line.cost_center_id)
    return found


def hold(*, period_id: int, lines: Iterable[Line], budget_ids: Iterable[int] = ()) -> None:
    """Lock what the postings of one paper will move, until the transaction ends."""
    periods.hold(period_id=period_id)
    reserved = models.Commitment.objects.select_for_update(no_key=True).filter(
        public_id__in=[line.commitment for line in lines]
    )
    funds = {commitment.fund_id for commitment in reserved.order_by("id")}
    funds |= set(
        models.Fund.objects.filter(budget_id__in=set(budget_ids)).values_list("id", flat=True)
    )
    postings.lock_funds(funds)


def of(line: Line) -> matching.Standing:
    """Return where the line stands; hold it first if it is to stay there."""
    received = models.Receipt.objects.filter(order_line_id=line.id).aggregate(n=Sum("quantity"))
    invoiced = models.VendorInvoiceLine.objects.filter(order_line_id=line.id).aggregate(
        n=Sum("quantity")
    )
    return matching.Standing(
        ordered=line.ordered,
        unit_price_minor=line.unit_price_minor,
        tax_minor=line.tax_minor,
        received=int(received["n"] or 0),
        invoiced=int(invoiced["n"] or 0),
    )


def follow(*, actor: access.Actor, key: str, line: Line, day: dt.date) -> None:
    """Accrue, release and void so that the line's commitment holds what the line stands for."""
    reserved = models.Commitment.objects.get(public_id=line.commitment)
    wanted = matching.moves(
        of(line),
        accrued_minor=reserved.accrued_minor,
        open_minor=postings.open_minor(reserved),
    )
    product = on_behalf(actor)
    for name, ask, amount_minor in (
        ("accrue", ledger.accrue, wanted.accrue_minor),
        ("release", ledger.release, wanted.release_minor),
        ("void", ledger.void, wanted.void_minor),
    ):
        if amount_minor:
            ask(
                actor=product,
                key=f"{key}:{line.id}:{name}",
                commitment=line.commitment,
                amount=money.Money(amount_minor, line.currency),
                effective_on=day,
            )


def on_behalf(actor: access.Actor) -> access.Actor:
    """Return the actor with the right to the consequences of what they were allowed to do."""
    return dataclasses.replace(actor, permissions=actor.permissions | _CONSEQUENCES)


def require_code(text: str, *, field: str) -> str:
    """Return an optional code that can be kept; raises TextUnusable."""
    return operations.text(text, field=field, most=models.tenancy.CODE_LENGTH) if text else ""

"""Record proof that something arrived or was redeemed, and accrue what it is worth."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Final
from uuid import UUID

from gifting import models
from gifting.domain import access, money, refusals
from gifting.domain.ledger import OperationKind
from gifting.services import conflicts, matches, operations, periods, standings
from gifting.services.operations import Plan

MOST_UNITS: Final = 2**53 - 1


class ReceiptKnown(refusals.Conflict):
    code = "RECEIPT_KNOWN"


class ReceiptUnusable(refusals.Invalid):
    code = "RECEIPT_UNUSABLE"


class UnknownSend(refusals.NotFound):
    code = "UNKNOWN_SEND"


def receive(
    *,
    actor: access.Actor,
    key: str,
    kind: models.orders.ReceiptKind,
    quantity: int,
    received_on: dt.date,
    proof: str,
    source: str,
    source_id: str,
    at: dt.datetime,
    order_line_id: int | None = None,
    send_id: int | None = None,
) -> UUID:
    """Record a delivery or redemption of an order line, a send or both; return its public id.

    An order line's money moves from committed to accrued, for units that are not invoiced yet; a
    send moves its own. What arrives beyond the order is recorded and accrues nothing. Raises
    Forbidden, ReceiptUnusable, ReceiptKnown, UnknownOrderLine, UnknownSend, TextUnusable and what
    `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_SENDS)
    _require(quantity, order_line_id, send_id)
    for name, text, most in (
        ("proof", proof, models.orders.REFERENCE_LENGTH),
        ("source", source, models.orders.SOURCE_LENGTH),
        ("source_id", source_id, models.orders.REFERENCE_LENGTH),
    ):
        operations.text(text, field=name, most=most)
    receipt_id = uuid.uuid4()
    known = ReceiptKnown(
        f"{source} told of {source_id!r} before. Look at the receipt that it became.",
        field="source_id",
    )

    def plan(_: UUID) -> Plan:
        line = (
            standings.find(actor=actor, line_ids=[order_line_id])[order_line_id]
            if order_line_id is not None
            else None
        )
        period_id = periods.of_fact(actor=actor, day=received_on)
        standings.hold(period_id=period_id, lines=[line] if line else [])
        receipt = models.Receipt(
            organization_id=actor.organization_id,
            public_id=receipt_id,
            order_line_id=order_line_id,
            fiscal_period_id=period_id,
            kind=kind.value,
            quantity=quantity,
            received_on=received_on,
            proof=proof,
            source=source,
            source_id=source_id,
            **_origin(actor, line, send_id, quantity),
        )

        def then(operation_id: int) -> None:
            receipt.operation_id = operation_id
            with conflicts.refusing("receipt_source_id_is_unique", known):
                receipt.save(force_insert=True)
            if line is not None:
                standings.follow(
                    actor=actor, key=f"receipt:{receipt_id}", line=line, day=received_on
                )
                matches.judge(actor=actor, line=line, operation_id=operation_id, at=at)

        return Plan(response={"receipt": str(receipt_id)}, then=then)

    answer = operations.perform(
        actor=actor,
        kind=OperationKind.RECEIVE,
        key=key,
        request={
            "order_line": order_line_id,
            "send": send_id,
            "kind": kind.value,
            "quantity": quantity,
            "received_on": received_on,
            "proof": proof,
            "source": source,
            "source_id": source_id,
        },
        plan=plan,
    )
    return UUID(answer.response["receipt"])


def _origin(
    actor: access.Actor, line: standings.Line | None, send_id: int | None, quantity: int
) -> dict[str, object]:
    """Return what the order line or, without one, the send says of the receipt."""
    send = None
    if send_id is not None:
        send = models.Send.objects.filter(id=send_id).first()
        if send is None:
            raise UnknownSend("There is no such send.", field="send")
        actor.require_cost_center(send.cost_center_id)
    if line is not None:
        return {
            "send_id": send_id,
            "vendor_id": line.vendor_id,
            "cost_center_id": line.cost_center_id,
            "currency": line.currency,
            "amount_minor": money.Money(
                quantity * line.unit_price_minor, line.currency
            ).amount_minor,
        }
    organization = models.Organization.objects.get(id=actor.organization_id)
    assert send is not None  # noqa: S101 - `_require` refused a receipt of neither
    return {
        "send_id": send_id,
        "vendor_id": send.vendor_id,
        "cost_center_id": send.cost_center_id,
        "currency": organization.currency,
        "amount_minor": 0,
    }


def _require(quantity: int, order_line_id: int | None, send_id: int | None) -> None:
    if type(quantity) is not int or not 1 <= quantity <= MOST_UNITS:
        raise ReceiptUnusable("A receipt is of 1 unit or more, in whole units.", field="quantity")
    if order_line_id is None and send_id is None:
        raise ReceiptUnusable(
            "A receipt is of an order line, of a send or of both. Name one.", field="order_line"
        )

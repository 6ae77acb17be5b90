"""Keep the credits that vendors give for later gifts: issue them, use them, take them back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import F

from gifting import models
from gifting.domain import access, money, refusals
from gifting.domain import credit_memos as rules
from gifting.models import credit_memos as tables
from gifting.services import conflicts, ledger, operations, tenancy

BY_TERMS: Final = "The vendor's terms"


class UnknownCredit(refusals.NotFound):
    code = "UNKNOWN_CREDIT"


class CreditReferenceReused(refusals.Conflict):
    code = "CREDIT_REFERENCE_REUSED"


class CreditExceeded(refusals.Conflict):
    code = "CREDIT_EXCEEDED"


class CreditExpired(refusals.Conflict):
    code = "CREDIT_EXPIRED"


class CreditUnusable(refusals.Invalid):
    code = "CREDIT_UNUSABLE"


def issue(
    *,
    actor: access.Actor,
    vendor_id: int,
    amount: money.Money,
    issued_on: dt.date,
    expires_on: dt.date | None,
    reference: str,
    source: str,
) -> UUID:
    """Record a credit memo of a vendor; the same one under its reference is that one.

    Raises Forbidden, AmountNotPositive, TextUnusable, CreditUnusable and CreditReferenceReused.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    ledger.require_positive(amount)
    operations.text(reference, field="reference", most=tables.REFERENCE_LENGTH)
    operations.text(source, field="source", most=tables.REFERENCE_LENGTH)
    if expires_on is not None and expires_on <= issued_on:
        raise CreditUnusable("A credit expires after the day of its issue.", field="expires_on")
    values = {
        "currency": amount.currency,
        "amount_minor": amount.amount_minor,
        "issued_on": issued_on,
        "expires_on": expires_on,
        "source": source,
    }
    with tenancy.organization(actor.organization_id):
        memo, is_new = models.CreditMemo.objects.get_or_create(
            organization_id=actor.organization_id,
            vendor_id=vendor_id,
            reference=reference,
            defaults=values,
        )
        if not is_new and any(getattr(memo, name) != value for name, value in values.items()):
            raise CreditReferenceReused(
                f"The vendor's credit {reference!r} is recorded with other figures. Look at it, or "
                "use another reference.",
                field="reference",
            )
        memo.refresh_from_db(fields=["public_id"])
    return memo.public_id


def use(
    *,
    actor: access.Actor,
    credit: UUID,
    send: UUID,
    amount: money.Money,
    used_on: dt.date,
    reference: str,
) -> None:
    """Record that a credit paid for a part of a send; once per reference.

    What the send costs its budgets does not change: the credit says how it was paid. Raises
    Forbidden, UnknownCredit, CreditUnusable, CreditExpired, CreditExceeded, CurrencyMismatch,
    AmountNotPositive and CreditReferenceReused.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    ledger.require_positive(amount)
    operations.text(reference, field="reference", most=tables.REFERENCE_LENGTH)
    with tenancy.organization(actor.organization_id):
        memo = lock(credit)
        paid = models.Send.objects.filter(public_id=send).first()
        if paid is None or paid.vendor_id != memo.vendor_id:
            raise CreditUnusable("A credit pays for sends of its own vendor.", field="send")
        _require_fits(memo, amount, used_on, paid, reference)
        if _is_told(memo, amount, paid, reference):
            return
        part = _Part(rules.UseKind.USED, amount.amount_minor, used_on, reference, paid)
        _add(actor, memo, part)


@dataclass(frozen=True, slots=True)
class Back:
    """What came back of a send as of a day; below zero what came by mistake."""

    send: models.Send
    amount: money.Money
    is_credit: bool
    credit_days: int | None
    on: dt.date
    reference: str


def follow(*, actor: access.Actor, back: Back) -> None:
    """Issue what came back of a send as a credit, or take back what came by mistake.

    Of a credit that was used by then, what is left is taken back.
    """
    amount_minor = back.amount.amount_minor
    if amount_minor > 0 and back.is_credit:
        life = dt.timedelta(days=back.credit_days) if back.credit_days else None
        models.CreditMemo.objects.create(
            organization_id=actor.organization_id,
            vendor_id=back.send.vendor_id,
            send=back.send,
            currency=back.amount.currency,
            amount_minor=amount_minor,
            issued_on=back.on,
            expires_on=back.on + life if life else None,
            reference=back.reference,
            source=BY_TERMS,
        )
    left = max(0, -amount_minor)
    for memo in _open_of(back.send) if left else ():
        part = min(left, memo.amount_minor - memo.used_minor)
        left -= part
        if part:
            on = max(back.on, memo.issued_on)
            _add(actor, memo, _Part(rules.UseKind.WITHDRAWN, part, on, back.reference))


def lock(credit: UUID) -> models.CreditMemo:
    """Return a credit memo, locked until the transaction ends; raises UnknownCredit."""
    memo = models.CreditMemo.objects.select_for_update().filter(public_id=credit).first()
    if memo is None:
        raise UnknownCredit(f"There is no credit {credit}.", field="credit")
    return memo


def expire(*, actor: access.Actor, memo: models.CreditMemo, on: dt.date) -> int:
    """Let what is left of a locked memo die; return how much that was."""
    left: int = memo.amount_minor - memo.used_minor
    if left:
        _add(actor, memo, _Part(rules.UseKind.EXPIRED, left, on, "expiry"))
    return left


def _open_of(send: models.Send) -> list[models.CreditMemo]:
    memos = models.CreditMemo.objects.select_for_update().filter(send=send)
    return list(memos.filter(used_minor__lt=F("amount_minor")).order_by("id"))


def _require_fits(
    memo: models.CreditMemo,
    amount: money.Money,
    used_on: dt.date,
    send: models.Send,
    reference: str,
) -> None:
    if memo.currency != amount.currency:
        raise money.CurrencyMismatch(
            f"The credit is in {memo.currency} and {amount} is not.", field="currency"
        )
    if _is_told(memo, amount, send, reference):
        return
    if used_on < memo.issued_on:
        raise CreditUnusable("A credit is used after its issue.", field="used_on")
    if memo.expires_on is not None and used_on >= memo.expires_on:
        raise CreditExpired(
            f"The credit was worth nothing from {memo.expires_on} on.", field="used_on"
        )
    left = money.Money(memo.amount_minor - memo.used_minor, memo.currency)
    if amount > left:
        raise CreditExceeded(
            f"{left} is left of the credit, and {amount} was to be used.", field="amount"
        )


def _is_told(
    memo: models.CreditMemo, amount: money.Money, send: models.Send, reference: str
) -> bool:
    """Tell whether this use is recorded already; raises CreditReferenceReused for another one."""
    told = memo.uses.filter(kind=rules.UseKind.USED.value, reference=reference).first()
    if told is None:
        return False
    if (told.amount_minor, told.send_id) != (amount.amount_minor, send.pk):
        raise CreditReferenceReused(
            f"The reference {reference!r} stands for another use of this credit. Make a new one.",
            field="reference",
        )
    return True


@dataclass(frozen=True, slots=True)
class _Part:
    kind: rules.UseKind
    amount_minor: int
    on: dt.date
    reference: str
    send: models.Send | None = None


def _add(actor: access.Actor, memo: models.CreditMemo, part: _Part) -> None:
    exceeded = CreditExceeded("Less is left of the credit. Look at its uses.", field="amount")
    with conflicts.refusing("credit_memo_is_not_exceeded", exceeded):
        models.CreditUse.objects.create(
            organization_id=actor.organization_id,
            credit_memo=memo,
            kind=part.kind.value,
            amount_minor=part.amount_minor,
            used_on=part.on,
            send=part.send,
            reference=part.reference,
            user_id=actor.user_id,
        )

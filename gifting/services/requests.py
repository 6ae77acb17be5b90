"""Ask for a send: what it is, what it will probably cost, and whose budgets should pay.

The rules kept here: a request reserves nothing. It keeps the terms of its vendor that hold on its
day, which stay the terms of the send. Its reference is its caller's, and the same request under it
is the same send.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from uuid import UUID

from gifting import models
from gifting.domain import access, budgets, lifecycle, money, refusals, timing
from gifting.models import sends as tables
from gifting.selectors import organizations
from gifting.selectors import timing as terms_selector
from gifting.services import (
    conflicts,
    dimensions,
    ledger,
    operations,
    periods,
    rulings,
    settlements,
    spend_requests,
    tenancy,
)

SOURCE: Final = "tribute"
MOST_WEIGHT: Final = 1_000_000
MOST_IN_BATCH: Final = 1_000
MOST_QUANTITY: Final = 1_000_000


class EstimateUnusable(refusals.Invalid):
    code = "ESTIMATE_UNUSABLE"


class ReferenceReused(refusals.Conflict):
    code = "REFERENCE_REUSED"


class QuantityUnusable(refusals.Invalid):
    code = "QUANTITY_UNUSABLE"


class BatchUnusable(refusals.Invalid):
    code = "BATCH_UNUSABLE"


@dataclass(frozen=True, slots=True)
class Gift:
    """What is sent, to whom, for which campaign, charged to which cost center."""

    campaign_id: int
    vendor_id: int
    cost_center_id: int
    gift_item_id: int | None = None
    recipient_id: int | None = None
    account_reference: str = ""
    sender_reference: str = ""
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Share:
    """A budget that pays in proportion to its weight."""

    budget_id: int
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """One send that is asked for; the estimate is by cost component.

    The dimensions are what budgets may be scoped by, beside the program of the campaign and the
    sender, which are known.
    """

    reference: str
    gift: Gift
    estimate: Mapping[str, money.Money]
    shares: Sequence[Share]
    gift_kind: timing.GiftKind = timing.GiftKind.ANY
    nature: str = ""
    purpose: str = ""
    has_advert: bool = False
    is_widely_given: bool = False
    dimensions: Mapping[budgets.DimensionKind, str] = field(default_factory=dict)


def request(*, actor: access.Actor, asked: Asked, at: dt.datetime) -> UUID:
    """Record a send that waits for its decision, ask for its approval, and return its public id.

    Raises Forbidden, QuantityUnusable, EstimateUnusable, AmountNotPositive, CurrencyMismatch,
    SharesUnusable, UnknownBudget, TextUnusable and ReferenceReused.
    """
    actor.require(access.Permission.WRITE_SENDS)
    with tenancy.organization(actor.organization_id):
        made, is_new = _request(actor, asked, at, batch=None, position=0)
        if is_new:
            _claim(actor, [made])
            rulings.ask(actor=actor, requests=[made], at=at, reason=asked.purpose)
        return UUID(str(made.send.public_id))


def request_batch(
    *, actor: access.Actor, reference: str, asked: Sequence[Asked], at: dt.datetime
) -> UUID:
    """Record sends that are decided together, in this order, and return the id of the batch.

    The same batch under one reference is the batch once. Raises BatchUnusable and what `request`
    refuses.
    """
    actor.require(access.Permission.WRITE_SENDS)
    operations.text(reference, field="reference", most=tables.EXTERNAL_ID_LENGTH)
    if not 1 <= len(asked) <= MOST_IN_BATCH:
        raise BatchUnusable(f"A batch has 1 to {MOST_IN_BATCH} sends.", field="sends")
    batch = uuid.uuid5(actor.organization_id, reference)
    with tenancy.organization(actor.organization_id):
        made = [
            _request(actor, each, at, batch=batch, position=position)
            for position, each in enumerate(asked)
        ]
        if models.SendRequest.objects.filter(batch=batch).count() != len(asked):
            raise ReferenceReused(
                f"The reference {reference!r} was used for another batch. Make a new one.",
                field="reference",
            )
        if any(is_new for _, is_new in made):
            _claim(actor, [row for row, _ in made])
            rulings.ask(
                actor=actor, requests=[row for row, _ in made], at=at, reason=asked[0].purpose
            )
    return batch


def _request(
    actor: access.Actor, asked: Asked, at: dt.datetime, *, batch: UUID | None, position: int
) -> tuple[models.SendRequest, bool]:
    actor.require_cost_center(asked.gift.cost_center_id)
    operations.text(asked.reference, field="reference", most=tables.EXTERNAL_ID_LENGTH)
    _require_told(asked)
    currency, told = _estimate(asked.estimate)
    _require_shares(asked.shares)
    request_hash = _hash(asked, batch)
    there = (
        models.SendRequest.objects.filter(send__source=SOURCE, send__external_id=asked.reference)
        .select_related("send")
        .first()
    )
    if there is not None:
        if there.request_hash != request_hash:
            raise _reused(asked.reference)
        return there, False
    zone = organizations.get(organization_id=actor.organization_id).time_zone
    day = periods.day_of(at=at, time_zone=zone)
    row = terms_selector.holding(vendor_id=asked.gift.vendor_id, gift_kind=asked.gift_kind, day=day)
    estimate = timing.estimate(terms_selector.terms_of(row), told)
    total = money.Money(sum(estimate.values()), currency)
    ledger.require_positive(total)
    ledger.require_budgets(
        actor=actor, currency=currency, budget_ids=[share.budget_id for share in asked.shares]
    )
    send = models.Send(
        organization_id=actor.organization_id,
        source=SOURCE,
        external_id=asked.reference,
        **asdict(asked.gift),
    )
    with conflicts.refusing("send_external_id_is_unique", _reused(asked.reference)):
        send.save()
    send.refresh_from_db(fields=["public_id"])
    models.SendEvent.objects.create(
        organization_id=actor.organization_id,
        send=send,
        number=0,
        to_state=lifecycle.State.PENDING_APPROVAL.value,
        occurred_at=at,
        source=SOURCE,
        source_event_id="request",
    )
    made = models.SendRequest.objects.create(
        organization_id=actor.organization_id,
        send=send,
        gift_kind=asked.gift_kind.value,
        money_timing=row,
        requested_on=day,
        currency=currency,
        estimate=estimate,
        total_minor=total.amount_minor,
        nature=asked.nature,
        purpose=asked.purpose,
        has_advert=asked.has_advert,
        is_widely_given=asked.is_widely_given,
        dimensions=_plain(asked.dimensions),
        batch=batch,
        position=position,
        requested_by_id=actor.user_id,
        token_id=actor.token_id,
        request_hash=request_hash,
    )
    models.SendShare.objects.bulk_create(
        models.SendShare(
            organization_id=actor.organization_id,
            send=send,
            budget_id=share.budget_id,
            weight=share.weight,
        )
        for share in sorted(asked.shares, key=lambda share: share.budget_id)
    )
    return made, True


def _claim(actor: access.Actor, made: Sequence[models.SendRequest]) -> None:
    """Show the money as requested in each budget, until the decision takes its place.

    It is shown in the limits that all of the sends meet.
    """
    sums: dict[int, int] = {}
    for row in made:
        for fund_id, amount in settlements.parts_of(row).items():
            sums[fund_id] = sums.get(fund_id, 0) + amount
    budget_ids = dict(models.Fund.objects.filter(id__in=sums).values_list("id", "budget_id"))
    values = [set(dimensions.of_send(row.send, row.dimensions)) for row in made]
    reference = settlements.reference_of(made[0])
    spend_requests.request(
        actor=actor,
        key=f"request:{reference}",
        shares=[
            ledger.Share(budget_ids[fund_id], money.Money(amount, made[0].currency))
            for fund_id, amount in sorted(sums.items())
        ],
        effective_on=made[0].requested_on,
        reference=reference,
        dimension_values=sorted(set.intersection(*values)),
    )


def _require_told(asked: Asked) -> None:
    """Refuse texts that cannot be kept and quantities that are none."""
    for name, most in (
        ("account_reference", tables.EXTERNAL_ID_LENGTH),
        ("sender_reference", tables.EXTERNAL_ID_LENGTH),
    ):
        if told := getattr(asked.gift, name):
            operations.text(told, field=name, most=most)
    for name in ("nature", "purpose"):
        if told := getattr(asked, name):
            operations.text(told, field=name)
    for code in asked.dimensions.values():
        operations.text(code, field="dimensions", most=models.tenancy.CODE_LENGTH)
    if not 1 <= asked.gift.quantity <= MOST_QUANTITY:
        raise QuantityUnusable(f"A send has 1 to {MOST_QUANTITY:,} gifts.", field="quantity")


def _estimate(estimate: Mapping[str, money.Money]) -> tuple[str, dict[str, int]]:
    """Return the one currency and the amounts by component."""
    known = set(tables.Component) - {timing.REFUND, timing.BREAKAGE}
    if not estimate or set(estimate) - known:
        raise EstimateUnusable(
            f"An estimate has amounts for one or more of {', '.join(sorted(known))}.",
            field="estimate",
        )
    currencies = {amount.currency for amount in estimate.values()}
    if len(currencies) > 1:
        raise money.CurrencyMismatch(
            "An estimate is in one currency. Convert its parts first, at a dated rate.",
            field="estimate",
        )
    if any(amount.amount_minor < 0 for amount in estimate.values()):
        raise EstimateUnusable("No part of an estimate is below zero.", field="estimate")
    return currencies.pop(), {name: amount.amount_minor for name, amount in estimate.items()}


def _require_shares(shares: Sequence[Share]) -> None:
    if (
        not 1 <= len(shares) <= ledger.MAX_SHARES
        or len({share.budget_id for share in shares}) < len(shares)
        or not all(0 < share.weight <= MOST_WEIGHT for share in shares)
    ):
        raise ledger.SharesUnusable(
            f"A send is paid by 1 to {ledger.MAX_SHARES} budgets, each named once, with a weight "
            f"of 1 to {MOST_WEIGHT}.",
            field="shares",
        )


def _hash(asked: Asked, batch: UUID | None) -> str:
    plain: dict[str, Any] = {
        "gift": asdict(asked.gift),
        "estimate": {
            name: [amount.amount_minor, amount.currency] for name, amount in asked.estimate.items()
        },
        "shares": sorted([share.budget_id, share.weight] for share in asked.shares),
        "gift_kind": asked.gift_kind.value,
        "batch": str(batch or ""),
        "register": [asked.nature, asked.purpose, asked.has_advert, asked.is_widely_given],
    }
    if asked.dimensions:
        plain["dimensions"] = _plain(asked.dimensions)
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _plain(named: Mapping[budgets.DimensionKind, str]) -> dict[str, str]:
    return {kind.value: code for kind, code in named.items()}


def _reused(reference: str) -> ReferenceReused:
    return ReferenceReused(
        f"The reference {reference!r} was used for another send. Make a new one for a new send.",
        field="reference",
    )

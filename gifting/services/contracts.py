"""Agree prices with vendors: for an item, in some days, by volume tiers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from gifting import models
from gifting.domain import access, money, refusals
from gifting.domain.ledger import OperationKind
from gifting.services import conflicts, operations, orders
from gifting.services.operations import Plan

MOST_TIERS: Final = 50


class PriceAgreed(refusals.Conflict):
    code = "PRICE_AGREED"


class TiersUnusable(refusals.Invalid):
    code = "TIERS_UNUSABLE"


class UnknownContract(refusals.NotFound):
    code = "UNKNOWN_CONTRACT"


def agree(
    *,
    actor: access.Actor,
    key: str,
    gift_item_id: int,
    currency: str,
    starts_on: dt.date,
    ends_on: dt.date | None,
    reference: str,
    tiers: Sequence[tuple[int, int]],
) -> UUID:
    """Agree a price with an item's vendor; a tier is a number of units and a price from there on.

    Raises Forbidden, UnknownItem, UnknownCurrency, TextUnusable, TiersUnusable,
    PriceAgreed and what `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_VENDORS)
    operations.text(reference, field="reference", most=models.orders.REFERENCE_LENGTH)
    _require(tiers, currency, starts_on, ends_on)

    def plan(contract_id: UUID) -> Plan:
        item = models.GiftItem.objects.filter(id=gift_item_id).first()
        if item is None:
            raise orders.UnknownItem("There is no such item.", field="gift_item")
        contract = models.ContractPrice(
            organization_id=actor.organization_id,
            public_id=contract_id,
            vendor_id=item.vendor_id,
            gift_item=item,
            currency=currency,
            starts_on=starts_on,
            ends_on=ends_on,
            reference=reference,
        )
        agreed = PriceAgreed(
            "A price for this item is agreed for some of these days. End that one first.",
            field="starts_on",
        )
        with conflicts.refusing("contract_price_is_one_a_day", agreed):
            contract.save(force_insert=True)
        models.PriceTier.objects.bulk_create(
            models.PriceTier(
                organization_id=actor.organization_id,
                contract_price=contract,
                minimum_quantity=minimum,
                unit_price_minor=price,
            )
            for minimum, price in sorted(tiers)
        )
        return Plan(response={"contract": str(contract_id)})

    answer = operations.perform(
        actor=actor,
        kind=OperationKind.AGREE_PRICE,
        key=key,
        request={
            "gift_item": gift_item_id,
            "currency": currency,
            "starts_on": starts_on,
            "ends_on": ends_on,
            "reference": reference,
            "tiers": sorted(tiers),
        },
        plan=plan,
    )
    return UUID(answer.response["contract"])


def end(*, actor: access.Actor, key: str, contract: UUID, ends_on: dt.date) -> UUID:
    """End an agreed price; `ends_on` is the first day on which it no longer holds.

    Raises Forbidden, UnknownContract, TiersUnusable and what `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_VENDORS)

    def plan(_: UUID) -> Plan:
        row = models.ContractPrice.objects.filter(public_id=contract).first()
        if row is None:
            raise UnknownContract("There is no such contract price.", field="contract")
        if ends_on <= row.starts_on or (row.ends_on is not None and ends_on > row.ends_on):
            raise TiersUnusable(
                "A price ends after its first day and not later than agreed. Agree a new one.",
                field="ends_on",
            )
        models.ContractPrice.objects.filter(id=row.pk).update(ends_on=ends_on)
        return Plan(response={"contract": str(contract)})

    operations.perform(
        actor=actor,
        kind=OperationKind.AGREE_PRICE,
        key=key,
        request={"contract": contract, "ends_on": ends_on},
        plan=plan,
    )
    return contract


def _require(
    tiers: Sequence[tuple[int, int]], currency: str, starts_on: dt.date, ends_on: dt.date | None
) -> None:
    starts = [minimum for minimum, _ in tiers]
    if not 1 <= len(tiers) <= MOST_TIERS or min(starts) != 1 or len(set(starts)) < len(starts):
        raise TiersUnusable(
            f"An agreed price has 1 to {MOST_TIERS} tiers, the first from 1 unit.",
            field="tiers",
        )
    for _, price in tiers:
        if money.Money(price, currency).amount_minor < 0:
            raise TiersUnusable("A price is 0 or more.", field="tiers")
    if ends_on is not None and ends_on <= starts_on:
        raise TiersUnusable("A price ends after its first day.", field="ends_on")

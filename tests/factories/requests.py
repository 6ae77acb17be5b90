"""Sends that budget money pays for, asked for and decided, in the organization of the test."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from uuid import UUID

from gifting import models
from gifting.domain import access, presets, timing
from gifting.domain.budgets import DimensionKind
from gifting.domain.lifecycle import State
from gifting.services import charges, credit_memos, decisions, requests
from gifting.services import timing as terms
from tests.factories import ledger, organizations, sends

NOON = organizations.NOON
DAY = sends.DAY
ESTIMATE = {"ITEM": 50_00, "SHIPPING": 8_00}


def make_vendor(preset: str | None = None, *, starts_on: dt.date = DAY) -> models.Vendor:
    """Make a vendor with the terms of a preset, or without any."""
    vendor = sends.make_vendor()
    if preset is not None:
        terms.add_preset(
            actor=ledger.actor(), vendor_id=vendor.pk, code=preset, starts_on=starts_on
        )
    return vendor


def asked(
    *budgets: models.Budget,
    vendor: models.Vendor,
    kind: timing.GiftKind = timing.GiftKind.ANY,
    estimate: dict[str, int] | None = None,
    weights: Sequence[int] = (),
    reference: str | None = None,
    recipient: models.Recipient | None = None,
    campaign: models.Campaign | None = None,
    sender: str = "",
    dimensions: Mapping[DimensionKind, str] | None = None,
) -> requests.Asked:
    campaign = campaign or sends.make_campaign()
    return requests.Asked(
        reference=reference or f"gift-{organizations.next_number()}",
        gift=requests.Gift(
            campaign_id=campaign.pk,
            vendor_id=vendor.pk,
            cost_center_id=campaign.cost_center_id,
            recipient_id=(recipient or sends.make_recipient()).pk,
            sender_reference=sender,
        ),
        estimate={
            name: ledger.usd(amount) for name, amount in (estimate or dict(ESTIMATE)).items()
        },
        shares=[
            requests.Share(budget.pk, weight)
            for budget, weight in zip(budgets, weights or [1] * len(budgets), strict=True)
        ],
        gift_kind=kind,
        dimensions=dimensions or {},
    )


def make_request(
    *budgets: models.Budget,
    preset: str | None = None,
    actor: access.Actor | None = None,
    estimate: dict[str, int] | None = None,
    weights: Sequence[int] = (),
    campaign: models.Campaign | None = None,
    sender: str = "",
    dimensions: Mapping[DimensionKind, str] | None = None,
) -> models.Send:
    """Ask for a send under the terms of a preset."""
    kind = presets.BY_CODE[preset].gift_kind if preset else timing.GiftKind.ANY
    gift = asked(
        *(budgets or [ledger.make_budget()]),
        vendor=make_vendor(preset),
        kind=kind,
        estimate=estimate,
        weights=weights,
        campaign=campaign,
        sender=sender,
        dimensions=dimensions,
    )
    made = requests.request(actor=actor or ledger.actor(), asked=gift, at=NOON)
    return models.Send.objects.get(public_id=made)


def approve(
    send: models.Send, *, actor: access.Actor | None = None, reason: str = ""
) -> decisions.Decided:
    return decisions.decide(
        actor=actor or ledger.actor(),
        key=ledger.key(),
        send=send.public_id,
        at=NOON,
        overrun_reason=reason,
    )


def make_approved(
    *budgets: models.Budget,
    preset: str | None = None,
    estimate: dict[str, int] | None = None,
    weights: Sequence[int] = (),
) -> models.Send:
    send = make_request(*budgets, preset=preset, estimate=estimate, weights=weights)
    approve(send)
    return send


def tell(
    send: models.Send, *states: State, at: dt.datetime = NOON, days: int = 0
) -> list[charges.Told]:
    """Tell the states in this order, each so many days after the one before."""
    return [
        charges.tell(
            actor=ledger.actor(),
            send=send.public_id,
            moment=charges.Moment(state, at + number * dt.timedelta(days=days)),
        )
        for number, state in enumerate(states)
    ]


def charge(
    amounts: dict[str, int], *, reference: str | None = None, at: dt.datetime = NOON
) -> charges.Charge:
    return charges.Charge(
        {name: ledger.usd(amount) for name, amount in amounts.items()},
        reference or f"charge-{organizations.next_number()}",
        at,
    )


def invoice(send: models.Send, amounts: dict[str, int], *, at: dt.datetime = NOON) -> charges.Told:
    return charges.record_invoice(
        actor=ledger.actor(), send=send.public_id, charge=charge(amounts, at=at)
    )


def refund(send: models.Send, amount_minor: int) -> charges.Told:
    return charges.record_refund(
        actor=ledger.actor(), send=send.public_id, charge=charge({timing.REFUND: amount_minor})
    )


def costs(send: models.Send) -> dict[str, int]:
    """Return what the send costs by component, as of the latest versions."""
    lines = models.CostLine.objects.filter(send=send).order_by("component", "-version")
    return {
        line.component: line.amount_minor
        for line in lines.distinct("component")
        if line.amount_minor
    }


def make_credit(amount_minor: int = 20_00, *, expires_on: dt.date | None = None) -> UUID:
    return credit_memos.issue(
        actor=ledger.actor(),
        vendor_id=sends.make_vendor().pk,
        amount=ledger.usd(amount_minor),
        issued_on=DAY,
        expires_on=expires_on,
        reference=f"credit-{organizations.next_number()}",
        source="The vendor's mail",
    )


def make_credit_memo() -> models.CreditMemo:
    return models.CreditMemo.objects.get(public_id=make_credit())


def make_credit_use() -> models.CreditUse:
    """Use a part of the credit that an expired gift came back as, for another gift."""
    ended = make_approved(preset="LOOP_AND_TIE")
    tell(ended, State.OFFERED, State.EXPIRED)
    memo = models.CreditMemo.objects.get(send=ended)
    paid = sends.make_send(vendor=ended.vendor)
    credit_memos.use(
        actor=ledger.actor(),
        credit=memo.public_id,
        send=paid.public_id,
        amount=ledger.usd(10_00),
        used_on=DAY,
        reference="order-1",
    )
    return models.CreditUse.objects.get(credit_memo=memo)


def make_money_timing() -> models.MoneyTiming:
    return models.MoneyTiming.objects.get(vendor=make_vendor("POSTAL_EMAIL"))


def make_send_commitment() -> models.SendCommitment:
    return models.SendCommitment.objects.get(send=make_approved())


def make_decision() -> models.SendDecision:
    return models.SendDecision.objects.get(send=make_approved())


def make_fact() -> models.SendFact:
    send = make_approved(preset="SENDOSO_EGIFT")
    tell(send, State.OFFERED)
    return models.SendFact.objects.get(send=send)


def make_posting() -> models.SendPosting:
    return models.SendPosting.objects.get(send=make_fact().send)


def make_cost_share() -> models.CostShare:
    return models.CostShare.objects.filter(cost_line__send=make_fact().send)[0]


def make_send_request() -> models.SendRequest:
    return models.SendRequest.objects.get(send=make_request())


def make_share() -> models.SendShare:
    return models.SendShare.objects.get(send=make_request())

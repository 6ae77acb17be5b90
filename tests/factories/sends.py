"""Campaigns, vendors, sends and what they cost, in the organization that the test has entered."""

from __future__ import annotations

import datetime as dt

from django.db.models import Max

from gifting import models
from gifting.domain import lifecycle
from gifting.services import fiscal
from tests.factories import organizations

DAY = organizations.NOON.date()
SOURCE = "giftshop"


def make_vendor(code: str | None = None, *, name: str = "Gift Shop") -> models.Vendor:
    return models.Vendor.objects.create(
        organization_id=organizations.here(),
        code=code or f"vendor-{organizations.next_number()}",
        name=name,
    )


def make_program(code: str | None = None, *, name: str = "Customer days") -> models.Program:
    return models.Program.objects.create(
        organization_id=organizations.here(),
        code=code or f"program-{organizations.next_number()}",
        name=name,
    )


def make_campaign(
    code: str | None = None,
    *,
    name: str = "Spring gifts",
    channel: str = "direct_mail",
    cost_center: models.CostCenter | None = None,
    owner_id: int | None = None,
    program: models.Program | None = None,
) -> models.Campaign:
    return models.Campaign.objects.create(
        organization_id=organizations.here(),
        code=code or f"campaign-{organizations.next_number()}",
        name=name,
        channel=channel,
        cost_center=cost_center or organizations.root_cost_center(),
        owner_id=owner_id,
        program=program,
    )


def make_gift_item(
    *, vendor: models.Vendor | None = None, name: str = "Tea box", price_minor: int = 50_00
) -> models.GiftItem:
    return models.GiftItem.objects.create(
        organization_id=organizations.here(),
        vendor=vendor or make_vendor(),
        sku=f"sku-{organizations.next_number()}",
        name=name,
        list_price_amount_minor=price_minor,
        currency="USD",
    )


def make_recipient(
    external_id: str | None = None,
    *,
    name: str = "Rita Recipient",
    email: str = "rita@customer.example",
    account_reference: str = "",
) -> models.Recipient:
    return models.Recipient.objects.create(
        organization_id=organizations.here(),
        source=SOURCE,
        external_id=external_id or f"recipient-{organizations.next_number()}",
        name=name,
        email=email,
        country="US",
        account_reference=account_reference,
    )


def make_send(
    external_id: str | None = None,
    *,
    campaign: models.Campaign | None = None,
    vendor: models.Vendor | None = None,
    recipient: models.Recipient | None = None,
    cost_center: models.CostCenter | None = None,
    account_reference: str = "",
    sender_reference: str = "",
    states: tuple[lifecycle.State, ...] = (),
    at: dt.datetime = organizations.NOON,
) -> models.Send:
    """Make a send and move it through the states, all at one instant."""
    campaign = campaign or make_campaign()
    send = models.Send.objects.create(
        organization_id=organizations.here(),
        source=SOURCE,
        external_id=external_id or f"send-{organizations.next_number()}",
        campaign=campaign,
        vendor=vendor or make_vendor(),
        recipient=recipient or make_recipient(),
        cost_center=cost_center or campaign.cost_center,
        account_reference=account_reference,
        sender_reference=sender_reference,
    )
    for state in states:
        make_event(send, state, at=at)
    send.refresh_from_db()
    return send


def make_event(
    send: models.Send, to_state: lifecycle.State, *, at: dt.datetime = organizations.NOON
) -> models.SendEvent:
    """Tell a send's next step; its state follows by trigger."""
    return models.SendEvent.objects.create(
        organization_id=send.organization_id,
        send=send,
        number=0,
        to_state=to_state.value,
        occurred_at=at,
        source=SOURCE,
        source_event_id=f"event-{organizations.next_number()}",
    )


def make_cost_line(
    send: models.Send,
    amount_minor: int,
    *,
    component: models.sends.Component = models.sends.Component.ITEM,
    basis: models.sends.Basis = models.sends.Basis.ACTUAL,
    day: dt.date = DAY,
    currency: str = "USD",
) -> models.CostLine:
    """State a component's whole amount anew; the version and the change follow from the last."""
    lines = models.CostLine.objects.filter(send=send, component=component)
    version = lines.aggregate(Max("version"))["version__max"] or 0
    before = lines.get(version=version).amount_minor if version else 0
    return models.CostLine.objects.create(
        organization_id=send.organization_id,
        send=send,
        component=component,
        version=version + 1,
        basis=basis,
        amount_minor=amount_minor,
        change_minor=amount_minor - before,
        currency=currency,
        occurred_on=day,
        fiscal_period=period_of(day),
        campaign=send.campaign,
        vendor=send.vendor,
        cost_center=send.cost_center,
    )


def period_of(day: dt.date) -> models.FiscalPeriod:
    """Return the fiscal period of the day, generated if it is not there yet."""
    fiscal.ensure_periods(organization_id=organizations.here(), dates=[day])
    return models.FiscalPeriod.objects.get(starts_on__lte=day, ends_on__gt=day)


def make_budget(
    *,
    amount_minor: int = 1_000_00,
    cost_center: models.CostCenter | None = None,
    campaign: models.Campaign | None = None,
    day: dt.date = DAY,
) -> models.Budget:
    return models.Budget.objects.create(
        organization_id=organizations.here(),
        name=f"Budget {organizations.next_number()}",
        cost_center=cost_center or organizations.root_cost_center(),
        campaign=campaign,
        fiscal_period=period_of(day),
        original_amount_minor=amount_minor,
        currency="USD",
    )

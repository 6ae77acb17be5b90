"""Leave one small example of every kind of record in the books of a sandbox, through the services.

A sandbox is for attacking the product by hand, and a table without rows cannot be attacked. The
rule kept here: nothing of it changes what was spent, what was earned or what is true of the
company; what is charged comes back. Keys are fixed, so that it is done once.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from gifting import models
from gifting.domain import access, documents, exchange, gift_rules, matching, money, timing
from gifting.domain import approvals as matrix
from gifting.domain.ledger import PeriodStatus
from gifting.domain.lifecycle import State
from gifting.domain.reports import SignRole
from gifting.selectors import organizations
from gifting.services import (
    approvals,
    budgets,
    charges,
    close_samples,
    contracts,
    control_samples,
    credit_memos,
    decisions,
    invoices,
    ledger,
    matches,
    orders,
    overrides,
    periods,
    receipts,
    reports,
    requests,
    seals,
    vendors,
)
from gifting.services import exchange as rates
from gifting.services import gift_rules as rules
from gifting.services import timing as terms

NAMESPACE: Final = UUID("5b1f0c1e-6a0b-4f0e-9d0e-2f4b0d9c7a11")
KEY: Final = "sample"
ROOM_MINOR: Final = 1_000_00
RETURNING: Final = "LOOP_AND_TIE"
NOON: Final = dt.time(12, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """Whose books they are, who asks and who approves, the day of it all, and the money for it."""

    actor: access.Actor
    asker: access.Actor
    approver: access.Actor
    currency: str
    day: dt.date
    budget_id: int
    vendor_id: int

    @property
    def at(self) -> dt.datetime:
        return dt.datetime.combine(self.day, NOON)

    def money(self, amount_minor: int) -> money.Money:
        return money.Money(amount_minor, self.currency)


def key(name: str) -> str:
    return f"{KEY}-{name}"


def are_kept() -> bool:
    """Tell whether the examples are there."""
    return models.Vendor.objects.filter(code=KEY).exists()


def keep(
    *, actor: access.Actor, asker_id: int, approver_id: int, currency: str, day: dt.date
) -> None:
    """Leave the examples, as of a day in an open fiscal period; raises Forbidden."""
    place = Place(
        actor=actor,
        asker=_member(actor, asker_id, access.Role.MARKETING),
        approver=_member(actor, approver_id, access.Role.FINANCE),
        currency=currency,
        day=day,
        budget_id=_budget(actor, currency, day),
        vendor_id=vendors.create(actor=actor, code=KEY, name="Sample Gifts (sandbox)"),
    )
    _revise(place, "lend", ROOM_MINOR)
    _move_money(place)
    _ask_for_approval(place)
    _judge_gifts(place)
    _convert(place)
    _buy(place)
    _send(place)
    control_samples.keep(actor=actor, budget_id=place.budget_id, currency=currency, day=place.day)
    # All of it came back, or this would be refused.
    _revise(place, "return", -ROOM_MINOR)
    _close_and_open(place)
    control_samples.share(
        actor=actor, asker=place.asker, approver=place.approver, currency=currency, day=place.day
    )
    control_samples.end(actor=actor, budget_id=place.budget_id, day=place.day)
    _sign_a_report(place)
    seals.seal(actor=actor)


def _sign_a_report(place: Place) -> None:
    """Take a report of the budgets, and have finance sign that it prepared it."""
    taken = reports.take(actor=place.approver, key=key("report"), kind="BUDGETS", parameters={})
    reports.sign(
        actor=place.approver,
        snapshot=taken.public_id,
        role=SignRole.PREPARER,
        sha256=taken.sha256,
        note="An example of the sandbox",
    )


def _member(actor: access.Actor, user_id: int, role: access.Role) -> access.Actor:
    return access.Actor.member(
        user_id=user_id,
        organization_id=actor.organization_id,
        role=role,
        cost_center_ids=models.CostCenter.objects.values_list("id", flat=True),
    )


def _budget(actor: access.Actor, currency: str, day: dt.date) -> int:
    """Approve nothing to the company itself, above the budgets of its campaigns."""
    return budgets.approve(
        actor=actor,
        name="Examples (sandbox)",
        amount=money.Money.zero(currency),
        cost_center_id=organizations.root_cost_center_id(),
        fiscal_period_id=periods.of_decision(actor=actor, day=day),
    )


def _revise(place: Place, name: str, amount_minor: int) -> None:
    budgets.revise(
        actor=place.actor,
        key=key(name),
        budget_id=place.budget_id,
        amount=place.money(amount_minor),
        reason="For the examples of the sandbox",
        effective_on=place.day,
    )


def _move_money(place: Place) -> None:
    """Reserve, deliver, pay and get back."""
    reserved = ledger.commit(
        actor=place.actor,
        key=key("commit"),
        shares=[ledger.Share(place.budget_id, place.money(60_00))],
        effective_on=place.day,
        reference=KEY,
    )
    paid = ledger.invoice(
        actor=place.actor,
        key=key("invoice"),
        commitment=UUID(reserved.response["commitments"][0]),
        amount=place.money(60_00),
        effective_on=place.day,
        reason="An example of the sandbox",
    )
    ledger.refund(
        actor=place.actor,
        key=key("refund"),
        spend=paid.operation_id,
        amount=place.money(60_00),
        effective_on=place.day,
    )


def _ask_for_approval(place: Place) -> None:
    """Let finance approve one request, and the asker take another back."""
    finance = matrix.Approver(matrix.ApproverKind.ROLE, role=access.Role.FINANCE)
    policy = matrix.Policy(
        version=0,
        currency=place.currency,
        bands=(matrix.Band(number=1, approver=finance, amount_at_least_minor=250_00),),
    )
    approvals.define_policy(
        actor=place.actor, key=key("policy"), policy=policy, reason="As the board said", at=place.at
    )
    facts = matrix.Facts(place.money(300_00), cost_center_id=organizations.root_cost_center_id())
    kept, taken_back = (
        approvals.request(
            actor=place.asker,
            subject=approvals.Subject("SEND", uuid.uuid5(NAMESPACE, name)),
            facts=facts,
            at=place.at,
        )
        for name in ("kept", "taken back")
    )
    approvals.approve(
        actor=place.approver, key=key("approve"), request_id=kept.request_id, at=place.at
    )
    approvals.withdraw(
        actor=place.asker,
        key=key("withdraw"),
        request_id=taken_back.request_id,
        reason="Not needed any more",
        at=place.at,
    )


def _judge_gifts(place: Place) -> None:
    """Let a rule pass once, and note what somebody was given."""
    subject = uuid.uuid5(NAMESPACE, "gift")
    granted = overrides.grant(
        actor=place.approver,
        key=key("override"),
        rule_code="OFFICIAL-ANY",
        reason="Legal has agreed",
        requested_by=place.asker.user_id,
        valid_until=place.at + dt.timedelta(days=7),
        at=place.at,
    )
    overrides.use(actor=place.actor, override_id=granted, subject_id=subject, at=place.at)
    rules.record(
        actor=place.actor,
        proposal=rules.Proposal(
            subject_id=subject,
            given_on=place.day,
            currency=place.currency,
            shares=(rules.Share(_recipient_id(), gift_rules.Cost(item=20_00)),),
            nature="Tea box",
            purpose="Thanks for the visit",
        ),
        at=place.at,
    )


def _convert(place: Place) -> None:
    """Convert an amount by a rate of the organization's own."""
    other = "EUR" if place.currency != "EUR" else "USD"
    lines = f"base,quote,type,date,rate\n{place.currency},{other},SPOT,{place.day},0.9\n"
    rates.import_own(actor=place.actor, source=f"{KEY}.csv", data=lines.encode())
    rates.convert(
        actor=place.actor,
        amount=place.money(100_00),
        to_currency=other,
        on=place.day,
        rate_type=exchange.RateType.SPOT,
    )


def _buy(place: Place) -> None:
    """Order, receive, be invoiced, and get it all back; agree on a price; take a company over."""
    matches.set_tolerance(
        actor=place.actor,
        key=key("tolerance"),
        currency=place.currency,
        starts_on=place.day,
        tolerance=matching.Tolerance(200, 5_00),
    )
    order = orders.place(
        actor=place.actor,
        key=key("order"),
        vendor_id=place.vendor_id,
        number=key("order"),
        cost_center_id=organizations.root_cost_center_id(),
        currency=place.currency,
        ordered_on=place.day,
        lines=[orders.Line("Tea boxes", place.budget_id, 4, 5_00)],
    )
    line_id = models.PurchaseOrderLine.objects.get(order__public_id=order).pk
    receipts.receive(
        actor=place.actor,
        key=key("receipt"),
        kind=models.orders.ReceiptKind.DELIVERY,
        quantity=4,
        received_on=place.day,
        proof="Signed for",
        source=KEY,
        source_id=key("receipt"),
        at=place.at,
        order_line_id=line_id,
    )
    taken = invoices.take(
        actor=place.actor,
        key=key("vendor-invoice"),
        vendor_id=place.vendor_id,
        number=key("vendor-invoice"),
        currency=place.currency,
        invoiced_on=place.day,
        total_minor=20_00,
        lines=[invoices.Line("Tea boxes", 4, 20_00, order_line_id=line_id)],
        at=place.at,
    )
    invoiced = models.VendorInvoiceLine.objects.get(invoice__public_id=taken.invoice)
    invoices.credit(
        actor=place.actor,
        key=key("credit-note"),
        invoice=taken.invoice,
        number=key("credit-note"),
        credited_on=place.day,
        lines=[invoices.Credit(invoiced.pk, 20_00)],
        reason="All of it was broken",
        at=place.at,
    )
    item = models.GiftItem.objects.filter(currency=place.currency).order_by("id")[0]
    contracts.agree(
        actor=place.actor,
        key=key("contract"),
        gift_item_id=item.pk,
        currency=place.currency,
        starts_on=place.day,
        ends_on=None,
        reference="An example of the sandbox",
        tiers=[(1, item.list_price_amount_minor)],
    )
    _merge(place)


def _merge(place: Place) -> None:
    """Take another name for the same company, and find that it is another one."""
    twin = vendors.create(actor=place.actor, code=key("twin"), name="Sample Gifts Ltd (sandbox)")
    vendors.identify(
        actor=place.actor,
        key=key("identity"),
        vendor_id=place.vendor_id,
        kind=documents.IdentityKind.DOMAIN,
        value="sample-gifts.example",
    )
    merged = vendors.merge(
        actor=place.actor,
        key=key("merge"),
        vendor_id=twin,
        into_id=place.vendor_id,
        reason="The same address",
    )
    vendors.unmerge(
        actor=place.actor, key=key("unmerge"), merge=merged, reason="Two companies after all"
    )


def _send(place: Place) -> None:
    """Offer a gift that nobody accepts, and pay another with the credit that comes back."""
    terms.add_preset(
        actor=place.actor, vendor_id=place.vendor_id, code=RETURNING, starts_on=place.day
    )
    ended, other = (_decided(place, name) for name in ("ended", "other"))
    for state in (State.OFFERED, State.EXPIRED):
        charges.tell(actor=place.actor, send=ended, moment=charges.Moment(state, place.at))
    memo = models.CreditMemo.objects.get(send__public_id=ended)
    credit_memos.use(
        actor=place.actor,
        credit=memo.public_id,
        send=other,
        amount=place.money(10_00),
        used_on=place.day,
        reference=KEY,
    )
    charges.tell(actor=place.actor, send=other, moment=charges.Moment(State.CANCELLED, place.at))


def _decided(place: Place, name: str) -> UUID:
    """Ask for a gift and reserve what it will cost."""
    campaign = models.Campaign.objects.order_by("id")[0]
    send = requests.request(
        actor=place.actor,
        asked=requests.Asked(
            reference=key(name),
            gift=requests.Gift(
                campaign_id=campaign.pk,
                vendor_id=place.vendor_id,
                cost_center_id=campaign.cost_center_id,
                recipient_id=_recipient_id(),
            ),
            estimate={"ITEM": place.money(50_00)},
            shares=[requests.Share(place.budget_id, 1)],
            gift_kind=timing.GiftKind.ANY,
        ),
        at=place.at,
    )
    decisions.decide(actor=place.actor, key=key(f"decide-{name}"), send=send, at=place.at)
    return send


def _close_and_open(place: Place) -> None:
    """Close the first period of the books, and open it again."""
    first = models.FiscalPeriod.objects.order_by("starts_on")[0]
    for status, reason in (
        (PeriodStatus.SOFT_CLOSED, "The books are being tied out"),
        (PeriodStatus.OPEN, "A late invoice"),
    ):
        periods.move(actor=place.actor, period_id=first.pk, status=status, reason=reason)
    close_samples.keep(
        actor=place.actor,
        signer=place.approver,
        budget_id=place.budget_id,
        currency=place.currency,
        day=place.day,
    )


def _recipient_id() -> int:
    found: int = models.Recipient.objects.order_by("id").values_list("id", flat=True)[0]
    return found

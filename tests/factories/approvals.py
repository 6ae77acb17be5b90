"""Approvals, overrides and rules about gifts, in the organization that the test has entered."""

from __future__ import annotations

import datetime as dt
import uuid

from gifting import models
from gifting.domain import access, gift_rules, money, recipients
from gifting.domain import approvals as matrix
from gifting.services import approvals, delegations, overrides
from gifting.services import gift_rules as rules
from gifting.services import recipients as people
from tests.factories import organizations, sends

NOON = organizations.NOON
DAY = NOON.date()
FINANCE = matrix.Approver(matrix.ApproverKind.ROLE, role=access.Role.FINANCE)


def key() -> str:
    return f"key-{organizations.next_number()}"


def usd(amount_minor: int) -> money.Money:
    return money.Money(amount_minor, "USD")


def system() -> access.Actor:
    return access.Actor.system(organization_id=organizations.here())


def member(role: access.Role) -> access.Actor:
    """Let somebody new into the organization and return them as an actor."""
    person = organizations.make_person(f"person-{organizations.next_number()}")
    models.Membership.objects.create(
        organization_id=organizations.here(), user=person, role=role.value
    )
    return actor_of(person.pk, role)


def actor_of(user_id: int, role: access.Role) -> access.Actor:
    return access.Actor.member(
        user_id=user_id,
        organization_id=organizations.here(),
        role=role,
        cost_center_ids=models.CostCenter.objects.values_list("id", flat=True),
    )


def band(number: int = 1, approver: matrix.Approver = FINANCE, **conditions: object) -> matrix.Band:
    return matrix.Band(number=number, approver=approver, **conditions)  # type: ignore[arg-type]  # what a band takes


def define(*bands: matrix.Band, at: dt.datetime = NOON, **settings: object) -> int:
    """Put a matrix in force and return its version."""
    policy = matrix.Policy(version=0, currency="USD", bands=bands, **settings)  # type: ignore[arg-type]  # what a policy takes
    return approvals.define_policy(
        actor=system(), key=key(), policy=policy, reason="The board said so", at=at
    )


def ask(
    actor: access.Actor | None = None,
    amount_minor: int = 300_00,
    *,
    subject: uuid.UUID | None = None,
    at: dt.datetime = NOON,
    prepared_by: int | None = None,
    cost_center_id: int | None = None,
) -> approvals.Outcome:
    return approvals.request(
        actor=actor or member(access.Role.MARKETING),
        subject=approvals.Subject("SEND", subject or uuid.uuid4()),
        facts=matrix.Facts(usd(amount_minor), cost_center_id=cost_center_id),
        prepared_by=prepared_by,
        at=at,
    )


def answer(
    outcome: approvals.Outcome,
    actor: access.Actor,
    *,
    on_behalf_of: int | None = None,
    at: dt.datetime = NOON,
) -> approvals.Outcome:
    return approvals.approve(
        actor=actor, key=key(), request_id=outcome.request_id, on_behalf_of=on_behalf_of, at=at
    )


def delegate(delegator: int, to: int, *, starts_on: dt.date = DAY, days: int = 7) -> uuid.UUID:
    return delegations.delegate(
        actor=system(),
        key=key(),
        delegator=delegator,
        to=to,
        starts_on=starts_on,
        ends_on=starts_on + dt.timedelta(days=days),
        reason="On leave",
    )


def proposal(
    *shares: tuple[models.Recipient, int],
    day: dt.date = DAY,
    subject: uuid.UUID | None = None,
    kind: gift_rules.GiftKind = gift_rules.GiftKind.GOODS,
    currency: str = "USD",
) -> rules.Proposal:
    return rules.Proposal(
        subject_id=subject or uuid.uuid4(),
        given_on=day,
        currency=currency,
        shares=tuple(
            rules.Share(recipient.pk, gift_rules.Cost(item=amount)) for recipient, amount in shares
        ),
        kind=kind,
        nature="Tea box",
        purpose="Thanks for the visit",
    )


def own_rule(code: str = "OWN", limit_minor: int = 50_00, **settings: object) -> int:
    values = {
        "window": gift_rules.Window.ROLLING_12M,
        "basis": gift_rules.Basis.ITEM,
        "action": gift_rules.Action.BLOCK,
        "source": "Our code of conduct",
        **settings,
    }
    rule = gift_rules.Rule(code=code, version=0, limit=usd(limit_minor), **values)  # type: ignore[arg-type]  # what a rule takes
    return rules.define_rule(actor=system(), key=key(), rule=rule)


def _ask_at_root() -> approvals.Outcome:
    return ask(cost_center_id=organizations.root_cost_center().pk)


def make_policy() -> models.ApprovalPolicy:
    version = define(band(amount_at_least_minor=100_00), escalates_after_hours=24)
    return models.ApprovalPolicy.objects.get(version=version)


def make_request() -> models.ApprovalRequest:
    make_policy()
    return models.ApprovalRequest.objects.get(public_id=_ask_at_root().request_id)


def make_approval() -> models.Approval:
    make_policy()
    outcome = answer(_ask_at_root(), member(access.Role.FINANCE))
    return models.Approval.objects.get(request__public_id=outcome.request_id)


def make_event() -> models.ApprovalEvent:
    request = make_request()
    approvals.withdraw(
        actor=system(), key=key(), request_id=request.public_id, reason="Not needed", at=NOON
    )
    return models.ApprovalEvent.objects.get(request=request)


def make_delegation() -> models.Delegation:
    femi, maya = member(access.Role.FINANCE), member(access.Role.MARKETING)
    made = delegate(femi.user_id or 0, maya.user_id or 0)
    return models.Delegation.objects.get(public_id=made)


def make_override() -> models.Override:
    made = overrides.grant(
        actor=member(access.Role.FINANCE),
        key=key(),
        rule_code="OFFICIAL-ANY",
        reason="Legal has agreed",
        requested_by=None,
        valid_until=NOON + dt.timedelta(days=7),
        at=NOON,
    )
    return models.Override.objects.get(public_id=made)


def make_override_use() -> models.OverrideUse:
    override = make_override()
    overrides.use(actor=system(), override_id=override.public_id, subject_id=uuid.uuid4(), at=NOON)
    return models.OverrideUse.objects.get(override=override)


def make_gift() -> models.RecipientGift:
    given = proposal((sends.make_recipient(), 40_00))
    rules.record(actor=system(), proposal=given, send_id=sends.make_send().pk, at=NOON)
    return models.RecipientGift.objects.get(subject_id=given.subject_id)


def make_link() -> models.RecipientLink:
    twin = sends.make_recipient()
    people.link(
        actor=system(),
        recipient_id=twin.pk,
        counts_as_id=sends.make_recipient().pk,
        relation=recipients.Relation.DUPLICATE,
        reason="The same person",
        at=NOON,
    )
    return models.RecipientLink.objects.get(recipient=twin)


def make_lock() -> models.RecipientLock:
    return models.RecipientLock.objects.get(recipient=make_gift().recipient)


def make_gift_rule() -> models.GiftRule:
    return models.GiftRule.objects.get(code="US-274B")


def make_tax_rule() -> models.TaxRule:
    return models.TaxRule.objects.get(code="US-274B")

"""Say what a recipient is to the rules, and which recipients count as one."""

from __future__ import annotations

import datetime as dt

from gifting import models
from gifting.domain import access, recipients, refusals
from gifting.selectors import gift_rules as records
from gifting.services import conflicts, gift_rules, operations


class RecipientLinkUnusable(refusals.Invalid):
    code = "RECIPIENT_LINK_UNUSABLE"


def classify(
    *,
    actor: access.Actor,
    recipient_id: int,
    recipient_class: recipients.RecipientClass,
) -> None:
    """Say what a recipient is; gifts so far keep the class they were given under.

    Raises Forbidden and UnknownRecipient.
    """
    actor.require(access.Permission.WRITE_SENDS)
    changed = models.Recipient.objects.filter(id=recipient_id).update(
        recipient_class=recipient_class.value
    )
    if not changed:
        raise _unknown()


def link(
    *,
    actor: access.Actor,
    recipient_id: int,
    counts_as_id: int,
    relation: recipients.Relation,
    reason: str,
    at: dt.datetime,
) -> None:
    """Count gifts to a recipient, and to all who count as it, as gifts to another.

    Said again, it changes nothing. Both are locked, so no gift is judged by half of it. Raises
    Forbidden, UnknownRecipient, TextUnusable and RecipientLinkUnusable.
    """
    actor.require(access.Permission.WRITE_SENDS)
    operations.text(reason, field="reason")
    gift_rules.hold(actor=actor, recipient_ids=[recipient_id, counts_as_id])
    known = records.people([recipient_id, counts_as_id])
    if recipient_id not in known or counts_as_id not in known:
        raise _unknown()
    roots = records.counted_as([recipient_id, counts_as_id])
    target = roots[counts_as_id]
    if roots[recipient_id] == target and recipient_id != target:
        return
    if recipient_id == target:
        raise RecipientLinkUnusable("A recipient counts as another.", field="counts_as")
    moving = records.everyone_counted_as(recipient_id)
    _end(actor, sorted(moving), at)
    two_deep = RecipientLinkUnusable("Somebody else linked one of them just now. Look again.")
    with conflicts.refusing("recipient_link_is_one_deep", two_deep):
        # One by one, since each is judged by what stands before it.
        for each in sorted(moving):
            models.RecipientLink.objects.create(
                organization_id=actor.organization_id,
                recipient_id=each,
                counts_as_id=target,
                relation=relation.value,
                reason=reason,
                user_id=actor.user_id,
                linked_at=at,
            )


def unlink(*, actor: access.Actor, recipient_id: int, at: dt.datetime) -> None:
    """Let a recipient count for itself again; nothing happens if it does. Raises Forbidden."""
    actor.require(access.Permission.WRITE_SENDS)
    gift_rules.hold(actor=actor, recipient_ids=[recipient_id])
    _end(actor, [recipient_id], at)


def _end(actor: access.Actor, recipient_ids: list[int], at: dt.datetime) -> None:
    models.RecipientLink.objects.filter(recipient_id__in=recipient_ids, ended_at=None).update(
        ended_at=at, ended_by_id=actor.user_id
    )


def _unknown() -> gift_rules.UnknownRecipient:
    return gift_rules.UnknownRecipient(
        "There is no such recipient for you. Look the recipient up and name that.",
        field="recipient_id",
    )

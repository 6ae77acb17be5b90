"""Let one rule pass for a reason: who allowed it, until when, and how often it was used."""

from __future__ import annotations

import datetime as dt
from typing import Final
from uuid import UUID

from gifting import models
from gifting.domain import access, ledger, refusals
from gifting.services import conflicts, operations

LONGEST: Final = dt.timedelta(days=366)


class OverrideUnusable(refusals.Invalid):
    code = "OVERRIDE_UNUSABLE"


class OverrideUsedUp(refusals.Conflict):
    code = "OVERRIDE_USED_UP"


class OverrideByItsUser(refusals.Forbidden):
    code = "OVERRIDE_BY_ITS_USER"


def grant(
    *,
    actor: access.Actor,
    key: str,
    reason: str,
    requested_by: int | None,
    valid_until: dt.datetime,
    at: dt.datetime,
    rule_code: str = "",
    recipient_id: int | None = None,
    subject_id: UUID | None = None,
    most_uses: int | None = 1,
) -> UUID:
    """Let a gift rule pass, or without one the approval of a subject; return the override's id.

    `requested_by` is who asked for it, and never the actor. Raises Forbidden, TextUnusable,
    OverrideUnusable and what `operations.perform` refuses.
    """
    actor.require(access.Permission.APPROVE)
    if actor.user_id is None:
        raise refusals.Forbidden("Only people allow an override. Sign in as one.")
    approver = actor.user_id
    operations.text(reason, field="reason")
    _require_usable(approver, rule_code, subject_id, requested_by, most_uses)
    if not at < valid_until <= at + LONGEST:
        raise OverrideUnusable(
            f"An override ends after now, and within {LONGEST.days} days.", field="valid_until"
        )

    def plan(_: UUID) -> operations.Plan:
        made = models.Override.objects.create(
            organization_id=actor.organization_id,
            rule_code=rule_code,
            recipient_id=recipient_id,
            subject_id=subject_id,
            reason=reason,
            requested_by_id=requested_by,
            approved_by_id=approver,
            valid_from=at,
            valid_until=valid_until,
            most_uses=most_uses,
        )
        return operations.Plan(response={"override": str(made.public_id)})

    asked = {
        "act": "override",
        "rule": rule_code,
        "recipient": recipient_id,
        "subject": subject_id,
        "reason": reason,
        "requested_by": requested_by,
        "valid_until": valid_until,
        "most_uses": most_uses,
        "user": actor.user_id,
    }
    answer = operations.perform(
        actor=actor, kind=ledger.OperationKind.DECISION, key=key, request=asked, plan=plan
    )
    return UUID(answer.response["override"])


def use(*, actor: access.Actor, override_id: UUID, subject_id: UUID, at: dt.datetime) -> None:
    """Note that a subject passed by an override, once, in the caller's transaction.

    It locks the override alone. Raises OverrideUsedUp and OverrideByItsUser.
    """
    row = models.Override.objects.get(public_id=override_id)
    if models.OverrideUse.objects.filter(override=row, subject_id=subject_id).exists():
        return
    used_up = OverrideUsedUp("The override has ended or was used up. Ask for another one.")
    own = OverrideByItsUser("You allowed this override, so somebody else has to use it.")
    with conflicts.judging(
        {
            "override_is_in_force": used_up,
            "override_is_not_used_up": used_up,
            "override_is_for_its_subject": used_up,
            "override_use_is_one_a_subject": used_up,
            "override_is_not_used_by_its_approver": own,
        }
    ):
        models.OverrideUse.objects.create(
            organization_id=actor.organization_id,
            override=row,
            subject_id=subject_id,
            user_id=operations.person_behind(actor),
            used_at=at,
        )


def _require_usable(
    approver: int,
    rule_code: str,
    subject_id: UUID | None,
    requested_by: int | None,
    most_uses: int | None,
) -> None:
    if requested_by == approver:
        raise OverrideByItsUser("You asked for this override, so somebody else has to allow it.")
    if not rule_code and subject_id is None:
        raise OverrideUnusable(
            "Name a gift rule, or the one thing whose approval is to pass.", field="rule_code"
        )
    if rule_code and not models.GiftRule.objects.filter(code=rule_code).exists():
        raise OverrideUnusable(f"There is no gift rule {rule_code[:64]!r}.", field="rule_code")
    if most_uses is not None and most_uses < 1:
        raise OverrideUnusable("An override is used at least once.", field="most_uses")

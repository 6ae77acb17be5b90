"""Let somebody decide for an approver, for some days, and take it back."""

from __future__ import annotations

import datetime as dt
from typing import Final
from uuid import UUID

from gifting import models
from gifting.domain import access, ledger, refusals
from gifting.selectors import approvals as records
from gifting.services import conflicts, operations

LONGEST_DAYS: Final = 366


class DelegationUnusable(refusals.Invalid):
    code = "DELEGATION_UNUSABLE"


class DelegationOverlaps(refusals.Conflict):
    code = "DELEGATION_OVERLAPS"


class UnknownDelegation(refusals.NotFound):
    code = "UNKNOWN_DELEGATION"


def delegate(
    *,
    actor: access.Actor,
    key: str,
    delegator: int,
    to: int,
    starts_on: dt.date,
    ends_on: dt.date,
    reason: str,
) -> UUID:
    """Let a member decide for an approver, from one day up to, and without, another.

    Others than the approver need MANAGE_ACCESS. It is not passed on: a delegate delegates only what
    is their own. Raises Forbidden, TextUnusable, DelegationUnusable and DelegationOverlaps.
    """
    if actor.user_id != delegator:
        actor.require(access.Permission.MANAGE_ACCESS)
    operations.text(reason, field="reason")
    _require_usable(delegator, to, starts_on, ends_on)

    def plan(_: UUID) -> operations.Plan:
        _require_members(delegator, to)
        overlaps = DelegationOverlaps(
            "These days are delegated to somebody already. End that delegation first.",
            field="starts_on",
        )
        with conflicts.refusing("delegation_is_to_one_at_a_time", overlaps):
            made = models.Delegation.objects.create(
                organization_id=actor.organization_id,
                delegator_id=delegator,
                delegate_id=to,
                starts_on=starts_on,
                ends_on=ends_on,
                reason=reason,
                made_by_id=actor.user_id,
            )
        return operations.Plan(response={"delegation": str(made.public_id)})

    asked = {
        "act": "delegate",
        "delegator": delegator,
        "to": to,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "reason": reason,
    }
    answer = operations.perform(
        actor=actor, kind=ledger.OperationKind.DECISION, key=key, request=asked, plan=plan
    )
    return UUID(answer.response["delegation"])


def revoke(*, actor: access.Actor, delegation_id: UUID, at: dt.datetime) -> None:
    """End a delegation now; one that was ended stays ended when it was.

    What was decided under it stays decided. Raises Forbidden and UnknownDelegation.
    """
    row = models.Delegation.objects.filter(public_id=delegation_id).first()
    if row is None:
        raise UnknownDelegation("There is no such delegation for you.", field="delegation_id")
    if actor.user_id != row.delegator_id:
        actor.require(access.Permission.MANAGE_ACCESS)
    models.Delegation.objects.filter(id=row.pk, revoked_at=None).update(
        revoked_at=at, revoked_by_id=actor.user_id
    )


def _require_usable(delegator: int, to: int, starts_on: dt.date, ends_on: dt.date) -> None:
    if delegator == to:
        raise DelegationUnusable("Delegate to somebody else than yourself.", field="to")
    if not 0 < (ends_on - starts_on).days <= LONGEST_DAYS:
        raise DelegationUnusable(f"A delegation lasts 1 to {LONGEST_DAYS} days.", field="ends_on")


def _require_members(delegator: int, to: int) -> None:
    approver = records.person(delegator)
    if approver is None or records.person(to) is None:
        raise DelegationUnusable("Both have to be members of your organization.", field="to")
    if access.Permission.APPROVE not in access.ROLE_PERMISSIONS[approver.role]:
        raise DelegationUnusable(
            "Only who approves can delegate it. Ask an administrator for the role.",
            field="delegator",
        )

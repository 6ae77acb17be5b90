"""Background work of the gifting room: what falls due without anybody asking."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from gifting.domain import access
from gifting.selectors import organizations
from gifting.services import access as access_services
from gifting.services import approvals, breakage, ledger, policies, tenancy


@shared_task(name="gifting.expire_commitments", ignore_result=True)
def expire_commitments(**_: Any) -> None:
    """Give back, in every organization, what is reserved by commitments past their time."""
    for organization_id in _organization_ids():
        actor = access.Actor.system(organization_id=organization_id)
        ledger.expire_due(actor=actor, at=timezone.now())


@shared_task(name="gifting.claw_back", ignore_result=True)
def claw_back(**_: Any) -> None:
    """Claw back, in every organization, what is unused on the day that a policy names."""
    for organization_id in _organization_ids():
        actor = access.Actor.system(organization_id=organization_id)
        policies.claw_back_due(actor=actor, at=timezone.now())


@shared_task(name="gifting.expire_credits", ignore_result=True)
def expire_credits(**_: Any) -> None:
    """Let the credits of every organization die on their day; what was in them is breakage."""
    for organization_id in _organization_ids():
        actor = access.Actor.system(organization_id=organization_id)
        breakage.expire_due(actor=actor, at=timezone.now())


@shared_task(name="gifting.sweep_approvals", ignore_result=True)
def sweep_approvals(**_: Any) -> None:
    """Let approval requests lapse that nobody decided in time, and pass on late ones."""
    for organization_id in _organization_ids():
        with tenancy.organization(organization_id):
            actor = access.Actor.system(organization_id=organization_id)
            approvals.sweep(actor=actor, at=timezone.now())


def _organization_ids() -> list[UUID]:
    with tenancy.door(access_services.OPERATOR):
        return [row.id for row in organizations.list_visible()]

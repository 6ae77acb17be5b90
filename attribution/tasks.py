"""Background work of the attribution room."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from attribution.services import runs
from gifting.domain import access


@shared_task(name="attribution.run", ignore_result=True)
def run_attribution(*, organization_id: str, **_: Any) -> None:
    """Bring the current figures of an organization in step with its data; safe to repeat."""
    runs.run(
        actor=access.Actor.system(organization_id=UUID(organization_id)),
        at=timezone.now(),
    )

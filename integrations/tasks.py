"""Background work of the integrations room."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.utils import timezone

from integrations.services import heartbeats


@shared_task(name="integrations.beat", ignore_result=True)
def beat(*, queue: str, **_: Any) -> None:
    """Leave the proof that this queue reaches a worker that reaches the database."""
    heartbeats.beat(queue=queue, at=timezone.now())

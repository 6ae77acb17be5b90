"""Background work of the integrations room."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

import structlog
from celery import shared_task
from django.utils import timezone

from integrations.services import heartbeats, schedule

log = structlog.get_logger(__name__)


@shared_task(name="integrations.beat", ignore_result=True)
def beat(*, queue: str, **_: Any) -> None:
    """Leave the proof that this queue reaches a worker that reaches the database."""
    heartbeats.beat(queue=queue, at=timezone.now())


@shared_task(name="integrations.dispatch", ignore_result=True)
def dispatch(**_: Any) -> None:
    """Send each connection that is due to a worker; safe to repeat."""
    for due in schedule.claim(at=timezone.now(), chance=random.random):
        sync.delay(organization_id=str(due.organization_id), connection_id=due.connection_id)


@shared_task(name="integrations.sync", ignore_result=True)
def sync(*, organization_id: str, connection_id: int, **_: Any) -> None:
    """Read a connection as far as it goes; safe to repeat, since a stream has one reader."""
    outcomes = schedule.read(
        organization_id=UUID(organization_id),
        connection_id=connection_id,
        clock=timezone.now,
    )
    for stream in schedule.failed(outcomes):
        log.warning("crm.stream_needs_a_person", connection_id=connection_id, stream=stream)

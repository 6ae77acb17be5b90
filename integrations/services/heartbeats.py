"""Record that a queue works from end to end."""

from __future__ import annotations

import datetime as dt

from integrations import models


def beat(*, queue: str, at: dt.datetime) -> None:
    """Move the queue's heartbeat to this instant; a late duplicate moves nothing back."""
    models.Heartbeat.objects.update_or_create(
        queue=queue, defaults={}, create_defaults={"beat_at": at}
    )
    models.Heartbeat.objects.filter(queue=queue, beat_at__lt=at).update(beat_at=at)

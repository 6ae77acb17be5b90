"""Tell which queues were seen to work, and when."""

from __future__ import annotations

import datetime as dt

from integrations import models


def ages(*, at: dt.datetime) -> dict[str, dt.timedelta]:
    """Return how long ago each queue was last seen to work from end to end."""
    return {
        queue: at - beat_at
        for queue, beat_at in models.Heartbeat.objects.order_by("queue").values_list(
            "queue", "beat_at"
        )
    }

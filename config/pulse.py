"""Tell a worker that lives but takes nothing from one that is only busy.

After a broker's restart a worker can stay connected to nobody, and no look at its process tells.
Each queue's heartbeat is a task that writes a row; an old row is the sign.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from kombu.exceptions import OperationalError

from config.celery import app
from integrations.selectors import heartbeats

ANSWER_SECONDS = 2.0


def deaf_queues(*, limit: dt.timedelta) -> tuple[str, ...]:
    """Return the queues that nobody serves although somebody could; none while that is unknown."""
    try:
        ages = heartbeats.ages(at=timezone.now())
        late = tuple(name for name in settings.QUEUES if ages.get(name, dt.timedelta.max) > limit)
        return () if not late or _everybody_is_busy() else late
    except (DatabaseError, OperationalError):
        # A database or a broker that is down is told elsewhere, and no fault of the worker.
        return ()
    finally:
        connection.close()


def _everybody_is_busy() -> bool:
    """Tell whether each process of each worker has a task in hand; silence is not busy."""
    inspection = app.control.inspect(timeout=ANSWER_SECONDS)
    active = inspection.active() or {}
    pools = inspection.stats() or {}
    return bool(active) and all(
        len(tasks) >= len(pools.get(name, {}).get("pool", {}).get("processes", ()))
        for name, tasks in active.items()
    )

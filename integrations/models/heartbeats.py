"""Heartbeats: the proof that a task went from the scheduler through the queue to a worker."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """The last time a queue was seen to work from end to end; no tenant owns it."""

    queue = models.CharField(max_length=64, unique=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.queue

"""Celery beat's schedule, kept in the database where operators see and change it."""

from __future__ import annotations

from django_celery_beat import schedulers

from config import boot


class Scheduler(schedulers.DatabaseScheduler):  # type: ignore[misc]  # it ships no types
    """Ask for the database first, for beat itself would answer with a traceback."""

    def setup_schedule(self) -> None:
        """Install the entries of the settings."""
        boot.require_database()
        super().setup_schedule()

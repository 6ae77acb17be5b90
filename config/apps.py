"""Register the wiring room, whose commands start and show the whole product."""

from __future__ import annotations

from django.apps import AppConfig

# Tasks belong to the Celery application that exists when they are sent.
from config import celery as celery  # noqa: PLC0414 - loaded for its effect, kept by name


class ConfigConfig(AppConfig):
    """Wiring only: settings, processes, doorway."""

    name = "config"

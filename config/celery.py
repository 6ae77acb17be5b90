"""The Celery application: `celery -A config worker`, `celery -A config beat`.

The queue is a hint and PostgreSQL the truth: tasks are idempotent, due times are rows, and a lost
message is sent again by a sweeper. The settings stand in `config.settings` under CELERY_.
"""

from __future__ import annotations

from typing import Any

from celery import Celery, signals
from django_structlog.celery import steps
from kombu.transport import TRANSPORT_ALIASES

from config import boot

boot.prepare("worker")
# By name, for the transport brings the Redis client along, which few processes need.
TRANSPORT_ALIASES["embedded"] = "config.broker:EmbeddedTransport"
with boot.plain_faults():
    boot.require_settings()

app = Celery("tribute")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# A task's log lines carry its id and the request's that sent it.
app.steps["worker"].add(steps.DjangoStructLogInitStep)


def _require_database(**_: Any) -> None:
    """Say in one sentence that the database is missing, rather than fail task by task."""
    boot.require_database()


def _keep_our_logging(**_: Any) -> None:
    """Leave logging as the settings configured it; Celery stands back when somebody listens."""


signals.worker_init.connect(_require_database)
signals.setup_logging.connect(_keep_our_logging)

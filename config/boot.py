"""Start a process of the product: settings, applications, and faults told in one sentence."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError, connection

from config import releases
from config.postgres.failures import DatabaseUnavailable
from config.supervisor.failures import ServerFailure


def prepare(process: str) -> None:
    """Say what this process is, for settings that depend on it; the environment decides first."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("TRIBUTE_PROCESS", process)


def start(process: str) -> None:
    """Load the applications and reach the database, or end with one sentence and code 1."""
    prepare(process)
    with plain_faults():
        django.setup()
        require_database()


def require_settings() -> None:
    """Read the settings now, so that a wrong one is told before anything else happens."""
    _ = settings.DEBUG


def require_database() -> None:
    """Connect once, or end with one sentence and code 1."""
    with plain_faults():
        connection.ensure_connection()
        # A server may fork after this; each process makes connections of its own.
        connection.close()


@contextlib.contextmanager
def plain_faults() -> Iterator[None]:
    """End with one sentence and code 1, not a traceback, on a fault that a person can mend."""
    try:
        yield
    except (DatabaseUnavailable, ImproperlyConfigured, ServerFailure) as fault:
        sys.exit(f"tribute: {fault}")
    except ProgrammingError:
        # What the database does not know yet, it may still have to learn.
        missing = releases.missing_migrations()
        if missing == 0:
            raise
        sys.exit(f"tribute: {releases.remedy(missing)}")

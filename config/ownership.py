"""Work as the owner of the tables for a while: migrations, a test run's set-up, fault drills.

Everything else works as the application role, which owns nothing and which row-level security
binds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections

from config.postgres.base import DatabaseWrapper


@contextmanager
def owner(alias: str = DEFAULT_DB_ALIAS) -> Iterator[DatabaseWrapper]:
    """Reconnect this thread as the owner, and back as the application role at the end."""
    connection = connections[alias]
    if not isinstance(connection, DatabaseWrapper):
        raise TypeError(f"The database {alias!r} does not use the backend config.postgres.")
    before = connection.works_as_owner
    connection.close()
    connection.works_as_owner = True
    try:
        yield connection
    finally:
        connection.close()
        connection.works_as_owner = before

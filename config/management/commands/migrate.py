"""`manage.py migrate`: the one command that works as the owner of the tables."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections
from psycopg import sql

from attribution.services import books
from config import ownership
from config.postgres.base import DatabaseWrapper

# Any number, the same in every release: two migrations at once wait for each other.
LOCK = 7_162_113
# With one of these the database may be behind this release afterwards.
PARTIAL_OPTIONS = ("app_label", "plan", "fake", "check_unapplied", "prune")


class Command(migrate.Command):
    """Bring the database up to this release, one migration process at a time."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Check and migrate as the owner."""
        with ownership.owner(options["database"]):
            return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, and note that a new embedded database is ready for the application."""
        connection = connections[options["database"]]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        super().handle(*args, **options)
        whole = not any(options.get(name) for name in PARTIAL_OPTIONS)
        if whole and isinstance(connection, DatabaseWrapper):
            _settle_epoch(connection)
            _admit_login(connection)
            connection.note_migrated()


def _settle_epoch(connection: DatabaseWrapper) -> None:
    """Notice that the database came to another server, whose transactions count anew."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT settle_cluster_epoch()")


def _admit_login(connection: DatabaseWrapper) -> None:
    """Let the user of DATABASE_URL, where it is not the owner, work as the product's roles."""
    login = connection.settings_dict["USER"]
    if not connection.settings_dict.get("OWNER") or not login:
        return
    with connection.cursor() as cursor:
        for role in (settings.APPLICATION_ROLE, books.CREDITS_ROLE):
            cursor.execute(
                sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(login))
            )

"""Compare the database with the migrations of this release."""

from __future__ import annotations

from django.db.migrations.executor import MigrationExecutor

from config import ownership


def missing_migrations() -> int:
    """Count the migrations that the database has yet to go through."""
    # As the owner: the application's first look at a new embedded database would start another
    # process to prepare it.
    with ownership.owner() as connection:
        executor = MigrationExecutor(connection)
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def remedy(missing: int) -> str:
    """Say in one sentence what a database that is behind needs."""
    return (
        f"The database is {missing} migrations behind this release: run `manage.py migrate` first."
    )

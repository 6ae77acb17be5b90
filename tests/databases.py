"""Databases of the test suite: a migrated template, made once, and quick copies of it.

The template's name tells which migrations made it, so it stays between runs on the suite's own
server and is never out of date. On a server of somebody else's nothing is left behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from config import ownership
from config.postgres.base import DatabaseWrapper

ALIAS = "default"
# The database of the person at work, whose name the suite borrows and whose rows it never sees.
PRODUCT = connections[ALIAS].settings_dict["NAME"]
COPIES = f"test_{PRODUCT}_"
TEMPLATES = "template_tribute_"
# Databases are made and dropped by one process at a time.
LOCK = 7_162_114

Admin = psycopg.Connection[tuple[Any, ...]]


class Database:
    """A copy of the template that lives as long as its anchor, a connection that does nothing."""

    def __init__(self, name: str) -> None:
        self.name = f"{COPIES}{os.getpid()}_{name}"
        self._before = connections[ALIAS].settings_dict["NAME"]
        with _admin() as admin:
            template = _template(admin)
            _execute(admin, "CREATE DATABASE {} TEMPLATE {}", self.name, template)
            self._anchor = psycopg.connect(**{**_address(), "dbname": self.name})
        _use(self.name)

    @property
    def url(self) -> str:
        """Return what another process calls this database by."""
        address = {**_address(), "dbname": self.name}
        return f"postgresql:///?{urlencode(address)}"

    def leave(self) -> None:
        """Go back to the database that was used before."""
        connections.close_all()
        _use(self._before)
        self._anchor.close()


def url_in_use() -> str:
    """Return what another process calls the database of this test by."""
    address = {**_address(), "dbname": connections[ALIAS].settings_dict["NAME"]}
    return f"postgresql:///?{urlencode(address)}"


def drop_abandoned() -> None:
    """Drop the copies that nobody uses; on a server of somebody else's, the template with the last.

    A killed run's go with the next run's. One by one they would cost a checkpoint each.
    """
    with _admin() as admin:
        _drop_all(admin, _abandoned(admin))
        if _wrapper().embedded_home is None and not _names(admin, COPIES):
            _drop_all(admin, _names(admin, TEMPLATES))


def _template(admin: Admin) -> str:
    """Return the migrated template of this release, making it when there is none."""
    name = f"{TEMPLATES}{_digest()}"
    if name not in _names(admin, name):
        _drop_all(admin, _names(admin, TEMPLATES))
        draft = f"{name}_draft"
        _execute(admin, "CREATE DATABASE {}", draft)
        _use(draft)
        call_command("migrate", verbosity=0, interactive=False)
        _use(PRODUCT)
        _execute(admin, "ALTER DATABASE {} RENAME TO {}", draft, name)
    return name


def _digest() -> str:
    """Sum up everything that a migrated database depends on."""
    digest = hashlib.sha256(importlib.metadata.version("django").encode())
    for config in apps.get_app_configs():
        for file in sorted(Path(config.path).glob("migrations/**/*.*")):
            if file.suffix in {".py", ".sql"}:
                digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _admin() -> Iterator[Admin]:
    """Connect beside every database, as the owner, and keep other runs waiting."""
    with psycopg.connect(**{**_address(), "dbname": "postgres"}, autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield admin


def _address() -> dict[str, Any]:
    with ownership.owner() as connection:
        params = connection.get_connection_params()
    return {key: params[key] for key in params.keys() & {"user", "password", "host", "port"}}


def _use(name: str) -> None:
    connections[ALIAS].close()
    # Shared by the connections of all threads.
    connections[ALIAS].settings_dict["NAME"] = name


def _wrapper() -> DatabaseWrapper:
    connection = connections[ALIAS]
    assert isinstance(connection, DatabaseWrapper)
    return connection


def _names(admin: Admin, prefix: str) -> list[str]:
    rows = admin.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix]
    ).fetchall()
    return [name for (name,) in rows]


def _abandoned(admin: Admin) -> list[str]:
    """Return the copies whose anchor nobody holds."""
    rows = admin.execute("SELECT DISTINCT datname FROM pg_stat_activity").fetchall()
    return sorted(set(_names(admin, COPIES)) - {name for (name,) in rows})


def _drop_all(admin: Admin, names: list[str]) -> None:
    # Not by force, which an autovacuum of the server's own user refuses; without force the server
    # calls it off by itself. What somebody still uses goes with the next run.
    for name in names:
        with contextlib.suppress(psycopg.errors.ObjectInUse):
            _execute(admin, "DROP DATABASE IF EXISTS {}", name)


def _execute(admin: Admin, statement: str, *names: str) -> None:
    admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

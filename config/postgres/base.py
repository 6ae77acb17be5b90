"""Connect to PostgreSQL: start the embedded one when needed, work as the application role."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from psycopg.types.datetime import TimestamptzLoader

from config.postgres.client import DatabaseClient
from config.postgres.failures import DatabaseUnavailable
from config.supervisor import postgres, servers
from config.supervisor.failures import ServerFailure
from config.supervisor.layouts import Layout

OLDEST_VERSION = 150_000
CONNECT_PAUSES_SECONDS = (0.05, 0.2, 0.5, 1.0)
MANAGE = Path(__file__).resolve().parent.parent.parent / "manage.py"
# Written into the embedded server's data folder, so that it goes when the data goes.
MIGRATED = "tribute.migrated"
ROLE_MISSING = "22023"
ROLE_DENIED = "42501"


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection. `works_as_owner` is set by `config.ownership` alone."""

    client_class = DatabaseClient

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        # Django's own connection beside the database creates and drops databases only.
        self.works_as_owner = alias == NO_DB_ALIAS

    @property
    def embedded_home(self) -> Path | None:
        """Return the home of the embedded server; None when an address was given."""
        home = self.settings_dict.get("EMBEDDED_HOME")
        return Path(home) if home else None

    def get_connection_params(self) -> dict[str, Any]:
        """Describe the connection; the embedded server, where it is the one, runs afterwards."""
        plain = self.settings_dict
        owner = plain.get("OWNER") if self.works_as_owner else None
        try:
            self.settings_dict = {**plain, **owner, "NAME": plain["NAME"]} if owner else plain
            params = dict(super().get_connection_params())
        finally:
            self.settings_dict = plain
        return params if self.embedded_home is None else {**params, **self._embedded_place()}

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        """Connect, recovering the embedded server if need be; raises DatabaseUnavailable."""
        connection: psycopg.Connection[Any] = (
            self._connect_outside(conn_params)
            if self.embedded_home is None
            else self._connect_embedded(conn_params)
        )
        version = connection.info.server_version
        if version < OLDEST_VERSION:
            connection.close()
            raise DatabaseUnavailable(
                f"PostgreSQL at {_place(conn_params)} is version {version // 10_000}, and Tribute "
                "needs 15 or newer: upgrade it, or correct DATABASE_URL."
            )
        return connection

    def _connect_outside(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError as error:
            variable = self._variable()
            raise DatabaseUnavailable(
                f"Cannot connect to PostgreSQL at {_place(conn_params)} ({_reason(error)}): "
                f"start that server or correct {variable}."
            ) from error

    def _connect_embedded(self, conn_params: dict[str, Any]) -> Any:
        if self._wants_migrations():
            _migrate()
        for pause_seconds in CONNECT_PAUSES_SECONDS:
            try:
                return super().get_new_connection(conn_params)
            except psycopg.OperationalError as error:
                # Killed since the look at it, perhaps not yet quite dead: look again.
                time.sleep(pause_seconds)
                conn_params = {**conn_params, **self._embedded_place()}
                refusal = error
        raise DatabaseUnavailable(
            f"The embedded PostgreSQL at {_place(conn_params)} lets nobody in "
            f"({_reason(refusal)}): see the log in {self.embedded_home}/log."
        ) from refusal

    def _embedded_place(self) -> dict[str, Any]:
        return {"host": str(self._embedded_layout().sockets), "port": postgres.PORT}

    def _embedded_layout(self) -> Layout:
        """Have the embedded server run and return where."""
        try:
            return servers.ensure_postgres(
                Path(self.settings_dict["EMBEDDED_HOME"]),
                durable=self.settings_dict.get("EMBEDDED_DURABLE", True),
            )
        except ServerFailure as failure:
            raise DatabaseUnavailable(str(failure)) from failure

    def note_migrated(self) -> None:
        """Remember that the embedded database is ready for the application."""
        if self._is_the_products():
            (self._embedded_layout().postgres / MIGRATED).touch()

    def _wants_migrations(self) -> bool:
        """Tell whether this is the application's first look at a new embedded database."""
        return (
            not self.works_as_owner
            and self._is_the_products()
            and not (self._embedded_layout().postgres / MIGRATED).exists()
        )

    def _is_the_products(self) -> bool:
        """Tell the product's own embedded database from a test run's, which prepares itself."""
        return self.embedded_home is not None and self.settings_dict["NAME"] == postgres.DATABASE

    def connect(self) -> None:
        """Connect, or have no connection: one without its role must never be used."""
        try:
            super().connect()
        except BaseException:
            self.close()
            raise

    def create_cursor(self, name: str | None = None) -> Any:
        """Make a cursor that reads moments with psycopg's own reader.

        It gives what Django's gives in UTC, which is the zone of every connection here, and takes a
        twentieth of the time, since it is not Python: 0.3 instead of 5 microseconds a value.
        """
        cursor: Any = super().create_cursor(name)
        if self.timezone is dt.UTC:
            cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        return cursor

    def _configure_role(self, connection: psycopg.Connection[Any]) -> bool:
        if self.works_as_owner:
            return False
        try:
            return bool(super()._configure_role(connection))  # type: ignore[misc]  # the stubs are older than Django 5.2.8
        except psycopg.Error as error:
            role = self.settings_dict["OPTIONS"]["assume_role"]
            if error.sqlstate not in {ROLE_MISSING, ROLE_DENIED}:
                raise
            raise DatabaseUnavailable(
                f"The database user {connection.info.user} cannot work as the role {role}, which "
                "migrations create and grant: run `manage.py migrate` as the owner first."
            ) from error

    def _variable(self) -> str:
        has_own = self.works_as_owner and self.settings_dict.get("OWNER")
        return "DATABASE_OWNER_URL" if has_own else "DATABASE_URL"


def _migrate() -> None:
    """Prepare a new embedded database, in a process of its own: this one is in mid-connection."""
    answer = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, str(MANAGE), "migrate", "--verbosity=0"],
        env={**os.environ, "TRIBUTE_PROCESS": "command"},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        reason = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DatabaseUnavailable(
            f"The new database could not be prepared ({reason}): run `manage.py migrate` and "
            "see why."
        )


def _place(conn_params: dict[str, Any]) -> str:
    host = str(conn_params.get("host") or "the local socket")
    is_folder = host.startswith(("/", "the "))
    return host if is_folder else f"{host}:{conn_params.get('port', postgres.PORT)}"


def _reason(error: psycopg.OperationalError) -> str:
    """Return the server's or the system's own words, without libpq's preamble."""
    lines = str(error).strip().splitlines() or ["no reason given"]
    failed = [line for line in lines if " failed: " in line] or lines
    return failed[0].rsplit(" failed: ", 1)[-1].strip()

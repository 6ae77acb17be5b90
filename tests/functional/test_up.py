"""`manage.py up` for real: one command, killed in every way, with every row kept."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from config.supervisor import layouts
from config.supervisor.layouts import Layout
from tests.functional import homes

PATIENCE_SECONDS = 60
Found = TypeVar("Found")

QUEUES = ["attribution", "default", "exports", "sync"]


class Product:
    """One `manage.py up` and what it prints."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.words = home.parent / f"up-{time.monotonic_ns()}.txt"
        with self.words.open("w") as words:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", "0"],
                cwd=homes.ROOT,
                env=homes.environment(home, {"TRIBUTE_HEARTBEAT_SECONDS": "1"}),
                stdout=words,
                stderr=words,
            )
        self.url = wait_for(self._printed_url, self.words)

    def _printed_url(self) -> str | None:
        assert self.process.poll() is None, self.words.read_text()
        found = re.search(r"Tribute runs at (\S+)\n", self.words.read_text())
        return found[1] if found else None

    @property
    def layout(self) -> Layout:
        return layouts.prepare(self.home)

    def children(self, kind: str = "") -> list[int]:
        """Return the processes of this `up`, by their command lines."""
        mark = f"config.child {kind}"
        parent = f"--parent={self.process.pid}"
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if mark in line and parent in line:
                    found.append(int(folder.name))
        return sorted(found)

    def status(self, path: str) -> int | None:
        """Return the status of a page; None while nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                status: int = answer.status
        except OSError:
            return None
        return status

    def ends(self) -> bool:
        return self.process.poll() is not None and not self.children()


def wait_for(look: Callable[[], Found | None], words: Path) -> Found:
    """Return what the look finds, or fail with what the product printed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(words.read_text())


@pytest.fixture
def products() -> Iterator[Callable[[], Product]]:
    """Start the product in one home, any number of times; nothing of it stays."""
    with homes.temporary_home() as home, contextlib.ExitStack() as started:

        def start() -> Product:
            product = Product(home)
            started.callback(kill_everything, product)
            return product

        yield start


def kill_everything(product: Product) -> None:
    for pid in [*product.children(), product.process.pid]:
        with contextlib.suppress(ProcessLookupError):
            homes.kill(pid)
    product.process.wait()


def heartbeats_after(product: Product, moment: dt.datetime) -> list[str]:
    """Return the queues through which a task came to a worker and to the database."""
    query = "SELECT queue FROM integrations_heartbeat WHERE beat_at > %s ORDER BY queue"
    try:
        with homes.connect(product.layout) as connection:
            return [queue for (queue,) in connection.execute(query, [moment])]
    except psycopg.OperationalError:
        return []


def groups(product: Product) -> list[str]:
    with homes.connect(product.layout) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM auth_group")]


def add_group(product: Product) -> None:
    with homes.connect(product.layout) as connection:
        connection.execute("INSERT INTO auth_group (name) VALUES ('kept')")


@pytest.mark.loopback
def test_one_command_runs_everything_through_kills_until_ctrl_c(
    products: Callable[[], Product],
) -> None:
    product = products()

    assert product.words.read_text() == (
        f"Tribute runs at {product.url}\n"
        f"  GraphQL  {product.url}/graphql/\n"
        f"  Admin    {product.url}/admin/\n"
        "Ctrl-C stops it.\n"
    )
    assert product.status("/admin/login/") == 200
    assert product.status("/static/admin/css/base.css") == 200

    add_group(product)
    layout = product.layout
    for pid in (
        *product.children("web"),
        homes.postgres_pid(layout),
        homes.valkey_pid(layout),
    ):
        homes.kill(pid)
    killed_at = dt.datetime.now(dt.UTC)

    wait_for(lambda: product.status("/admin/login/"), product.words)
    wait_for(lambda: heartbeats_after(product, killed_at) == QUEUES, product.words)
    assert groups(product) == ["kept"]

    pids = (homes.postgres_pid(layout), homes.valkey_pid(layout))
    product.process.send_signal(signal.SIGINT)
    wait_for(product.ends, product.words)
    assert product.process.returncode == 0
    assert [homes.is_running(pid) for pid in pids] == [False, False]
    assert "web ended (signal SIGKILL); it starts again.\n" in product.words.read_text()


@pytest.mark.loopback
def test_after_any_kill_of_the_command_the_next_one_works(products: Callable[[], Product]) -> None:
    first = products()
    add_group(first)
    kill_everything(first)
    second = products()

    assert second.status("/admin/login/") == 200
    assert groups(second) == ["kept"]

    pids = (homes.postgres_pid(second.layout), homes.valkey_pid(second.layout))
    homes.kill(second.process.pid)
    wait_for(second.ends, second.words)
    # Who is killed says no farewell, so the servers may have stayed until the next command ends.
    homes.manage(second.home, "migrate", "--check")
    wait_for(lambda: not any(map(homes.is_running, pids)), second.words)


@pytest.mark.loopback
def test_a_port_in_use_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        refused = homes.manage(tmp_path, "up", "--port", port)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"CommandError: Port {port} on 127.0.0.1 cannot be used (Address already in use): stop "
        "the program that has it, or choose another with --port (0 picks a free one).\n"
    )
    assert list(tmp_path.iterdir()) == []

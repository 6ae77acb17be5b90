"""One process of `manage.py up`: web, worker or scheduler, which dies when `up` dies.

In production each is started alone by whatever watches processes there: granian with
`config.wsgi:application`, `celery -A config worker`, `celery -A config beat`.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

from celery import signals
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from config import boot

SET_PARENT_DEATH_SIGNAL = 1
WEB_THREADS = 8
# More than this wait in the line of the operating system instead of in memory.
WEB_REQUESTS_AT_ONCE = 64
WEB_STOP_SECONDS = 5
WORKER_PROCESSES = 2


def main() -> None:
    options = _parser().parse_args()
    follow_parent(signal.SIGTERM, expected=options.parent)
    boot.prepare("web" if options.kind == "web" else "worker")
    with boot.plain_faults():
        RUN[options.kind](options)


def follow_parent(number: signal.Signals, *, expected: int | None = None) -> None:
    """Have the kernel send the signal when the process that started this one dies."""
    parent = os.getppid() if expected is None else expected
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, int(number))
    if os.getppid() != parent:
        sys.exit("The process that started this one is gone.")


def load_application(target: str) -> Callable[..., Any]:
    """Load the WSGI application in granian's worker."""
    # Killed at once: a worker whose master is gone would keep the port.
    follow_parent(signal.SIGKILL)
    module, name = target.split(":")
    application: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return application


def _web(options: argparse.Namespace) -> None:
    server = Granian(
        "config.wsgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        websockets=False,
        blocking_threads=WEB_THREADS,
        backpressure=WEB_REQUESTS_AT_ONCE,
        log_level=LogLevels.error,
        workers_kill_timeout=WEB_STOP_SECONDS,
    )
    server.serve(target_loader=load_application)


def _worker(_options: argparse.Namespace) -> None:
    signals.worker_process_init.connect(_follow_worker)
    _celery(
        "worker",
        f"--concurrency={WORKER_PROCESSES}",
        "--without-gossip",
        "--without-mingle",
    )


def _scheduler(_options: argparse.Namespace) -> None:
    _celery("beat", "--pidfile=")


def _celery(*arguments: str) -> None:
    # A newcomer in a container is root, and is told so by the container.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser")
    application = importlib.import_module("config.celery").app
    application.start(["--quiet", *arguments])


def _follow_worker(**_: Any) -> None:
    follow_parent(signal.SIGKILL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(RUN))
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    return parser


RUN: dict[str, Callable[[argparse.Namespace], None]] = {
    "web": _web,
    "worker": _worker,
    "scheduler": _scheduler,
}

if __name__ == "__main__":
    main()

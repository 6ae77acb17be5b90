"""Know whether anybody still uses a home's servers, by locks that the kernel drops at any death.

`starting` is held for the moment of a start or a stop. Each process that uses the servers shares
`attached`; whoever can have it alone is the last one, and stops them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from config.supervisor import programs
from config.supervisor.failures import ServerFailure

START_LIMIT_SECONDS = 120.0
POLL_SECONDS = 0.01
GHOST_SECONDS = 0.5


@contextlib.contextmanager
def starting(home: Path) -> Iterator[None]:
    """Keep every other process of this home from starting or stopping servers."""
    descriptor = _open(home / "starting.lock")
    try:
        _wait(descriptor, home)
        yield
    finally:
        os.close(descriptor)


class Lease:
    """One process's share in the servers of a home."""

    def __init__(self, home: Path) -> None:
        self._descriptor = _open(home / "attached.lock")
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def is_last(self) -> bool:
        """Tell whether nobody else uses the servers; the caller holds `starting`."""
        deadline = time.monotonic() + GHOST_SECONDS
        while not _take_alone(self._descriptor):
            if _is_held_by_the_living(self._descriptor) or time.monotonic() > deadline:
                return False
            # The kernel drops a dead process's lock a moment after telling its children.
            time.sleep(POLL_SECONDS)
        return True

    def close(self) -> None:
        """Give the share back; a forked child only drops its copy and leaves the parent's."""
        os.close(self._descriptor)


def _take_alone(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_held_by_the_living(descriptor: int) -> bool:
    """Tell whether a process that still runs has the lock; False where the system cannot tell."""
    inode = str(os.fstat(descriptor).st_ino)
    try:
        lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return False
    # Those who wait for a lock are listed beneath it, behind an arrow.
    holders = [words for words in lines if words[1] != "->" and words[5].endswith(f":{inode}")]
    return any(programs.command(int(words[4])) for words in holders)


def _open(path: Path) -> int:
    # Read-only is enough for a lock, and lets a normal user use what root created.
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _wait(descriptor: int, home: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while not _take_alone(descriptor):
        if time.monotonic() > deadline:
            raise ServerFailure(
                f"Another command has been starting or stopping the servers in {home} for two "
                "minutes: end that command, then try again."
            )
        time.sleep(POLL_SECONDS)


def claim(path: Path) -> int | None:
    """Return a descriptor that has the lock alone until it is closed; None when another has it."""
    descriptor = _open(path)
    if _take_alone(descriptor):
        return descriptor
    os.close(descriptor)
    return None

"""Start, recognise and end the programs of the embedded servers."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from config.supervisor import layouts
from config.supervisor.failures import ServerFailure
from config.supervisor.layouts import Account, Layout

POLL_SECONDS = 0.01
KILL_SECONDS = 5.0
LOG_LIMIT_BYTES = 10_000_000
LOG_KEPT_BYTES = 1_000_000
# The servers need nothing of the product's environment, least of all its secrets.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

_started: list[subprocess.Popen[bytes]] = []


def locate(distribution: str, program: str, account: Account | None) -> Path:
    """Return the program's path inside its wheel, or of a copy that the servers' user can run."""
    folder = package_folder(distribution)
    if account is None or _runs(folder / program, account):
        return folder / program
    version = importlib.metadata.version(distribution)
    return _open_copy(folder, layouts.OPEN_STATE / f"{distribution}-{version}") / program


def package_folder(distribution: str) -> Path:
    """Return where a wheel is installed, without importing it."""
    spec = importlib.util.find_spec(distribution.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise ServerFailure(f"The package {distribution} is not installed: run `uv sync`.")
    return Path(spec.submodule_search_locations[0])


def spawn(arguments: Sequence[str], layout: Layout, log: Path) -> subprocess.Popen[bytes]:
    """Start a server that outlives this process, with its words in the log."""
    account = layout.account
    with open_log(log, account) as output:
        process = subprocess.Popen(  # noqa: S603 - our own program and arguments
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            # A Ctrl-C in the terminal is for the product, which stops its servers in order.
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    _started.append(process)
    return process


def run(
    arguments: Sequence[str | Path], account: Account | None
) -> subprocess.CompletedProcess[str]:
    """Run a short program as the servers' user to its end."""
    return subprocess.run(  # noqa: S603 - our own program and arguments
        arguments,
        cwd="/",
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def command(pid: int) -> str:
    """Return the process's command line; empty when it is gone, or dead and not yet reaped."""
    reap()
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        if Path("/proc/self/cmdline").exists():
            return ""
    except (ProcessLookupError, PermissionError):
        return ""
    else:
        return words.replace(b"\0", b" ").decode(errors="replace")
    answer = subprocess.run(  # noqa: S603 - our own program and arguments
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "" if "<defunct>" in answer.stdout else answer.stdout.strip()


def with_mark(mark: str) -> Iterator[int]:
    """Yield every process whose command line carries the mark, where the system lists them."""
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if pid != os.getpid() and mark in command(pid):
            yield pid


def stop(pid: int, mark: str, *signals: tuple[signal.Signals, float]) -> None:
    """Ask the process to end, ever less politely; each signal comes with its patience."""
    for number, seconds in (*signals, (signal.SIGKILL, KILL_SECONDS)):
        if mark not in command(pid):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_for_end(pid, mark, seconds):
            return


def wait_for_end(pid: int, mark: str, seconds: float) -> bool:
    """Wait until the process is gone; tell whether it is."""
    deadline = time.monotonic() + seconds
    while mark in command(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def reap() -> None:
    """Collect those that this process started and that have ended since."""
    _started[:] = [process for process in _started if process.poll() is None]


@contextlib.contextmanager
def open_log(path: Path, account: Account | None) -> Iterator[IO[bytes]]:
    """Open a log for appending; a long one is cut to its last part first."""
    with path.open("ab") as log:
        if account is not None:
            os.fchown(log.fileno(), account.uid, account.gid)
        trim(path)
        yield log


def trim(path: Path) -> None:
    """Keep a log from growing for ever: past its limit only the last part stays."""
    if not path.exists() or path.stat().st_size <= LOG_LIMIT_BYTES:
        return
    with path.open("rb") as log:
        log.seek(-LOG_KEPT_BYTES, os.SEEK_END)
        kept = log.read()
    # The server appends too, so whatever it writes meanwhile stays.
    os.truncate(path, 0)
    with path.open("ab") as log:
        log.write(kept)


def last_words(path: Path, offset: int, *, limit_bytes: int = 20_000) -> str:
    """Return what was written to the log since the offset."""
    with path.open("rb") as log:
        log.seek(max(offset, path.stat().st_size - limit_bytes))
        return log.read().decode(errors="replace").strip()


def _runs(program: Path, account: Account) -> bool:
    try:
        return run([program, "--version"], account).returncode == 0
    except PermissionError:
        return False


def _open_copy(package: Path, target: Path) -> Path:
    """Copy a package, and the libraries beside it, to where every user can read them."""
    copied = target / package.name
    if copied.exists():
        return copied
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
    ignored = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__", "pgxs")
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.exists():
            shutil.copytree(source, draft / source.name, symlinks=True, ignore=ignored)
    for entry in (draft, *draft.rglob("*")):
        if not entry.is_symlink():
            entry.chmod(0o755)
    try:
        draft.rename(target)
    except OSError:  # another home came first; its copy is the same
        shutil.rmtree(draft)
    return copied

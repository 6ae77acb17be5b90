"""Decide where an embedded server keeps its data, sockets and logs, and which user runs it.

PostgreSQL refuses to run as root. As root the servers run as the owner of the project's folder, or
as `nobody`; where that user cannot enter the home, their files live in `/var/lib/tribute` instead.
Such a decision is recorded as a symbolic link in the home, so that it never changes by itself.
"""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from config.supervisor.failures import ServerFailure

# Outside of anyone's home folder; used as root only.
OPEN_STATE = Path("/var/lib/tribute")
# The system's temporary folder has a short name everywhere, which TMPDIR has not.
SHORT_FOLDER = "/tmp"  # noqa: S108 - mkdtemp makes a private folder in it
SOCKET_PATH_LIMIT_BYTES = 103
LONGEST_SOCKET_NAME = "/.s.PGSQL.5432"
UNPRIVILEGED_USERS = ("nobody", "daemon")


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged user whom the servers run as when the product runs as root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the servers of one home live."""

    home: Path
    state: Path
    sockets: Path
    account: Account | None

    @property
    def postgres(self) -> Path:
        return self.state / "postgres"

    @property
    def valkey(self) -> Path:
        return self.state / "valkey"

    @property
    def logs(self) -> Path:
        return self.home / "log"


def make_home(home: Path) -> None:
    """Create the home; refuse one that belongs to somebody else."""
    try:
        # Root's servers run as another user, who must be able to pass through.
        home.mkdir(mode=0o755 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        usable = os.access(home, os.R_OK | os.W_OK | os.X_OK)
    except OSError:
        usable = False
    if not usable:
        raise ServerFailure(
            f"Cannot write to {home}: set TRIBUTE_HOME to a folder of your own, "
            "or run as the user it belongs to."
        )


def prepare(home: Path) -> Layout:
    """Create what is missing and return the layout; the caller holds the home's lock."""
    account = _account(home)
    try:
        if account is not None and account.uid == home.parent.stat().st_uid:
            os.chown(home, account.uid, account.gid)
        state = _state(home, account)
        sockets = _sockets(home, state, account)
        layout = Layout(home=home, state=state, sockets=sockets, account=account)
        for folder in (layout.valkey, layout.logs):
            private_folder(folder, account)
        _refuse_foreign(layout)
    except OSError as error:
        raise ServerFailure(
            f"Cannot prepare the data folder in {home} ({error.strerror}: {error.filename}): "
            "set TRIBUTE_HOME to a folder of your own."
        ) from error
    return layout


def private_folder(folder: Path, account: Account | None) -> None:
    """Create a folder that the servers' user alone can enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None and folder.stat().st_uid != account.uid:
        os.chown(folder, account.uid, account.gid)
    if stat.S_IMODE(folder.stat().st_mode) != 0o700:  # noqa: PLR2004 - the mode itself
        folder.chmod(0o700)


def can_pass(path: Path, account: Account) -> bool:
    """Tell whether the user may enter the folder and all those above it."""
    return all(_may_enter(folder.stat(), account) for folder in (path, *path.parents))


def _may_enter(folder: os.stat_result, account: Account) -> bool:
    if folder.st_uid == account.uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    if folder.st_gid == account.gid:
        return bool(folder.st_mode & stat.S_IXGRP)
    return bool(folder.st_mode & stat.S_IXOTH)


def _account(home: Path) -> Account | None:
    if os.geteuid() != 0:
        return None
    # Whoever owns the folder keeps owning what is made in it, also when root lends a hand.
    for folder in (home / "state" / "postgres", home / "postgres", home, home.parent):
        owner = folder.stat().st_uid if folder.exists() else 0
        account = _known(owner) if owner != 0 else None
        if account is not None:
            return account
    for name in UNPRIVILEGED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise ServerFailure(
        "PostgreSQL does not run as root, and this machine has no user `nobody`: "
        "run as a normal user, or set DATABASE_URL."
    )


def _known(uid: int) -> Account | None:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return Account(name=entry.pw_name, uid=uid, gid=entry.pw_gid)


def _state(home: Path, account: Account | None) -> Path:
    recorded = home / "state"
    if recorded.is_symlink():
        folder = recorded.readlink()
    elif account is None or can_pass(home, account):
        return home
    elif (home / "postgres").exists():
        raise ServerFailure(
            f"The user {account.name}, whom PostgreSQL runs as, cannot enter {home} any more: "
            "let others pass (chmod o+x) on each folder above it."
        )
    else:
        OPEN_STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
        # A fresh name: a new checkout at an old address must not meet the old one's data.
        folder = Path(tempfile.mkdtemp(prefix="home-", dir=OPEN_STATE))
        (folder / "home").write_text(f"{home}\n")
        recorded.symlink_to(folder)
    private_folder(folder, account)
    return folder


def _sockets(home: Path, state: Path, account: Account | None) -> Path:
    folder = state / "run"
    if len(os.fsencode(folder)) + len(LONGEST_SOCKET_NAME) > SOCKET_PATH_LIMIT_BYTES:
        folder = _short_folder(home / "sockets", account)
    private_folder(folder, account)
    return folder


def _short_folder(recorded: Path, account: Account | None) -> Path:
    if recorded.is_symlink():
        folder = recorded.readlink()
        if _is_ours(folder, account):
            return folder
        recorded.unlink()
    folder = Path(tempfile.mkdtemp(prefix="tribute-", dir=SHORT_FOLDER))
    recorded.symlink_to(folder)
    return folder


def _is_ours(folder: Path, account: Account | None) -> bool:
    """Tell whether the folder is still the private one that was made, not somebody else's."""
    try:
        info = folder.lstat()
    except OSError:
        return False
    owner = os.geteuid() if account is None else account.uid
    return stat.S_ISDIR(info.st_mode) and info.st_uid == owner


def _refuse_foreign(layout: Layout) -> None:
    if not layout.postgres.exists():
        return
    owner = layout.postgres.stat().st_uid
    expected = os.geteuid() if layout.account is None else layout.account.uid
    if owner != expected:
        raise ServerFailure(
            f"The data folder {layout.postgres} belongs to the user {_name(owner)}, but PostgreSQL "
            f"would run as {_name(expected)}: run as the user it belongs to, or set TRIBUTE_HOME "
            "to a folder of your own."
        )


def _name(uid: int) -> str:
    account = _known(uid)
    return account.name if account is not None else f"number {uid}"

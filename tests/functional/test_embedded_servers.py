"""The embedded servers through their lives: start, share, crash, recover, stop, refuse."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config.supervisor import layouts, postgres, programs, servers, valkey
from config.supervisor.failures import ServerFailure
from config.supervisor.layouts import Layout
from tests.functional import homes

AS_ROOT = os.geteuid() == 0
USE_IN_A_PROCESS = """
import pathlib, sys
from config.supervisor import servers
layout = servers.ensure_postgres(pathlib.Path(sys.argv[1]))
servers.ensure_valkey(pathlib.Path(sys.argv[1]))
print(layout.postgres.joinpath("postmaster.pid").read_text().split()[0], flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def new_home() -> Iterator[Path]:
    with homes.temporary_home() as folder:
        yield folder


@pytest.fixture
def home() -> Iterator[Path]:
    folder = homes.shared_home()
    yield folder
    homes.stop(folder)


@pytest.fixture
def layout(home: Path) -> Layout:
    return with_a_mug(home)


def with_a_mug(home: Path) -> Layout:
    """Run a PostgreSQL with a table of one row."""
    layout = servers.ensure_postgres(home)
    with homes.connect(layout) as connection:
        connection.execute("DROP TABLE IF EXISTS gift")
        connection.execute("CREATE TABLE gift (name text)")
        connection.execute("INSERT INTO gift VALUES ('mug')")
    return layout


def gifts(layout: Layout) -> list[str]:
    with homes.connect(layout) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM gift ORDER BY name")]


def queue(layout: Layout) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(valkey.socket_of(layout)))


def start_user(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USE_IN_A_PROCESS, str(home)],
        cwd=homes.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_nobody_but_its_own_user_reaches_a_server(new_home: Path) -> None:
    layout = servers.ensure_postgres(new_home)
    servers.ensure_valkey(new_home)

    with homes.connect(layout) as connection:
        role = connection.execute(
            "SELECT session_user, rolsuper, current_setting('listen_addresses'),"
            " current_setting('fsync') FROM pg_roles WHERE rolname = session_user"
        ).fetchone()
    modes = {
        stat.S_IMODE(folder.stat().st_mode)
        for folder in (layout.sockets, layout.postgres, layout.valkey, layout.logs)
    }
    assert role == ("tribute", False, "", "on")
    assert modes == {0o700}
    assert homes.is_running(homes.valkey_pid(layout))
    assert queue(layout).config_get("port", "maxmemory-policy") == {
        "port": "0",
        "maxmemory-policy": "noeviction",
    }


def test_names_sort_and_fold_as_unicode_says(layout: Layout) -> None:
    with homes.connect(layout) as connection:
        answer = connection.execute(
            "SELECT current_setting('server_encoding'), lower('ÄRGER'), 'z' < 'ä', 'Z' < 'a'"
        ).fetchone()

    assert answer == ("UTF8", "ärger", True, True)


def test_a_second_ask_attaches_to_the_same_server(home: Path, layout: Layout) -> None:
    first = homes.postgres_pid(layout)

    again = servers.ensure_postgres(home)

    assert again == layout
    assert homes.postgres_pid(layout) == first


def test_the_last_to_leave_stops_the_servers_and_the_rows_stay(home: Path, layout: Layout) -> None:
    servers.ensure_valkey(home)
    queue(layout).set("waiting", "1")
    pids = (homes.postgres_pid(layout), homes.valkey_pid(layout))

    servers.leave(home)

    assert [homes.is_running(pid) for pid in pids] == [False, False]
    assert not (layout.postgres / "postmaster.pid").exists()
    servers.ensure_postgres(home)
    servers.ensure_valkey(home)
    assert gifts(layout) == ["mug"]
    assert queue(layout).get("waiting") == b"1"


def test_a_server_stays_while_another_process_uses_it(home: Path, layout: Layout) -> None:
    other = start_user(home)
    pid = int(line_of(other))

    servers.leave(home)

    assert pid == homes.postgres_pid(layout)
    assert homes.is_running(pid)
    other.communicate("\n", timeout=30)
    assert not homes.is_running(pid)


def test_processes_that_start_at_the_same_moment_share_one_server(home: Path) -> None:
    users = [start_user(home) for _ in range(4)]

    pids = {line_of(user) for user in users}

    assert len(pids) == 1
    for user in users:
        user.communicate("\n", timeout=30)
        assert user.returncode == 0
    assert not homes.is_running(int(pids.pop()))


def test_killed_users_leave_a_server_that_the_next_one_finds(home: Path) -> None:
    user = start_user(home)
    pid = int(line_of(user))
    homes.kill(user.pid)
    user.communicate()

    layout = servers.ensure_postgres(home)

    assert homes.postgres_pid(layout) == pid


def test_a_killed_postgresql_recovers_every_committed_row(home: Path, layout: Layout) -> None:
    with contextlib.closing(homes.connect(layout)) as connection:
        connection.execute("INSERT INTO gift VALUES ('book')")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO gift VALUES ('never committed')")
        homes.kill(homes.postgres_pid(layout))

    servers.ensure_postgres(home)

    assert gifts(layout) == ["book", "mug"]


def test_a_killed_valkey_recovers_every_message(home: Path) -> None:
    layout = servers.ensure_valkey(home)
    queue(layout).flushall()
    queue(layout).rpush("tasks", "one", "two")
    # A busy disk may put the write off for a second or two after the answer.
    queue(layout).waitaof(1, 0, 10_000)
    homes.kill(homes.valkey_pid(layout))

    servers.ensure_valkey(home)

    assert queue(layout).lrange("tasks", 0, -1) == [b"one", b"two"]


def test_a_pid_file_that_names_another_living_process_is_no_server(
    home: Path, layout: Layout
) -> None:
    servers.leave(home)
    (layout.postgres / "postmaster.pid").write_text(f"{os.getpid()}\n{layout.postgres}\n")

    servers.ensure_postgres(home)

    assert gifts(layout) == ["mug"]


def test_sockets_that_were_cleaned_away_come_back(home: Path, layout: Layout) -> None:
    servers.ensure_valkey(home)
    queue(layout).set("waiting", "1")
    for file in layout.sockets.iterdir():
        if file.is_socket():
            file.unlink()

    servers.ensure_postgres(home)
    servers.ensure_valkey(home)

    assert gifts(layout) == ["mug"]
    assert queue(layout).get("waiting") == b"1"


def test_a_damaged_queue_is_set_aside(home: Path) -> None:
    layout = servers.ensure_valkey(home)
    queue(layout).rpush("tasks", "one")
    servers.leave(home)
    log = next(layout.valkey.glob("appendonlydir/*.incr.aof"))
    log.write_bytes(b"*1\r\n$5\r\nwrong\r\n" + log.read_bytes() + b"more")

    servers.ensure_valkey(home)

    assert queue(layout).lrange("tasks", 0, -1) == []
    assert (layout.state / "valkey.damaged" / "appendonlydir").exists()


def test_data_of_another_major_version_is_refused_and_left_alone(
    home: Path, layout: Layout
) -> None:
    servers.leave(home)
    (layout.postgres / "PG_VERSION").write_text("17\n")

    with pytest.raises(ServerFailure) as failure:
        servers.ensure_postgres(home)

    assert str(failure.value) == (
        f"The data folder {layout.postgres} was made by PostgreSQL 17, and this release runs 18: "
        "dump it with the release that made it and load it into a new TRIBUTE_HOME, or set "
        "DATABASE_URL to a server of your own."
    )
    (layout.postgres / "PG_VERSION").write_text("18\n")
    servers.ensure_postgres(home)
    assert gifts(layout) == ["mug"]


def test_a_folder_of_something_else_is_refused(new_home: Path) -> None:
    layouts.make_home(new_home)
    layout = layouts.prepare(new_home)
    layouts.private_folder(layout.postgres, layout.account)

    with pytest.raises(ServerFailure) as failure:
        servers.ensure_postgres(new_home)

    assert str(failure.value) == (
        f"{layout.postgres} is not a PostgreSQL data folder: move it away, then try again."
    )
    assert list(layout.postgres.iterdir()) == []


def test_a_server_that_cannot_start_says_why(home: Path, layout: Layout) -> None:
    servers.leave(home)
    control = layout.postgres / "global" / "pg_control"
    aside = control.rename(control.with_name("aside"))

    with pytest.raises(ServerFailure) as failure:
        servers.ensure_postgres(home)
    aside.rename(control)

    assert str(failure.value).startswith("PostgreSQL did not start (")
    assert "pg_control" in str(failure.value)
    assert str(failure.value).endswith(
        f"see {layout.logs / 'postgres.log'}, or set DATABASE_URL to a server of your own."
    )


def test_a_long_path_gets_short_sockets() -> None:
    with homes.temporary_home() as short:
        home = short / ("long" * 25)
        layout = servers.ensure_postgres(home)

        with homes.connect(layout) as connection:
            answer = connection.execute("SELECT 1").fetchone()
        again = layouts.prepare(home)

        assert answer == (1,)
        assert layout.sockets.parent == Path("/tmp")
        assert again.sockets == layout.sockets
        servers.leave(home)
        shutil.rmtree(layout.sockets)


def test_two_homes_never_meet(home: Path, layout: Layout) -> None:
    with homes.temporary_home() as other:
        elsewhere = servers.ensure_postgres(other)

        with pytest.raises(psycopg.errors.UndefinedTable):
            gifts(elsewhere)

    assert gifts(layout) == ["mug"]


def test_a_log_keeps_its_last_part_only(home: Path, layout: Layout) -> None:
    log = postgres.log_of(layout)
    with log.open("ab") as words:
        words.write(b"x" * programs.LOG_LIMIT_BYTES + b"the end\n")

    servers.trim_logs(home)

    assert log.stat().st_size == programs.LOG_KEPT_BYTES
    assert log.read_bytes().endswith(b"the end\n")


def test_servers_see_nothing_of_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "hush")
    layout = servers.ensure_postgres(home)
    servers.ensure_valkey(home)

    for pid in (homes.postgres_pid(layout), homes.valkey_pid(layout)):
        assert b"hush" not in Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.skipif(not AS_ROOT, reason="only root has a folder that others cannot enter")
def test_root_keeps_data_elsewhere_when_its_own_folder_is_closed(new_home: Path) -> None:
    new_home.parent.chmod(0o700)
    layout = servers.ensure_postgres(new_home)

    owner = layout.postgres.stat().st_uid
    again = layouts.prepare(new_home)

    assert layout.account is not None
    assert owner == layout.account.uid != 0
    assert layout.state.parent == layouts.OPEN_STATE
    assert (new_home / "state").readlink() == layout.state
    assert (layout.state / "home").read_text() == f"{new_home}\n"
    assert again == layout


@pytest.mark.skipif(not AS_ROOT, reason="only root can give a folder away")
def test_root_in_somebody_elses_folder_works_as_its_owner(new_home: Path) -> None:
    daemon = 1
    os.chown(new_home.parent, daemon, daemon)

    layout = servers.ensure_postgres(new_home)

    assert layout.account is not None
    assert layout.account.uid == daemon
    assert {path.stat().st_uid for path in (new_home, layout.postgres, layout.logs)} == {daemon}


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_refused() -> None:
    home = Path("/usr/tribute-home")

    with pytest.raises(ServerFailure) as failure:
        servers.ensure_postgres(home)

    assert str(failure.value) == (
        "Cannot write to /usr/tribute-home: set TRIBUTE_HOME to a folder of your own, or run as "
        "the user it belongs to."
    )


def test_a_forked_child_leaves_the_parents_share_alone(home: Path, layout: Layout) -> None:
    pid = os.fork()
    if pid == 0:
        # What the interpreter does at the end of a process.
        servers._leave_all()
        os._exit(0)
    _, status = os.waitpid(pid, 0)

    assert status == 0
    assert gifts(layout) == ["mug"]


def test_a_socket_that_nobody_answers_is_replaced(home: Path) -> None:
    layout = servers.ensure_valkey(home)
    servers.leave(home)
    deaf = socket.socket(socket.AF_UNIX)
    deaf.bind(str(valkey.socket_of(layout)))
    deaf.close()

    servers.ensure_valkey(home)

    assert queue(layout).ping() is True

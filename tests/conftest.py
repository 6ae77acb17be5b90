"""One database for each test process, made by the owner and used as the application role.

Tables are append-only and hidden by row-level security, so nothing can be flushed after a test: a
test either rolls back (`db`), or commits into a database of its own (`committed_db`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import pytest_socket
from pytest_django import DjangoDbBlocker

from tests import databases

_numbers = itertools.count()

LOOPBACK = ["127.0.0.1", "::1"]


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Have this process's database, empty but for what migrations put in it."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    with django_db_blocker.unblock():
        databases.drop_abandoned()
        database = databases.Database(worker)
    yield
    with django_db_blocker.unblock():
        database.leave()
        databases.drop_abandoned()


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let a test commit, in a fresh database: for threads, several connections, other processes."""
    with django_db_blocker.unblock():
        database = databases.Database(f"committed_{next(_numbers)}")
        yield
        database.leave()


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Block the network; Unix sockets stay open, and loopback where a test is marked for it."""
    if item.get_closest_marker("loopback"):
        pytest_socket.socket_allow_hosts(LOOPBACK, allow_unix_socket=True)
    else:
        pytest_socket.disable_socket(allow_unix_socket=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "loopback: talks to a server on this machine over TCP")

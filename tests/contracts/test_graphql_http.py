"""The running server keeps to GraphQL over HTTP, by graphql-http's audits, and to HTTP itself."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests import databases

pytestmark = pytest.mark.loopback

AUDITS = Path(__file__).parent / "graphql_http"
AUDIT_COUNT = 61
START_SECONDS = 60
INSTALL_SECONDS = 120
ANSWER_SECONDS = 10
# What npm says when the registry cannot be reached, which is no fault of the server under test.
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH")
BODY = b'{"query":"{__typename}"}'


@pytest.fixture(scope="module")
def database_url(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Have a database that another process can use."""
    with django_db_blocker.unblock():
        database = databases.Database("served")
        yield database.url
        database.leave()


@pytest.fixture(scope="module")
def port(database_url: str) -> Iterator[int]:
    """Serve the product as in production, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port)),
            *("--blocking-threads", "4", "--log-level", "error", "config.wsgi:application"),
        ],
        env={**os.environ, "DATABASE_URL": database_url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, server)
        yield port
    finally:
        _stop(server)


@pytest.fixture(scope="module")
def audits(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """Install the audits of the lock file once, outside the repository's own files."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm is not installed, and the audits of graphql-http are an npm package")
    digest = hashlib.sha256((AUDITS / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = Path(pytestconfig.cache.mkdir(f"graphql-http-{digest}"))
    if not (folder / "installed").exists():
        shutil.copytree(AUDITS, folder, dirs_exist_ok=True)
        _install(npm, folder)
        (folder / "installed").touch()
    shutil.copy(AUDITS / "audit.mjs", folder)
    return folder


def test_every_audit_of_graphql_http_passes(port: int, audits: Path) -> None:
    run = subprocess.run(
        ["node", "audit.mjs", f"http://127.0.0.1:{port}/graphql/"],
        cwd=audits,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDIT_COUNT


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param([b"Content-Length: 24", b"Content-Length: 5"], BODY, id="two lengths"),
        pytest.param([b"Content-Length: 24, 5"], BODY, id="two lengths in one"),
        pytest.param([b"Content-Length: +24"], BODY, id="a length with a sign"),
        pytest.param([b"Content-Length: 0x18"], BODY, id="a length in hexadecimal"),
        pytest.param([b"Transfer-Encoding: chunked, identity"], BODY, id="an unknown coding"),
        pytest.param([b"Transfer-Encoding: chunked"], b"zz\r\n" + BODY, id="a broken chunk"),
        pytest.param([b"Content-Length : 24"], BODY, id="a space in a name"),
        pytest.param([b"X-A: 1\n b"], BODY, id="a folded line"),
        pytest.param([b"X-A: \x00"], BODY, id="a NUL in a header"),
    ],
)
def test_a_message_without_clear_bounds_is_refused(
    port: int, headers: list[bytes], body: bytes
) -> None:
    status, _ = _exchange(port, headers, body)

    assert status == 400


def test_a_length_beside_chunks_never_hides_a_second_request(port: int) -> None:
    hidden = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
    chunks = b"18\r\n" + BODY + b"\r\n0\r\n\r\n"

    _, answer = _exchange(
        port, [b"Content-Length: %d" % len(chunks), b"Transfer-Encoding: chunked"], chunks + hidden
    )

    assert b"/hidden" not in answer


def test_a_body_over_the_limit_is_refused_before_it_is_sent(port: int) -> None:
    status, answer = _exchange(port, [b"Content-Length: 1000001"], b"")

    assert status == 413
    assert b"PAYLOAD_TOO_LARGE" in answer


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            threading.Event().wait(0.05)
        else:
            return
    pytest.fail(f"the server did not start in {START_SECONDS} s")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _install(npm: str, folder: Path) -> None:
    run = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
        env={**os.environ, "npm_config_fetch_retries": "1"},
    )
    if run.returncode and any(word in run.stderr for word in UNREACHABLE):
        pytest.skip("the npm registry cannot be reached, and graphql-http is not installed yet")
    assert run.returncode == 0, run.stderr


def _exchange(port: int, headers: list[bytes], body: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; return the status and all that comes back."""
    lines = [
        b"POST /graphql/ HTTP/1.1",
        b"Host: localhost",
        b"Content-Type: application/json",
        b"Connection: close",
        *headers,
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS) as client:
        client.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        answer = b""
        while received := client.recv(65_536):
            answer += received
    return int(answer.split()[1]), answer

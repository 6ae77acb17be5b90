"""The HTTP server in front of a simulated CRM: keep-alive, gzip, faults, and a door for tests.

The door (`/__simulator/...`) is open to requests with the header `X-Simulator: control` alone, so
that everything else, without a token, is answered as the CRM would: with 401.
"""

from __future__ import annotations

import collections
import gzip
import http.server
import socket
import struct
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Protocol, Self

import orjson

from tests.simulators import clock, faults, messages

CONTROL: Final = "/__simulator/"
MAX_LOG: Final = 10_000
GZIP_FROM_BYTES: Final = 1024
PIECE_BYTES: Final = 64


class Application(Protocol):
    """A CRM: it answers requests and does what a test tells it."""

    clock: clock.Clock

    def answer(self, request: messages.Request) -> messages.Response: ...

    def act(self, name: str, values: Mapping[str, Any]) -> object: ...


class Server:
    """A simulated CRM on a port of the loopback address; use it as a context manager."""

    def __init__(self, application: Application, *, port: int = 0) -> None:
        self.application = application
        self.plan = faults.Plan()
        self.log: collections.deque[tuple[str, str, int]] = collections.deque(maxlen=MAX_LOG)
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def control(self, request: messages.Request) -> messages.Response:
        """Do what a test in another process asks for."""
        name = request.path.removeprefix(CONTROL)
        if name == "faults" and request.method == "DELETE":
            self.plan.clear()
        elif name == "faults":
            self.plan.add(*(faults.from_plain(each) for each in request.json()))
        elif name == "clock":
            self.application.clock.advance(request.json()["seconds"])
        elif name == "log":
            return messages.reply(list(self.log))
        elif name == "act":
            return messages.reply([_act(self.application, each) for each in request.json()])
        else:
            return messages.reply({"error": "unknown"}, status=404)
        return messages.reply({})


def _act(application: Application, asked: Mapping[str, Any]) -> object:
    values = dict(asked)
    return application.act(values.pop("do"), values)


class _Http(http.server.ThreadingHTTPServer):
    owner: Server
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


class _Broken(Exception):  # noqa: N818 - the connection ends here, by plan
    """The client shall see a broken connection."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: _Http

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args

    def handle(self) -> None:
        try:
            super().handle()
        except (_Broken, ConnectionError):
            self.close_connection = True

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815 - http.server's names

    def _serve(self) -> None:
        owner = self.server.owner
        request = self._read()
        if request.path.startswith(CONTROL) and request.headers.get("x-simulator") == "control":
            self._send(request, owner.control(request))
            return
        fault = owner.plan.strike(request)
        response = self._respond(request, fault)
        owner.log.append((request.method, request.target, response.status))
        if fault is not None and fault.kind is faults.Kind.LOST:
            self._reset()
        self._send(request, response, fault)

    def _read(self) -> messages.Request:
        length = int(self.headers.get("Content-Length") or 0)
        return messages.Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
            base_url=self.server.owner.url,
        )

    def _respond(self, request: messages.Request, fault: faults.Fault | None) -> messages.Response:
        if fault is None:
            return self.server.owner.application.answer(request)
        if fault.kind is faults.Kind.RESET:
            self._reset()
        if fault.kind in (faults.Kind.STATUS, faults.Kind.HTML):
            return fault.response()
        response = self.server.owner.application.answer(request)
        if fault.kind is faults.Kind.TRUNCATED:
            half = response.body[: len(response.body) // 2]
            return messages.Response(response.status, half, response.content_type, response.headers)
        if fault.kind is faults.Kind.EDIT:
            return _without(response, fault.keys)
        return response

    def _send(
        self,
        request: messages.Request,
        response: messages.Response,
        fault: faults.Fault | None = None,
    ) -> None:
        body = response.body
        self.send_response(response.status)
        if "gzip" in request.headers.get("accept-encoding", "") and len(body) > GZIP_FROM_BYTES:
            body = gzip.compress(body, compresslevel=1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if request.method != "HEAD":
            self._write(body, fault)

    def _write(self, body: bytes, fault: faults.Fault | None) -> None:
        if fault is not None and fault.kind is faults.Kind.CUT:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            raise _Broken
        if fault is not None and fault.kind is faults.Kind.SLOW:
            for start in range(0, len(body), PIECE_BYTES):
                time.sleep(fault.seconds)
                self.wfile.write(body[start : start + PIECE_BYTES])
                self.wfile.flush()
            return
        self.wfile.write(body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        raise _Broken

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Stamp answers with the CRM's time, which is not always the machine's."""
        now = self.server.owner.application.clock.now().timestamp()
        return super().date_time_string(now if timestamp is None else timestamp)


def _without(response: messages.Response, keys: tuple[str, ...]) -> messages.Response:
    data = orjson.loads(response.body)
    kept = {name: value for name, value in data.items() if name not in keys}
    return messages.Response(
        response.status, orjson.dumps(kept), response.content_type, response.headers
    )

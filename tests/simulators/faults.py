"""What goes wrong, and on which request: a plan that is followed exactly.

A fault names the requests it is for (method, pattern of the path), how many of them pass before
it strikes and how often it strikes. So a test says "the third page is cut" and gets just that.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.simulators import messages


class Kind(StrEnum):
    STATUS = "status"  # this answer instead; nothing is done
    HTML = "html"  # a proxy's page with status 200; nothing is done
    CUT = "cut"  # the true answer breaks off, shorter than its Content-Length says
    TRUNCATED = "truncated"  # the true answer breaks off and looks complete to HTTP
    EDIT = "edit"  # the true answer without some of its keys
    SLOW = "slow"  # the true answer, after a delay and in small pieces
    RESET = "reset"  # the connection is reset; nothing is done
    LOST = "lost"  # everything is done and the answer is lost


@dataclass(slots=True)
class Fault:
    """One line of the plan."""

    kind: Kind
    path: str = ""
    method: str = ""
    skip: int = 0
    times: int = 1
    status: int = 503
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    seconds: float = 0.0
    _seen: int = 0

    def strikes(self, request: messages.Request) -> bool:
        """Count the request and tell whether it is one of those that go wrong."""
        if self.method not in ("", request.method) or not re.search(self.path, request.target):
            return False
        self._seen += 1
        return self.skip < self._seen <= self.skip + self.times

    def response(self) -> messages.Response:
        """Return what is answered instead of the truth."""
        if self.kind is Kind.HTML:
            page = b"<!DOCTYPE html><html><body>We are down for maintenance.</body></html>"
            return messages.Response(body=page, content_type="text/html;charset=utf-8")
        if isinstance(self.body, str | bytes):
            text = self.body.encode() if isinstance(self.body, str) else self.body
            return messages.Response(self.status, text, "text/html", dict(self.headers))
        if self.body is None:
            return messages.Response(self.status, b"", "text/plain", dict(self.headers))
        return messages.reply(self.body, status=self.status, headers=dict(self.headers))


class Plan:
    """All the faults that are still to come, shared by the server's threads."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = list(faults)
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def strike(self, request: messages.Request) -> Fault | None:
        """Return the fault that this request meets; each fault counts what it could have hit."""
        with self._lock:
            hits = [fault for fault in self._faults if fault.strikes(request)]
        return hits[0] if hits else None


def from_plain(values: Mapping[str, Any]) -> Fault:
    """Read a fault from JSON: `{"kind": "cut", "path": "/query", "skip": 2}`."""
    plain = dict(values)
    return Fault(kind=Kind(plain.pop("kind")), keys=tuple(plain.pop("keys", ())), **plain)

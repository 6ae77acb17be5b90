"""A request and an answer, as the simulated CRMs see them."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

Query = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; the names of its headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    base_url: str

    @property
    def path(self) -> str:
        return urllib.parse.unquote(urllib.parse.urlsplit(self.target).path)

    @property
    def query(self) -> Query:
        text = urllib.parse.urlsplit(self.target).query
        return urllib.parse.parse_qs(text, keep_blank_values=True)

    def parameter(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[-1]

    def json(self) -> Any:
        return orjson.loads(self.body or b"{}")

    def form(self) -> dict[str, str]:
        pairs = urllib.parse.parse_qs(self.body.decode(), keep_blank_values=True)
        return {name: values[-1] for name, values in pairs.items()}

    @property
    def bearer(self) -> str:
        """The token of the request, empty when there is none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() in ("bearer", "oauth") else ""

    @property
    def basic(self) -> tuple[str, str]:
        """Name and secret of HTTP Basic, empty when there is none."""
        scheme, _, code = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return "", ""
        name, _, secret = base64.b64decode(code).decode().partition(":")
        return name, secret


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json;charset=UTF-8"
    headers: Mapping[str, str] = field(default_factory=dict)


def reply(data: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON."""
    return Response(status=status, body=orjson.dumps(data), headers=headers or {})

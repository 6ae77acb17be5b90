"""Read a GraphQL request out of an HTTP request, or refuse it with the status that says why.

This follows the GraphQL-over-HTTP specification. Text is read by orjson, which bounds nesting and
refuses NaN, lone surrogates and invalid UTF-8, where the standard reader crashes or lets them in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import orjson
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, UnreadablePostError
from django.utils.http import parse_header_parameters

GRAPHQL_RESPONSE: Final = "application/graphql-response+json"
JSON: Final = "application/json"
ANYTHING: Final = "*/*"
PARAMETERS: Final = ("query", "operationName", "variables", "extensions")
JSON_PARAMETERS: Final = frozenset({"variables", "extensions"})
LONGEST_ACCEPT: Final = 1_000


class RequestRefused(Exception):  # noqa: N818 - an answer to the client, as a Refusal is
    """Refuse the HTTP request itself, before any GraphQL."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client wants executed."""

    query: str
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


def read(request: HttpRequest, *, body_bytes: int) -> Asked:
    """Return what is asked for; raises RequestRefused."""
    if request.method == "GET":
        return _asked(_address_parameters(request))
    if request.method == "POST":
        return _asked(_body_parameters(request, body_bytes))
    raise RequestRefused(
        405,
        "METHOD_NOT_ALLOWED",
        "This method means nothing here. Send POST, or GET for a query.",
        {"Allow": "GET, POST"},
    )


def response_type(request: HttpRequest) -> str:
    """Choose the media type of the response; raises RequestRefused when none is accepted."""
    chosen = _response_type(request.META.get("HTTP_ACCEPT", "")[:LONGEST_ACCEPT])
    if chosen is None:
        raise RequestRefused(
            406,
            "NOT_ACCEPTABLE",
            f"The answer can be written as {GRAPHQL_RESPONSE} or {JSON}. Name one in the header "
            "Accept.",
        )
    return chosen


def wants_page(request: HttpRequest) -> bool:
    """Tell a browser that opens the address from a client that sends a query to it."""
    return (
        request.method == "GET"
        and "text/html" in request.META.get("HTTP_ACCEPT", "")
        and "query=" not in request.META.get("QUERY_STRING", "")
    )


def _address_parameters(request: HttpRequest) -> dict[str, Any]:
    try:
        given = request.GET
    except SuspiciousOperation:
        raise _bad_request("The address has too many parameters.") from None
    for name in PARAMETERS:
        if len(given.getlist(name)) > 1:
            raise _bad_request(f"The address gives `{name}` more than once.")
    return {
        name: _json(given[name].encode(errors="replace"))
        if name in JSON_PARAMETERS
        else given[name]
        for name in PARAMETERS
        if given.get(name)
    }


def _body_parameters(request: HttpRequest, body_bytes: int) -> dict[str, Any]:
    media_type, options = parse_header_parameters(request.META.get("CONTENT_TYPE", ""))
    if media_type != JSON or options.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise RequestRefused(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            f"Send the body as {JSON} in UTF-8, and say so in the header Content-Type.",
        )
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdecimal()) or int(length) > body_bytes:
        raise _too_large(body_bytes)
    try:
        body = request.body
    except RequestDataTooBig:
        raise _too_large(body_bytes) from None
    except UnreadablePostError:
        raise _bad_request("The body ended before its announced length.") from None
    parameters = _json(body)
    if isinstance(parameters, list):
        raise RequestRefused(
            400,
            "BATCHING_NOT_SUPPORTED",
            "Operations are not accepted in batches. Send one request for each.",
        )
    if not isinstance(parameters, dict):
        raise _bad_request("The body must be a JSON object with a `query`.")
    return parameters


def _asked(parameters: Mapping[str, Any]) -> Asked:
    query = parameters.get("query")
    if not isinstance(query, str) or not query.strip():
        raise _bad_request("`query` must be the text of a GraphQL document.")
    operation_name = parameters.get("operationName")
    if not isinstance(operation_name, str | None):
        raise _bad_request("`operationName` must be a string or null.")
    for name in JSON_PARAMETERS:
        if not isinstance(parameters.get(name), dict | None):
            raise _bad_request(f"`{name}` must be a JSON object or null.")
    return Asked(query, operation_name or None, parameters.get("variables") or {})


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _bad_request(f"The JSON cannot be read: {error.msg}.") from None


@lru_cache(maxsize=256)
def _response_type(accept: str) -> str | None:
    """Choose what the client likes more; where it likes both, the newer one if it names it."""
    liked = _likings(accept) or {ANYTHING: 1.0}
    anything = liked.get("application/*", liked.get(ANYTHING, 0.0))
    older = liked.get(JSON, anything)
    newer = liked.get(GRAPHQL_RESPONSE, anything)
    if newer > older or (newer == older > 0 and GRAPHQL_RESPONSE in liked):
        return GRAPHQL_RESPONSE
    return JSON if older > 0 else None


def _likings(accept: str) -> dict[str, float]:
    likings = {}
    for part in accept.split(","):
        media_type, options = parse_header_parameters(part)
        if media_type:
            likings[media_type] = _quality(options.get("q", "1"))
    return likings


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def _bad_request(message: str) -> RequestRefused:
    return RequestRefused(400, "BAD_REQUEST", message)


def _too_large(body_bytes: int) -> RequestRefused:
    return RequestRefused(
        413,
        "PAYLOAD_TOO_LARGE",
        f"A request may have {body_bytes:,} bytes. Send it in several.",
    )

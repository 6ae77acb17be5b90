"""Carry requests to Salesforce through simple-salesforce, and see to it that answers are whole.

The package builds every address with https and answers a broken page as if there was no more data;
here each answer's status, type and length are looked at before its content is believed. Time-outs
are always set, nothing is retried and no one sleeps: what to do next is decided above.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import re
import urllib.parse
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
import requests
import requests.adapters
from simple_salesforce import api

from integrations.domain import crm, errors

TIMEOUT_SECONDS: Final = (10.0, 120.0)
POOL_CONNECTIONS: Final = 4
_USAGE: Final = re.compile(r"api-usage=(\d+)/(\d+)")
_SHOWN: Final = 200


class HttpAdapter(requests.adapters.HTTPAdapter):
    """Sends to `base_url` what is addressed to https://HOST, for a server without TLS."""

    def __init__(self, base_url: str) -> None:
        super().__init__(pool_connections=POOL_CONNECTIONS, pool_maxsize=POOL_CONNECTIONS)
        self._base_url = base_url.rstrip("/")

    def send(self, request: requests.PreparedRequest, *words: Any, **named: Any) -> Any:
        parts = urllib.parse.urlsplit(str(request.url))
        request.url = self._base_url + urllib.parse.urlunsplit(("", "", *parts[2:]))
        return super().send(request, *words, **named)


def open_session(base_url: str) -> requests.Session:
    """Open a session whose connections are kept; gzip is asked for by requests itself."""
    session = requests.Session()
    # What the environment says of proxies and passwords is not for a CRM's tokens.
    session.trust_env = False
    if base_url.startswith("http://"):
        session.mount("https://", HttpAdapter(base_url))
    return session


def send(session: requests.Session, method: str, url: str, **named: Any) -> requests.Response:
    """Send one request; raises Unreachable and AnswerBroken."""
    named.setdefault("timeout", TIMEOUT_SECONDS)
    try:
        return session.request(method, url, allow_redirects=False, **named)
    except requests.exceptions.ChunkedEncodingError as error:
        raise errors.AnswerBroken("The answer broke off.") from error
    except requests.exceptions.ContentDecodingError as error:
        raise errors.AnswerBroken("The answer's compression is damaged.") from error
    except requests.RequestException as error:
        host = urllib.parse.urlsplit(url).hostname
        raise errors.Unreachable(
            f"{host} cannot be reached: {type(error).__name__}. Check the address and the network."
        ) from error


class Client(api.Salesforce):
    """One org through one session; not shared by threads, for the package's headers are mutable."""

    def __init__(self, *, token: crm.Token, version: str, session: requests.Session) -> None:
        super().__init__(
            session_id=token.access_token,
            instance_url=token.instance_url,
            version=version,
            session=session,
            object_pairs_hook=dict,
        )
        # Indented answers are a third longer.
        self.headers.pop("X-PrettyPrint", None)
        self.quota: crm.Quota | None = None
        self.calls = 0

    def _call_salesforce(
        self, method: str, url: str, name: str = "", *_: Any, **named: Any
    ) -> requests.Response:
        """Replace the package's own call, which has no time-out and believes every body."""
        del name
        headers = {**self.headers, **named.pop("headers", {})}
        self.calls += 1
        response = send(self.session, method, url, headers=headers, **named)
        self._note_usage(response)
        if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
            raise failure(response)
        return response

    def parse_result_to_json(self, result: requests.Response) -> Any:
        """Read JSON that is whole; raises AnswerBroken."""
        return read_json(result)

    def call(self, method: str, path: str, **named: Any) -> Any:
        """Ask for a path of the versioned API and read its JSON."""
        return read_json(self._call_salesforce(method, self.base_url + path, **named))

    def fetch(self, method: str, path: str, **named: Any) -> requests.Response:
        """Ask for a path of the versioned API, for an answer that is not JSON."""
        return self._call_salesforce(method, self.base_url + path, **named)

    def _note_usage(self, response: requests.Response) -> None:
        found = _USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        if found:
            self.quota = crm.Quota(used=int(found[1]), limit=int(found[2]))


def read_json(response: requests.Response) -> Any:
    """Read a JSON body; raises AnswerBroken for anything else, a cut one included."""
    kind = response.headers.get("Content-Type", "")
    if "json" not in kind:
        raise errors.AnswerBroken(f"The answer is {kind or 'of no type'} instead of JSON.")
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise errors.AnswerBroken("The answer's JSON is cut or damaged.") from error


def server_time(response: requests.Response) -> dt.datetime:
    """Return when the server answered by its own clock; raises AnswerBroken."""
    try:
        return email.utils.parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError) as error:
        raise errors.AnswerBroken("The answer does not say when it was given.") from error


def failure(response: requests.Response) -> errors.SyncError:
    """Say what an answer above 299 means for the sync."""
    code, message = _told(response)
    status = response.status_code
    text = f"Salesforce answered {status} {code}: {message}"[:_SHOWN]
    if code == "INVALID_SESSION_ID" or status == HTTPStatus.UNAUTHORIZED:
        return errors.SessionEnded(text)
    if code == "REQUEST_LIMIT_EXCEEDED":
        is_brief = "ConcurrentRequests" in message
        limit = errors.Limit.CONCURRENT if is_brief else errors.Limit.DAILY
        return errors.Throttled(text, limit=limit)
    kind = _BY_CODE.get(code)
    if kind is not None:
        return kind(text)
    if status in _BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return errors.Unavailable(text, retry_after=_retry_after(response.headers))
    return errors.RequestRefused(text)


_BY_CODE: Final[Mapping[str, type[errors.SyncError]]] = {
    "QUERY_TIMEOUT": errors.QueryTooLong,
    "INVALID_QUERY_LOCATOR": errors.LocatorLost,
    "INVALID_LOCATOR": errors.LocatorLost,
    "INVALID_FIELD": errors.FieldUnknown,
    "INVALID_TYPE": errors.StreamForbidden,
    "INSUFFICIENT_ACCESS": errors.StreamForbidden,
    "API_DISABLED_FOR_ORG": errors.StreamForbidden,
    "UNABLE_TO_LOCK_ROW": errors.Unavailable,
}
_BUSY: Final = (406, 408, 425, 429)


def _told(response: requests.Response) -> tuple[str, str]:
    """Read the error's code and message, of which any part may be missing."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return "", ""
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict):
        return "", ""
    code = first.get("errorCode") or first.get("error") or ""
    return str(code), str(first.get("message") or first.get("error_description") or "")


def _retry_after(headers: Mapping[str, str]) -> dt.timedelta | None:
    text = headers.get("Retry-After", "")
    return dt.timedelta(seconds=int(text)) if text.isdigit() else None

"""Carry requests to HubSpot through hubspot-api-client, and see to it that answers are whole.

The package's models are 23 times as dear as its bytes and turn a broken page into an empty last
one. So one of its API objects is kept, with its connections, and asked for raw answers; each one's
status, type and length are looked at before its content is believed. Its hidden retries are off.

Numbered paths end in 2027, so each family of paths is a setting: see `Paths`.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import hubspot
import orjson
import urllib3.exceptions
from hubspot.crm.deals.exceptions import ApiException

from integrations.domain import crm, errors

HOST: Final = "https://api.hubapi.com"
TIMEOUT_SECONDS: Final = (10.0, 60.0)
_SHOWN: Final = 200
_BUSY: Final = (408, 423, 425, 477, 521, 522, 523, 524, 530)


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the families of paths are: `version` is "v3" or a date such as "2026-03"."""

    version: str = "v3"

    def objects(self, kind: str, rest: str = "") -> str:
        if self._is_numbered:
            return f"/crm/{self.version}/objects/{kind}{rest}"
        return f"/crm/objects/{self.version}/{kind}{rest}"

    def associations(self, kind: str, other: str) -> str:
        if self._is_numbered:
            return f"/crm/v4/associations/{kind}/{other}/batch/read"
        return f"/crm/associations/{self.version}/{kind}/{other}/batch/read"

    def family(self, name: str, rest: str = "") -> str:
        """Give the path of owners, pipelines, properties and the like."""
        if self._is_numbered:
            return f"/crm/{self.version}/{name}{rest}"
        return f"/crm/{name}/{self.version}{rest}"

    def token(self) -> str:
        return f"/oauth/{'v1' if self._is_numbered else self.version}/token"

    def account(self) -> str:
        return f"/account-info/{self.version}/details"

    @property
    def _is_numbered(self) -> bool:
        return self.version.startswith("v")


class Client:
    """One portal through one kept API object, with its own pool of connections."""

    def __init__(self, *, access_token: str, base_url: str, version: str) -> None:
        self._host = base_url or HOST
        opened = hubspot.HubSpot(access_token=access_token, host=self._host, retry=False)
        self._api = opened.crm.deals.basic_api.api_client
        self._headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        if access_token:
            self._headers["Authorization"] = f"Bearer {access_token}"
        self.paths = Paths(version)
        self.quota: crm.Quota | None = None
        self.calls = 0

    def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:
        """Ask for a path and read its JSON; raises SyncError."""
        return read_json(self.ask("GET", path, query=query))

    def post(self, path: str, body: object) -> Any:
        """Post JSON to a path and read the answer's; raises SyncError."""
        return read_json(self.ask("POST", path, body=body))

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: object = None,
        form: Sequence[tuple[str, str]] = (),
    ) -> Any:
        """Ask, and return the raw answer when its status is below 300."""
        self.calls += 1
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        try:
            # One step below `call_api`, which decodes each error page as UTF-8 and fails on others.
            answer = self._api.request(
                method,
                self._host + path,
                query_params=list(query),
                headers={**self._headers, "Content-Type": kind},
                body=body,
                post_params=list(form) or None,
                _preload_content=False,
                _request_timeout=TIMEOUT_SECONDS,
            )
        except ApiException as error:
            raise failure(error) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise errors.Unreachable(
                f"{urllib.parse.urlsplit(self._host).hostname} cannot be reached: "
                f"{type(error).__name__}. Check the address and the network."
            ) from error
        try:
            answer.body = answer.data
        except urllib3.exceptions.HTTPError as error:
            raise errors.AnswerBroken("The answer broke off.") from error
        self._note_usage(answer.headers)
        return answer

    def _note_usage(self, headers: Mapping[str, str]) -> None:
        limit = headers.get("X-HubSpot-RateLimit-Daily", "")
        left = headers.get("X-HubSpot-RateLimit-Daily-Remaining", "")
        if limit.isdigit() and left.isdigit():
            self.quota = crm.Quota(used=int(limit) - int(left), limit=int(limit))


def exchange(
    credentials: Mapping[str, str], *, base_url: str, version: str, at: dt.datetime
) -> crm.Token:
    """Exchange a code or a refresh token for an access token; a private app's is used as it is.

    Raises AuthorizationLost, and what `Client.ask` raises.
    """
    if "access_token" in credentials:
        return crm.Token(credentials["access_token"], base_url or HOST, issued_at=at)
    names = ("client_id", "client_secret", "refresh_token", "code", "redirect_uri")
    form = [(name, credentials[name]) for name in names if name in credentials]
    grant = "authorization_code" if "code" in credentials else "refresh_token"
    client = Client(access_token="", base_url=base_url, version=version)
    try:
        answer = read_json(
            client.ask("POST", client.paths.token(), form=[("grant_type", grant), *form])
        )
    except errors.RequestRefused as error:
        raise errors.AuthorizationLost(
            "HubSpot does not accept the credentials. Connect it again."
        ) from error
    try:
        return crm.Token(
            access_token=answer["access_token"],
            instance_url=base_url or HOST,
            issued_at=at,
            expires_at=at + dt.timedelta(seconds=int(answer["expires_in"])),
            refresh_token=answer.get("refresh_token", ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise errors.AnswerBroken("The answer holds no token.") from error


def read_json(answer: Any) -> Any:
    """Read a JSON object that is whole; raises AnswerBroken."""
    kind = answer.headers.get("Content-Type", "")
    if "json" not in kind:
        raise errors.AnswerBroken(f"The answer is {kind or 'of no type'} instead of JSON.")
    try:
        data = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise errors.AnswerBroken("The answer's JSON is cut or damaged.") from error
    if not isinstance(data, dict):
        raise errors.AnswerBroken("The answer is no JSON object.")
    return data


def server_time(answer: Any) -> dt.datetime:
    """Return when the server answered by its own clock; raises AnswerBroken."""
    try:
        return email.utils.parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError) as error:
        raise errors.AnswerBroken("The answer does not say when it was given.") from error


def failure(error: ApiException) -> errors.SyncError:
    """Say what an answer above 299 means for the sync."""
    told = _told(error.body)
    headers: Mapping[str, str] = error.headers or {}
    category, message = str(told.get("category", "")), str(told.get("message", ""))
    text = f"HubSpot answered {error.status} {category}: {message}"[:_SHOWN]
    retry_after = _retry_after(headers)
    if error.status == HTTPStatus.UNAUTHORIZED:
        if category == "EXPIRED_AUTHENTICATION":
            return errors.SessionEnded(text)
        return errors.AuthorizationLost(f"{text.rstrip('.')}. Connect it again.")
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        policy = str(told.get("policyName", ""))
        limit = _LIMITS.get(policy, errors.Limit.BURST)
        return errors.Throttled(text, limit=limit, retry_after=retry_after)
    if error.status == HTTPStatus.FORBIDDEN:
        return errors.StreamForbidden(_missing_scopes(told) or text)
    if error.status in _BUSY or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return errors.Unavailable(text, retry_after=retry_after)
    return errors.RequestRefused(text)


_LIMITS: Final = {
    "SECONDLY": errors.Limit.SEARCH,
    "TEN_SECONDLY_ROLLING": errors.Limit.BURST,
    "DAILY": errors.Limit.DAILY,
}


def _told(body: Any) -> Mapping[str, Any]:
    """Read an error's envelope, of which any part may be missing and which may be a page."""
    try:
        told = orjson.loads(body or b"")
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _missing_scopes(told: Mapping[str, Any]) -> str:
    found = told.get("errors") or []
    scopes = [
        scope
        for each in found
        if isinstance(each, dict)
        for scope in each.get("context", {}).get("requiredGranularScopes", [])
    ]
    return f"HubSpot asks for the scopes {', '.join(scopes)}. Grant them." if scopes else ""


def _retry_after(headers: Mapping[str, str]) -> dt.timedelta | None:
    text = headers.get("Retry-After", "")
    return dt.timedelta(seconds=int(text)) if text.isdigit() else None

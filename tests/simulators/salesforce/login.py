"""Sessions of the simulated org: OAuth flows, rotation, and the end of a session.

With rotation on, a refresh hands out a new refresh token and ends the sessions before it, and with
them the query locators that they hold.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt

from tests.simulators import clock, messages

JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class App:
    """What the org knows about the connected app; `public_key` (PEM) checks JWT assertions."""

    client_id: str = "client"
    client_secret: str = "secret"
    username: str = "integration@tribute.example"
    public_key: str = ""
    refresh_token: str = "refresh-0"
    rotates: bool = False
    session_seconds: float = 7200.0
    scope: str = "api refresh_token"


class Sessions:
    """The sessions that are open, and the tokens that open new ones."""

    def __init__(self, app: App, time: clock.Clock) -> None:
        self.app = app
        self._clock = time
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._ends: dict[str, float] = {}
        self._refresh_tokens = {app.refresh_token}
        self._codes: dict[str, str] = {}

    def is_open(self, token: str) -> bool:
        with self._lock:
            return self._ends.get(token, 0) > self._clock.now().timestamp()

    def end_all(self) -> None:
        """End every session, as an administrator can."""
        with self._lock:
            self._ends.clear()

    def revoke(self) -> None:
        """Take the app's rights away: no refresh token works any more."""
        with self._lock:
            self._ends.clear()
            self._refresh_tokens.clear()

    def authorize(self, request: messages.Request) -> messages.Response:
        """Send the browser back with a code, as after a person's consent."""
        if request.parameter("client_id") != self.app.client_id:
            return _refuse("invalid_client_id", "client identifier invalid")
        code = f"code-{next(self._numbers)}"
        with self._lock:
            self._codes[code] = request.parameter("code_challenge")
        back = urllib.parse.urlencode({"code": code, "state": request.parameter("state")})
        location = f"{request.parameter('redirect_uri')}?{back}"
        return messages.Response(status=302, headers={"Location": location})

    def token(self, request: messages.Request) -> messages.Response:
        """Answer the token endpoint."""
        form = request.form()
        name, secret = request.basic
        client_id = form.get("client_id") or name
        client_secret = form.get("client_secret") or secret
        grant = form.get("grant_type", "")
        if grant == JWT_GRANT:
            return self._by_assertion(request, form.get("assertion", ""))
        if client_id != self.app.client_id:
            return _refuse("invalid_client_id", "client identifier invalid")
        if client_secret != self.app.client_secret and grant != "authorization_code":
            return _refuse("invalid_client", "invalid client credentials")
        if grant == "client_credentials":
            return self._open(request)
        if grant == "refresh_token":
            return self._refresh(request, form.get("refresh_token", ""))
        if grant == "authorization_code":
            return self._by_code(request, form)
        return _refuse("unsupported_grant_type", "grant type not supported")

    def _by_assertion(self, request: messages.Request, assertion: str) -> messages.Response:
        try:
            claims = jwt.decode(
                assertion,
                self.app.public_key,
                algorithms=["RS256"],
                options={"verify_aud": False},
            )
        except jwt.PyJWTError as error:
            return _refuse("invalid_grant", f"invalid assertion: {error}")
        if (claims.get("iss"), claims.get("sub")) != (self.app.client_id, self.app.username):
            return _refuse("invalid_grant", "user hasn't approved this consumer")
        return self._open(request)

    def _by_code(self, request: messages.Request, form: Mapping[str, str]) -> messages.Response:
        with self._lock:
            challenge = self._codes.pop(form.get("code", ""), None)
        if challenge is None:
            return _refuse("invalid_grant", "expired authorization code")
        if challenge and challenge != _challenge(form.get("code_verifier", "")):
            return _refuse("invalid_grant", "invalid code verifier")
        return self._open(request, refresh_token=self._new_refresh_token())

    def _refresh(self, request: messages.Request, token: str) -> messages.Response:
        with self._lock:
            is_known = token in self._refresh_tokens
            if is_known and self.app.rotates:
                self._refresh_tokens.discard(token)
                self._ends.clear()
        if not is_known:
            return _refuse("invalid_grant", "expired access/refresh token")
        if self.app.rotates:
            return self._open(request, refresh_token=self._new_refresh_token())
        return self._open(request)

    def _new_refresh_token(self) -> str:
        token = f"refresh-{next(self._numbers)}"
        with self._lock:
            self._refresh_tokens.add(token)
        return token

    def _open(self, request: messages.Request, refresh_token: str = "") -> messages.Response:
        token = f"00D000000000001!session-{next(self._numbers)}"
        now = self._clock.now().timestamp()
        with self._lock:
            self._ends[token] = now + self.app.session_seconds
        answer: dict[str, Any] = {
            "access_token": token,
            "instance_url": request.base_url,
            "id": f"{request.base_url}/id/00D000000000001EAA/005000000000001AAA",
            "token_type": "Bearer",
            "issued_at": str(int(now * 1000)),
            "signature": "c2lnbmF0dXJl",
            "scope": self.app.scope,
        }
        if refresh_token:
            answer["refresh_token"] = refresh_token
        return messages.reply(answer)


def _refuse(error: str, description: str) -> messages.Response:
    return messages.reply({"error": error, "error_description": description}, status=400)


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

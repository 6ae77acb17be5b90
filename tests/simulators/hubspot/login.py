"""Tokens of the simulated portal: a private app's, and OAuth with refresh; both path versions."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from dataclasses import dataclass
from typing import Final

from tests.simulators import clock, messages
from tests.simulators.hubspot import schema, store, wire

TOKEN_SECONDS: Final = 1800


@dataclass(frozen=True, slots=True)
class App:
    """What the portal knows about the app."""

    client_id: str = "client"
    client_secret: str = "secret"
    private_token: str = "pat-na1-private"
    refresh_token: str = "refresh-0"
    code: str = "code-0"
    rotates: bool = False
    scopes: frozenset[str] = frozenset({*schema.SCOPES.values(), "oauth"})


class Tokens:
    """Who may ask, until when, and for what."""

    def __init__(self, app: App, time: clock.Clock) -> None:
        self.app = app
        self._clock = time
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._ends: dict[str, dt.datetime] = {}
        self._refresh_tokens = {app.refresh_token}
        self._is_private_valid = True

    def refusal(self, token: str) -> messages.Response | None:
        """Return why the token does not open anything, or None."""
        with self._lock:
            end = self._ends.get(token)
            if token == self.app.private_token and self._is_private_valid:
                return None
        if end is None:
            return wire.error(
                401, "INVALID_AUTHENTICATION", "Authentication credentials not found."
            )
        late = (self._clock.now() - end).total_seconds()
        if late < 0:
            return None
        message = f"The OAuth token used to make this call expired {int(late)} second(s) ago."
        context = {"expire time": [store.text_of(end)]}
        return wire.error(401, "EXPIRED_AUTHENTICATION", message, context=context)

    def end_all(self) -> None:
        """Let every access token expire now."""
        with self._lock:
            now = self._clock.now()
            self._ends = dict.fromkeys(self._ends, now)

    def revoke(self) -> None:
        """Uninstall the app: nothing of it opens any more."""
        with self._lock:
            self._ends.clear()
            self._refresh_tokens.clear()
            self._is_private_valid = False

    def token(self, request: messages.Request) -> messages.Response:
        """Answer the token endpoint."""
        form = request.form()
        if (form.get("client_id"), form.get("client_secret")) != (
            self.app.client_id,
            self.app.client_secret,
        ):
            return _refuse("BAD_CLIENT_ID", "missing or unknown client id")
        grant = form.get("grant_type")
        if grant == "authorization_code" and form.get("code") == self.app.code:
            return self._open(self._new_refresh_token())
        if grant != "refresh_token":
            return _refuse("BAD_AUTH_CODE", "missing or unknown auth code")
        return self._refresh(form.get("refresh_token", ""))

    def _refresh(self, refresh_token: str) -> messages.Response:
        with self._lock:
            is_known = refresh_token in self._refresh_tokens
            if is_known and self.app.rotates:
                self._refresh_tokens.discard(refresh_token)
        if not is_known:
            return _refuse("BAD_REFRESH_TOKEN", "missing or unknown refresh token")
        return self._open(self._new_refresh_token() if self.app.rotates else refresh_token)

    def _new_refresh_token(self) -> str:
        token = f"refresh-{next(self._numbers)}"
        with self._lock:
            self._refresh_tokens.add(token)
        return token

    def _open(self, refresh_token: str) -> messages.Response:
        token = f"access-{next(self._numbers)}"
        with self._lock:
            self._ends[token] = self._clock.now() + dt.timedelta(seconds=TOKEN_SECONDS)
        return messages.reply(
            {
                "access_token": token,
                "refresh_token": refresh_token,
                "expires_in": TOKEN_SECONDS,
                "token_type": "bearer",
            }
        )


def _refuse(status: str, message: str) -> messages.Response:
    return messages.reply(
        {"status": status, "message": message, "error": "invalid_grant"}, status=400
    )

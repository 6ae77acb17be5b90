"""The portal's rate limits: a burst over ten seconds, searches a second, calls a day."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections import deque
from dataclasses import dataclass

from tests.simulators import clock, messages


@dataclass(frozen=True, slots=True)
class Policy:
    """How many calls may be made in a window."""

    name: str
    calls: int
    seconds: float


BURST = Policy("TEN_SECONDLY_ROLLING", 1_000_000, 10)
SEARCH = Policy("SECONDLY", 1_000_000, 1)
DAILY = Policy("DAILY", 250_000, 86_400)


class Limits:
    """Counts calls against the policies; says nothing in headers when told so."""

    def __init__(
        self,
        time: clock.Clock,
        *,
        burst: Policy = BURST,
        search: Policy = SEARCH,
        daily: Policy = DAILY,
        has_headers: bool = True,
        retry_after_seconds: int | None = None,
    ) -> None:
        self._clock = time
        self._burst, self._search, self._daily = burst, search, daily
        self._has_headers = has_headers
        self._retry_after_seconds = retry_after_seconds
        self._calls: dict[str, deque[dt.datetime]] = {}
        self._lock = threading.Lock()

    def refusal(self, *, is_search: bool) -> messages.Response | None:
        """Count a call; return the answer when it is one too many."""
        policies = (self._daily, self._search if is_search else self._burst)
        with self._lock:
            for policy in policies:
                if len(self._recent(policy)) >= policy.calls:
                    return self._refuse(policy)
            for policy in policies:
                self._recent(policy).append(self._clock.now())
        return None

    def headers(self, *, is_search: bool) -> dict[str, str]:
        if is_search or not self._has_headers:
            return {}
        with self._lock:
            burst, daily = len(self._recent(self._burst)), len(self._recent(self._daily))
        return {
            "X-HubSpot-RateLimit-Max": str(self._burst.calls),
            "X-HubSpot-RateLimit-Remaining": str(self._burst.calls - burst),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(self._burst.seconds * 1000)),
            "X-HubSpot-RateLimit-Daily": str(self._daily.calls),
            "X-HubSpot-RateLimit-Daily-Remaining": str(self._daily.calls - daily),
        }

    def _recent(self, policy: Policy) -> deque[dt.datetime]:
        calls = self._calls.setdefault(policy.name, deque())
        horizon = self._clock.now() - dt.timedelta(seconds=policy.seconds)
        while calls and calls[0] <= horizon:
            calls.popleft()
        return calls

    def _refuse(self, policy: Policy) -> messages.Response:
        headers = {}
        if self._retry_after_seconds is not None:
            headers["Retry-After"] = str(self._retry_after_seconds)
        body = {
            "status": "error",
            "message": f"You have reached your {policy.name.lower()} limit.",
            "errorType": "RATE_LIMIT",
            "correlationId": str(uuid.uuid4()),
            "policyName": policy.name,
            "groupName": "publicapi:crm",
        }
        return messages.reply(body, status=429, headers=headers)

"""Tell a subscriber what changed: signed batches of up to a hundred, sent again when not taken."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from collections.abc import Iterable
from typing import Any, Final

import orjson
import requests

from tests.simulators.hubspot import application, store

MAX_BATCH: Final = 100
TIMEOUT_SECONDS: Final = 5


def signature(secret: str, method: str, url: str, body: bytes, timestamp: str) -> str:
    """Sign as version 3 does; the timestamp is in milliseconds."""
    signed = method.encode() + url.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


class Dispatcher:
    """Sends the portal's events to one address."""

    def __init__(self, portal: application.Application, url: str, *, app_id: int = 1) -> None:
        self._portal = portal
        self._url = url
        self._app_id = app_id
        self._numbers = itertools.count(1)
        self._waiting: list[tuple[dict[str, Any], int]] = []

    def deliver(self) -> list[int]:
        """Send everything that waits, once; return the status of each batch."""
        news = self._portal.store.take_events()
        self._waiting += [(self._plain(event), 0) for event in news]
        batches = list(_batches(self._waiting))
        self._waiting = []
        return [self._send(batch) for batch in batches]

    def _send(self, batch: list[tuple[dict[str, Any], int]]) -> int:
        body = orjson.dumps([{**event, "attemptNumber": tried} for event, tried in batch])
        timestamp = str(int(self._portal.clock.now().timestamp() * 1000))
        secret = self._portal.tokens.app.client_secret
        headers = {
            "Content-Type": "application/json",
            "X-HubSpot-Signature-v3": signature(secret, "POST", self._url, body, timestamp),
            "X-HubSpot-Request-Timestamp": timestamp,
        }
        try:
            status = requests.post(
                self._url, data=body, headers=headers, timeout=TIMEOUT_SECONDS
            ).status_code
        except requests.RequestException:
            status = 0
        if not 200 <= status < 300:
            self._waiting += [(event, tried + 1) for event, tried in batch]
        return status

    def _plain(self, event: store.Event) -> dict[str, Any]:
        return {
            "eventId": next(self._numbers),
            "subscriptionId": 1,
            "portalId": application.PORTAL,
            "appId": self._app_id,
            "occurredAt": int(event.occurred_at.timestamp() * 1000),
            "subscriptionType": event.subscription,
            "objectId": int(event.object_id),
            **event.details,
        }


def _batches(
    items: Iterable[tuple[dict[str, Any], int]],
) -> Iterable[list[tuple[dict[str, Any], int]]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, MAX_BATCH)):
        yield batch

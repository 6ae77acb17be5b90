"""Celery's line to the embedded Valkey: start or recover it whenever a connection is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from kombu.transport import redis
from redis.exceptions import ConnectionError as RedisConnectionError

from config.supervisor import servers, valkey
from config.supervisor.failures import ServerFailure


class EmbeddedTransport(redis.Transport):
    """Redis over the socket of the embedded server, wherever that is found to be."""

    def establish_connection(self) -> Any:
        """Have the server run, then connect."""
        try:
            layout = servers.ensure_valkey(Path(settings.TRIBUTE_HOME))
        except ServerFailure as failure:
            # What callers already know how to wait for.
            raise RedisConnectionError(str(failure)) from failure
        self.client.hostname = f"socket://{valkey.socket_of(layout)}"  # type: ignore[union-attr]  # a transport always has its connection
        return super().establish_connection()  # type: ignore[no-untyped-call]  # kombu is typed in part

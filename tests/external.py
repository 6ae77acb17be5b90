"""Tell whether servers answer: `python -m tests.external DATABASE_URL REDIS_URL`."""

from __future__ import annotations

import sys

import psycopg
import redis

TIMEOUT_SECONDS = 3


def answer(*, database_url: str, redis_url: str) -> str | None:
    """Return why the servers cannot be used, or None when both answer."""
    try:
        psycopg.connect(database_url, connect_timeout=TIMEOUT_SECONDS).close()
        redis.Redis.from_url(redis_url, socket_timeout=TIMEOUT_SECONDS).ping()
    except (psycopg.Error, redis.RedisError) as error:
        return str(error)
    return None


if __name__ == "__main__":
    reason = answer(database_url=sys.argv[1], redis_url=sys.argv[2])
    print(f"external servers: {reason or 'both answer'}")  # noqa: T201 - a command speaks on standard output
    sys.exit(1 if reason else 0)

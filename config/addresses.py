"""Read the addresses of the servers; a refusal never shows the password in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg import conninfo

from config.supervisor import postgres

CONNECT_TIMEOUT_SECONDS = 5


def database(variable: str, url: str) -> dict[str, Any]:
    """Return Django's description of the PostgreSQL that the address names."""
    if not url.startswith(("postgres://", "postgresql://")):
        raise _refusal(variable, "does not start with postgresql://")
    try:
        parts = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The reason quotes the whole address, password and all.
        raise _refusal(variable, "cannot be read") from None
    name = parts.pop("dbname", None)
    if not name:
        raise _refusal(variable, "names no database")
    return {
        "ENGINE": "config.postgres",
        "NAME": name,
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": {"connect_timeout": CONNECT_TIMEOUT_SECONDS, **parts},
    }


def embedded(home: Path) -> dict[str, Any]:
    """Return Django's description of the PostgreSQL that the product runs itself."""
    return {
        "ENGINE": "config.postgres",
        "NAME": postgres.DATABASE,
        "USER": postgres.OWNER,
        "OPTIONS": {"connect_timeout": CONNECT_TIMEOUT_SECONDS},
        # The backend finds the socket, and starts the server behind it.
        "EMBEDDED_HOME": str(home),
    }


def broker(variable: str, url: str) -> str:
    """Return Celery's address of the Redis or Valkey that the address names."""
    parts = urlsplit(url)
    if parts.scheme in {"redis", "rediss"} and parts.hostname:
        return url
    if parts.scheme in {"unix", "redis+socket"} and parts.path.strip("/"):
        return _socket(parts)
    raise ImproperlyConfigured(
        f"{variable} is not the address of a Redis or Valkey: write redis://host:6379/0 or "
        "redis+socket:///folder/valkey.sock."
    )


def _socket(parts: SplitResult) -> str:
    query = parse_qs(parts.query)
    number = (query.get("virtual_host") or query.get("db") or ["0"])[0]
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={number}"


def _refusal(variable: str, fault: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"{variable} {fault}: write postgresql://user:password@host:5432/database, with special "
        "characters percent-encoded, or postgresql://user@/database?host=/folder/of/the/socket."
    )

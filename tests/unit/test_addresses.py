"""Addresses of servers: every written form, and refusals that keep the password to themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import addresses

DATABASE_REMEDY = (
    "write postgresql://user:password@host:5432/database, with special characters "
    "percent-encoded, or postgresql://user@/database?host=/folder/of/the/socket."
)
BROKER_REMEDY = (
    "REDIS_URL is not the address of a Redis or Valkey: write redis://host:6379/0 or "
    "redis+socket:///folder/valkey.sock."
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgres://ana:s%40fe@db.example:6432/tribute",
            ("tribute", "ana", "s@fe", "db.example", "6432", {}),
        ),
        ("postgresql://db.example/tribute", ("tribute", "", "", "db.example", "", {})),
        ("postgresql://[::1]:5433/tribute", ("tribute", "", "", "::1", "5433", {})),
        (
            "postgresql://ana@/tribute?host=/run/postgresql&port=5433",
            ("tribute", "ana", "", "/run/postgresql", "5433", {}),
        ),
        (
            "postgresql://ana@a.example:1,b.example:2/tribute?sslmode=verify-full",
            ("tribute", "ana", "", "a.example,b.example", "1,2", {"sslmode": "verify-full"}),
        ),
        (
            "postgresql://a.example/tribute?connect_timeout=30",
            ("tribute", "", "", "a.example", "", {"connect_timeout": "30"}),
        ),
    ],
)
def test_a_database_address_is_read(
    url: str, expected: tuple[str, str, str, str, str, dict[str, str]]
) -> None:
    database = addresses.database("DATABASE_URL", url)

    name, user, password, host, port, options = expected
    assert database == {
        "ENGINE": "config.postgres",
        "NAME": name,
        "USER": user,
        "PASSWORD": password,
        "HOST": host,
        "PORT": port,
        "OPTIONS": {"connect_timeout": 5, **options},
    }


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("mysql://ana:hush@db/tribute", "does not start with postgresql://"),
        ("db.example/tribute", "does not start with postgresql://"),
        ("postgresql://ana:hush@db", "names no database"),
        ("postgresql://ana:hu sh@db/tribute", "cannot be read"),
        ("postgresql://ana:hush@[::1/tribute", "cannot be read"),
        ("postgresql://ana:hush@db/tribute?colour=red", "cannot be read"),
    ],
)
def test_a_wrong_database_address_is_refused_without_showing_it(url: str, fault: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        addresses.database("DATABASE_OWNER_URL", url)

    assert str(refusal.value) == f"DATABASE_OWNER_URL {fault}: {DATABASE_REMEDY}"
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("rediss://:hush@queue.example/1", "rediss://:hush@queue.example/1"),
        ("unix:///run/valkey.sock", "redis+socket:///run/valkey.sock?virtual_host=0"),
        ("unix:///run/valkey.sock?db=3", "redis+socket:///run/valkey.sock?virtual_host=3"),
        (
            "redis+socket://:hush@/run/valkey.sock?virtual_host=2",
            "redis+socket://:hush@/run/valkey.sock?virtual_host=2",
        ),
    ],
)
def test_a_broker_address_is_read(url: str, expected: str) -> None:
    assert addresses.broker("REDIS_URL", url) == expected


@pytest.mark.parametrize(
    "url", ["amqp://localhost", "redis://", "unix://", "redis+socket:///", "localhost:6379"]
)
def test_a_wrong_broker_address_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        addresses.broker("REDIS_URL", url)

    assert str(refusal.value) == BROKER_REMEDY


def test_the_embedded_database_names_its_home_and_no_host(tmp_path: Path) -> None:
    database = addresses.embedded(tmp_path)

    assert database["EMBEDDED_HOME"] == str(tmp_path)
    assert (database["NAME"], database["USER"]) == ("tribute", "tribute")
    assert "HOST" not in database

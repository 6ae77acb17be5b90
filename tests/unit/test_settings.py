"""Settings of production refuse what would be unsafe, and development needs none of them."""

from __future__ import annotations

import os
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.core.exceptions import ImproperlyConfigured

SETTINGS = Path(__file__).parent.parent.parent / "config" / "settings.py"
PRODUCTION = {
    "TRIBUTE_PRODUCTION": "yes",
    "SECRET_KEY": "aVerySecretKeyOfMoreThanFiftyCharactersForThisTestAlone!",
    "ALLOWED_HOSTS": "tribute.example",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Start from an empty environment, and give logging back."""
    before = structlog.get_config()
    names = ("TRIBUTE_", "DATABASE_", "REDIS_", "SECRET_KEY", "ALLOWED_HOSTS", "CSRF_")
    for name in [name for name in os.environ if name.startswith(names)]:
        monkeypatch.delenv(name)
    yield monkeypatch
    structlog.configure(**before)


def settings(environment: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    for name, value in variables.items():
        environment.setenv(name, value)
    return runpy.run_path(str(SETTINGS))


def test_development_needs_nothing(environment: pytest.MonkeyPatch) -> None:
    found = settings(environment)

    assert found["DEBUG"] is True
    assert found["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]", "testserver"]
    assert found["TRIBUTE_HOME"] == SETTINGS.parent.parent / ".tribute"
    assert found["DATABASES"]["default"]["EMBEDDED_HOME"] == str(found["TRIBUTE_HOME"])
    assert found["CELERY_BROKER_URL"] == "embedded://localhost"
    assert found["SESSION_COOKIE_SECURE"] is False


def test_production_is_closed_by_default(environment: pytest.MonkeyPatch) -> None:
    found = settings(environment, **PRODUCTION)

    assert found["DEBUG"] is False
    assert found["ALLOWED_HOSTS"] == ["tribute.example"]
    for name in (
        "SECURE_SSL_REDIRECT",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        "SECURE_HSTS_PRELOAD",
    ):
        assert found[name] is True
    assert found["SECURE_HSTS_SECONDS"] == 31_536_000
    assert "SECURE_PROXY_SSL_HEADER" not in found


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "SECRET_KEY",
            "",
            "SECRET_KEY is not set. Write 50 or more random characters and keep them secret.",
        ),
        ("SECRET_KEY", "short", "SECRET_KEY is short. Write 50 or more random characters."),
        ("ALLOWED_HOSTS", "", "ALLOWED_HOSTS is not set. Write the host names of the site."),
        ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS is *. Write the host names of the site."),
        ("TRIBUTE_DEBUG", "yes", "TRIBUTE_DEBUG shows internals. Remove it in production."),
        ("TRIBUTE_PRODUCTION", "sure", "TRIBUTE_PRODUCTION is 'sure'. Write yes or no."),
        (
            "TRIBUTE_PROCESS",
            "butler",
            "TRIBUTE_PROCESS is 'butler'. Write one of: command, web, worker.",
        ),
        (
            "TRIBUTE_BEHIND_PROXXY",
            "yes",
            (
                "TRIBUTE_BEHIND_PROXXY is not a setting of this program. "
                "Did you mean TRIBUTE_BEHIND_PROXY?"
            ),
        ),
        (
            "DATABASE_OWNER_URL",
            "postgresql://ana@db/tribute",
            "DATABASE_OWNER_URL needs DATABASE_URL. Set both, or neither.",
        ),
    ],
)
def test_production_refuses_what_is_unsafe_or_wrong(
    name: str, value: str, message: str, environment: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImproperlyConfigured) as refusal:
        settings(environment, **{**PRODUCTION, name: value})

    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("process", "statement", "lock", "idle"),
    [("web", 5_000, 2_000, 10_000), ("worker", 240_000, 30_000, 300_000), ("command", 0, 0, 0)],
)
def test_each_kind_of_process_has_its_patience(
    process: str, statement: int, lock: int, idle: int, environment: pytest.MonkeyPatch
) -> None:
    found = settings(environment, TRIBUTE_PROCESS=process)

    options = found["DATABASES"]["default"]["OPTIONS"]
    assert options["options"] == (
        f"-c statement_timeout={statement} -c lock_timeout={lock} "
        f"-c idle_in_transaction_session_timeout={idle}"
    )
    assert options["assume_role"] == "tribute_app"
    assert options["application_name"] == f"tribute {process}"


def test_an_address_keeps_its_own_options_and_the_owner_has_none_of_ours(
    environment: pytest.MonkeyPatch,
) -> None:
    found = settings(
        environment,
        TRIBUTE_PROCESS="web",
        DATABASE_URL="postgresql://app@db/tribute?options=-c%20search_path%3Dgifts",
        DATABASE_OWNER_URL="postgresql://owner@db/tribute",
    )

    database = found["DATABASES"]["default"]
    assert database["OPTIONS"]["options"].endswith("_timeout=10000 -c search_path=gifts")
    assert database["USER"] == "app"
    assert database["OWNER"]["USER"] == "owner"
    assert database["OWNER"]["OPTIONS"] == {"connect_timeout": 5}
    assert "EMBEDDED_HOME" not in database


def test_a_dead_workers_task_comes_again_after_the_longest_task(
    environment: pytest.MonkeyPatch,
) -> None:
    found = settings(environment)

    assert found["CELERY_TASK_TIME_LIMIT"] == 240
    assert found["CELERY_BROKER_TRANSPORT_OPTIONS"]["visibility_timeout"] == 300
    assert found["CELERY_TASK_ACKS_LATE"] is True
    assert found["CELERY_TASK_REJECT_ON_WORKER_LOST"] is True

"""Requests of two organizations share few connections and never see each other's rows."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import psycopg
import psycopg_pool
import pytest
from django.db import connection

from gifting import models
from gifting.selectors import organizations as organization_records
from gifting.services import tenancy
from tests.factories import organizations, sends

ROUNDS = 400
WORKERS = 4
CONNECTIONS = 2

Pair = tuple[organization_records.OrganizationRecord, organization_records.OrganizationRecord]


class Interrupted(Exception):  # noqa: N818 - an accident of the test, not of the product
    """Something went wrong in the middle of a request."""


@pytest.fixture
def committed(committed_db: None) -> Pair:
    """Two organizations whose rows other connections see as well."""
    return _organization_with_vendor("Acme"), _organization_with_vendor("Globex")


@pytest.fixture
def pool() -> Iterator[psycopg_pool.ConnectionPool]:
    """Hold few connections for many workers, as a web process does."""
    options = connection.get_connection_params()
    role = connection.settings_dict["OPTIONS"]["assume_role"]
    address: dict[str, Any] = {
        key: value
        for key, value in options.items()
        if key in {"dbname", "user", "password", "host", "port"}
    }

    def work_as_application(pooled: psycopg.Connection) -> None:
        pooled.execute(f"SET ROLE {role}")
        pooled.commit()

    with psycopg_pool.ConnectionPool(
        kwargs=address,
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        configure=work_as_application,
    ) as opened:
        yield opened


def test_interleaved_requests_on_pooled_connections_never_mix(
    committed: Pair, pool: psycopg_pool.ConnectionPool
) -> None:
    """Of every ten requests one dies in the middle and one in the database; the rest stay clean."""
    backends: set[int] = set()

    def request(number: int) -> list[tuple[int, str]]:
        organization = committed[random.Random(number).randrange(2)]
        seen: list[tuple[int, str]] = []
        with contextlib.suppress(Interrupted, psycopg.Error), pool.connection() as pooled:
            backends.add(pooled.info.backend_pid)
            seen = _look_around(pooled, organization)
            _fail_sometimes(number, pooled)
        return seen if seen != [(0, organization.name)] else []

    with futures.ThreadPoolExecutor(WORKERS) as workers:
        mixed_up = [seen for seen in workers.map(request, range(ROUNDS)) if seen]

    assert mixed_up == []
    assert len(backends) == CONNECTIONS


def test_interleaved_requests_on_one_connection_never_mix(committed: Pair) -> None:
    seen_inside, seen_outside = [], []
    for number in range(ROUNDS):
        with (
            contextlib.suppress(Interrupted, psycopg.Error),
            tenancy.organization(committed[number % 2].id),
        ):
            seen_inside.append(models.Vendor.objects.get().code)
            _fail_sometimes(number, connection.connection)
        seen_outside.append(models.Vendor.objects.exists())

    assert seen_inside == [pair.name for pair in committed] * (ROUNDS // 2)
    assert seen_outside == [False] * ROUNDS


def test_a_setting_outside_a_transaction_has_no_effect(committed: Pair) -> None:
    acme, _ = committed
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('tribute.organization', %s, true)", [str(acme.id)])

    assert models.Vendor.objects.count() == 0


def _organization_with_vendor(name: str) -> organization_records.OrganizationRecord:
    # What is committed stays for the whole run, so the name is one that no other test takes.
    organization = organizations.make_organization(f"{name} {organizations.next_number()}")
    with tenancy.organization(organization.id):
        sends.make_vendor(organization.name)
    return organization


def _look_around(
    pooled: psycopg.Connection, organization: organization_records.OrganizationRecord
) -> list[tuple[int, str]]:
    """Return how many vendors are there before an organization is chosen, and which are after."""
    before = pooled.execute("SELECT count(*) FROM gifting_vendor").fetchall()[0][0]
    pooled.execute("SELECT set_config('tribute.organization', %s, true)", [str(organization.id)])
    after = pooled.execute("SELECT code FROM gifting_vendor").fetchall()
    return [(before, code) for (code,) in after]


def _fail_sometimes(number: int, used: psycopg.Connection) -> None:
    if number % 10 == 0:
        raise Interrupted
    if number % 10 == 5:
        used.execute("SELECT 1 / 0")

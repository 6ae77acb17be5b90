"""A sync that is killed at any moment loses nothing and doubles nothing."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection as database

from gifting.domain import access
from gifting.selectors.organizations import OrganizationRecord
from gifting.services import tenancy
from integrations import models
from integrations.domain import crm
from integrations.services import connections, schedule, syncing
from tests import databases
from tests.factories import organizations
from tests.simulators import faults, population, server
from tests.simulators.salesforce import application as salesforce

pytestmark = [pytest.mark.loopback, pytest.mark.usefixtures("committed_db")]

CREDENTIALS = {"client_id": "client", "client_secret": "secret"}
PATIENCE_SECONDS = 60


@pytest.fixture
def org() -> Iterator[server.Server]:
    application = salesforce.Application()
    population.fill_salesforce(application, deal_count=9, seed=4)
    with server.Server(application) as running:
        yield running


def connect(org: server.Server, name: str) -> OrganizationRecord:
    organization = organizations.make_organization()
    connections.create(
        actor=access.Actor.system(organization_id=organization.id),
        name=name,
        provider=crm.Provider.SALESFORCE,
        credentials=CREDENTIALS,
        base_url=org.url,
    )
    return organization


def kill_in_the_middle(org: server.Server, slug: str, name: str, *, request: int) -> None:
    """Start a sync in a process of its own and kill it while it waits for that answer."""
    org.plan.clear()
    org.log.clear()
    org.plan.add(faults.Fault(faults.Kind.SLOW, skip=request, times=1, seconds=0.2))
    command = [
        sys.executable, "manage.py", "sync", "--connection", name, "--organization", slug, "--json",
    ]  # fmt: skip
    environment = {**os.environ, "DATABASE_URL": databases.url_in_use()}
    with subprocess.Popen(
        command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.DEVNULL
    ) as process:
        for _ in range(PATIENCE_SECONDS * 20):
            if len(org.log) > request:
                break
            try:
                process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        process.kill()


def end_leases(organization: OrganizationRecord) -> None:
    """Let the time pass after which a dead worker's streams are free."""
    with tenancy.organization(organization.id):
        models.StreamState.objects.update(leased_until=None)


def sync(organization: OrganizationRecord, name: str) -> tuple[syncing.Outcome, ...]:
    actor = access.Actor.system(organization_id=organization.id)
    return syncing.run(
        actor=actor,
        connection=connections.find(actor=actor, name=name).pk,
        clock=lambda: dt.datetime.now(dt.UTC),
    )


def books(organization: OrganizationRecord) -> dict[str, list[Any]]:
    with tenancy.organization(organization.id), database.cursor() as cursor:
        found = {}
        for table, columns in TABLES.items():
            cursor.execute(f"SELECT {columns} FROM attribution_{table} ORDER BY {columns}")
            found[table] = cursor.fetchall()
    return found


TABLES = {
    "account": "external_id, name",
    "contact": "external_id, email",
    "opportunity": "external_id, stage, status, amount_minor",
    "stagechange": "changed_at, source_id, stage, status",
    "amountchange": "changed_at, source_id, amount_minor",
    "touchpoint": "source_id, channel, occurred_at, is_retracted",
    "opportunitycontactrole": "role, is_primary",
}


def test_killed_syncs_end_where_one_that_was_not_ends(org: server.Server) -> None:
    killed, clean = connect(org, "killed"), connect(org, "clean")
    for request in (7, 29):
        kill_in_the_middle(org, killed.slug, "killed", request=request)
        end_leases(killed)
    org.plan.clear()

    last = sync(killed, "killed")
    whole = sync(clean, "clean")

    assert [each.error for each in (*last, *whole)] == [""] * (len(last) + len(whole))
    assert books(killed) == books(clean)
    assert len(books(clean)["opportunity"]) == 9


def test_what_is_due_is_sent_once_however_many_schedulers_tick(org: server.Server) -> None:
    organization = connect(org, "main")
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)

    first = schedule.claim(at=at, chance=lambda: 0.5)
    again = schedule.claim(at=at, chance=lambda: 0.5)
    later = schedule.claim(at=at + dt.timedelta(seconds=900 * 1.06), chance=lambda: 0.5)

    assert [due.organization_id for due in first] == [organization.id]
    assert (again, len(later)) == ((), 1)
    outcomes = schedule.read(
        organization_id=organization.id,
        connection_id=first[0].connection_id,
        clock=lambda: dt.datetime.now(dt.UTC),
    )
    assert sum(each.counts.new for each in outcomes) > 0

"""Two CRMs that run on this machine for the demo, read over HTTP as the real ones are.

Their past ends on a fixed day, so that reading them again changes nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from gifting.domain import access, fiscal
from gifting.services import access as directory
from gifting.services import organizations
from integrations.domain import crm
from integrations.services import connections, syncing

COMPANY: Final = "Sandbox CRM"
PAST_ENDS_ON: Final = "2026-06-30"
STOP_SECONDS: Final = 10
# What the simulators accept; they hold nothing that is worth a secret.
_CREDENTIALS: Final = {
    crm.Provider.SALESFORCE: {"client_id": "client", "client_secret": "secret"},
    crm.Provider.HUBSPOT: {"access_token": "pat-na1-private"},
}


def read() -> Iterator[tuple[crm.Provider, tuple[syncing.Outcome, ...]]]:
    """Run one simulator after the other and read each into the demo's company."""
    actor = access.Actor.system(organization_id=_company())
    for provider, credentials in _CREDENTIALS.items():
        with _simulator(provider) as address:
            connection = _connect(actor, provider, credentials, address)
            yield (
                provider,
                syncing.run(actor=actor, connection=connection, is_full=True, clock=timezone.now),
            )


def _company() -> UUID:
    for found in directory.organizations_of_server():
        if found.name == COMPANY:
            return found.id
    return organizations.create(
        name=COMPANY,
        currency="USD",
        time_zone="UTC",
        calendar=fiscal.Calendar(start_month=1),
        is_synthetic=True,
    ).id


def _connect(
    actor: access.Actor, provider: crm.Provider, credentials: dict[str, str], address: str
) -> int:
    name = provider.value
    try:
        connections.find(actor=actor, name=name)
    except connections.UnknownConnection:
        connections.create(
            actor=actor,
            name=name,
            provider=provider,
            credentials=credentials,
            base_url=address,
        )
    else:
        connections.relocate(actor=actor, name=name, base_url=address)
    return connections.find(actor=actor, name=name).pk


@contextmanager
def _simulator(provider: crm.Provider) -> Iterator[str]:
    """Run a simulator as a process of its own until the block ends."""
    command = [
        sys.executable,
        "-m",
        "tests.simulators",
        provider.value,
        "--as-of",
        PAST_ENDS_ON,
    ]
    with subprocess.Popen(  # noqa: S603 - every word of it is written here
        command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            if not address:
                raise CommandError(
                    "The simulated CRMs are not there. Run the demo from a checkout of the "
                    "repository with its development packages."
                )
            yield address
        finally:
            process.terminate()
            process.wait(timeout=STOP_SECONDS)

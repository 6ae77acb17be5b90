"""Leave an example of every kind of record in a sandbox company, beside what was generated.

What is generated has a known truth, which tests compare with every row; the examples come after it
and change no total of it, so that each table has a row to look at and to attack.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import uuid
from pathlib import Path
from typing import Final

from django.contrib.auth import get_user_model

from gifting.domain import access
from gifting.services import samples, tenancy
from integrations import models
from integrations.domain import crm, fields
from integrations.models import connections
from integrations.services import imports, sandbox

RUNS: Final = uuid.UUID("0c0f4d1e-5f43-4a55-8b53-1d6b5a0f9d10")
NAME: Final = "accounts (sandbox).csv"
# The only row names no account: it is kept aside, and the company stays as it was generated.
ROWS: Final = "account,name\n,A row without an account\n"
MAPPING: Final = """
kind = "accounts"
source = "sandbox"
currency = "USD"

[columns]
external_id = "account"
name = "name"
"""


def leave(*, made: sandbox.Sandbox) -> None:
    """Leave the examples, once; all of them or none."""
    organization = made.organization
    actor = access.Actor.system(organization_id=organization.id)
    day = made.wanted.until
    with tenancy.organization(organization.id):
        if not made.people or samples.are_kept():
            return
        marketing, finance, *_ = (
            get_user_model().objects.get(username=person.user_name).pk for person in made.people
        )
        samples.keep(
            actor=actor,
            asker_id=marketing,
            approver_id=finance,
            currency=organization.currency,
            day=day,
        )
        at = dt.datetime.combine(day, samples.NOON)
        _import_one(actor, at)
        _connect_once(actor, at)


def _import_one(actor: access.Actor, at: dt.datetime) -> None:
    """Import a file, all of which goes to the quarantine."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        path.write_text(ROWS)
        imports.run(
            actor=actor,
            kind=fields.Kind.ACCOUNTS,
            path=path,
            mapping_text=MAPPING,
            run_id=uuid.uuid5(RUNS, str(actor.organization_id)),
            at=at,
        )


def _connect_once(actor: access.Actor, at: dt.datetime) -> None:
    """Remember a CRM that was connected once, read, and left; nothing opens it any more."""
    left = models.Connection.objects.create(
        organization_id=actor.organization_id,
        name="example-crm",
        provider=crm.Provider.SALESFORCE.value,
        base_url="https://example.invalid",
        api_version="1",
        sealed_credentials=b"",
        status=connections.Status.DISCONNECTED,
        status_reason="An example of the sandbox",
    )
    models.SyncRun.objects.create(
        organization_id=actor.organization_id,
        connection=left,
        stream=crm.Stream.ACCOUNTS.value,
        is_full=True,
        read_count=0,
        new_count=0,
        changed_count=0,
        unchanged_count=0,
        rejected_count=0,
        deleted_count=0,
        call_count=1,
        started_at=at,
        finished_at=at,
    )
    models.RecordAlias.objects.create(
        organization_id=actor.organization_id,
        connection=left,
        stream=crm.Stream.ACCOUNTS.value,
        old_id="001-twin",
        new_id="001",
    )

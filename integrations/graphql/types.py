"""The records of the integrations room as the API shows them."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar
from uuid import UUID

import strawberry
from strawberry import relay

from gifting.graphql import fields
from integrations.models import imports as import_models
from integrations.selectors import imports


@strawberry.type(
    description="One file that was read: new, changed, unchanged and rejected rows add up to it."
)
class ImportRun(fields.Record):
    """Show an import."""

    rows: ClassVar = imports.SOURCE

    public_id: relay.NodeID[UUID]
    kind: import_models.Kind = strawberry.field(description="What the file holds.")
    file_name: str = strawberry.field(description="The file's name.")
    file_sha256: str = strawberry.field(description="SHA-256 of the file's bytes.")
    read_count: int = strawberry.field(description="How many rows the file has.")
    new_count: int = strawberry.field(description="How many were not known before.")
    changed_count: int = strawberry.field(description="How many changed a record.")
    unchanged_count: int = strawberry.field(description="How many were known just so.")
    rejected_count: int = strawberry.field(
        description="How many were not taken; the admin shows each with its reason."
    )
    started_at: dt.datetime = strawberry.field(description="When it began.")
    finished_at: dt.datetime = strawberry.field(description="When it ended.")
    is_synthetic: bool = fields.synthetic_organization()

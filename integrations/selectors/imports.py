"""File imports, for those who may import: what was read and how many rows were not taken.

The rows that were not taken stay in the admin: they hold what the file held, personal data too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from gifting.domain import access
from gifting.selectors import records
from integrations import models


class ImportRunRecord(NamedTuple):
    """An import's row."""

    id: int
    public_id: UUID
    kind: str
    file_name: str
    file_sha256: str
    read_count: int
    new_count: int
    changed_count: int
    unchanged_count: int
    rejected_count: int
    started_at: dt.datetime
    finished_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on imports; the times are half-open."""

    kinds: Collection[str] | None = records.lookup("kind__in")
    finished_from: dt.datetime | None = records.lookup("finished_at__gte")
    finished_before: dt.datetime | None = records.lookup("finished_at__lt")


SOURCE = records.Source(
    model=models.ImportRun,
    record=ImportRunRecord,
    permissions=(access.Permission.IMPORT,),
)

"""Service tokens, for those who look after access: all but the secret, which nobody has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from gifting import models
from gifting.domain import access
from gifting.selectors import records


class TokenRecord(NamedTuple):
    """A token's row, without what it is recognized by."""

    id: int
    public_id: UUID
    name: str
    prefix: str
    scopes: list[str]
    expires_at: dt.datetime
    revoked_at: dt.datetime | None
    recorded_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on tokens."""

    names: Collection[str] | None = records.lookup("name__in")


SOURCE = records.Source(
    model=models.ServiceToken,
    record=TokenRecord,
    permissions=(access.Permission.READ_ACCESS,),
)

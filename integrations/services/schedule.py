"""Send what is due to the workers: due times are rows, the queue is only a hint.

A connection is claimed by moving its due time in one statement, so that two schedulers that tick at
once send it once. A message that is lost costs one interval; one that comes twice finds the stream
held and does nothing. Organizations take turns: none sends more than a few at a tick.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection as database

from gifting.domain import access
from gifting.services import access as directory
from gifting.services import tenancy
from integrations.domain import errors
from integrations.models.connections import Status
from integrations.services import connections, pull, syncing

MOST_AT_ONCE: Final = 5
# Intervals are stretched by up to a tenth, so that connections made together do not stay together.
SPREAD: Final = 0.1


@dataclass(frozen=True, slots=True)
class Due:
    """A connection that somebody has to read now."""

    organization_id: UUID
    connection_id: int


def claim(*, at: dt.datetime, chance: Callable[[], float]) -> tuple[Due, ...]:
    """Claim what is due in every organization, a few of each; `chance` gives numbers from 0 to 1.

    For the product's own scheduler: it looks into every organization.
    """
    found: list[Due] = []
    for organization in directory.organizations_of_server():
        with tenancy.organization(organization.id), database.cursor() as cursor:
            cursor.execute(
                _CLAIM,
                {
                    "at": at,
                    "stretch": 1 + SPREAD * chance(),
                    "most": MOST_AT_ONCE,
                    "ready": Status.READY.value,
                    "throttled": Status.THROTTLED.value,
                },
            )
            found += [Due(organization.id, row) for (row,) in cursor.fetchall()]
    return tuple(found)


_CLAIM: Final = """
    UPDATE integrations_connection AS due
    SET due_at = %(at)s + due.sync_every_seconds * %(stretch)s * interval '1 second'
    FROM (
        SELECT id FROM integrations_connection
        WHERE due_at <= %(at)s AND (status = %(ready)s
            OR (status = %(throttled)s AND coalesce(resumes_at, %(at)s) <= %(at)s))
        ORDER BY due_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
    ) AS chosen
    WHERE due.id = chosen.id RETURNING due.id
"""


def read(
    *, organization_id: UUID, connection_id: int, clock: Callable[[], dt.datetime]
) -> tuple[syncing.Outcome, ...]:
    """Read a connection in a worker; nothing is done when it is gone, paused or being read."""
    actor = access.Actor.system(organization_id=organization_id)
    try:
        return syncing.run(actor=actor, connection=connection_id, clock=clock, is_patient=False)
    except (connections.ConnectionNotReady, connections.UnknownConnection, pull.StreamBusy):
        return ()


def failed(outcomes: tuple[syncing.Outcome, ...]) -> list[str]:
    """Name the streams that need a person, by their error codes."""
    codes = {errors.AuthorizationLost.code, errors.StreamForbidden.code, errors.FieldUnknown.code}
    return [outcome.stream for outcome in outcomes if outcome.error_code in codes]

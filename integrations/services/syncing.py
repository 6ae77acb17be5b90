"""Sync a connection: its streams one after the other, each as far as it goes.

A stream that fails leaves its cursor where it is and does not hold the others up; a connection that
has to be authorized again stops them all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from gifting.domain import access
from gifting.services import access as directory
from gifting.services import organizations, tenancy
from integrations import models
from integrations.domain import errors
from integrations.services import connections, pull

LAG: Final = pull.LAG
Outcome = pull.Outcome
Progress = Callable[[str, int], None]
_SILENT: Final[Progress] = lambda _stream, _count: None  # noqa: E731 - a named nothing


class ConnectionAmbiguous(connections.ConnectionUnusable):
    code = "CONNECTION_AMBIGUOUS"


@dataclass(frozen=True, slots=True)
class Found:
    """A connection and whose it is."""

    organization_id: UUID
    connection_id: int


def find(*, name: str, organization: str = "") -> Found:
    """Find a connection by its name, in one organization or in the only one that has it.

    Raises UnknownConnection and ConnectionAmbiguous. For whoever operates the product: it looks
    into every organization.
    """
    asked = (
        [organizations.find(slug=organization)]
        if organization
        else list(directory.organizations_of_server())
    )
    found = []
    for each in asked:
        with tenancy.organization(each.id):
            row = models.Connection.objects.filter(name=name).first()
        if row is not None:
            found.append(Found(each.id, row.pk))
    if not found:
        raise connections.UnknownConnection(
            f"There is no connection {name!r}. Make it with `manage.py create_connection`.",
            field="name",
        )
    if len(found) > 1:
        raise ConnectionAmbiguous(
            f"{len(found)} organizations have a connection {name!r}. Name one with --organization.",
            field="name",
        )
    return found[0]


def run(
    *,
    actor: access.Actor,
    connection: int,
    stream: str = "",
    is_full: bool = False,
    clock: Callable[[], dt.datetime],
    lag: dt.timedelta = LAG,
    on_progress: Progress = _SILENT,
    is_patient: bool = True,
) -> tuple[Outcome, ...]:
    """Read the streams of a connection, or the one that is named.

    Raises Forbidden, UnknownConnection, ConnectionNotReady, StreamUnknown and StreamBusy.
    """
    actor.require(access.Permission.IMPORT)
    try:
        opened = connections.open_source(actor=actor, connection=connection, at=clock())
    except errors.SyncError as error:
        return (_unopened(actor, connection, stream, error),)
    outcomes: list[Outcome] = []
    for each in pull.streams_of(opened, stream):
        outcome = pull.run(
            actor=actor,
            opened=opened,
            stream=each,
            is_full=is_full,
            clock=clock,
            lag=lag,
            is_patient=is_patient,
            on_progress=lambda count, each=each: on_progress(each.value, count),  # type: ignore[misc]  # the loop's own value
        )
        outcomes.append(outcome)
        if outcome.error_code == errors.AuthorizationLost.code:
            break
    return tuple(outcomes)


def as_json(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Write a sync for machines."""
    return {
        "streams": [
            {
                "stream": outcome.stream,
                **asdict(outcome.counts),
                "calls": outcome.calls,
                "error_code": outcome.error_code or None,
                "error": outcome.error or None,
            }
            for outcome in outcomes
        ]
    }


def _unopened(
    actor: access.Actor, connection: int, stream: str, error: errors.SyncError
) -> Outcome:
    """Tell of a connection that could not be opened at all."""
    with tenancy.organization(actor.organization_id):
        name = models.Connection.objects.values_list("name", flat=True).get(id=connection)
    return Outcome(
        stream=stream or "all streams",
        counts=pull.Counts(),
        calls=0,
        is_full=False,
        error_code=error.code,
        error=f"{name}, {stream or 'all streams'}: {error}",
    )

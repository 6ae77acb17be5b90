"""Connect CRMs: keep their credentials sealed, and hand out a token that is valid.

A refresh may end the token before it, so one worker refreshes at a time (the row's lock), the new
token is stored before it is used, and whoever waited takes the stored one: its generation tells.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings

from gifting.domain import access, refusals
from gifting.services import conflicts, tenancy
from integrations import models, registry
from integrations.domain import crm, errors
from integrations.models.connections import Status
from integrations.services import sealing

NAME_LENGTH: Final = 64
SHARE_OF_LIFE: Final = 0.75
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class ConnectionUnusable(refusals.Invalid):
    code = "CONNECTION_UNUSABLE"


class ConnectionExists(refusals.Conflict):
    code = "CONNECTION_EXISTS"


class UnknownConnection(refusals.NotFound):
    code = "UNKNOWN_CONNECTION"


class ConnectionNotReady(refusals.Conflict):
    code = "CONNECTION_NOT_READY"


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that can be read now."""

    id: int
    name: str
    provider: registry.Provider
    source: crm.Source
    source_name: str
    generation: int
    called_before: int = 0

    @property
    def calls(self) -> int:
        """Count the calls, those of sessions that ended included."""
        return self.called_before + self.source.calls


def create(
    *,
    actor: access.Actor,
    name: str,
    provider: crm.Provider,
    credentials: Mapping[str, str],
    base_url: str = "",
    api_version: str = "",
) -> UUID:
    """Keep a new connection; nothing is asked of the CRM yet (see `check`).

    Raises Forbidden, ConnectionUnusable, ConnectionExists and KeyMissing.
    """
    actor.require(access.Permission.MANAGE_CONNECTIONS)
    known = registry.get(provider)
    _require_name(name)
    _require_credentials(provider, known, credentials)
    address = _address(base_url or known.base_url)
    sealed = sealing.seal(dict(credentials))
    exists = ConnectionExists(f"There is a connection {name} already.", field="name")
    with (
        tenancy.organization(actor.organization_id),
        conflicts.refusing("connection_name_is_unique", exists),
    ):
        made = models.Connection.objects.create(
            organization_id=actor.organization_id,
            name=name,
            provider=provider.value,
            base_url=address,
            api_version=api_version or known.version,
            sealed_credentials=sealed,
            created_by_id=actor.user_id,
        )
        made.refresh_from_db(fields=["public_id"])
    return made.public_id


def find(*, actor: access.Actor, name: str) -> models.Connection:
    """Return a connection by its name; raises UnknownConnection."""
    actor.require(access.Permission.MANAGE_CONNECTIONS)
    with tenancy.organization(actor.organization_id):
        found = models.Connection.objects.filter(name=name).first()
        names = list(models.Connection.objects.values_list("name", flat=True)[:10])
    if found is None:
        there = f"There are {', '.join(names)}." if names else "There is none yet."
        raise UnknownConnection(f"There is no connection {name!r}. {there}", field="name")
    return found


def open_source(*, actor: access.Actor, connection: int, at: dt.datetime) -> Opened:
    """Open a connection with a token that is valid.

    Raises UnknownConnection, ConnectionNotReady, SecretUnreadable, and SyncError for what the CRM
    answers.
    """
    row = _row(actor, connection)
    _require_ready(row, at)
    provider = registry.get(row.provider)
    place = registry.Place(row.base_url, row.api_version)
    token = _stored_token(row, at)
    if token is None:
        token = renew(actor=actor, connection=connection, generation=row.token_generation, at=at)
        row = _row(actor, connection)
    return Opened(
        id=row.pk,
        name=row.name,
        provider=provider,
        source=provider.open(token, place),
        source_name=source_name(row),
        generation=row.token_generation,
    )


def reopen(*, actor: access.Actor, opened: Opened, at: dt.datetime) -> Opened:
    """Open a connection again after its session ended; raises as `open_source` does."""
    renew(actor=actor, connection=opened.id, generation=opened.generation, at=at)
    again = open_source(actor=actor, connection=opened.id, at=at)
    return dataclasses.replace(again, called_before=opened.calls)


def renew(*, actor: access.Actor, connection: int, generation: int, at: dt.datetime) -> crm.Token:
    """Return a token newer than the generation: another's, if one got there first.

    Raises AuthorizationLost, which also stops the connection, and other SyncErrors.
    """
    failure: errors.AuthorizationLost | None = None
    with tenancy.organization(actor.organization_id):
        row = models.Connection.objects.select_for_update().get(id=connection)
        if row.token_generation > generation:
            stored = _stored_token(row, at)
            if stored is not None:
                return stored
        credentials = sealing.unseal(row.sealed_credentials)
        try:
            token = registry.get(row.provider).exchange(
                credentials, registry.Place(row.base_url, row.api_version), at
            )
        except errors.AuthorizationLost as error:
            failure = error
            row.status, row.status_reason = Status.NEEDS_AUTHORIZATION, str(error)
            row.save(update_fields=["status", "status_reason"])
        else:
            _store(row, credentials, token)
    if failure is not None:
        raise failure
    return token


def relocate(*, actor: access.Actor, name: str, base_url: str) -> None:
    """Ask a connection's CRM at another address; raises ConnectionUnusable, UnknownConnection."""
    row = find(actor=actor, name=name)
    address = _address(base_url)
    with tenancy.organization(actor.organization_id):
        models.Connection.objects.filter(id=row.pk).update(
            base_url=address,
            sealed_token=b"",
            token_expires_at=None,
            token_generation=row.token_generation + 1,
        )


def reseal(*, actor: access.Actor) -> int:
    """Seal every secret with the newest key; return how many connections there are."""
    actor.require(access.Permission.MANAGE_CONNECTIONS)
    with tenancy.organization(actor.organization_id):
        rows = list(models.Connection.objects.select_for_update().order_by("id"))
        for row in rows:
            row.sealed_credentials = sealing.seal(sealing.unseal(row.sealed_credentials))
            if row.sealed_token:
                row.sealed_token = sealing.seal(sealing.unseal(row.sealed_token))
            row.save(update_fields=["sealed_credentials", "sealed_token"])
    return len(rows)


def source_name(row: models.Connection) -> str:
    """Name the connection as the source of accounts, opportunities and touches."""
    return f"{row.provider}:{row.name}"[:NAME_LENGTH]


def _row(actor: access.Actor, connection: int) -> models.Connection:
    with tenancy.organization(actor.organization_id):
        row = models.Connection.objects.filter(id=connection).first()
    if row is None:
        raise UnknownConnection("There is no such connection.")
    return row


def _require_ready(row: models.Connection, at: dt.datetime) -> None:
    if row.status == Status.READY:
        return
    if row.status == Status.THROTTLED and row.resumes_at and row.resumes_at <= at:
        return
    until = f" until {row.resumes_at:%Y-%m-%d %H:%M} UTC" if row.resumes_at else ""
    raise ConnectionNotReady(
        f"The connection {row.name} is not ready: {Status(row.status).label.lower()}{until}. "
        f"{row.status_reason}".strip()
    )


def _stored_token(row: models.Connection, at: dt.datetime) -> crm.Token | None:
    if not row.sealed_token:
        return None
    if row.token_expires_at is not None and row.token_expires_at <= at:
        return None
    opened = sealing.unseal(row.sealed_token)
    return crm.Token(opened["access_token"], row.instance_url, issued_at=at)


def _store(row: models.Connection, credentials: dict[str, str], token: crm.Token) -> None:
    """Keep a new token, and the refresh token that came with it, before either is used."""
    if token.refresh_token and token.refresh_token != credentials.get("refresh_token"):
        row.sealed_credentials = sealing.seal({**credentials, "refresh_token": token.refresh_token})
    row.sealed_token = sealing.seal({"access_token": token.access_token})
    row.instance_url = token.instance_url
    # Renewed before its end, for an answer under way would be lost with it.
    row.token_expires_at = (
        token.issued_at + (token.expires_at - token.issued_at) * SHARE_OF_LIFE
        if token.expires_at
        else None
    )
    row.token_generation += 1
    row.save(
        update_fields=[
            "sealed_credentials",
            "sealed_token",
            "instance_url",
            "token_expires_at",
            "token_generation",
        ]
    )


def _require_name(name: str) -> None:
    if not name or len(name) > NAME_LENGTH // 2 or not name.isprintable() or ":" in name:
        raise ConnectionUnusable(
            f"{name!r} is no name. Write up to {NAME_LENGTH // 2} characters without a colon.",
            field="name",
        )


def _require_credentials(
    name: crm.Provider, provider: registry.Provider, credentials: Mapping[str, str]
) -> None:
    """Refuse credentials that are not complete, naming fields and never a value."""
    given = {key for key, value in credentials.items() if isinstance(value, str) and value}
    if any(needed <= given for needed in provider.credentials):
        return
    ways = " or ".join(", ".join(sorted(needed)) for needed in provider.credentials)
    raise ConnectionUnusable(
        f"The credentials for {name} are not complete. Give {ways}.", field="credentials"
    )


def _address(base_url: str) -> str:
    parts = urllib.parse.urlsplit(base_url)
    is_plain = parts.scheme == "http"
    allowed = ("https",) if settings.PRODUCTION else ("http", "https")
    is_bare = parts.path in ("", "/") and not (parts.query or parts.username)
    if parts.scheme not in allowed or not parts.hostname or not is_bare:
        raise ConnectionUnusable(
            f"{parts.scheme}://{parts.hostname} is no address of a CRM. Write https://HOST.",
            field="base_url",
        )
    if is_plain and parts.hostname not in LOOPBACK:
        raise ConnectionUnusable(
            "A CRM is asked without encryption on this machine alone. Write https://HOST.",
            field="base_url",
        )
    return f"{parts.scheme}://{parts.netloc}"

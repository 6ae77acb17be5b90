"""The providers by name: how each is opened, and how its records become rows of the books."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from integrations.domain import crm, errors, rows
from integrations.hubspot import convert as hubspot_convert
from integrations.hubspot import reader as hubspot_reader
from integrations.hubspot import transport as hubspot_transport

Credentials = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a CRM answers, and in which version of its interface."""

    base_url: str
    version: str


@dataclass(frozen=True, slots=True)
class Provider:
    """What every provider's folder gives."""

    base_url: str
    version: str
    credentials: tuple[frozenset[str], ...]
    exchange: Callable[[Credentials, Place, dt.datetime], crm.Token]
    open: Callable[[crm.Token, Place], crm.Source]
    convert: Callable[[crm.Raw, rows.Context], rows.Row | None]
    history: Callable[[Sequence[crm.Raw], rows.Context], crm.History]
    roles: Callable[[crm.Raw], list[rows.ContactRole]]
    stages: Callable[[crm.Source], Mapping[str, tuple[str, bool, bool]]]
    merged: Callable[[crm.Raw], Sequence[tuple[str, str]]]


def get(name: str) -> Provider:
    """Return a provider. Salesforce's package takes long to import: only who uses it pays."""
    return _salesforce() if name == crm.Provider.SALESFORCE else _HUBSPOT


def _salesforce() -> Provider:
    from integrations.salesforce import door  # noqa: PLC0415 - 0.7 s that few processes need

    return Provider(
        base_url="https://login.salesforce.com",
        version="59.0",
        credentials=(
            frozenset({"client_id", "client_secret"}),
            frozenset({"client_id", "username", "private_key"}),
        ),
        exchange=lambda credentials, place, at: door.exchange(
            credentials, base_url=place.base_url, at=at
        ),
        open=lambda token, place: door.open_reader(
            token, base_url=place.base_url, version=place.version
        ),
        convert=door.convert,
        history=door.history,
        roles=lambda _: [],
        stages=lambda _: {},
        merged=lambda raw: [(raw.id, raw.merged_into)] if raw.merged_into else [],
    )


def _open_hubspot(token: crm.Token, place: Place) -> crm.Source:
    client = hubspot_transport.Client(
        access_token=token.access_token, base_url=place.base_url, version=place.version
    )
    return hubspot_reader.Reader(client)


def _hubspot_stages(source: crm.Source) -> Mapping[str, tuple[str, bool, bool]]:
    if not isinstance(source, hubspot_reader.Reader):
        raise errors.RequestRefused("The stages of a portal are read through its own reader.")
    return source.stages


_HUBSPOT: Final = Provider(
    base_url=hubspot_transport.HOST,
    version="v3",
    credentials=(
        frozenset({"access_token"}),
        frozenset({"client_id", "client_secret", "refresh_token"}),
    ),
    exchange=lambda credentials, place, at: hubspot_transport.exchange(
        credentials, base_url=place.base_url, version=place.version, at=at
    ),
    open=_open_hubspot,
    convert=hubspot_convert.convert,
    history=hubspot_convert.history,
    roles=hubspot_convert.roles,
    stages=_hubspot_stages,
    merged=lambda raw: [(old, raw.id) for old in hubspot_reader.merged_ids(raw) if old != raw.id],
)

"""What the registry asks of this provider, in one import."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from integrations.domain import crm
from integrations.salesforce import convert as converting
from integrations.salesforce import login, reader, transport

convert = converting.convert
history = converting.history


def exchange(credentials: Mapping[str, str], *, base_url: str, at: dt.datetime) -> crm.Token:
    """Exchange credentials for a session; raises SyncError."""
    session = transport.open_session(base_url)
    return login.exchange(credentials, base_url=base_url, session=session, at=at)


def open_reader(token: crm.Token, *, base_url: str, version: str) -> reader.Reader:
    """Open a session's reader."""
    session = transport.open_session(base_url)
    client = transport.Client(token=token, version=version, session=session)
    return reader.Reader(client)

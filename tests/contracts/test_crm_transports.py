"""The transports say what went wrong, and never take a broken answer for the end of the data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from integrations.domain import crm, errors
from integrations.hubspot import transport as hubspot
from integrations.salesforce import login
from integrations.salesforce import transport as salesforce
from tests.simulators import clock, faults, server
from tests.simulators.hubspot import application as portal_application
from tests.simulators.hubspot import limits
from tests.simulators.hubspot import login as portal_login
from tests.simulators.salesforce import application as org_application
from tests.simulators.salesforce import login as org_login

pytestmark = pytest.mark.loopback

NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
CLIENT = {"client_id": "client", "client_secret": "secret"}


@pytest.fixture
def org() -> Iterator[server.Server]:
    application = org_application.Application(
        time=clock.Clock(NOON), app=org_login.App(rotates=True), daily_limit=20
    )
    application.store.create("Account", {"Name": "Acme"})
    with server.Server(application) as running:
        yield running


@pytest.fixture
def portal() -> Iterator[server.Server]:
    application = portal_application.Application(
        time=clock.Clock(NOON), app=portal_login.App(rotates=True, scopes=frozenset())
    )
    application.store.create("notes", {"hs_note_body": "Hello"})
    with server.Server(application) as running:
        yield running


def open_salesforce(org: server.Server) -> salesforce.Client:
    session = salesforce.open_session(org.url)
    token = login.exchange(CLIENT, base_url=org.url, session=session, at=NOON)
    return salesforce.Client(token=token, version="59.0", session=session)


def open_hubspot(portal: server.Server, version: str = "v3") -> hubspot.Client:
    return hubspot.Client(access_token="pat-na1-private", base_url=portal.url, version=version)


def read_accounts(client: salesforce.Client) -> Any:
    return client.query("SELECT Id, Name FROM Account")


def read_notes(client: hubspot.Client) -> Any:
    return client.get(client.paths.objects("notes"))


BROKEN: list[tuple[faults.Fault, type[errors.SyncError]]] = [
    (faults.Fault(faults.Kind.HTML), errors.AnswerBroken),
    (faults.Fault(faults.Kind.CUT), errors.AnswerBroken),
    (faults.Fault(faults.Kind.TRUNCATED), errors.AnswerBroken),
    (faults.Fault(faults.Kind.RESET), errors.Unreachable),
    (faults.Fault(faults.Kind.STATUS, status=503), errors.Unavailable),
    (faults.Fault(faults.Kind.STATUS, status=502, body="<html>bad gateway"), errors.Unavailable),
]


@pytest.mark.parametrize(("fault", "kind"), BROKEN, ids=lambda value: getattr(value, "kind", ""))
@pytest.mark.parametrize("provider", ["salesforce", "hubspot"])
def test_a_broken_answer_is_an_error_and_the_next_one_is_read(
    org: server.Server,
    portal: server.Server,
    provider: str,
    fault: faults.Fault,
    kind: type[errors.SyncError],
) -> None:
    read: Callable[[], Any]
    if provider == "salesforce":
        client = open_salesforce(org)
        org.plan.add(copy_of(fault))
        read = lambda: len(read_accounts(client)["records"])  # noqa: E731 - one of two readers
    else:
        other = open_hubspot(portal)
        portal.plan.add(copy_of(fault))
        read = lambda: len(read_notes(other)["results"])  # noqa: E731 - the other

    with pytest.raises(kind):
        read()

    assert read() == 1


def copy_of(fault: faults.Fault) -> faults.Fault:
    """Parameters are shared by the tests, and a fault counts."""
    return faults.Fault(fault.kind, status=fault.status, body=fault.body)


def test_the_daily_quota_is_seen_and_its_end_is_told_apart(org: server.Server) -> None:
    client = open_salesforce(org)
    read_accounts(client)

    assert client.quota == crm.Quota(used=1, limit=20)
    for _ in range(19):
        read_accounts(client)
    with pytest.raises(errors.Throttled) as told:
        read_accounts(client)
    assert (told.value.limit, told.value.retry_after) == (errors.Limit.DAILY, None)


def test_too_many_calls_at_once_are_a_short_limit(org: server.Server) -> None:
    client = open_salesforce(org)
    message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": message}]
    org.plan.add(faults.Fault(faults.Kind.STATUS, status=403, body=body))

    with pytest.raises(errors.Throttled) as told:
        read_accounts(client)

    assert told.value.limit is errors.Limit.CONCURRENT


@pytest.mark.parametrize(
    ("soql", "kind"),
    [
        ("SELECT Nope FROM Account", errors.FieldUnknown),
        ("SELECT Id FROM Nope", errors.StreamForbidden),
        ("SELECT", errors.RequestRefused),
    ],
)
def test_what_salesforce_refuses_says_who_has_to_act(
    org: server.Server, soql: str, kind: type[errors.SyncError]
) -> None:
    with pytest.raises(kind):
        open_salesforce(org).query(soql)


def test_an_ended_session_is_told_and_a_rotated_token_is_handed_over(org: server.Server) -> None:
    session = salesforce.open_session(org.url)
    credentials = {**CLIENT, "refresh_token": "refresh-0"}
    token = login.exchange(credentials, base_url=org.url, session=session, at=NOON)
    client = salesforce.Client(token=token, version="59.0", session=session)
    assert isinstance(org.application, org_application.Application)
    org.application.sessions.end_all()

    with pytest.raises(errors.SessionEnded):
        read_accounts(client)
    with pytest.raises(errors.AuthorizationLost):
        login.exchange(credentials, base_url=org.url, session=session, at=NOON)
    renewed = {**CLIENT, "refresh_token": token.refresh_token}
    again = login.exchange(renewed, base_url=org.url, session=session, at=NOON)

    assert again.refresh_token not in ("", token.refresh_token)
    assert "session" not in repr(token)


def test_an_assertion_signed_by_the_right_key_opens_the_org(rsa_key: tuple[str, str]) -> None:
    private_key, public_key = rsa_key
    app = org_login.App(public_key=public_key)
    credentials = {
        "client_id": app.client_id,
        "username": app.username,
        "private_key": private_key,
    }
    at = dt.datetime.now(dt.UTC)
    with server.Server(org_application.Application(app=app)) as org:
        session = salesforce.open_session(org.url)
        token = login.exchange(credentials, base_url=org.url, session=session, at=at)
        stranger = {**credentials, "username": "else@example.com"}
        with pytest.raises(errors.AuthorizationLost):
            login.exchange(stranger, base_url=org.url, session=session, at=at)

    assert token.instance_url == org.url


@pytest.fixture(scope="module")
def rsa_key() -> tuple[str, str]:
    """Make a key pair, private and public, both in PEM form."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - dear to import
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - the same

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@pytest.mark.parametrize("version", ["v3", "2026-03"])
def test_hubspot_is_read_on_numbered_and_on_dated_paths(
    portal: server.Server, version: str
) -> None:
    client = open_hubspot(portal, version)

    found = client.get(client.paths.objects("notes"), [("properties", "hs_note_body")])
    account = client.get(client.paths.account())

    assert found["results"][0]["properties"] == {"hs_note_body": "Hello"}
    assert account["portalId"] == portal_application.PORTAL
    assert client.quota is not None


def test_a_missing_scope_is_named(portal: server.Server) -> None:
    client = open_hubspot(portal)

    with pytest.raises(errors.StreamForbidden, match=r"crm\.objects\.deals\.read"):
        client.get(client.paths.objects("deals"))


def test_a_page_in_latin_1_is_an_answer_as_well(portal: server.Server) -> None:
    client = open_hubspot(portal)

    with pytest.raises(errors.RequestRefused, match="404"):
        client.get(client.paths.objects("notes", "/1"))


@pytest.mark.parametrize("seconds", [None, 7])
def test_a_used_up_limit_says_which_and_for_how_long(seconds: int | None) -> None:
    time = clock.Clock(NOON)
    few = limits.Limits(
        time,
        burst=limits.Policy("TEN_SECONDLY_ROLLING", 0, 10),
        search=limits.Policy("SECONDLY", 0, 1),
        retry_after_seconds=seconds,
    )
    told = []
    with server.Server(portal_application.Application(time=time, limits=few)) as portal:
        client = open_hubspot(portal)
        for path in ("", "/search"):
            with pytest.raises(errors.Throttled) as caught:
                client.post(client.paths.objects("notes", path), {"properties": {}})
            told.append((caught.value.limit, caught.value.retry_after))

    wait = None if seconds is None else dt.timedelta(seconds=seconds)
    assert told == [(errors.Limit.BURST, wait), (errors.Limit.SEARCH, wait)]


def test_hubspot_tokens_are_exchanged_and_their_end_is_told(portal: server.Server) -> None:
    credentials = {**CLIENT, "refresh_token": "refresh-0"}
    token = hubspot.exchange(credentials, base_url=portal.url, version="v3", at=NOON)
    client = hubspot.Client(access_token=token.access_token, base_url=portal.url, version="v3")
    assert read_notes(client)["results"]
    portal.application.clock.advance(1801)

    with pytest.raises(errors.SessionEnded):
        read_notes(client)
    with pytest.raises(errors.AuthorizationLost):
        hubspot.exchange(credentials, base_url=portal.url, version="2026-03", at=NOON)
    assert token.expires_at == NOON + dt.timedelta(seconds=1800)


def test_all_pages_come_over_one_connection(portal: server.Server) -> None:
    client = open_hubspot(portal)
    for _ in range(5):
        read_notes(client)

    pool = client._api.rest_client.pool_manager.connection_from_url(portal.url)

    assert (pool.num_connections, pool.num_requests) == (1, 5)


def test_a_host_that_nobody_serves_is_named() -> None:
    nobody = "http://127.0.0.1:9"
    session = salesforce.open_session(nobody)
    client = hubspot.Client(access_token="a", base_url=nobody, version="v3")

    with pytest.raises(errors.Unreachable, match=r"127\.0\.0\.1 cannot be reached"):
        login.exchange(CLIENT, base_url=nobody, session=session, at=NOON)
    with pytest.raises(errors.Unreachable, match=r"127\.0\.0\.1 cannot be reached"):
        client.get("/")


def test_time_outs_are_always_set(org: server.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = open_salesforce(org)
    seen: list[Any] = []
    sent = requests.Session.request

    def watch(self: requests.Session, *words: Any, **named: Any) -> requests.Response:
        seen.append(named["timeout"])
        return sent(self, *words, **named)

    monkeypatch.setattr(requests.Session, "request", watch)
    read_accounts(client)

    assert seen == [salesforce.TIMEOUT_SECONDS]

"""The CRM commands as an operator meets them: what is printed, and how they end."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from integrations.services import sealing
from tests.factories import organizations
from tests.simulators import faults, population, server
from tests.simulators.hubspot import application as hubspot

pytestmark = [pytest.mark.loopback, pytest.mark.django_db]


@pytest.fixture
def portal() -> Iterator[server.Server]:
    application = hubspot.Application()
    population.fill_hubspot(application, deal_count=6, seed=2)
    with server.Server(application) as running:
        yield running


@pytest.fixture
def slug() -> str:
    return organizations.make_organization().slug


def connect(slug: str, url: str, folder: Path, credentials: Any, **options: Any) -> str:
    path = folder / "credentials.json"
    path.write_text(json.dumps(credentials))
    output = io.StringIO()
    call_command(
        "create_connection",
        "main",
        organization=slug,
        provider="hubspot",
        base_url=url,
        credentials=path,
        stdout=output,
        **options,
    )
    return output.getvalue()


def sync(**options: Any) -> str:
    output = io.StringIO()
    call_command("sync", connection="main", stdout=output, **options)
    return output.getvalue()


def test_a_portal_is_connected_read_and_written_out(
    portal: server.Server, slug: str, tmp_path: Path
) -> None:
    told = connect(slug, portal.url, tmp_path, {"access_token": "pat-na1-private"})
    first = json.loads(sync(json=True))
    again = json.loads(sync(json=True))
    out = tmp_path / "crm.ndjson"
    call_command("export_crm", organization=slug, out=out, stdout=io.StringIO())

    assert told.startswith("Connection main made.")
    streams = {each["stream"]: each for each in first["streams"]}
    assert (streams["opportunities"]["new"], streams["opportunities"]["rejected"]) == (6, 0)
    assert sum(each["new"] + each["changed"] for each in again["streams"]) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    kinds = {line["type"] for line in lines}
    assert {"opportunities", "opportunity_history", "stage_change", "amount_change"} <= kinds
    assert "pat-na1-private" not in out.read_text()


def test_people_read_a_table(portal: server.Server, slug: str, tmp_path: Path) -> None:
    connect(slug, portal.url, tmp_path, {"access_token": "pat-na1-private"})

    output = sync(stream="opportunities")

    assert [word for word in output.split() if word.isalnum()][:8] == [
        "stream",
        "read",
        "new",
        "changed",
        "unchanged",
        "rejected",
        "deleted",
        "opportunities",
    ]


def test_wrong_credentials_end_with_one_sentence(
    portal: server.Server, slug: str, tmp_path: Path
) -> None:
    connect(slug, portal.url, tmp_path, {"access_token": "wrong"})

    with pytest.raises(CommandError) as end:
        sync()

    assert end.value.returncode == 1
    assert "main, owners: HubSpot answered 401" in str(end.value)
    assert "wrong" not in str(end.value)


def test_one_stream_that_fails_leaves_the_others(
    portal: server.Server, slug: str, tmp_path: Path
) -> None:
    connect(slug, portal.url, tmp_path, {"access_token": "pat-na1-private"})
    body = {"category": "MISSING_SCOPES", "message": "no"}
    portal.plan.add(
        faults.Fault(
            faults.Kind.STATUS, path="/objects/contacts\\?", status=403, body=body, times=9
        )
    )
    output = io.StringIO()

    with pytest.raises(CommandError) as end:
        call_command("sync", connection="main", json=True, stdout=output)

    streams = {each["stream"]: each for each in json.loads(output.getvalue())["streams"]}
    assert (end.value.returncode, str(end.value)) == (3, "1 of 8 streams failed.")
    assert streams["contacts"]["error_code"] == "STREAM_FORBIDDEN"
    assert streams["opportunities"]["new"] == 6


@pytest.mark.parametrize(
    ("credentials", "url", "words"),
    [
        ({"client_id": "a"}, "", "The credentials for hubspot are not complete"),
        ({"access_token": "a"}, "http://example.com", "without encryption on this machine alone"),
        ({"access_token": "a"}, "ftp://127.0.0.1", "is no address of a CRM"),
        ([], "", "holds no credentials"),
    ],
)
def test_what_cannot_be_connected_is_refused(
    slug: str, tmp_path: Path, credentials: Any, url: str, words: str
) -> None:
    with pytest.raises(CommandError, match=words) as end:
        connect(slug, url, tmp_path, credentials)

    assert end.value.returncode == 2


def test_a_connection_that_is_not_there_is_named(slug: str) -> None:
    with pytest.raises(CommandError, match="There is no connection 'main'"):
        sync(organization=slug)


def test_credentials_move_to_a_new_key(
    portal: server.Server, slug: str, tmp_path: Path, settings: Any
) -> None:
    connect(slug, portal.url, tmp_path, {"access_token": "pat-na1-private"})
    output = io.StringIO()
    call_command("make_credential_key", stdout=output)
    new, (old,) = output.getvalue().strip(), settings.CREDENTIAL_KEYS

    settings.CREDENTIAL_KEYS = [new, old]
    call_command("rotate_credentials", organization=slug, stdout=io.StringIO())
    settings.CREDENTIAL_KEYS = [new]
    assert json.loads(sync(json=True))["streams"]
    settings.CREDENTIAL_KEYS = [old]
    with pytest.raises(CommandError, match="No key of CREDENTIAL_KEYS opens") as end:
        sync()

    assert end.value.returncode == 2
    assert sealing.SecretUnreadable.code == "SECRET_UNREADABLE"

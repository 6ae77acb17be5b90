"""The simulated CRMs answer over real HTTP as the protocols say, faults included."""

from __future__ import annotations

import csv
import datetime as dt
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.simulators import clock, faults, population, server
from tests.simulators.hubspot import application as hubspot
from tests.simulators.hubspot import limits, webhooks
from tests.simulators.salesforce import application as salesforce
from tests.simulators.salesforce import login
from tests.simulators.salesforce import store as salesforce_store

pytestmark = pytest.mark.loopback

NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
DATA = "/services/data/v59.0"


@pytest.fixture
def org() -> Iterator[server.Server]:
    application = salesforce.Application(time=clock.Clock(NOON), app=login.App(rotates=True))
    with server.Server(application) as running:
        yield running


@pytest.fixture
def portal() -> Iterator[server.Server]:
    with server.Server(hubspot.Application(time=clock.Clock(NOON))) as running:
        yield running


def salesforce_session(org: server.Server) -> requests.Session:
    form = {"grant_type": "client_credentials", "client_id": "client", "client_secret": "secret"}
    answer = requests.post(f"{org.url}/services/oauth2/token", data=form, timeout=5).json()
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {answer['access_token']}"
    return session


def hubspot_session() -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = "Bearer pat-na1-private"
    return session


def query(session: requests.Session, org: server.Server, soql: str) -> requests.Response:
    return session.get(f"{org.url}{DATA}/queryAll", params={"q": soql}, timeout=5)


def store_of(org: server.Server) -> salesforce_store.Store:
    assert isinstance(org.application, salesforce.Application)
    return org.application.store


def test_nothing_is_answered_without_a_token(org: server.Server, portal: server.Server) -> None:
    statuses = [
        requests.get(f"{each.url}{path}", timeout=5).status_code
        for each in (org, portal)
        for path in ("/", f"{DATA}/limits", "/crm/v3/objects/deals", "/__simulator/log")
    ]

    assert set(statuses) == {401}


def test_a_keyset_reads_rows_of_one_stamp_exactly_once(org: server.Server) -> None:
    made = {store_of(org).create("Account", {"Name": f"A{number}"}) for number in range(5)}
    session = salesforce_session(org)
    seen: list[str] = []
    after = ""

    while True:
        soql = (
            "SELECT Id, SystemModstamp FROM Account WHERE (SystemModstamp = 2026-11-02T12:00:00Z"
            f" AND Id > '{after}') OR SystemModstamp > 2026-11-02T12:00:00Z"
            " ORDER BY SystemModstamp, Id LIMIT 2"
        )
        rows = query(session, org, soql).json()["records"]
        if not rows:
            break
        seen += [row["Id"] for row in rows]
        after = seen[-1]

    assert len(seen) == len(set(seen)) == 5
    assert set(seen) == made


def test_a_locator_dies_with_its_session(org: server.Server) -> None:
    for number in range(201):
        store_of(org).create("Account", {"Name": str(number)})
    session = salesforce_session(org)
    session.headers["Sforce-Query-Options"] = "batchSize=200"
    page = query(session, org, "SELECT Id FROM Account").json()
    refreshed = salesforce_session(org)

    mine = session.get(f"{org.url}{page['nextRecordsUrl']}", timeout=5)
    theirs = refreshed.get(f"{org.url}{page['nextRecordsUrl']}", timeout=5)

    assert (page["totalSize"], page["done"], len(page["records"])) == (201, False, 200)
    assert len(mine.json()["records"]) == 1
    assert theirs.json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_a_refresh_token_that_rotates_works_once(org: server.Server) -> None:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-0",
        "client_id": "client",
        "client_secret": "secret",
    }
    first = requests.post(f"{org.url}/services/oauth2/token", data=form, timeout=5)
    again = requests.post(f"{org.url}/services/oauth2/token", data=form, timeout=5)

    assert first.json()["refresh_token"] != "refresh-0"
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_a_bulk_job_moves_through_its_states_and_pages(org: server.Server) -> None:
    for number in range(3):
        store_of(org).create("Account", {"Name": f'A "{number}"\nline'})
    session = salesforce_session(org)
    jobs = f"{org.url}{DATA}/jobs/query"
    asked = {"operation": "queryAll", "query": "SELECT Id, Name FROM Account"}
    job = session.post(jobs, json=asked, timeout=5).json()

    early = session.get(f"{jobs}/{job['id']}/results", timeout=5)
    done = session.get(f"{jobs}/{job['id']}", timeout=5).json()
    first = session.get(f"{jobs}/{job['id']}/results?maxRecords=2", timeout=5)
    locator = first.headers["Sforce-Locator"]
    last = session.get(f"{jobs}/{job['id']}/results?locator={locator}", timeout=5)
    other_version = session.get(f"{org.url}/services/data/v60.0/jobs/query/{job['id']}", timeout=5)

    assert job["state"] == "UploadComplete"
    assert early.json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert done["state"] == "JobComplete"
    names = [
        row["Name"] for page in (first, last) for row in csv.DictReader(io.StringIO(page.text))
    ]
    assert names == ['A "0"\nline', 'A "1"\nline', 'A "2"\nline']
    assert last.headers["Sforce-Locator"] == "null"
    assert other_version.status_code == 409


def test_an_opportunity_keeps_its_history_and_a_merge_moves_its_account(
    org: server.Server,
) -> None:
    records = store_of(org)
    winner, loser = (records.create("Account", {"Name": name}) for name in ("W", "L"))
    deal = records.create(
        "Opportunity", {"Name": "D", "AccountId": loser, "StageName": "Proposal", "Amount": 10.0}
    )
    org.application.clock.advance(60)
    records.update("Opportunity", deal, {"StageName": "Closed Won", "Amount": 12.0})
    stamp = records.get("Opportunity", deal)["SystemModstamp"]
    org.application.clock.advance(60)

    records.merge("Account", winner, loser)

    history = [
        (row["StageName"], row["Amount"], row["PrevAmount"])
        for row in records.rows["OpportunityHistory"].values()
    ]
    moved = records.get("Opportunity", deal)
    assert history == [("Proposal", 10.0, None), ("Closed Won", 12.0, 10.0)]
    assert (moved["AccountId"], moved["SystemModstamp"]) == (winner, stamp)
    assert records.get("Account", loser)["MasterRecordId"] == winner


def test_an_upsert_by_external_id_answers_each_item(org: server.Server) -> None:
    assert isinstance(org.application, salesforce.Application)
    session = salesforce_session(org)
    org.application.writes.refuse("send-2", "UNABLE_TO_LOCK_ROW")
    url = f"{org.url}{DATA}/composite/sobjects/Task/Tribute_Send_Id__c"
    items: list[Any] = [
        {"attributes": {"type": "Task"}, "Tribute_Send_Id__c": f"send-{number}", "Subject": "Gift"}
        for number in (1, 2)
    ]

    first = session.patch(url, json={"records": items}, timeout=5).json()
    again = session.patch(url, json={"records": items}, timeout=5).json()

    assert [each["success"] for each in first] == [True, False]
    assert first[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert [each["created"] for each in again] == [False, True]
    assert len(store_of(org).rows["Task"]) == 2


def test_faults_strike_the_request_that_they_name(org: server.Server) -> None:
    store_of(org).create("Account", {"Name": "A"})
    session = salesforce_session(org)
    soql = "SELECT Id FROM Account"
    org.plan.add(
        faults.Fault(faults.Kind.HTML, path="/queryAll", skip=1),
        faults.Fault(faults.Kind.EDIT, path="/queryAll", skip=2, keys=("done",)),
        faults.Fault(faults.Kind.CUT, path="/queryAll", skip=3),
        faults.Fault(faults.Kind.RESET, path="/queryAll", skip=4),
    )

    clean, page, edited = (query(session, org, soql) for _ in range(3))

    assert clean.json()["done"] is True
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html;charset=utf-8")
    assert "done" not in edited.json()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        query(session, org, soql)
    with pytest.raises(requests.ConnectionError):
        query(session, org, soql)
    assert query(session, org, soql).json()["totalSize"] == 1


def test_a_lost_answer_leaves_what_was_written(org: server.Server) -> None:
    session = salesforce_session(org)
    org.plan.add(faults.Fault(faults.Kind.LOST, method="POST", path="/sobjects/Account"))

    with pytest.raises(requests.ConnectionError):
        session.post(f"{org.url}{DATA}/sobjects/Account", json={"Name": "A"}, timeout=5)

    assert [row["Name"] for row in store_of(org).rows["Account"].values()] == ["A"]


def test_queries_that_cannot_be_understood_are_refused_by_code(org: server.Server) -> None:
    session = salesforce_session(org)
    codes = [
        query(session, org, soql).json()[0]["errorCode"]
        for soql in (
            "SELECT FROM Account",
            "SELECT Id FROM Account WHERE Id = 'a' AND Id = 'b' OR Id = 'c'",
            "SELECT Nope FROM Account",
            "SELECT Id FROM Nope",
        )
    ]

    assert codes == ["MALFORMED_QUERY", "MALFORMED_QUERY", "INVALID_FIELD", "INVALID_TYPE"]


@pytest.mark.parametrize("path", ["/crm/v3/objects/deals", "/crm/objects/2026-03/deals"])
def test_a_portal_lists_by_pages_on_both_kinds_of_path(portal: server.Server, path: str) -> None:
    assert isinstance(portal.application, hubspot.Application)
    population.fill_hubspot(portal.application, deal_count=120, seed=3)
    session = hubspot_session()
    ids: list[str] = []
    after: str | None = ""

    while after is not None:
        answer = session.get(f"{portal.url}{path}?limit=100&after={after}", timeout=5).json()
        ids += [row["id"] for row in answer["results"]]
        after = answer.get("paging", {}).get("next", {}).get("after")

    assert len(ids) == len(set(ids)) == 120


def test_search_pages_up_to_its_cap_and_lags(portal: server.Server) -> None:
    assert isinstance(portal.application, hubspot.Application)
    records = portal.application.store
    records.index_lag = dt.timedelta(seconds=30)
    deal = records.create("deals", {"dealname": "D", "amount": "10"})
    session = hubspot_session()
    url = f"{portal.url}/crm/v3/objects/deals/search"
    asked: dict[str, Any] = {"filterGroups": [], "properties": ["amount"], "limit": 200}

    early = session.post(url, json=asked, timeout=5).json()
    portal.application.clock.advance(31)
    seen = session.post(url, json=asked, timeout=5).json()
    records.update("deals", deal, {"amount": "11"})
    stale = session.post(url, json=asked, timeout=5).json()
    beyond = session.post(url, json={**asked, "after": "9900"}, timeout=5)

    assert early["total"] == 0
    assert seen["results"][0]["properties"]["amount"] == "10"
    assert stale["results"][0]["properties"]["amount"] == "10"
    assert beyond.status_code == 400


def test_a_merge_makes_a_new_id_that_the_old_ones_answer_with(portal: server.Server) -> None:
    assert isinstance(portal.application, hubspot.Application)
    records = portal.application.store
    first, second = (records.create("deals", {"dealname": name}) for name in ("A", "B"))
    contact = records.create("contacts", {"email": "a@example.com"})
    records.link("deals", second, "contacts", contact)
    session = hubspot_session()

    merged = session.post(
        f"{portal.url}/crm/v3/objects/deals/merge",
        json={"primaryObjectId": first, "objectIdToMerge": second},
        timeout=5,
    ).json()
    old = session.get(f"{portal.url}/crm/v3/objects/deals/{second}?properties=dealname", timeout=5)
    links = session.post(
        f"{portal.url}/crm/v4/associations/deals/contacts/batch/read",
        json={"inputs": [{"id": merged["id"]}, {"id": second}]},
        timeout=5,
    )

    assert merged["id"] not in (first, second)
    assert (old.json()["id"], old.json()["properties"]["dealname"]) == (merged["id"], "A")
    assert links.status_code == 207
    assert [each["toObjectId"] for each in links.json()["results"][0]["to"]] == [int(contact)]
    assert links.json()["errors"][0]["context"] == {"fromObjectId": [second]}


def test_history_lists_every_stage_newest_first(portal: server.Server) -> None:
    assert isinstance(portal.application, hubspot.Application)
    records = portal.application.store
    deal = records.create("deals", {"dealstage": "qualifiedtobuy"})
    portal.application.clock.advance(60)
    records.update("deals", deal, {"dealstage": "closedwon"})

    answer = hubspot_session().post(
        f"{portal.url}/crm/v3/objects/deals/batch/read",
        json={"inputs": [{"id": deal}], "propertiesWithHistory": ["dealstage"]},
        timeout=5,
    )

    versions = answer.json()["results"][0]["propertiesWithHistory"]["dealstage"]
    assert [(each["value"], each["timestamp"]) for each in versions] == [
        ("closedwon", "2026-11-02T12:01:00.000Z"),
        ("qualifiedtobuy", "2026-11-02T12:00:00.000Z"),
    ]


def test_too_many_calls_are_refused_by_the_policy_that_they_broke() -> None:
    time = clock.Clock(NOON)
    slow = limits.Limits(
        time, burst=limits.Policy("TEN_SECONDLY_ROLLING", 2, 10), retry_after_seconds=1
    )
    with server.Server(hubspot.Application(time=time, limits=slow)) as portal:
        url = f"{portal.url}/crm/v3/objects/deals"
        answers = [hubspot_session().get(url, timeout=5) for _ in range(3)]
        time.advance(11)
        later = hubspot_session().get(url, timeout=5)

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[2].json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert answers[2].headers["Retry-After"] == "1"
    assert later.headers["X-HubSpot-RateLimit-Remaining"] == "1"


def test_a_missing_object_is_a_page_in_latin_1(portal: server.Server) -> None:
    answer = hubspot_session().get(f"{portal.url}/crm/v3/objects/contacts/1", timeout=5)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "text/html;charset=iso-8859-1"
    with pytest.raises(UnicodeDecodeError):
        answer.content.decode()


def test_webhooks_are_signed_and_come_again_until_they_are_taken(portal: server.Server) -> None:
    assert isinstance(portal.application, hubspot.Application)
    portal.application.store.create("deals", {"dealname": "A"})
    sender = webhooks.Dispatcher(portal.application, f"{portal.url}/not-here")

    statuses = [sender.deliver(), sender.deliver()]

    assert statuses == [[401], [401]]
    assert webhooks.signature("s", "POST", "http://x/", b"[]", "1") == (
        "75vnnFcFY0WyiR8Fe+aMqPfwfMCUPqjsSQRmiKojEYo="
    )


@pytest.mark.parametrize("provider", ["salesforce", "hubspot"])
def test_a_simulator_runs_alone_and_prints_its_address(provider: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.simulators", provider, "--port", "0", "--deals", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        status = requests.get(f"{address}/crm/v3/objects/deals", timeout=5).status_code
        process.terminate()

    assert address.startswith("http://127.0.0.1:")
    assert status == 401

"""A CRM is read into the books: nothing is lost, nothing is double, whatever goes wrong."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from attribution import models as attribution
from gifting.domain import access
from gifting.services import tenancy
from integrations import models
from integrations.domain import crm
from integrations.services import connections, pull, syncing
from tests.factories import organizations
from tests.simulators import clock, faults, population, server
from tests.simulators.hubspot import application as portal_application
from tests.simulators.salesforce import application as org_application
from tests.simulators.salesforce import login

pytestmark = [pytest.mark.loopback, pytest.mark.django_db]

NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
CLIENT = {"client_id": "client", "client_secret": "secret"}


@dataclass
class Synced:
    """An organization, its CRM and the connection between them."""

    simulator: server.Server
    actor: access.Actor
    connection: int

    def sync(self, **options: Any) -> dict[str, syncing.Outcome]:
        outcomes = syncing.run(
            actor=self.actor,
            connection=self.connection,
            clock=self.simulator.application.clock.now,
            lag=dt.timedelta(0),
            **options,
        )
        return {outcome.stream: outcome for outcome in outcomes}

    def books(self) -> dict[str, list[Any]]:
        """Return what the books hold, without keys and times of their own."""
        with tenancy.organization(self.actor.organization_id):
            return {
                "accounts": list(
                    attribution.Account.objects.filter(merged_into=None)
                    .order_by("external_id")
                    .values_list("external_id", "name")
                ),
                "opportunities": list(
                    attribution.Opportunity.objects.order_by("external_id").values_list(
                        "external_id",
                        "account__external_id",
                        "stage",
                        "status",
                        "amount_minor",
                        "currency",
                    )
                ),
                "stages": list(
                    attribution.StageChange.objects.order_by(
                        "opportunity__external_id", "changed_at", "source_id"
                    ).values_list("opportunity__external_id", "changed_at", "stage", "status")
                ),
                "amounts": list(
                    attribution.AmountChange.objects.order_by(
                        "opportunity__external_id", "changed_at", "source_id"
                    ).values_list("opportunity__external_id", "changed_at", "amount_minor")
                ),
                "roles": list(
                    attribution.OpportunityContactRole.objects.order_by(
                        "opportunity__external_id", "contact__external_id"
                    ).values_list("opportunity__external_id", "contact__external_id", "is_primary")
                ),
                "touches": list(
                    attribution.Touchpoint.objects.filter(is_retracted=False)
                    .order_by("source_id")
                    .values_list("source_id", "channel", "occurred_at", "account__external_id")
                ),
            }


def connect(simulator: server.Server, provider: crm.Provider, credentials: Any) -> Synced:
    organization = organizations.make_organization()
    actor = access.Actor.system(organization_id=organization.id)
    connections.create(
        actor=actor,
        name="main",
        provider=provider,
        credentials=credentials,
        base_url=simulator.url,
    )
    return Synced(simulator, actor, connections.find(actor=actor, name="main").pk)


@pytest.fixture
def org() -> org_application.Application:
    application = org_application.Application(time=clock.Clock(NOON), app=login.App(rotates=True))
    population.fill_salesforce(application, deal_count=12, seed=5)
    return application


@pytest.fixture
def salesforce(org: org_application.Application) -> Iterator[Synced]:
    with server.Server(org) as running:
        yield connect(running, crm.Provider.SALESFORCE, {**CLIENT, "refresh_token": "refresh-0"})


@pytest.fixture
def portal() -> portal_application.Application:
    application = portal_application.Application(time=clock.Clock(NOON))
    population.fill_hubspot(application, deal_count=12, seed=5)
    return application


@pytest.fixture
def hubspot(portal: portal_application.Application) -> Iterator[Synced]:
    with server.Server(portal) as running:
        yield connect(running, crm.Provider.HUBSPOT, {"access_token": "pat-na1-private"})


def test_an_org_is_read_with_its_whole_history(
    salesforce: Synced, org: org_application.Application
) -> None:
    outcomes = salesforce.sync()

    assert [each.error for each in outcomes.values()] == [""] * len(outcomes)
    deals = org.store.rows["Opportunity"]
    books = salesforce.books()
    assert [(row[0], row[1], row[2], row[4]) for row in books["opportunities"]] == [
        (of, deals[of]["AccountId"], deals[of]["StageName"], round(deals[of]["Amount"] * 100))
        for of in sorted(deals)
    ]
    stages: dict[str, list[str]] = {}
    for of, _, stage, _ in books["stages"]:
        stages.setdefault(of, []).append(stage)
    history: dict[str, list[str]] = {}
    for row in org.store.rows["OpportunityHistory"].values():
        history.setdefault(row["OpportunityId"], []).append(row["StageName"])
    assert stages == history
    assert len(books["roles"]) == len(org.store.rows["OpportunityContactRole"])
    tasks, members = org.store.rows["Task"], org.store.rows["CampaignMember"]
    assert len(books["touches"]) == len(tasks) + len(members)


def test_a_portal_is_read_with_its_whole_history(
    hubspot: Synced, portal: portal_application.Application
) -> None:
    outcomes = hubspot.sync()

    assert [each.error for each in outcomes.values()] == [""] * len(outcomes)
    deals = portal.store.rows["deals"]
    books = hubspot.books()
    assert [(row[0], row[4]) for row in books["opportunities"]] == [
        (of, int(str(deals[of].properties["amount"])) * 100) for of in sorted(deals)
    ]
    assert {row[3] for row in books["opportunities"]} == {"OPEN", "WON", "LOST"}
    assert [(of, at) for of, at, _, _ in books["stages"]] == [
        (of, version.timestamp)
        for of in sorted(deals)
        for version in reversed(deals[of].history["dealstage"])
    ]
    assert len(books["roles"]) == len(deals)
    assert len(books["touches"]) == len(portal.store.rows["meetings"])


@pytest.mark.parametrize("name", ["salesforce", "hubspot"])
def test_the_same_again_changes_nothing(name: str, request: pytest.FixtureRequest) -> None:
    synced: Synced = request.getfixturevalue(name)
    synced.sync()
    before = synced.books()

    again = synced.sync(is_full=True)

    assert synced.books() == before
    assert sum(each.counts.new + each.counts.changed for each in again.values()) == 0
    assert sum(each.counts.unchanged for each in again.values()) > 0


def test_changes_bring_their_history_and_nothing_twice(
    salesforce: Synced, org: org_application.Application
) -> None:
    salesforce.sync()
    deal = next(of for of, row in org.store.rows["Opportunity"].items() if not row["IsClosed"])
    org.clock.advance(3600)
    org.store.update("Opportunity", deal, {"StageName": "Closed Won", "Amount": 12_345.67})
    org.clock.advance(3600)

    outcomes = salesforce.sync()

    assert (outcomes["opportunities"].counts.new, outcomes["opportunities"].counts.changed) == (
        0,
        1,
    )
    assert outcomes["opportunity_history"].counts.new == 1
    row = next(row for row in salesforce.books()["opportunities"] if row[0] == deal)
    assert row[2:] == ("Closed Won", "WON", 1_234_567, "USD")
    assert [row for row in salesforce.books()["stages"] if row[0] == deal][-1] == (
        deal,
        NOON + dt.timedelta(hours=1),
        "Closed Won",
        "WON",
    )


def test_more_records_of_one_stamp_than_a_page_are_all_read(
    salesforce: Synced, org: org_application.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    from integrations.salesforce import reader  # noqa: PLC0415 - takes long to import

    monkeypatch.setattr(reader, "PAGE_ROWS", 3)
    salesforce.sync(stream="accounts")
    org.clock.advance(3600)
    made = {org.store.create("Account", {"Name": f"Late {number}"}) for number in range(10)}
    org.clock.advance(60)

    outcome = salesforce.sync(stream="accounts")["accounts"]

    assert outcome.counts.new == 10
    assert made <= {of for of, _ in salesforce.books()["accounts"]}


def test_a_record_that_becomes_visible_late_is_not_missed(
    salesforce: Synced, org: org_application.Application
) -> None:
    salesforce.sync(stream="accounts")
    org.clock.advance(3600)
    late = org.store.create("Account", {"Name": "Late"})
    org.store.hide(late, seconds=90)
    org.clock.advance(60)
    missed = salesforce.sync(stream="accounts")["accounts"]
    org.clock.advance(60)

    found = salesforce.sync(stream="accounts")["accounts"]

    assert (missed.counts.new, found.counts.new) == (0, 1)


def test_deleted_restored_and_purged_records_are_followed(
    salesforce: Synced, org: org_application.Application
) -> None:
    salesforce.sync()
    deleted, purged = list(org.store.rows["Opportunity"])[:2]
    task = next(iter(org.store.rows["Task"]))
    org.clock.advance(3600)
    org.store.delete("Opportunity", deleted)
    org.store.delete("Task", task)
    org.store.purge("Opportunity", purged)
    org.clock.advance(60)

    salesforce.sync()
    statuses = {row[0]: row[3] for row in salesforce.books()["opportunities"]}
    after_delete = (statuses[deleted], f"tasks:{task}" in touch_ids(salesforce))
    org.clock.advance(3600)
    org.store.undelete("Opportunity", deleted)
    org.store.undelete("Task", task)
    org.clock.advance(60)
    salesforce.sync(is_full=True)

    statuses = {row[0]: row[3] for row in salesforce.books()["opportunities"]}
    assert after_delete == ("DELETED", False)
    assert statuses[deleted] != "DELETED"
    assert statuses[purged] == "DELETED"
    assert f"tasks:{task}" in touch_ids(salesforce)


def touch_ids(synced: Synced) -> set[str]:
    return {row[0] for row in synced.books()["touches"]}


def test_a_merge_moves_what_stood_on_the_account(
    salesforce: Synced, org: org_application.Application
) -> None:
    salesforce.sync()
    winner, loser = list(org.store.rows["Account"])[:2]
    touches = len(salesforce.books()["touches"])
    org.clock.advance(3600)
    org.store.merge("Account", winner, loser)
    org.clock.advance(60)

    salesforce.sync()

    books = salesforce.books()
    assert loser not in {of for of, _ in books["accounts"]}
    assert loser not in {row[1] for row in books["opportunities"]}
    assert loser not in {row[3] for row in books["touches"]}
    assert len(books["touches"]) == touches
    with tenancy.organization(salesforce.actor.organization_id):
        aliases = list(models.RecordAlias.objects.values_list("stream", "old_id", "new_id"))
    assert aliases == [("accounts", loser, winner)]


def test_a_merged_deal_lives_on_under_its_new_id(
    hubspot: Synced, portal: portal_application.Application
) -> None:
    hubspot.sync()
    first, second = list(portal.store.rows["deals"])[:2]
    portal.clock.advance(3600)
    merged = portal.store.merge("deals", first, second)
    portal.clock.advance(60)

    hubspot.sync(is_full=True)

    statuses = {row[0]: row[3] for row in hubspot.books()["opportunities"]}
    assert (statuses[first], statuses[second]) == ("DELETED", "DELETED")
    assert statuses[merged] != "DELETED"


BREAKS = [
    faults.Fault(faults.Kind.HTML, path="/query", skip=3),
    faults.Fault(faults.Kind.CUT, path="/query", skip=4),
    faults.Fault(faults.Kind.TRUNCATED, path="/query", skip=2),
    faults.Fault(faults.Kind.RESET, path="/query", skip=5),
    faults.Fault(faults.Kind.EDIT, path="/query", skip=2, keys=("done",)),
    faults.Fault(faults.Kind.STATUS, path="/query", skip=6, status=503),
]


@pytest.mark.parametrize("fault", BREAKS, ids=lambda fault: fault.kind.value)
def test_a_broken_answer_is_asked_for_again(
    salesforce: Synced, fault: faults.Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    plain = faults.Fault(
        fault.kind, path=fault.path, skip=fault.skip, status=fault.status, keys=fault.keys
    )
    salesforce.simulator.plan.add(plain)

    outcomes = salesforce.sync()

    assert [each.error for each in outcomes.values()] == [""] * len(outcomes)
    assert len(salesforce.books()["opportunities"]) == 12


def test_an_ended_session_is_renewed_once_and_the_new_token_is_kept(
    salesforce: Synced, org: org_application.Application
) -> None:
    salesforce.sync(stream="accounts")
    org.sessions.end_all()
    first = salesforce.sync(stream="contacts")["contacts"]
    org.sessions.end_all()
    second = salesforce.sync(stream="opportunities")["opportunities"]

    assert (first.error, second.error) == ("", "")
    assert second.counts.read >= 12


def test_lost_rights_stop_the_connection_with_one_sentence(
    salesforce: Synced, org: org_application.Application
) -> None:
    salesforce.sync(stream="accounts")
    org.sessions.revoke()

    outcomes = salesforce.sync()

    assert list(outcomes) == ["owners"]
    assert outcomes["owners"].error.startswith("main, owners: Salesforce does not accept")
    with pytest.raises(connections.ConnectionNotReady, match="has to be connected again"):
        salesforce.sync()


def test_a_hidden_object_stops_its_stream_and_no_other(
    salesforce: Synced, org: org_application.Application
) -> None:
    org.hidden = frozenset({"Task", "Opportunity.Amount"})

    outcomes = salesforce.sync()

    failed = {name for name, each in outcomes.items() if each.error}
    assert failed == {"tasks"}
    assert {row[4] for row in salesforce.books()["opportunities"]} == {None}


def test_a_poisoned_record_is_kept_aside_and_taken_once_it_is_well(
    salesforce: Synced, org: org_application.Application
) -> None:
    deal, other, *_ = org.store.rows["Opportunity"]
    org.store.update("Opportunity", deal, {"Amount": 1e308})
    org.store.update("Opportunity", other, {"Name": "A\x00B"})

    outcome = salesforce.sync()["opportunities"]

    assert (outcome.counts.rejected, outcome.counts.new) == (2, 10)
    with tenancy.organization(salesforce.actor.organization_id):
        kept = set(models.RejectedRecord.objects.values_list("external_id", "field"))
    assert {(deal, "Amount"), (other, "")} <= kept
    org.clock.advance(3600)
    org.store.update("Opportunity", deal, {"Amount": 5.0})
    org.store.update("Opportunity", other, {"Name": "AB"})
    org.clock.advance(60)
    assert salesforce.sync()["opportunities"].counts.rejected == 0
    assert len(salesforce.books()["opportunities"]) == 12


def test_two_workers_do_not_read_one_stream(salesforce: Synced) -> None:
    at = salesforce.simulator.application.clock.now()
    opened = connections.open_source(
        actor=salesforce.actor, connection=salesforce.connection, at=at
    )
    pull._take_lease(salesforce.actor, opened, crm.Stream.ACCOUNTS, at)

    with pytest.raises(pull.StreamBusy):
        salesforce.sync(stream="accounts")

    salesforce.simulator.application.clock.advance(pull.LEASE.total_seconds() + 1)
    assert salesforce.sync(stream="accounts")["accounts"].error == ""


def test_large_objects_are_read_by_a_bulk_job(
    salesforce: Synced, org: org_application.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    from integrations.salesforce import reader  # noqa: PLC0415 - takes long to import

    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(reader, "BULK_FROM_ROWS", 1)
    org.bulk.polls_needed, org.bulk.page_rows = 3, 5

    salesforce.sync()
    by_job = salesforce.books()
    asked = [target for _, target, _ in salesforce.simulator.log if "/results" in target]
    org.bulk.is_enabled = False
    salesforce.sync(is_full=True)

    assert any("locator=" in target for target in asked)
    assert salesforce.books() == by_job
    assert len(by_job["opportunities"]) == 12


def test_secrets_are_in_no_column_and_in_no_message(salesforce: Synced) -> None:
    salesforce.sync(stream="owners")
    with tenancy.organization(salesforce.actor.organization_id):
        row = models.Connection.objects.get(id=salesforce.connection)
    stored = b"".join((bytes(row.sealed_credentials), bytes(row.sealed_token)))

    assert not any(word in stored for word in (b"secret", b"refresh", b"session"))
    assert "secret" not in repr(vars(row)).replace("sealed", "")

"""A report that was taken is found again byte for byte, whatever was committed later."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from config import ownership
from gifting import models
from gifting.domain import access, refusals, reports
from gifting.selectors import funds
from gifting.selectors import reports as selectors
from gifting.services import operations, tenancy
from gifting.services import reports as services
from tests.factories import exchange, ledger, organizations, sends
from tests.factories import reports as factory

FRIDAY = dt.date(2025, 3, 14)


@pytest.fixture
def organization(committed_db: None) -> UUID:
    """Open an organization whose rows are committed one by one."""
    return organizations.make_organization().id


def inside(organization_id: UUID, what: Callable[[], Any]) -> Any:
    """Do something in a transaction of its own."""
    with tenancy.organization(organization_id):
        return what()


def again(organization_id: UUID, taken: services.Taken) -> services.Taken:
    actor = access.Actor.system(organization_id=organization_id)
    return services.rerun(actor=actor, snapshot=taken.public_id)


def changes(organization_id: UUID, taken: services.Taken) -> services.Changes:
    actor = access.Actor.system(organization_id=organization_id)
    return services.changes(actor=actor, snapshot=taken.public_id)


@contextmanager
def in_flight(organization_id: UUID, what: Callable[[], Any]) -> Iterator[None]:
    """Do something on another connection, and commit it only when the block is over."""
    done, may_commit = threading.Event(), threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with tenancy.organization(organization_id):
                what()
                done.set()
                may_commit.wait(20)
        except BaseException as error:  # noqa: BLE001 - shown by the test that waits for it
            errors.append(error)
            done.set()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    done.wait(20)
    try:
        yield
    finally:
        may_commit.set()
        thread.join()
    assert errors == []


@pytest.mark.parametrize("kind", ["BUDGETS", "REGISTER", "COMMITMENTS", "POSTINGS"])
def test_what_comes_later_or_was_in_flight_is_not_in_it(organization: UUID, kind: str) -> None:
    """A transaction that wrote before the report and commits after it has a lower number."""
    budget = inside(organization, ledger.make_budget)
    inside(organization, lambda: ledger.make_commitment(budget, 10_00))

    with in_flight(organization, lambda: ledger.make_commitment(budget, 5_00)):
        organizations.make_organization()
        taken = inside(organization, lambda: factory.take(kind))
    inside(organization, lambda: ledger.record_fact(budget, 7_00))
    inside(organization, lambda: ledger.revise(budget, 1_00))
    inside(organization, lambda: models.Budget.objects.update(name="Renamed"))

    assert again(organization, taken).document == taken.document
    found = changes(organization, taken)
    assert found.is_same is False
    assert found.facts


def test_spend_is_read_again_from_its_lines(organization: UUID) -> None:
    gift = inside(organization, sends.make_send)
    inside(organization, lambda: sends.make_cost_line(gift, 10_00))

    def take() -> services.Taken:
        return factory.take("SPEND", by=["vendor", "campaign", "component"])

    other = inside(organization, sends.make_send)
    with in_flight(organization, lambda: sends.make_cost_line(other, 2_00)):
        organizations.make_organization()
        taken = inside(organization, take)
    inside(organization, lambda: sends.make_cost_line(gift, 14_00))

    found = changes(organization, taken)
    assert [row[-1] for row in json.loads(taken.document)["rows"]] == [10_00]
    assert again(organization, taken).document == taken.document
    assert sorted(fact.measures for fact in found.facts) == [(2_00,), (4_00,)]
    assert sorted(each.difference for each in found.figures) == [(2_00,), (4_00,)]


def test_the_report_of_now_is_what_the_funds_hold(organization: UUID) -> None:
    def spend() -> None:
        above = organizations.make_cost_center()
        top = ledger.make_budget(200_00, cost_center=above)
        below = ledger.make_budget(50_00, cost_center=organizations.make_cost_center(parent=above))
        ledger.make_budget(0)
        ledger.accrue(ledger.make_commitment(below, 20_00), 5_00)
        ledger.record_fact(below, 40_00)
        ledger.refund(ledger.record_fact(top, 3_00), 1_00)

    inside(organization, spend)
    table = inside(
        organization,
        lambda: selectors.run(actor=ledger.actor(), kind="BUDGETS", parameters={}),
    )

    held = inside(organization, lambda: funds.figures(actor=ledger.actor()))
    assert {row.keys[0]: row.measures[:7] for row in table.rows} == {
        str(each.public_id): (
            each.original_minor,
            each.revised_minor,
            each.committed_minor,
            each.accrued_minor,
            each.actual_minor,
            each.overrun_minor,
            each.available_minor,
        )
        for each in held
    }


def test_a_budget_above_counts_what_is_below_only_from_its_own_approval(
    organization: UUID,
) -> None:
    def use() -> models.CostCenter:
        above = organizations.make_cost_center()
        below = organizations.make_cost_center(parent=above)
        ledger.make_commitment(ledger.make_budget(cost_center=below), 40_00)
        return above

    above = inside(organization, use)
    before = inside(organization, factory.take)
    inside(organization, lambda: ledger.make_budget(cost_center=above))

    found = changes(organization, before)
    assert again(organization, before).document == before.document
    assert [each.difference[2] for each in found.figures] == [40_00]


def test_a_converted_report_keeps_the_rates_of_its_time(organization: UUID) -> None:
    def share(dollars: str) -> None:
        exchange.make_reference_rates((FRIDAY, {"USD": dollars}))

    inside(organization, lambda: share("1.1"))
    inside(organization, lambda: ledger.make_budget(110_00))
    rate_set = {"currency": "EUR", "rate_type": "CLOSING", "on": str(FRIDAY)}
    taken = inside(organization, lambda: factory.take(rate_set=rate_set))

    inside(organization, lambda: share("2.2"))

    document = json.loads(taken.document)
    assert document["converted"]["totals"]["revised"] == 100_00
    assert again(organization, taken).document == taken.document


def test_the_same_key_is_the_same_report(organization: UUID) -> None:
    inside(organization, ledger.make_budget)
    first = inside(organization, lambda: factory.take(key="july"))
    inside(organization, ledger.make_budget)

    repeated = inside(organization, lambda: factory.take(key="july"))

    assert (repeated.replayed, repeated.document) == (True, first.document)
    with pytest.raises(operations.IdempotencyKeyReused):
        inside(organization, lambda: factory.take("REGISTER", key="july"))


def test_a_report_whose_facts_were_tampered_with_is_refused(organization: UUID) -> None:
    inside(organization, ledger.make_budget)
    taken = inside(organization, factory.take)

    with ownership.owner() as owner, owner.cursor() as cursor:
        cursor.execute("ALTER TABLE gifting_transfer DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE gifting_transfer NO FORCE ROW LEVEL SECURITY")
        cursor.execute("UPDATE gifting_transfer SET amount_minor = amount_minor + 1")

    with pytest.raises(services.SnapshotDiffers):
        again(organization, taken)


def test_facts_after_a_move_to_another_server_are_not_in_earlier_reports(
    organization: UUID,
) -> None:
    """There, transactions count anew, and numbers that look old are given out again."""
    inside(organization, ledger.make_budget)
    taken = inside(organization, factory.take)
    with ownership.owner() as owner, owner.cursor() as cursor:
        cursor.execute("ALTER TABLE gifting_clusterepoch DISABLE TRIGGER USER")
        cursor.execute("UPDATE gifting_clusterepoch SET system_identifier = 1")
        cursor.execute("ALTER TABLE gifting_clusterepoch ENABLE TRIGGER USER")
        cursor.execute("SELECT settle_cluster_epoch(), settle_cluster_epoch()")
        epochs = cursor.fetchone()
    inside(organization, ledger.make_budget)
    # The number is made to look like one from before.
    with ownership.owner() as owner, owner.cursor() as cursor:
        cursor.execute("ALTER TABLE gifting_operation DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE gifting_operation NO FORCE ROW LEVEL SECURITY")
        cursor.execute("UPDATE gifting_operation SET transaction_id = '3'")

    there = inside(organization, factory.take)

    assert epochs == (2, 2)
    assert again(organization, taken).document == taken.document
    assert models.ClusterEpoch.objects.count() == 2
    assert len(json.loads(there.document)["rows"]) == 2
    assert len(json.loads(taken.document)["rows"]) == 1


class TestInOneTransaction:
    """What needs no second connection."""

    @pytest.fixture(autouse=True)
    def _inside(self, db: None) -> Iterator[None]:
        with tenancy.organization(organizations.make_organization().id):
            yield

    def test_what_the_taker_has_not_committed_is_not_in_it(self) -> None:
        ledger.make_budget()

        assert json.loads(factory.take().document)["rows"] == []

    @pytest.mark.parametrize(
        ("kind", "parameters", "code"),
        [
            ("MOON", {}, "UNKNOWN_REPORT"),
            ("BUDGETS", {"by": []}, "REPORT_PARAMETERS_UNUSABLE"),
            ("BUDGETS", {"budgets": ["x"]}, "REPORT_PARAMETERS_UNUSABLE"),
            ("BUDGETS", {"currency": "ZZZ"}, "UNKNOWN_CURRENCY"),
            ("SPEND", {"by": ["vendor", "vendor"]}, "REPORT_PARAMETERS_UNUSABLE"),
            ("SPEND", {"by": ["1; DROP TABLE"]}, "REPORT_PARAMETERS_UNUSABLE"),
        ],
    )
    def test_what_cannot_be_asked_is_refused(
        self, kind: str, parameters: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(refusals.Refusal) as refused:
            factory.take(kind, **parameters)

        assert refused.value.code == code
        assert models.ReportSnapshot.objects.count() == 0

    def test_a_sender_takes_no_report_of_the_whole_organization(self) -> None:
        maya = _member(access.Role.MARKETING)

        with pytest.raises(refusals.Forbidden):
            services.take(actor=maya, key="k", kind="SPEND", parameters={})

        assert models.ReportSnapshot.objects.count() == 0

    def test_a_report_is_prepared_by_one_and_approved_by_another(self) -> None:
        taken = factory.take()
        femi, ana = _member(access.Role.FINANCE), _member(access.Role.ADMIN)
        sign = _signing(taken)

        with pytest.raises(services.NotPrepared):
            sign(ana, reports.SignRole.APPROVER)
        prepared = sign(femi, reports.SignRole.PREPARER)
        assert sign(femi, reports.SignRole.PREPARER) == prepared
        with pytest.raises(services.PreparerIsNotApprover):
            sign(femi, reports.SignRole.APPROVER)
        with pytest.raises(services.SignedAlready):
            sign(ana, reports.SignRole.PREPARER)
        with pytest.raises(services.SignatureOfOther):
            sign(ana, reports.SignRole.APPROVER, sha256="0" * 64)
        sign(ana, reports.SignRole.APPROVER)

        assert set(models.SignOff.objects.values_list("role", "user_id")) == {
            ("PREPARER", femi.user_id),
            ("APPROVER", ana.user_id),
        }

    @pytest.mark.parametrize(
        ("role", "who", "sha256", "rule"),
        [
            ("APPROVER", "user_id", "sha256", "sign_off_person_is_unique"),
            ("PREPARER", "user_id + 1000", "sha256", "sign_off_role_is_unique"),
            ("REVIEWER", "user_id", "'x'", "sign_off_names_what_it_signs"),
        ],
    )
    def test_a_signature_by_hand_meets_its_rule(
        self, role: str, who: str, sha256: str, rule: str
    ) -> None:
        factory.make_sign_off()

        refused = _attempt(
            "INSERT INTO gifting_signoff (organization_id, snapshot_id, role, user_id, sha256)"
            f" SELECT organization_id, snapshot_id, '{role}', {who}, {sha256} FROM gifting_signoff"
        )

        assert refused == rule

    @pytest.mark.parametrize(
        ("statement", "rule"),
        [
            (
                (
                    "INSERT INTO gifting_operation (organization_id, kind, idempotency_key,"
                    " request_hash, response, transaction_id)"
                    " VALUES (current_organization(), 'FACT', 'k', '', '{}', '3')"
                ),
                "fact_is_dated_by_its_transaction",
            ),
            (
                (
                    "INSERT INTO gifting_operation (organization_id, kind, idempotency_key,"
                    " request_hash, response, cluster_epoch)"
                    " VALUES (current_organization(), 'FACT', 'k', '', '{}', 0)"
                ),
                "fact_is_dated_by_its_transaction",
            ),
            ("SELECT settle_cluster_epoch()", "InsufficientPrivilege"),
            ("INSERT INTO gifting_clusterepoch VALUES (9, 1, now())", "InsufficientPrivilege"),
            ("UPDATE gifting_clusterepoch SET number = 9", "InsufficientPrivilege"),
            ("DELETE FROM gifting_clusterepoch", "InsufficientPrivilege"),
        ],
    )
    def test_no_fact_is_slipped_under_an_earlier_cut(self, statement: str, rule: str) -> None:
        assert _attempt(statement) == rule

    def test_cost_lines_and_events_are_dated_by_their_transaction(self) -> None:
        line = sends.make_cost_line(sends.make_send(), 1_00)
        columns = "organization_id, send_id, component, version, basis, amount_minor,"
        columns += " change_minor, currency, occurred_on, fiscal_period_id, campaign_id, vendor_id,"
        columns += " cost_center_id"

        refused = _attempt(
            f"INSERT INTO gifting_costline ({columns}, transaction_id) SELECT"
            f" {columns.replace('component', chr(39) + 'DUTY' + chr(39))}, '3'"
            f" FROM gifting_costline WHERE id = {line.pk}"
        )

        assert refused == "fact_is_dated_by_its_transaction"


def _signing(taken: services.Taken) -> Callable[..., int]:
    def sign(actor: access.Actor, role: reports.SignRole, sha256: str | None = None) -> int:
        return services.sign(
            actor=actor, snapshot=taken.public_id, role=role, sha256=sha256 or taken.sha256
        )

    return sign


def _member(role: access.Role) -> access.Actor:
    person = organizations.make_person(f"{role.lower()}-{organizations.next_number()}")
    return access.Actor.member(
        user_id=person.pk,
        organization_id=organizations.here(),
        role=role,
        cost_center_ids=(),
    )


def _attempt(statement: str) -> str:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except (IntegrityError, ProgrammingError) as refused:
        cause: Any = refused.__cause__
        return str(cause.diag.constraint_name or type(cause).__name__)
    return ""

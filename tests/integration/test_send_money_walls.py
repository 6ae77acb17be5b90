"""The money of sends keeps its rules in PostgreSQL: every way around the services is an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from gifting import models
from gifting.domain.lifecycle import State
from gifting.services import tenancy
from tests.factories import ledger, organizations, requests, sends

pytestmark = pytest.mark.django_db

DENIED = "InsufficientPrivilege"


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@pytest.fixture
def charged() -> models.Send:
    send = requests.make_approved(ledger.make_budget(200_00), preset="LOOP_AND_TIE")
    requests.tell(send, State.OFFERED, State.EXPIRED)
    return send


@pytest.mark.parametrize("table", ["senddecision", "sendrequest", "costshare", "sendfact"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
def test_histories_are_added_to_alone(charged: models.Send, table: str, statement: str) -> None:
    assert _attempt(statement.format(f"gifting_{table}")) == DENIED


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gifting_creditmemo SET amount_minor = 1",
        "DELETE FROM gifting_creditmemo",
        "UPDATE gifting_moneytiming SET on_expiry = 'FUNDS'",
        "DELETE FROM gifting_moneytiming",
        "UPDATE gifting_sendcommitment SET amount_minor = 1",
    ],
)
def test_the_application_is_denied(charged: models.Send, statement: str) -> None:
    assert _attempt(statement) == DENIED


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE gifting_creditmemo SET used_minor = 5", "credit_memo_moves_by_uses"),
        (
            (
                "INSERT INTO gifting_creditmemo (organization_id, vendor_id, currency,"
                " amount_minor, used_minor, issued_on, reference, source) SELECT"
                " organization_id, vendor_id, 'USD', 10, 5, '2025-03-14', 'x', 'x' FROM"
                " gifting_creditmemo"
            ),
            "credit_memo_starts_unused",
        ),
        (
            (
                "INSERT INTO gifting_credituse (organization_id, credit_memo_id, kind,"
                " amount_minor, used_on, reference) SELECT organization_id, id, 'EXPIRED', 1,"
                " '2025-03-15', 'x' FROM gifting_creditmemo"
            ),
            "credit_expires_on_its_day",
        ),
        (
            (
                "INSERT INTO gifting_credituse (organization_id, credit_memo_id, kind,"
                " amount_minor, used_on, reference) SELECT organization_id, id, 'WITHDRAWN',"
                " 5801, '2025-03-15', 'x' FROM gifting_creditmemo"
            ),
            "credit_memo_is_not_exceeded",
        ),
        (
            (
                "INSERT INTO gifting_credituse (organization_id, credit_memo_id, kind,"
                " amount_minor, used_on, reference, send_id) SELECT organization_id, id, 'USED',"
                " 1, '2027-01-01', 'x', send_id FROM gifting_creditmemo"
            ),
            "credit_is_used_before_it_expires",
        ),
        (
            "UPDATE gifting_moneytiming SET ends_on = '2025-03-14' WHERE ends_on IS NULL",
            "money_timing_covers_its_sends",
        ),
        (
            (
                "INSERT INTO gifting_moneytiming (organization_id, vendor_id, gift_kind,"
                " starts_on, at_offer, at_acceptance, at_fulfillment, at_shipping, at_delivery,"
                " on_decline, on_expiry, on_cancel, on_undeliverable, on_failure, refunds_as,"
                " returns_while, leftover, fee_rate, tax_rate, source) SELECT organization_id,"
                " vendor_id, gift_kind, '2025-06-01', at_offer, at_acceptance, at_fulfillment,"
                " at_shipping, at_delivery, on_decline, on_expiry, on_cancel, on_undeliverable,"
                " on_failure, refunds_as, returns_while, leftover, fee_rate, tax_rate, 'x' FROM"
                " gifting_moneytiming"
            ),
            "money_timing_days_do_not_overlap",
        ),
        (
            (
                "INSERT INTO gifting_costline (organization_id, send_id, component, version,"
                " basis, amount_minor, change_minor, currency, occurred_on, fiscal_period_id,"
                " campaign_id, vendor_id, cost_center_id) SELECT organization_id, send_id,"
                " 'DUTY', 1, basis, 5, 5, currency, occurred_on, fiscal_period_id, campaign_id,"
                " vendor_id, cost_center_id FROM gifting_costline LIMIT 1"
            ),
            "cost_shares_sum_to_their_line",
        ),
        (
            (
                "INSERT INTO gifting_costshare (organization_id, cost_line_id, fund_id,"
                " operation_id, amount_minor) SELECT share.organization_id, cost_line_id,"
                " other.id, operation_id, 5 FROM gifting_costshare AS share JOIN gifting_fund AS"
                " other ON other.id <> share.fund_id LIMIT 1"
            ),
            "cost_shares_sum_to_their_line",
        ),
        (
            (
                "INSERT INTO gifting_sendshare (organization_id, send_id, budget_id, weight)"
                " SELECT request.organization_id, request.send_id, max(budget.id), 1 FROM"
                " gifting_sendrequest AS request CROSS JOIN gifting_budget AS budget GROUP BY 1,"
                " 2"
            ),
            "send_shares_are_fixed",
        ),
        (
            (
                "INSERT INTO gifting_senddecision (organization_id, send_id, outcome, reasons,"
                " facts, inputs_hash, formula, versions, operation_id) SELECT organization_id,"
                " send_id, outcome, reasons, facts, 'other', formula, versions, operation_id"
                " FROM gifting_senddecision"
            ),
            "send_decision_approves_once",
        ),
        (
            (
                "INSERT INTO gifting_senddecision (organization_id, send_id, outcome, reasons,"
                " facts, inputs_hash, formula, versions, operation_id) SELECT organization_id,"
                " send_id, 'REFUSED', reasons, facts, 'other', formula, versions, operation_id"
                " FROM gifting_senddecision"
            ),
            "send_decision_approves_with_money",
        ),
        (
            (
                "INSERT INTO gifting_sendcommitment (organization_id, send_id, commitment_id,"
                " fund_id, amount_minor) SELECT part.organization_id, send.id, commitment_id,"
                " fund_id, 1 FROM gifting_sendcommitment AS part JOIN gifting_send AS send ON"
                " send.id <> part.send_id LIMIT 1"
            ),
            "send_commitment_is_its_decisions",
        ),
        (
            (
                "INSERT INTO gifting_sendfact (organization_id, send_id, kind, state, amounts,"
                " occurred_at, source, reference) SELECT organization_id, id, 'INVOICE', '',"
                " '{}', now(), 'x', 'x' FROM gifting_send WHERE source <> 'tribute' LIMIT 1"
            ),
            "send_fact_has_its_request",
        ),
        (
            (
                "INSERT INTO gifting_sendfact (organization_id, send_id, kind, state, amounts,"
                " occurred_at, source, reference) SELECT organization_id, send_id, kind, state,"
                " amounts, now(), source, reference FROM gifting_sendfact LIMIT 1"
            ),
            "send_fact_is_told_once",
        ),
    ],
)
def test_the_rules_hold_against_raw_sql(charged: models.Send, statement: str, rule: str) -> None:
    ledger.make_budget(10_00)
    sends.make_send(vendor=charged.vendor)

    assert _attempt(statement) == rule


@pytest.mark.parametrize(
    ("estimate", "total", "rule"),
    [
        ('{"ITEM": 5}', 6, "send_request_total_is_its_estimate"),
        ('{"ITEM": -5, "TAX": 10}', 5, "send_request_estimate_is_amounts"),
        ('{"ITEM": 5.5}', 5, "send_request_estimate_is_amounts"),
        ('{"ITEM": "5"}', 5, "send_request_estimate_is_amounts"),
        ('{"REFUND": 5}', 5, "send_request_estimate_is_amounts"),
        ("[5]", 5, "send_request_estimate_is_amounts"),
        ('{"ITEM": 0}', 0, "send_request_total_is_positive"),
    ],
)
def test_an_estimate_is_amounts_that_sum(estimate: str, total: int, rule: str) -> None:
    requests.make_request()
    other = sends.make_send()

    found = _attempt(
        "INSERT INTO gifting_sendrequest (organization_id, send_id, gift_kind, requested_on,"
        " currency, estimate, total_minor, position, request_hash, nature, purpose, has_advert,"
        " is_widely_given) SELECT organization_id, %s, 'ANY', '2025-03-14', 'USD', %s, %s, 0, 'x',"
        " '', '', false, false FROM gifting_sendrequest",
        [other.pk, estimate, total],
    )

    assert found == rule


def test_an_approval_without_its_money_does_not_commit() -> None:
    send = requests.make_request()
    operation = models.Operation.objects.order_by("id")[0]

    with pytest.raises(IntegrityError, match="an approval reserves the whole estimate"):
        _approve_for_nothing(send, operation)

    assert not models.SendDecision.objects.exists()


def test_the_requester_is_never_the_one_who_decided() -> None:
    send = requests.make_request()
    person = organizations.make_person(f"person-{organizations.next_number()}")
    found = _attempt(
        "WITH own AS (INSERT INTO gifting_sendrequest (organization_id, send_id, gift_kind,"
        " requested_on, currency, estimate, total_minor, position, request_hash, nature, purpose,"
        " has_advert, is_widely_given, requested_by_id) SELECT organization_id, %s, 'ANY',"
        " '2025-03-14', 'USD', '{\"ITEM\": 5}', 5, 0, 'x', '', '', false, false, %s"
        " FROM gifting_send WHERE id = %s RETURNING organization_id, send_id)"
        " SELECT * FROM own",
        [sends.make_send().pk, person.pk, send.pk],
    )
    assert found is None
    own = models.SendRequest.objects.get(requested_by=person)

    assert (
        _attempt(
            "INSERT INTO gifting_senddecision (organization_id, send_id, outcome, reasons, facts,"
            " inputs_hash, formula, versions, decided_by_id) VALUES (%s, %s, 'REFUSED', '[]', '{}',"
            " 'x', 'x', '{}', %s)",
            [own.organization_id, own.send_id, person.pk],
        )
        == "send_decision_is_somebody_elses"
    )


def _approve_for_nothing(send: models.Send, operation: models.Operation) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO gifting_senddecision (organization_id, send_id, outcome, reasons, facts,"
            " inputs_hash, formula, versions, operation_id) VALUES (%s, %s, 'APPROVED', '[]',"
            " '{}', 'x', 'x', '{}', %s)",
            [send.organization_id, send.pk, operation.pk],
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _attempt(statement: str, values: list[Any] | None = None) -> str | None:
    """Return the rule that a statement breaks, or None when it breaks none."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)
    except (IntegrityError, ProgrammingError) as error:
        cause = error.__cause__
        assert cause is not None
        named: str | None = cause.diag.constraint_name  # type: ignore[attr-defined]  # psycopg's
        return named or type(cause).__name__
    return None

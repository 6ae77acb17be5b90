"""The state of a send follows from its events; PostgreSQL decides which moves are legal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from gifting import models
from gifting.domain.lifecycle import TRANSITIONS, State
from gifting.services import tenancy
from tests.factories import organizations, sends

pytestmark = pytest.mark.django_db

MORNING = dt.datetime(2025, 3, 14, 9, tzinfo=dt.UTC)
EVENING = dt.datetime(2025, 3, 14, 21, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


def test_events_move_the_send_and_are_numbered() -> None:
    send = sends.make_send(states=(State.OFFERED, State.SHIPPED, State.DELIVERED))

    told = list(send.events.order_by("number").values_list("number", "from_state", "to_state"))

    assert told == [
        (1, "", "OFFERED"),
        (2, "OFFERED", "SHIPPED"),
        (3, "SHIPPED", "DELIVERED"),
    ]
    assert (send.state, send.last_event_number) == ("DELIVERED", 3)


@pytest.mark.parametrize("before", list(State))
def test_every_move_is_judged_as_the_product_says(before: State) -> None:
    send = sends.make_send(states=(before,))

    moved = {after for after in State if _moves(send, after)}

    assert moved == set(TRANSITIONS[before])


@pytest.mark.parametrize("entered", list(State))
def test_an_imported_send_enters_anywhere(entered: State) -> None:
    send = sends.make_send(states=(entered,))

    assert (send.state, send.last_event_number) == (entered.value, 1)


def test_a_refused_move_changes_nothing_and_says_why() -> None:
    send = sends.make_send(states=(State.DELIVERED,))

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        sends.make_event(send, State.OFFERED)

    assert "a send cannot go from DELIVERED to OFFERED" in str(caught.value)
    assert _constraint(caught.value) == "send_transition_is_legal"
    send.refresh_from_db()
    assert (send.state, send.last_event_number) == ("DELIVERED", 1)
    assert send.events.count() == 1


def test_number_and_origin_cannot_be_made_up() -> None:
    send = sends.make_send(states=(State.OFFERED,))

    _sql(
        "INSERT INTO gifting_sendevent (organization_id, send_id, number, from_state, to_state,"
        " occurred_at, source, source_event_id, vendor_status)"
        " SELECT organization_id, id, 77, 'SHIPPED', 'OPENED', now(), 'x', 'x', ''"
        " FROM gifting_send"
    )

    event = send.events.get(source="x")
    assert (event.number, event.from_state) == (2, "OFFERED")


def test_the_first_sending_and_the_first_delivery_are_dated() -> None:
    send = sends.make_send()
    sends.make_event(send, State.OFFERED, at=MORNING)
    sends.make_event(send, State.SHIPPED, at=EVENING)
    sends.make_event(send, State.DELIVERED, at=EVENING)

    send.refresh_from_db()

    assert (send.sent_at, send.delivered_at) == (MORNING, EVENING)


@pytest.mark.parametrize(
    "made_up",
    [
        {"state": "DELIVERED"},
        {"last_event_number": 5},
        {"sent_at": MORNING},
        {"delivered_at": MORNING},
    ],
)
def test_a_send_cannot_be_added_with_a_made_up_history(made_up: dict[str, Any]) -> None:
    example = sends.make_send()
    send = models.Send(
        organization_id=example.organization_id,
        source="x",
        external_id="x",
        campaign=example.campaign,
        vendor=example.vendor,
        cost_center=example.cost_center,
        **made_up,
    )

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        send.save(force_insert=True)

    assert _constraint(caught.value) == "send_state_is_derived"
    assert models.Send.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        "state = 'DELIVERED'",
        "last_event_number = 9",
        "sent_at = now()",
        "delivered_at = now()",
        "external_id = 'other'",
        "is_synthetic = true",
        "public_id = gen_random_uuid()",
        "recorded_at = now()",
        "organization_id = organization_id",
        "id = id + 1",
    ],
)
def test_what_events_decide_is_not_the_applications_to_write(change: str) -> None:
    send = sends.make_send(states=(State.OFFERED,))

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        _sql(f"UPDATE gifting_send SET {change}")

    assert "permission denied" in str(caught.value)
    send.refresh_from_db()
    assert (send.state, send.last_event_number) == ("OFFERED", 1)


def test_what_a_person_may_correct_can_be_corrected() -> None:
    send = sends.make_send()

    models.Send.objects.filter(pk=send.pk).update(quantity=3, sender_reference="sam")

    send.refresh_from_db()
    assert (send.quantity, send.sender_reference) == (3, "sam")


def test_an_event_that_is_told_twice_moves_nothing() -> None:
    send = sends.make_send(states=(State.SHIPPED,))

    _sql(
        "INSERT INTO gifting_sendevent (organization_id, send_id, number, from_state, to_state,"
        " occurred_at, source, source_event_id, vendor_status)"
        " SELECT organization_id, send_id, 0, '', 'DELIVERED', occurred_at, source,"
        " source_event_id, '' FROM gifting_sendevent ON CONFLICT DO NOTHING"
    )

    send.refresh_from_db()
    assert (send.state, send.last_event_number, send.events.count()) == ("SHIPPED", 1, 1)


def test_legal_moves_cannot_be_added() -> None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        _sql("INSERT INTO gifting_sendtransition VALUES ('DELIVERED', 'DRAFT')")

    assert "permission denied" in str(caught.value)


def test_a_temporary_table_does_not_stand_in_for_the_legal_moves() -> None:
    send = sends.make_send(states=(State.DELIVERED,))
    _sql("CREATE TEMPORARY TABLE gifting_sendtransition (from_state text, to_state text)")
    _sql("INSERT INTO pg_temp.gifting_sendtransition VALUES ('DELIVERED', 'DRAFT')")

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        sends.make_event(send, State.DRAFT)

    assert _constraint(caught.value) == "send_transition_is_legal"


def test_the_deriving_function_cannot_be_hung_on_a_table_of_ones_own() -> None:
    send = sends.make_send(states=(State.OFFERED,))
    _sql("CREATE TEMPORARY TABLE forged (LIKE gifting_sendevent)")

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        _sql(
            "CREATE TRIGGER forged AFTER INSERT ON pg_temp.forged"
            " FOR EACH ROW EXECUTE FUNCTION derive_send_state()"
        )

    assert "permission denied for function derive_send_state" in str(caught.value)
    send.refresh_from_db()
    assert send.state == "OFFERED"


def test_an_event_of_another_organizations_send_is_refused() -> None:
    here = organizations.here()
    _sql("SELECT set_config('tribute.organization', '', true)")
    with tenancy.organization(organizations.make_organization().id):
        theirs = sends.make_send(states=(State.OFFERED,))
    theirs.organization_id = here

    with (
        tenancy.organization(here),
        pytest.raises(DatabaseError) as caught,
        transaction.atomic(),
    ):
        sends.make_event(theirs, State.DELIVERED)

    assert _constraint(caught.value) == "send_transition_is_legal"


def _moves(send: models.Send, after: State) -> bool:
    """Try the move and take it back."""
    try:
        with transaction.atomic():
            sends.make_event(send, after)
            transaction.set_rollback(True)
    except DatabaseError:
        return False
    return True


def _constraint(refused: DatabaseError) -> str | None:
    cause: Any = refused.__cause__
    name: str | None = cause.diag.constraint_name
    return name


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)

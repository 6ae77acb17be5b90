"""The drills hold on the product, say so in JSON, leave nothing behind, and can fail."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from config import ownership
from config.drills import crash, overspend, replay, scratch, tenants
from gifting.services import access, organizations
from tests.factories import organizations as cast
from tests.factories import sends

DAY = sends.DAY

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.mark.parametrize("funds", [1, 5])
def test_two_hundred_senders_on_room_for_a_hundred(funds: int) -> None:
    found = overspend.run(day=DAY, workers=200, room=100, funds=funds)

    assert (found.accepted, found.refused, found.deadlocks) == (100, 100, 0)
    assert (found.errors, found.held) == ((), True)
    assert found.details["committed_minor"] == [250_000] * funds


@pytest.mark.parametrize("funds", [1, 2])
def test_approvals_of_sends_at_once_take_exactly_the_room(funds: int) -> None:
    found = overspend.run(day=DAY, workers=24, room=12, funds=funds, through=overspend.SENDS)

    assert (found.accepted, found.refused, found.deadlocks) == (12, 12, 0)
    assert found.errors == ()
    assert found.held


def test_with_room_for_all_nobody_is_refused() -> None:
    found = overspend.run(day=DAY, workers=20, room=30, funds=2)

    assert (found.tried, found.accepted, found.refused, found.held) == (20, 20, 0, True)


def test_one_key_two_hundred_times_acts_once() -> None:
    found = replay.run(day=DAY, workers=200)

    assert (found.accepted, found.refused, found.errors, found.held) == (2, 20, (), True)
    assert found.details["committed_minor"] == [5_000]
    assert found.details["answered_from_the_store"] == 180 + 199


def test_two_organizations_do_not_reach_each_other() -> None:
    found = tenants.run(day=DAY, workers=6)

    assert (found.accepted, found.errors, found.held) == (0, (), True)
    assert found.tried == found.refused > 6 * 100


def test_kills_in_mid_work_lose_and_double_nothing() -> None:
    found = crash.run(day=DAY, workers=2, points=8, seed=11)

    assert (found.errors, found.deadlocks, found.held) == ((), 0, True)
    assert found.accepted == found.tried > 0


def test_a_wall_with_a_hole_does_not_hold() -> None:
    """Without the rule, the drill says so: it is the rule that holds, not the drill."""
    _as_owner(
        "ALTER TABLE gifting_fund DROP CONSTRAINT no_overspend",
        _without_the_condition(),
    )

    found = overspend.run(day=DAY, workers=12, room=5, funds=1)

    assert (found.accepted, found.held) == (12, False)


def test_the_command_prints_json_and_leaves_nothing() -> None:
    before = _rows()
    output = StringIO()

    call_command("drill", "overspend", "--workers=6", "--room=4", "--json", stdout=output)

    told = json.loads(output.getvalue())
    names = ["drill", "tried", "room", "accepted", "refused", "deadlocks", "errors", "held"]
    assert list(told)[: len(names)] == names
    assert (told["tried"], told["room"], told["accepted"]) == (6, 4, 4)
    assert _rows() == before


def test_the_command_ends_with_one_when_it_did_not_hold() -> None:
    _as_owner(
        "ALTER TABLE gifting_fund DROP CONSTRAINT no_overspend",
        _without_the_condition(),
    )

    with pytest.raises(SystemExit) as ended:
        call_command("drill", "overspend", "--workers=4", "--room=1", stdout=StringIO())

    assert ended.value.code == 1


def test_only_scratch_is_ever_removed() -> None:
    kept = cast.make_organization()

    with pytest.raises(Exception, match="is not a scratch organization"):
        scratch.remove(kept.id)

    assert organizations.find(slug=kept.slug) == kept


def _without_the_condition() -> str:
    """Return the function that moves funds, without what it asks of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef('apply_transfers'::regproc)")
        whole = str(cursor.fetchone()[0])
    # From the sum of what is used to the end of the statement that moves a fund.
    asked = re.compile(
        r"AND committed_minor \+ accrued_minor \+ actual_minor \+ moved\.asked[^;]*;"
    )
    assert len(asked.findall(whole)) == 1
    return asked.sub(";", whole)


def _as_owner(*statements: str) -> None:
    with ownership.owner(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _rows() -> int:
    """Count the organizations of the server; no row of theirs can stand without them."""
    return len(access.organizations_of_server())

"""Tax splits and the gift register leave as files: exact, by pseudonym, without a formula."""

from __future__ import annotations

import csv
import io
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from gifting import models
from gifting.domain import access, gift_rules
from gifting.services import gift_rules as rules
from gifting.services import tenancy
from tests.factories import approvals, organizations, sends

pytestmark = pytest.mark.django_db

NOON = organizations.NOON
PAGE = "/admin/taxes/"
ASKED = {"rule": "US-274B", "year": "2025"}


@pytest.fixture
def cast() -> organizations.Cast:
    found = organizations.make_cast()
    with tenancy.organization(found.organization.id):
        for _ in range(3):
            sends.make_cost_line(sends.make_send(), 80_00)
    return found


def run(command: str, **options: Any) -> str:
    written = io.StringIO()
    call_command(command, stdout=written, **options)
    return written.getvalue()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_split_ends_with_its_total_and_names_nobody(cast: organizations.Cast) -> None:
    slug = cast.organization.slug

    *rows, total = rows_of(run("tax_split", organization=slug, rule="US-274B", year=2025))
    found = orjson.loads(run("tax_split", organization=slug, rule="US-274B", year=2025, json=True))

    assert len(rows) == 3
    assert {row["name"] for row in rows} == {""}
    assert (total["within"], total["beyond"], total["spent"]) == ("75.00", "165.00", "240.00")
    assert (found["difference_minor"], found["spend_minor"]) == (0, 240_00)


def test_an_unknown_rule_is_one_line(cast: organizations.Cast) -> None:
    with pytest.raises(CommandError, match="There is no tax rule 'X'") as refusal:
        run("tax_split", organization=cast.organization.slug, rule="X", year=2025)

    assert refusal.value.returncode == 2


def test_finance_downloads_what_the_page_shows(cast: organizations.Cast) -> None:
    client = Client()
    client.force_login(cast.femi)

    shown = client.get(PAGE, ASKED).content.decode()
    file = client.get(PAGE, {**ASKED, "format": "csv"})
    wrong = client.get(PAGE, {**ASKED, "year": "1999"}).content.decode()
    unasked = client.get(PAGE, {"rule": "US-274B", "year": "soon"})

    assert "within 75.00 USD + beyond 165.00 USD" in shown
    assert "Rita" not in shown
    assert file["Content-Type"] == "text/csv; charset=utf-8"
    assert rows_of(file.content.decode())[-1]["spent"] == "240.00"
    assert "The books have no fiscal year 1999." in wrong
    assert unasked.status_code == 200


def test_the_register_keeps_its_cells_from_starting_a_formula(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        send = sends.make_send()
        share = rules.Share(sends.make_recipient().pk, gift_rules.Cost(item=15_00))
        proposal = rules.Proposal(
            send.public_id,
            NOON.date(),
            "USD",
            (share,),
            nature='=HYPERLINK("http://evil")',
            purpose="Thanks\nfor all",
        )
        maya = approvals.actor_of(cast.maya.pk, access.Role.MARKETING)
        rules.record(actor=maya, proposal=proposal, send_id=send.pk, at=NOON)
    days = {"from_date": "2025-01-01", "to_date": "2026-01-01"}

    text = run("gift_register", organization=cast.organization.slug, **days)

    (row,) = rows_of(text)
    assert row["nature"] == '\'=HYPERLINK("http://evil")'
    assert (row["purpose"], row["value"], row["giver"]) == (
        "Thanks for all",
        "15.00",
        cast.maya.username,
    )
    assert row["recipient_name"] == ""


def test_the_rules_are_adopted_once_and_the_country_is_told(cast: organizations.Cast) -> None:
    slug = cast.organization.slug

    told = orjson.loads(run("adopt_gift_rules", organization=slug, country="US", json=True))
    with pytest.raises(CommandError, match="is no ISO 3166 code"):
        run("adopt_gift_rules", organization=slug, country="usa")

    assert told == {"added": 0, "country": "US"}
    with tenancy.organization(cast.organization.id):
        assert models.Organization.objects.get().country == "US"


def test_the_sweep_lets_old_requests_lapse(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        request = approvals.make_request()

    swept = orjson.loads(run("sweep_approvals", organization=cast.organization.slug, json=True))

    assert swept == {"lapsed": 1, "passed_on": 0}
    with tenancy.organization(cast.organization.id):
        request.refresh_from_db()
    assert request.state == "EXPIRED"

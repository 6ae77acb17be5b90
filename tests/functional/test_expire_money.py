"""`manage.py expire_money`: what falls due by itself, once."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from gifting.domain.ledger import Balances
from gifting.domain.lifecycle import State
from gifting.services import tenancy
from tests.factories import ledger, organizations, requests

pytestmark = pytest.mark.django_db


def test_due_reserves_come_back_and_due_credits_die_once() -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        budget = ledger.make_budget(100_00)
        ledger.make_commitment(budget, 10_00, expires_at=organizations.NOON)
        send = requests.make_approved(budget, preset="LOOP_AND_TIE")
        requests.tell(send, State.OFFERED, State.EXPIRED)

    first, again = _run(organization.slug), _run(organization.slug)

    assert first == {"commitments": 1, "credits": 1}
    assert again == {"commitments": 0, "credits": 0}
    with tenancy.organization(organization.id):
        assert ledger.balances(budget) == Balances(100_00, actual=58_00)


def test_an_unknown_organization_is_refused() -> None:
    with pytest.raises(CommandError) as refused:
        _run("nobody")

    assert refused.value.returncode == 2


def _run(slug: str) -> dict[str, int]:
    output = StringIO()
    call_command("expire_money", "--organization", slug, "--json", stdout=output)
    found: dict[str, int] = json.loads(output.getvalue())
    return found

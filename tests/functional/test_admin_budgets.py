"""In the admin Femi approves, changes and ends budgets and edits periods, all by services."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth import models as auth
from django.test import Client
from django.urls import reverse

from gifting import models
from gifting.domain import access
from gifting.services import tenancy
from tests.factories import checksums, controls, ledger, organizations, sends

pytestmark = pytest.mark.django_db

KEY = re.compile(r'name="idempotency_key" value="([^"]+)"')


@pytest.fixture
def cast() -> organizations.Cast:
    return organizations.make_cast()


def _of(person: auth.User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def _page(kind: str, row: Any = None) -> str:
    name = f"admin:gifting_{kind}_{'change' if row else 'add'}"
    return reverse(name, args=[row.pk] if row else [])


def _key(client: Client, page: str) -> str:
    """Read the key that the form was shown with."""
    found = KEY.search(client.get(page).content.decode())
    assert found
    return found[1]


def _act(client: Client, budget: models.Budget, act: str, **given: Any) -> dict[str, Any]:
    """Return what a person sends who acts on a budget."""
    return {
        "name": budget.name,
        "act": act,
        "effective_on": str(ledger.DAY),
        "reason": "A season of launches",
        "idempotency_key": _key(client, _page("budget", budget)),
        **given,
    }


def _allocated(budget: models.Budget) -> int:
    return int(models.Fund.objects.get(budget=budget).allocated_minor)


def test_femi_approves_changes_and_ends_a_budget(cast: organizations.Cast) -> None:
    femi = _of(cast.femi)
    with tenancy.organization(cast.organization.id):
        source = ledger.make_budget(100_00)
        other = ledger.make_budget(50_00)
        later = ledger.make_budget(10_00, day=ledger.DAY + dt.timedelta(days=32))
        controls.value("EMEA")
        period, root = sends.period_of(ledger.DAY), organizations.root_cost_center()
    page = _page("budget", source)

    approved: Any = femi.post(
        _page("budget"),
        {
            "name": "EMEA",
            "amount": "7.00",
            "currency": "USD",
            "cost_center": root.pk,
            "fiscal_period": period.pk,
            "scope_values": "REGION:EMEA",
        },
    )
    acts = [
        _act(femi, source, "REVISE", amount="20.00"),
        _act(femi, source, "TRANSFER", amount="30.00", to_budget=other.pk),
        _act(femi, source, "CARRY_FORWARD", amount="5.00", to_budget=later.pk),
    ]
    # Each form is sent twice, as a double click does.
    answers = [femi.post(page, act).status_code for act in acts for _ in range(2)]
    policy = {
        "budget": source.pk,
        "enforcement": "HARD",
        "rollover": "CARRY_ALL",
        "cap_basis_points": "2000",
        "reason": "A season of launches",
        "idempotency_key": _key(femi, _page("budgetpolicy")),
    }
    answers += [femi.post(_page("budgetpolicy"), policy).status_code for _ in range(2)]
    rolled = femi.post(page, _act(femi, source, "ROLL_OVER", to_budget=later.pk))
    lapsed = femi.post(_page("budget", other), _act(femi, other, "LAPSE"))

    assert approved.status_code == 302
    assert set(answers) == {302}
    assert (rolled.status_code, lapsed.status_code) == (302, 302)
    with tenancy.organization(cast.organization.id):
        scoped = models.Budget.objects.get(name="EMEA")
        assert scoped.scope == [models.DimensionValue.objects.get().pk]
        assert models.BudgetPolicy.objects.count() == 1
        # 100 + 20 - 30 - 5 = 85, of which 20 % are carried and the rest lapses.
        assert [_allocated(each) for each in (source, other, later)] == [0, 0, 10_00 + 5_00 + 17_00]


def test_what_a_service_refuses_stands_at_its_field_and_changes_nothing(
    cast: organizations.Cast,
) -> None:
    femi = _of(cast.femi)
    with tenancy.organization(cast.organization.id):
        budget = ledger.make_budget(100_00)
        before = checksums.by_table(cast.organization.id)
    page = _page("budget", budget)

    def refused(act: str, **given: Any) -> dict[str, Any]:
        answer: Any = femi.post(page, _act(femi, budget, act, **given))
        assert answer.status_code == 200
        return dict(answer.context["adminform"].form.errors)

    fields = {
        "same": refused("TRANSFER", amount="1.00", to_budget=budget.pk),
        "zero": refused("REVISE", amount="0"),
        "no amount": refused("REVISE"),
        "no money": refused("REVISE", amount="1.234"),
        "no key": refused("REVISE", amount="1.00", idempotency_key=""),
        "too much": refused("REVISE", amount="-500.00"),
        "a scope": dict(
            femi.post(
                _page("budget"),
                {
                    "name": "EMEA",
                    "amount": "7.00",
                    "currency": "USD",
                    "cost_center": budget.cost_center_id,
                    "fiscal_period": budget.fiscal_period_id,
                    "scope_values": "CONTINENT:EMEA",
                },
            )
            .context["adminform"]
            .form.errors
        ),
    }

    assert {name: list(found) for name, found in fields.items()} == {
        "same": ["to_budget"],
        "zero": ["amount"],
        "no amount": ["amount"],
        "no money": ["amount"],
        "no key": ["idempotency_key"],
        "too much": ["amount"],
        "a scope": ["scope_values"],
    }
    with tenancy.organization(cast.organization.id):
        assert checksums.by_table(cast.organization.id) == before


def test_femi_renames_moves_and_generates_periods(cast: organizations.Cast) -> None:
    femi = _of(cast.femi)
    with tenancy.organization(cast.organization.id):
        period = sends.period_of(ledger.DAY)
        after = models.FiscalPeriod.objects.get(starts_on=period.ends_on)
    given = {
        "name": "Launch month",
        "ends_on": str(period.ends_on - dt.timedelta(days=2)),
        "generates_next_year": "on",
    }

    done = [femi.post(_page("fiscalperiod", period), given).status_code for _ in range(2)]
    with tenancy.organization(cast.organization.id):
        before = checksums.by_table(cast.organization.id)
    far = dict(given, name="Other", ends_on=str(after.ends_on))
    refused: Any = femi.post(_page("fiscalperiod", period), far)

    assert done == [302, 302]
    assert list(refused.context["adminform"].form.errors) == ["ends_on"]
    with tenancy.organization(cast.organization.id):
        assert checksums.by_table(cast.organization.id) == before
        period.refresh_from_db()
        after.refresh_from_db()
        next_year = models.FiscalPeriod.objects.filter(fiscal_year=period.fiscal_year + 1)
        assert (period.name, str(period.ends_on)) == ("Launch month", given["ends_on"])
        assert after.starts_on == period.ends_on
        assert next_year.count() == 12


@pytest.mark.parametrize("role", [access.Role.APPROVER, access.Role.AUDITOR, access.Role.MARKETING])
def test_who_may_not_write_budgets_changes_none(
    role: access.Role, cast: organizations.Cast
) -> None:
    client = _of(organizations.make_member("rita", organization=cast.organization, role=role))
    with tenancy.organization(cast.organization.id):
        budget = ledger.make_budget(100_00)
        before = checksums.by_table(cast.organization.id)

    answers = [
        client.post(page, {"name": "Mine", "act": "LAPSE", "idempotency_key": "key"}).status_code
        for page in (
            _page("budget"),
            _page("budget", budget),
            _page("budgetpolicy"),
            _page("fiscalperiod", budget.fiscal_period),
        )
    ]

    assert 302 not in answers[2:]
    assert set(answers) <= {302, 403}
    with tenancy.organization(cast.organization.id):
        assert checksums.by_table(cast.organization.id) == before

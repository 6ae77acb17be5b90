"""What may be decided in the admin goes through a service; facts and deletions are refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import models as auth
from django.contrib.sessions.models import Session
from django.db import connection
from django.db import models as db
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from gifting import models
from gifting.domain import access
from gifting.services import access as memberships
from gifting.services import tenancy
from tests.factories import everything, ledger, organizations, sends

pytestmark = pytest.mark.django_db

# What is added to close a month, by those who close, and by an approver who waives.
CLOSING: set[type[db.Model]] = {
    models.ClosePreparation,
    models.CloseSignature,
    models.CloseWaiver,
    models.GlAccount,
    models.GlImport,
    models.GlMapping,
    models.PeriodEvent,
    models.ReconciliationRun,
}
WRITABLE: set[type[db.Model]] = {
    *CLOSING,
    models.BudgetPolicy,
    models.DimensionValue,
    models.FiscalPeriod,
    models.JournalBatch,
    models.MoneyTiming,
    models.OverrunException,
    models.ReconciliationCause,
    models.SendRequest,
    models.ApprovalPolicy,
    models.ApprovalRequest,
    models.Delegation,
    models.GiftRule,
    models.Override,
    models.Budget,
    models.Campaign,
    models.ContractPrice,
    models.CostCenter,
    models.CreditMemo,
    models.CreditNote,
    models.MatchException,
    models.MatchPolicy,
    models.Membership,
    models.OutsideSpend,
    models.Program,
    models.PurchaseOrder,
    models.Receipt,
    models.ServiceToken,
    models.Vendor,
    models.VendorInvoice,
    models.VendorMerge,
}
TENANT_MODELS = everything.tenant_models()
# Answered in the admin, and made elsewhere; or made there once, and never changed.
ANSWERED = {
    models.ApprovalRequest,
    models.FiscalPeriod,
    models.MatchException,
    models.OutsideSpend,
    models.OverrunException,
    models.ReconciliationCause,
    models.SendRequest,
}
ORDERED = {models.PurchaseOrder, models.Receipt}
VENDORS = {models.ContractPrice, models.MoneyTiming, models.Vendor, models.VendorMerge}
PAID = {models.CreditMemo, models.CreditNote, models.MatchPolicy, models.VendorInvoice}
WRITTEN_ONCE = {
    *CLOSING,
    models.BudgetPolicy,
    models.DimensionValue,
    models.ApprovalPolicy,
    models.ContractPrice,
    models.GiftRule,
    models.Override,
    models.VendorMerge,
    *ORDERED,
    *PAID,
}
APPROVED = {
    models.OverrunException,
    models.ApprovalRequest,
    models.Delegation,
    models.MatchException,
    models.Override,
    models.SendRequest,
}
FACTS = [model for model in TENANT_MODELS if model not in WRITABLE]
TOKENS = "/admin/gifting/servicetoken/"


@pytest.fixture
def cast() -> organizations.Cast:
    return organizations.make_cast()


def _as(person: auth.User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(person)
    return client


def _text(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def _campaign(cast: organizations.Cast, **changes: Any) -> dict[str, Any]:
    with tenancy.organization(cast.organization.id):
        root = organizations.root_cost_center().pk
    given = {
        "code": "SPRING",
        "name": "Spring gifts",
        "kind": "EVENT",
        "motion": "ABM",
        "channel": "direct_mail",
        "personalization": "BRANDED",
        "cost_center": root,
        "owner": cast.maya.pk,
        "starts_on": "2025-03-01",
        "ends_on": "2025-04-01",
    }
    return {**given, **changes}


def test_a_campaign_is_made_and_changed(cast: organizations.Cast) -> None:
    client = _as(cast.maya)

    made = client.post("/admin/gifting/campaign/add/", _campaign(cast))
    with tenancy.organization(cast.organization.id):
        campaign = models.Campaign.objects.get()
    address = f"/admin/gifting/campaign/{campaign.pk}/change/"
    changed = client.post(address, _campaign(cast, name="Summer gifts", code="OTHER", owner=""))

    assert (made.status_code, changed.status_code) == (302, 302)
    assert (campaign.code, campaign.name, campaign.motion) == ("SPRING", "Spring gifts", "ABM")
    assert (campaign.owner_id, campaign.starts_on) == (cast.maya.pk, dt.date(2025, 3, 1))
    with tenancy.organization(cast.organization.id):
        campaign.refresh_from_db()
    assert (campaign.code, campaign.name, campaign.owner_id) == ("SPRING", "Summer gifts", None)
    assert [entry.user_id for entry in LogEntry.objects.all()] == [cast.maya.pk] * 2


def test_a_campaign_is_put_into_a_program(cast: organizations.Cast) -> None:
    client = _as(cast.maya)
    made = client.post("/admin/gifting/program/add/", {"code": "DAYS", "name": "Days"})
    with tenancy.organization(cast.organization.id):
        program = models.Program.objects.get()
    renamed = client.post(
        f"/admin/gifting/program/{program.pk}/change/", {"code": "OTHER", "name": "Customer days"}
    )
    again = _text(client.post("/admin/gifting/program/add/", {"code": "DAYS", "name": "More"}))
    client.post("/admin/gifting/campaign/add/", _campaign(cast, program=program.pk))

    assert (made.status_code, renamed.status_code) == (302, 302)
    assert "A program with the code &#x27;DAYS&#x27; exists. Choose another code." in again
    with tenancy.organization(cast.organization.id):
        program.refresh_from_db()
        assert (program.code, program.name) == ("DAYS", "Customer days")
        assert models.Campaign.objects.get().program_id == program.pk


def test_a_taken_code_is_explained_and_the_form_is_kept(cast: organizations.Cast) -> None:
    client = _as(cast.maya)
    client.post("/admin/gifting/campaign/add/", _campaign(cast))

    page = _text(client.post("/admin/gifting/campaign/add/", _campaign(cast, name="Second one")))

    assert "A campaign with the code &#x27;SPRING&#x27; exists. Choose another code." in page
    assert "Second one" in page
    with tenancy.organization(cast.organization.id):
        assert models.Campaign.objects.get().name == "Spring gifts"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ends_on": "2025-02-01"}, "before it starts"),
        ({"name": ""}, "This field is required"),
        ({"kind": "BRIBE"}, "Select a valid choice"),
        ({"owner": "999999999"}, "Select a valid choice"),
    ],
)
def test_a_wrong_campaign_is_explained(
    changes: dict[str, str], message: str, cast: organizations.Cast
) -> None:
    page = _text(_as(cast.maya).post("/admin/gifting/campaign/add/", _campaign(cast, **changes)))

    assert message in page
    with tenancy.organization(cast.organization.id):
        assert models.Campaign.objects.count() == 0


def test_a_sender_writes_in_their_own_branch_alone(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        own = organizations.make_cost_center("OWN")
        other = organizations.make_cost_center("OTHER")
        their_campaign = sends.make_campaign(cost_center=other)
    sender = organizations.make_member(
        "sam", organization=cast.organization, role=access.Role.MARKETING, cost_center_id=own.pk
    )
    client = _as(sender)
    address = "/admin/gifting/campaign/add/"

    in_own = client.post(address, _campaign(cast, code="A", cost_center=own.pk, owner=""))
    in_other = client.post(address, _campaign(cast, code="B", cost_center=other.pk, owner=""))
    theirs = client.get(f"/admin/gifting/campaign/{their_campaign.pk}/change/")

    assert in_own.status_code == 302
    assert "This cost center is outside the ones you are placed on" in _text(in_other)
    assert theirs.status_code == 302
    with tenancy.organization(cast.organization.id):
        assert set(models.Campaign.objects.values_list("code", flat=True)) == {
            "A",
            their_campaign.code,
        }


def test_a_vendor_is_made_and_renamed(cast: organizations.Cast) -> None:
    client = _as(cast.femi)

    client.post("/admin/gifting/vendor/add/", {"code": "shop", "name": "Shop"})
    again = client.post("/admin/gifting/vendor/add/", {"code": "shop", "name": "Other"})
    with tenancy.organization(cast.organization.id):
        vendor = models.Vendor.objects.get()
    client.post(f"/admin/gifting/vendor/{vendor.pk}/change/", {"name": "Gift shop"})

    assert "A vendor with the code &#x27;shop&#x27; exists" in _text(again)
    with tenancy.organization(cast.organization.id):
        vendor.refresh_from_db()
    assert (vendor.code, vendor.name) == ("shop", "Gift shop")


def test_a_budget_is_approved_once_and_only_renamed(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        campaign = sends.make_campaign()
        period = sends.period_of(sends.DAY)
    given = {
        "name": "March",
        "amount": "12500.50",
        "currency": "USD",
        "cost_center": campaign.cost_center_id,
        "campaign": campaign.pk,
        "fiscal_period": period.pk,
    }
    client = _as(cast.femi)

    client.post("/admin/gifting/budget/add/", given)
    again = client.post("/admin/gifting/budget/add/", {**given, "amount": "1"})
    with tenancy.organization(cast.organization.id):
        budget = models.Budget.objects.get()
    address = f"/admin/gifting/budget/{budget.pk}/change/"
    page = _text(client.get(address))
    client.post(address, {**given, "name": "March gifts", "amount": "999999"})

    assert "Its original amount stays; choose another period." in _text(again)
    assert "12,500.50 USD" in page
    with tenancy.organization(cast.organization.id):
        budget.refresh_from_db()
    assert (budget.name, budget.original_amount_minor) == ("March gifts", 12_500_50)


@pytest.mark.parametrize(
    ("amount", "currency", "message"),
    [
        ("-1", "USD", "A budget of -1.00 USD is below zero"),
        ("1.234", "USD", "has more decimals than USD has"),
        ("1e3", "USD", "is not an amount of USD"),
        ("1", "usd", "is not a currency code"),
        ("1", "XQZ", "is not a currency code"),
        ("9" * 30, "USD", "does not fit in 64 bits"),
    ],
)
def test_a_wrong_amount_is_explained(
    amount: str, currency: str, message: str, cast: organizations.Cast
) -> None:
    with tenancy.organization(cast.organization.id):
        root = organizations.root_cost_center().pk
        period = sends.period_of(sends.DAY).pk
    given = {"name": "B", "cost_center": root, "fiscal_period": period}

    page = _text(
        _as(cast.femi).post(
            "/admin/gifting/budget/add/", {**given, "amount": amount, "currency": currency}
        )
    )

    assert message in page
    with tenancy.organization(cast.organization.id):
        assert models.Budget.objects.count() == 0


def test_the_tree_of_cost_centers_stays_a_tree(cast: organizations.Cast) -> None:
    client = _as(cast.ana)
    client.post("/admin/gifting/costcenter/add/", {"code": "A", "name": "A", "parent": ""})
    with tenancy.organization(cast.organization.id):
        root = organizations.root_cost_center()
        branch = models.CostCenter.objects.get(code="A")
        leaf = organizations.make_cost_center("B", parent=branch)

    def hang(center: models.CostCenter, below: models.CostCenter | None) -> Any:
        return client.post(
            f"/admin/gifting/costcenter/{center.pk}/change/",
            {"name": center.name, "parent": below.pk if below else ""},
        )

    circle = hang(branch, leaf)
    second_root = hang(branch, None)
    root_below = hang(root, leaf)
    moved = hang(leaf, root)

    assert branch.parent_id == root.pk
    assert "cannot hang below itself" in _text(circle)
    assert "has none above it, and every other has one" in _text(second_root)
    assert "has none above it, and every other has one" in _text(root_below)
    assert moved.status_code == 302
    with tenancy.organization(cast.organization.id):
        tree = dict(models.CostCenter.objects.values_list("code", "parent__code"))
    assert tree == {"COMPANY": None, "A": "COMPANY", "B": "COMPANY"}


def test_a_member_is_added_by_login_and_given_another_role(cast: organizations.Cast) -> None:
    organizations.make_person("nora")
    client = _as(cast.ana)
    address = "/admin/gifting/membership/add/"

    client.post(address, {"username": "nora", "role": "SALES", "cost_center": ""})
    unknown = client.post(address, {"username": "nobody", "role": "SALES", "cost_center": ""})
    machine = client.post(address, {"username": "nora", "role": "SERVICE", "cost_center": ""})
    with tenancy.organization(cast.organization.id):
        membership = models.Membership.objects.get(user__username="nora")
    changed = client.post(
        f"/admin/gifting/membership/{membership.pk}/change/", {"role": "AUDITOR", "cost_center": ""}
    )

    assert "Nobody logs in as &#x27;nobody&#x27;" in _text(unknown)
    assert "Select a valid choice" in _text(machine)
    assert membership.role == "SALES"
    assert changed.status_code == 302
    with tenancy.organization(cast.organization.id):
        membership.refresh_from_db()
    assert membership.role == "AUDITOR"


def test_the_last_administrator_stays_one(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        membership = models.Membership.objects.get(user=cast.ana)

    page = _text(
        _as(cast.ana).post(
            f"/admin/gifting/membership/{membership.pk}/change/",
            {"role": "AUDITOR", "cost_center": ""},
        )
    )

    assert "This is the only administrator of the organization" in page
    with tenancy.organization(cast.organization.id):
        membership.refresh_from_db()
    assert membership.role == "ADMIN"


def test_a_tokens_secret_is_shown_once_and_kept_nowhere(cast: organizations.Cast) -> None:
    client = _as(cast.ana)

    made = client.post(
        f"{TOKENS}add/",
        {"name": "Reports", "scopes": ["read:spend", "read:budgets"], "lifetime_days": "30"},
    )
    secret = _text(made).split('id="secret"')[1].split(">")[1].split("<")[0]
    actor = memberships.actor_for_token(secret=secret, at=timezone.now())
    with tenancy.organization(cast.organization.id):
        token = models.ServiceToken.objects.get()
    later_pages = [
        _text(client.get(path)) for path in (TOKENS, f"{TOKENS}{token.pk}/change/", "/admin/")
    ]

    assert secret.startswith("tribute_")
    assert "no-store" in made.headers["Cache-Control"]
    assert actor.permissions == {access.Permission.READ_SPEND, access.Permission.READ_BUDGETS}
    assert token.created_by_id == cast.ana.pk
    assert [page for page in later_pages if secret in page or token.secret_hash in page] == []
    assert secret not in str([session.get_decoded() for session in Session.objects.all()])
    assert secret not in str(list(LogEntry.objects.values()))


def test_sending_the_form_of_a_token_again_makes_no_second_one(cast: organizations.Cast) -> None:
    client = _as(cast.ana)
    given = {"name": "Reports", "scopes": ["read:spend"], "lifetime_days": "30"}
    client.post(f"{TOKENS}add/", given)

    again = _text(client.post(f"{TOKENS}add/", given))

    assert "A token named &#x27;Reports&#x27; exists" in again
    assert 'id="secret"' not in again


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scopes": []}, "This field is required"),
        ({"scopes": ["own:everything"]}, "Select a valid choice"),
        ({"lifetime_days": "367"}, "less than or equal to 366"),
        ({"lifetime_days": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_wrong_token_is_explained(
    changes: dict[str, Any], message: str, cast: organizations.Cast
) -> None:
    given = {"name": "Reports", "scopes": ["read:spend"], "lifetime_days": "30", **changes}

    page = _text(_as(cast.ana).post(f"{TOKENS}add/", given))

    assert message in page
    with tenancy.organization(cast.organization.id):
        assert models.ServiceToken.objects.count() == 0


def test_a_revoked_token_stops(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        issued = organizations.make_service_token(at=timezone.now())

    answer = _as(cast.ana).post(f"{TOKENS}{issued.id}/change/", {"revoke": "on"})

    assert answer.status_code == 302
    with pytest.raises(memberships.Unauthenticated):
        memberships.actor_for_token(secret=issued.secret, at=timezone.now())


@pytest.mark.parametrize("model", FACTS, ids=lambda model: model.__name__)
def test_a_fact_cannot_be_written_even_by_the_operator(
    model: type[db.Model], cast: organizations.Cast
) -> None:
    with tenancy.organization(cast.organization.id):
        row = everything.make_row(model)
        before = _rows(model)
    client = _as(organizations.make_person("operator", is_staff=True, is_superuser=True))
    client.post("/admin/organization/", {"organization": cast.organization.slug})

    answers = [
        client.get(_address(model, "add")),
        client.post(_address(model, "add"), {"name": "made up"}),
        client.post(_address(model, "change", row), {"name": "changed"}),
        client.get(_address(model, "delete", row)),
        client.post(_address(model, "delete", row), {"post": "yes"}),
    ]

    assert {answer.status_code for answer in answers} == {403}
    with tenancy.organization(cast.organization.id):
        assert _rows(model) == before


@pytest.mark.parametrize("model", sorted(WRITABLE, key=str), ids=lambda model: model.__name__)
def test_nothing_is_deleted(model: type[db.Model], cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        row = everything.make_row(model)
    client = _as(cast.ana)

    deleted = client.post(_address(model, "delete", row), {"post": "yes"})
    client.post(
        _address(model, "changelist"),
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )

    assert deleted.status_code == 403
    assert "delete_selected" not in _text(client.get(_address(model, "changelist")))
    with tenancy.organization(cast.organization.id):
        assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    ("role", "writable"),
    [
        (access.Role.ADMIN, WRITABLE),
        (
            access.Role.MARKETING,
            {
                models.Campaign,
                models.MoneyTiming,
                models.Program,
                models.SendRequest,
                *VENDORS,
                *ORDERED,
            },
        ),
        (access.Role.SALES, {models.SendRequest, *ORDERED}),
        (
            access.Role.FINANCE,
            {
                models.Budget,
                models.BudgetPolicy,
                models.FiscalPeriod,
                models.CreditMemo,
                models.DimensionValue,
                models.JournalBatch,
                models.MoneyTiming,
                models.OutsideSpend,
                models.ReconciliationCause,
                *VENDORS,
                *PAID,
                *APPROVED,
                *CLOSING,
            },
        ),
        (access.Role.APPROVER, {models.CloseWaiver, *APPROVED}),
        (access.Role.AUDITOR, set()),
    ],
)
def test_each_role_writes_what_it_decides(
    role: access.Role, writable: set[type[db.Model]], cast: organizations.Cast
) -> None:
    client = _as(organizations.make_member("rita", organization=cast.organization, role=role))
    with tenancy.organization(cast.organization.id):
        rows = {model: everything.make_row(model) for model in WRITABLE}

    addable = {model for model in rows if client.get(_address(model, "add")).status_code == 200}
    changeable = {
        model
        for model, row in rows.items()
        if client.post(_address(model, "change", row), {}).status_code != 403
    }

    assert addable == writable - ANSWERED
    assert changeable == writable - WRITTEN_ONCE


def test_finance_closes_a_period_and_settles_an_overrun(cast: organizations.Cast) -> None:
    client = _as(cast.femi)
    with tenancy.organization(cast.organization.id):
        opened = ledger.make_overrun_exception()
        period = sends.period_of(sends.DAY)

    client.post(
        _address(models.PeriodEvent, "add"),
        {
            "fiscal_period": period.pk,
            "to_status": "SOFT_CLOSED",
            "reason": "The month ends",
            "idempotency_key": "6f1d8f0c-3a52-4b0f-9d0e-52a4c1a7e001",
        },
    )
    client.post(_address(models.OverrunException, "change", opened), {"resolution": "Agreed"})

    with tenancy.organization(cast.organization.id):
        period.refresh_from_db()
        opened.refresh_from_db()
    assert period.status == "SOFT_CLOSED"
    assert (opened.resolution, opened.approved_by_id) == ("Agreed", cast.femi.pk)


def test_a_form_without_its_token_is_refused(cast: organizations.Cast) -> None:
    client = _as(cast.femi, enforce_csrf_checks=True)

    answers = [
        client.post("/admin/gifting/vendor/add/", {"code": "shop", "name": "Shop"}),
        client.post("/admin/organization/", {"organization": cast.organization.slug}),
    ]

    assert {answer.status_code for answer in answers} == {403}
    with tenancy.organization(cast.organization.id):
        assert models.Vendor.objects.count() == 0


def test_the_admin_writes_through_services_alone() -> None:
    """Whoever adds a screen that writes must name the permission and both calls."""
    writing = {
        model for model, screen in admin.site._registry.items() if getattr(screen, "writes", None)
    }

    assert writing == WRITABLE


def _rows(model: type[db.Model]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT to_jsonb(t) FROM {model._meta.db_table} AS t ORDER BY id")
        rows: list[Any] = cursor.fetchall()
        return rows


def _address(model: type[db.Model], page: str, row: db.Model | None = None) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=[row.pk] if row else [])

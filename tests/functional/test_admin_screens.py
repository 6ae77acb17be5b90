"""Every record can be looked at in the admin, by each role, at a constant number of queries."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from attribution import models as attribution
from attribution.admin import credits as credit_screens
from gifting import models as gifting
from gifting.admin import fiscal as fiscal_screens
from gifting.domain import access
from gifting.services import tenancy
from integrations import models as integrations
from tests.factories import everything, opportunities, organizations, sends

pytestmark = pytest.mark.django_db

TENANT_MODELS = everything.tenant_models()
PEOPLES_ROLES = [role for role in access.Role if role is not access.Role.SERVICE]
# What a role does not see at all; it sees everything else.
ACCESS = {gifting.Membership, gifting.ServiceToken}
INVOICES = {
    gifting.VendorInvoice,
    gifting.CreditNote,
    gifting.MatchException,
}
CONNECTIONS = {
    integrations.Connection,
    integrations.CrmRecord,
    integrations.RecordAlias,
    integrations.RejectedRecord,
    integrations.StreamState,
    integrations.SyncRun,
}
REPORTS = {gifting.ReportSnapshot, gifting.SignOff}
# What is for those who close the books or audit them.
BOOKS = {
    gifting.ClosePreparation,
    gifting.CloseSignature,
    gifting.CloseWaiver,
    gifting.ClosingLine,
    gifting.GlAccount,
    gifting.GlImport,
    gifting.GlLine,
    gifting.GlMapping,
    gifting.GlRejectedLine,
    gifting.JournalBatch,
    gifting.JournalFile,
    gifting.JournalItem,
    gifting.PeriodClose,
    gifting.ReconciliationCause,
    gifting.ReconciliationExplanation,
    gifting.ReconciliationMatch,
    gifting.ReconciliationRun,
    gifting.Restatement,
    gifting.SpendCoding,
}
SENDERS_UNSEEN = {
    gifting.LedgerSeal,
    *ACCESS,
    *BOOKS,
    *CONNECTIONS,
    gifting.Operation,
    integrations.QuarantinedRow,
}
UNSEEN = {
    access.Role.ADMIN: set(),
    access.Role.MARKETING: {*SENDERS_UNSEEN, *INVOICES, *REPORTS},
    access.Role.SALES: {*SENDERS_UNSEEN, *INVOICES, *REPORTS},
    access.Role.FINANCE: {*ACCESS, *CONNECTIONS, integrations.QuarantinedRow},
    access.Role.APPROVER: SENDERS_UNSEEN,
    access.Role.AUDITOR: {*CONNECTIONS, integrations.QuarantinedRow},
}
MORE_ROWS = 3


def _list_of(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _page_of(row: models.Model) -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return reverse(name, args=[row.pk])


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(organizations.make_person("operator", is_staff=True, is_superuser=True))
    return client


def test_every_model_has_a_screen() -> None:
    shown = set(admin.site._registry)

    assert {*TENANT_MODELS, gifting.Organization} <= shown


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_a_list_and_a_page_cost_the_same_queries_however_many_rows(
    model: type[models.Model], operator: Client
) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        row = everything.make_row(model)
    list_of_one = _queries(operator, _list_of(model))
    page = _queries(operator, _page_of(row))
    with tenancy.organization(organization.id):
        for _ in range(MORE_ROWS):
            everything.make_row(model)

    list_of_more = _queries(operator, _list_of(model))
    page_beside_more = _queries(operator, _page_of(row))

    assert list_of_more == list_of_one
    assert page_beside_more == page


@pytest.mark.parametrize("role", PEOPLES_ROLES)
def test_each_role_sees_its_screens_and_no_others(role: access.Role, client: Client) -> None:
    organization = organizations.make_organization()
    client.force_login(organizations.make_member("maya", organization=organization, role=role))
    with tenancy.organization(organization.id):
        rows = {model: everything.make_row(model) for model in TENANT_MODELS}

    refused_lists = {model for model in rows if not _opens(client, _list_of(model))}
    refused_pages = {model for model, row in rows.items() if not _opens(client, _page_of(row))}

    assert refused_lists == UNSEEN[role]
    assert refused_pages == UNSEEN[role]


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_every_list_is_searched_and_sorted_by_every_column(
    model: type[models.Model], operator: Client
) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        everything.make_row(model)
    screen = admin.site._registry[model]

    every_column = ".".join(f"-{number + 1}" for number in range(len(screen.list_display)))

    found = operator.get(_list_of(model), {"q": "nothing called like this", "o": every_column})

    assert screen.search_fields
    assert found.status_code == 200
    assert "0 results" in found.content.decode() or "0 selected" in found.content.decode()


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
def test_lists_are_paged_and_never_counted_whole(model: type[models.Model]) -> None:
    screen = admin.site._registry[model]

    assert screen.list_per_page == 50
    assert screen.show_full_result_count is False
    assert screen.list_max_show_all == 0
    assert screen.paginator(range(0), 50).per_page == 50


def _opens(visitor: Client, address: str) -> bool:
    """Tell whether a page answers; without menu and header, which are the same on all."""
    return bool(visitor.get(address, {"_popup": "1"}).status_code == 200)


def _queries(visitor: Client, address: str) -> int:
    ContentType.objects.clear_cache()
    with CaptureQueriesContext(connection) as captured:
        response: Any = visitor.get(address)
    assert response.status_code == 200
    # What Python would print of a tuple or a date is nothing for people.
    assert not re.search(r"\(&#x27;|datetime\.", response.content.decode())
    return len(captured)


@pytest.mark.parametrize(
    ("path", "term", "found"),
    [
        ("gifting/send", "S-1", 1),
        ("gifting/send", "s-", 0),
        ("gifting/costline", "S-1", 1),
        ("gifting/campaign", "pring", 1),
        ("gifting/campaign", "Spring%", 0),
        ("gifting/vendor", "'; DROP TABLE gifting_vendor; --", 0),
        ("attribution/account", "ustom", 1),
        ("attribution/touchpoint", "cust", 1),
        ("attribution/touchpoint", "T-1", 1),
    ],
)
def test_a_search_finds_what_it_names(path: str, term: str, found: int, operator: Client) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        send = sends.make_send("S-1")
        sends.make_cost_line(send, 10_00)
        opportunities.make_touchpoint("T-1", campaign=send.campaign)

    answer: Any = operator.get(f"/admin/{path}/", {"q": term})

    assert answer.status_code == 200
    assert answer.context["cl"].result_count == found


@pytest.mark.parametrize("term", ["\0", "x" * 5_000, "%", "_", "\\", "🎁", "null"])
def test_a_strange_search_is_only_a_search(term: str, operator: Client) -> None:
    organizations.make_organization()

    answer = operator.get("/admin/gifting/recipient/", {"q": term})

    assert answer.status_code == 200


def test_a_run_is_named_in_the_time_of_the_screen() -> None:
    run = attribution.AttributionRun(
        model="LINEAR", as_of=dt.datetime(2026, 11, 1, 4, tzinfo=dt.UTC)
    )

    with timezone.override(zoneinfo.ZoneInfo("America/New_York")):
        name = str(run)

    assert name == "LINEAR as of 2026-11-01 00:00"


def test_a_credit_of_no_touchpoint_has_no_weight() -> None:
    screen = credit_screens.CreditScreen(attribution.Credit, admin.site)
    shared = attribution.Credit(weight=1, weight_total=3)
    untouched = attribution.Credit(weight=0, weight_total=0)

    shares = [screen.share(row) for row in (shared, untouched)]

    assert shares == ["1 of 3", None]


def test_a_period_ends_on_its_last_day() -> None:
    screen = fiscal_screens.FiscalPeriodScreen(gifting.FiscalPeriod, admin.site)
    january = gifting.FiscalPeriod(starts_on=dt.date(2027, 1, 1), ends_on=dt.date(2027, 2, 1))

    last_day = screen.last_day(january)

    assert last_day == dt.date(2027, 1, 31)

"""An operator of the admin works in one chosen organization and cannot look into another."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.contrib.auth import models as auth
from django.db import connection
from django.test import Client
from django.urls import reverse

from config import site
from gifting import models
from gifting.domain import access
from gifting.domain.lifecycle import State
from gifting.selectors import organizations as organization_records
from gifting.services import tenancy
from tests.factories import everything, organizations, sends

pytestmark = pytest.mark.django_db

START = "/admin/"
CHOICE = "/admin/organization/"
VENDORS = "/admin/gifting/vendor/"
HINT = "No organization is chosen"


@pytest.fixture
def cast() -> organizations.Cast:
    made = organizations.make_cast()
    for organization, name in ((made.organization, "Ours"), (made.other_organization, "Theirs")):
        with tenancy.organization(organization.id):
            sends.make_vendor(name=name)
    return made


def _text(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def _as(person: auth.User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def _choose(client: Client, organization: organization_records.OrganizationRecord) -> Any:
    return client.post(CHOICE, {"organization": organization.slug})


def test_a_member_of_one_organization_is_there_at_once(cast: organizations.Cast) -> None:
    client = _as(cast.maya)

    page = _text(client.get(VENDORS))

    assert "Ours" in page
    assert "Theirs" not in page
    assert cast.organization.name in page
    assert tenancy.current() is None


def test_a_member_of_two_chooses_and_may_change_over(cast: organizations.Cast) -> None:
    organizations.join(cast.maya, organization=cast.other_organization, role=access.Role.AUDITOR)
    client = _as(cast.maya)

    before = _text(client.get(VENDORS))
    offered = _text(client.get(CHOICE))
    first_choice = _choose(client, cast.organization)
    in_the_first = _text(client.get(VENDORS))
    _choose(client, cast.other_organization)
    in_the_second = _text(client.get(VENDORS))

    assert HINT in before
    assert "Ours" not in before
    assert cast.organization.name in offered
    assert cast.other_organization.name in offered
    assert first_choice.headers["Location"] == START
    assert ("Ours" in in_the_first, "Theirs" in in_the_first) == (True, False)
    assert ("Ours" in in_the_second, "Theirs" in in_the_second) == (False, True)


def test_without_a_choice_every_list_is_empty_and_says_what_to_do(
    cast: organizations.Cast,
) -> None:
    organizations.join(cast.maya, organization=cast.other_organization, role=access.Role.ADMIN)
    client = _as(cast.maya)

    pages = {
        model: _text(
            client.get(
                reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            )
        )
        for model in everything.tenant_models()
    }

    assert {model for model, page in pages.items() if HINT not in page} == set()
    assert "Ours" not in pages[models.Vendor]
    assert client.get(f"{VENDORS}add/").status_code == 403
    assert client.get(START).headers["Location"] == CHOICE


def test_a_person_without_membership_is_told_whom_to_ask(cast: organizations.Cast) -> None:
    client = _as(organizations.make_person("nora", is_staff=True))

    page = _text(client.get(CHOICE))

    assert "You are not a member of any organization yet" in page
    assert cast.organization.name not in page
    assert HINT in _text(client.get(VENDORS))


def test_an_organization_of_others_cannot_be_chosen(cast: organizations.Cast) -> None:
    client = _as(cast.maya)

    refused = _text(_choose(client, cast.other_organization))
    unknown = _text(client.post(CHOICE, {"organization": "no-such-company"}))

    # The same words, whether it exists or not.
    assert "That organization is not one of yours" in refused
    assert "That organization is not one of yours" in unknown
    assert site.CHOICE not in client.session
    assert "Ours" in _text(client.get(VENDORS))


def test_a_forged_session_opens_nothing(cast: organizations.Cast) -> None:
    client = _as(cast.maya)
    session = client.session
    session[site.CHOICE] = cast.other_organization.slug
    session.save()

    page = _text(client.get(VENDORS))

    assert HINT in page
    assert "Theirs" not in page


def test_the_operator_of_the_server_chooses_among_all(cast: organizations.Cast) -> None:
    client = _as(organizations.make_person("operator", is_staff=True, is_superuser=True))

    before = _text(client.get(VENDORS))
    _choose(client, cast.other_organization)
    after = _text(client.get(VENDORS))

    assert HINT in before
    assert ("Ours" in after, "Theirs" in after) == (False, True)


def test_people_who_are_not_staff_stay_outside(cast: organizations.Cast) -> None:
    outside = organizations.make_member(
        "paul", organization=cast.organization, role=access.Role.ADMIN, is_staff=False
    )

    answers = [
        visitor.get(path)
        for visitor in (Client(), _as(outside))
        for path in (START, VENDORS, CHOICE)
    ]

    assert {answer.status_code for answer in answers} == {302}
    assert {answer.headers["Location"].split("?")[0] for answer in answers} == {"/admin/login/"}


@pytest.mark.parametrize("page", ["change", "history", "delete"])
def test_the_page_of_a_foreign_row_is_the_page_of_a_missing_row(
    page: str, cast: organizations.Cast
) -> None:
    with tenancy.organization(cast.other_organization.id):
        theirs = models.Vendor.objects.get()
    client = _as(cast.ana)

    foreign = client.get(f"{VENDORS}{theirs.pk}/{page}/")
    missing = client.get(f"{VENDORS}{2**60}/{page}/")

    assert foreign.status_code == missing.status_code != 200
    assert foreign.headers.get("Location") == missing.headers.get("Location")


def test_a_foreign_row_cannot_be_written(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.other_organization.id):
        theirs = models.Vendor.objects.get()
    client = _as(cast.ana)

    client.post(f"{VENDORS}{theirs.pk}/change/", {"name": "Mine now"})

    with tenancy.organization(cast.other_organization.id):
        assert models.Vendor.objects.get().name == "Theirs"


def test_a_foreign_row_cannot_be_referenced(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.other_organization.id):
        their_center = organizations.make_cost_center()
    client = _as(cast.ana)

    answer = client.post(
        "/admin/gifting/campaign/add/",
        {
            "code": "X",
            "name": "X",
            "kind": "OTHER",
            "motion": "ABM",
            "channel": "email",
            "personalization": "NONE",
            "cost_center": their_center.pk,
        },
    )

    assert "Select a valid choice" in _text(answer)
    with tenancy.organization(cast.organization.id):
        assert models.Campaign.objects.count() == 0


def test_suggestions_come_from_the_own_organization(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.other_organization.id):
        organizations.make_cost_center("THEIRS")
    with tenancy.organization(cast.organization.id):
        organizations.make_cost_center("OURS")
    client = _as(cast.ana)

    answer = client.get(
        "/admin/autocomplete/",
        {"app_label": "gifting", "model_name": "campaign", "field_name": "cost_center", "term": ""},
    )

    offered = [row["text"].split()[0] for row in answer.json()["results"]]
    assert offered == ["COMPANY", "OURS"]


def test_owners_are_chosen_among_the_own_members(cast: organizations.Cast) -> None:
    client = _as(cast.ana)

    page = _text(client.get("/admin/gifting/campaign/add/"))

    assert cast.maya.username in page
    assert cast.otto.username not in page


def test_logins_and_clocks_are_for_the_operator_of_the_server(cast: organizations.Cast) -> None:
    operator = _as(organizations.make_person("operator", is_staff=True, is_superuser=True))
    administrator = _as(cast.ana)
    pages = (
        "/admin/auth/user/",
        f"/admin/auth/user/{cast.otto.pk}/change/",
        "/admin/django_celery_beat/periodictask/",
        "/admin/django_celery_beat/crontabschedule/",
        "/admin/django_celery_beat/intervalschedule/",
        "/admin/integrations/heartbeat/",
    )

    assert [operator.get(page).status_code for page in pages] == [200] * len(pages)
    assert [administrator.get(page).status_code for page in pages] == [403] * len(pages)


def test_there_is_no_search_over_everything(cast: organizations.Cast) -> None:
    assert _as(cast.ana).get("/admin/search/", {"s": "vendor"}).status_code == 404


def test_generated_data_says_so_on_every_page() -> None:
    sandbox = organizations.make_organization(is_synthetic=True)
    member = organizations.make_member("sandy", organization=sandbox, role=access.Role.ADMIN)
    client = _as(member)

    pages = [_text(client.get(path)) for path in (START, VENDORS, f"{VENDORS}add/")]

    assert [page.count("Synthetic data") for page in pages] == [1, 1, 1]


def test_real_data_does_not_say_so(cast: organizations.Cast) -> None:
    assert "Synthetic data" not in _text(_as(cast.ana).get(START))


def test_times_are_the_organizations_own() -> None:
    tokyo = organizations.make_organization(time_zone="Asia/Tokyo")
    member = organizations.make_member("tomo", organization=tokyo, role=access.Role.ADMIN)
    late = dt.datetime(2025, 3, 14, 20, 30, tzinfo=dt.UTC)
    with tenancy.organization(tokyo.id):
        sends.make_event(sends.make_send(), State.SHIPPED, at=late)

    page = _text(_as(member).get("/admin/gifting/sendevent/"))

    assert "2025-03-15 05:30" in page


def test_a_page_that_takes_too_long_says_so(
    cast: organizations.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(*_: Any, **__: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 20")
            cursor.execute("SELECT pg_sleep(5)")

    monkeypatch.setattr("gifting.admin.vendors.VendorScreen.get_search_results", wait)

    answer = _as(cast.ana).get(VENDORS)

    assert answer.status_code == 503
    assert "The database was stopped after its time limit" in answer.content.decode()
    assert tenancy.current() is None


def test_a_page_that_fails_leaves_no_organization_behind(
    cast: organizations.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = _as(cast.ana)
    client.raise_request_exception = False

    def fail(*_: Any, **__: Any) -> None:
        sends.make_vendor(f"half-done-{uuid.uuid4()}")
        raise ZeroDivisionError

    monkeypatch.setattr("gifting.admin.vendors.VendorScreen.get_search_results", fail)

    failed = client.get(VENDORS)

    assert failed.status_code == 500
    assert tenancy.current() is None
    with tenancy.organization(cast.organization.id):
        assert models.Vendor.objects.count() == 1

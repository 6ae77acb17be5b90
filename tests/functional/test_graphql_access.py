"""Who may enter the GraphQL doorway, as whom, and for which organization."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from gifting import models
from gifting.domain import access
from gifting.services import access as memberships
from gifting.services import tenancy
from tests.factories import organizations
from tests.functional import api

pytestmark = pytest.mark.django_db

VIEWER = "{viewer{role permissions organization{name slug currency timeZone isSynthetic}}}"
SLUG = "{viewer{organization{slug}}}"


@pytest.fixture
def cast() -> organizations.Cast:
    return organizations.make_cast()


def test_a_member_sees_their_role_and_organization(cast: organizations.Cast) -> None:
    reply = api.of_person(cast.maya).ask(VIEWER)

    assert reply.data == {
        "viewer": {
            "role": "MARKETING",
            "permissions": sorted(access.ROLE_PERMISSIONS[access.Role.MARKETING]),
            "organization": {
                "name": cast.organization.name,
                "slug": cast.organization.slug,
                "currency": "USD",
                "timeZone": "UTC",
                "isSynthetic": False,
            },
        }
    }
    assert reply.body["extensions"]["cost"]["requested"] == 1


def test_a_token_sees_its_scopes_and_its_organization(cast: organizations.Cast) -> None:
    machine = api.of_token(cast.organization, scopes=frozenset({access.Scope.READ_SPEND}))

    reply = machine.ask("{viewer{role permissions organization{slug}}}")

    assert reply.data == {
        "viewer": {
            "role": "SERVICE",
            "permissions": ["READ_SPEND"],
            "organization": {"slug": cast.organization.slug},
        }
    }


@pytest.mark.parametrize("accept", ["application/json", api.GRAPHQL_RESPONSE])
def test_nobody_reads_anything_but_the_name_of_a_type(accept: str) -> None:
    nobody = api.of_nobody()

    about_nothing = nobody.ask("{__typename}", accept=accept)
    about_something = nobody.ask(SLUG, accept=accept)
    hidden = nobody.ask("{...{...F}}fragment F on Query{x:viewer{role}}", accept=accept)

    assert about_nothing.data == {"__typename": "Query"}
    assert (about_something.status, about_something.codes) == (401, ["UNAUTHENTICATED"])
    assert about_something.headers["WWW-Authenticate"] == "Bearer"
    assert "data" not in about_something.body
    assert (hidden.status, hidden.codes) == (401, ["UNAUTHENTICATED"])


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic bWF5YTpzZWNyZXQ=",
        "Bearer tribute_unknown",
        "Bearer " + "x" * 10_000,
        "Bearer \xff\xfe",
        "bearer null",
        "Token abc",
    ],
)
def test_a_header_that_names_no_token_is_refused_whatever_is_asked(authorization: str) -> None:
    reply = api.Api({"authorization": authorization}).ask("{__typename}")

    assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])


def test_a_revoked_token_is_refused_from_the_next_request_on(cast: organizations.Cast) -> None:
    machine = api.of_token(cast.organization)
    before = machine.ask(SLUG)

    with tenancy.organization(cast.organization.id):
        memberships.revoke_token(
            actor=access.Actor.system(organization_id=cast.organization.id),
            public_id=models.ServiceToken.objects.get().public_id,
            at=timezone.now(),
        )

    after = machine.ask(SLUG)
    assert before.status == 200
    assert (after.status, after.codes) == (401, ["UNAUTHENTICATED"])


def test_an_expired_token_is_refused(cast: organizations.Cast) -> None:
    machine = api.of_token(cast.organization, lifetime=dt.timedelta(microseconds=1))

    reply = machine.ask(SLUG)

    assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])


def test_a_token_wins_over_a_session_and_needs_no_csrf_token(cast: organizations.Cast) -> None:
    browser = api.of_person(cast.maya, checks_csrf=True)
    machine = api.of_token(cast.other_organization)

    reply = browser.ask(SLUG, authorization=machine.headers["authorization"])

    assert reply.data == {"viewer": {"organization": {"slug": cast.other_organization.slug}}}


def test_a_session_needs_its_csrf_token_to_post(cast: organizations.Cast) -> None:
    browser = api.of_person(cast.maya, checks_csrf=True)

    without = browser.ask(SLUG)
    browser.send("GET", accept="text/html")
    token = browser.client.cookies["csrftoken"].value
    with_token = browser.ask(SLUG, x_csrftoken=token)
    with_another = browser.ask(SLUG, x_csrftoken="x" * 32)

    assert (without.status, without.codes) == (403, ["CSRF_FAILED"])
    assert with_token.status == 200
    assert (with_another.status, with_another.codes) == (403, ["CSRF_FAILED"])


def test_a_session_reads_by_get_without_a_csrf_token(cast: organizations.Cast) -> None:
    browser = api.of_person(cast.maya, checks_csrf=True)

    reply = browser.send("GET", address=f"/graphql/?query={SLUG}")

    assert reply.data == {"viewer": {"organization": {"slug": cast.organization.slug}}}


def test_a_person_who_was_locked_out_is_nobody(cast: organizations.Cast) -> None:
    browser = api.of_person(cast.maya)
    cast.maya.is_active = False
    cast.maya.save()

    reply = browser.ask(SLUG)

    assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])


def test_a_member_of_two_organizations_names_one(cast: organizations.Cast) -> None:
    organizations.join(cast.maya, organization=cast.other_organization, role=access.Role.AUDITOR)
    browser = api.of_person(cast.maya)

    unnamed = browser.ask(SLUG)
    here = browser.ask("{viewer{role}}", x_organization=cast.organization.slug)
    elsewhere = browser.ask("{viewer{role}}", x_organization=cast.other_organization.slug)

    assert (unnamed.status, unnamed.codes) == (400, ["UNKNOWN_ORGANIZATION"])
    assert "X-Organization" in unnamed.error["message"]
    assert here.data == {"viewer": {"role": "MARKETING"}}
    assert elsewhere.data == {"viewer": {"role": "AUDITOR"}}


@pytest.mark.parametrize("slug", ["nowhere", "", "a b", "x" * 65, "é", "a\x00b", "'; --"])
def test_an_organization_that_is_not_theirs_is_refused(cast: organizations.Cast, slug: str) -> None:
    reply = api.of_person(cast.maya).ask(SLUG, x_organization=slug)

    assert (reply.status, reply.codes) == (400, ["UNKNOWN_ORGANIZATION"])


def test_another_organization_is_refused_in_the_words_for_one_that_is_not_there(
    cast: organizations.Cast,
) -> None:
    browser = api.of_person(cast.maya)
    foreign = cast.other_organization.slug

    there = browser.ask(SLUG, x_organization=foreign)
    nowhere = browser.ask(SLUG, x_organization="nowhere")

    assert there.error["message"].replace(foreign, "?") == nowhere.error["message"].replace(
        "nowhere", "?"
    )


def test_a_token_cannot_name_another_organization(cast: organizations.Cast) -> None:
    machine = api.of_token(cast.organization)

    own = machine.ask(SLUG, x_organization=cast.organization.slug)
    foreign = machine.ask(SLUG, x_organization=cast.other_organization.slug)

    assert own.status == 200
    assert (foreign.status, foreign.codes) == (400, ["UNKNOWN_ORGANIZATION"])


def test_a_person_without_a_membership_is_told_so(cast: organizations.Cast) -> None:
    reply = api.of_person(organizations.make_person("visitor")).ask(SLUG)

    assert (reply.status, reply.codes) == (400, ["UNKNOWN_ORGANIZATION"])


def test_no_organization_stays_chosen_after_a_request(cast: organizations.Cast) -> None:
    api.of_person(cast.maya).ask(SLUG)

    assert tenancy.current() is None

"""Personal data is for those who may read it, and no name that somebody typed becomes markup."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from gifting import models
from gifting.domain import access
from gifting.services import tenancy
from tests.factories import everything, imports, opportunities, organizations, sends

pytestmark = pytest.mark.django_db

READERS = [access.Role.ADMIN, access.Role.MARKETING, access.Role.SALES]
OTHERS = [access.Role.FINANCE, access.Role.APPROVER, access.Role.AUDITOR]
RECIPIENTS = "/admin/gifting/recipient/"
CONTACTS = "/admin/attribution/contact/"
QUARANTINE = "/admin/integrations/quarantinedrow/"
MARKUP = "<script>alert('gift')</script>"


def _text(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.fixture
def client_of(client: Client) -> Any:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        recipient = sends.make_recipient("R-1", name="Rita Secret", email="rita@secret.example")
        contact = opportunities.make_contact(name="Carla Secret", email="carla@secret.example")
    pages = (
        RECIPIENTS,
        f"{RECIPIENTS}{recipient.pk}/change/",
        CONTACTS,
        f"{CONTACTS}{contact.pk}/change/",
    )

    def log_in(role: access.Role) -> tuple[Client, tuple[str, ...]]:
        client.force_login(organizations.make_member("mia", organization=organization, role=role))
        return client, pages

    return log_in


@pytest.mark.parametrize("role", READERS)
def test_who_may_read_personal_data_sees_it(role: access.Role, client_of: Any) -> None:
    client, pages = client_of(role)

    found = [_text(client.get(page)) for page in pages]

    assert ["Rita Secret" in page and "rita@secret" in page for page in found[:2]] == [True, True]
    assert ["Carla Secret" in page and "carla@secret" in page for page in found[2:4]] == [
        True,
        True,
    ]


@pytest.mark.parametrize("role", OTHERS)
def test_who_may_not_read_personal_data_sees_none(role: access.Role, client_of: Any) -> None:
    client, pages = client_of(role)

    found = [_text(client.get(page)) for page in pages]

    assert [page for page in found if "Secret" in page or "secret.example" in page] == []
    assert ["hidden" in page for page in found] == [True] * len(pages)
    assert "R-1" in found[0]


@pytest.mark.parametrize("role", [*READERS, *OTHERS])
def test_only_who_may_import_sees_what_a_file_held(role: access.Role, client: Client) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        row = imports.make_quarantined_row()
    client.force_login(organizations.make_member("mia", organization=organization, role=role))

    listed = client.get(QUARANTINE)
    opened = client.get(f"{QUARANTINE}{row.pk}/change/")

    may_import = access.Permission.IMPORT in access.ROLE_PERMISSIONS[role]
    expected_status = 200 if may_import else 403
    assert (listed.status_code, opened.status_code) == (expected_status, expected_status)
    assert ("Won,abc" in opened.content.decode()) is may_import


@pytest.mark.parametrize("role", OTHERS)
@pytest.mark.parametrize(
    "question",
    [
        {"q": "Rita"},
        {"q": "rita@secret.example"},
        {"email": "rita@secret.example"},
        {"email__startswith": "rita"},
        {"name__regex": "^Rita"},
        {"name__isnull": "0"},
    ],
)
def test_who_may_not_read_personal_data_cannot_ask_for_it(
    role: access.Role, question: dict[str, str], client_of: Any
) -> None:
    client, _ = client_of(role)

    right_guess = client.get(RECIPIENTS, question)
    wrong_guess = client.get(RECIPIENTS, {key: "x" + value for key, value in question.items()})

    assert right_guess.status_code == wrong_guess.status_code
    assert _rows(right_guess) == _rows(wrong_guess)


@pytest.mark.parametrize("column", [2, 3])
def test_who_may_not_read_personal_data_cannot_sort_by_it(column: int, client_of: Any) -> None:
    client, _ = client_of(access.Role.FINANCE)

    up = client.get(RECIPIENTS, {"o": str(column)})
    down = client.get(RECIPIENTS, {"o": f"-{column}"})

    assert "email" not in str(up.context["cl"].queryset.query.order_by)
    assert "name" not in str(down.context["cl"].queryset.query.order_by)


def test_a_reader_may_search_by_name(client_of: Any) -> None:
    client, _ = client_of(access.Role.MARKETING)

    assert _rows(client.get(RECIPIENTS, {"q": "Rita"})) == 1
    assert _rows(client.get(RECIPIENTS, {"q": "Otto"})) == 0


def test_a_sender_sees_the_sends_of_their_branch(client: Client) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        branch = organizations.make_cost_center("BRANCH")
        leaf = organizations.make_cost_center("LEAF", parent=branch)
        other = organizations.make_cost_center("OTHER")
        for center in (branch, leaf, other):
            send = sends.make_send(f"send-of-{center.code}", cost_center=center)
            sends.make_cost_line(send, 10_00)
    sender = organizations.make_member(
        "sam", organization=organization, role=access.Role.SALES, cost_center_id=branch.pk
    )
    client.force_login(sender)

    shown = _text(client.get("/admin/gifting/send/"))
    lines = client.get("/admin/gifting/costline/")
    rollups = client.get("/admin/gifting/spendrollup/")

    assert [f"send-of-{code}" in shown for code in ("BRANCH", "LEAF", "OTHER")] == [
        True,
        True,
        False,
    ]
    assert (_rows(lines), _rows(rollups)) == (2, 2)


def test_no_name_becomes_markup(client: Client) -> None:
    organization = organizations.make_organization(f"Evil {MARKUP}")
    member = organizations.make_member("eve", organization=organization, role=access.Role.ADMIN)
    with tenancy.organization(organization.id):
        center = organizations.make_cost_center(name=MARKUP)
        campaign = sends.make_campaign(name=MARKUP, cost_center=center)
        vendor = sends.make_vendor(name=MARKUP)
        send = sends.make_send(campaign=campaign, vendor=vendor)
        sends.make_cost_line(send, 10_00)
        sends.make_gift_item(vendor=vendor, name=MARKUP)
        sends.make_recipient(name=MARKUP, email=MARKUP)
        account = opportunities.make_account(name=MARKUP)
        opportunities.make_contact(account=account, name=MARKUP)
        opportunities.make_opportunity(account=account, name=MARKUP)
        run = opportunities.make_run(is_running=True)
        opportunities.make_credit_rollup(run=run, campaign=campaign)
        imports.make_import_run(file_name=MARKUP)
        addresses = [
            f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}"
            for model in everything.tenant_models()
            for row in model._default_manager.all()[:1]
            for page in ("", f"{row.pk}/change/")
        ]
        assert models.Campaign.objects.get().name == MARKUP
    client.force_login(member)

    history = f"/admin/gifting/campaign/{campaign.pk}/history/"

    pages = [
        _text(client.get(path)) for path in ["/admin/", "/admin/organization/", history, *addresses]
    ]

    assert [page for page in pages if MARKUP in page] == []
    assert sum("&lt;script&gt;" in page for page in pages) == len(pages)


def _rows(response: Any) -> int | None:
    listed = response.context.get("cl") if response.context else None
    return None if listed is None else int(listed.result_count)

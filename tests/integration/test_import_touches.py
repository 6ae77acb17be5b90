"""Touches land on the timeline of an account, found by its id or by a contact who works there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from attribution.models import Account, Contact, Touchpoint
from gifting import models as gifting
from gifting.services import tenancy
from integrations.domain import fields
from tests.factories import files, organizations

pytestmark = pytest.mark.django_db

KIND = fields.Kind.TOUCHES
THREE = (
    "T1,2024-02-01T09:30:00Z,email,Acme,P1,SPRING,EMEA\n"
    "T2,2024-02-02,webinar,Acme,,,\n"
    "T3,2024-02-03T10:00:00+02:00,email,,P1,SPRING,\n"
)


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    organization = organizations.make_organization(time_zone="Europe/Berlin")
    with tenancy.organization(organization.id):
        yield


def test_touches_come_in_with_all_that_they_name(tmp_path: Path) -> None:
    files.import_rows(KIND, THREE.splitlines(keepends=True)[0], folder=tmp_path)

    report = files.import_rows(KIND, THREE, folder=tmp_path)

    assert files.counts(report) == (2, 0, 1, 0)
    email, webinar, second_email = Touchpoint.objects.order_by("source_id")
    campaign = gifting.Campaign.objects.get()
    center = gifting.CostCenter.objects.get(code="EMEA")
    assert (email.kind, email.channel) == ("DIGITAL", "email")
    assert email.occurred_at == dt.datetime(2024, 2, 1, 9, 30, tzinfo=dt.UTC)
    assert (email.campaign_id, email.cost_center_id) == (campaign.pk, center.pk)
    assert (campaign.kind, campaign.channel, campaign.cost_center_id) == (
        "DIGITAL",
        "email",
        center.pk,
    )
    assert webinar.occurred_at == dt.datetime(2024, 2, 1, 23, tzinfo=dt.UTC)
    assert (webinar.campaign_id, webinar.cost_center_id) == (None, None)
    assert second_email.account_id == Account.objects.get().pk
    assert second_email.contact_id == Contact.objects.get().pk
    assert second_email.cost_center_id == center.pk


def test_a_touch_of_nobody_known_is_rejected(tmp_path: Path) -> None:
    report = files.import_rows(
        KIND, "T1,2024-02-02,email,,P9,,\nT2,2024-02-02,email,,,,\n", folder=tmp_path
    )

    assert files.reasons(report) == [
        (
            2,
            "contact",
            "the contact is not known or has no account: import it first, or map account",
        ),
        (3, "account", "the row names neither an account nor a contact"),
    ]
    assert Touchpoint.objects.count() == 0


def test_the_same_file_twice_changes_nothing_and_a_correction_changes_one(tmp_path: Path) -> None:
    rows = "".join(THREE.splitlines(keepends=True)[:2])
    files.import_rows(KIND, rows, folder=tmp_path)

    again = files.import_rows(KIND, rows, folder=tmp_path)
    corrected = files.import_rows(KIND, rows.replace("webinar", "event"), folder=tmp_path)

    assert files.counts(again) == (0, 0, 2, 0)
    assert files.counts(corrected) == (0, 1, 1, 0)
    assert Touchpoint.objects.get(source_id="T2").channel == "event"

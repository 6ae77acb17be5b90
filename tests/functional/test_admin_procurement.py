"""In the admin, exceptions are settled and vendors merged by the services, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import models as auth
from django.test import Client
from django.urls import reverse

from gifting import models
from gifting.selectors import vendors
from gifting.services import tenancy
from tests.factories import ledger, organizations, procurement, sends

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> organizations.Cast:
    return organizations.make_cast()


def of(person: auth.User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_whoever_entered_an_invoice_does_not_waive_it_and_another_does(
    cast: organizations.Cast,
) -> None:
    with tenancy.organization(cast.organization.id):
        line = procurement.make_order_line()
        procurement.take(procurement.invoice_of(line, 1, 5_00), by=procurement.person(cast.femi))
        exception = models.MatchException.objects.get()
    page = reverse("admin:gifting_matchexception_change", args=[exception.pk])
    given = {"settle_as": "WAIVED", "because": "We know about it"}

    refused: Any = of(cast.femi).post(page, given)
    accepted: Any = of(cast.ana).post(page, given)
    again: Any = of(cast.ana).post(page, given)

    assert refused.status_code == 200
    assert "another person has to waive" in refused.content.decode()
    assert accepted.status_code == 302
    assert again.status_code == 403
    with tenancy.organization(cast.organization.id):
        exception.refresh_from_db()
    assert (exception.resolution, exception.reason) == ("WAIVED", "We know about it")
    assert exception.resolved_by == cast.ana


def test_vendors_are_merged_and_unmerged(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        shop, twin = sends.make_vendor(name="Gift Shop"), sends.make_vendor(name="Gift Shop Inc.")
    page = reverse("admin:gifting_vendormerge_add")
    pair = {"vendor": twin.pk, "into": shop.pk, "reason": "The same tax id"}
    femi = of(cast.femi)

    merged: Any = femi.post(page, pair)
    twice: Any = femi.post(page, pair)
    with tenancy.organization(cast.organization.id):
        while_merged = vendors.entities(actor=ledger.actor())
        merge = models.VendorMerge.objects.get()
    ended: Any = femi.post(page, {**pair, "undoes": merge.pk, "reason": "Two companies"})
    with tenancy.organization(cast.organization.id):
        afterwards = vendors.entities(actor=ledger.actor())

    assert (merged.status_code, twice.status_code, ended.status_code) == (302, 200, 302)
    assert "merged into another one already" in twice.content.decode()
    assert while_merged == {shop.pk: shop.pk, twin.pk: shop.pk}
    assert afterwards == {shop.pk: shop.pk, twin.pk: twin.pk}

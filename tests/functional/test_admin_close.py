"""In the admin a month is prepared, told, tied out, closed and opened again, by the services."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import models as auth
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from gifting import models
from gifting.domain import access
from gifting.domain.journals import batches
from gifting.services import tenancy
from tests.factories import closes as factory
from tests.factories import ledger, organizations

pytestmark = pytest.mark.django_db

KEY = re.compile(r'name="idempotency_key" value="([0-9a-f-]{36})"')
# Xero takes 300 lines a file with the header, and an item is two of them.
MORE_THAN_A_FILE = 150


@pytest.fixture
def cast() -> organizations.Cast:
    return organizations.make_cast()


def of(person: auth.User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def address(model: str, page: str = "add", pk: int | None = None) -> str:
    return reverse(f"admin:gifting_{model}_{page}", args=[pk] if pk else [])


def fill(client: Client, where: str, **given: Any) -> Any:
    """Open the form, and send it with the key that it carries."""
    shown = client.get(where)
    assert shown.status_code == 200
    (key,) = KEY.findall(shown.content.decode())
    return client.post(where, {"idempotency_key": key, **given})


def text(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def events() -> list[str]:
    return list(models.PeriodEvent.objects.order_by("id").values_list("to_status", flat=True))


def test_a_month_is_closed_and_opened_again(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        factory.make_chart()
        factory.fact(ledger.make_budget(), 12_00, "S-1")
        march = factory.period()
    femi, ana = of(cast.femi), of(cast.ana)

    fill(femi, address("closepreparation"), fiscal_period=march.pk)
    with tenancy.organization(cast.organization.id):
        by_femi = models.ClosePreparation.objects.get()
    waiver = {"preparation": by_femi.pk, "item": "TIE_OUT", "reason": "The books come late"}
    by_preparer = text(fill(femi, address("closewaiver"), **waiver))
    page = text(femi.get(address("closepreparation", "change", by_femi.pk)))

    assert "Whoever prepared a close does not sign it or waive an item of it" in by_preparer
    assert f"closewaiver/add/?preparation={by_femi.pk}" in page
    assert "JOURNALS" in page

    told = fill(femi, address("journalbatch"), fiscal_period=march.pk, kind="SPEND", currency="USD")
    with tenancy.organization(cast.organization.id):
        batch = models.JournalBatch.objects.get()
        assert models.JournalFile.objects.count() == 0
    downloads = [_download(femi, batch, written_as) for written_as in batches.Format]
    again = _download(femi, batch, batches.Format.XERO)

    assert told.status_code == 302
    assert f"files/{batches.Format.XERO}/" in text(
        femi.get(address("journalbatch", "change", batch.pk))
    )
    assert [answer.status_code for answer in downloads] == [200] * len(batches.Format)
    assert downloads[0].headers["Content-Disposition"].startswith("attachment; filename=")
    assert "12.00" in downloads[0].content.decode()
    assert again.content == downloads[0].content

    fill(ana, address("closepreparation"), fiscal_period=march.pk)
    with tenancy.organization(cast.organization.id):
        by_ana = models.ClosePreparation.objects.latest("id")
    sign = {"preparation": by_ana.pk, "reason": "March is done"}
    too_early = text(fill(femi, address("closesignature"), **sign))
    waived = fill(femi, address("closewaiver"), **{**waiver, "preparation": by_ana.pk})
    signed = fill(femi, address("closesignature"), **sign)

    assert "The checklist is open (TIE_OUT" in too_early
    assert (waived.status_code, signed.status_code) == (302, 302)
    with tenancy.organization(cast.organization.id):
        signature = models.CloseSignature.objects.get()
        assert (signature.signed_by, signature.prepared_by) == (cast.femi, cast.ana)
        assert models.CloseWaiver.objects.get().waived_by == cast.femi
        assert events() == ["SOFT_CLOSED", "CLOSED"]

    opened = fill(
        femi,
        address("periodevent"),
        fiscal_period=march.pk,
        to_status="OPEN",
        reason="An invoice of March",
    )

    assert opened.status_code == 302
    with tenancy.organization(cast.organization.id):
        assert events() == ["SOFT_CLOSED", "CLOSED", "OPEN"]
        assert models.PeriodEvent.objects.latest("id").reason == "An invoice of March"


def test_the_general_ledger_is_tied_out_and_a_difference_is_explained(
    cast: organizations.Cast,
) -> None:
    with tenancy.organization(cast.organization.id):
        factory.fact(ledger.make_budget(), 12_00, "S-1")
        march = factory.period()
    femi = of(cast.femi)
    lines = f"{factory.DAY},6420,12.00,USD,S-1,\n{factory.DAY},6420,1.00,USD,stamps,\n"
    gl = f"{factory.HEADER}\n{lines}{factory.DAY},6420,a lot,USD,,\n"

    def upload() -> Any:
        file = SimpleUploadedFile("gl.csv", gl.encode())
        return femi.post(
            address("glimport"), {"fiscal_period": march.pk, "file": file}, follow=True
        )

    account = {"code": "6420", "name": "Gifts", "kind": "EXPENSE", "tax_rate": "Tax Exempt"}
    owed = {**account, "code": "2000", "name": "Clearing", "kind": "LIABILITY"}
    accounts = [femi.post(address("glaccount"), each) for each in (account, account, owed)]
    with tenancy.organization(cast.organization.id):
        ids = dict(models.GlAccount.objects.values_list("code", "pk"))
    mapping = {"bucket": "ACTUAL", "account": ids["6420"], "counter_account": ids["2000"]}
    mapped = [
        femi.post(address("glmapping"), {**mapping, "valid_from": "2020-01-01"}) for _ in range(2)
    ]
    imported, twice = text(upload()), text(upload())
    tied = fill(femi, address("reconciliationrun"), fiscal_period=march.pk, currency="USD")
    with tenancy.organization(cast.organization.id):
        stamps = models.ReconciliationCause.objects.get()
    explained = fill(
        femi,
        address("reconciliationcause", "change", stamps.pk),
        explain_as="IN_GL_NOT_OURS",
        note="Stamps are no gifts",
    )
    fill(femi, address("reconciliationrun"), fiscal_period=march.pk, currency="USD")

    assert [answer.status_code for answer in (*accounts, *mapped, tied, explained)] == [302] * 7
    assert sorted(ids) == ["2000", "6420"]
    assert "2 lines were taken, 1 were set aside" in imported
    assert "The lines were there already, as gl.csv" in twice
    with tenancy.organization(cast.organization.id):
        assert models.GlMapping.objects.count() == models.GlImport.objects.count() == 1
        first, second = models.ReconciliationRun.objects.order_by("id")
        assert (first.unexplained_minor, first.is_clear) == (1_00, False)
        assert (second.unexplained_minor, second.is_clear) == (0, True)


def test_a_form_that_is_sent_twice_acts_once(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        factory.make_chart()
        budget = ledger.make_budget()
        factory.fact(budget, 12_00, "S-1")
        march, april = factory.period(), factory.period(factory.NEXT_DAY)
    femi = of(cast.femi)
    told = {
        "idempotency_key": str(uuid4()),
        "fiscal_period": march.pk,
        "kind": "SPEND",
        "currency": "USD",
    }

    made = [femi.post(address("journalbatch"), told) for _ in range(2)]
    other = text(femi.post(address("journalbatch"), {**told, "fiscal_period": april.pk}))
    with tenancy.organization(cast.organization.id):
        batch = models.JournalBatch.objects.get()
    taken_back = {"idempotency_key": str(uuid4()), "void_because": "Wrong account"}
    page = address("journalbatch", "change", batch.pk)
    voided = [femi.post(page, taken_back) for _ in range(2)]
    anew = text(femi.post(page, {**taken_back, "idempotency_key": str(uuid4())}))

    assert [answer.status_code for answer in (*made, *voided)] == [302] * 4
    assert "This form was sent before with other values" in other
    assert "is voided already" in anew
    assert "Void it" not in text(femi.get(page))
    with tenancy.organization(cast.organization.id):
        batch = models.JournalBatch.objects.get()
        assert (batch.void_reason, batch.voided_by) == ("Wrong account", cast.femi)


def test_a_period_that_was_opened_is_not_opened_by_the_same_form_later(
    cast: organizations.Cast,
) -> None:
    with tenancy.organization(cast.organization.id):
        factory.prepare()
        march, april = factory.period(), factory.period(factory.NEXT_DAY)
    femi = of(cast.femi)
    given = {
        "idempotency_key": str(uuid4()),
        "fiscal_period": march.pk,
        "to_status": "OPEN",
        "reason": "More to post",
    }

    first = femi.post(address("periodevent"), given)
    with tenancy.organization(cast.organization.id):
        factory.prepare()
    again = femi.post(address("periodevent"), given)
    other = text(femi.post(address("periodevent"), {**given, "fiscal_period": april.pk}))

    assert (first.status_code, again.status_code) == (302, 302)
    assert "is OPEN already" in other
    with tenancy.organization(cast.organization.id):
        assert events() == ["SOFT_CLOSED", "OPEN", "SOFT_CLOSED"]


def test_a_key_does_not_open_two_periods(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        factory.prepare()
        factory.prepare(day=factory.NEXT_DAY)
        march, april = factory.period(), factory.period(factory.NEXT_DAY)
    femi = of(cast.femi)
    given = {
        "idempotency_key": str(uuid4()),
        "fiscal_period": march.pk,
        "to_status": "OPEN",
        "reason": "More to post",
    }
    femi.post(address("periodevent"), given)

    refused = text(femi.post(address("periodevent"), {**given, "fiscal_period": april.pk}))

    assert "This form was sent before with other values" in refused
    with tenancy.organization(cast.organization.id):
        april.refresh_from_db()
        assert (april.status, events()) == ("SOFT_CLOSED", ["SOFT_CLOSED", "SOFT_CLOSED", "OPEN"])


@pytest.mark.parametrize(
    ("model", "given", "field", "message"),
    [
        ("journalbatch", {"kind": "SPEND", "currency": "USD"}, "fiscal_period", "has no spend"),
        ("journalbatch", {"kind": "ACCRUAL", "currency": "USD"}, "fiscal_period", "is open"),
        ("journalbatch", {"kind": "REVERSAL", "currency": "USD"}, "kind", "valid choice"),
        ("reconciliationrun", {"currency": "USD"}, "fiscal_period", "Import it first"),
        ("reconciliationrun", {"currency": "XQZ"}, "currency", "is not a currency code"),
        ("periodevent", {"to_status": "CLOSED", "reason": "Done"}, "to_status", "have it signed"),
        ("periodevent", {"to_status": "OPEN", "reason": "Why not"}, None, "is OPEN already"),
    ],
)
def test_a_refusal_is_shown_at_its_field_and_changes_nothing(
    model: str, given: dict[str, str], field: str | None, message: str, cast: organizations.Cast
) -> None:
    with tenancy.organization(cast.organization.id):
        march = factory.period()

    refused = fill(of(cast.femi), address(model), fiscal_period=march.pk, **given)

    shown = refused.context["adminform"].form.errors
    assert message in text(refused)
    assert list(shown) == [field or "__all__"]
    with tenancy.organization(cast.organization.id):
        assert models.Operation.objects.count() == 0
        assert models.JournalBatch.objects.count() == 0
        assert models.PeriodEvent.objects.count() == 0


def test_a_file_and_an_account_that_cannot_be_used_are_explained(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        march = factory.period()
    femi = of(cast.femi)
    file = SimpleUploadedFile("gl.csv", b"\xff\xfe\x00")
    account = {"code": "64 20", "name": "Gifts", "kind": "EXPENSE", "tax_rate": "Tax Exempt"}

    no_text = femi.post(address("glimport"), {"fiscal_period": march.pk, "file": file})
    no_code = femi.post(address("glaccount"), account)

    assert "The file is not UTF-8" in text(no_text)
    assert list(no_text.context["adminform"].form.errors) == ["file"]
    assert "Write it as the general ledger does" in text(no_code)
    assert list(no_code.context["adminform"].form.errors) == ["code"]
    with tenancy.organization(cast.organization.id):
        assert models.GlImport.objects.count() == models.GlAccount.objects.count() == 0


def test_a_format_that_cannot_carry_a_batch_is_explained(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        gifts = factory.make_account()
        owed = factory.make_account(kind=batches.AccountKind.LIABILITY, name="Clearing")
        factory.make_mapping(
            account_id=gifts.pk,
            counter_account_id=owed.pk,
            department="Sales",
            class_name="Gifts",
            location="Berlin",
        )
        ledger.record_fact(ledger.make_budget(), 7_00)
        batch = factory.tell()
    femi = of(cast.femi)

    refused = femi.get(_file(batch, batches.Format.XERO), follow=True)
    unknown = femi.get(_file(batch, "papyrus"))

    assert refused.redirect_chain == [(address("journalbatch", "change", batch.pk), 302)]
    assert "tracking categories" in text(refused)
    assert unknown.status_code == 404
    with tenancy.organization(cast.organization.id):
        assert models.JournalFile.objects.count() == 0


def test_a_batch_of_several_files_comes_in_one(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        factory.make_chart()
        budget = ledger.make_budget(10_000_00)
        for number in range(MORE_THAN_A_FILE):
            factory.fact(budget, 1_00, f"S-{number}")
        batch = factory.tell()

    first, again = (_download(of(cast.femi), batch, batches.Format.XERO) for _ in range(2))

    with zipfile.ZipFile(io.BytesIO(first.content)) as archive:
        lines = [len(archive.read(name).decode().splitlines()) for name in archive.namelist()]
    assert sum(lines) == 2 * MORE_THAN_A_FILE + len(lines)
    assert len(lines) == 2
    assert max(lines) <= 300
    assert again.content == first.content


def test_who_may_not_close_changes_nothing(cast: organizations.Cast) -> None:
    with tenancy.organization(cast.organization.id):
        batch = factory.make_journal_batch()
        preparation = factory.prepare()
        march = factory.period()
        before = events()
        operations = models.Operation.objects.count()
    auditor = organizations.make_member(
        "audrey", organization=cast.organization, role=access.Role.AUDITOR
    )
    given = {
        "idempotency_key": str(uuid4()),
        "fiscal_period": march.pk,
        "preparation": preparation.pk,
        "item": "TIE_OUT",
        "reason": "I want to",
        "void_because": "I want to",
        "kind": "SPEND",
        "currency": "USD",
    }

    answers = [
        of(person).post(where, given).status_code
        for person in (cast.maya, auditor)
        for where in (
            address("closepreparation"),
            address("closewaiver"),
            address("closesignature"),
            address("periodevent"),
            address("reconciliationrun"),
            address("glimport"),
            address("glaccount"),
            address("glmapping"),
            address("journalbatch"),
            address("journalbatch", "change", batch.pk),
        )
    ]
    read = _download(of(auditor), batch, batches.Format.CSV).status_code
    unread = _download(of(cast.maya), batch, batches.Format.CSV).status_code

    assert set(answers) == {403}
    assert (read, unread) == (200, 403)
    with tenancy.organization(cast.organization.id):
        batch.refresh_from_db()
        assert (events(), models.Operation.objects.count()) == (before, operations)
        assert not batch.is_voided


def _file(batch: models.JournalBatch, written_as: str) -> str:
    return reverse("admin:gifting_journalbatch_file", args=[batch.pk, written_as])


def _download(client: Client, batch: models.JournalBatch, written_as: batches.Format) -> Any:
    return client.get(_file(batch, written_as))

"""Sends come in with events and costs; news moves them on, and every cut of spend stays exact."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import models as db

from gifting.models import (
    Campaign,
    CostCenter,
    CostLine,
    GiftItem,
    Recipient,
    Send,
    SendEvent,
    SpendRollup,
)
from gifting.services import tenancy
from integrations.domain import fields
from integrations.services import imports
from tests.factories import files, organizations

pytestmark = pytest.mark.django_db

KIND = fields.Kind.SENDS
OFFERED = (
    "S1,SPRING,EMEA,MUG,12.00,R1,Rita,rita@example.com,de,ACME,maya,2,Sent,2024-03-01,,24.00,,"
    "ESTIMATED\n"
)
DELIVERED = (
    "S1,SPRING,EMEA,MUG,12.00,R1,Rita,rita@example.com,de,ACME,maya,2,Delivered,2024-03-01,"
    "2024-03-05,26.50,4.10,ACTUAL\n"
)
PLAIN = "S2,SPRING,,,,,,,,ACME,,,On its way,2024-03-02,,10.00,0,ACTUAL\n"


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


def test_a_send_comes_in_with_all_that_it_names(tmp_path: Path) -> None:
    report = _import(OFFERED + PLAIN, tmp_path)

    assert files.counts(report) == (2, 0, 0, 0)
    send = Send.objects.get(external_id="S1")
    assert (send.source, send.state, send.quantity) == ("sendoso", "OFFERED", 2)
    assert send.sent_at == dt.datetime(2024, 3, 1, tzinfo=dt.UTC)
    assert send.campaign_id == Campaign.objects.get(code="SPRING").pk
    assert send.cost_center_id == CostCenter.objects.get(code="EMEA").pk
    assert send.gift_item_id == GiftItem.objects.get(sku="MUG").pk
    assert GiftItem.objects.get().list_price_amount_minor == 12_00
    recipient = Recipient.objects.get()
    assert (recipient.external_id, recipient.country) == ("R1", "DE")
    assert (recipient.email, recipient.account_reference) == ("rita@example.com", "ACME")
    assert Send.objects.get(external_id="S2").cost_center_id == (
        organizations.root_cost_center().pk
    )
    assert _events("S2") == [("OFFERED", ""), ("SHIPPED", "On its way")]
    assert _costs("S1") == [("ITEM", 1, "ESTIMATED", 24_00, 24_00)]
    assert _costs("S2") == [
        ("ITEM", 1, "ACTUAL", 10_00, 10_00),
        ("SHIPPING", 1, "ACTUAL", 0, 0),
    ]


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    _import(OFFERED + PLAIN, tmp_path)
    before = _everything()

    report = _import(OFFERED + PLAIN, tmp_path)

    assert files.counts(report) == (0, 0, 2, 0)
    assert _everything() == before


def test_news_moves_a_send_on_and_corrects_its_cost(tmp_path: Path) -> None:
    _import(OFFERED, tmp_path)

    report = _import(DELIVERED, tmp_path)

    send = Send.objects.get()
    assert files.counts(report) == (0, 1, 0, 0)
    assert (send.state, send.last_event_number) == ("DELIVERED", 2)
    assert send.delivered_at == dt.datetime(2024, 3, 5, tzinfo=dt.UTC)
    assert _costs("S1") == [
        ("ITEM", 1, "ESTIMATED", 24_00, 24_00),
        ("ITEM", 2, "ACTUAL", 26_50, 2_50),
        ("SHIPPING", 1, "ACTUAL", 4_10, 4_10),
    ]


def test_a_dry_run_of_news_keeps_nothing(tmp_path: Path) -> None:
    _import(OFFERED, tmp_path)
    before = _everything()

    report = files.import_rows(KIND, DELIVERED + PLAIN, folder=tmp_path, is_dry_run=True)

    assert files.counts(report) == (1, 1, 0, 0)
    assert [(d.key, d.column, d.before, d.after) for d in report.differences] == [
        ("S2", "", None, None),
        ("S1", "item_amount_minor", "2400", "2650"),
        ("S1", "shipping_amount_minor", "0", "410"),
        ("S1", "state", "OFFERED", "DELIVERED"),
    ]
    assert _everything() == before


def test_old_news_is_no_error_and_no_event(tmp_path: Path) -> None:
    _import(DELIVERED, tmp_path)

    report = _import(
        DELIVERED.replace("Delivered,2024-03-01,2024-03-05", "Opened,2024-03-01,"), tmp_path
    )

    assert files.counts(report) == (0, 0, 1, 0)
    assert _events("S1") == [("OFFERED", ""), ("DELIVERED", "Delivered")]


def test_what_cannot_follow_rejects_its_row_alone(tmp_path: Path) -> None:
    _import(DELIVERED, tmp_path)
    before = _everything()

    report = _import(
        DELIVERED.replace("Delivered,2024-03-01,2024-03-05,26.50", "Canceled,2024-03-01,,99.00")
        + DELIVERED.replace("S1", "S3").replace("Delivered", "Declined"),
        tmp_path,
    )

    assert files.counts(report) == (0, 0, 0, 2)
    assert files.reasons(report) == [
        (2, "status", "a send cannot go from DELIVERED to CANCELLED"),
        (3, "status", "a send cannot go from DELIVERED to DECLINED"),
    ]
    assert _everything() == before


def test_a_moved_send_takes_its_whole_cost_along(tmp_path: Path) -> None:
    _import(DELIVERED, tmp_path)

    report = _import(DELIVERED.replace("SPRING", "SUMMER"), tmp_path)

    assert files.counts(report) == (0, 1, 0, 0)
    assert _spend_by_campaign() == {"SPRING": 0, "SUMMER": 30_60}
    assert [cost[1:] for cost in _costs("S1") if cost[0] == "ITEM"] == [
        (1, "ACTUAL", 26_50, 26_50),
        (2, "ACTUAL", 0, -26_50),
        (3, "ACTUAL", 26_50, 26_50),
    ]
    assert files.counts(_import(DELIVERED.replace("SPRING", "SUMMER"), tmp_path)) == (0, 0, 1, 0)


def test_a_cost_that_is_not_told_moves_with_its_send(tmp_path: Path) -> None:
    _import(DELIVERED, tmp_path)

    moved = DELIVERED.replace("SPRING", "SUMMER").replace("26.50,4.10", ",")
    report = _import(moved, tmp_path)

    assert files.counts(report) == (0, 1, 0, 0)
    assert _spend_by_campaign() == {"SPRING": 0, "SUMMER": 30_60}
    assert files.counts(_import(moved, tmp_path)) == (0, 0, 1, 0)


def test_a_cost_moves_to_the_period_the_send_went_out_in(tmp_path: Path) -> None:
    _import(PLAIN, tmp_path)

    report = _import(PLAIN.replace("2024-03-02", "2024-02-28"), tmp_path)

    spend = SpendRollup.objects.values_list("fiscal_period__starts_on").annotate(
        amount=db.Sum("amount_minor")
    )
    assert files.counts(report) == (0, 1, 0, 0)
    assert dict(spend) == {dt.date(2024, 3, 1): 0, dt.date(2024, 2, 1): 10_00}


def test_a_second_currency_rejects_its_row(tmp_path: Path) -> None:
    _import(PLAIN, tmp_path)
    mapping = files.SENDS.replace('currency = "USD"', 'currency = "EUR"')

    report = files.import_bytes(
        KIND, (files.SENDS_HEADER + PLAIN).encode(), mapping=mapping, folder=tmp_path
    )

    assert files.reasons(report) == [(2, "", "the send is charged in USD and the row says EUR")]


def test_the_last_row_decides_a_recipients_details(tmp_path: Path) -> None:
    rows = OFFERED + OFFERED.replace("S1", "S9").replace("rita@example.com", "r@example.com")
    _import(rows, tmp_path)

    again = _import(rows, tmp_path)
    corrected = _import(rows.replace("Rita", "Rita B."), tmp_path)

    recipient = Recipient.objects.get()
    assert files.counts(again) == (0, 0, 2, 0)
    assert files.counts(corrected) == (0, 2, 0, 0)
    assert (recipient.name, recipient.email) == ("Rita B.", "r@example.com")


def test_faults_of_a_send_are_named(tmp_path: Path) -> None:
    report = _import(
        PLAIN
        + PLAIN.replace("S2", "F1").replace("On its way", "Teleported")
        + PLAIN.replace("S2", "F2").replace("On its way,2024-03-02", "Sent,")
        + PLAIN.replace("S2", "F3").replace("SPRING,,,,", "SPRING,,CAP,,")
        + PLAIN.replace("S2", "F4").replace("10.00", "-10.00")
        + PLAIN.replace("S2", "F5").replace("ACTUAL", "GUESSED")
        + PLAIN.replace("S2", "F6").replace(",ACME,", ",ACME,", 1).replace("SPRING", "")
        + OFFERED.replace("S1", "F7").replace(",de,", ",Germany,")
        + OFFERED.replace("S1", "F8").replace("maya,2,", "maya,0,"),
        tmp_path,
    )

    assert files.counts(report) == (1, 0, 0, 8)
    assert files.reasons(report) == [
        (3, "status", "the status 'Teleported' is not known: add it to the mapping's [states]"),
        (4, "status", "the status 'Sent' has no time"),
        (5, "price", "the gift is not known yet and the row gives no price for it"),
        (6, "item", "the amount '-10.00' is negative"),
        (7, "basis", "'GUESSED' is none of ESTIMATED, ACTUAL"),
        (8, "campaign", "the cell is blank"),
        (9, "country", "'GERMANY' is not a country code of two letters"),
        (10, "quantity", "'0' is not a whole number from 1 to 2,147,483,647"),
    ]


def _import(rows: str, folder: Path) -> imports.Report:
    return files.import_rows(KIND, rows, folder=folder)


def _events(external_id: str) -> list[tuple[str, str]]:
    events = SendEvent.objects.filter(send__external_id=external_id).order_by("number")
    return list(events.values_list("to_state", "vendor_status"))


def _costs(external_id: str) -> list[tuple[str, int, str, int, int]]:
    lines = CostLine.objects.filter(send__external_id=external_id)
    return list(
        lines.order_by("component", "version").values_list(
            "component", "version", "basis", "amount_minor", "change_minor"
        )
    )


def _spend_by_campaign() -> dict[str, int]:
    spend = SpendRollup.objects.values_list("campaign__code").annotate(db.Sum("amount_minor"))
    return dict(spend)


def _everything() -> list[object]:
    return [
        list(model.objects.order_by("id").values())
        for model in (Send, SendEvent, CostLine, SpendRollup, Recipient, Campaign, GiftItem)
    ]

"""Opportunities come in whole, change with their history, and come in again without a trace."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from attribution.models import (
    Account,
    AmountChange,
    Opportunity,
    OwnerChange,
    StageChange,
)
from gifting import models as gifting
from gifting.domain import access, refusals
from gifting.services import tenancy
from integrations import models
from integrations.domain import encodings, fields, mappings
from integrations.services import imports
from tests.factories import files, organizations

pytestmark = pytest.mark.django_db

KIND = fields.Kind.OPPORTUNITIES
FOUR = (
    "A1,Acme,Won,2024-01-10,2024-03-31,1054,Maya,GTXPro\n"
    "A2,Acme,Lost,2024-01-11,2024-02-01,0,Maya,GTX Pro\n"
    "A3,Betatech,Engaging,2024-01-12,,,Maya,MG Special\n"
    "A4,,Prospecting,,,,,\n"
)
LATER = organizations.NOON + dt.timedelta(days=30)


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    organization = organizations.make_organization(
        time_zone="America/New_York", fiscal_year_start=2
    )
    with tenancy.organization(organization.id):
        yield


def test_a_file_comes_in_as_it_says(tmp_path: Path) -> None:
    report = files.import_rows(KIND, FOUR, folder=tmp_path)

    assert (report.read, *files.counts(report)) == (4, 4, 0, 0, 0)
    assert report.won_revenue is not None
    assert report.won_revenue.decimal_text == "1054.00"
    won, lost, engaging, prospecting = Opportunity.objects.order_by("external_id")
    assert (won.status, won.amount_minor, won.product) == ("WON", 1054_00, "GTX Pro")
    assert (lost.status, lost.amount_minor) == ("LOST", 0)
    assert (engaging.status, engaging.amount_minor, engaging.closed_at) == ("OPEN", None, None)
    assert (prospecting.account_id, prospecting.opened_at) == (None, None)
    assert sorted(Account.objects.values_list("external_id", "name")) == [
        ("Acme", "Acme"),
        ("Betatech", "Betatech"),
    ]


def test_a_day_opens_at_its_start_and_closes_at_its_end_where_the_company_is(
    tmp_path: Path,
) -> None:
    files.import_rows(KIND, FOUR, folder=tmp_path)

    won = Opportunity.objects.get(external_id="A1")

    assert won.opened_at == dt.datetime(2024, 1, 10, 5, tzinfo=dt.UTC)
    assert won.closed_at == dt.datetime(2024, 4, 1, 3, 59, 59, 999_999, tzinfo=dt.UTC)
    period = gifting.FiscalPeriod.objects.get(id=_period_of("A1"))
    assert (period.fiscal_year, period.starts_on) == (2025, dt.date(2024, 3, 1))


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    files.import_rows(KIND, FOUR, folder=tmp_path)
    before = _everything()

    report = files.import_rows(KIND, FOUR, folder=tmp_path, at=LATER)

    assert files.counts(report) == (0, 0, 4, 0)
    assert report.won_revenue is not None
    assert report.won_revenue.decimal_text == "1054.00"
    assert _everything() == before


def test_first_sight_writes_the_stage_with_the_time_that_is_known(tmp_path: Path) -> None:
    files.import_rows(KIND, FOUR, folder=tmp_path)

    assert _stages("A1") == [("Won", dt.datetime(2024, 4, 1, 3, 59, 59, 999_999, tzinfo=dt.UTC))]
    assert _stages("A3") == [("Engaging", dt.datetime(2024, 1, 12, 5, tzinfo=dt.UTC))]
    assert _stages("A4") == [("Prospecting", organizations.NOON)]
    assert AmountChange.objects.count() == 0
    assert OwnerChange.objects.count() == 0


def test_a_change_is_written_with_what_stood_before_it(tmp_path: Path) -> None:
    files.import_rows(KIND, FOUR, folder=tmp_path)

    report = files.import_rows(
        KIND,
        "A3,Betatech,Won,2024-01-12,2024-05-01,77.50,Femi,MG Special\n",
        folder=tmp_path,
        at=LATER,
    )

    opened = dt.datetime(2024, 1, 12, 5, tzinfo=dt.UTC)
    assert files.counts(report) == (0, 1, 0, 0)
    assert report.won_revenue is not None
    assert report.won_revenue.decimal_text == "77.50"
    assert _stages("A3") == [
        ("Engaging", opened),
        ("Won", dt.datetime(2024, 5, 2, 3, 59, 59, 999_999, tzinfo=dt.UTC)),
    ]
    amounts = AmountChange.objects.order_by("changed_at")
    assert list(amounts.values_list("amount_minor", "changed_at")) == [
        (None, opened),
        (77_50, LATER),
    ]
    owners = OwnerChange.objects.order_by("changed_at")
    assert list(owners.values_list("owner_reference", "changed_at")) == [
        ("Maya", opened),
        ("Femi", LATER),
    ]


def test_a_change_is_never_dated_before_the_one_it_follows(tmp_path: Path) -> None:
    files.import_rows(KIND, "A4,,Prospecting,,,,,\n", folder=tmp_path)

    files.import_rows(KIND, "A4,,Won,,2024-01-05,10,,\n", folder=tmp_path, at=LATER)

    assert _stages("A4") == [("Prospecting", organizations.NOON), ("Won", organizations.NOON)]


def test_a_reopened_deal_loses_its_close(tmp_path: Path) -> None:
    files.import_rows(KIND, FOUR, folder=tmp_path)

    report = files.import_rows(
        KIND, "A2,Acme,Engaging,2024-01-11,2024-02-01,0,Maya,GTX Pro\n", folder=tmp_path, at=LATER
    )

    reopened = Opportunity.objects.get(external_id="A2")
    assert files.counts(report) == (0, 1, 0, 0)
    assert (reopened.status, reopened.closed_at, reopened.fiscal_period_id) == ("OPEN", None, None)


def test_what_a_file_does_not_tell_stays(tmp_path: Path) -> None:
    files.import_rows(KIND, FOUR, folder=tmp_path)
    mapping = """
kind = "opportunities"
source = "crm"
currency = "USD"
[columns]
external_id = "id"
stage = "stage"
[stages]
open = ["Prospecting", "Engaging", "Negotiating"]
"""

    report = files.import_bytes(
        KIND, b"id,stage\nA3,Negotiating\nA9,Engaging\n", mapping=mapping, folder=tmp_path
    )

    negotiating, added = Opportunity.objects.filter(external_id__in=["A3", "A9"]).order_by(
        "external_id"
    )
    assert files.counts(report) == (1, 1, 0, 0)
    assert negotiating.owner_reference == "Maya"
    assert negotiating.account_id is not None
    assert (added.owner_reference, added.currency, added.account_id) == ("", "USD", None)


def test_a_period_that_a_controller_moved_keeps_the_closes_it_had(tmp_path: Path) -> None:
    files.import_rows(KIND, FOUR, folder=tmp_path)
    before = _period_of("A1")
    period = gifting.FiscalPeriod.objects.get(id=before)
    following = gifting.FiscalPeriod.objects.get(starts_on=period.ends_on)
    gifting.FiscalPeriod.objects.filter(id=before).update(ends_on=dt.date(2024, 3, 15))
    gifting.FiscalPeriod.objects.filter(id=following.pk).update(starts_on=dt.date(2024, 3, 15))

    report = files.import_rows(
        KIND, FOUR.replace("Maya,GTXPro", "Femi,GTXPro"), folder=tmp_path, at=LATER
    )

    assert files.counts(report) == (0, 1, 3, 0)
    assert _period_of("A1") == before


def test_a_close_in_no_period_is_rejected(tmp_path: Path) -> None:
    files.import_rows(KIND, FOUR, folder=tmp_path)
    # A gap is refused when the transaction ends; until then there is one.
    period = gifting.FiscalPeriod.objects.filter(starts_on=dt.date(2024, 12, 1))
    period.update(ends_on=dt.date(2024, 12, 31))

    report = files.import_rows(
        KIND, "B1,,Won,,2024-12-31,1,,\nB2,,Won,,2024-12-30,2,,\n", folder=tmp_path
    )

    assert files.counts(report) == (1, 0, 0, 1)
    assert files.reasons(report) == [
        (2, "closed", "no fiscal period holds 2024-12-31: add it to the calendar")
    ]
    kept = models.QuarantinedRow.objects.get()
    assert kept.content == "B1,,Won,,2024-12-31,1,,"
    period.update(ends_on=dt.date(2025, 1, 1))


def test_five_planted_faults_are_named_and_the_rest_comes_in(tmp_path: Path) -> None:
    report = files.import_rows(
        KIND,
        FOUR
        + "F1,Acme,Wonn,2024-01-10,2024-03-31,1,Maya,x\n"
        + "F2,Acme,Won,2024-13-10,2024-03-31,1,Maya,x\n"
        + "F3,Acme,Won,2024-01-10,,1,Maya,x\n"
        + 'F4,"a\nb",Won,2024-01-10,2024-03-31,"1,000",Maya,x\n'
        + "F5,Acme,Won\n"
        + "A5,Acme,Won,2024-01-10,2024-03-31,5,Maya,x\n",
        folder=tmp_path,
    )

    assert (report.read, *files.counts(report)) == (10, 5, 0, 0, 5)
    assert files.reasons(report) == [
        (6, "stage", "the stage 'Wonn' is not in the mapping's [stages]"),
        (7, "opened", "'2024-13-10' is not a date written as %Y-%m-%d or ISO"),
        (8, "closed", "the stage 'Won' is an end, and the close is blank"),
        (
            9,
            "amount",
            "'1,000' is not an amount of USD: the mapping says decimal '.', thousands ''",
        ),
        (11, "", "the row has 3 cells and the header has 8"),
    ]
    assert Opportunity.objects.filter(external_id="A5").exists()
    run = models.ImportRun.objects.get()
    assert (run.read_count, run.new_count, run.rejected_count) == (10, 5, 5)
    quarantined = models.QuarantinedRow.objects.order_by("line").values_list("line", "content")
    assert list(quarantined)[3:] == [
        (9, 'F4,"a\nb",Won,2024-01-10,2024-03-31,"1,000",Maya,x'),
        (11, "F5,Acme,Won"),
    ]


def test_an_id_told_twice_is_taken_once(tmp_path: Path) -> None:
    row = "A1,Acme,Won,2024-01-10,2024-03-31,1054,Maya,x\n"

    report = files.import_rows(KIND, row + row + row.replace("1054", "1055"), folder=tmp_path)

    assert files.counts(report) == (1, 0, 1, 1)
    assert files.reasons(report) == [(4, "id", "the id stands on line 2 too, with other values")]
    assert Opportunity.objects.get().amount_minor == 1054_00
    assert models.QuarantinedRow.objects.get().content == row.strip().replace("1054", "1055")


def test_a_dry_run_tells_and_keeps_nothing(tmp_path: Path) -> None:
    files.import_rows(KIND, FOUR, folder=tmp_path)
    before = _everything()

    report = files.import_rows(
        KIND,
        "A1,Acme,Won,2024-01-10,2024-03-31,1055,Maya,GTXPro\n"
        "N1,New account,Engaging,,,,,\n"
        "N2,,Nowhere,,,,,\n",
        folder=tmp_path,
        at=LATER,
        is_dry_run=True,
    )

    assert files.counts(report) == (1, 1, 0, 1)
    assert [(d.line, d.key, d.column, d.before, d.after) for d in report.differences] == [
        (2, "A1", "amount_minor", "105400", "105500"),
        (3, "N1", "", None, None),
    ]
    assert _everything() == before
    assert models.ImportRun.objects.count() == 1


def test_a_currency_column_decides_row_by_row(tmp_path: Path) -> None:
    mapping = files.OPPORTUNITIES.replace('owner = "owner"', 'currency = "owner"')

    report = files.import_bytes(
        KIND,
        (
            files.OPPORTUNITIES_HEADER
            + "C1,,Won,,2024-03-31,100,JPY,\n"
            + "C2,,Won,,2024-03-31,100.5,KWD,\n"
            + "C3,,Won,,2024-03-31,100.5,JPY,\n"
            + "C4,,Won,,2024-03-31,7,,\n"
            + "C5,,Won,,2024-03-31,7,usd,\n"
        ).encode(),
        mapping=mapping,
        folder=tmp_path,
    )

    stored = Opportunity.objects.order_by("external_id").values_list("amount_minor", "currency")
    assert list(stored) == [(100, "JPY"), (100_500, "KWD"), (7_00, "USD")]
    assert files.reasons(report) == [
        (4, "amount", "'100.5' has more decimals than JPY has"),
        (6, "owner", "'usd' is not a currency code of ISO 4217"),
    ]
    assert report.won_revenue is not None
    assert report.won_revenue.format() == "7.00 USD"


def test_another_source_has_other_opportunities(tmp_path: Path) -> None:
    files.import_rows(KIND, FOUR, folder=tmp_path)

    report = files.import_bytes(
        KIND,
        (files.OPPORTUNITIES_HEADER + FOUR).encode(),
        mapping=files.OPPORTUNITIES.replace('"crm"', '"other"'),
        folder=tmp_path,
    )

    assert files.counts(report) == (4, 0, 0, 0)
    assert Opportunity.objects.count() == 8


def test_only_an_actor_who_may_import_does(tmp_path: Path) -> None:
    actor = access.Actor.member(
        user_id=1,
        organization_id=organizations.here(),
        role=access.Role.MARKETING,
        cost_center_ids=(),
    )

    with pytest.raises(refusals.Forbidden):
        imports.run(
            actor=actor,
            kind=KIND,
            path=tmp_path / "never-read.csv",
            mapping_text=files.OPPORTUNITIES,
            run_id=organizations.here(),
            at=organizations.NOON,
        )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty. Export it again with its header and rows."),
        (
            "id,stage\n".encode("utf-16"),
            "The file is UTF-16. Save it as CSV UTF-8 and import it again.",
        ),
        (b'"id,stage\n', "The header cannot be read: a quote is opened and not closed."),
    ],
)
def test_an_unreadable_file_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(encodings.FileUnreadable) as refusal:
        files.import_bytes(KIND, content, mapping=files.OPPORTUNITIES, folder=tmp_path)

    assert refusal.value.message == message
    assert models.ImportRun.objects.count() == 0


def test_a_column_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(mappings.ColumnMissing) as refusal:
        files.import_bytes(
            KIND,
            files.OPPORTUNITIES_HEADER.replace("amount", "Amount").encode() + FOUR.encode(),
            mapping=files.OPPORTUNITIES,
            folder=tmp_path,
        )

    assert refusal.value.field == "amount"
    assert refusal.value.message.startswith(
        "The mapping reads amount from column 'amount', which the file does not have. "
        "Did you mean 'Amount'?"
    )
    assert (Opportunity.objects.count(), models.ImportRun.objects.count()) == (0, 0)


def _stages(external_id: str) -> list[tuple[str, dt.datetime]]:
    changes = StageChange.objects.filter(opportunity__external_id=external_id)
    return list(changes.order_by("id").values_list("stage", "changed_at"))


def _period_of(external_id: str) -> int:
    period_id = Opportunity.objects.get(external_id=external_id).fiscal_period_id
    assert period_id is not None
    return period_id


def _everything() -> list[object]:
    return [
        list(model.objects.order_by("id").values())
        for model in (Account, Opportunity, StageChange, AmountChange, OwnerChange)
    ]

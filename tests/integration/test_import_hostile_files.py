"""A hostile file names its bad rows, brings in its good ones, and harms nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from attribution.models import Account, Opportunity
from gifting.domain import access
from gifting.models import Send
from gifting.services import tenancy
from integrations import models
from integrations.domain import encodings, fields
from integrations.services import imports
from tests.factories import files, organizations

pytestmark = pytest.mark.django_db

KIND = fields.Kind.OPPORTUNITIES
GOOD = b"G%d,Acme,Won,2024-01-10,2024-03-31,1,Maya,x\n"


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@pytest.mark.parametrize(
    ("bad", "column", "reason"),
    [
        (b"B\0,Acme,Won,2024-01-10,2024-03-31,1,Maya,x", "", "the row holds a NUL byte"),
        (
            b"B,Acm\xe9,Won,2024-01-10,2024-03-31,1,Maya,x",
            "",
            "the row holds bytes that are no letters in the file's encoding",
        ),
        (b'B,"Acme,Won,2024-01-10', "", "a quote is opened and not closed"),
        (b'B,"Ac"me,Won', "", "a quote inside a quoted cell is not doubled"),
        (
            b"B," + b"A" * 1_000_000 + b",Won,2024-01-10,2024-03-31,1,Maya,x",
            "",
            "the line is longer than 262,144 characters",
        ),
        (
            b"B," + b"A" * 300 + b",Won,2024-01-10,2024-03-31,1,Maya,x",
            "account",
            "the cell is longer than 255 characters",
        ),
        (b"," * 100_000, "", "the row has 100,001 cells and the header has 8"),
        (b",,,,,,,", "id", "the cell is blank"),
        (
            b"B,Acme,Won,2024-01-10,2024-03-31,1e308,Maya,x",
            "amount",
            "'1e308' is not an amount of USD",
        ),
        (
            b"B,Acme,Won,2024-01-10,2024-03-31,NaN,Maya,x",
            "amount",
            "'NaN' is not an amount of USD",
        ),
        (
            b"B,Acme,Won,2024-01-10,2024-03-31," + b"9" * 39 + b",Maya,x",
            "amount",
            "the amount '" + "9" * 39 + "' is too large",
        ),
        (
            b"B,Acme,Won,2024-01-10,9999-12-31,1,Maya,x",
            "closed",
            "'9999-12-31' is not a date between 1970 and 2100",
        ),
        (
            b"B,Acme,\x1b[31mWon,2024-01-10,2024-03-31,1,Maya,x",
            "stage",
            "the stage '\\x1b[31mWon' is not in the mapping's [stages]",
        ),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_one_bad_row_is_named_and_its_neighbors_come_in(
    bad: bytes, column: str, reason: str, tmp_path: Path
) -> None:
    # Enough letters of UTF-8 that one foreign byte does not make the file Latin-1.
    content = files.OPPORTUNITIES_HEADER.encode() + GOOD % 1 + bad + b"\n" + GOOD % 2
    content += "G3,Müller é,Won,2024-01-10,2024-03-31,1,Maya,x\n".encode()

    report = files.import_bytes(KIND, content, mapping=files.OPPORTUNITIES, folder=tmp_path)

    assert files.counts(report) == (3, 0, 0, 1)
    assert files.reasons(report) == [(3, column, reason)]
    assert sorted(Opportunity.objects.values_list("external_id", flat=True)) == ["G1", "G2", "G3"]
    assert models.QuarantinedRow.objects.get().line == 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252"])
def test_a_name_survives_its_encoding(encoding: str, tmp_path: Path) -> None:
    text = files.OPPORTUNITIES_HEADER + "G1,Müller & Søn,Won,2024-01-10,2024-03-31,1,Maya,x\n"

    report = files.import_bytes(
        KIND, text.encode(encoding), mapping=files.OPPORTUNITIES, folder=tmp_path
    )

    assert files.counts(report) == (1, 0, 0, 0)
    assert Account.objects.get().name == "Müller & Søn"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_newline_counts_as_one(newline: str, tmp_path: Path) -> None:
    text = files.OPPORTUNITIES_HEADER + "G1,,Engaging,,,,,\nB1,,,,,,,\nG2,,Engaging,,,,,"

    report = files.import_bytes(
        KIND, text.replace("\n", newline).encode(), mapping=files.OPPORTUNITIES, folder=tmp_path
    )

    assert files.counts(report) == (2, 0, 0, 1)
    assert files.reasons(report) == [(3, "stage", "the cell is blank")]


def test_a_formula_stays_the_text_it_is(tmp_path: Path) -> None:
    formula = '=HYPERLINK(""http://example.com"";""x"")'

    files.import_rows(KIND, f'G1,"{formula}",Engaging,,,,+1+1,@SUM(A1)\n', folder=tmp_path)

    opportunity = Opportunity.objects.get()
    assert Account.objects.get().name == formula.replace('""', '"')
    assert (opportunity.owner_reference, opportunity.product) == ("+1+1", "@SUM(A1)")


def test_a_text_that_looks_like_sql_or_copy_is_a_text(tmp_path: Path) -> None:
    owner = "'); DROP TABLE attribution_opportunity; -- \\. \\N %s %(organization)s"

    files.import_rows(KIND, f'G1,,Engaging,,,,"{owner}",\\N\n', folder=tmp_path)

    opportunity = Opportunity.objects.get()
    assert (opportunity.owner_reference, opportunity.product) == (owner, "\\N")


def test_a_header_alone_imports_nothing(tmp_path: Path) -> None:
    report = files.import_rows(KIND, "", folder=tmp_path)

    assert (report.read, *files.counts(report)) == (0, 0, 0, 0, 0)
    assert models.ImportRun.objects.get().read_count == 0


def test_a_file_of_bad_rows_alone_is_quarantined_whole(tmp_path: Path) -> None:
    report = files.import_rows(KIND, "B,,Nowhere,,,,,\n" * 12_000, folder=tmp_path)

    assert (report.read, *files.counts(report)) == (12_000, 0, 0, 0, 12_000)
    assert len(report.rejections) == imports.MOST_REJECTIONS_LISTED
    assert models.QuarantinedRow.objects.count() == 12_000
    assert Opportunity.objects.count() == 0


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "growing.csv"
    path.write_bytes(files.OPPORTUNITIES_HEADER.encode() + GOOD % 1)

    def grow(_byte_count: int) -> None:
        with path.open("ab") as stream:
            stream.write(GOOD % 2)

    with pytest.raises(imports.FileChanged):
        _run(path, on_progress=grow)

    assert (Opportunity.objects.count(), models.ImportRun.objects.count()) == (0, 0)


def test_a_sum_beyond_every_amount_is_still_told(tmp_path: Path) -> None:
    largest = "92233720368547758.07"

    report = files.import_rows(
        KIND, "".join(f"G{n},,Won,,2024-03-31,{largest},,\n" for n in range(3)), folder=tmp_path
    )

    assert files.counts(report) == (3, 0, 0, 0)
    assert report.won_revenue is not None
    assert report.won_revenue.decimal_text == "276701161105643274.21"
    assert report.won_revenue.format() == "276,701,161,105,643,274.21 USD"


def test_costs_that_no_book_can_add_up_are_refused_together(tmp_path: Path) -> None:
    largest = "92233720368547758.07"
    rows = "".join(
        f"S{n},SPRING,,,,,,,,ACME,,,Sent,2024-03-02,,{largest},,ACTUAL\n" for n in range(3)
    )

    with pytest.raises(imports.FileRefused) as refusal:
        files.import_rows(fields.Kind.SENDS, rows, folder=tmp_path)

    assert "(bigint out of range); nothing was written" in refusal.value.message
    assert (Send.objects.count(), models.ImportRun.objects.count()) == (0, 0)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(encodings.FileUnreadable) as refusal:
        _run(tmp_path)

    assert refusal.value.message == (
        f"The file {tmp_path} cannot be read: Is a directory. Check the path."
    )


def _run(path: Path, on_progress: Callable[[int], None] = lambda _byte_count: None) -> None:
    imports.run(
        actor=access.Actor.system(organization_id=organizations.here()),
        kind=KIND,
        path=path,
        mapping_text=files.OPPORTUNITIES,
        run_id=uuid.uuid4(),
        at=organizations.NOON,
        on_progress=on_progress,
    )

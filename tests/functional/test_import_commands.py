"""The import commands as an operator meets them: what is printed, and how they end."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from attribution.models import Account, Opportunity, Touchpoint
from gifting.models import Send
from gifting.services import organizations as books
from gifting.services import tenancy
from integrations.models import ImportRun
from tests.factories import files, organizations

pytestmark = pytest.mark.django_db

ROWS = "A1,Acme,Won,2024-01-10,2024-03-31,1054,Maya,x\nA2,Betatech,Engaging,2024-01-12,,,Maya,x\n"
BAD = "A3,Acme,Won,,,1,Maya,x\n"


@pytest.fixture
def slug() -> str:
    return organizations.make_organization().slug


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mapping.toml"
    path.write_text(files.OPPORTUNITIES)
    return path


def test_a_clean_file_ends_well_and_prints_one_object(
    slug: str, mapping: Path, tmp_path: Path
) -> None:
    answer = json.loads(_run(_file(tmp_path, ROWS), slug, mapping, "--json"))

    assert answer == {
        "read": 2,
        "new": 2,
        "changed": 0,
        "unchanged": 0,
        "rejected": 0,
        "rejections": [],
        "won_revenue": "1054.00",
    }


def test_a_file_with_a_bad_row_ends_with_three(slug: str, mapping: Path, tmp_path: Path) -> None:
    output = io.StringIO()

    with pytest.raises(CommandError) as end:
        _run(_file(tmp_path, ROWS + BAD), slug, mapping, "--json", output=output)

    assert end.value.returncode == 3
    assert str(end.value) == (
        "1 of 3 rows are in quarantine. Correct them in the file and import it again: rows that "
        "went in stay as they are."
    )
    answer = json.loads(output.getvalue())
    assert (answer["read"], answer["new"], answer["rejected"]) == (3, 2, 1)
    assert answer["rejections"] == [
        {
            "line": 4,
            "column": "closed",
            "reason": "the stage 'Won' is an end, and the close is blank",
        }
    ]


def test_people_read_a_summary(slug: str, mapping: Path, tmp_path: Path) -> None:
    output = io.StringIO()

    with pytest.raises(CommandError):
        _run(_file(tmp_path, ROWS + BAD), slug, mapping, output=output)

    assert output.getvalue().splitlines()[-2:] == [
        "3 rows read: 2 new, 0 changed, 0 unchanged, 1 rejected",
        "won revenue 1,054.00 USD",
    ]
    assert "the stage 'Won' is an end, and the close is blank" in output.getvalue()


def test_a_dry_run_shows_what_would_change(slug: str, mapping: Path, tmp_path: Path) -> None:
    _run(_file(tmp_path, ROWS), slug, mapping)

    output = _run(_file(tmp_path, ROWS.replace("1054", "1055")), slug, mapping, "--dry-run")

    assert "amount_minor" in output
    assert "105400" in output
    assert "105500" in output
    assert "Dry run, nothing kept: 2 rows read: 0 new, 1 changed, 1 unchanged, 0 rejected" in output
    assert "won revenue 1,055.00 USD" in output
    answer = json.loads(_run(_file(tmp_path, ROWS), slug, mapping, "--json"))
    assert (answer["unchanged"], answer["won_revenue"]) == (2, "1054.00")


def test_an_unknown_organization_is_refused_with_the_remedy(mapping: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as end:
        _run(_file(tmp_path, ROWS), "nobody", mapping)

    assert end.value.returncode == 2
    assert "no organization 'nobody'" in str(end.value)
    assert "create_organization" in str(end.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (('amount = "amount"', 'amount = "close_value"'), "'close_value'"),
        (('amount = "amount"', 'amont = "amount"'), "'amont'"),
        (('"USD"', '"DOLLAR"'), "'DOLLAR'"),
    ],
)
def test_a_wrong_mapping_is_refused_by_name_and_nothing_is_done(
    change: tuple[str, str], named: str, slug: str, mapping: Path, tmp_path: Path
) -> None:
    mapping.write_text(files.OPPORTUNITIES.replace(*change))

    with pytest.raises(CommandError) as end:
        _run(_file(tmp_path, ROWS), slug, mapping)

    assert end.value.returncode == 2
    assert named in str(end.value)
    with tenancy.organization(books.find(slug=slug).id):
        assert (Opportunity.objects.count(), ImportRun.objects.count()) == (0, 0)


@pytest.mark.parametrize("name", ["missing.csv", "empty.csv"])
def test_a_file_that_is_missing_or_empty_is_refused(
    name: str, slug: str, mapping: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")

    with pytest.raises(CommandError) as end:
        _run(tmp_path / name, slug, mapping)

    assert end.value.returncode == 2


def test_two_organizations_import_the_same_file_side_by_side(
    slug: str, mapping: Path, tmp_path: Path
) -> None:
    other = organizations.make_organization()

    here = json.loads(_run(_file(tmp_path, ROWS), slug, mapping, "--json"))
    there = json.loads(
        _run(_file(tmp_path, ROWS.replace("1054", "9")), other.slug, mapping, "--json")
    )
    again = json.loads(_run(_file(tmp_path, ROWS), slug, mapping, "--json"))

    assert (here["new"], there["new"], again["unchanged"]) == (2, 2, 2)
    assert (again["won_revenue"], there["won_revenue"]) == ("1054.00", "9.00")


@pytest.mark.parametrize(
    ("command", "text", "content", "model"),
    [
        ("import_accounts", files.ACCOUNTS, files.ACCOUNTS_HEADER + "1,A,,,,\n", Account),
        (
            "import_touches",
            files.TOUCHES,
            files.TOUCHES_HEADER + "T1,2024-01-01,email,Acme,,,\n",
            Touchpoint,
        ),
        (
            "import_sends",
            files.SENDS,
            files.SENDS_HEADER + "S1,C,,,,,,,,,,,Sent,2024-01-01,,1,,ACTUAL\n",
            Send,
        ),
    ],
)
def test_the_other_kinds_have_commands_of_their_own(
    command: str, text: str, content: str, model: Any, tmp_path: Path
) -> None:
    organization = organizations.make_organization()
    mapping = tmp_path / "kind.toml"
    mapping.write_text(text)
    path = tmp_path / "rows.csv"
    path.write_text(content)

    answer = json.loads(_run(path, organization.slug, mapping, "--json", command=command))

    assert (answer["new"], answer["won_revenue"]) == (1, None)
    with tenancy.organization(organization.id):
        assert model.objects.count() == 1


@pytest.mark.skipif(
    not settings.SAMPLE_DATA, reason="CRM_SAMPLE_DATA names no folder with the Maven export"
)
def test_the_maven_export_comes_in_whole(slug: str) -> None:
    folder = Path(settings.SAMPLE_DATA)
    accounts = (folder / "accounts.csv", slug, Path("maven_accounts"))
    pipeline = (folder / "sales_pipeline.csv", slug, Path("maven_opportunities"))

    first = json.loads(_run(*accounts, "--json", command="import_accounts"))
    whole = json.loads(_run(*pipeline, "--json"))
    again = json.loads(_run(*pipeline, "--json"))

    assert (first["read"], first["new"], first["rejected"]) == (85, 85, 0)
    assert (whole["read"], whole["new"], whole["rejected"]) == (8_800, 8_800, 0)
    assert (again["new"], again["changed"], again["unchanged"]) == (0, 0, 8_800)
    assert whole["won_revenue"] == again["won_revenue"] == "10005534.00"
    with tenancy.organization(books.find(slug=slug).id):
        assert Account.objects.count() == 85
        assert Opportunity.objects.filter(product="GTXPro").count() == 0
        assert Opportunity.objects.filter(account=None).count() == 1_425
        assert Opportunity.objects.filter(status="LOST", amount_minor=0).count() == 2_473
        assert Opportunity.objects.filter(status="OPEN", amount_minor=None).count() == 2_089
        assert Account.objects.filter(industry="technolgy").count() == 0


def _file(folder: Path, rows: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(files.OPPORTUNITIES_HEADER + rows)
    return path


def _run(
    path: Path,
    slug: str,
    mapping: Path,
    *options: str,
    command: str = "import_opportunities",
    output: io.StringIO | None = None,
) -> str:
    stream = output or io.StringIO()
    call_command(
        command,
        str(path),
        "--organization",
        slug,
        "--mapping",
        str(mapping),
        *options,
        stdout=stream,
    )
    return stream.getvalue()

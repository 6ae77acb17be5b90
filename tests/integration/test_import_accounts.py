"""Accounts come in with their hierarchy, whatever the order of the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from attribution.models import Account
from gifting.services import tenancy
from integrations.domain import fields
from tests.factories import files, organizations

pytestmark = pytest.mark.django_db

KIND = fields.Kind.ACCOUNTS
THREE = "1,Branch,2,retail,Kenya,85\n2,Head,9,retail,United States,2822\n3,Alone,,,,\n"


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


def test_a_hierarchy_comes_in_before_its_parents_do(tmp_path: Path) -> None:
    report = files.import_rows(KIND, THREE, folder=tmp_path)

    assert files.counts(report) == (3, 0, 0, 0)
    assert report.won_revenue is None
    assert _accounts() == [
        ("1", "Branch", "2", "retail", "Kenya", 85),
        ("2", "Head", "9", "retail", "United States", 2822),
        ("3", "Alone", None, "", "", None),
        ("9", "9", None, "", "", None),
    ]


def test_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    files.import_rows(KIND, THREE, folder=tmp_path)
    before = list(Account.objects.order_by("id").values())

    report = files.import_rows(KIND, THREE, folder=tmp_path)

    assert files.counts(report) == (0, 0, 3, 0)
    assert list(Account.objects.order_by("id").values()) == before


def test_an_account_that_a_deal_named_gets_its_details(tmp_path: Path) -> None:
    files.import_rows(fields.Kind.OPPORTUNITIES, "A,3,Engaging,,,,,\n", folder=tmp_path)

    report = files.import_rows(KIND, THREE, folder=tmp_path)

    assert files.counts(report) == (2, 1, 0, 0)
    assert Account.objects.get(external_id="3").name == "Alone"


def test_a_changed_parent_moves_the_account(tmp_path: Path) -> None:
    files.import_rows(KIND, THREE, folder=tmp_path)

    report = files.import_rows(
        KIND, "1,Branch,3,retail,Kenya,85\n2,Head,,retail,United States,2822\n", folder=tmp_path
    )

    assert files.counts(report) == (0, 2, 0, 0)
    assert [account[2] for account in _accounts()] == ["3", None, None, None]


def test_rows_that_make_a_circle_are_rejected_and_no_others(tmp_path: Path) -> None:
    files.import_rows(KIND, "1,One,2,,,\n", folder=tmp_path)

    report = files.import_rows(
        KIND, "2,Two,3,,,\n3,Three,1,,,\n4,Below,3,,,\n5,Own,5,,,\n6,Six,4,,,\n", folder=tmp_path
    )

    circle = "the company would be its own ancestor"
    assert files.counts(report) == (2, 0, 0, 3)
    assert files.reasons(report) == [
        (2, "parent", circle),
        (3, "parent", circle),
        (5, "parent", circle),
    ]
    assert [account[:3] for account in _accounts()] == [
        ("1", "One", "2"),
        ("2", "2", None),
        ("3", "3", None),
        ("4", "Below", "3"),
        ("6", "Six", "4"),
    ]


def test_a_number_of_employees_is_a_whole_one(tmp_path: Path) -> None:
    report = files.import_rows(
        KIND,
        "1,A,,,,12.5\n2,B,,,,-1\n3,C,,,,99999999999\n4,D,,,,\uff11\uff12\n5,E,,,,0\n",
        folder=tmp_path,
    )

    assert files.counts(report) == (1, 0, 0, 4)
    assert [line for line, column, _ in files.reasons(report) if column == "employees"] == [
        2,
        3,
        4,
        5,
    ]


def _accounts() -> list[tuple[str, str, str | None, str, str, int | None]]:
    return list(
        Account.objects.order_by("external_id").values_list(
            "external_id", "name", "parent__external_id", "industry", "country", "employees"
        )
    )

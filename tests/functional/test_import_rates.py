"""Rates come from the command line: the central bank's for everybody, an organization's for it."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from config.management.commands import import_rates
from gifting import models
from gifting.domain import exchange, money
from gifting.services import tenancy
from tests.factories import exchange as rates
from tests.factories import organizations

LAST_DAY = dt.date(2026, 10, 30)
DEAD = {"BGN": "2025-12-31", "RUB": "2022-03-01", "HRK": "2022-12-30"}


def test_the_central_banks_file_is_imported_once_and_read_by_everybody(
    committed_db: None,
) -> None:
    first = _run("--ecb")
    again = _run("--ecb")

    with tenancy.organization(organizations.make_organization().id):
        last = rates.rate_on(LAST_DAY, "EUR", "USD")
        too_late = LAST_DAY + dt.timedelta(days=8)
        with pytest.raises(exchange.RateStale):
            rates.rate_on(too_late, "EUR", "USD")
        for currency, day in DEAD.items():
            with pytest.raises(exchange.RateStale, match=day):
                rates.rate_on(dt.date(2026, 2, 1), currency, "USD")
        currencies = models.ReferenceRate.objects.values("quote").distinct().count()
        days = models.ReferenceRate.objects.dates("rate_date", "day")

        assert last.convert(money.Money(100_00, "EUR")) == money.Money(111_72, "USD")
        assert (first["added"], again["added"]) == (221_702, 0)
        assert (first["is_new"], again["is_new"]) == (True, False)
        assert (currencies, min(days), max(days)) == (41, dt.date(1999, 1, 4), LAST_DAY)


@pytest.mark.django_db
def test_an_organizations_file_is_its_own_and_bad_lines_end_with_three(tmp_path: Path) -> None:
    organization = organizations.make_organization()
    file = tmp_path / "treasury.csv"
    file.write_text(
        "base,quote,type,date,rate\nUSD,EUR,BUDGET,2025-01-01,0.90\nUSD,EUR,BUDGET,today,1\n"
    )
    output = io.StringIO()

    with pytest.raises(SystemExit) as end:
        call_command(
            "import_rates",
            "--file",
            str(file),
            "--organization",
            organization.slug,
            "--json",
            stdout=output,
        )

    answer = json.loads(output.getvalue())
    assert end.value.code == import_rates.PARTLY
    assert (answer["added"], [each["line"] for each in answer["quarantined"]]) == (1, [3])
    with tenancy.organization(organization.id):
        assert models.OrganizationRate.objects.get().rate_type == "BUDGET"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--ecb", "--organization", "acme"], "everybody's"),
        (["--file", "/nothing/here.csv"], "cannot be read"),
        (["--file", "pyproject.toml", "--organization", "nobody"], "nobody"),
    ],
)
def test_what_cannot_be_imported_ends_with_two(arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words) as end:
        call_command("import_rates", *arguments, stdout=io.StringIO())

    assert end.value.returncode == 2


def _run(*arguments: str) -> dict[str, Any]:
    output = io.StringIO()
    call_command("import_rates", *arguments, "--json", stdout=output)
    found: dict[str, Any] = json.loads(output.getvalue())
    return found

"""Rows a second and peak memory of an import of opportunities, beside bare COPYs of the same bytes.

One generated CRM export is imported twice (new, then unchanged), through the whole product:
parsing, mapping, quarantine, accounts, fiscal periods, stage history, row-level security, one
commit. In the same database the same bytes go by COPY into a table of texts, and into a table with
the types, defaults and indexes of the opportunities: what PostgreSQL alone takes. Memory is the
peak of this process after a file of a tenth and after the whole one; it is flat when the two are
close.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import random
import resource
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from config import ownership
from gifting.domain import access
from gifting.selectors import organizations as books
from integrations.domain import fields
from integrations.services import imports
from tests import databases
from tests.factories import organizations

NAME: Final = "import"
BLOCK_BYTES: Final = 1 << 20
SEED: Final = 7
ROWS_PER_ACCOUNT: Final = 100
FIRST_DAY: Final = dt.date(2016, 10, 20)
COLUMNS: Final = (
    "opportunity_id",
    "sales_agent",
    "product",
    "account",
    "deal_stage",
    "engage_date",
    "close_date",
    "close_value",
)
PRODUCTS: Final = ("GTX Plus Basic", "GTXPro", "MG Special", "MG Advanced")

PLAIN: Final = f"CREATE TABLE bare_plain ({', '.join(f'{name} text' for name in COLUMNS)})"
# The columns of the file under the names of the table, whose keys are read from the catalog.
KEYED_COLUMNS: Final = (
    "external_id",
    "owner_reference",
    "product",
    "name",
    "stage",
    "opened_at",
    "closed_at",
    "amount_minor",
)
KEYED: Final = """
    CREATE TABLE bare_keyed (
        LIKE attribution_opportunity INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES);
    ALTER TABLE bare_keyed
        ALTER organization_id SET DEFAULT '{organization}', ALTER source SET DEFAULT 'maven',
        ALTER status SET DEFAULT 'OPEN', ALTER currency SET DEFAULT 'USD',
        ALTER is_synthetic SET DEFAULT false,
        ALTER owner_reference DROP NOT NULL, ALTER product DROP NOT NULL, ALTER name DROP NOT NULL;
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=1_000_000, help="how many rows the file has")


def run(options: argparse.Namespace) -> Mapping[str, Any]:
    """Import a generated file and COPY the same bytes; report both."""
    database = databases.Database("import")
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _measured(options.rows, Path(folder))
    finally:
        database.leave()
        databases.drop_abandoned()


def _measured(rows: int, folder: Path) -> Mapping[str, Any]:
    part, whole = folder / "part.csv", folder / "whole.csv"
    _write(part, rows // 10)
    _write(whole, rows)
    _import(part, organizations.make_organization())
    part_peak = _peak_mb()
    organization = organizations.make_organization()
    new = _import(whole, organization)
    whole_peak = _peak_mb()
    unchanged = _import(whole, organization)
    plain = _copy(whole, PLAIN, f"bare_plain ({', '.join(COLUMNS)})")
    keyed = _copy(
        whole,
        KEYED.format(organization=organization.id),
        f"bare_keyed ({', '.join(KEYED_COLUMNS)})",
    )
    return {
        "rows": rows,
        "bytes": whole.stat().st_size,
        "import_new": _rates(rows, new),
        "import_unchanged": _rates(rows, unchanged),
        "copy_plain": _rates(rows, plain),
        "copy_keyed": _rates(rows, keyed),
        "speed_against_copy_plain": round(plain / new, 3),
        "speed_against_copy_keyed": round(keyed / new, 3),
        "peak_memory_mb": {f"{rows // 10}_rows": part_peak, f"{rows}_rows": whole_peak},
    }


def _write(path: Path, rows: int) -> None:
    """Write an export like the public one that the shipped mapping is for; the seed is fixed."""
    dice = random.Random(SEED)
    accounts = max(1, rows // ROWS_PER_ACCOUNT)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_row(dice, number, accounts) for number in range(rows))


def _row(dice: random.Random, number: int, accounts: int) -> tuple[object, ...]:
    stage = dice.choices(("Won", "Lost", "Engaging", "Prospecting"), (48, 28, 18, 6))[0]
    opened = FIRST_DAY + dt.timedelta(days=dice.randrange(430))
    closed = opened + dt.timedelta(days=dice.randrange(1, 140))
    return (
        # Ids in no order, as a CRM gives them.
        f"{number * 2_654_435_761 % 2**32:08X}",
        f"Agent Number{dice.randrange(35)}",
        dice.choice(PRODUCTS),
        f"Account {dice.randrange(accounts)}" if dice.random() > 0.16 else "",
        stage,
        opened if stage != "Prospecting" else "",
        closed if stage in {"Won", "Lost"} else "",
        {"Won": dice.randrange(38, 30_288), "Lost": 0}.get(stage, ""),
    )


def _import(path: Path, organization: books.OrganizationRecord) -> float:
    started = time.monotonic()
    report = imports.run(
        actor=access.Actor.system(organization_id=organization.id),
        kind=fields.Kind.OPPORTUNITIES,
        path=path,
        mapping_text=imports.read_mapping("maven_opportunities"),
        run_id=uuid.uuid4(),
        at=timezone.now(),
    )
    seconds = time.monotonic() - started
    if report.read not in {report.new, report.unchanged}:
        raise AssertionError(f"The import did not do what is measured: {report}")
    return seconds


def _copy(path: Path, table: str, target: str) -> float:
    """Take the time of one COPY, committed, into a table made anew by the owner."""
    with ownership.owner(), connection.cursor() as cursor:
        cursor.execute(table)
        started = time.monotonic()
        with (
            path.open("rb") as stream,
            cursor.copy(f"COPY {target} FROM STDIN (FORMAT csv, HEADER)") as copy,
        ):
            while block := stream.read(BLOCK_BYTES):
                copy.write(block)
        return time.monotonic() - started


def _rates(rows: int, seconds: float) -> dict[str, float]:
    return {"seconds": round(seconds, 2), "rows_per_second": round(rows / seconds)}


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)

"""`manage.py export_journal`: journal batches of a period as files for the accounting system."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from gifting.domain import access, ledger, refusals
from gifting.domain.journals import batches, formats
from gifting.management import console
from gifting.selectors import booked
from gifting.selectors import journals as batch_records
from gifting.services import journals, organizations, tenancy


class FolderUnusable(refusals.Invalid):
    code = "FOLDER_UNUSABLE"


class Command(console.ConsoleCommand):
    """Make the batches that are missing, and write all batches of the period."""

    help = (
        "Make a journal batch of what the period's spend, and its accruals if it is closed at "
        "least softly, were not told of yet, and write all batches of the period that are in "
        "force. Batches that were written before are written again to the byte."
    )
    examples = """\
  manage.py export_journal --organization acme --period "FY2026 P03" --format xero --out journals
  manage.py export_journal --organization acme --period "FY2026 P03" --format beancount --out .
  manage.py export_journal --organization acme --period "FY2026 P03" --format csv --out . --json"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="its short name")
        parser.add_argument("--period", required=True, help="the fiscal period, by its name")
        parser.add_argument(
            "--format",
            required=True,
            type=str.upper,
            choices=[each.value for each in batches.Format],
            help="xero, qbo, netsuite, csv, json, hledger or beancount",
        )
        parser.add_argument("--out", required=True, type=Path, help="the folder for the files")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        folder: Path = options["out"]
        written_as = batches.Format(options["format"])
        organization = organizations.find(slug=options["organization"])
        actor = access.Actor.system(organization_id=organization.id)
        with tenancy.organization(actor.organization_id):
            period = journals.period_named(options["period"])
            _tell(actor, period.pk)
            found = batch_records.in_force(actor=actor, period_id=period.pk)
            written = [
                (batch, file)
                for batch in found
                for file in journals.files(
                    actor=actor, batch=batch.public_id, written_as=written_as
                )
            ]
        _save(folder, [file for _, file in written])
        if options["json"]:
            self.write_json({"files": [_plain(batch, file) for batch, file in written]})
            return
        for batch, file in written:
            self.console.print(f"{folder / file.name}: {batch.kind}, {batch.item_count:,} items")
        if not written:
            self.console.print("Nothing to export.")


def _tell(actor: access.Actor, period_id: int) -> None:
    """Make the batches that are missing; each is made of what none in force tells."""
    period = journals.period_of(period_id)
    untold = {
        (line.role, line.currency)
        for line in booked.lines(actor=actor, period=period)
        if line.batch_number is None and line.role is not batches.Kind.REVERSAL
    }
    for kind, currency in sorted(untold):
        if kind is batches.Kind.ACCRUAL and period.status == ledger.PeriodStatus.OPEN:
            continue
        journals.create(
            actor=actor,
            # What is told once is not told again, so that a repeat finds nothing left.
            key=f"export-{period_id}-{kind}-{currency}-{journals.count() + 1}",
            period_id=period_id,
            kind=kind,
            currency=currency,
        )


def _save(folder: Path, files: Sequence[batches.File]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file.name).write_bytes(file.content)
    except OSError as error:
        raise FolderUnusable(
            f"{folder} cannot be written: {error.strerror}.", field="out"
        ) from None


def _plain(batch: batch_records.BatchRecord, file: batches.File) -> dict[str, Any]:
    return {
        "batch": batches.reference(batch.number),
        "kind": batch.kind,
        "currency": batch.currency,
        "items": batch.item_count,
        "total_minor": batch.total_minor,
        "file": file.name,
        "sha256": formats.sha256(file.content),
    }

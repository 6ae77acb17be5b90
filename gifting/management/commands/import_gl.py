"""`manage.py import_gl`: the general ledger's lines of a period, each file once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from gifting.domain import access
from gifting.domain.general_ledger import FileUnusable
from gifting.management import console
from gifting.services import general_ledger, journals, organizations, tenancy

PARTLY = 3


class Command(console.ConsoleCommand):
    """Import a file; ends with 3 when lines were set aside."""

    help = (
        "Import the general ledger's lines of a fiscal period from CSV: date, account, amount (or "
        "debit and credit), currency, reference, memo. The latest import of a period counts; the "
        "same lines add nothing. Ends with 3 when lines were set aside."
    )
    examples = """\
  manage.py import_gl --file gl-march.csv --organization acme --period "FY2026 P03"
  manage.py import_gl --file gl-march.csv --organization acme --period "FY2026 P03" --json"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", required=True, type=Path, help="the CSV file, UTF-8")
        parser.add_argument("--organization", required=True, help="its short name")
        parser.add_argument("--period", required=True, help="the fiscal period, by its name")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            content = file.read_bytes()
        except OSError as error:
            raise FileUnusable(f"{file} cannot be read: {error.strerror}.", field="file") from None
        organization = organizations.find(slug=options["organization"])
        actor = access.Actor.system(organization_id=organization.id)
        with tenancy.organization(actor.organization_id):
            made = general_ledger.import_file(
                actor=actor,
                period_id=journals.period_named(options["period"]).pk,
                name=file.name,
                content=content,
            )
        if options["json"]:
            self.write_json(
                {
                    "import": str(made.import_id),
                    "lines": made.line_count,
                    "rejected": made.rejected_count,
                    "is_new": made.is_new,
                }
            )
        else:
            what = "read" if made.is_new else "there already, nothing added"
            self.console.print(
                f"{file.name}: {made.line_count:,} lines {what}, {made.rejected_count:,} set aside"
            )
        if made.rejected_count:
            raise SystemExit(PARTLY)

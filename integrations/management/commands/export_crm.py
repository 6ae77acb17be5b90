"""Write down everything that is stored of an organization's CRMs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from gifting.domain import access
from gifting.management import console
from gifting.services import organizations
from integrations.services import exports


class Command(console.ConsoleCommand):
    help = "Write everything stored of an organization's CRMs, one JSON object a line."
    examples = """\
  manage.py export_crm --organization acme --out crm.ndjson"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--out", required=True, type=Path, metavar="FILE")
        parser.add_argument("--json", action="store_true", help="write one object for machines")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        written = exports.write(
            actor=access.Actor.system(organization_id=organization.id), path=options["out"]
        )
        if options["json"]:
            self.write_json({"file": str(options["out"]), "lines": written})
        else:
            self.stdout.write(f"{written:,} lines written to {options['out']}")

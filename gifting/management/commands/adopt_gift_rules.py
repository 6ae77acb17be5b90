"""`manage.py adopt_gift_rules`: add the rules on gifts that ship, and say where taxes are filed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from gifting.domain import access
from gifting.management import console
from gifting.services import gift_rules, organizations, tenancy


class Command(console.ConsoleCommand):
    """Add what is not there yet; versions that are there stay as they are."""

    help = (
        "Add the limits and tax rules on gifts that ship and are not there yet. They are not legal "
        "advice: have them reviewed, and put versions of your own in their place."
    )
    examples = """\
  manage.py adopt_gift_rules --organization acme
  manage.py adopt_gift_rules --organization acme --country US --json"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="its short name")
        parser.add_argument(
            "--country", help="where taxes are filed (ISO 3166), which brings the giver's rules"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        actor = access.Actor.system(organization_id=organization.id)
        with tenancy.organization(organization.id):
            added = gift_rules.adopt_book(actor=actor)
            if options["country"] is not None:
                gift_rules.file_taxes_in(actor=actor, country=options["country"])
        if options["json"]:
            self.write_json({"added": added, "country": options["country"]})
        else:
            self.console.print(f"{added} rules added. They are not legal advice.")

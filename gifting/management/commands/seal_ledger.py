"""`manage.py seal_ledger`: chain what was committed, and find what was changed since."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from gifting.domain import access
from gifting.management import console
from gifting.selectors import seals as selectors
from gifting.services import organizations, seals, tenancy

BROKEN = 1


class Command(console.ConsoleCommand):
    """Seal the operations of an organization and verify the whole chain."""

    help = (
        "Chain every committed operation to those before it, and compute every hash again. Write "
        "the last hash down elsewhere, once a day: then the end cannot be cut off unnoticed. Ends "
        "with 1 when a stored byte is not what was sealed."
    )
    examples = """\
  manage.py seal_ledger --organization acme --json"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        actor = access.Actor.system(organization_id=organization.id)
        sealed = 0
        while added := seals.seal(actor=actor):
            sealed += added
        with tenancy.organization(organization.id):
            chain = selectors.verify(actor=actor)
        found = {
            "sealed": sealed,
            "number": chain.number,
            "hash": chain.hash,
            "broken": list(chain.broken),
            "unsealed": chain.unsealed,
            "holds": chain.holds,
        }
        if options["json"]:
            self.write_json(found)
        else:
            for name, value in found.items():
                self.console.print(f"{name}: {value}")
        if not chain.holds:
            raise SystemExit(BROKEN)

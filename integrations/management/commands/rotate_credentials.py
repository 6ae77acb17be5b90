"""Seal every stored credential with the newest key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from gifting.domain import access
from gifting.management import console
from gifting.services import organizations
from integrations.services import connections


class Command(console.ConsoleCommand):
    help = "Seal an organization's credentials with the first of CREDENTIAL_KEYS."
    examples = """\
  CREDENTIAL_KEYS=NEW,OLD manage.py rotate_credentials --organization acme"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        actor = access.Actor.system(organization_id=organization.id)
        count = connections.reseal(actor=actor)
        self.stdout.write(f"{count:,} connections sealed with the newest key")

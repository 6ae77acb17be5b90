"""Give back reserves that are past their time, and let credits die on their day."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from gifting.domain import access
from gifting.management import console
from gifting.services import breakage, ledger, organizations


class Command(console.ConsoleCommand):
    """Do what falls due by itself in an organization's budgets; run it daily, or more often."""

    help = (
        "Give back what expired commitments reserve, and let credits die that are past their last "
        "day: what was in them becomes breakage. What is not due yet is left alone."
    )
    examples = """\
  manage.py expire_money --organization acme
  manage.py expire_money --organization acme --json"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="its short name")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        actor = access.Actor.system(organization_id=organization.id)
        at = timezone.now()
        found = {
            "commitments": ledger.expire_due(actor=actor, at=at),
            "credits": breakage.expire_due(actor=actor, at=at),
        }
        if options["json"]:
            self.write_json(found)
        else:
            self.stdout.write(
                f"{found['commitments']} commitments gave back what they reserved, "
                f"{found['credits']} credits died."
            )

"""`manage.py sweep_approvals`: let requests lapse, and pass on those that wait too long."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from gifting.domain import access
from gifting.management import console
from gifting.services import approvals, organizations, tenancy


class Command(console.ConsoleCommand):
    """Do what time asks for; run it as often as you like."""

    help = "Let approval requests lapse that nobody decided in time, and pass on late ones."
    examples = "  manage.py sweep_approvals --organization acme --json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="its short name")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        with tenancy.organization(organization.id):
            lapsed, passed_on = approvals.sweep(
                actor=access.Actor.system(organization_id=organization.id), at=timezone.now()
            )
        if options["json"]:
            self.write_json({"lapsed": lapsed, "passed_on": passed_on})
        else:
            self.console.print(f"{lapsed} lapsed, {passed_on} passed on.")

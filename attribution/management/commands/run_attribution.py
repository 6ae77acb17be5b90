"""Attribute an organization's won opportunities from the command line."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from attribution.domain import multitouch
from attribution.services import runs
from gifting.domain import access
from gifting.management import console
from gifting.services import organizations

REFUSED = 1


class Command(console.ConsoleCommand):
    """Run attribution models over all won opportunities and publish what reconciles."""

    help = "Run attribution models over all won opportunities and publish what reconciles."
    examples = """\
  manage.py run_attribution --organization acme-corporation
  manage.py run_attribution --organization acme-corporation --model LINEAR --lookback-days 90"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument(
            "--model",
            action="append",
            choices=[model.value for model in multitouch.Model],
            help="repeatable (default: those of the configuration)",
        )
        parser.add_argument(
            "--lookback-days",
            type=int,
            metavar="N",
            help="days before the close (default: those of the configuration)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        outcomes = runs.run(
            actor=access.Actor.system(organization_id=organization.id),
            models_to_run=_models(options["model"]),
            lookback_days=runs.Configured.LOOKBACK
            if options["lookback_days"] is None
            else options["lookback_days"],
            at=timezone.now(),
        )
        self._report(outcomes, as_json=options["json"])
        if not all(outcome.is_published for outcome in outcomes):
            raise SystemExit(REFUSED)

    def _report(self, outcomes: tuple[runs.Outcome, ...], *, as_json: bool) -> None:
        if as_json:
            self.write_json({"runs": outcomes})
            return
        for outcome in outcomes:
            state = "unchanged" if outcome.is_unchanged else "published"
            self.stdout.write(f"{outcome.model}: {outcome.refusal or state} ({outcome.run_id})")


def _models(names: list[str] | None) -> list[multitouch.Model] | None:
    return [multitouch.Model(name) for name in names] if names else None

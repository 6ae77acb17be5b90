"""Choose how an organization attributes, or show how it does."""

from __future__ import annotations

import dataclasses
import decimal
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from attribution.domain import configurations, multitouch
from attribution.selectors import configurations as versions
from attribution.services import configurations as choices
from gifting.domain import access
from gifting.management import console
from gifting.services import organizations

NO_LIMIT = "none"


class Command(console.ConsoleCommand):
    """Make another version of the choices that attribution rests on, or show the current one."""

    help = (
        "Make another version of the choices that attribution rests on. What is not named stays as "
        "it is; without any choice the current version is shown."
    )
    examples = """\
  manage.py configure_attribution --organization acme-corporation
  manage.py configure_attribution --organization acme-corporation --model LINEAR --model W_SHAPED \\
      --lookback-days 90 --milestone-lookback-days none --window-anchor OPENED
  manage.py configure_attribution --organization acme-corporation --contact-mapping CONTACT_ROLES \\
      --half-life-days 14 --channel egift=gift --channel direct_mail=gift"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument(
            "--model",
            action="append",
            choices=[
                model.value
                for model in multitouch.Model
                if model not in configurations.NOT_RECORDED
            ],
            help="repeatable: what is computed unless others are named",
        )
        for name in ("lookback", "milestone-lookback"):
            parser.add_argument(
                f"--{name}-days", type=_days, metavar="N", help=f"days, or {NO_LIMIT}"
            )
        parser.add_argument(
            "--window-anchor", choices=[anchor.value for anchor in configurations.WindowAnchor]
        )
        parser.add_argument(
            "--contact-mapping",
            choices=[mapping.value for mapping in configurations.ContactMapping],
        )
        parser.add_argument("--half-life-days", type=decimal.Decimal, metavar="H")
        parser.add_argument("--step-days", type=decimal.Decimal, metavar="H")
        parser.add_argument(
            "--channel",
            action="append",
            type=_renamed,
            metavar="RECORDED=SHOWN",
            help="repeatable: the whole scheme",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        actor = access.Actor.system(organization_id=organization.id)
        before = choices.require_current(actor=actor, at=timezone.now())
        named = _named(options)
        after = (
            choices.choose(
                actor=actor,
                chosen=dataclasses.replace(before.chosen, **named),
                at=timezone.now(),
            )
            if named
            else before
        )
        self._report(after, as_json=options["json"])

    def _report(self, version: versions.Version, *, as_json: bool) -> None:
        shown = {
            field.name: getattr(version.chosen, field.name)
            for field in dataclasses.fields(version.chosen)
        }
        shown["channel_scheme"] = dict(version.chosen.channel_scheme)
        for name in ("half_life_days", "step_days"):
            shown[name] = f"{shown[name].normalize():f}"
        if as_json:
            self.write_json({"version": version.version, **shown})
            return
        self.stdout.write(f"Version {version.version}")
        for name, value in shown.items():
            text = ", ".join(value) if isinstance(value, tuple) else value
            self.stdout.write(f"  {name}: {NO_LIMIT if value is None else text}")


def _named(options: dict[str, Any]) -> dict[str, Any]:
    """Give the choices that were named, under the names of the configuration."""
    named: dict[str, Any] = {
        name: options[name]
        for name in (
            "lookback_days",
            "milestone_lookback_days",
            "half_life_days",
            "step_days",
        )
        if options[name] is not None
    }
    for name in ("lookback_days", "milestone_lookback_days"):
        if named.get(name) == NO_LIMIT:
            named[name] = None
    if options["model"]:
        named["models"] = tuple(multitouch.Model(name) for name in options["model"])
    if options["window_anchor"]:
        named["window_anchor"] = configurations.WindowAnchor(options["window_anchor"])
    if options["contact_mapping"]:
        named["contact_mapping"] = configurations.ContactMapping(options["contact_mapping"])
    if options["channel"]:
        named["channel_scheme"] = dict(options["channel"])
    return named


def _days(text: str) -> int | str:
    return NO_LIMIT if text == NO_LIMIT else int(text)


def _renamed(text: str) -> tuple[str, str]:
    recorded, _, shown = text.partition("=")
    return recorded, shown

"""`manage.py drill`: attack the product with real connections and processes, and see it hold."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from config.drills import crash, overspend, replay, tenants
from config.drills.report import Report
from gifting.management import console

NOT_HELD = 1
MAX_WORKERS = 2000
MAX_POINTS = 5000


class Command(console.ConsoleCommand):
    """Run one drill in an organization of its own, which is removed afterwards."""

    help = (
        "Run one drill in an organization of its own, which is removed afterwards. "
        "Ends with 1 when it did not hold."
    )
    examples = """\
  manage.py drill overspend --workers 200 --room 100 --funds 5 --json
  manage.py drill overspend --through sends --workers 200 --room 100
  manage.py drill replay --workers 200
  manage.py drill tenants --workers 40
  manage.py drill crash --points 50 --seed 7"""

    def add_arguments(self, parser: CommandParser) -> None:
        """Give every drill its own options."""
        drills = parser.add_subparsers(dest="drill", required=True, metavar="DRILL")
        for name, about, workers in (
            ("overspend", "more senders than there is room for", 200),
            ("replay", "the same key many times at once", 200),
            ("tenants", "two organizations attack each other", 40),
            ("crash", "processes killed and connections cut in mid-work", 4),
        ):
            words = drills.add_parser(name, help=about)
            words.add_argument("--workers", type=_bounded(1, MAX_WORKERS), default=workers)
            words.add_argument("--json", action="store_true", help="print one JSON object")
            if name == "overspend":
                words.add_argument("--room", type=_bounded(1, MAX_WORKERS), default=100)
                words.add_argument("--funds", type=_bounded(1, 50), default=1)
                words.add_argument(
                    "--through",
                    choices=(overspend.LEDGER, overspend.SENDS),
                    default=overspend.LEDGER,
                    help="commit money itself, or approve sends that ask for it",
                )
            if name == "crash":
                words.add_argument("--points", type=_bounded(1, MAX_POINTS), default=40)
                words.add_argument("--seed", type=int, default=7)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the drill and print what it found."""
        found = _run(options)
        if options["json"]:
            self.write_json(found.as_json())
        else:
            for name, value in found.as_json().items():
                self.console.print(f"{name}: {value}")
        if not found.held:
            raise SystemExit(NOT_HELD)


def _run(options: dict[str, Any]) -> Report:
    day = timezone.now().date()
    workers = options["workers"]
    match options["drill"]:
        case "overspend":
            return overspend.run(
                day=day,
                workers=workers,
                room=options["room"],
                funds=options["funds"],
                through=options["through"],
            )
        case "replay":
            return replay.run(day=day, workers=workers)
        case "tenants":
            return tenants.run(day=day, workers=workers)
        case _:
            return crash.run(
                day=day, workers=workers, points=options["points"], seed=options["seed"]
            )


def _bounded(low: int, high: int) -> Any:
    """Read a whole number between the bounds."""

    def read(word: str) -> int:
        number = int(word)
        if not low <= number <= high:
            raise ValueError(word)
        return number

    read.__name__ = f"whole number from {low} to {high}"
    return read

"""Read a CRM once, in the foreground."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from gifting.domain import access
from gifting.management import console
from integrations.services import syncing

SOME_FAILED = 3
NOTHING_READ = 1


class Command(console.ConsoleCommand):
    help = "Read a CRM once: what changed since the last time, or everything."
    examples = """\
  manage.py sync --connection main
  manage.py sync --connection main --stream opportunities
  manage.py sync --connection main --full --json"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--connection", required=True, metavar="NAME")
        parser.add_argument(
            "--organization",
            default="",
            metavar="SLUG",
            help="needed where two organizations have a connection of that name",
        )
        parser.add_argument("--stream", default="", help="one stream alone, such as opportunities")
        parser.add_argument("--full", action="store_true", help="read everything again")
        parser.add_argument(
            "--lag-seconds",
            type=int,
            default=int(syncing.LAG.total_seconds()),
            help="how long before the CRM's now changes are left for the next time",
        )
        parser.add_argument("--json", action="store_true", help="write one object for machines")

    def handle(self, *_: Any, **options: Any) -> None:
        found = syncing.find(name=options["connection"], organization=options["organization"])
        with _progress(is_quiet=options["json"]) as on_progress:
            outcomes = syncing.run(
                actor=access.Actor.system(organization_id=found.organization_id),
                connection=found.connection_id,
                stream=options["stream"],
                is_full=options["full"],
                clock=timezone.now,
                lag=dt.timedelta(seconds=options["lag_seconds"]),
                on_progress=on_progress,
            )
        if options["json"]:
            self.write_json(syncing.as_json(outcomes))
        else:
            self._write(outcomes)
        self._end(outcomes)

    def _write(self, outcomes: Sequence[syncing.Outcome]) -> None:
        table = Table("stream", "read", "new", "changed", "unchanged", "rejected", "deleted")
        for outcome in outcomes:
            counts = outcome.counts
            numbers = (
                counts.read,
                counts.new,
                counts.changed,
                counts.unchanged,
                counts.rejected,
                counts.deleted,
            )
            table.add_row(outcome.stream, *(f"{number:,}" for number in numbers))
        self.console.print(table)
        for outcome in outcomes:
            if outcome.error:
                self.console.print(Text(outcome.error))

    def _end(self, outcomes: Sequence[syncing.Outcome]) -> None:
        failed = [outcome for outcome in outcomes if outcome.error]
        rejected = sum(outcome.counts.rejected for outcome in outcomes)
        if failed:
            is_all = len(failed) == len(outcomes)
            raise CommandError(
                failed[0].error if is_all else f"{len(failed)} of {len(outcomes)} streams failed.",
                returncode=NOTHING_READ if is_all else SOME_FAILED,
            )
        if rejected:
            raise CommandError(
                f"{rejected:,} records are kept aside with their reasons; the others went in.",
                returncode=SOME_FAILED,
            )


@contextmanager
def _progress(*, is_quiet: bool) -> Iterator[Callable[[str, int], None]]:
    """Show what is being read on a terminal; a pipe or a machine gets nothing."""
    if is_quiet or not sys.stderr.isatty():
        yield lambda _stream, _count: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Connecting")
        read = 0

        def show(stream: str, count: int) -> None:
            nonlocal read
            read += count
            progress.update(task, description=f"{stream}: {read:,} records read")

        yield show

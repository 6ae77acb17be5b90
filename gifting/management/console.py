"""What every command shares: examples, one clear error line, output for people or machines."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from typing import IO, Any, ClassVar, cast

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from gifting.domain import refusals

NOTHING_DONE = 2
# What shells report of a command that Ctrl-C ended: 128 and the signal's number.
INTERRUPTED = 130


class ConsoleCommand(BaseCommand):
    """A command whose refusals end as one line on standard error and exit code 2."""

    examples: ClassVar[str] = ""
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        parser = super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **options
        )
        if self.examples:
            parser.epilog = f"examples:\n{self.examples}"
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except refusals.Refusal as refusal:
            raise CommandError(refusal.message, returncode=NOTHING_DONE) from refusal
        except KeyboardInterrupt:
            # Where it was is of no use to anybody: an open transaction was taken back.
            raise CommandError("Interrupted.", returncode=INTERRUPTED) from None

    @property
    def console(self) -> Console:
        """Write for people: colour only on a terminal, plain text in a pipe."""
        return Console(file=cast("IO[str]", self.stdout), highlight=False, soft_wrap=True)

    def write_json(self, value: object) -> None:
        """Write one object for machines."""
        self.stdout.write(orjson.dumps(value, default=str).decode())

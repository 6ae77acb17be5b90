"""What every command shares: examples in its help, one clear error line, readable or JSON output."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from typing import Any, ClassVar

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from gifting.domain import refusals

NOTHING_DONE = 2


class ConsoleCommand(BaseCommand):
    """A command whose refusals end as one line on standard error and exit code 2."""

    examples: ClassVar[str] = ""
    requires_system_checks: ClassVar[list[str]] = []

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

    @property
    def console(self) -> Console:
        """Write for people: colour only on a terminal, plain text in a pipe."""
        return Console(file=self.stdout._out, highlight=False, soft_wrap=True)  # noqa: SLF001 - Django keeps the stream there

    def write_json(self, value: object) -> None:
        """Write one object for machines."""
        self.stdout.write(orjson.dumps(value, default=str).decode())

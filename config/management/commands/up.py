"""`manage.py up`: the whole product on this machine, until Ctrl-C."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config import processes


class Command(BaseCommand):
    """Parse, run, nothing else."""

    # Whatever they would find, the web process finds; a person waits for the page.
    requires_system_checks = []
    help = "Run web, worker and scheduler together; Ctrl-C stops them all."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="0 picks a free one")
        parser.add_argument("--host", default="127.0.0.1", help="who may connect")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until asked to stop."""
        processes.serve(options["port"], host=options["host"])

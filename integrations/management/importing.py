"""What the four import commands share: one call, a progress bar, a summary, three exit codes.

Exit codes: 0 every row went in; 3 some rows are in quarantine and the rest went in; 2 nothing was
done, and the message says what to do.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from gifting.domain import access
from gifting.management import console
from gifting.services import organizations
from integrations.domain import fields
from integrations.services import imports

SOME_QUARANTINED = 3
REJECTIONS_SHOWN = 20


class ImportCommand(console.ConsoleCommand):
    """Import one kind of file into an organization."""

    kind: ClassVar[fields.Kind]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="CSV: UTF-8, with or without BOM, or Latin-1")
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument(
            "--mapping",
            required=True,
            metavar="TOML",
            help="the file that says which column holds what, or the name of a shipped one",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change, and keep nothing"
        )
        parser.add_argument("--json", action="store_true", help="write one object for machines")

    def handle(self, *_: Any, **options: Any) -> None:
        organization = organizations.find(slug=options["organization"])
        mapping_text = imports.read_mapping(options["mapping"])
        with _progress(options["file"], is_quiet=options["json"]) as on_progress:
            report = imports.run(
                actor=access.Actor.system(organization_id=organization.id),
                kind=self.kind,
                path=options["file"],
                mapping_text=mapping_text,
                run_id=uuid.uuid4(),
                at=timezone.now(),
                is_dry_run=options["dry_run"],
                on_progress=on_progress,
            )
        if options["json"]:
            self.write_json(imports.as_json(report))
        else:
            self._write_summary(report, is_dry_run=options["dry_run"])
        if report.rejected:
            kept = "would be" if options["dry_run"] else "are"
            raise CommandError(
                f"{report.rejected:,} of {report.read:,} rows {kept} in quarantine. "
                "Correct them in the file and import it again: rows that went in stay as they are.",
                returncode=SOME_QUARANTINED,
            )

    def _write_summary(self, report: imports.Report, *, is_dry_run: bool) -> None:
        if is_dry_run:
            self._write_differences(report)
        if report.rejections:
            self._write_rejections(report)
        what = "Dry run, nothing kept: " if is_dry_run else ""
        self.stdout.write(
            f"{what}{report.read:,} rows read: {report.new:,} new, {report.changed:,} changed, "
            f"{report.unchanged:,} unchanged, {report.rejected:,} rejected"
        )
        if report.won_revenue is not None:
            self.stdout.write(f"won revenue {report.won_revenue.format()}")

    def _write_differences(self, report: imports.Report) -> None:
        if not report.differences:
            return
        table = Table("line", "id", "what", "before", "after", title="What would change")
        for row in report.differences:
            cells = (str(row.line), row.key, row.column or "new", row.before or "", row.after or "")
            table.add_row(*map(Text, cells))
        self.console.print(table)
        if report.new + report.changed > len(report.differences):
            self.stdout.write("The table shows the first differences only.")

    def _write_rejections(self, report: imports.Report) -> None:
        table = Table("line", "column", "reason", title="Rejected rows")
        for row in report.rejections[:REJECTIONS_SHOWN]:
            table.add_row(*map(Text, (str(row.line), row.column, row.reason)))
        self.console.print(table)
        if report.rejected > REJECTIONS_SHOWN:
            self.stdout.write(f"The table shows {REJECTIONS_SHOWN} of {report.rejected:,}.")


@contextmanager
def _progress(path: Path, *, is_quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal while the file is read; a pipe or a machine gets none."""
    if is_quiet or not sys.stderr.isatty() or not path.is_file():
        yield lambda _byte_count: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        size = path.stat().st_size
        task = progress.add_task("Reading", total=size)

        def show(byte_count: int) -> None:
            description = "Merging" if byte_count >= size else "Reading"
            progress.update(task, completed=byte_count, description=description)

        yield show

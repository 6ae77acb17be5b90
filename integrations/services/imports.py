"""Import one file: read it, reject what is wrong row by row, merge the rest, keep the proof.

One file is one transaction. The rows stream into a temporary table, so the memory of the process
is flat, and the merge touches the books in a few statements at the end: an import that is
interrupted has written nothing, and one that is repeated changes nothing. A dry run does it all and
takes it back.

The quarantine keeps rejected rows as they came, so it may hold personal data; logs never do.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO
from uuid import UUID

import psycopg
from django.db import DataError, IntegrityError, transaction
from django.db import models as db

from attribution.services import ingest
from gifting.domain import access, money, refusals
from gifting.selectors import organizations
from gifting.services import merges, sends, tenancy
from integrations import models
from integrations.domain import cells, columns, encodings, fields, mappings, records

SHIPPED_MAPPINGS: Final = Path(__file__).resolve().parent.parent / "mappings"
LARGEST_MAPPING_BYTES: Final = 1 << 20
MOST_REJECTIONS_LISTED: Final = 1_000
FILE_NAME_LENGTH: Final = 255

_NO_PROGRESS: Final[Callable[[int], None]] = lambda _byte_count: None  # noqa: E731 - a named nothing
_REJECTED_COLUMNS: Final = ("line", "column", "reason", "content")

_STAGING: Final[Mapping[fields.Kind, merges.Staging]] = {
    fields.Kind.ACCOUNTS: ingest.ACCOUNTS,
    fields.Kind.OPPORTUNITIES: ingest.OPPORTUNITIES,
    fields.Kind.SENDS: sends.SENDS,
    fields.Kind.TOUCHES: ingest.TOUCHES,
}


class FileRefused(refusals.Conflict):
    """The rows are well by themselves, and PostgreSQL does not take them together."""

    code = "FILE_REFUSED"


class FileChanged(refusals.Conflict):
    """Somebody wrote to the file while it was being read."""

    code = "FILE_CHANGED"


@dataclass(frozen=True, slots=True)
class RejectedRow:
    line: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Revenue:
    """A sum over a whole file, which may pass the bounds of a single amount."""

    amount_minor: int
    currency: str

    @property
    def decimal_text(self) -> str:
        """Give the plain decimal: `1234.56`."""
        return f"{self._amount:f}"

    def format(self) -> str:
        """Give the text for people: `1,234.56 USD`."""
        return f"{self._amount:,f} {self.currency}"

    @property
    def _amount(self) -> Decimal:
        sign, digits, _ = Decimal(self.amount_minor).as_tuple()
        return Decimal((sign, digits, -money.exponent(self.currency)))


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a file; `read` is the sum of the four counts.

    `won_revenue` is the sum of the won opportunities that the file names, as they stand after the
    import, in the mapping's currency; None for other kinds of files.
    """

    read: int
    new: int
    changed: int
    unchanged: int
    rejected: int
    rejections: tuple[RejectedRow, ...]
    won_revenue: Revenue | None
    differences: tuple[merges.Difference, ...]


@dataclass(frozen=True, slots=True)
class _Import:
    """One import under way."""

    actor: access.Actor
    mapping: mappings.FileMapping
    organization: organizations.OrganizationRecord
    run_id: UUID
    at: dt.datetime
    is_dry_run: bool
    on_progress: Callable[[int], None]

    @property
    def staging(self) -> merges.Staging:
        return _STAGING[self.mapping.kind]


def run(
    *,
    actor: access.Actor,
    kind: fields.Kind,
    path: Path,
    mapping_text: str,
    run_id: UUID,
    at: dt.datetime,
    is_dry_run: bool = False,
    on_progress: Callable[[int], None] = _NO_PROGRESS,
) -> Report:
    """Import a file and say what became of its rows; a dry run keeps nothing.

    Raises Forbidden, MappingUnusable, ColumnMissing, FileUnreadable, FileRefused and FileChanged:
    then nothing is written.
    """
    actor.require(access.Permission.IMPORT)
    mapping = mappings.read(mapping_text, kind=kind)
    with _opened(path) as stream, tenancy.organization(actor.organization_id), transaction.atomic():
        opened = os.fstat(stream.fileno())
        started = _Import(
            actor=actor,
            mapping=mapping,
            organization=organizations.get(organization_id=actor.organization_id),
            run_id=run_id,
            at=at,
            is_dry_run=is_dry_run,
            on_progress=on_progress,
        )
        inspection = encodings.inspect(stream)
        sheet = _stage(started, stream, inspection)
        with _refusing(path):
            report = _merge(started, stream, inspection, sheet)
        _require_same(path, stream, opened)
        if is_dry_run:
            transaction.set_rollback(True)
        else:
            _keep(started, report, path=path, inspection=inspection, mapping_text=mapping_text)
    return report


def read_mapping(name: str) -> str:
    """Return the text of a mapping file, or of a shipped mapping called by its name.

    Raises MappingUnusable.
    """
    shipped = sorted(file.stem for file in SHIPPED_MAPPINGS.glob("*.toml"))
    path = SHIPPED_MAPPINGS / f"{name}.toml" if name in shipped else Path(name)
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_MAPPING_BYTES + 1)
        if len(content) > LARGEST_MAPPING_BYTES:
            raise mappings.MappingUnusable(f"The mapping {name} is larger than a megabyte.")
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise mappings.MappingUnusable(
            f"The mapping {name} cannot be read: {reason}. Give the path of a TOML file or one of "
            f"{', '.join(shipped)}.",
            field="mapping",
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file that can be read twice."""
    try:
        stream = path.open("rb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise encodings.FileUnreadable(
            f"The file {path} cannot be read: {reason}. Check the path."
        ) from error
    with stream:
        if not stream.seekable():
            raise encodings.FileUnreadable(
                f"{path} is read twice, which a pipe does not allow. Save it to a file first."
            )
        yield stream


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Refuse a file whose rows the books do not take together, without telling their content."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        told = error.__cause__.diag if isinstance(error.__cause__, psycopg.Error) else None
        rule = told and (told.constraint_name or told.message_primary)
        raise FileRefused(
            f"The books do not take the rows of {path} together ({rule}); nothing was written. "
            "Import a part of the file to find the rows."
        ) from error


def _require_same(path: Path, stream: BinaryIO, opened: os.stat_result) -> None:
    """Refuse a file that was written to since it was opened."""
    now = os.fstat(stream.fileno())
    if (now.st_size, now.st_mtime_ns) != (opened.st_size, opened.st_mtime_ns):
        raise FileChanged(f"The file {path} changed while it was read. Import it again.")


def _stage(started: _Import, stream: BinaryIO, inspection: encodings.Inspection) -> columns.Sheet:
    """Stream the rows into the temporary tables: what can be taken, and what cannot."""
    mapping = started.mapping
    with _text(stream, mapping, inspection) as text:
        reader = records.Records(text, delimiter=mapping.delimiter)
        header = reader.header()
        if isinstance(header, records.Rejection):
            raise encodings.FileUnreadable(f"The header cannot be read: {header.reason}.")
        sheet = columns.Sheet(
            cells.outputs(
                mapping, organization_zone=zoneinfo.ZoneInfo(started.organization.time_zone)
            ),
            positions=mappings.bind(mapping, header),
            constants=mapping.constants,
            header=header,
            delimiter=mapping.delimiter,
            has_broken_text=inspection.has_broken_text,
        )
        merges.prepare(organization_id=started.organization.id, staging=started.staging)
        _write(started, sheet, reader, stream)
    return sheet


@contextmanager
def _text(
    stream: BinaryIO, mapping: mappings.FileMapping, inspection: encodings.Inspection
) -> Iterator[TextIO]:
    stream.seek(0)
    encoding = mapping.encoding or inspection.encoding
    text = io.TextIOWrapper(
        stream,
        encoding="utf-8-sig" if encoding == encodings.UTF_8 else encoding,
        errors="surrogateescape",
        newline="",
    )
    try:
        yield text
    finally:
        text.detach()


def _write(
    started: _Import, sheet: columns.Sheet, reader: records.Records, stream: BinaryIO
) -> None:
    batches = reader.batches()
    rejections: list[records.Rejection] = []
    is_done = False
    while not is_done:
        with merges.writing(started.staging.table, sheet.staging_columns) as copy:
            is_done = True
            for batch in batches:
                block, found = sheet.convert(batch)
                copy.write(block)
                rejections += found
                started.on_progress(stream.tell())
                if len(rejections) >= records.BATCH_ROWS:
                    # One COPY at a time: the rejected rows go down before the next rows do.
                    is_done = False
                    break
        _write_rejections(rejections)
        rejections = []


def _write_rejections(rejections: Iterable[records.Rejection]) -> None:
    with merges.writing(merges.REJECTIONS, _REJECTED_COLUMNS) as copy:
        copy.write(
            "".join(
                "\t".join(
                    (
                        str(rejection.line),
                        cells.escape(records.cut(rejection.column)),
                        cells.escape(records.cut(rejection.reason)),
                        cells.escape(rejection.content),
                    )
                )
                + "\n"
                for rejection in rejections
            )
        )


def _merge(
    started: _Import, stream: BinaryIO, inspection: encodings.Inspection, sheet: columns.Sheet
) -> Report:
    merges.close(started.staging)
    told = frozenset(sheet.staging_columns)
    merged = _MERGES[started.mapping.kind](started, told)
    _describe_rejections(started, stream, inspection, sheet)
    rejected = int(merges.fetch(f"SELECT count(DISTINCT line) FROM {merges.REJECTIONS}")[0][0])
    listed = merges.fetch(
        f'SELECT DISTINCT ON (line) line, "column", reason FROM {merges.REJECTIONS} '
        f"ORDER BY line, ctid LIMIT {MOST_REJECTIONS_LISTED}"
    )
    return Report(
        read=merged.new + merged.changed + merged.unchanged + rejected,
        new=merged.new,
        changed=merged.changed,
        unchanged=merged.unchanged,
        rejected=rejected,
        rejections=tuple(RejectedRow(*row) for row in listed),
        won_revenue=_won_revenue(started),
        differences=merged.differences,
    )


def _merge_accounts(started: _Import, told: frozenset[str]) -> merges.Merged:
    return ingest.merge_accounts(
        actor=started.actor,
        source=started.mapping.source,
        told=told,
        shows_differences=started.is_dry_run,
    )


def _merge_opportunities(started: _Import, told: frozenset[str]) -> merges.Merged:
    return ingest.merge_opportunities(
        actor=started.actor,
        source=started.mapping.source,
        told=told,
        currency=started.mapping.currency,
        run_id=started.run_id,
        at=started.at,
        shows_differences=started.is_dry_run,
    )


def _merge_sends(started: _Import, told: frozenset[str]) -> merges.Merged:
    return sends.merge(
        actor=started.actor,
        source=started.mapping.source,
        told=told,
        shows_differences=started.is_dry_run,
    )


def _merge_touches(started: _Import, told: frozenset[str]) -> merges.Merged:
    return ingest.merge_touches(
        actor=started.actor,
        source=started.mapping.source,
        told=told,
        shows_differences=started.is_dry_run,
    )


_MERGES: Final[Mapping[fields.Kind, Callable[[_Import, frozenset[str]], merges.Merged]]] = {
    fields.Kind.ACCOUNTS: _merge_accounts,
    fields.Kind.OPPORTUNITIES: _merge_opportunities,
    fields.Kind.SENDS: _merge_sends,
    fields.Kind.TOUCHES: _merge_touches,
}


def _won_revenue(started: _Import) -> Revenue | None:
    if started.mapping.kind is not fields.Kind.OPPORTUNITIES:
        return None
    currency = started.mapping.currency
    minor = ingest.won_revenue_minor(
        actor=started.actor, source=started.mapping.source, currency=currency
    )
    return Revenue(minor, currency)


def _describe_rejections(
    started: _Import, stream: BinaryIO, inspection: encodings.Inspection, sheet: columns.Sheet
) -> None:
    """Give the rows that the merge rejected their column's name and their content."""
    found = merges.fetch(
        f"SELECT DISTINCT line FROM {merges.REJECTIONS} WHERE content IS NULL ORDER BY line LIMIT 1"
    )
    if not found:
        return
    names = {field: sheet.name_of(field) for field in fields.FIELDS[started.mapping.kind]}
    merges.execute(
        f'UPDATE {merges.REJECTIONS} SET "column" = coalesce(%(names)s::jsonb ->> field, %(none)s) '
        "WHERE content IS NULL",
        {"names": json.dumps(names), "none": ""},
    )
    merges.make("file_content", "(line bigint NOT NULL, content text NOT NULL)")
    for batch in _contents(started, stream, inspection):
        _keep_contents(batch)
    merges.execute(
        f"UPDATE {merges.REJECTIONS} AS no SET content = found.content "
        "FROM pg_temp.file_content AS found WHERE found.line = no.line AND no.content IS NULL"
    )


def _contents(
    started: _Import, stream: BinaryIO, inspection: encodings.Inspection
) -> Iterator[dict[int, str]]:
    delimiter = started.mapping.delimiter
    with _text(stream, started.mapping, inspection) as text:
        reader = records.Records(text, delimiter=delimiter)
        reader.header()
        for batch in reader.batches():
            yield {
                line: records.joined(row, delimiter)
                for line, row in zip(batch.lines, batch.rows, strict=True)
            }


def _keep_contents(batch: Mapping[int, str]) -> None:
    if not batch:
        return
    wanted = merges.fetch(
        f"SELECT DISTINCT line FROM {merges.REJECTIONS} "
        "WHERE content IS NULL AND line BETWEEN %(first)s AND %(last)s",
        {"first": min(batch), "last": max(batch)},
    )
    with merges.writing("file_content", ("line", "content")) as copy:
        for (line,) in wanted:
            copy.write(f"{line}\t{cells.escape(batch[line])}\n")


def _keep(
    started: _Import,
    report: Report,
    *,
    path: Path,
    inspection: encodings.Inspection,
    mapping_text: str,
) -> None:
    """Write down the run and its quarantine, which are history from then on."""
    kept = models.ImportRun.objects.create(
        organization_id=started.organization.id,
        public_id=started.run_id,
        kind=started.mapping.kind.value,
        file_name=path.name[:FILE_NAME_LENGTH],
        file_sha256=inspection.sha256,
        mapping=mapping_text,
        read_count=report.read,
        new_count=report.new,
        changed_count=report.changed,
        unchanged_count=report.unchanged,
        rejected_count=report.rejected,
        started_at=started.at,
        finished_at=db.Func(function="clock_timestamp", output_field=db.DateTimeField()),
    )
    merges.execute(
        f"""INSERT INTO integrations_quarantinedrow
            (organization_id, run_id, line, "column", reason, content)
        SELECT DISTINCT ON (line) %(organization)s, %(run)s, line, left("column", 255), reason,
            coalesce(content, '')
        FROM {merges.REJECTIONS} ORDER BY line, ctid""",
        {"organization": started.organization.id, "run": kept.pk},
    )


def as_json(report: Report) -> dict[str, Any]:
    """Write a report for machines; the rejections listed are the first thousand."""
    return {
        "read": report.read,
        "new": report.new,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "rejected": report.rejected,
        "rejections": [
            {"line": row.line, "column": row.column, "reason": row.reason}
            for row in report.rejections
        ],
        "won_revenue": report.won_revenue.decimal_text if report.won_revenue else None,
    }

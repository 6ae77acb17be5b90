"""Take in the general ledger's lines of a period: each file once, bad lines set aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection

from gifting import models
from gifting.domain import access, general_ledger
from gifting.services import journals, operations, tenancy

_BATCH: Final = 2_000


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file; a file that was there already adds nothing."""

    import_id: UUID
    line_count: int
    rejected_count: int
    is_new: bool


def import_file(*, actor: access.Actor, period_id: int, name: str, content: bytes) -> Imported:
    """Import the general ledger's lines of a period; the latest import of a period counts.

    The same file adds nothing, and nor do the same lines in another order. Raises Forbidden,
    UnknownPeriod, FileUnusable and TextUnusable.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    operations.text(name, field="name", most=models.tenancy.NAME_LENGTH)
    with tenancy.organization(actor.organization_id):
        period = journals.period_of(period_id)
        organization = models.Organization.objects.get(id=actor.organization_id)
        read = general_ledger.read(
            content,
            currency=organization.currency,
            starts_on=period.starts_on,
            ends_on=period.ends_on,
        )
        _lock(actor)
        there = _there(read, period)
        return _shown(there, is_new=False) if there else _write(actor, period, name, read)


def _there(read: general_ledger.Read, period: models.FiscalPeriod) -> models.GlImport | None:
    same_file = models.GlImport.objects.filter(file_sha256=read.file_sha256).first()
    return (
        same_file
        or models.GlImport.objects.filter(
            fiscal_period=period, lines_sha256=read.lines_sha256
        ).first()
    )


def _write(
    actor: access.Actor, period: models.FiscalPeriod, name: str, read: general_ledger.Read
) -> Imported:
    made = models.GlImport.objects.create(
        organization_id=actor.organization_id,
        fiscal_period=period,
        name=name,
        file_sha256=read.file_sha256,
        lines_sha256=read.lines_sha256,
        line_count=len(read.lines),
        rejected_count=len(read.rejected),
        user_id=actor.user_id,
    )
    models.GlLine.objects.bulk_create(
        (
            models.GlLine(
                organization_id=actor.organization_id,
                gl_import=made,
                number=line.number,
                dated_on=line.dated_on,
                account_code=line.account,
                amount_minor=line.amount_minor,
                currency=line.currency,
                original_currency=line.original_currency,
                reference=line.reference,
                memo=line.memo,
            )
            for line in read.lines
        ),
        batch_size=_BATCH,
    )
    models.GlRejectedLine.objects.bulk_create(
        (
            models.GlRejectedLine(
                organization_id=actor.organization_id,
                gl_import=made,
                number=line.number,
                column=line.column,
                reason=line.reason,
                text=line.text,
            )
            for line in read.rejected
        ),
        batch_size=_BATCH,
    )
    return _shown(made, is_new=True)


def _shown(made: models.GlImport, *, is_new: bool) -> Imported:
    made.refresh_from_db()
    return Imported(made.public_id, made.line_count, made.rejected_count, is_new)


def _lock(actor: access.Actor) -> None:
    """Let one import at a time look whether its file is there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('gl:' || %s, 0))",
            [str(actor.organization_id)],
        )

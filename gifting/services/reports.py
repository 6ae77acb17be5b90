"""Take reports that can be read again as they were, and sign them.

Taking a report keeps which transactions were over, what was asked, the names of the time and the
hash of its bytes; the rows themselves are found again from the facts. A re-run must give the same
bytes, or it is refused: a signed figure never changes silently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from gifting import models
from gifting.domain import access, refusals, reports, texts
from gifting.selectors import exchange as rates
from gifting.selectors import reports as selectors
from gifting.services import operations, tenancy

LONGEST_NOTE: Final = 1000
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


class SnapshotDiffers(refusals.Conflict):
    """The same facts no longer give the same bytes: something is wrong with them."""

    code = "SNAPSHOT_DIFFERS"


class SignedAlready(refusals.Conflict):
    code = "SIGNED_ALREADY"


class PreparerIsNotApprover(refusals.Conflict):
    """One person signs a report once, in one role."""

    code = "PREPARER_IS_NOT_APPROVER"


class NotPrepared(refusals.Conflict):
    code = "NOT_PREPARED"


class SignatureOfOther(refusals.Conflict):
    """The hash is not that of the snapshot: something else was looked at."""

    code = "SIGNATURE_OF_OTHER"


@dataclass(frozen=True, slots=True)
class Taken:
    """A report as it was taken."""

    snapshot_id: int
    public_id: UUID
    sha256: str
    document: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What a report would say differently now, and the facts that make it so."""

    sha256: str
    is_same: bool
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    figures: tuple[reports.Change, ...]
    facts: tuple[selectors.Fact, ...]


def take(
    *,
    actor: access.Actor,
    key: str,
    kind: str,
    parameters: Mapping[str, Any],
    rate_set: Mapping[str, str] | None = None,
) -> Taken:
    """Take a report of what is committed at this moment; the same key gives the same one again.

    Raises Forbidden, UnknownReport, ReportParametersUnusable, ReportTooLarge, RateMissing,
    RateStale, UnknownCurrency, IdempotencyKeyUnusable and IdempotencyKeyReused.
    """
    if not _KEY.fullmatch(key):
        raise operations.IdempotencyKeyUnusable(
            "An idempotency key has 1 to 255 visible ASCII characters without spaces.",
            field="idempotency_key",
        )
    asked = selectors.read_parameters(kind=kind, given=parameters)
    wanted = selectors.read_rate_set(rate_set)
    request = reports.digest(reports.canonical([kind, asked, wanted]))
    with tenancy.organization(actor.organization_id):
        stored = _claimed(actor, key, request)
        if stored is not None:
            return Taken(
                stored.pk, stored.public_id, stored.sha256, _read(actor, stored), replayed=True
            )
        return _take(actor, kind, asked, wanted, once=(key, request))


def rerun(*, actor: access.Actor, snapshot: UUID) -> Taken:
    """Return the bytes of a report as it was, found again from the facts.

    Raises Forbidden, UnknownSnapshot and SnapshotDiffers.
    """
    with tenancy.organization(actor.organization_id):
        stored = _get(snapshot)
        return Taken(stored.pk, stored.public_id, stored.sha256, _read(actor, stored))


def changes(*, actor: access.Actor, snapshot: UUID) -> Changes:
    """Return what would be different now, figure by figure, and every fact that came since.

    The facts of a figure add up to its difference exactly. Raises Forbidden, UnknownSnapshot,
    SnapshotDiffers and ReportTooLarge.
    """
    with tenancy.organization(actor.organization_id, is_snapshot=True):
        stored = _get(snapshot)
        cut = rates.Cut(stored.cut, stored.cluster_epoch)
        _read(actor, stored)
        asked = {"actor": actor, "kind": stored.kind, "parameters": stored.parameters}
        was = selectors.run(**asked, cut=cut)
        now = selectors.run(**asked)
        figures = reports.changes(was, now)
        came = selectors.since(**asked, cut=cut)
    return Changes(stored.sha256, not came, was.keys, was.measures, figures, came)


def sign(
    *, actor: access.Actor, snapshot: UUID, role: reports.SignRole, sha256: str, note: str = ""
) -> int:
    """Sign a report in a role, once; the same signature again is the same one.

    It is read again first. Raises Forbidden, UnknownSnapshot, SnapshotDiffers, SignedAlready,
    PreparerIsNotApprover, NotPrepared, SignatureOfOther and TextUnusable.
    """
    actor.require(
        access.Permission.WRITE_BUDGETS
        if role is reports.SignRole.PREPARER
        else access.Permission.APPROVE
    )
    person = actor.user_id
    if person is None:
        raise refusals.Forbidden("A person signs, not a machine.")
    if note:
        texts.require(note, field="note", most=LONGEST_NOTE)
    with tenancy.organization(actor.organization_id):
        stored = _get(snapshot)
        _read(actor, stored)
        before = models.SignOff.objects.filter(snapshot=stored, role=role.value).first()
        if before is not None and before.user_id == person:
            return before.pk
        signature = models.SignOff(
            organization_id=actor.organization_id,
            snapshot=stored,
            role=role.value,
            user_id=person,
            sha256=sha256,
            note=note,
        )
        return _write(signature)


def _write(signature: models.SignOff) -> int:
    try:
        with transaction.atomic():
            signature.save(force_insert=True)
    except IntegrityError as error:
        cause: Any = error.__cause__
        refusal = _REFUSALS.get(cause.diag.constraint_name)
        if refusal is None:
            raise
        raise refusal[0](refusal[1]) from None
    return signature.pk


def _take(
    actor: access.Actor,
    kind: str,
    parameters: dict[str, Any],
    rate_set: dict[str, str] | None,
    *,
    once: tuple[str, str],
) -> Taken:
    cut = selectors.cut_now()
    report = selectors.get(kind=kind)
    table = selectors.run(actor=actor, kind=kind, parameters=parameters, cut=cut)
    names = selectors.labels(table=table)
    document = reports.document(
        kind=kind,
        logic_version=report.logic_version,
        parameters=parameters,
        rows=table,
        labels=names,
        converted=_converted(actor, table, rate_set, cut),
    )
    stored = models.ReportSnapshot.objects.create(
        organization_id=actor.organization_id,
        kind=kind,
        parameters=parameters,
        logic_version=report.logic_version,
        code_version=report.code_version(parameters),
        cut=cut.snapshot,
        cluster_epoch=cut.epoch,
        rate_set=rate_set,
        labels=names,
        row_count=len(table.rows),
        control_totals=table.totals(),
        sha256=reports.digest(document),
        idempotency_key=once[0],
        request_hash=once[1],
        user_id=actor.user_id,
        token_id=actor.token_id,
    )
    stored.refresh_from_db(fields=["public_id"])
    return Taken(stored.pk, stored.public_id, stored.sha256, document)


def _read(actor: access.Actor, stored: models.ReportSnapshot) -> bytes:
    """Make the document again from the facts; raises SnapshotDiffers."""
    cut = rates.Cut(stored.cut, stored.cluster_epoch)
    table = selectors.run(actor=actor, kind=stored.kind, parameters=stored.parameters, cut=cut)
    document = reports.document(
        kind=stored.kind,
        logic_version=stored.logic_version,
        parameters=stored.parameters,
        rows=table,
        labels=stored.labels,
        converted=_converted(actor, table, stored.rate_set, cut),
    )
    if reports.digest(document) != stored.sha256:
        raise SnapshotDiffers(
            f"The report {stored.public_id} is no longer found as it was taken. Nothing was "
            "signed; have the history of the ledger verified."
        )
    return document


def _converted(
    actor: access.Actor,
    table: reports.Table,
    rate_set: Mapping[str, str] | None,
    cut: rates.Cut,
) -> dict[str, Any] | None:
    if rate_set is None:
        return None
    return selectors.converted(actor=actor, table=table, rate_set=rate_set, cut=cut)


def _claimed(actor: access.Actor, key: str, request: str) -> models.ReportSnapshot | None:
    """Hold the key until the end of the transaction, and return what it was used for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))",
            [f"{actor.organization_id}:{key}"],
        )
    stored = models.ReportSnapshot.objects.filter(idempotency_key=key).first()
    if stored is not None and stored.request_hash != request:
        raise operations.IdempotencyKeyReused(
            f"The key {key!r} was used for another report. Make a new key for a new one.",
            field="idempotency_key",
        )
    return stored


def _get(snapshot: UUID) -> models.ReportSnapshot:
    stored = models.ReportSnapshot.objects.filter(public_id=snapshot).first()
    if stored is None:
        raise selectors.UnknownSnapshot(f"There is no snapshot {snapshot}.", field="snapshot")
    return stored


_REFUSALS: Final[Mapping[str, tuple[type[refusals.Refusal], str]]] = {
    "sign_off_role_is_unique": (SignedAlready, "Somebody signed in this role already."),
    "sign_off_person_is_unique": (
        PreparerIsNotApprover,
        "You signed this report in another role. Somebody else has to sign now.",
    ),
    "sign_off_follows_preparation": (
        NotPrepared,
        "Nobody prepared this report yet. Its preparer signs first.",
    ),
    "sign_off_names_what_it_signs": (
        SignatureOfOther,
        "The hash is not that of this report. Look at the report that you sign.",
    ),
}

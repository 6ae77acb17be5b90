"""Land one page of a CRM's records: keep them as told, then merge what changed into the books.

All of it happens in the caller's transaction. A record whose digest is known costs a comparison
and nothing else. Of the others the newest version is kept, and its row goes into the books by the
services of the attribution room, which compare once more and write what differs.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
import zoneinfo
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from typing import Any, Final

import orjson

from attribution.services import contacts, histories, ingest, joins, touchpoints
from gifting.domain import access
from gifting.selectors import organizations
from gifting.services import merges, tenancy
from integrations import models
from integrations.domain import crm, errors, rows
from integrations.services import connections

DIGEST_BYTES: Final = 16
CONTENT_LENGTH: Final = 4_000
PENDING_ROWS: Final = 2_000
_NUL: Final = b"\\u0000"


@dataclass(frozen=True, slots=True)
class Context:
    """What is the same for every page of a stream."""

    actor: access.Actor
    opened: connections.Opened
    rows: rows.Context
    run_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of the records of one page; companions are not counted."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0


@dataclass(slots=True)
class _Rejected:
    """Why a record was not taken, and how it came."""

    raw: crm.Raw
    field: str
    reason: str
    content: str


@dataclass(slots=True)
class _Kept:
    """The records of one stream that are new or newer than what was kept."""

    new: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)

    def has(self, of: str) -> bool:
        return of in self.new or of in self.changed


def context(*, actor: access.Actor, opened: connections.Opened) -> Context:
    """Gather what conversion needs; raises SyncError."""
    with tenancy.organization(actor.organization_id):
        organization = organizations.get(organization_id=actor.organization_id)
        owners = merges.fetch(
            "SELECT external_id, coalesce(values ->> 'Name', values ->> 'name', external_id)"
            " FROM integrations_crmrecord"
            " WHERE connection_id = %(connection)s AND stream = 'owners'",
            {"connection": opened.id},
        )
    return Context(
        actor=actor,
        opened=opened,
        rows=rows.Context(
            zone=zoneinfo.ZoneInfo(organization.time_zone),
            currency=organization.currency,
            owners=dict(owners),
            stages=opened.provider.stages(opened.source),
        ),
        run_id=uuid.uuid4(),
    )


def land(
    context: Context, stream: crm.Stream, records: Sequence[crm.Raw], others: Sequence[crm.Raw]
) -> Landed:
    """Keep a page's records, and what came along with them, and merge what changed."""
    rejected: list[_Rejected] = []
    kept = _keep_all(context, [*records, *others], rejected)
    changed = [raw for raw in (*records, *others) if kept[raw.stream].has(raw.id)]
    _merge_all(context, changed, rejected)
    _close_rejected(context, changed, rejected)
    return _count(stream, records, kept[stream], _reject(context, rejected))


def retry_pending(context: Context, stream: crm.Stream) -> None:
    """Merge the records of a stream again that named one which was not known when they came."""
    waiting = models.CrmRecord.objects.filter(
        connection_id=context.opened.id, stream=stream.value, is_pending=True
    )
    last = 0
    while found := list(waiting.filter(id__gt=last).order_by("id")[:PENDING_ROWS]):
        last = found[-1].pk
        rejected: list[_Rejected] = []
        _merge_all(context, [_raw(row) for row in found], rejected)
        _reject(context, rejected)


def _merge_all(context: Context, records: Sequence[crm.Raw], rejected: list[_Rejected]) -> None:
    by_stream: dict[crm.Stream, list[crm.Raw]] = defaultdict(list)
    for raw in records:
        by_stream[raw.stream].append(raw)
    for stream in crm.Stream:
        if by_stream[stream]:
            _merge(context, stream, _newest(by_stream[stream]), rejected)
    _follow_merges(context, records)


def delete(context: Context, stream: crm.Stream, gone: Iterable[tuple[str, dt.datetime]]) -> int:
    """Mark records as deleted that the CRM's log names; return how many were not yet."""
    told = dict(gone)
    if not told:
        return 0
    found = models.CrmRecord.objects.filter(
        connection_id=context.opened.id,
        stream=stream.value,
        external_id__in=list(told),
        is_deleted=False,
    )
    rows_gone = [
        replace(_raw(row), stamp=max(told[row.external_id], row.stamp), is_deleted=True)
        for row in found
    ]
    land(context, stream, rows_gone, ())
    return len(rows_gone)


def sweep(context: Context, stream: crm.Stream, living: Iterable[str], *, at: dt.datetime) -> int:
    """Mark as deleted whatever is kept as living and is not among the ids that the CRM has."""
    merges.make("crm_living", "(external_id text NOT NULL)")
    with merges.writing("crm_living", ("external_id",)) as copy:
        for of in living:
            copy.write_row((of,))
    gone = merges.fetch(
        "SELECT external_id FROM integrations_crmrecord WHERE connection_id = %(connection)s"
        " AND stream = %(stream)s AND NOT is_deleted AND external_id NOT IN"
        " (SELECT external_id FROM pg_temp.crm_living)",
        {"connection": context.opened.id, "stream": stream.value},
    )
    return delete(context, stream, [(of, at) for (of,) in gone])


def _keep_all(
    context: Context, records: Sequence[crm.Raw], rejected: list[_Rejected]
) -> dict[crm.Stream, _Kept]:
    """Keep each record's newest version; tell which are new and which changed."""
    merges.make("crm_page", _PAGE)
    with merges.writing("crm_page", _PAGE_COLUMNS) as copy:
        for raw in records:
            content = orjson.dumps(raw.values, option=orjson.OPT_SORT_KEYS, default=str)
            if _NUL in content or "\x00" in raw.id:
                reason = "the record holds a NUL character, which cannot be kept"
                rejected.append(_Rejected(raw, "", reason, content.decode()))
                continue
            digest = hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()
            copy.write_row(
                (
                    raw.stream.value,
                    raw.id,
                    raw.parent,
                    raw.stamp,
                    content.decode(),
                    digest,
                    raw.is_deleted,
                    raw.merged_into,
                )
            )
    kept: dict[crm.Stream, _Kept] = defaultdict(_Kept)
    parameters = {"organization": context.actor.organization_id, "connection": context.opened.id}
    for stream, of, is_new in merges.fetch(_KEEP, parameters):
        found = kept[crm.Stream(stream)]
        (found.new if is_new else found.changed).add(of)
    return kept


_PAGE: Final = """(stream text, external_id text, parent_id text, stamp timestamptz, content jsonb,
    digest bytea, is_deleted boolean, merged_into text)"""
_PAGE_COLUMNS: Final = (
    "stream",
    "external_id",
    "parent_id",
    "stamp",
    "content",
    "digest",
    "is_deleted",
    "merged_into",
)

# A version of the same stamp may differ: the CRM moves children of a merge without their stamps.
_KEEP: Final = """
    INSERT INTO integrations_crmrecord AS kept
        (organization_id, connection_id, stream, external_id, parent_id, stamp, values, digest,
         is_deleted, deleted_at, merged_into)
    SELECT DISTINCT ON (stream, external_id) %(organization)s, %(connection)s, stream, external_id,
        parent_id, stamp, content, digest, is_deleted, CASE WHEN is_deleted THEN stamp END,
        merged_into
    FROM pg_temp.crm_page ORDER BY stream, external_id, stamp DESC
    ON CONFLICT (organization_id, connection_id, stream, external_id) DO UPDATE
    SET parent_id = excluded.parent_id, stamp = excluded.stamp, values = excluded.values,
        digest = excluded.digest, is_deleted = excluded.is_deleted,
        deleted_at = CASE WHEN excluded.is_deleted
            THEN coalesce(kept.deleted_at, excluded.deleted_at) END,
        merged_into = excluded.merged_into
    WHERE excluded.stamp >= kept.stamp
        AND (excluded.digest, excluded.is_deleted, excluded.merged_into)
            IS DISTINCT FROM (kept.digest, kept.is_deleted, kept.merged_into)
    RETURNING stream, external_id, xmax = 0
"""


def _newest(records: Iterable[crm.Raw]) -> list[crm.Raw]:
    """Keep the last version of each record of a page, in a stable order."""
    newest: dict[str, crm.Raw] = {}
    for raw in records:
        if raw.id not in newest or raw.stamp >= newest[raw.id].stamp:
            newest[raw.id] = raw
    return list(newest.values())


def _content(values: Mapping[str, Any]) -> str:
    """Write a record down as it came; numbers of any length included, which orjson refuses."""
    return json.dumps(values, sort_keys=True, default=str)


def _raw(row: models.CrmRecord) -> crm.Raw:
    return crm.Raw(
        stream=crm.Stream(row.stream),
        id=row.external_id,
        stamp=row.stamp,
        values=row.values,
        parent=row.parent_id,
        is_deleted=row.is_deleted,
        merged_into=row.merged_into,
    )


def _merge(
    context: Context, stream: crm.Stream, records: list[crm.Raw], rejected: list[_Rejected]
) -> None:
    if stream is crm.Stream.OPPORTUNITY_HISTORY:
        _merge_history(context, records, rejected)
        return
    made = [(raw, _convert(context, raw, rejected)) for raw in records]
    _MERGES.get(stream, _merge_nothing)(context, made, rejected)


def _convert(context: Context, raw: crm.Raw, rejected: list[_Rejected]) -> rows.Row | None:
    try:
        return context.opened.provider.convert(raw, context.rows)
    except errors.BadRecord as error:
        content = _content(raw.values)
        rejected.append(_Rejected(raw, error.field, error.reason, content))
        return None


_Made = Sequence[tuple[crm.Raw, rows.Row | None]]


def _merge_nothing(context: Context, made: _Made, rejected: list[_Rejected]) -> None:
    """Keep the records alone: the books have no place for them."""


def _stage(context: Context, staging: merges.Staging, made: Iterable[Any]) -> None:
    """Write rows into a staging table whose columns are the row's fields."""
    merges.prepare(organization_id=context.actor.organization_id, staging=staging)
    found = list(made)
    names = [each.name for each in fields(found[0])] if found else ["external_id"]
    with merges.writing(staging.table, ("line", *names)) as copy:
        for line, row in enumerate(found):
            copy.write_row((line, *astuple(row)))
    merges.close(staging)


def _merge_accounts(context: Context, made: _Made, rejected: list[_Rejected]) -> None:
    told = [(raw, row) for raw, row in made if row is not None and not raw.is_deleted]
    _stage(context, ingest.ACCOUNTS, [row for _, row in told])
    ingest.merge_accounts(
        actor=context.actor,
        source=context.opened.source_name,
        told=_told(rows.Account),
        shows_differences=False,
    )
    _reject_lines(told, rejected)


def _merge_contacts(context: Context, made: _Made, rejected: list[_Rejected]) -> None:
    del rejected
    found = [row for raw, row in made if row is not None and not raw.is_deleted]
    _stage(context, contacts.CONTACTS, found)
    contacts.merge_contacts(actor=context.actor, source=context.opened.source_name)


def _merge_opportunities(context: Context, made: _Made, rejected: list[_Rejected]) -> None:
    told = [(raw, _gone(row) if raw.is_deleted else row) for raw, row in made if row is not None]
    _stage(context, ingest.OPPORTUNITIES, [row for _, row in told])
    ingest.merge_opportunities(
        actor=context.actor,
        source=context.opened.source_name,
        told=_told(rows.Opportunity),
        currency=context.rows.currency,
        run_id=context.run_id,
        at=max(raw.stamp for raw, _ in made),
        shows_differences=False,
        has_own_history=True,
    )
    _reject_lines(told, rejected)
    if crm.Stream.CONTACT_ROLES not in context.opened.source.streams:
        living = [raw for raw, _ in made if not raw.is_deleted]
        roles = [role for raw in living for role in context.opened.provider.roles(raw)]
        _replace_roles(context, roles, {raw.id for raw in living})


def _reject_lines(made: _Made, rejected: list[_Rejected]) -> None:
    """Keep aside what the books did not take, such as a close that no fiscal period holds."""
    for line, name, reason in _rejections():
        raw = made[line][0]
        content = _content(raw.values)
        rejected.append(_Rejected(raw, name, reason, content))


def _gone(row: rows.Row) -> rows.Row:
    """Take a deleted deal out of every figure; its history stays."""
    if not isinstance(row, rows.Opportunity):
        return row
    return replace(row, status=rows.DELETED, closed_at=None, closed_on=None)


def _merge_roles(context: Context, made: _Made, rejected: list[_Rejected]) -> None:
    """Write the roles of the opportunities that a page's roles belong to, all of them."""
    del rejected
    parents = {raw.parent for raw, _ in made if raw.parent}
    living = models.CrmRecord.objects.filter(
        connection_id=context.opened.id,
        stream=crm.Stream.CONTACT_ROLES.value,
        parent_id__in=parents,
        is_deleted=False,
    )
    told = [context.opened.provider.convert(_raw(row), context.rows) for row in living]
    _replace_roles(context, [row for row in told if isinstance(row, rows.ContactRole)], parents)


def _replace_roles(
    context: Context, roles: Sequence[rows.ContactRole], opportunities: Iterable[str]
) -> None:
    _stage(context, contacts.ROLES, roles)
    contacts.prepare_roles()
    with merges.writing("file_role_of", ("opportunity",)) as copy:
        for of in opportunities:
            copy.write_row((of,))
    contacts.replace_roles(actor=context.actor, source=context.opened.source_name)


def _merge_touches(context: Context, made: _Made, rejected: list[_Rejected]) -> None:
    """Merge touches; a record that is none (any more) takes its touch back.

    A touch of a contact or an account that is not known waits for it.
    """
    del rejected
    told = [(raw, row) for raw, row in made if isinstance(row, rows.Touch) and not raw.is_deleted]
    gone = [rows.touch_id(raw) for raw, row in made if row is None or raw.is_deleted]
    _stage(context, ingest.TOUCHES, [row for _, row in told])
    source = context.opened.source_name
    ingest.merge_touches(
        actor=context.actor, source=source, told=_told(rows.Touch), shows_differences=False
    )
    late = {told[line][0].id for line, _, _ in _rejections()}
    _set_pending(context, [raw for raw, _ in told], late)
    touchpoints.set_retracted(
        actor=context.actor,
        source=source,
        retracted=gone,
        restored=[row.external_id for raw, row in told if raw.id not in late],
    )


def _rejections() -> list[tuple[int, str, str]]:
    """List what the merge did not take: line, field and reason."""
    return [
        (int(line), str(name), str(reason))
        for line, name, reason in merges.fetch(
            f"SELECT DISTINCT ON (line) line, field, reason FROM {merges.REJECTIONS}"
            " ORDER BY line, ctid"
        )
    ]


def _set_pending(context: Context, records: Sequence[crm.Raw], late: set[str]) -> None:
    kept = models.CrmRecord.objects.filter(connection_id=context.opened.id)
    for stream in {raw.stream for raw in records}:
        ids = {raw.id for raw in records if raw.stream is stream}
        of_stream = kept.filter(stream=stream.value)
        of_stream.filter(external_id__in=ids & late, is_pending=False).update(is_pending=True)
        of_stream.filter(external_id__in=ids - late, is_pending=True).update(is_pending=False)


def _merge_history(context: Context, records: Sequence[crm.Raw], rejected: list[_Rejected]) -> None:
    """Read the whole history of each opportunity that a page tells of, and write what is new."""
    parents = {raw.parent for raw in records if raw.parent}
    told: dict[str, list[crm.Raw]] = defaultdict(list)
    kept = models.CrmRecord.objects.filter(
        connection_id=context.opened.id,
        stream=crm.Stream.OPPORTUNITY_HISTORY.value,
        parent_id__in=parents,
    )
    for row in kept.iterator():
        told[row.parent_id].append(_raw(row))
    changes: list[crm.Change] = []
    for of in sorted(told):
        found, bad = context.opened.provider.history(told[of], context.rows)
        changes += found
        rejected += [
            _Rejected(raw, error.field, error.reason, _content(raw.values)) for raw, error in bad
        ]
    _stage(context, histories.CHANGES, [_Entry.of(change) for change in changes])
    histories.merge(actor=context.actor, source=context.opened.source_name)
    _mark_pending(context, parents)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A change as the staging table of histories names its columns."""

    external_id: str
    source_id: str
    changed_at: dt.datetime
    stage: str | None
    status: str | None
    amount_minor: int | None
    currency: str | None
    owner: str | None
    sets_amount: bool

    @classmethod
    def of(cls, change: crm.Change) -> _Entry:
        return cls(*astuple(change))


def _mark_pending(context: Context, parents: Iterable[str]) -> None:
    """Remember the histories whose opportunity is not in the books yet."""
    known = ingest.known_opportunities(
        actor=context.actor, source=context.opened.source_name, external_ids=list(parents)
    )
    told = models.CrmRecord.objects.filter(
        connection_id=context.opened.id, stream=crm.Stream.OPPORTUNITY_HISTORY.value
    )
    told.filter(parent_id__in=known, is_pending=True).update(is_pending=False)
    told.filter(parent_id__in=set(parents) - known, is_pending=False).update(is_pending=True)


def _follow_merges(context: Context, records: Sequence[crm.Raw]) -> None:
    """Write down what became what, and move touches to the record that is left."""
    for raw in records:
        for old, new in context.opened.provider.merged(raw):
            models.RecordAlias.objects.get_or_create(
                organization_id=context.actor.organization_id,
                connection_id=context.opened.id,
                stream=raw.stream.value,
                old_id=old,
                new_id=new,
            )
            if raw.stream in (crm.Stream.ACCOUNTS, crm.Stream.CONTACTS):
                joins.follow(
                    actor=context.actor,
                    source=context.opened.source_name,
                    is_account=raw.stream is crm.Stream.ACCOUNTS,
                    old=old,
                    new=new,
                )


def _reject(context: Context, rejected: Sequence[_Rejected]) -> set[tuple[str, str]]:
    """Keep what cannot be read aside; return which of it is news, as (stream, id)."""
    news = set()
    for each in rejected:
        key: dict[str, Any] = {
            "organization_id": context.actor.organization_id,
            "connection_id": context.opened.id,
            "stream": each.raw.stream.value,
            "external_id": each.raw.id.replace("\x00", "?"),
        }
        told = {
            "field": each.field,
            "reason": each.reason,
            "content": each.content[:CONTENT_LENGTH].replace("\x00", "?"),
            "is_open": True,
        }
        if models.RejectedRecord.objects.filter(**key, **told).exists():
            continue
        models.RejectedRecord.objects.update_or_create(**key, defaults=told)
        news.add((each.raw.stream.value, each.raw.id))
    return news


def _close_rejected(
    context: Context, taken: Sequence[crm.Raw], rejected: Sequence[_Rejected]
) -> None:
    """Close the cases of records that could be read this time."""
    bad = {(each.raw.stream, each.raw.id) for each in rejected}
    open_cases = models.RejectedRecord.objects.filter(connection_id=context.opened.id, is_open=True)
    for stream in {raw.stream for raw in taken}:
        ids = [raw.id for raw in taken if raw.stream is stream and (stream, raw.id) not in bad]
        open_cases.filter(stream=stream.value, external_id__in=ids).update(is_open=False)


def _count(
    stream: crm.Stream,
    records: Sequence[crm.Raw],
    kept: _Kept,
    news: set[tuple[str, str]],
) -> Landed:
    """Count a page's records; what was rejected before, and comes as it was, is unchanged."""
    told = {raw.id for raw in records}
    bad = {of for name, of in news if name == stream.value} & told
    new, changed = (kept.new & told) - bad, (kept.changed & told) - bad
    deleted = {raw.id for raw in records if raw.is_deleted} & (new | changed)
    return Landed(
        read=len(records),
        new=len(new),
        changed=len(changed),
        unchanged=len(records) - len(new) - len(changed) - len(bad),
        rejected=len(bad),
        deleted=len(deleted),
    )


def _told(kind: type[Any]) -> frozenset[str]:
    return frozenset(each.name for each in fields(kind))


_MERGES: Final[Mapping[crm.Stream, Any]] = {
    crm.Stream.ACCOUNTS: _merge_accounts,
    crm.Stream.CONTACTS: _merge_contacts,
    crm.Stream.OPPORTUNITIES: _merge_opportunities,
    crm.Stream.CONTACT_ROLES: _merge_roles,
    crm.Stream.CAMPAIGN_MEMBERS: _merge_touches,
    crm.Stream.TASKS: _merge_touches,
    crm.Stream.MEETINGS: _merge_touches,
    crm.Stream.CALLS: _merge_touches,
    crm.Stream.EMAILS: _merge_touches,
}

"""Read one stream of a connection into the books, so that nothing is lost and nothing is double.

The rules kept here:
- The records of a page and the cursor after them are one transaction. A crash loses neither: what
  was not committed is read again, and what is read again changes nothing.
- One worker holds a stream. Each page is committed under the fencing number of the lease, so what
  an earlier holder still brings is refused.
- Changes are read up to a few minutes before the CRM's own now, and from a few minutes before the
  cursor: a record may become visible later than its stamp. What is told twice is dropped by its
  digest.
- An older version never replaces a newer one. What cannot be read is kept aside with its reason.
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from django.db import connection as database
from django.db import models as db

from gifting.domain import access, refusals
from gifting.services import tenancy
from integrations import models
from integrations.domain import backoff, crm, errors
from integrations.models.connections import Status
from integrations.services import connections, landing

LEASE: Final = dt.timedelta(minutes=10)
LAG: Final = dt.timedelta(minutes=5)
OVERLAP: Final = dt.timedelta(minutes=10)
LONGEST_WAIT_SECONDS: Final = 30.0
WORKER_WAIT_SECONDS: Final = 2.0
MOST_PAGES: Final = 1_000_000
MOST_WAITS: Final = 10_000
POLL_SECONDS: Final = 1.0
SWEEP_EVERY: Final = dt.timedelta(days=7)
MESSAGE_LENGTH: Final = 500

Progress = Callable[[int], None]
_Answer = TypeVar("_Answer")
_SILENT: Final[Progress] = lambda _count: None  # noqa: E731 - a named nothing


class StreamBusy(refusals.Conflict):
    code = "STREAM_BUSY"


class StreamUnknown(refusals.Invalid):
    code = "STREAM_UNKNOWN"


class _NotYetError(Exception):
    """The CRM needs more time than a worker waits; the next one goes on from the same place."""


class _LeaseLostError(Exception):
    """Another worker holds the stream now; what this one read is that one's to read."""


@dataclass(slots=True)
class Counts:
    """What became of the records that were read."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0

    def add(self, landed: landing.Landed) -> None:
        self.read += landed.read
        self.new += landed.new
        self.changed += landed.changed
        self.unchanged += landed.unchanged
        self.rejected += landed.rejected
        self.deleted += landed.deleted


@dataclass(frozen=True, slots=True)
class Outcome:
    """One stream's part of a sync; `error` is one sentence with its remedy, empty when it went."""

    stream: str
    counts: Counts
    calls: int
    is_full: bool
    error_code: str = ""
    error: str = ""


@dataclass(slots=True)
class _Reading:
    """One stream that is being read."""

    actor: access.Actor
    opened: connections.Opened
    stream: crm.Stream
    state_id: int
    fencing: int
    is_full: bool
    lag: dt.timedelta
    clock: Callable[[], dt.datetime]
    on_progress: Progress
    is_patient: bool
    gathered: landing.Context | None = None
    counts: Counts = field(default_factory=Counts)
    chance: random.Random = field(default_factory=random.Random)

    @property
    def source(self) -> crm.Source:
        return self.opened.source

    @property
    def context(self) -> landing.Context:
        """Give what pages are landed with, gathered once and by the first who needs it."""
        if self.gathered is None:
            self.gathered = landing.context(actor=self.actor, opened=self.opened)
        return self.gathered

    def server_time(self) -> dt.datetime:
        """Ask the session that is open now, which is not always the first one."""
        return self.source.server_time()


def streams_of(opened: connections.Opened, wanted: str = "") -> tuple[crm.Stream, ...]:
    """List the streams of a connection in their order, or the one that is named.

    Raises StreamUnknown.
    """
    if not wanted:
        return opened.source.streams
    for stream in opened.source.streams:
        if stream.value == wanted:
            return (stream,)
    there = ", ".join(each.value for each in opened.source.streams)
    raise StreamUnknown(f"There is no stream {wanted!r}. Name one of {there}.", field="stream")


def run(
    *,
    actor: access.Actor,
    opened: connections.Opened,
    stream: crm.Stream,
    is_full: bool,
    clock: Callable[[], dt.datetime],
    lag: dt.timedelta = LAG,
    on_progress: Progress = _SILENT,
    is_patient: bool = True,
) -> Outcome:
    """Read a stream as far as it goes; a failure of the CRM is in the outcome, the cursor stays.

    A worker is not patient: where the CRM takes its time, a later one goes on.

    Raises Forbidden and StreamBusy.
    """
    actor.require(access.Permission.IMPORT)
    started_at, calls = clock(), opened.calls
    state_id, fencing = _take_lease(actor, opened, stream, started_at)
    reading = _Reading(
        actor=actor,
        opened=opened,
        stream=stream,
        state_id=state_id,
        fencing=fencing,
        is_full=is_full,
        lag=lag,
        clock=clock,
        on_progress=on_progress,
        is_patient=is_patient,
    )
    failure: errors.SyncError | None = None
    try:
        _read(reading)
    except errors.SyncError as error:
        failure = error
    except _NotYetError:
        failure = None
    except _LeaseLostError:
        failure = errors.Transient("Another worker took the stream over and goes on with it.")
    except BaseException:
        # Out of time, or ended by a person: whoever comes next need not wait for the lease to end.
        _release(reading)
        raise
    outcome = Outcome(
        stream=stream.value,
        counts=reading.counts,
        calls=reading.opened.calls - calls,
        is_full=is_full,
        error_code=failure.code if failure else "",
        error=_sentence(opened, stream, failure) if failure else "",
    )
    _finish(reading, outcome, failure, started_at)
    return outcome


def _read(reading: _Reading) -> None:
    _ask(reading, lambda: reading.context)
    state = _state(reading)
    if reading.is_full:
        state = _begin_again(reading)
    if state.backfill_started_at is None:
        state = _begin_backfill(reading)
    if not state.is_backfilled:
        _backfill(reading, state.backfill_place)
        state = _state(reading)
    _changes(reading, state)
    _deletions(reading, _state(reading))
    with tenancy.organization(reading.actor.organization_id):
        _hold(reading)
        landing.retry_pending(reading.context, reading.stream)


def _backfill(reading: _Reading, place: str) -> None:
    """Read everything once; where it stands is kept with each page."""
    waits = 0
    for _ in range(MOST_PAGES):
        page = _ask(reading, lambda place=place: reading.source.backfill(reading.stream, place))  # type: ignore[misc]  # the loop's own value
        _land(
            reading,
            page,
            backfill_place=page.next or "",
            is_backfilled=page.next is None,
        )
        if page.next is None:
            return
        place = page.next
        if page.is_waiting:
            waits += 1
            if not reading.is_patient:
                raise _NotYetError
            if waits > MOST_WAITS:
                raise errors.Unavailable("The bulk job does not come to an end.")
            time.sleep(POLL_SECONDS)


def _changes(reading: _Reading, state: models.StreamState) -> None:
    """Read what changed since the cursor, up to shortly before the CRM's now."""
    until = _ask(reading, reading.server_time) - reading.lag
    since = state.cursor_at or state.backfill_started_at or until
    cursor = crm.Cursor(since - OVERLAP)
    for _ in range(MOST_PAGES):
        page = _ask(
            reading,
            lambda cursor=cursor: reading.source.changes(reading.stream, cursor, until),  # type: ignore[misc]  # the loop's own value
        )
        if page.records:
            last = page.records[-1]
            cursor = crm.Cursor(last.stamp, last.id)
        if page.next is None:
            # Up to here everything was seen; the overlap finds what is still to become visible.
            _land(reading, page, cursor_at=max(until, since), cursor_id="")
            return
        _land(reading, page, cursor_at=max(cursor.stamp, since), cursor_id=cursor.id)


def _deletions(reading: _Reading, state: models.StreamState) -> None:
    """Mark what is gone: by the log of deletions, and once a week by comparing all ids."""
    now = _ask(reading, reading.server_time)
    since = state.deleted_until or state.backfill_started_at or now
    found = _ask(reading, lambda: reading.source.deletions(reading.stream, since, now))
    due = state.swept_at is None or now - state.swept_at >= SWEEP_EVERY
    if found is None or reading.is_full or (due and state.swept_at is not None):
        _sweep(reading, now)
    with tenancy.organization(reading.actor.organization_id):
        _hold(reading)
        reading.counts.deleted += landing.delete(reading.context, reading.stream, found or ())
        _move(reading, deleted_until=now, swept_at=state.swept_at or now)


def _sweep(reading: _Reading, now: dt.datetime) -> None:
    """Compare all ids that the CRM has with those that are kept, for what was purged unseen."""
    place: str | None = ""
    seen: list[str] = []
    for _ in range(MOST_PAGES):
        ids, place = _ask(
            reading,
            lambda place=place: reading.source.identifiers(reading.stream, place or ""),  # type: ignore[misc]  # the loop's own value
        )
        seen += ids
        if place is None:
            break
    with tenancy.organization(reading.actor.organization_id):
        _hold(reading)
        reading.counts.deleted += landing.sweep(reading.context, reading.stream, seen, at=now)
        _move(reading, swept_at=now)


def _ask(reading: _Reading, question: Callable[[], _Answer]) -> _Answer:
    """Ask the CRM, and again where that may help; raises SyncError when it does not."""
    attempts = 0
    while True:
        try:
            return question()
        except errors.SyncError as failure:
            attempts += 1
            decision = backoff.decide(failure, attempts=attempts, chance=reading.chance.random())
            if isinstance(decision, backoff.GiveUp):
                raise
            longest = LONGEST_WAIT_SECONDS if reading.is_patient else WORKER_WAIT_SECONDS
            if decision.wait.total_seconds() > longest:
                raise
            if attempts >= backoff.MOST_ATTEMPTS:
                raise
            if isinstance(failure, errors.SessionEnded):
                reading.opened = connections.reopen(
                    actor=reading.actor, opened=reading.opened, at=reading.clock()
                )
            time.sleep(decision.wait.total_seconds())


def _land(reading: _Reading, page: crm.Page, **moved: object) -> None:
    """Commit a page and the place after it together, or neither."""
    others = _ask(reading, lambda: reading.source.companions(reading.stream, page.records))
    with tenancy.organization(reading.actor.organization_id):
        _hold(reading)
        landed = landing.land(reading.context, reading.stream, page.records, others)
        _move(reading, **moved)
    reading.counts.add(landed)
    reading.on_progress(landed.read)


def _hold(reading: _Reading) -> None:
    """Take the stream's row for this transaction, if the lease is still this worker's."""
    held = (
        models.StreamState.objects.select_for_update(no_key=True)
        .filter(id=reading.state_id, fencing=reading.fencing)
        .exists()
    )
    if not held:
        raise _LeaseLostError


def _move(reading: _Reading, **moved: object) -> None:
    models.StreamState.objects.filter(id=reading.state_id).update(
        leased_until=reading.clock() + LEASE, **moved
    )


def _state(reading: _Reading) -> models.StreamState:
    with tenancy.organization(reading.actor.organization_id):
        return models.StreamState.objects.get(id=reading.state_id)


def _begin_again(reading: _Reading) -> models.StreamState:
    with tenancy.organization(reading.actor.organization_id):
        _hold(reading)
        _move(
            reading,
            is_backfilled=False,
            backfill_place="",
            backfill_started_at=None,
            cursor_at=None,
            cursor_id="",
        )
    return _state(reading)


def _begin_backfill(reading: _Reading) -> models.StreamState:
    """Note when the first full read begins, by the CRM's clock: changes are read from there."""
    now = _ask(reading, reading.server_time)
    with tenancy.organization(reading.actor.organization_id):
        _hold(reading)
        _move(reading, backfill_started_at=now, deleted_until=now, swept_at=now)
    return _state(reading)


def _take_lease(
    actor: access.Actor, opened: connections.Opened, stream: crm.Stream, at: dt.datetime
) -> tuple[int, int]:
    """Take the stream for this worker, under the next number; raises StreamBusy."""
    with tenancy.organization(actor.organization_id), database.cursor() as cursor:
        cursor.execute(_LEASE, [
            actor.organization_id, opened.id, stream.value, at + LEASE, at,
        ])  # fmt: skip
        taken = cursor.fetchone()
    if taken is None:
        raise StreamBusy(
            f"The stream {stream} of {opened.name} is being read by another worker. Wait for it."
        )
    return int(taken[0]), int(taken[1])


_LEASE: Final = """
    INSERT INTO integrations_streamstate AS held
        (organization_id, connection_id, stream, fencing, leased_until)
    VALUES (%s, %s, %s, 1, %s)
    ON CONFLICT (organization_id, connection_id, stream) DO UPDATE
    SET fencing = held.fencing + 1, leased_until = excluded.leased_until
    WHERE held.leased_until IS NULL OR held.leased_until <= %s
    RETURNING id, fencing
"""


def _release(reading: _Reading) -> None:
    with tenancy.organization(reading.actor.organization_id):
        models.StreamState.objects.filter(id=reading.state_id, fencing=reading.fencing).update(
            leased_until=None
        )


def _finish(
    reading: _Reading,
    outcome: Outcome,
    failure: errors.SyncError | None,
    started_at: dt.datetime,
) -> None:
    """Give the lease back, write the run down and tell the connection how it is."""
    finished_at = reading.clock()
    counts = outcome.counts
    with tenancy.organization(reading.actor.organization_id):
        models.SyncRun.objects.create(
            organization_id=reading.actor.organization_id,
            connection_id=reading.opened.id,
            stream=outcome.stream,
            is_full=outcome.is_full,
            read_count=counts.read,
            new_count=counts.new,
            changed_count=counts.changed,
            unchanged_count=counts.unchanged,
            rejected_count=counts.rejected,
            deleted_count=counts.deleted,
            call_count=outcome.calls,
            error_code=outcome.error_code,
            error=outcome.error,
            started_at=started_at,
            finished_at=finished_at,
        )
        ended: dict[str, object] = {
            "leased_until": None,
            "error_code": outcome.error_code,
            "error": outcome.error,
            "is_off": isinstance(failure, errors.StreamForbidden),
        }
        if failure is None:
            ended["succeeded_at"] = finished_at
        models.StreamState.objects.filter(id=reading.state_id, fencing=reading.fencing).update(
            **ended
        )
        _tell_connection(reading, failure, finished_at)


def _tell_connection(reading: _Reading, failure: errors.SyncError | None, at: dt.datetime) -> None:
    told: dict[str, object] = {}
    quota = reading.source.quota
    if quota is not None:
        told |= {"quota_used": quota.used, "quota_limit": quota.limit}
    if isinstance(failure, errors.Throttled):
        decision = backoff.decide(failure, attempts=1, chance=0.0)
        wait = decision.wait if isinstance(decision, backoff.Retry) else LEASE
        told |= {
            "status": Status.THROTTLED,
            "status_reason": str(failure)[:MESSAGE_LENGTH],
            "resumes_at": at + wait,
        }
    elif isinstance(failure, errors.AuthorizationLost):
        told |= {
            "status": Status.NEEDS_AUTHORIZATION,
            "status_reason": str(failure)[:MESSAGE_LENGTH],
        }
    elif failure is None:
        throttled = db.Q(id=reading.opened.id, status=Status.THROTTLED)
        models.Connection.objects.filter(throttled).update(
            status=Status.READY, status_reason="", resumes_at=None
        )
    if told:
        models.Connection.objects.filter(id=reading.opened.id).update(**told)


def _sentence(opened: connections.Opened, stream: crm.Stream, failure: errors.SyncError) -> str:
    """Name the connection, the stream, what happened and what to do, in one sentence."""
    remedy = _REMEDIES.get(failure.code, "It is tried again with the next sync.")
    return f"{opened.name}, {stream}: {failure} {remedy}"[:MESSAGE_LENGTH]


_REMEDIES: Final = {
    errors.AuthorizationLost.code: "No stream is read until then.",
    errors.StreamForbidden.code: "The other streams go on.",
    errors.FieldUnknown.code: "Correct the mapping.",
    errors.RequestRefused.code: "Tell whoever operates the product.",
}

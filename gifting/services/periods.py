"""Open and close fiscal periods, each time with a reason, and find where a day is posted."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from django.db import connection

from gifting import models
from gifting.domain import access, ledger, refusals
from gifting.domain import fiscal as calendars
from gifting.services import conflicts, fiscal, operations


class Period(NamedTuple):
    """A period that a day may be posted to."""

    id: int
    name: str
    status: str
    starts_on: dt.date


class PeriodMissing(refusals.NotFound):
    code = "PERIOD_MISSING"


class PeriodStatusKept(refusals.Conflict):
    code = "PERIOD_STATUS_KEPT"


class CloseUnsigned(refusals.Conflict):
    code = "CLOSE_UNSIGNED"


# Written out, it takes a fifth of what the ORM takes to say it.
_FROM_DAY: Final = """
    SELECT period.id, period.name, period.status, period.starts_on
    FROM gifting_fiscalperiod AS period
    JOIN gifting_fiscalcalendar AS calendar
        ON calendar.organization_id = period.organization_id AND calendar.id = period.calendar_id
    WHERE calendar.is_default AND period.ends_on > %s ORDER BY period.starts_on
"""


def move(
    *,
    actor: access.Actor,
    period_id: int,
    status: ledger.PeriodStatus,
    reason: str,
    event_id: UUID | None = None,
) -> UUID:
    """Close a period softly, or open it again; whoever posts is waited for.

    For good it is closed by a signature (`services.closes`); unsigned, only by what the product
    does itself, such as its samples. Returns the id of the event. Raises CloseUnsigned, and what
    `enter` refuses.
    """
    is_asked = actor.user_id is not None or actor.token_id is not None
    if status is ledger.PeriodStatus.CLOSED and is_asked:
        actor.require(access.Permission.CLOSE_PERIODS)
        raise CloseUnsigned(
            "A period is closed for good by somebody who did not prepare its close. Prepare the "
            "close, and have it signed.",
            field="status",
        )
    return enter(actor=actor, period_id=period_id, status=status, reason=reason, event_id=event_id)


def enter(
    *,
    actor: access.Actor,
    period_id: int,
    status: ledger.PeriodStatus,
    reason: str,
    event_id: UUID | None = None,
) -> UUID:
    """Write the event; whoever closes for good by it writes its signature as well.

    Returns the id of the event. Whoever brings it along is answered alike when asking again,
    whatever became of the period since. Raises Forbidden, TextUnusable, PeriodStatusKept and
    IdempotencyKeyReused.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    event = event_id or uuid4()
    if _is_told(event, period_id, status):
        return event
    refused = {
        "period_event_changes_the_status": PeriodStatusKept(
            f"The period is {status} already. Look at its events."
        ),
        "period_event_public_id_is_unique": operations.IdempotencyKeyReused(
            f"The key {str(event)!r} was used for another request. Make a new key for a new one.",
            field="idempotency_key",
        ),
    }
    with conflicts.judging(refused):
        models.PeriodEvent.objects.create(
            organization_id=actor.organization_id,
            public_id=event,
            fiscal_period_id=period_id,
            to_status=status.value,
            reason=operations.text(reason, field="reason"),
            user_id=actor.user_id,
        )
    return event


def of_decision(*, actor: access.Actor, day: dt.date, known: Period | None = None) -> int:
    """Return the period that a decision of that day is posted to, which may be known already.

    A softly closed period takes decisions from those who close periods alone. Raises PeriodClosed,
    PeriodMissing and FiscalYearOutOfRange.
    """
    is_known = known is not None and known.starts_on <= day
    period = known if known and is_known else _holding(actor, day, most=1)[0]
    is_shut = period.status == ledger.PeriodStatus.CLOSED or (
        period.status == ledger.PeriodStatus.SOFT_CLOSED
        and not actor.may(access.Permission.CLOSE_PERIODS)
    )
    if is_shut:
        raise operations.PeriodClosed(
            f"The fiscal period {period.name}, which holds {day}, is closed. Choose a later day, "
            "or have it opened again.",
            field="effective_on",
        )
    return period.id


def of_fact(*, actor: access.Actor, day: dt.date) -> int:
    """Return the period of the day, or the next one that is not closed: a fact is owed anyway.

    Raises PeriodClosed when every period from then on is closed, and FiscalYearOutOfRange.
    """
    for period in _holding(actor, day):
        if period.status != ledger.PeriodStatus.CLOSED:
            return period.id
    raise operations.PeriodClosed(
        f"Every fiscal period from {day} on is closed. Open the next fiscal year.",
        field="effective_on",
    )


def day_of(*, at: dt.datetime, time_zone: str) -> dt.date:
    """Return the day of the instant where the organization keeps its books."""
    return calendars.period_date(at, time_zone)


def start_of(*, day: dt.date, time_zone: str) -> dt.datetime:
    """Return the instant at which the day begins where the organization keeps its books."""
    return dt.datetime.combine(day, dt.time(), tzinfo=zoneinfo.ZoneInfo(time_zone))


def hold(*, period_id: int) -> None:
    """Keep a close waiting until the transaction ends, before any fund is locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(ledger_lock(organization_id))"
            " FROM gifting_fiscalperiod WHERE id = %s FOR SHARE",
            [period_id],
        )


def _is_told(event: UUID, period_id: int, status: ledger.PeriodStatus) -> bool:
    told = models.PeriodEvent.objects.filter(public_id=event)
    return told.filter(fiscal_period_id=period_id, to_status=status.value).exists()


def _holding(actor: access.Actor, day: dt.date, *, most: int | None = None) -> list[Period]:
    """List the period that holds the day and those after it."""
    found = _from(day, most)
    if not found or found[0].starts_on > day:
        fiscal.ensure_periods(organization_id=actor.organization_id, dates=[day])
        found = _from(day, most)
    if not found or found[0].starts_on > day:
        raise PeriodMissing(
            f"No fiscal period holds {day}. Add it to the calendar.", field="effective_on"
        )
    return found


def _from(day: dt.date, most: int | None) -> list[Period]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_FROM_DAY} LIMIT %s", [day, most])
        return [Period(*row) for row in cursor.fetchall()]

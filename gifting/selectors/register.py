"""The gift register: each gift to each person, who gave and approved it, why and for how much.

Rows that were taken back stay in it and say so: a register is cancelled, never deleted.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef

from gifting import models
from gifting.domain import access, approvals, gift_rules, money, recipients
from gifting.domain.journals import cells
from gifting.selectors import gift_rules as records

MOST_SHOWN: Final = 100
FEW: Final = 3
LONGEST_CELL: Final = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the register; the name is personal data."""

    gift_id: UUID
    given_on: dt.date
    giver: str
    recipient_id: UUID
    recipient_name: str | None
    organization: str
    recipient_class: recipients.RecipientClass
    country: str
    kind: str
    nature: str
    value: money.Money
    purpose: str
    conflict_note: str
    answer: str
    approvers: tuple[str, ...]
    is_taken_back: bool
    gifts_in_12_months: int

    @property
    def is_public_official(self) -> bool:
        return self.recipient_class is recipients.RecipientClass.PUBLIC_OFFICIAL

    @property
    def is_pattern(self) -> bool:
        """Tell whether gifts to the person come more often than now and then."""
        return self.gifts_in_12_months > FEW


def entries(
    *, actor: access.Actor, from_date: dt.date, to_date: dt.date, most: int | None = MOST_SHOWN
) -> tuple[Entry, ...]:
    """Return the gifts of some days up to, and without, the last one, by day; raises Forbidden.

    Senders see those of their own cost centers.
    """
    actor.require(access.Permission.READ_SPEND)
    rows = models.RecipientGift.objects.filter(
        given_on__gte=from_date, given_on__lt=to_date, reverses=None
    )
    if actor.cost_center_ids is not None:
        rows = rows.filter(send__cost_center_id__among=list(actor.cost_center_ids))
    reversal = models.RecipientGift.objects.filter(reverses_id=OuterRef("id"))
    found = list(
        rows.annotate(is_taken_back=Exists(reversal))
        .select_related("recipient", "giver", "send")
        .order_by("given_on", "id")[:most]
    )
    approvers = _approvers({row.subject_id for row in found})
    sees_names = actor.may(access.Permission.READ_PERSONAL_DATA)
    days = _days_by_person({row.recipient_id for row in found})
    return tuple(
        Entry(
            gift_id=row.public_id,
            given_on=row.given_on,
            giver=row.giver.get_username() if row.giver else "",
            recipient_id=row.recipient.public_id,
            recipient_name=row.recipient.name if sees_names else None,
            organization=row.recipient.account_reference,
            recipient_class=recipients.RecipientClass(row.recipient_class),
            country=row.country,
            kind=row.kind,
            nature=row.nature,
            value=money.Money(records.cost_of(row).landed, row.currency),
            purpose=row.purpose,
            conflict_note=row.conflict_note,
            answer=row.send.state if row.send else "",
            approvers=tuple(approvers.get(row.subject_id, ())),
            is_taken_back=row.is_taken_back,
            gifts_in_12_months=_within_a_year(days[row.recipient_id], row.given_on),
        )
        for row in found
    )


def _approvers(subject_ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    given = models.Approval.objects.filter(
        request__subject_id__in=list(subject_ids), verdict=approvals.Verdict.APPROVED.value
    ).order_by("id")
    found: dict[UUID, list[str]] = {}
    for subject_id, name in given.values_list("request__subject_id", "approved_by__username"):
        found.setdefault(subject_id, []).append(name)
    return found


def _days_by_person(recipient_ids: Iterable[int]) -> Mapping[int, list[dt.date]]:
    """Return the days of all gifts to the person that each of these recipients is."""
    roots = dict(
        models.RecipientLink.objects.filter(ended_at=None).values_list(
            "recipient_id", "counts_as_id"
        )
    )
    wanted = {key: roots.get(key, key) for key in recipient_ids}
    people = set(wanted.values())
    members = people | {key for key, root in roots.items() if root in people}
    rows = models.RecipientGift.objects.filter(recipient_id__among=list(members))
    taken = rows.exclude(reverses=None).values("reverses_id")
    days: dict[int, list[dt.date]] = defaultdict(list)
    for key, day in (
        rows.filter(reverses=None).exclude(id__in=taken).values_list("recipient_id", "given_on")
    ):
        days[roots.get(key, key)].append(day)
    return {key: days[root] for key, root in wanted.items()}


def _within_a_year(days: Iterable[dt.date], last: dt.date) -> int:
    """Count the days in the 12 months that end with this one."""
    return sum(day <= last < gift_rules.year_later(day) for day in days)


def as_csv(found: Iterable[Entry]) -> bytes:
    """Write the register as a CSV file; no cell can start a formula."""
    header = (
        "date",
        "giver",
        "recipient",
        "recipient_name",
        "organization",
        "class",
        "public_official",
        "country",
        "kind",
        "nature",
        "value",
        "currency",
        "purpose",
        "answer",
        "conflict_note",
        "approvers",
        "taken_back",
        "gifts_in_12_months",
    )
    return cells.table(
        header,
        [
            (
                entry.given_on.isoformat(),
                _cell(entry.giver),
                str(entry.recipient_id),
                _cell(entry.recipient_name or ""),
                _cell(entry.organization),
                entry.recipient_class.value,
                "yes" if entry.is_public_official else "no",
                entry.country,
                entry.kind,
                _cell(entry.nature),
                entry.value.decimal_text,
                entry.value.currency,
                _cell(entry.purpose),
                entry.answer,
                _cell(entry.conflict_note),
                _cell(" ".join(entry.approvers)),
                "yes" if entry.is_taken_back else "no",
                str(entry.gifts_in_12_months),
            )
            for entry in found
        ],
    )


def _cell(value: str) -> str:
    return cells.text(cells.clean(value, most=LONGEST_CELL))

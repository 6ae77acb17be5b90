"""Vendors and what they sell: the same for everyone in the company who plans or pays for gifts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from gifting import models
from gifting.domain import access, documents
from gifting.selectors import records

# How alike two names have to be, of 10,000, to be looked at.
ALIKE_BASIS_POINTS: Final = 5_000
MOST_COMPARED: Final = 1_000
MOST_CANDIDATES: Final = 100
# How sure a guess is, of 10,000: the payee's account, the name itself, a name like it at most.
BY_PAYEE: Final = 10_000
BY_NAME: Final = 9_500
BY_LIKENESS: Final = 9_000

READERS = (access.Permission.READ_CAMPAIGNS, access.Permission.READ_SPEND)


class VendorRecord(NamedTuple):
    """A vendor's row."""

    id: int
    public_id: UUID
    code: str
    name: str
    recorded_at: dt.datetime


class GiftItemRecord(NamedTuple):
    """A gift item's row."""

    id: int
    public_id: UUID
    sku: str
    name: str
    list_price_amount_minor: int
    currency: str
    personalization: str
    vendor_id: int


class VendorIdentityRecord(NamedTuple):
    """By what a vendor is known elsewhere."""

    vendor_id: int
    id: int
    public_id: UUID
    kind: str
    value: str
    retired_at: dt.datetime | None


class VendorMergeRecord(NamedTuple):
    """A merge of two vendors, or the end of one."""

    id: int
    public_id: UUID
    reason: str
    recorded_at: dt.datetime
    vendor_id: int
    into_id: int
    undoes_id: int | None


@dataclass(frozen=True, slots=True)
class IdentityWhere(records.Where):
    """Conditions on identities."""

    vendor_ids: Collection[UUID] | None = records.lookup("vendor__public_id__in")
    kinds: Collection[str] | None = records.lookup("kind__in")
    is_in_use: bool | None = records.lookup("retired_at__isnull")


@dataclass(frozen=True, slots=True)
class MergeWhere(records.Where):
    """Conditions on merges."""

    vendor_ids: Collection[UUID] | None = records.lookup("vendor__public_id__in")
    is_merge: bool | None = records.lookup("undoes__isnull")


@dataclass(frozen=True, slots=True)
class Where(records.Where):
    """Conditions on vendors."""

    codes: Collection[str] | None = records.lookup("code__in")
    name_contains: str | None = records.lookup("name__icontains")


SOURCE = records.Source(model=models.Vendor, record=VendorRecord, permissions=READERS)
IDENTITIES = records.Source(
    model=models.VendorIdentity, record=VendorIdentityRecord, permissions=READERS
)
MERGES = records.Source(model=models.VendorMerge, record=VendorMergeRecord, permissions=READERS)
GIFT_ITEMS = records.Source(model=models.GiftItem, record=GiftItemRecord, permissions=READERS)


def same_entity(*, vendor_id: int) -> frozenset[int]:
    """Return the vendors that are one legal entity with this one, itself among them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT vendor_id FROM gifting_vendorentity WHERE entity_id ="
            " (SELECT entity_id FROM gifting_vendorentity WHERE vendor_id = %s)",
            [vendor_id],
        )
        return frozenset(row[0] for row in cursor.fetchall())


def entities(*, actor: access.Actor) -> dict[int, int]:
    """Return the vendor that stands for the legal entity of each vendor; raises Forbidden."""
    if not SOURCE.may_read(actor):
        actor.require(READERS[0])
    with connection.cursor() as cursor:
        cursor.execute("SELECT vendor_id, entity_id FROM gifting_vendorentity")
        return dict(cursor.fetchall())


class Guess(NamedTuple):
    """Which vendor a merchant probably is, and how sure that is, of 10,000."""

    vendor_id: int | None
    confidence_basis_points: int


class Candidate(NamedTuple):
    """Two vendors that may be one company, and how alike their names are, of 10,000."""

    vendor_id: int
    other_id: int
    likeness_basis_points: int


def guess(*, merchant: str, payee: str = "") -> Guess:
    """Guess the vendor of a merchant, by account digest, by name, or by a name like it."""
    name = documents.name_key(merchant)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT vendor_id, CASE kind WHEN 'PAYEE' THEN %(by_payee)s ELSE %(by_name)s END
            FROM gifting_vendoridentity WHERE retired_at IS NULL
                AND (kind, value) IN (('PAYEE', %(payee)s), ('NAME', %(name)s))
            UNION ALL
            SELECT id, CASE WHEN lower(name) = lower(%(merchant)s) THEN %(by_name)s
                ELSE floor(similarity(lower(name), %(name)s) * %(by_likeness)s)::int END
            FROM gifting_vendor
            ORDER BY 2 DESC, 1 LIMIT 1""",
            {
                "payee": payee,
                "name": name,
                "merchant": merchant,
                "by_payee": BY_PAYEE,
                "by_name": BY_NAME,
                "by_likeness": BY_LIKENESS,
            },
        )
        row = cursor.fetchone()
    return Guess(*row) if row and row[1] >= ALIKE_BASIS_POINTS else Guess(None, 0)


def candidates(*, actor: access.Actor) -> tuple[Candidate, ...]:
    """List pairs of vendors whose names are alike and who are not one company yet, likest first.

    Compares the names of the latest 1,000 vendors without case, punctuation and legal form.
    """
    if not SOURCE.may_read(actor):
        actor.require(READERS[0])
    latest = models.Vendor.objects.order_by("-id").values_list("id", "name")[:MOST_COMPARED]
    keys = [(vendor, documents.name_key(name)) for vendor, name in latest]
    with connection.cursor() as cursor:
        cursor.execute(
            _ALIKE,
            {
                "ids": [vendor for vendor, _ in keys],
                "names": [name for _, name in keys],
                "least": ALIKE_BASIS_POINTS,
                "most": MOST_CANDIDATES,
            },
        )
        return tuple(Candidate(*row) for row in cursor.fetchall())


_ALIKE: Final = """
    WITH named AS (
        SELECT vendor.id, vendor.name, entity.entity_id
        FROM unnest(%(ids)s::bigint[], %(names)s::text[]) AS vendor (id, name)
        JOIN gifting_vendorentity AS entity ON entity.vendor_id = vendor.id
    ), alike AS (
        SELECT one.id, other.id AS other_id,
            floor(similarity(one.name, other.name) * 10000)::int AS likeness
        FROM named AS one JOIN named AS other
            ON one.id < other.id AND one.entity_id <> other.entity_id
    )
    SELECT id, other_id, likeness FROM alike WHERE likeness >= %(least)s
    ORDER BY likeness DESC, id, other_id LIMIT %(most)s
"""

"""Seal what was committed: chain every operation of the ledger to the ones before it."""

from __future__ import annotations

from typing import Final

from django.db import connection

from gifting.domain import access
from gifting.services import tenancy

MOST_AT_ONCE: Final = 10_000


def seal(*, actor: access.Actor, most: int = MOST_AT_ONCE) -> int:
    """Seal up to so many committed operations, the oldest first; return how many. Idempotent.

    It belongs into a transaction of its own: what this one is still writing would be sealed
    unfinished. Two at once wait for each other. Raises Forbidden.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    with tenancy.organization(actor.organization_id), connection.cursor() as cursor:
        # Before the statement that looks, which then sees what the one before it sealed.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('seals:' || %s, 0))",
            [str(actor.organization_id)],
        )
        cursor.execute(_SEAL, [actor.organization_id, most])
        return int(cursor.rowcount)


_SEAL: Final = """
    INSERT INTO gifting_ledgerseal (organization_id, operation_id)
    SELECT operation.organization_id, operation.id FROM gifting_operation AS operation
    WHERE operation.organization_id = %s AND NOT EXISTS (
        SELECT FROM gifting_ledgerseal AS seal
        WHERE seal.organization_id = operation.organization_id AND seal.operation_id = operation.id)
    ORDER BY operation.id LIMIT %s
"""

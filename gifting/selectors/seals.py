"""Read the chain of seals again, and find where what is stored is not what was sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection

from gifting.domain import access

MOST_BROKEN: Final = 100


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain: its last seal, the seals that do not hold, and how much waits to be sealed."""

    number: int
    hash: str
    broken: tuple[int, ...]
    unsealed: int

    @property
    def holds(self) -> bool:
        return not self.broken


def verify(*, actor: access.Actor) -> Chain:
    """Compute every hash again; the first 100 seals that differ are named. Raises Forbidden."""
    actor.require(access.Permission.READ_BUDGETS)
    with connection.cursor() as cursor:
        cursor.execute(_BROKEN, [MOST_BROKEN])
        broken = tuple(number for (number,) in cursor.fetchall())
        cursor.execute(_HEAD)
        number, last, unsealed = cursor.fetchone()
    return Chain(number, last, broken, unsealed)


_BROKEN: Final = """
    SELECT chain.number FROM (
        SELECT *, lag(hash, 1, '') OVER (ORDER BY number) AS before,
            row_number() OVER (ORDER BY number) AS place
        FROM gifting_ledgerseal
    ) AS chain
    LEFT JOIN gifting_operation AS operation
        ON operation.organization_id = chain.organization_id AND operation.id = chain.operation_id
    WHERE operation.id IS NULL OR chain.number <> chain.place OR chain.previous_hash <> chain.before
        OR chain.hash <> seal_hash(chain.before, operation)
    ORDER BY chain.number LIMIT %s
"""
_HEAD: Final = """
    SELECT coalesce((SELECT max(number) FROM gifting_ledgerseal), 0),
        coalesce((SELECT hash FROM gifting_ledgerseal ORDER BY number DESC LIMIT 1), ''),
        (SELECT count(*) FROM gifting_operation AS operation WHERE NOT EXISTS (
            SELECT FROM gifting_ledgerseal AS seal
            WHERE seal.organization_id = operation.organization_id
                AND seal.operation_id = operation.id))
"""

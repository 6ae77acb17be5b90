"""Merge the history that a CRM keeps of its opportunities: every stage, amount and owner, once.

An entry is known by the row of the source that told it, so however often it is told it is written
once; entries are never changed. Those of opportunities that are not known are not written, and
stay with whoever staged them.
"""

from __future__ import annotations

from typing import Final

from gifting.domain import access
from gifting.services import merges

CHANGES: Final = merges.Staging(
    "file_change",
    {
        "external_id": "text NOT NULL",
        "source_id": "text NOT NULL",
        "changed_at": "timestamptz NOT NULL",
        "stage": "text",
        "status": "text",
        "amount_minor": "bigint",
        "currency": "text",
        "owner": "text",
        "sets_amount": "boolean NOT NULL",
    },
)


def merge(*, actor: access.Actor, source: str) -> int:
    """Write the staged entries that are new; return how many they are."""
    actor.require(access.Permission.IMPORT)
    parameters = {"organization": actor.organization_id, "source": source}
    return sum(merges.execute(statement, parameters) for statement in _STATEMENTS)


def _insert(table: str, columns: str, values: str, told: str) -> str:
    return f"""
    INSERT INTO {table} (organization_id, opportunity_id, changed_at, source, source_id, {columns})
    SELECT %(organization)s, opportunity.id, staged.changed_at, %(source)s, staged.source_id,
        {values}
    FROM pg_temp.file_change AS staged
    JOIN attribution_opportunity AS opportunity
        ON opportunity.organization_id = %(organization)s AND opportunity.source = %(source)s
        AND opportunity.external_id = staged.external_id
    WHERE {told}
    ORDER BY opportunity.id, staged.changed_at, staged.line
    ON CONFLICT (organization_id, opportunity_id, source, source_id) DO NOTHING"""


# A source's later word on a stage beats what its history row could only guess of won and lost.
_STATUS: Final = """coalesce((SELECT known.status FROM attribution_opportunity AS known
        WHERE known.organization_id = %(organization)s AND known.source = %(source)s
            AND known.stage = staged.stage LIMIT 1), staged.status)"""

_STATEMENTS: Final = (
    _insert(
        "attribution_stagechange",
        "stage, status",
        f"staged.stage, {_STATUS}",
        "staged.stage IS NOT NULL",
    ),
    _insert(
        "attribution_amountchange",
        "amount_minor, currency",
        "staged.amount_minor, staged.currency",
        "staged.sets_amount",
    ),
    _insert(
        "attribution_ownerchange", "owner_reference", "staged.owner", "staged.owner IS NOT NULL"
    ),
)

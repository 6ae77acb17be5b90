"""Follow a merge of two accounts or contacts: what was the one's is the other's from then on.

The row that was merged away stays, for old references still name it; everything that stood on it
moves, gifts included, so that no total changes. Following the same merge twice changes nothing.
"""

from __future__ import annotations

from typing import Final

from gifting.domain import access
from gifting.services import merges


def follow(*, actor: access.Actor, source: str, is_account: bool, old: str, new: str) -> None:
    """Move what stands on the old record to the new one, which is added when it is not there."""
    actor.require(access.Permission.IMPORT)
    parameters = {
        "organization": actor.organization_id,
        "source": source,
        "old": old,
        "new": new,
    }
    for statement in _ACCOUNT if is_account else _CONTACT:
        merges.execute(statement, parameters)


def _pair(table: str) -> str:
    """Find both rows; whoever follows a chain of merges ends at its last record."""
    return f"""
    pair AS (
        SELECT gone.id AS old_id, coalesce(kept.merged_into_id, kept.id) AS new_id
        FROM {table} AS gone, {table} AS kept
        WHERE gone.organization_id = %(organization)s AND gone.source = %(source)s
            AND gone.external_id = %(old)s AND kept.organization_id = %(organization)s
            AND kept.source = %(source)s AND kept.external_id = %(new)s
    )"""


def _move(table: str, column: str, pair: str) -> str:
    return f"""
    WITH {pair}
    UPDATE {table} AS moved SET {column} = pair.new_id FROM pair
    WHERE moved.organization_id = %(organization)s AND moved.{column} = pair.old_id
        AND pair.old_id <> pair.new_id"""


def _mark(table: str) -> str:
    """Name the record that it became, also on those that had become it before."""
    return f"""
    WITH {_pair(table)}
    UPDATE {table} AS gone SET merged_into_id = pair.new_id FROM pair
    WHERE gone.organization_id = %(organization)s AND pair.old_id <> pair.new_id
        AND (gone.id = pair.old_id OR gone.merged_into_id = pair.old_id)
        AND gone.id <> pair.new_id"""


_ACCOUNTS: Final = "attribution_account"
_CONTACTS: Final = "attribution_contact"

_ACCOUNT: Final = (
    """INSERT INTO attribution_account
        (organization_id, source, external_id, name, industry, country, is_synthetic)
    SELECT %(organization)s, %(source)s, id, id, '', '', false
    FROM unnest(ARRAY[%(old)s, %(new)s]) AS id
    ON CONFLICT (organization_id, source, external_id) DO NOTHING""",
    _move("attribution_touchpoint", "account_id", _pair(_ACCOUNTS)),
    _move("attribution_contact", "account_id", _pair(_ACCOUNTS)),
    _move("attribution_opportunity", "account_id", _pair(_ACCOUNTS)),
    _mark(_ACCOUNTS),
)

_CONTACT: Final = (
    """INSERT INTO attribution_contact
        (organization_id, source, external_id, name, email, title, is_synthetic)
    SELECT %(organization)s, %(source)s, id, '', '', '', false
    FROM unnest(ARRAY[%(old)s, %(new)s]) AS id
    ON CONFLICT (organization_id, source, external_id) DO NOTHING""",
    _move("attribution_touchpoint", "contact_id", _pair(_CONTACTS)),
    # A role that both had stays once.
    f"""WITH {_pair(_CONTACTS)}
    DELETE FROM attribution_opportunitycontactrole AS role USING pair
    WHERE role.organization_id = %(organization)s AND role.contact_id = pair.old_id
        AND EXISTS (SELECT FROM attribution_opportunitycontactrole AS same
            WHERE same.organization_id = role.organization_id
                AND same.opportunity_id = role.opportunity_id
                AND same.contact_id = pair.new_id AND same.role = role.role)""",
    _move("attribution_opportunitycontactrole", "contact_id", _pair(_CONTACTS)),
    _mark(_CONTACTS),
)

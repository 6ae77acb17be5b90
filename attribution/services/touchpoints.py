"""Turn the sends of the room below into physical touchpoints on the accounts' timelines."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

from gifting.domain import access
from gifting.services import tenancy

SOURCE = "gifting"

# One account or contact per reference. Should two sources use the same id, it is the one that deals
# are with, since a touch on the other could earn nothing; among equals, the first one recorded.
_MATCHED = """
    WITH dealt AS (
        SELECT DISTINCT account_id FROM attribution_opportunity WHERE account_id IS NOT NULL
    ), account_match AS (
        SELECT DISTINCT ON (account.external_id) account.external_id,
            coalesce(account.merged_into_id, account.id) AS id
        FROM attribution_account AS account LEFT JOIN dealt ON dealt.account_id = account.id
        ORDER BY account.external_id, dealt.account_id IS NULL, account.id
    ), contact_match AS (
        SELECT DISTINCT ON (contact.external_id) contact.external_id,
            coalesce(contact.merged_into_id, contact.id) AS id, contact.account_id
        FROM attribution_contact AS contact LEFT JOIN dealt USING (account_id)
        ORDER BY contact.external_id, dealt.account_id IS NULL, contact.id
    ), matched AS (
        SELECT touch.*, coalesce(account_match.id, contact_match.account_id) AS account_id,
            contact_match.id AS contact_id
        FROM gifting_sendtouch AS touch
        LEFT JOIN account_match ON account_match.external_id = touch.account_reference
        LEFT JOIN contact_match ON contact_match.external_id = touch.contact_reference
    )
"""

_ADD = f"""
    {_MATCHED}
    INSERT INTO attribution_touchpoint
        (organization_id, source, source_id, kind, channel, occurred_at, account_id, contact_id,
         campaign_id, vendor_id, cost_center_id, send_id, is_retracted, is_synthetic)
    SELECT organization_id, '{SOURCE}', public_id::text, 'PHYSICAL', channel, occurred_at,
        account_id, contact_id, campaign_id, vendor_id, cost_center_id, send_id, is_retracted,
        is_synthetic
    FROM matched WHERE account_id IS NOT NULL
    ON CONFLICT (organization_id, source, source_id) DO NOTHING
"""

# A send that names no known account any more takes its touch back from the one it stood on.
_MOVE = f"""
    {_MATCHED}
    UPDATE attribution_touchpoint AS kept SET
        channel = matched.channel, occurred_at = matched.occurred_at,
        account_id = coalesce(matched.account_id, kept.account_id),
        contact_id = matched.contact_id, campaign_id = matched.campaign_id,
        vendor_id = matched.vendor_id, cost_center_id = matched.cost_center_id,
        is_retracted = matched.is_retracted OR matched.account_id IS NULL
    FROM matched
    WHERE kept.source = '{SOURCE}' AND kept.source_id = matched.public_id::text
        AND (kept.channel, kept.occurred_at, kept.account_id, kept.contact_id, kept.campaign_id,
             kept.vendor_id, kept.cost_center_id, kept.is_retracted)
        IS DISTINCT FROM
            (matched.channel, matched.occurred_at, coalesce(matched.account_id, kept.account_id),
             matched.contact_id, matched.campaign_id, matched.vendor_id, matched.cost_center_id,
             matched.is_retracted OR matched.account_id IS NULL)
"""

_UNMATCHED = f"{_MATCHED} SELECT count(*) FROM matched WHERE account_id IS NULL"


@dataclass(frozen=True, slots=True)
class Pulled:
    """How many touchpoints were added and moved, and how many sends name no known account."""

    added: int
    moved: int
    unmatched: int


def set_retracted(
    *,
    actor: access.Actor,
    source: str,
    retracted: Collection[str],
    restored: Collection[str],
) -> None:
    """Take touches of a source back, and let others count again, by the ids that it gave them."""
    actor.require(access.Permission.IMPORT)
    with tenancy.organization(actor.organization_id), connection.cursor() as cursor:
        for is_retracted, ids in ((True, retracted), (False, restored)):
            cursor.execute(
                "UPDATE attribution_touchpoint SET is_retracted = %s"
                " WHERE source = %s AND source_id = ANY(%s) AND is_retracted <> %s",
                [is_retracted, source, list(ids), is_retracted],
            )


def pull_sends(*, actor: access.Actor) -> Pulled:
    """Bring the physical touchpoints in step with the sends; a second call changes nothing.

    The sends are compared as a whole: a cursor on event ids would miss an event that was numbered
    before, but committed after, a later one.
    """
    actor.require(access.Permission.RUN_ATTRIBUTION)
    with tenancy.organization(actor.organization_id), connection.cursor() as cursor:
        cursor.execute(_MOVE)
        moved = cursor.rowcount
        cursor.execute(_ADD)
        added = cursor.rowcount
        cursor.execute(_UNMATCHED)
        return Pulled(added=added, moved=moved, unmatched=int(cursor.fetchone()[0]))

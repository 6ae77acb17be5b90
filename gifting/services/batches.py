"""Take in many sends at once, with what happened to them and what they cost.

Rows name each other by their own keys: external ids, codes, SKUs. What is there already stays as it
is, so that the same batch twice is the batch once. The triggers of PostgreSQL judge every event and
every cost line as they judge a single one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from gifting.domain import access, refusals
from gifting.selectors import organizations
from gifting.services import fiscal, staging


class BatchIncomplete(refusals.NotFound):
    code = "BATCH_INCOMPLETE"


@dataclass(frozen=True, slots=True)
class Recipients:
    """People who receive gifts; references are the CRM's ids."""

    external_id: staging.Texts
    name: staging.Texts
    email: staging.Texts
    country: staging.Texts
    account_reference: staging.Texts
    contact_reference: staging.Texts


@dataclass(frozen=True, slots=True)
class Sends:
    """Gifts; campaign, vendor and cost center are codes, gift item is an SKU of the vendor."""

    external_id: staging.Texts
    campaign: staging.Texts
    vendor: staging.Texts
    gift_item: staging.Texts
    cost_center: staging.Texts
    recipient: staging.Texts
    account_reference: staging.Texts
    sender_reference: staging.Texts


@dataclass(frozen=True, slots=True)
class Events:
    """What happened, in order for each send; instants in seconds since 1970-01-01 UTC."""

    send: staging.Texts
    source_event_id: staging.Texts
    to_state: staging.Texts
    vendor_status: staging.Texts
    occurred_at: staging.Numbers


@dataclass(frozen=True, slots=True)
class CostLines:
    """What sends cost, lower versions first; instants in seconds since 1970-01-01 UTC."""

    send: staging.Texts
    component: staging.Texts
    basis: staging.Texts
    version: staging.Numbers
    amount_minor: staging.Numbers
    change_minor: staging.Numbers
    occurred_at: staging.Numbers


def take_recipients(*, actor: access.Actor, source: str, rows: Recipients) -> int:
    """Add recipients; return how many were new. Raises Forbidden."""
    actor.require(access.Permission.WRITE_SENDS)
    staging.stage(
        "staged_recipient",
        texts={
            "external_id": rows.external_id,
            "name": rows.name,
            "email": rows.email,
            "country": rows.country,
            "account_reference": rows.account_reference,
            "contact_reference": rows.contact_reference,
        },
        numbers={},
    )
    return staging.execute(_ADD_RECIPIENTS, _values(actor, source))


def take_sends(*, actor: access.Actor, source: str, rows: Sends, is_synthetic: bool) -> int:
    """Add sends; return how many were new. Raises Forbidden and BatchIncomplete.

    The events and cost lines of this transaction may name the sends of this batch.
    """
    actor.require(access.Permission.WRITE_SENDS)
    count = staging.stage(
        "staged_send",
        texts={
            "external_id": rows.external_id,
            "campaign": rows.campaign,
            "vendor": rows.vendor,
            "gift_item": rows.gift_item,
            "cost_center": rows.cost_center,
            "recipient": rows.recipient,
            "account_reference": rows.account_reference,
            "sender_reference": rows.sender_reference,
        },
        numbers={},
    )
    values = _values(actor, source)
    added = staging.execute(_ADD_SENDS, {**values, "is_synthetic": is_synthetic})
    staging.execute("DROP TABLE IF EXISTS pg_temp.taken_send", {})
    known = staging.execute(_KEEP_SENDS, values)
    staging.execute("ANALYZE pg_temp.taken_send", {})
    if known != count:
        raise BatchIncomplete(
            f"{count - known:,} of {count:,} sends name a campaign, vendor, gift item, cost center "
            "or recipient that is not there. Add it first."
        )
    return added


def take_events(*, actor: access.Actor, source: str, rows: Events) -> int:
    """Tell what happened to the sends taken before; return how many events were new."""
    actor.require(access.Permission.WRITE_SENDS)
    staging.stage(
        "staged_event",
        texts={
            "send": rows.send,
            "source_event_id": rows.source_event_id,
            "to_state": rows.to_state,
            "vendor_status": rows.vendor_status,
        },
        numbers={"occurred_at": rows.occurred_at},
    )
    values = _values(actor, source)
    staging.execute("DROP TABLE IF EXISTS pg_temp.queued_event", {})
    queued = staging.execute(_QUEUE_EVENTS, values)
    staging.execute("ANALYZE pg_temp.queued_event", {})
    added, turn = 0, 0
    while added < queued:
        turn += 1
        added += staging.execute(_ADD_EVENTS, {**values, "turn": turn})
    return added


def take_cost_lines(*, actor: access.Actor, source: str, rows: CostLines, currency: str) -> int:
    """Charge the sends taken before; return how many cost lines were new."""
    actor.require(access.Permission.WRITE_SENDS)
    staging.stage(
        "staged_cost",
        texts={"send": rows.send, "component": rows.component, "basis": rows.basis},
        numbers={
            "version": rows.version,
            "amount_minor": rows.amount_minor,
            "change_minor": rows.change_minor,
            "occurred_at": rows.occurred_at,
        },
    )
    values = {
        **_values(actor, source),
        "currency": currency,
        "time_zone": organizations.get(organization_id=actor.organization_id).time_zone,
    }
    fiscal.ensure_periods(organization_id=actor.organization_id, dates=_cost_days(values))
    return staging.execute(_ADD_COST_LINES, values)


_ADD_RECIPIENTS = """
    INSERT INTO gifting_recipient (organization_id, source, external_id, name, email, country,
        account_reference, contact_reference)
    SELECT %(organization)s, %(source)s, external_id, name, email, country, account_reference,
        contact_reference
    FROM pg_temp.staged_recipient ORDER BY place
    ON CONFLICT (organization_id, source, external_id) DO NOTHING
"""

_ADD_SENDS = """
    INSERT INTO gifting_send (organization_id, source, external_id, campaign_id, vendor_id,
        gift_item_id, recipient_id, cost_center_id, account_reference, sender_reference, quantity,
        state, last_event_number, is_synthetic)
    SELECT %(organization)s, %(source)s, staged.external_id, campaign.id, vendor.id, item.id,
        recipient.id, center.id, staged.account_reference, staged.sender_reference, 1, 'DRAFT', 0,
        %(is_synthetic)s
    FROM pg_temp.staged_send AS staged
    JOIN gifting_campaign AS campaign ON campaign.code = staged.campaign
    JOIN gifting_vendor AS vendor ON vendor.code = staged.vendor
    JOIN gifting_giftitem AS item ON item.vendor_id = vendor.id AND item.sku = staged.gift_item
    JOIN gifting_costcenter AS center ON center.code = staged.cost_center
    JOIN gifting_recipient AS recipient
        ON recipient.organization_id = %(organization)s AND recipient.source = %(source)s
        AND recipient.external_id = staged.recipient
    ORDER BY staged.place
    ON CONFLICT (organization_id, source, external_id) DO NOTHING
"""

_KEEP_SENDS = """
    CREATE TEMPORARY TABLE taken_send ON COMMIT DROP AS
    SELECT send.id, send.external_id, send.campaign_id, send.vendor_id, send.cost_center_id
    FROM pg_temp.staged_send AS staged
    JOIN gifting_send AS send
        ON send.organization_id = %(organization)s AND send.source = %(source)s
        AND send.external_id = staged.external_id
"""

# An event that is there is left out before the trigger could judge it against a later state. The
# state of a send moves at the end of a statement, so a statement may hold one event of each send.
_QUEUE_EVENTS = """
    CREATE TEMPORARY TABLE queued_event ON COMMIT DROP AS
    SELECT send.id AS send_id, staged.place, staged.to_state, staged.occurred_at,
        staged.source_event_id, staged.vendor_status,
        row_number() OVER (PARTITION BY send.id ORDER BY staged.place) AS turn
    FROM pg_temp.staged_event AS staged
    JOIN pg_temp.taken_send AS send ON send.external_id = staged.send
    WHERE NOT EXISTS (
        SELECT FROM gifting_sendevent AS known
        WHERE known.organization_id = %(organization)s AND known.send_id = send.id
            AND known.source = %(source)s AND known.source_event_id = staged.source_event_id)
"""

_ADD_EVENTS = """
    INSERT INTO gifting_sendevent (organization_id, send_id, number, from_state, to_state,
        occurred_at, source, source_event_id, vendor_status)
    SELECT %(organization)s, send_id, 0, '', to_state, to_timestamp(occurred_at), %(source)s,
        source_event_id, vendor_status
    FROM pg_temp.queued_event WHERE turn = %(turn)s ORDER BY place
"""

_ADD_COST_LINES = """
    INSERT INTO gifting_costline (organization_id, send_id, component, version, basis,
        amount_minor, change_minor, currency, occurred_on, fiscal_period_id, campaign_id,
        vendor_id, cost_center_id)
    SELECT %(organization)s, send.id, staged.component, staged.version, staged.basis,
        staged.amount_minor, staged.change_minor, %(currency)s, staged.occurred_on, period.id,
        send.campaign_id, send.vendor_id, send.cost_center_id
    FROM (
        SELECT *, (to_timestamp(occurred_at) AT TIME ZONE %(time_zone)s)::date AS occurred_on
        FROM pg_temp.staged_cost
    ) AS staged
    JOIN pg_temp.taken_send AS send ON send.external_id = staged.send
    JOIN gifting_fiscalperiod AS period
        ON staged.occurred_on >= period.starts_on AND staged.occurred_on < period.ends_on
    JOIN gifting_fiscalcalendar AS calendar
        ON calendar.id = period.calendar_id AND calendar.is_default
    ORDER BY staged.version, staged.place
    ON CONFLICT (organization_id, send_id, component, version) DO NOTHING
"""

_COST_DAYS = """
    SELECT DISTINCT (to_timestamp(occurred_at) AT TIME ZONE %(time_zone)s)::date
    FROM pg_temp.staged_cost
"""


def _cost_days(values: dict[str, Any]) -> Iterable[dt.date]:
    with connection.cursor() as cursor:
        cursor.execute(_COST_DAYS, values)
        return [day for (day,) in cursor]


def _values(actor: access.Actor, source: str) -> dict[str, Any]:
    return {"organization": actor.organization_id, "source": source}

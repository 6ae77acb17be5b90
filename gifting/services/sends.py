"""Merge the sends of a file into the books: what was sent, what became of it, what it cost.

The rules kept here:
- A send is the one with the same source and external id. Campaigns, vendors, cost centers, gifts
  and recipients that it names, and that are not there, are added.
- Each state with a time is an event. One that is known already, or that is older than what is
  known by now, is no news; one that cannot follow rejects its row. Events are told in rounds, the
  n-th of every send at once, because the database numbers them as they come.
- A cost that differs is told as the component's next version. When the campaign, vendor, cost
  center or fiscal period of a send moves, the whole amount is first taken back where it stood, so
  that every cut stays exact. A component that a file does not tell stays as it is.
- A recipient's details are those of the file's last row that names them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from gifting.domain import access
from gifting.selectors import organizations
from gifting.services import campaigns, fiscal, merges, vendors

CAMPAIGN_KIND: Final = "OTHER"
CHANNEL: Final = "gift"
COMPONENTS: Final = ("ITEM", "HANDLING", "SHIPPING", "TAX", "DUTY", "FEE")

SENDS: Final = merges.Staging(
    "file_send",
    {
        "external_id": "text NOT NULL",
        "campaign": "text NOT NULL",
        "campaign_name": "text",
        "channel": "text",
        "vendor": "text NOT NULL",
        "vendor_name": "text",
        "gift": "text",
        "gift_name": "text",
        "gift_price_minor": "bigint",
        "recipient": "text",
        "recipient_name": "text",
        "recipient_email": "text",
        "recipient_country": "text",
        "account_reference": "text",
        "contact_reference": "text",
        "cost_center": "text",
        "sender_reference": "text",
        "quantity": "bigint",
        "events": "jsonb NOT NULL",
        "cost_on": "date NOT NULL",
        "currency": "text NOT NULL",
        **{f"{component.lower()}_amount_minor": "bigint" for component in COMPONENTS},
        **{f"{component.lower()}_basis": "text" for component in COMPONENTS},
    },
)

_RECIPIENT_FIELDS: Final = {
    "recipient_name": "name",
    "recipient_email": "email",
    "recipient_country": "country",
    "account_reference": "account_reference",
    "contact_reference": "contact_reference",
}


def merge(
    *, actor: access.Actor, source: str, told: Collection[str], shows_differences: bool
) -> merges.Merged:
    """Merge the staged sends with their events and cost lines."""
    actor.require(access.Permission.IMPORT)
    parameters = {
        "organization": actor.organization_id,
        "source": source,
        "root": organizations.root_cost_center_id(),
    }
    merges.settle_repeats(SENDS)
    _find_periods(actor.organization_id)
    _read_events(parameters)
    merges.reject(_OTHER_CURRENCY, parameters)
    merges.reject(_IN_LEDGER, parameters)
    merges.reject(_NO_PRICE)
    merges.drop_rejected(SENDS)
    _add_named(actor)
    _merge_recipients(told, parameters)
    target = _target(told, parameters)
    merges.match(target)
    differences = merges.differences(target) if shows_differences else ()
    merges.add_new(target)
    merges.update_changed(target)
    merges.make("file_known", _KNOWN, parameters)
    merges.make("file_cost", _COSTS, parameters)
    if shows_differences:
        differences += _other_differences()
    merges.execute(_MARK_OTHER_CHANGES)
    outcome = merges.outcome(target, differences)
    _tell_events(parameters)
    merges.execute(_TAKE_BACK, parameters)
    merges.execute(_CHARGE, parameters)
    return outcome


def _find_periods(organization_id: UUID) -> None:
    days = merges.fetch(f"SELECT DISTINCT cost_on FROM {SENDS.table}")
    fiscal.place_days(organization_id=organization_id, dates=[day for (day,) in days])
    merges.reject(_NO_PERIOD)


def _add_named(actor: access.Actor) -> None:
    vendors.add_named(actor=actor, table=SENDS.table)
    vendors.add_named_gifts(actor=actor, table=SENDS.table)
    campaigns.add_named_cost_centers(actor=actor, table=SENDS.table)
    campaigns.add_named(actor=actor, table=SENDS.table, kind=CAMPAIGN_KIND, channel=CHANNEL)


def _target(told: Collection[str], parameters: merges.Parameters) -> merges.Target:
    values = {
        "campaign_id": merges.Value("campaign.id", "stored.campaign_id"),
        "vendor_id": merges.Value("vendor.id", "stored.vendor_id"),
    }
    optional = {
        "cost_center": (
            "cost_center_id",
            merges.Value("coalesce(center.id, %(root)s)", "stored.cost_center_id"),
        ),
        "gift": ("gift_item_id", merges.Value("gift.id", "stored.gift_item_id")),
        "recipient": ("recipient_id", merges.Value("recipient.id", "stored.recipient_id")),
        "account_reference": (
            "account_reference",
            merges.told_text("account_reference", "account_reference"),
        ),
        "sender_reference": (
            "sender_reference",
            merges.told_text("sender_reference", "sender_reference"),
        ),
        "quantity": ("quantity", merges.Value("coalesce(staged.quantity, 1)", "stored.quantity")),
    }
    values |= {column: value for name, (column, value) in optional.items() if name in told}
    fixed = {
        "cost_center_id": "%(root)s",
        "account_reference": "''",
        "sender_reference": "''",
        "quantity": "1",
        "state": "'DRAFT'",
        "last_event_number": "0",
        "is_synthetic": "false",
    }
    return merges.Target(
        table="gifting_send",
        staging=SENDS,
        values=values,
        fixed={column: value for column, value in fixed.items() if column not in values},
        joins=_JOINS,
        parameters=parameters,
    )


def _merge_recipients(told: Collection[str], parameters: merges.Parameters) -> None:
    """Add and correct the recipients; remember whose rows brought a correction."""
    columns = {new: old for old, new in _RECIPIENT_FIELDS.items() if old in told}
    merges.make("file_recipient", _LAST_RECIPIENT, parameters)
    compared = " OR ".join(
        f"coalesce(last.{staged}, '') <> stored.{column}" for column, staged in columns.items()
    )
    merges.make(
        "file_corrected",
        f"""SELECT stored.id, last.external_id FROM pg_temp.file_recipient AS last
        JOIN gifting_recipient AS stored ON stored.organization_id = %(organization)s
            AND stored.source = %(source)s AND stored.external_id = last.external_id
        WHERE {compared or "false"}""",
        parameters,
    )
    merges.execute(_ADD_RECIPIENTS, parameters)
    if columns:
        assigned = ", ".join(
            f"{column} = coalesce(last.{staged}, '')" for column, staged in columns.items()
        )
        merges.execute(
            f"""UPDATE gifting_recipient AS stored SET {assigned}
            FROM pg_temp.file_corrected AS corrected
            JOIN pg_temp.file_recipient AS last USING (external_id)
            WHERE stored.organization_id = %(organization)s AND stored.id = corrected.id""",
            parameters,
        )


def _read_events(parameters: merges.Parameters) -> None:
    """Lay out the events that are news, judging those of known sends by what came before."""
    merges.make("file_event", _EVENTS, parameters)
    merges.make("file_state", _STATES, parameters)
    for round_number in range(1, _rounds() + 1):
        values = {"round": round_number}
        merges.reject(_ILLEGAL, values)
        merges.execute(_DROP_OLD_NEWS, values)
        merges.execute(_MOVE_ON, values)


def _tell_events(parameters: merges.Parameters) -> None:
    merges.make("file_news", _NEWS)
    for round_number in range(1, _rounds() + 1):
        merges.execute(_TELL, {**parameters, "round": round_number})


def _rounds() -> int:
    return int(merges.fetch("SELECT coalesce(max(round), 0) FROM pg_temp.file_event")[0][0])


def _other_differences() -> tuple[merges.Difference, ...]:
    rows = merges.fetch(_OTHER_DIFFERENCES, {"shown": merges.DIFFERENCES_SHOWN})
    return tuple(merges.Difference(*row) for row in rows)


_JOINS: Final = """
    JOIN gifting_campaign AS campaign ON campaign.code = staged.campaign
    JOIN gifting_vendor AS vendor ON vendor.code = staged.vendor
    LEFT JOIN gifting_costcenter AS center ON center.code = staged.cost_center
    LEFT JOIN gifting_giftitem AS gift ON gift.vendor_id = vendor.id AND gift.sku = staged.gift
    LEFT JOIN gifting_recipient AS recipient
        ON recipient.organization_id = %(organization)s AND recipient.source = %(source)s
        AND recipient.external_id = staged.recipient
"""

_NO_PERIOD: Final = """
    SELECT line, 'cost_at', 'no fiscal period holds ' || cost_on || ': add it to the calendar'
    FROM file_send JOIN pg_temp.file_day AS day ON day.day = cost_on WHERE day.period_id IS NULL
"""

# What is stored of a staged send; new sends have no row here.
_STORED: Final = """
    FROM file_send AS staged
    JOIN gifting_send AS stored ON stored.organization_id = %(organization)s
        AND stored.source = %(source)s AND stored.external_id = staged.external_id
"""

_OTHER_CURRENCY: Final = f"""
    SELECT DISTINCT staged.line, 'currency',
        'the send is charged in ' || line.currency || ' and the row says ' || staged.currency
    {_STORED}
    JOIN gifting_costline AS line
        ON line.organization_id = %(organization)s AND line.send_id = stored.id
    WHERE line.currency <> staged.currency
        AND coalesce({", ".join(f"staged.{name.lower()}_amount_minor" for name in COMPONENTS)})
            IS NOT NULL
"""

# A send that was requested here is charged by what its vendor tells of it, see `charges`.
_IN_LEDGER: Final = f"""
    SELECT DISTINCT staged.line, 'currency',
        'the money of this send is in the ledger: record the charge on the send instead'
    {_STORED}
    JOIN gifting_sendrequest AS request
        ON request.organization_id = %(organization)s AND request.send_id = stored.id
    WHERE coalesce({", ".join(f"staged.{name.lower()}_amount_minor" for name in COMPONENTS)})
        IS NOT NULL
"""

_NO_PRICE: Final = """
    SELECT line, 'gift_price', 'the gift is not known yet and the row gives no price for it'
    FROM file_send AS staged
    WHERE gift IS NOT NULL AND gift_price_minor IS NULL
        AND NOT EXISTS (SELECT FROM file_send AS priced WHERE priced.vendor = staged.vendor
            AND priced.gift = staged.gift AND priced.gift_price_minor IS NOT NULL)
        AND NOT EXISTS (SELECT FROM gifting_giftitem AS item
            JOIN gifting_vendor AS vendor ON vendor.id = item.vendor_id
            WHERE vendor.code = staged.vendor AND item.sku = staged.gift)
"""

_LAST_RECIPIENT: Final = f"""
    SELECT DISTINCT ON (recipient) recipient AS external_id, {", ".join(_RECIPIENT_FIELDS)}
    FROM file_send WHERE recipient IS NOT NULL ORDER BY recipient, line DESC
"""

_ADD_RECIPIENTS: Final = f"""
    INSERT INTO gifting_recipient
        (organization_id, source, external_id, {", ".join(_RECIPIENT_FIELDS.values())})
    SELECT %(organization)s, %(source)s, external_id,
        {", ".join(f"coalesce({name}, '')" for name in _RECIPIENT_FIELDS)}
    FROM pg_temp.file_recipient
    ON CONFLICT (organization_id, source, external_id) DO NOTHING
"""

_EVENTS: Final = """
    SELECT staged.line, told.round::integer, told.event ->> 0 AS state,
        (told.event ->> 1)::timestamptz AS occurred_at, told.event ->> 2 AS word
    FROM file_send AS staged
    CROSS JOIN LATERAL jsonb_array_elements(staged.events)
        WITH ORDINALITY AS told (event, round)
    LEFT JOIN gifting_send AS stored ON stored.organization_id = %(organization)s
        AND stored.source = %(source)s AND stored.external_id = staged.external_id
    WHERE NOT EXISTS (
        SELECT FROM gifting_sendevent AS known
        WHERE known.organization_id = %(organization)s AND known.send_id = stored.id
            AND known.to_state = told.event ->> 0
            AND known.occurred_at = (told.event ->> 1)::timestamptz)
"""

# New sends need no judge here: their rows were read in a legal order, and may begin anywhere.
_STATES: Final = f"""
    SELECT staged.line, stored.state::text AS was, stored.state::text AS state
    {_STORED} WHERE stored.last_event_number > 0
"""

_FOLLOWS: Final = """EXISTS (SELECT FROM gifting_sendtransition AS legal
    WHERE legal.from_state = at.state AND legal.to_state = event.state)"""

_ILLEGAL: Final = f"""
    SELECT event.line, 'status', 'a send cannot go from ' || at.state || ' to ' || event.state
    FROM pg_temp.file_event AS event JOIN pg_temp.file_state AS at USING (line)
    WHERE event.round = %(round)s AND event.state <> at.state AND NOT {_FOLLOWS}
        AND NOT EXISTS (SELECT FROM gifting_sendtransition AS late
            WHERE late.from_state = event.state AND late.to_state = at.state)
"""

_DROP_OLD_NEWS: Final = f"""
    DELETE FROM pg_temp.file_event AS event USING pg_temp.file_state AS at
    WHERE at.line = event.line AND event.round = %(round)s AND NOT {_FOLLOWS}
"""

_MOVE_ON: Final = """
    UPDATE pg_temp.file_state AS at SET state = event.state FROM pg_temp.file_event AS event
    WHERE event.line = at.line AND event.round = %(round)s
"""

_KNOWN: Final = f"""
    SELECT staged.line, stored.id, stored.campaign_id, stored.vendor_id, stored.cost_center_id,
        known.id AS match_id
    {_STORED} LEFT JOIN pg_temp.file_match AS known ON known.line = staged.line
"""

_NEWS: Final = """
    SELECT known.id, event.state, event.occurred_at, event.word, event.round
    FROM pg_temp.file_event AS event JOIN pg_temp.file_known AS known USING (line)
"""

_TELL: Final = """
    INSERT INTO gifting_sendevent (organization_id, send_id, number, from_state, to_state,
        occurred_at, source, source_event_id, vendor_status)
    SELECT %(organization)s, id, 0, '', state, occurred_at, %(source)s,
        state || ' ' || to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        left(word, 255)
    FROM pg_temp.file_news WHERE round = %(round)s ORDER BY id
"""

# Each component of each send as it should stand, beside its last version, where the two differ.
# What a row does not tell keeps its amount and its period, and moves with its send.
_COSTS: Final = f"""
    SELECT * FROM (
        SELECT cost.*, last.version, coalesce(last.amount_minor, 0) AS was_minor,
            coalesce(cost.told_minor, last.amount_minor) AS amount_minor,
            coalesce(cost.told_basis, last.basis) AS basis,
            CASE WHEN cost.told_minor IS NULL THEN last.occurred_on ELSE cost.told_on END
                AS occurred_on,
            CASE WHEN cost.told_minor IS NULL THEN last.fiscal_period_id ELSE cost.told_period_id
                END AS fiscal_period_id,
            last.amount_minor <> 0 AND (
                (cost.campaign_id, cost.vendor_id, cost.cost_center_id)
                    <> (last.campaign_id, last.vendor_id, last.cost_center_id)
                OR (cost.told_minor IS NOT NULL AND cost.told_period_id <> last.fiscal_period_id)
            ) AS is_moved,
            (cost.told_minor, cost.told_basis) <> (last.amount_minor, last.basis) AS is_corrected
        FROM (
            SELECT known.*, staged.currency, staged.cost_on AS told_on,
                day.period_id AS told_period_id, told.component,
                told.amount_minor AS told_minor, told.basis AS told_basis
            FROM file_send AS staged
            JOIN pg_temp.file_known AS known USING (line)
            JOIN pg_temp.file_day AS day ON day.day = staged.cost_on
            CROSS JOIN LATERAL (VALUES {
    ", ".join(
        f"('{name}', staged.{name.lower()}_amount_minor, staged.{name.lower()}_basis)"
        for name in COMPONENTS
    )
}) AS told (component, amount_minor, basis)
        ) AS cost
        LEFT JOIN LATERAL (
            SELECT line.* FROM gifting_costline AS line
            WHERE line.organization_id = %(organization)s AND line.send_id = cost.match_id
                AND line.component = cost.component
            ORDER BY line.version DESC LIMIT 1
        ) AS last ON true
    ) AS cost
    WHERE amount_minor IS NOT NULL AND (version IS NULL OR is_moved OR is_corrected)
"""

_MARK_OTHER_CHANGES: Final = """
    UPDATE pg_temp.file_match AS known SET is_changed = true
    WHERE NOT is_changed AND line IN (
        SELECT line FROM pg_temp.file_event
        UNION ALL SELECT line FROM pg_temp.file_cost
        UNION ALL SELECT staged.line FROM file_send AS staged
            JOIN pg_temp.file_corrected AS corrected ON corrected.external_id = staged.recipient)
"""

_OTHER_DIFFERENCES: Final = """
    SELECT * FROM (
        SELECT staged.line, staged.external_id, 'state' AS name, at.was AS before, at.state AS after
        FROM pg_temp.file_state AS at JOIN file_send AS staged USING (line)
        WHERE at.was <> at.state
        UNION ALL
        SELECT staged.line, staged.external_id, lower(cost.component) || '_amount_minor',
            cost.was_minor::text, cost.amount_minor::text
        FROM pg_temp.file_cost AS cost
        JOIN pg_temp.file_match AS known USING (line) JOIN file_send AS staged USING (line)
        UNION ALL
        SELECT staged.line, staged.external_id, 'recipient', 'details', 'corrected'
        FROM file_send AS staged
        JOIN pg_temp.file_match AS known USING (line)
        JOIN pg_temp.file_corrected AS corrected ON corrected.external_id = staged.recipient
    ) AS other ORDER BY line, name LIMIT %(shown)s
"""

# The whole amount leaves the campaign, vendor, cost center and period that it stood on.
_TAKE_BACK: Final = """
    INSERT INTO gifting_costline (organization_id, send_id, component, version, basis,
        amount_minor, change_minor, currency, occurred_on, fiscal_period_id, campaign_id,
        vendor_id, cost_center_id)
    SELECT last.organization_id, last.send_id, last.component, last.version + 1, last.basis, 0,
        -last.amount_minor, last.currency, last.occurred_on, last.fiscal_period_id,
        last.campaign_id, last.vendor_id, last.cost_center_id
    FROM pg_temp.file_cost AS cost
    JOIN gifting_costline AS last ON last.organization_id = %(organization)s
        AND last.send_id = cost.id AND last.component = cost.component
        AND last.version = cost.version
    WHERE cost.is_moved ORDER BY last.send_id, last.component
"""

_CHARGE: Final = """
    INSERT INTO gifting_costline (organization_id, send_id, component, version, basis,
        amount_minor, change_minor, currency, occurred_on, fiscal_period_id, campaign_id,
        vendor_id, cost_center_id)
    SELECT %(organization)s, id, component,
        coalesce(version, 0) + CASE WHEN is_moved THEN 2 ELSE 1 END, basis, amount_minor,
        amount_minor - CASE WHEN is_moved THEN 0 ELSE was_minor END, currency, occurred_on,
        fiscal_period_id, campaign_id, vendor_id, cost_center_id
    FROM pg_temp.file_cost ORDER BY id, component
"""

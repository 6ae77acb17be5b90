"""Take in many accounts, contacts, opportunities with their histories, and digital touches at once.

Rows name each other by external id. What is there already stays as it is, so that the same batch
twice is the batch once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from gifting.domain import access
from gifting.selectors import organizations
from gifting.services import fiscal, staging


@dataclass(frozen=True, slots=True)
class Accounts:
    """Companies; `parent` is an external id of the same batch, or empty."""

    external_id: staging.Texts
    name: staging.Texts
    parent: staging.Texts
    industry: staging.Texts
    country: staging.Texts
    employees: staging.Numbers


@dataclass(frozen=True, slots=True)
class Contacts:
    """People at accounts."""

    external_id: staging.Texts
    account: staging.Texts
    name: staging.Texts
    email: staging.Texts
    title: staging.Texts


@dataclass(frozen=True, slots=True)
class Opportunities:
    """Deals; instants in seconds since 1970-01-01 UTC, None for an amount or close not given."""

    external_id: staging.Texts
    account: staging.Texts
    name: staging.Texts
    product: staging.Texts
    owner_reference: staging.Texts
    stage: staging.Texts
    status: staging.Texts
    amount_minor: staging.MaybeNumbers
    opened_at: staging.Numbers
    closed_at: staging.MaybeNumbers


@dataclass(frozen=True, slots=True)
class ContactRoles:
    """Who has which part in a deal; the first one named for a deal is its primary contact."""

    opportunity: staging.Texts
    contact: staging.Texts
    role: staging.Texts
    is_primary: staging.Numbers


@dataclass(frozen=True, slots=True)
class StageChanges:
    """Stages that deals entered."""

    opportunity: staging.Texts
    source_id: staging.Texts
    stage: staging.Texts
    status: staging.Texts
    changed_at: staging.Numbers


@dataclass(frozen=True, slots=True)
class AmountChanges:
    """Amounts that deals were given."""

    opportunity: staging.Texts
    source_id: staging.Texts
    amount_minor: staging.Numbers
    changed_at: staging.Numbers


@dataclass(frozen=True, slots=True)
class OwnerChanges:
    """Owners that deals were given to."""

    opportunity: staging.Texts
    source_id: staging.Texts
    owner_reference: staging.Texts
    changed_at: staging.Numbers


@dataclass(frozen=True, slots=True)
class DigitalTouches:
    """Digital interactions of accounts; `contact` may be empty, `campaign` is a code."""

    source_id: staging.Texts
    account_source: staging.Texts
    account: staging.Texts
    contact: staging.Texts
    campaign: staging.Texts
    occurred_at: staging.Numbers


def take_accounts(*, actor: access.Actor, source: str, rows: Accounts, is_synthetic: bool) -> int:
    """Add accounts; return how many were new. Raises Forbidden."""
    values = _values(actor, source, is_synthetic=is_synthetic)
    staging.stage(
        "staged_account",
        texts={
            "external_id": rows.external_id,
            "name": rows.name,
            "parent": rows.parent,
            "industry": rows.industry,
            "country": rows.country,
        },
        numbers={"employees": rows.employees},
    )
    added = staging.execute(_ADD_ACCOUNTS, values)
    staging.execute(_LINK_PARENTS, values)
    return added


def take_contacts(*, actor: access.Actor, source: str, rows: Contacts, is_synthetic: bool) -> int:
    """Add contacts of known accounts; return how many were new. Raises Forbidden."""
    values = _values(actor, source, is_synthetic=is_synthetic)
    staging.stage(
        "staged_contact",
        texts={
            "external_id": rows.external_id,
            "account": rows.account,
            "name": rows.name,
            "email": rows.email,
            "title": rows.title,
        },
        numbers={},
    )
    return staging.execute(_ADD_CONTACTS, values)


def take_opportunities(
    *, actor: access.Actor, source: str, rows: Opportunities, currency: str, is_synthetic: bool
) -> int:
    """Add opportunities of known accounts; return how many were new. Raises Forbidden.

    The roles and histories of this transaction may name the opportunities of this batch.
    """
    values = {
        **_values(actor, source, is_synthetic=is_synthetic),
        "currency": currency,
        "time_zone": organizations.get(organization_id=actor.organization_id).time_zone,
    }
    staging.stage(
        "staged_opportunity",
        texts={
            "external_id": rows.external_id,
            "account": rows.account,
            "name": rows.name,
            "product": rows.product,
            "owner_reference": rows.owner_reference,
            "stage": rows.stage,
            "status": rows.status,
        },
        numbers={
            "amount_minor": rows.amount_minor,
            "opened_at": rows.opened_at,
            "closed_at": rows.closed_at,
        },
    )
    fiscal.ensure_periods(organization_id=actor.organization_id, dates=_close_days(values))
    added = staging.execute(_ADD_OPPORTUNITIES, values)
    staging.execute("DROP TABLE IF EXISTS pg_temp.taken_opportunity", {})
    staging.execute(_KEEP_OPPORTUNITIES, values)
    staging.execute("ANALYZE pg_temp.taken_opportunity", {})
    return added


def take_contact_roles(*, actor: access.Actor, source: str, rows: ContactRoles) -> int:
    """Give contacts a part in the opportunities taken before; return how many were new."""
    staging.stage(
        "staged_role",
        texts={"opportunity": rows.opportunity, "contact": rows.contact, "role": rows.role},
        numbers={"is_primary": rows.is_primary},
    )
    return staging.execute(_ADD_ROLES, _values(actor, source))


def take_stage_changes(*, actor: access.Actor, source: str, rows: StageChanges) -> int:
    """Tell the stages of the opportunities taken before; return how many changes were new."""
    staging.stage(
        "staged_change",
        texts={
            "opportunity": rows.opportunity,
            "source_id": rows.source_id,
            "stage": rows.stage,
            "status": rows.status,
        },
        numbers={"changed_at": rows.changed_at},
    )
    return staging.execute(_ADD_STAGE_CHANGES, _values(actor, source))


def take_amount_changes(
    *, actor: access.Actor, source: str, rows: AmountChanges, currency: str
) -> int:
    """Tell the amounts of the opportunities taken before; return how many changes were new."""
    staging.stage(
        "staged_change",
        texts={"opportunity": rows.opportunity, "source_id": rows.source_id},
        numbers={"amount_minor": rows.amount_minor, "changed_at": rows.changed_at},
    )
    return staging.execute(_ADD_AMOUNT_CHANGES, {**_values(actor, source), "currency": currency})


def take_owner_changes(*, actor: access.Actor, source: str, rows: OwnerChanges) -> int:
    """Tell the owners of the opportunities taken before; return how many changes were new."""
    staging.stage(
        "staged_change",
        texts={
            "opportunity": rows.opportunity,
            "source_id": rows.source_id,
            "owner_reference": rows.owner_reference,
        },
        numbers={"changed_at": rows.changed_at},
    )
    return staging.execute(_ADD_OWNER_CHANGES, _values(actor, source))


def take_digital_touches(
    *, actor: access.Actor, source: str, rows: DigitalTouches, is_synthetic: bool
) -> int:
    """Add digital touches of known accounts; return how many were new. Raises Forbidden."""
    values = _values(actor, source, is_synthetic=is_synthetic)
    staging.stage(
        "staged_touch",
        texts={
            "source_id": rows.source_id,
            "account_source": rows.account_source,
            "account": rows.account,
            "contact": rows.contact,
            "campaign": rows.campaign,
        },
        numbers={"occurred_at": rows.occurred_at},
    )
    return staging.execute(_ADD_TOUCHES, values)


_ADD_ACCOUNTS = """
    INSERT INTO attribution_account (organization_id, source, external_id, name, industry, country,
        employees, is_synthetic)
    SELECT %(organization)s, %(source)s, external_id, name, industry, country, employees,
        %(is_synthetic)s
    FROM pg_temp.staged_account ORDER BY place
    ON CONFLICT (organization_id, source, external_id) DO NOTHING
"""

_LINK_PARENTS = """
    UPDATE attribution_account AS child SET parent_id = parent.id
    FROM pg_temp.staged_account AS staged
    JOIN attribution_account AS parent
        ON parent.organization_id = %(organization)s AND parent.source = %(source)s
        AND parent.external_id = staged.parent
    WHERE child.organization_id = %(organization)s AND child.source = %(source)s
        AND child.external_id = staged.external_id AND child.parent_id IS NULL
        AND staged.parent <> ''
"""

_ADD_CONTACTS = """
    INSERT INTO attribution_contact (organization_id, source, external_id, account_id, name, email,
        title, is_synthetic)
    SELECT %(organization)s, %(source)s, staged.external_id, account.id, staged.name, staged.email,
        staged.title, %(is_synthetic)s
    FROM pg_temp.staged_contact AS staged
    JOIN attribution_account AS account
        ON account.organization_id = %(organization)s AND account.source = %(source)s
        AND account.external_id = staged.account
    ORDER BY staged.place
    ON CONFLICT (organization_id, source, external_id) DO NOTHING
"""

_CLOSE_DAYS = """
    SELECT DISTINCT (to_timestamp(closed_at) AT TIME ZONE %(time_zone)s)::date
    FROM pg_temp.staged_opportunity WHERE closed_at IS NOT NULL
"""

_ADD_OPPORTUNITIES = """
    INSERT INTO attribution_opportunity (organization_id, source, external_id, account_id, name,
        product, owner_reference, stage, status, amount_minor, currency, opened_at, closed_at,
        fiscal_period_id, is_synthetic)
    SELECT %(organization)s, %(source)s, staged.external_id, account.id, staged.name,
        staged.product, staged.owner_reference, staged.stage, staged.status, staged.amount_minor,
        %(currency)s, to_timestamp(staged.opened_at), to_timestamp(staged.closed_at), period.id,
        %(is_synthetic)s
    FROM (
        SELECT *, (to_timestamp(closed_at) AT TIME ZONE %(time_zone)s)::date AS closed_on
        FROM pg_temp.staged_opportunity
    ) AS staged
    JOIN attribution_account AS account
        ON account.organization_id = %(organization)s AND account.source = %(source)s
        AND account.external_id = staged.account
    LEFT JOIN (
        SELECT period.id, period.starts_on, period.ends_on
        FROM gifting_fiscalperiod AS period
        JOIN gifting_fiscalcalendar AS calendar
            ON calendar.id = period.calendar_id AND calendar.is_default
    ) AS period ON staged.closed_on >= period.starts_on AND staged.closed_on < period.ends_on
    ORDER BY staged.place
    ON CONFLICT (organization_id, source, external_id) DO NOTHING
"""

_KEEP_OPPORTUNITIES = """
    CREATE TEMPORARY TABLE taken_opportunity ON COMMIT DROP AS
    SELECT opportunity.id, opportunity.external_id
    FROM pg_temp.staged_opportunity AS staged
    JOIN attribution_opportunity AS opportunity
        ON opportunity.organization_id = %(organization)s AND opportunity.source = %(source)s
        AND opportunity.external_id = staged.external_id
"""

_ADD_ROLES = """
    INSERT INTO attribution_opportunitycontactrole
        (organization_id, opportunity_id, contact_id, role, is_primary)
    SELECT %(organization)s, opportunity.id, contact.id, staged.role, staged.is_primary <> 0
    FROM pg_temp.staged_role AS staged
    JOIN pg_temp.taken_opportunity AS opportunity ON opportunity.external_id = staged.opportunity
    JOIN attribution_contact AS contact
        ON contact.organization_id = %(organization)s AND contact.source = %(source)s
        AND contact.external_id = staged.contact
    ORDER BY staged.place
    ON CONFLICT DO NOTHING
"""

_ADD_STAGE_CHANGES = """
    INSERT INTO attribution_stagechange
        (organization_id, opportunity_id, changed_at, source, source_id, stage, status)
    SELECT %(organization)s, opportunity.id, to_timestamp(staged.changed_at), %(source)s,
        staged.source_id, staged.stage, staged.status
    FROM pg_temp.staged_change AS staged
    JOIN pg_temp.taken_opportunity AS opportunity ON opportunity.external_id = staged.opportunity
    ORDER BY staged.place
    ON CONFLICT (organization_id, opportunity_id, source, source_id) DO NOTHING
"""

_ADD_AMOUNT_CHANGES = """
    INSERT INTO attribution_amountchange
        (organization_id, opportunity_id, changed_at, source, source_id, amount_minor, currency)
    SELECT %(organization)s, opportunity.id, to_timestamp(staged.changed_at), %(source)s,
        staged.source_id, staged.amount_minor, %(currency)s
    FROM pg_temp.staged_change AS staged
    JOIN pg_temp.taken_opportunity AS opportunity ON opportunity.external_id = staged.opportunity
    ORDER BY staged.place
    ON CONFLICT (organization_id, opportunity_id, source, source_id) DO NOTHING
"""

_ADD_OWNER_CHANGES = """
    INSERT INTO attribution_ownerchange
        (organization_id, opportunity_id, changed_at, source, source_id, owner_reference)
    SELECT %(organization)s, opportunity.id, to_timestamp(staged.changed_at), %(source)s,
        staged.source_id, staged.owner_reference
    FROM pg_temp.staged_change AS staged
    JOIN pg_temp.taken_opportunity AS opportunity ON opportunity.external_id = staged.opportunity
    ORDER BY staged.place
    ON CONFLICT (organization_id, opportunity_id, source, source_id) DO NOTHING
"""

_ADD_TOUCHES = """
    INSERT INTO attribution_touchpoint (organization_id, source, source_id, kind, channel,
        occurred_at, account_id, contact_id, campaign_id, cost_center_id, is_retracted,
        is_synthetic)
    SELECT %(organization)s, %(source)s, staged.source_id, 'DIGITAL', campaign.channel,
        to_timestamp(staged.occurred_at), account.id, contact.id, campaign.id,
        campaign.cost_center_id, false, %(is_synthetic)s
    FROM pg_temp.staged_touch AS staged
    JOIN gifting_campaign AS campaign ON campaign.code = staged.campaign
    JOIN attribution_account AS account
        ON account.organization_id = %(organization)s AND account.source = staged.account_source
        AND account.external_id = staged.account
    LEFT JOIN attribution_contact AS contact
        ON contact.organization_id = %(organization)s AND contact.source = staged.account_source
        AND contact.external_id = staged.contact
    ORDER BY staged.place
    ON CONFLICT (organization_id, source, source_id) DO NOTHING
"""


def _close_days(values: dict[str, Any]) -> Iterable[dt.date]:
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE_DAYS, values)
        return [day for (day,) in cursor]


def _values(actor: access.Actor, source: str, *, is_synthetic: bool = False) -> dict[str, Any]:
    """Name the organization and the source; every batch asks the same permission."""
    actor.require(access.Permission.IMPORT)
    return {
        "organization": actor.organization_id,
        "source": source,
        "is_synthetic": is_synthetic,
    }

"""Merge the accounts, opportunities and touches of a file into the books.

The rules kept here:
- A record is the one with the same source and external id. What the file does not tell is left as
  it is; an account that it names, and that is not there, is added under its reference.
- First sight of an opportunity writes one StageChange (source "import", source id "first"): its
  stage, from the close of a won or lost deal, the opening of an open one, or the import when that
  is not told. Nothing is made up about stages before it.
- From then on every change of stage, amount or owner that an import brings is one row (source id:
  the run). It is dated by the close when the deal ends with it, otherwise by the import, and never
  before the change it follows. The amount or owner that stood before its first change is written
  then, dated from the opening: until then the opportunity itself tells it.
- The fiscal period of a close is found once, by its day in the organization's time zone, and moves
  only when the close does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Final
from uuid import UUID

from gifting.domain import access
from gifting.services import campaigns, fiscal, merges, vendors

HISTORY_SOURCE: Final = "import"
FIRST_SEEN: Final = "first"
DIGITAL_CAMPAIGN: Final = "DIGITAL"

ACCOUNTS: Final = merges.Staging(
    "file_account",
    {
        "external_id": "text NOT NULL",
        "name": "text",
        "parent": "text",
        "industry": "text",
        "country": "text",
        "employees": "integer",
    },
)
OPPORTUNITIES: Final = merges.Staging(
    "file_opportunity",
    {
        "external_id": "text NOT NULL",
        "stage": "text NOT NULL",
        "status": "text NOT NULL",
        "account": "text",
        "account_name": "text",
        "name": "text",
        "product": "text",
        "owner": "text",
        "amount_minor": "bigint",
        "currency": "text",
        "opened_at": "timestamptz",
        "closed_at": "timestamptz",
        "closed_on": "date",
    },
)
TOUCHES: Final = merges.Staging(
    "file_touch",
    {
        "external_id": "text NOT NULL",
        "occurred_at": "timestamptz NOT NULL",
        "channel": "text NOT NULL",
        "kind": "text",
        "account": "text",
        "account_name": "text",
        "contact": "text",
        "campaign": "text",
        "campaign_name": "text",
        "vendor": "text",
        "vendor_name": "text",
        "cost_center": "text",
    },
)

_ACCOUNT_JOIN: Final = """
    LEFT JOIN attribution_account AS account
        ON account.organization_id = %(organization)s AND account.source = %(source)s
        AND account.external_id = staged.account"""


def merge_accounts(
    *, actor: access.Actor, source: str, told: Collection[str], shows_differences: bool
) -> merges.Merged:
    """Merge the staged accounts; rows that would make a company its own ancestor are rejected."""
    actor.require(access.Permission.IMPORT)
    parameters = {"organization": actor.organization_id, "source": source}
    merges.settle_repeats(ACCOUNTS)
    if "parent" in told:
        _reject_circles(parameters)
        merges.drop_rejected(ACCOUNTS)
    target = _account_target(told, parameters)
    merges.match(target)
    outcome = merges.outcome(target, merges.differences(target) if shows_differences else ())
    if outcome.new:
        merges.add_new(target)
    if outcome.changed:
        merges.update_changed(target)
    if "parent" in told:
        _add_accounts(
            "SELECT DISTINCT parent, parent FROM file_account WHERE parent IS NOT NULL", parameters
        )
        merges.execute(_SET_PARENTS, parameters)
    return outcome


def merge_opportunities(
    *,
    actor: access.Actor,
    source: str,
    told: Collection[str],
    currency: str,
    run_id: UUID,
    at: dt.datetime,
    shows_differences: bool,
    has_own_history: bool = False,
) -> merges.Merged:
    """Merge the staged opportunities with their histories.

    A source that tells its own history has it merged by `histories`; nothing is observed then.
    """
    actor.require(access.Permission.IMPORT)
    parameters = {
        "organization": actor.organization_id,
        "source": source,
        "currency": currency,
        "run": str(run_id),
        "at": at,
    }
    merges.settle_repeats(OPPORTUNITIES)
    _find_periods(actor.organization_id)
    merges.drop_rejected(OPPORTUNITIES)
    if "account" in told:
        _add_accounts(_named_accounts(OPPORTUNITIES, told), parameters)
    target = _opportunity_target(told, parameters)
    merges.match(target)
    outcome = merges.outcome(target, merges.differences(target) if shows_differences else ())
    if outcome.new and has_own_history:
        merges.add_new(target)
    elif outcome.new:
        merges.add_new(target, then=_FIRST_STAGE, returning=_FIRST_STAGE_READS)
    if outcome.changed:
        if not has_own_history:
            _write_histories(told, parameters)
        merges.update_changed(target)
    return outcome


def known_opportunities(
    *, actor: access.Actor, source: str, external_ids: Collection[str]
) -> set[str]:
    """Return those of the ids that the books know."""
    actor.require(access.Permission.IMPORT)
    found = merges.fetch(
        "SELECT external_id FROM attribution_opportunity"
        " WHERE source = %(source)s AND external_id = ANY(%(ids)s)",
        {"source": source, "ids": list(external_ids)},
    )
    return {of for (of,) in found}


def won_revenue_minor(*, actor: access.Actor, source: str, currency: str) -> int:
    """Add up, as it is stored now, what the won opportunities of the staged file brought."""
    actor.require(access.Permission.IMPORT)
    found = merges.fetch(
        _WON_REVENUE,
        {"organization": actor.organization_id, "source": source, "currency": currency},
    )
    return int(found[0][0])


def merge_touches(
    *, actor: access.Actor, source: str, told: Collection[str], shows_differences: bool
) -> merges.Merged:
    """Merge the staged touches; one whose account cannot be found or made is rejected."""
    actor.require(access.Permission.IMPORT)
    parameters = {"organization": actor.organization_id, "source": source}
    merges.settle_repeats(TOUCHES)
    merges.execute(_ACCOUNT_OF_CONTACT, parameters)
    merges.reject(_NO_ACCOUNT)
    merges.drop_rejected(TOUCHES)
    _add_accounts(_named_accounts(TOUCHES, told), parameters)
    merges.execute(_ADD_CONTACTS, parameters)
    vendors.add_named(actor=actor, table=TOUCHES.table)
    campaigns.add_named_cost_centers(actor=actor, table=TOUCHES.table)
    campaigns.add_named(actor=actor, table=TOUCHES.table, kind=DIGITAL_CAMPAIGN, channel="")
    target = _touch_target(told, parameters)
    merges.match(target)
    outcome = merges.outcome(target, merges.differences(target) if shows_differences else ())
    if outcome.new:
        merges.add_new(target)
    if outcome.changed:
        merges.update_changed(target)
    return outcome


def _account_target(told: Collection[str], parameters: merges.Parameters) -> merges.Target:
    values = {
        "name": merges.Value("coalesce(staged.name, staged.external_id)", "stored.name"),
        "industry": merges.told_text("industry", "industry"),
        "country": merges.told_text("country", "country"),
        "employees": merges.told("employees"),
        # Companies can name each other in any order, so parents are set once all are there.
        "parent": merges.Value("staged.parent", "parent.external_id", is_assigned=False),
    }
    fixed = {
        "name": "staged.external_id",
        "industry": "''",
        "country": "''",
        "is_synthetic": "false",
    }
    kept = {column: value for column, value in values.items() if column in told}
    return merges.Target(
        table="attribution_account",
        staging=ACCOUNTS,
        values=kept,
        fixed={column: value for column, value in fixed.items() if column not in kept},
        stored_joins="""LEFT JOIN attribution_account AS parent
            ON parent.organization_id = %(organization)s AND parent.id = stored.parent_id""",
        parameters=parameters,
    )


def _opportunity_target(told: Collection[str], parameters: merges.Parameters) -> merges.Target:
    values = {
        "stage": merges.told("stage"),
        "status": merges.told("status"),
        "closed_at": merges.told("closed_at"),
    }
    optional = {
        "name": ("name", merges.told_text("name", "name")),
        "product": ("product", merges.told_text("product", "product")),
        "owner": ("owner_reference", merges.told_text("owner", "owner_reference")),
        "account": ("account_id", merges.Value("account.id", "stored.account_id")),
        "amount_minor": ("amount_minor", merges.told("amount_minor")),
        "currency": ("currency", merges.told("currency")),
        "opened_at": ("opened_at", merges.told("opened_at")),
    }
    values |= {column: value for name, (column, value) in optional.items() if name in told}
    fixed = {
        "name": "''",
        "product": "''",
        "owner_reference": "''",
        "currency": "%(currency)s",
        "fiscal_period_id": "day.period_id",
        "is_synthetic": "false",
    }
    return merges.Target(
        table="attribution_opportunity",
        staging=OPPORTUNITIES,
        values=values,
        fixed={column: value for column, value in fixed.items() if column not in values},
        rewritten={
            "fiscal_period_id": "CASE WHEN staged.closed_at = stored.closed_at "
            "THEN stored.fiscal_period_id ELSE day.period_id END"
        },
        joins="LEFT JOIN pg_temp.file_day AS day ON day.day = staged.closed_on"
        + (_ACCOUNT_JOIN if "account" in told else ""),
        parameters=parameters,
    )


def _touch_target(told: Collection[str], parameters: merges.Parameters) -> merges.Target:
    values = {
        "occurred_at": merges.told("occurred_at"),
        "channel": merges.told("channel"),
        "kind": merges.Value("coalesce(staged.kind, 'DIGITAL')", "stored.kind"),
        "account_id": merges.Value("account.id", "stored.account_id"),
        "campaign_id": merges.Value("campaign.id", "stored.campaign_id"),
        # Who pays for a touch is who pays for its campaign, unless the file says otherwise.
        "cost_center_id": merges.Value(
            "coalesce(center.id, campaign.cost_center_id)", "stored.cost_center_id"
        ),
    }
    if "contact" in told:
        values["contact_id"] = merges.Value("contact.id", "stored.contact_id")
    if "vendor" in told:
        values["vendor_id"] = merges.Value("vendor.id", "stored.vendor_id")
    return merges.Target(
        table="attribution_touchpoint",
        staging=TOUCHES,
        key="source_id",
        values=values,
        fixed={"is_retracted": "false", "is_synthetic": "false"},
        joins=_ACCOUNT_JOIN
        + """
        LEFT JOIN attribution_contact AS contact
            ON contact.organization_id = %(organization)s AND contact.source = %(source)s
            AND contact.external_id = staged.contact
        LEFT JOIN gifting_campaign AS campaign ON campaign.code = staged.campaign
        LEFT JOIN gifting_vendor AS vendor ON vendor.code = staged.vendor
        LEFT JOIN gifting_costcenter AS center ON center.code = staged.cost_center""",
        parameters=parameters,
    )


def _named_accounts(staging: merges.Staging, told: Collection[str]) -> str:
    """Name each account of a file once, as the first row that names it does."""
    if "account_name" not in told:
        return f"SELECT DISTINCT account, account FROM {staging.table} WHERE account IS NOT NULL"
    return (
        "SELECT DISTINCT ON (account) account, coalesce(account_name, account) "
        f"FROM {staging.table} WHERE account IS NOT NULL ORDER BY account, line"
    )


def _add_accounts(named: str, parameters: merges.Parameters) -> None:
    """Add the accounts that a query names as (external id, name) and that are not there."""
    merges.execute(
        f"""INSERT INTO attribution_account
            (organization_id, source, external_id, name, industry, country, is_synthetic)
        SELECT %(organization)s, %(source)s, named.external_id, named.name, '', '', false
        FROM ({named}) AS named (external_id, name)
        ON CONFLICT (organization_id, source, external_id) DO NOTHING""",
        parameters,
    )


def _find_periods(organization_id: UUID) -> None:
    """Give each day of a close its fiscal period; rows whose day has none are rejected."""
    days = merges.fetch(
        "SELECT DISTINCT closed_on FROM file_opportunity WHERE closed_on IS NOT NULL"
    )
    fiscal.place_days(organization_id=organization_id, dates=[day for (day,) in days])
    merges.reject(_NO_PERIOD)


def _write_histories(told: Collection[str], parameters: merges.Parameters) -> None:
    merges.execute(_FIRST_STAGE_KNOWN, parameters)
    merges.execute(_CHANGE_STAGE, parameters)
    if "amount_minor" in told:
        merges.execute(_FIRST_AMOUNT, parameters)
        merges.execute(_CHANGE_AMOUNT, parameters)
    if "owner" in told:
        merges.execute(_FIRST_OWNER, parameters)
        merges.execute(_CHANGE_OWNER, parameters)


def _reject_circles(parameters: merges.Parameters) -> None:
    """Reject the rows that stand on a circle of parents, by jumping ever farther up."""
    merges.make("file_ancestor", _PARENTS, parameters)
    jumps = merges.count(merges.Staging("file_ancestor", {})).bit_length() + 1
    for _ in range(jumps):
        # Whoever reaches the top in so many steps has no farther ancestor and drops out.
        if not merges.make("file_farther", _FARTHER):
            return
        merges.make("file_ancestor", "SELECT child, ancestor FROM pg_temp.file_farther")
    merges.reject(_ON_A_CIRCLE)


_PARENTS: Final = """
    SELECT external_id AS child, parent AS ancestor FROM file_account WHERE parent IS NOT NULL
    UNION ALL
    SELECT stored.external_id, parent.external_id
    FROM attribution_account AS stored
    JOIN attribution_account AS parent
        ON parent.organization_id = stored.organization_id AND parent.id = stored.parent_id
        AND parent.source = %(source)s
    WHERE stored.organization_id = %(organization)s AND stored.source = %(source)s
        AND NOT EXISTS
            (SELECT FROM file_account AS staged WHERE staged.external_id = stored.external_id)
"""

_FARTHER: Final = """
    SELECT near.child, far.ancestor FROM pg_temp.file_ancestor AS near
    JOIN pg_temp.file_ancestor AS far ON far.child = near.ancestor
"""

# After more steps than there are companies only circles are left, and each member is an ancestor.
_ON_A_CIRCLE: Final = """
    SELECT line, 'parent', 'the company would be its own ancestor' FROM file_account
    WHERE external_id IN (SELECT ancestor FROM pg_temp.file_ancestor)
"""

_SET_PARENTS: Final = """
    UPDATE attribution_account AS child SET parent_id = parent.id
    FROM file_account AS staged
    LEFT JOIN attribution_account AS parent
        ON parent.organization_id = %(organization)s AND parent.source = %(source)s
        AND parent.external_id = staged.parent
    WHERE child.organization_id = %(organization)s AND child.source = %(source)s
        AND child.external_id = staged.external_id AND child.parent_id IS DISTINCT FROM parent.id
"""

_NO_PERIOD: Final = """
    SELECT line, 'closed_at', 'no fiscal period holds ' || closed_on || ': add it to the calendar'
    FROM file_opportunity JOIN pg_temp.file_day AS day ON day.day = closed_on
    WHERE day.period_id IS NULL
"""

_FIRST_STAGE: Final = f"""
    INSERT INTO attribution_stagechange
        (organization_id, opportunity_id, changed_at, source, source_id, stage, status)
    SELECT organization_id, id, coalesce(closed_at, opened_at, %(at)s), '{HISTORY_SOURCE}',
        '{FIRST_SEEN}', stage, status
    FROM added
"""
_FIRST_STAGE_READS: Final = "id, organization_id, stage, status, opened_at, closed_at"

# The rows of a file that change an opportunity, beside what is stored.
_CHANGING: Final = """
    FROM pg_temp.file_match AS known
    JOIN file_opportunity AS staged USING (line)
    JOIN attribution_opportunity AS stored
        ON stored.organization_id = %(organization)s AND stored.id = known.id
    WHERE known.is_changed
"""


def _first(table: str, columns: str, differs: str, *, since: str = "stored.opened_at") -> str:
    stored = ", ".join(f"stored.{column}" for column in columns.split(", "))
    return f"""
    INSERT INTO {table} (organization_id, opportunity_id, changed_at, source, source_id, {columns})
    SELECT stored.organization_id, stored.id,
        least(coalesce({since}, stored.recorded_at), %(at)s),
        '{HISTORY_SOURCE}', '{FIRST_SEEN}', {stored}
    {_CHANGING} AND {differs} AND NOT EXISTS (SELECT FROM {table} AS past
        WHERE past.organization_id = %(organization)s AND past.opportunity_id = stored.id)"""


def _change(table: str, columns: str, values: str, differs: str, *, when: str = "%(at)s") -> str:
    return f"""
    INSERT INTO {table} (organization_id, opportunity_id, changed_at, source, source_id, {columns})
    SELECT stored.organization_id, stored.id, greatest({when},
            (SELECT max(past.changed_at) FROM {table} AS past
             WHERE past.organization_id = %(organization)s AND past.opportunity_id = stored.id)),
        '{HISTORY_SOURCE}', %(run)s, {values}
    {_CHANGING} AND {differs}"""


_STAGE_DIFFERS: Final = (
    "(staged.stage, staged.status) IS DISTINCT FROM (stored.stage, stored.status)"
)
_AMOUNT_DIFFERS: Final = """(staged.amount_minor, staged.currency)
        IS DISTINCT FROM (stored.amount_minor, stored.currency::text)"""
_OWNER_DIFFERS: Final = "coalesce(staged.owner, '') <> stored.owner_reference"
_STAGES: Final = "attribution_stagechange"
_AMOUNTS: Final = "attribution_amountchange"
_OWNERS: Final = "attribution_ownerchange"

_FIRST_STAGE_KNOWN: Final = _first(
    _STAGES,
    "stage, status",
    _STAGE_DIFFERS,
    since="stored.closed_at, stored.opened_at",
)
_CHANGE_STAGE: Final = _change(
    _STAGES,
    "stage, status",
    "staged.stage, staged.status",
    _STAGE_DIFFERS,
    when="coalesce(staged.closed_at, %(at)s)",
)
_FIRST_AMOUNT: Final = _first(_AMOUNTS, "amount_minor, currency", _AMOUNT_DIFFERS)
_CHANGE_AMOUNT: Final = _change(
    _AMOUNTS, "amount_minor, currency", "staged.amount_minor, staged.currency", _AMOUNT_DIFFERS
)
_FIRST_OWNER: Final = _first(_OWNERS, "owner_reference", _OWNER_DIFFERS)
_CHANGE_OWNER: Final = _change(
    _OWNERS, "owner_reference", "coalesce(staged.owner, '')", _OWNER_DIFFERS
)

_WON_REVENUE: Final = """
    SELECT coalesce(sum(stored.amount_minor), 0)
    FROM file_opportunity AS staged
    JOIN attribution_opportunity AS stored
        ON stored.organization_id = %(organization)s AND stored.source = %(source)s
        AND stored.external_id = staged.external_id
    WHERE stored.status = 'WON' AND stored.currency = %(currency)s
"""

_ACCOUNT_OF_CONTACT: Final = """
    UPDATE file_touch AS staged SET account = account.external_id
    FROM attribution_contact AS contact
    JOIN attribution_account AS account
        ON account.organization_id = contact.organization_id AND account.id = contact.account_id
        AND account.source = %(source)s
    WHERE staged.account IS NULL AND contact.organization_id = %(organization)s
        AND contact.source = %(source)s AND contact.external_id = staged.contact
"""

_NO_ACCOUNT: Final = """
    SELECT line, CASE WHEN contact IS NULL THEN 'account' ELSE 'contact' END,
        CASE WHEN contact IS NULL THEN 'the row names neither an account nor a contact'
            ELSE 'the contact is not known or has no account: import it first, or map account'
        END
    FROM file_touch WHERE account IS NULL
"""

_ADD_CONTACTS: Final = """
    INSERT INTO attribution_contact
        (organization_id, source, external_id, account_id, name, email, title, is_synthetic)
    SELECT DISTINCT ON (staged.contact) %(organization)s, %(source)s, staged.contact, account.id,
        '', '', '', false
    FROM file_touch AS staged
    JOIN attribution_account AS account
        ON account.organization_id = %(organization)s AND account.source = %(source)s
        AND account.external_id = staged.account
    WHERE staged.contact IS NOT NULL ORDER BY staged.contact, staged.line
    ON CONFLICT (organization_id, source, external_id) DO NOTHING
"""

"""Merge contacts and their roles in opportunities, as a CRM tells them."""

from __future__ import annotations

from typing import Final

from gifting.domain import access
from gifting.services import merges

CONTACTS: Final = merges.Staging(
    "file_contact",
    {
        "external_id": "text NOT NULL",
        "account": "text",
        "name": "text",
        "email": "text",
        "title": "text",
    },
)
ROLES: Final = merges.Staging(
    "file_role",
    {
        "external_id": "text NOT NULL",
        "opportunity": "text NOT NULL",
        "contact": "text NOT NULL",
        "role": "text NOT NULL",
        "is_primary": "boolean NOT NULL",
    },
)


def merge_contacts(*, actor: access.Actor, source: str) -> merges.Merged:
    """Merge the staged contacts; one whose account is not known waits without it."""
    actor.require(access.Permission.IMPORT)
    parameters = {"organization": actor.organization_id, "source": source}
    merges.settle_repeats(CONTACTS)
    target = merges.Target(
        table="attribution_contact",
        staging=CONTACTS,
        values={
            "account_id": merges.Value("account.id", "stored.account_id"),
            "name": merges.told_text("name", "name"),
            "email": merges.told_text("email", "email"),
            "title": merges.told_text("title", "title"),
        },
        fixed={"is_synthetic": "false"},
        joins="""LEFT JOIN attribution_account AS account
            ON account.organization_id = %(organization)s AND account.source = %(source)s
            AND account.external_id = staged.account""",
        parameters=parameters,
    )
    merges.match(target)
    outcome = merges.outcome(target, ())
    if outcome.new:
        merges.add_new(target)
    if outcome.changed:
        merges.update_changed(target)
    return outcome


def replace_roles(*, actor: access.Actor, source: str) -> int:
    """Give each opportunity that stands in `file_role_of` exactly the staged roles.

    Roles of opportunities or contacts that are not known are left for a later read. Where two
    contacts are called primary, the first by id is.
    """
    actor.require(access.Permission.IMPORT)
    parameters = {"organization": actor.organization_id, "source": source}
    merges.execute(_DROP_ROLES, parameters)
    return merges.execute(_ADD_ROLES, parameters)


def prepare_roles() -> None:
    """Make the table of the opportunities whose roles are told whole."""
    merges.make("file_role_of", "(opportunity text PRIMARY KEY)")


_RESOLVED: Final = """
    SELECT DISTINCT ON (opportunity.id, contact.id, staged.role)
        opportunity.id AS opportunity_id, contact.id AS contact_id, staged.role,
        staged.is_primary AND row_number() OVER (
            PARTITION BY opportunity.id ORDER BY staged.is_primary DESC, staged.external_id
        ) = 1 AS is_primary
    FROM pg_temp.file_role AS staged
    JOIN attribution_opportunity AS opportunity
        ON opportunity.organization_id = %(organization)s AND opportunity.source = %(source)s
        AND opportunity.external_id = staged.opportunity
    JOIN attribution_contact AS contact
        ON contact.organization_id = %(organization)s AND contact.source = %(source)s
        AND contact.external_id = staged.contact
    ORDER BY opportunity.id, contact.id, staged.role, staged.is_primary DESC
"""

_DROP_ROLES: Final = f"""
    WITH told AS ({_RESOLVED})
    DELETE FROM attribution_opportunitycontactrole AS stored
    USING pg_temp.file_role_of AS whole, attribution_opportunity AS opportunity
    WHERE opportunity.organization_id = %(organization)s AND opportunity.source = %(source)s
        AND opportunity.external_id = whole.opportunity
        AND stored.organization_id = %(organization)s AND stored.opportunity_id = opportunity.id
        AND NOT EXISTS (SELECT FROM told WHERE told.opportunity_id = stored.opportunity_id
            AND told.contact_id = stored.contact_id AND told.role = stored.role
            AND told.is_primary = stored.is_primary)
"""

_ADD_ROLES: Final = f"""
    INSERT INTO attribution_opportunitycontactrole
        (organization_id, opportunity_id, contact_id, role, is_primary)
    SELECT %(organization)s, told.opportunity_id, told.contact_id, told.role, told.is_primary
    FROM ({_RESOLVED}) AS told
    ON CONFLICT (organization_id, opportunity_id, contact_id, role) DO NOTHING
"""

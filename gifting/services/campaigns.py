"""Make and change campaigns, and make those of a file with the cost centers they belong to."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from gifting import models
from gifting.domain import access, refusals, texts
from gifting.selectors import organizations
from gifting.services import conflicts, merges


class CampaignCodeTaken(refusals.Conflict):
    code = "CAMPAIGN_CODE_TAKEN"


class CampaignDatesReversed(refusals.Invalid):
    code = "CAMPAIGN_DATES_REVERSED"


class OwnerNotMember(refusals.Invalid):
    code = "OWNER_NOT_MEMBER"


@dataclass(frozen=True, slots=True)
class Details:
    """What a person may decide, and later correct, about a campaign."""

    name: str
    kind: str
    motion: str
    channel: str
    personalization: str
    cost_center_id: int
    owner_id: int | None = None
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    program_id: int | None = None


def create(*, actor: access.Actor, code: str, details: Details) -> int:
    """Make a campaign and return its id.

    Raises Forbidden, TextUnusable, CampaignCodeTaken, CampaignDatesReversed and OwnerNotMember.
    """
    _check(actor, details)
    texts.require(code, field="code", most=texts.CODE_LENGTH)
    campaign = models.Campaign(organization_id=actor.organization_id, code=code)
    taken = CampaignCodeTaken(
        f"A campaign with the code {code!r} exists. Choose another code.", field="code"
    )
    with conflicts.refusing("campaign_code_is_unique", taken):
        _write(campaign, details)
    return campaign.pk


def change(*, actor: access.Actor, campaign_id: int, details: Details) -> None:
    """Correct a campaign; its code, which other systems know, stays.

    Raises Forbidden, TextUnusable, CampaignDatesReversed and OwnerNotMember.
    """
    campaign = models.Campaign.objects.select_for_update().get(id=campaign_id)
    actor.require_cost_center(campaign.cost_center_id)
    _check(actor, details)
    _write(campaign, details)


def add_named(*, actor: access.Actor, table: str, kind: str, channel: str) -> int:
    """Add the campaigns of the staged columns campaign and campaign_name; return how many were new.

    A campaign's channel and cost center are those of the first row that names it. The cost centers
    are there.
    """
    actor.require(access.Permission.IMPORT)
    return merges.execute(
        f"""INSERT INTO gifting_campaign (organization_id, code, name, kind, motion, channel,
            cost_center_id, personalization)
        SELECT DISTINCT ON (staged.campaign) %(organization)s, staged.campaign,
            coalesce(staged.campaign_name, staged.campaign), %(kind)s, 'DEMAND_GENERATION',
            coalesce(staged.channel, %(channel)s), coalesce(center.id, %(root)s), 'NONE'
        FROM pg_temp.{table} AS staged
        LEFT JOIN gifting_costcenter AS center ON center.code = staged.cost_center
        WHERE staged.campaign IS NOT NULL ORDER BY staged.campaign, staged.line
        ON CONFLICT (organization_id, code) DO NOTHING""",
        {
            "organization": actor.organization_id,
            "kind": kind,
            "channel": channel,
            "root": organizations.root_cost_center_id(),
        },
    )


def add_named_cost_centers(*, actor: access.Actor, table: str) -> int:
    """Add the cost centers of the staged column cost_center, below the company's own."""
    actor.require(access.Permission.IMPORT)
    return merges.execute(
        f"""INSERT INTO gifting_costcenter (organization_id, parent_id, code, name)
        SELECT DISTINCT %(organization)s, %(root)s::bigint, cost_center, cost_center
        FROM pg_temp.{table} WHERE cost_center IS NOT NULL
        ON CONFLICT (organization_id, code) DO NOTHING""",
        {"organization": actor.organization_id, "root": organizations.root_cost_center_id()},
    )


def _check(actor: access.Actor, details: Details) -> None:
    actor.require(access.Permission.WRITE_CAMPAIGNS)
    actor.require_cost_center(details.cost_center_id)
    texts.require(details.name, field="name", most=texts.NAME_LENGTH)
    texts.require(details.channel, field="channel", most=texts.CODE_LENGTH)
    if details.starts_on and details.ends_on and details.starts_on >= details.ends_on:
        raise CampaignDatesReversed(
            f"The campaign would end on {details.ends_on} before it starts on "
            f"{details.starts_on}. Give the first day after it as its end.",
            field="ends_on",
        )
    if details.owner_id is not None and not organizations.is_member(user_id=details.owner_id):
        raise OwnerNotMember(
            "The owner is not a member of this organization. Choose a member.", field="owner"
        )


def _write(campaign: models.Campaign, details: Details) -> None:
    campaign.name = details.name
    campaign.kind = details.kind
    campaign.motion = details.motion
    campaign.channel = details.channel
    campaign.personalization = details.personalization
    campaign.cost_center_id = details.cost_center_id
    campaign.owner_id = details.owner_id
    campaign.starts_on = details.starts_on
    campaign.ends_on = details.ends_on
    campaign.program_id = details.program_id
    campaign.save()

"""Accounts, opportunities, touchpoints and credit, in the organization the test has entered."""

from __future__ import annotations

import datetime as dt

from django.db import connection

from attribution import models
from gifting import models as gifting
from tests.factories import organizations, sends

SOURCE = "crm"


def make_account(
    external_id: str | None = None,
    *,
    name: str = "Customer",
    parent: models.Account | None = None,
    source: str = SOURCE,
) -> models.Account:
    return models.Account.objects.create(
        organization_id=organizations.here(),
        source=source,
        external_id=external_id or f"account-{organizations.next_number()}",
        name=name,
        parent=parent,
    )


def make_contact(
    *,
    account: models.Account | None = None,
    name: str = "Carla Contact",
    email: str = "carla@customer.example",
) -> models.Contact:
    return models.Contact.objects.create(
        organization_id=organizations.here(),
        source=SOURCE,
        external_id=f"contact-{organizations.next_number()}",
        account=account or make_account(),
        name=name,
        email=email,
        title="Head of Purchasing",
    )


def make_opportunity(
    external_id: str | None = None,
    *,
    account: models.Account | None = None,
    name: str = "",
    amount_minor: int | None = 1_000_00,
    opened_at: dt.datetime = organizations.NOON - dt.timedelta(days=60),
    won_at: dt.datetime | None = organizations.NOON,
) -> models.Opportunity:
    """Make a won opportunity, or an open one when it was not won at any time."""
    return models.Opportunity.objects.create(
        organization_id=organizations.here(),
        source=SOURCE,
        external_id=external_id or f"opportunity-{organizations.next_number()}",
        account=account or make_account(),
        name=name,
        stage="Won" if won_at else "Engaging",
        status="WON" if won_at else "OPEN",
        amount_minor=amount_minor,
        currency="USD",
        opened_at=opened_at,
        closed_at=won_at,
        fiscal_period=sends.period_of(won_at.date()) if won_at else None,
    )


def make_contact_role(
    *, opportunity: models.Opportunity | None = None, contact: models.Contact | None = None
) -> models.OpportunityContactRole:
    return models.OpportunityContactRole.objects.create(
        organization_id=organizations.here(),
        opportunity=opportunity or make_opportunity(),
        contact=contact or make_contact(),
        role="Decision maker",
        is_primary=True,
    )


def make_stage_change(opportunity: models.Opportunity | None = None) -> models.StageChange:
    return models.StageChange.objects.create(
        stage="Engaging", status="OPEN", **_change(opportunity)
    )


def make_amount_change(opportunity: models.Opportunity | None = None) -> models.AmountChange:
    return models.AmountChange.objects.create(
        amount_minor=900_00, currency="USD", **_change(opportunity)
    )


def make_owner_change(opportunity: models.Opportunity | None = None) -> models.OwnerChange:
    return models.OwnerChange.objects.create(owner_reference="Sam Sales", **_change(opportunity))


def make_touchpoint(
    source_id: str | None = None,
    *,
    account: models.Account | None = None,
    contact: models.Contact | None = None,
    campaign: gifting.Campaign | None = None,
    send: gifting.Send | None = None,
    channel: str = "direct_mail",
    at: dt.datetime = organizations.NOON - dt.timedelta(days=30),
) -> models.Touchpoint:
    """Make a digital touchpoint, or a physical one when it is a send's."""
    campaign = campaign or sends.make_campaign()
    return models.Touchpoint.objects.create(
        organization_id=organizations.here(),
        source=SOURCE,
        source_id=source_id or f"touch-{organizations.next_number()}",
        kind="PHYSICAL" if send else "DIGITAL",
        channel=channel,
        occurred_at=at,
        account=account or make_account(),
        contact=contact,
        campaign=campaign,
        cost_center=campaign.cost_center,
        send=send,
    )


def make_run(
    *, model: str = "LINEAR", is_current: bool = True, is_running: bool = False
) -> models.AttributionRun:
    """Make a published run, or one that figures may still be written for."""
    return models.AttributionRun.objects.create(
        organization_id=organizations.here(),
        model=model,
        rule_version=1,
        lookback_days=180,
        as_of=organizations.NOON,
        status="RUNNING" if is_running else "PUBLISHED",
        is_current=is_current and not is_running,
        finished_at=None if is_running else organizations.NOON,
        opportunity_count=1,
        touchpoint_count=1,
        credit_count=1,
    )


def make_total(
    *, run: models.AttributionRun | None = None, attributed_minor: int = 900_00
) -> models.AttributionTotal:
    return models.AttributionTotal.objects.create(
        organization_id=organizations.here(),
        run=run or make_run(model=f"MODEL_{organizations.next_number()}", is_running=True),
        currency="USD",
        won_revenue_minor=1_000_00,
        attributed_minor=attributed_minor,
        unattributed_minor=1_000_00 - attributed_minor,
    )


def make_published_total(*, is_current: bool = True) -> models.AttributionTotal:
    """Make a run's total and publish the run, in the order that PostgreSQL asks for."""
    run = make_run(is_running=True)
    total = make_total(run=run)
    run.status, run.is_current, run.finished_at = "PUBLISHED", is_current, organizations.NOON
    run.save()
    return total


def make_credit_rollup(
    *,
    run: models.AttributionRun | None = None,
    campaign: gifting.Campaign | None = None,
    amount_minor: int = 900_00,
) -> models.CreditRollup:
    campaign = campaign or sends.make_campaign()
    return models.CreditRollup.objects.create(
        organization_id=organizations.here(),
        run=run or make_run(model=f"MODEL_{organizations.next_number()}", is_running=True),
        fiscal_period=sends.period_of(sends.DAY),
        campaign=campaign,
        cost_center=campaign.cost_center,
        channel="direct_mail",
        currency="USD",
        amount_minor=amount_minor,
        touch_count=1,
    )


def make_credit(
    *,
    run: models.AttributionRun | None = None,
    opportunity: models.Opportunity | None = None,
    touchpoint: models.Touchpoint | None = None,
    amount_minor: int = 900_00,
) -> models.Credit:
    """Write one credit as a run does: under the role that may do nothing else."""
    run = run or make_run(model=f"MODEL_{organizations.next_number()}")
    opportunity = opportunity or make_opportunity()
    touchpoint = touchpoint or make_touchpoint(account=opportunity.account)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE tribute_credits")
        cursor.execute(
            "INSERT INTO attribution_credit (organization_id, run_id, opportunity_id,"
            " touchpoint_id, weight, weight_total, amount_minor, currency)"
            " VALUES (%s, %s, %s, %s, 1, 1, %s, 'USD')",
            [run.organization_id, run.pk, opportunity.pk, touchpoint.pk, amount_minor],
        )
        cursor.execute("SET LOCAL ROLE tribute_app")
    return models.Credit.objects.get(run=run, touchpoint=touchpoint)


def _change(opportunity: models.Opportunity | None) -> dict[str, object]:
    return {
        "organization_id": organizations.here(),
        "opportunity": opportunity or make_opportunity(),
        "changed_at": organizations.NOON,
        "source": SOURCE,
        "source_id": f"change-{organizations.next_number()}",
    }


def make_configuration() -> models.AttributionConfiguration:
    """Make the next version of how the organization attributes."""
    return models.AttributionConfiguration.objects.create(
        organization_id=organizations.here(),
        version=models.AttributionConfiguration.objects.count() + 1,
        model_codes=["LINEAR"],
        lookback_days=180,
        milestone_lookback_days=None,
        window_anchor="DELIVERED",
        contact_mapping="ALL_CONTACTS",
        half_life_days=30,
        step_days=7,
        channel_scheme={},
        set_at=organizations.NOON,
    )

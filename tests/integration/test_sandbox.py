"""A sandbox in PostgreSQL: what the product reports is what the generator knows to be true."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import models as auth
from django.db import models

from attribution import models as attribution
from attribution.domain import journey, multitouch
from attribution.selectors import roi
from attribution.services import runs
from gifting import models as gifting
from gifting.domain import access, lifecycle, money
from gifting.selectors import organizations as books
from gifting.selectors import spend
from gifting.services import plans, tenancy
from integrations import models as integrations
from integrations.domain.sandbox import blocks, company, gifts, moments, outcomes, parameters
from integrations.services import sandbox, sandbox_doors
from tests.factories import checksums, opportunities, organizations

pytestmark = pytest.mark.django_db

WANTED = parameters.Parameters(opportunities=150)
END = dt.datetime(2026, 11, 1, 4, tzinfo=dt.UTC)


def make(wanted: parameters.Parameters = WANTED) -> sandbox.Sandbox:
    return sandbox.create(name=company.NAME, wanted=wanted, progress=lambda _: None)


def lay_over(organization_id: UUID, seed: int = 7) -> sandbox.Sandbox:
    return sandbox.lay_over(
        organization_id=organization_id,
        wanted=parameters.Parameters(seed=seed),
        progress=lambda _: None,
    )


def system(organization_id: UUID) -> access.Actor:
    return access.Actor.system(organization_id=organization_id)


@pytest.fixture
def made() -> Iterator[sandbox.Sandbox]:
    found = make()
    with tenancy.organization(found.organization.id):
        yield found


def test_every_sum_is_the_generators(made: sandbox.Sandbox) -> None:
    actor = system(made.organization.id)
    won = attribution.Opportunity.objects.filter(status="WON")

    assert (
        won.aggregate(total=models.Sum("amount_minor"))["total"]
        == (made.truth["won_revenue_minor"])
    )
    assert {
        "accounts": attribution.Account.objects.count(),
        "contacts": attribution.Contact.objects.count(),
        "opportunities": attribution.Opportunity.objects.count(),
        "won": won.count(),
        "lost": attribution.Opportunity.objects.filter(status="LOST").count(),
        "stage_changes": attribution.StageChange.objects.count(),
        "amount_changes": attribution.AmountChange.objects.count(),
        "owner_changes": attribution.OwnerChange.objects.count(),
        "gifts": gifting.Send.objects.count(),
        "gift_events": gifting.SendEvent.objects.count(),
        "cost_lines": gifting.CostLine.objects.count(),
        "digital_touches": attribution.Touchpoint.objects.count(),
    }.items() <= made.truth.items()
    assert (
        spend.total(actor=actor, currency="USD", cut=spend.Cut()).amount_minor
        == (made.truth["spend_minor"])
    )
    for dimension, model in (
        (spend.Dimension.CAMPAIGN, gifting.Campaign),
        (spend.Dimension.VENDOR, gifting.Vendor),
        (spend.Dimension.COST_CENTER, gifting.CostCenter),
    ):
        codes = dict(model.objects.values_list("name", "code"))
        rows = spend.by(actor=actor, dimension=dimension, currency="USD", cut=spend.Cut())
        assert {codes[row.label]: row.amount.amount_minor for row in rows} == (
            made.truth[f"spend_by_{dimension.lower()}_minor"]
        )


def test_credits_are_those_worked_out_from_the_generators_arrays(made: sandbox.Sandbox) -> None:
    actor = system(made.organization.id)
    expected, unattributed = credits_from_arrays(WANTED)

    runs.run(actor=actor, models_to_run=multitouch.STANDARD, at=END)

    names = dict(gifting.Campaign.objects.values_list("name", "code"))
    for model in multitouch.STANDARD:
        report = roi.by_campaign(actor=actor, model=model, currency="USD", cut=spend.Cut())
        assert {
            names[row.name]: row.credit.amount_minor
            for row in report.campaigns
            if row.credit.amount_minor
        } == expected[model]
        assert report.totals.unattributed.amount_minor == unattributed
        assert report.totals.won_revenue == money.Money(made.truth["won_revenue_minor"], "USD")
        assert report.totals.attributed + report.totals.unattributed == report.totals.won_revenue


def credits_from_arrays(
    wanted: parameters.Parameters,
) -> tuple[dict[multitouch.Model, dict[str, int]], int]:
    """Work out every credit again in plain Python, from the arrays and the published rules."""
    given: dict[multitouch.Model, Counter[str]] = {
        model: Counter() for model in multitouch.STANDARD
    }
    unattributed = 0
    for block in blocks.company_blocks(wanted):
        touches = touches_from_arrays(block)
        for deal, status in enumerate(block.outcomes.status.tolist()):
            if status != outcomes.WON:
                continue
            close = int(block.histories.closed_at[deal])
            first = close - journey.DEFAULT_LOOKBACK_DAYS * moments.DAY
            path = [
                code
                for at, code in sorted(touches[int(block.deals.account[deal])])
                if first <= at <= close
            ]
            amount = int(block.deals.amount_minor[deal])
            if not path:
                unattributed += amount
                continue
            given[multitouch.Model.FIRST_TOUCH][path[0]] += amount
            given[multitouch.Model.LAST_TOUCH][path[-1]] += amount
            for code, part in zip(path, equal_parts(amount, len(path)), strict=True):
                given[multitouch.Model.LINEAR][code] += part
    return {model: dict(sums) for model, sums in given.items()}, unattributed


def touches_from_arrays(block: blocks.Block) -> dict[int, list[tuple[int, str]]]:
    """List each account's touches: a gift at its delivery, else when sent; none if undelivered."""
    steps: dict[int, dict[lifecycle.State, int]] = defaultdict(dict)
    events, chosen, digital = block.laid.events, block.laid.chosen, block.laid.touches
    for gift, step, at in zip(
        events.gift.tolist(), events.step.tolist(), events.at.tolist(), strict=True
    ):
        steps[gift][gifts.STEPS[step]] = at
    touches = defaultdict(list)
    for gift, life in steps.items():
        sent = [
            life[state]
            for state in (lifecycle.State.OFFERED, lifecycle.State.SHIPPED)
            if state in life
        ]
        is_taken_back = life.keys() & {lifecycle.State.UNDELIVERABLE, lifecycle.State.CANCELLED}
        if sent and not is_taken_back:
            account = int(block.deals.account[chosen.deal[gift]])
            code = company.CAMPAIGNS[int(chosen.campaign[gift])].code
            touches[account].append((life.get(lifecycle.State.DELIVERED, min(sent)), code))
    for deal, campaign, at in zip(
        digital.deal.tolist(), digital.campaign.tolist(), digital.at.tolist(), strict=True
    ):
        touches[int(block.deals.account[deal])].append((at, company.CAMPAIGNS[campaign].code))
    return touches


def equal_parts(amount: int, count: int) -> list[int]:
    """Divide without losing a cent: what is left over goes to the first ones."""
    share = Fraction(amount, count)
    left = amount - count * int(share)
    return [int(share) + (place < left) for place in range(count)]


def test_all_of_it_says_that_it_is_synthetic(made: sandbox.Sandbox) -> None:
    runs.run(actor=system(made.organization.id), models_to_run=[multitouch.Model.LINEAR], at=END)

    assert made.organization.is_synthetic
    for model in (
        attribution.Account,
        attribution.Contact,
        attribution.Opportunity,
        attribution.Touchpoint,
        gifting.Send,
    ):
        assert set(model.objects.values_list("is_synthetic", flat=True)) == {True}


def test_the_same_again_changes_nothing() -> None:
    first = make()
    before = checksums.by_table(first.organization.id)

    second = make()

    assert (first.is_new, second.is_new) == (True, False)
    assert second.truth == first.truth
    assert checksums.by_table(first.organization.id) == before


def test_an_interrupted_sandbox_is_completed_by_asking_again() -> None:
    first = make()
    with tenancy.organization(first.organization.id):
        integrations.SandboxTruth.objects.update(is_complete=False, truth={})
    before = checksums.by_table(first.organization.id)

    second = make()

    assert second.is_new
    assert second.truth == first.truth
    after = checksums.by_table(first.organization.id)
    assert {table for table in before if before[table] != after[table]} == {
        "integrations_sandboxtruth"
    }


def test_another_truth_is_not_mixed_in() -> None:
    first = make()
    before = checksums.by_table(first.organization.id)

    with pytest.raises(sandbox.SandboxDiffers) as refused:
        make(parameters.Parameters(seed=8, opportunities=150))

    assert "already holds a sandbox of seed 7, opportunities 150" in refused.value.message
    assert checksums.by_table(first.organization.id) == before


def test_a_real_organization_is_not_made_a_sandbox() -> None:
    real = organizations.make_organization("Acme")

    with pytest.raises(sandbox.NotASandbox) as refused:
        sandbox.create(name="Acme", wanted=WANTED, progress=lambda _: None)

    assert refused.value.message == (
        "Acme is a real organization. Give the sandbox another name with --name, or lay gifts "
        "over it with --over acme."
    )
    with tenancy.organization(real.id):
        assert gifting.Campaign.objects.count() == 0
        assert integrations.SandboxTruth.objects.count() == 0


def test_other_organizations_do_not_notice() -> None:
    other = organizations.make_organization()
    before = checksums.by_table(other.id)

    made = make()

    assert made.organization.id != other.id
    assert checksums.by_table(other.id) == before


def test_budgets_are_approved_for_every_month_of_the_history(made: sandbox.Sandbox) -> None:
    periods = plans.period_ids(
        actor=system(made.organization.id), first=WANTED.starts_on, last=WANTED.until
    )

    assert len(periods) == 24
    assert gifting.Budget.objects.count() == 24 * company.GIFT_CAMPAIGN_COUNT
    assert set(gifting.Budget.objects.values_list("fiscal_period_id", flat=True)) == set(periods)
    assert gifting.Budget.objects.filter(original_amount_minor__lte=0).count() == 0


@pytest.fixture
def imported() -> books.OrganizationRecord:
    """Give an organization 60 deals of 6 accounts, as an export leaves them: no contacts."""
    organization = organizations.make_organization("Exporter", time_zone="Europe/Berlin")
    with tenancy.organization(organization.id):
        for account_number in range(6):
            account = opportunities.make_account(f"account {account_number}")
            for deal_number in range(10):
                closed = organizations.NOON - dt.timedelta(days=30 * deal_number + account_number)
                opportunities.make_opportunity(
                    f"deal {account_number} {deal_number}",
                    account=account,
                    amount_minor=1_000_00 + deal_number,
                    opened_at=closed - dt.timedelta(days=90),
                    won_at=closed,
                )
    return organization


def test_gifts_laid_over_an_export_leave_its_deals_alone(
    imported: books.OrganizationRecord,
) -> None:
    before = checksums.by_table(imported.id)

    made = lay_over(imported.id)

    after = checksums.by_table(imported.id)
    assert {table for table in before if before[table] != after[table]} == {
        "attribution_touchpoint",
        "gifting_budget",
        "gifting_budgetentry",
        "gifting_campaign",
        "gifting_costcenter",
        "gifting_costline",
        "gifting_fund",
        "gifting_fundingsource",
        "gifting_giftitem",
        "gifting_operation",
        "gifting_recipient",
        "gifting_send",
        "gifting_sendevent",
        "gifting_senderspend",
        "gifting_spendrollup",
        "gifting_transfer",
        "gifting_vendor",
        "integrations_sandboxtruth",
    }
    assert made.wanted.effect == 0
    assert made.wanted.opportunities == 60


def test_gifts_laid_over_an_export_add_up_and_say_what_they_are(
    imported: books.OrganizationRecord,
) -> None:
    made = lay_over(imported.id)

    with tenancy.organization(imported.id):
        actor = system(imported.id)
        runs.run(actor=actor, models_to_run=[multitouch.Model.LINEAR], at=END)
        report = roi.by_campaign(
            actor=actor, model=multitouch.Model.LINEAR, currency="USD", cut=spend.Cut()
        )
        sends = gifting.Send.objects
        assert sends.count() == made.truth["gifts"] > 20
        assert sends.filter(is_synthetic=False).count() == 0
        assert attribution.Touchpoint.objects.filter(is_synthetic=False).count() == 0
        assert attribution.Touchpoint.objects.filter(kind="PHYSICAL").count() == (
            sends.exclude(sent_at=None).count()
        )
        assert {row.name.endswith("(sandbox)") for row in report.campaigns} == {True}
        assert report.spend.amount_minor == made.truth["spend_minor"]
        assert (
            report.totals.won_revenue.amount_minor
            == sum(1_000_00 + deal_number for deal_number in range(10)) * 6
        )
        assert report.totals.attributed.amount_minor > 0


def test_laying_over_twice_changes_nothing(imported: books.OrganizationRecord) -> None:
    first = lay_over(imported.id)
    before = checksums.by_table(imported.id)

    second = lay_over(imported.id)

    assert (first.is_new, second.is_new) == (True, False)
    assert second.truth == first.truth
    assert checksums.by_table(imported.id) == before


def test_there_must_be_something_to_lay_gifts_over() -> None:
    empty = organizations.make_organization("Empty")

    with pytest.raises(sandbox.NothingToLayOver) as refused:
        lay_over(empty.id)

    assert "Import some first: manage.py import_opportunities." in refused.value.message
    with tenancy.organization(empty.id):
        assert gifting.Campaign.objects.count() == 0


def test_people_of_the_sandbox_come_in_by_a_password_made_from_the_key() -> None:
    made = make()

    doors = sandbox_doors.open_doors(made=made, key="key", at=END)
    again = sandbox_doors.open_doors(made=made, key="key", at=END)

    people = [person.user_name for person in made.people]
    users = auth.User.objects.filter(username__in=people)
    assert again == doors
    assert len(users) == 3
    assert all(user.check_password(doors.password) for user in users)
    assert [user.username for user in users if user.is_superuser] == ["ana@lumen-oak.example"]
    with tenancy.organization(made.organization.id):
        roles: dict[Any, Any] = dict(
            gifting.Membership.objects.values_list("user__first_name", "role")
        )
        assert roles == {"Maya": "MARKETING", "Femi": "FINANCE", "Ana": "ADMIN"}
        assert gifting.ServiceToken.objects.count() == 1
        kept = gifting.ServiceToken.objects.get()
        assert doors.token not in (kept.secret_hash, kept.prefix, kept.name)


def test_a_real_organization_gets_no_known_password(imported: books.OrganizationRecord) -> None:
    made = lay_over(imported.id)

    with pytest.raises(sandbox_doors.OnlyInSandbox):
        sandbox_doors.open_doors(made=made, key="key", at=END)

    with tenancy.organization(imported.id):
        assert gifting.ServiceToken.objects.count() == 0

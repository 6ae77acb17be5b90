"""Attribution runs on real PostgreSQL: what is published, what is refused, what stays."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from attribution import models
from attribution.domain import binary_copy, kernel, multitouch
from attribution.selectors import credits as figures
from attribution.services import books, runs
from gifting.domain import access, lifecycle, money, refusals
from gifting.selectors import spend
from gifting.services import tenancy
from tests.factories import opportunities, organizations, sends

pytestmark = pytest.mark.django_db

ALL_MODELS = multitouch.STANDARD
EVERYTHING = spend.Cut()


@pytest.fixture
def elsewhere() -> UUID:
    return organizations.make_organization().id


@pytest.fixture
def actor(elsewhere: UUID) -> Iterator[access.Actor]:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        yield access.Actor.system(organization_id=organization.id)


def days_before_close(days: int) -> dt.datetime:
    return organizations.NOON - dt.timedelta(days=days)


def run(actor: access.Actor, **options: int | None) -> tuple[runs.Outcome, ...]:
    return runs.run(actor=actor, models_to_run=ALL_MODELS, at=organizations.NOON, **options)


def credit_by_channel(actor: access.Actor, model: multitouch.Model) -> dict[str, int]:
    rows = figures.by(
        actor=actor,
        model=model,
        dimension=figures.Dimension.CHANNEL,
        currency="USD",
        cut=EVERYTHING,
    )
    return {row.label: row.credit.amount_minor for row in rows}


def test_each_model_divides_a_deal_as_worked_by_hand(actor: access.Actor) -> None:
    """100.00 over three touches: first all, last all, linear 33.34 + 33.33 + 33.33.

    The spare cent goes to the earliest. A second account's 7.00 has no touch and stays
    unattributed, so 100.00 + 7.00 = 107.00 of won revenue.
    """
    account = opportunities.make_account()
    opportunities.make_opportunity(account=account, amount_minor=100_00)
    opportunities.make_opportunity(account=opportunities.make_account(), amount_minor=7_00)
    for channel, days in (("email", 30), ("egift", 20), ("webinar", 10)):
        opportunities.make_touchpoint(account=account, channel=channel, at=days_before_close(days))

    run(actor)

    assert credit_by_channel(actor, multitouch.Model.FIRST_TOUCH) == {
        "email": 100_00,
        "(unattributed)": 7_00,
    }
    assert credit_by_channel(actor, multitouch.Model.LAST_TOUCH) == {
        "webinar": 100_00,
        "(unattributed)": 7_00,
    }
    assert credit_by_channel(actor, multitouch.Model.LINEAR) == {
        "email": 33_34,
        "egift": 33_33,
        "webinar": 33_33,
        "(unattributed)": 7_00,
    }


def test_totals_are_the_identity_that_finance_checks(actor: access.Actor) -> None:
    account = opportunities.make_account()
    opportunities.make_opportunity(account=account, amount_minor=100_00)
    opportunities.make_opportunity(account=None, amount_minor=7_00)
    opportunities.make_opportunity(account=account, amount_minor=None)
    opportunities.make_opportunity(account=account, amount_minor=50_00, won_at=None)
    opportunities.make_touchpoint(account=account)

    run(actor)

    totals = figures.totals(
        actor=actor, model=multitouch.Model.LINEAR, currency="USD", cut=EVERYTHING
    )
    assert totals.attributed == money.Money(100_00, "USD")
    assert totals.unattributed == money.Money(7_00, "USD")
    assert totals.won_revenue == money.Money(107_00, "USD")
    assert totals.run.opportunity_count == 3
    assert totals.run.missing_amount_count == 1


def test_an_account_in_several_parts_counts_each_touch_once(
    actor: access.Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two deals of one account see the same two touches: four credits of two touchpoints."""
    account = opportunities.make_account()
    for amount_minor in (100_00, 50_00):
        opportunities.make_opportunity(account=account, amount_minor=amount_minor)
    for days in (30, 20):
        opportunities.make_touchpoint(account=account, at=days_before_close(days))
    one_journey_at_a_time = functools.partial(kernel.attribute, pairs_per_batch=1)
    monkeypatch.setattr(kernel, "attribute", one_journey_at_a_time)

    run(actor)

    linear = models.AttributionRun.objects.get(model=multitouch.Model.LINEAR, is_current=True)
    assert (linear.credit_count, linear.touchpoint_count) == (4, 2)


def test_the_look_back_includes_its_first_instant(actor: access.Actor) -> None:
    account = opportunities.make_account()
    opportunities.make_opportunity(account=account, amount_minor=100_00)
    opportunities.make_touchpoint(account=account, channel="email", at=days_before_close(30))

    run(actor, lookback_days=30)
    inside = credit_by_channel(actor, multitouch.Model.LINEAR)
    run(actor, lookback_days=29)
    outside = credit_by_channel(actor, multitouch.Model.LINEAR)

    assert inside == {"email": 100_00}
    assert outside == {"(unattributed)": 100_00}


def test_a_second_run_that_finds_the_same_leaves_no_new_version(actor: access.Actor) -> None:
    account = opportunities.make_account()
    opportunities.make_opportunity(account=account)
    opportunities.make_touchpoint(account=account)

    first = run(actor)
    second = run(actor)

    assert [outcome.run_id for outcome in second] == [outcome.run_id for outcome in first]
    assert [outcome.is_unchanged for outcome in second] == [True, True, True]
    assert models.AttributionRun.objects.count() == 3
    assert models.Credit.objects.count() == 3


def test_a_changed_amount_makes_a_new_version_and_keeps_the_old(actor: access.Actor) -> None:
    account = opportunities.make_account()
    opportunity = opportunities.make_opportunity(account=account, amount_minor=100_00)
    opportunities.make_touchpoint(account=account, channel="email")
    run(actor)

    models.Opportunity.objects.filter(id=opportunity.id).update(amount_minor=120_00)
    run(actor)

    linear_runs = models.AttributionRun.objects.filter(model="LINEAR").order_by("id")
    assert [(run.is_current, run.status) for run in linear_runs] == [
        (False, "PUBLISHED"),
        (True, "PUBLISHED"),
    ]
    assert credit_by_channel(actor, multitouch.Model.LINEAR) == {"email": 120_00}


def test_an_amount_given_as_zero_is_not_missing_any_more(actor: access.Actor) -> None:
    opportunity = opportunities.make_opportunity(amount_minor=None)
    run(actor)

    models.Opportunity.objects.filter(id=opportunity.id).update(amount_minor=0)
    run(actor)

    linear_runs = models.AttributionRun.objects.filter(model="LINEAR").order_by("id")
    assert [(run.is_current, run.missing_amount_count) for run in linear_runs] == [
        (False, 1),
        (True, 0),
    ]


def test_a_touch_that_moves_to_another_campaign_makes_a_new_version(actor: access.Actor) -> None:
    account = opportunities.make_account()
    opportunities.make_opportunity(account=account)
    touch = opportunities.make_touchpoint(account=account)
    run(actor)

    models.Touchpoint.objects.filter(id=touch.id).update(
        campaign_id=sends.make_campaign(name="Autumn gifts").id
    )
    outcomes = run(actor)

    assert [outcome.is_unchanged for outcome in outcomes] == [False, False, False]


def test_credits_that_went_missing_are_refused_and_reported(
    actor: access.Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = opportunities.make_account()
    opportunities.make_opportunity(account=account)
    opportunities.make_touchpoint(account=account)
    monkeypatch.setattr(books, "write", lambda given: [book.take_rows() for book in given])

    outcomes = run(actor)

    assert [outcome.is_published for outcome in outcomes] == [False, False, False]
    assert outcomes[0].refusal == (
        "FIRST_TOUCH: credits of an opportunity do not add up to its amount (1 rows)"
    )
    assert list(models.AttributionRun.objects.values_list("status", flat=True).distinct()) == [
        "REFUSED"
    ]
    assert models.Credit.objects.count() == 0
    assert models.CreditRollup.objects.count() == 0


def test_a_credit_of_another_organization_is_refused(
    actor: access.Actor, elsewhere: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role that writes credits passes row-level security, so the run's own check must not."""
    account = opportunities.make_account()
    opportunities.make_opportunity(account=account)
    opportunities.make_touchpoint(account=account)
    honest_write = binary_copy.write

    def forged_write(
        columns: Sequence[binary_copy.Column], values: Mapping[str, Any], count: int
    ) -> bytes:
        return honest_write(columns, {**values, "organization_id": elsewhere.bytes}, count)

    monkeypatch.setattr(binary_copy, "write", forged_write)

    outcomes = run(actor)

    assert [outcome.is_published for outcome in outcomes] == [False, False, False]
    assert models.Credit.objects.count() == 0


def test_an_arrived_gift_touches_when_it_arrived(actor: access.Actor) -> None:
    account = opportunities.make_account("acme")
    send = sends.make_send(account_reference="acme")
    sends.make_event(send, lifecycle.State.SHIPPED, at=days_before_close(20))
    sends.make_event(send, lifecycle.State.DELIVERED, at=days_before_close(15))

    run(actor)

    touch = models.Touchpoint.objects.get(source="gifting")
    assert touch.account_id == account.id
    assert touch.kind == "PHYSICAL"
    assert touch.occurred_at == days_before_close(15)


def test_a_gift_that_never_arrived_earns_nothing(actor: access.Actor) -> None:
    account = opportunities.make_account("acme")
    opportunities.make_opportunity(account=account, amount_minor=100_00)
    send = sends.make_send(account_reference="acme")
    sends.make_event(send, lifecycle.State.SHIPPED, at=days_before_close(20))
    run(actor)
    credited = credit_by_channel(actor, multitouch.Model.LINEAR)

    sends.make_event(send, lifecycle.State.UNDELIVERABLE, at=days_before_close(10))
    run(actor)

    assert credited == {"direct_mail": 100_00}
    assert credit_by_channel(actor, multitouch.Model.LINEAR) == {"(unattributed)": 100_00}
    assert models.Touchpoint.objects.get(source="gifting").is_retracted


@pytest.mark.parametrize(
    ("states", "is_retracted"),
    [
        ((lifecycle.State.SHIPPED, lifecycle.State.UNDELIVERABLE), True),
        ((lifecycle.State.OFFERED, lifecycle.State.EXPIRED), False),
    ],
)
def test_a_refund_changes_nothing_about_whether_a_gift_arrived(
    actor: access.Actor, states: tuple[lifecycle.State, ...], *, is_retracted: bool
) -> None:
    opportunities.make_account("acme")
    sends.make_send(account_reference="acme", states=(*states, lifecycle.State.REFUNDED))

    run(actor)

    assert models.Touchpoint.objects.get(source="gifting").is_retracted is is_retracted


def test_a_gift_finds_its_account_when_the_account_comes_later(actor: access.Actor) -> None:
    send = sends.make_send(account_reference="acme")
    sends.make_event(send, lifecycle.State.DELIVERED, at=days_before_close(15))
    run(actor)
    before = models.Touchpoint.objects.count()

    opportunities.make_account("acme")
    run(actor)

    assert before == 0
    assert models.Touchpoint.objects.count() == 1


def test_a_gift_that_names_no_account_any_more_earns_nothing(actor: access.Actor) -> None:
    account = opportunities.make_account("acme")
    opportunities.make_opportunity(account=account, amount_minor=100_00)
    send = sends.make_send(account_reference="acme", states=(lifecycle.State.DELIVERED,))
    run(actor)
    credited = credit_by_channel(actor, multitouch.Model.LINEAR)

    type(send).objects.filter(id=send.id).update(account_reference="")
    run(actor)
    taken_back = credit_by_channel(actor, multitouch.Model.LINEAR)
    type(send).objects.filter(id=send.id).update(account_reference="acme")
    run(actor)

    assert credited == {"direct_mail": 100_00}
    assert taken_back == {"(unattributed)": 100_00}
    assert credit_by_channel(actor, multitouch.Model.LINEAR) == credited


def test_a_gift_goes_to_the_account_that_deals_are_with(actor: access.Actor) -> None:
    """Two systems use one id, and the one without deals was recorded first."""
    opportunities.make_account("acme", source="webinars")
    sold_to = opportunities.make_account("acme")
    opportunities.make_opportunity(account=sold_to, amount_minor=100_00)
    sends.make_send(account_reference="acme", states=(lifecycle.State.DELIVERED,))

    run(actor)

    assert models.Touchpoint.objects.get(source="gifting").account_id == sold_to.id
    assert credit_by_channel(actor, multitouch.Model.LINEAR) == {"direct_mail": 100_00}


def test_a_run_joins_tables_as_a_whole_and_not_row_by_row(actor: access.Actor) -> None:
    """Of what came in since the last ANALYZE the planner knows nothing: it takes many for one."""
    account = opportunities.make_account("A-1")
    opportunities.make_opportunity(account=account, amount_minor=100_00)
    sends.make_send(account_reference="A-1", states=(lifecycle.State.DELIVERED,))
    plans: list[str] = []

    def explain(execute: Any, query: str, parameters: Any, many: Any, context: Any) -> Any:
        if " JOIN " in query and not query.startswith("EXPLAIN"):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {query}", parameters)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(query, parameters, many, context)

    with connection.execute_wrapper(explain):
        runs.run(actor=actor, models_to_run=[multitouch.Model.LINEAR], at=organizations.NOON)

    assert [plan for plan in plans if "Nested Loop" in plan] == []
    assert [word for word in ("kept", "credit", "deal") if word not in str(plans)] == []
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_nestloop")
        assert cursor.fetchone() == ("on",)


def test_a_sender_sees_other_cost_centers_as_one_slice(actor: access.Actor) -> None:
    abm = organizations.make_cost_center("ABM")
    account = opportunities.make_account("acme")
    opportunities.make_opportunity(account=account, amount_minor=90_00)
    for cost_center in (abm, organizations.root_cost_center()):
        send = sends.make_send(account_reference="acme", cost_center=cost_center)
        sends.make_event(send, lifecycle.State.DELIVERED, at=days_before_close(15))
    run(actor)
    sender = access.Actor.member(
        user_id=1,
        organization_id=actor.organization_id,
        role=access.Role.MARKETING,
        cost_center_ids=[abm.id],
    )

    rows = figures.by(
        actor=sender,
        model=multitouch.Model.LINEAR,
        dimension=figures.Dimension.COST_CENTER,
        currency="USD",
        cut=EVERYTHING,
    )

    assert [(row.label, row.credit.amount_minor) for row in rows] == [
        ("(other cost centers)", 45_00),
        (abm.name, 45_00),
    ]


def test_a_sender_takes_the_slice_of_other_cost_centers_not_apart(actor: access.Actor) -> None:
    abm = organizations.make_cost_center("ABM")
    opportunities.make_opportunity(account=opportunities.make_account("acme"), amount_minor=90_00)
    vendor = sends.make_vendor()
    for cost_center in (abm, organizations.root_cost_center()):
        send = sends.make_send(account_reference="acme", cost_center=cost_center, vendor=vendor)
        sends.make_event(send, lifecycle.State.DELIVERED, at=days_before_close(15))
    run(actor)
    sender = access.Actor.member(
        user_id=1,
        organization_id=actor.organization_id,
        role=access.Role.SALES,
        cost_center_ids=[abm.id],
    )

    rows = figures.by(
        actor=sender,
        model=multitouch.Model.LINEAR,
        dimension=figures.Dimension.VENDOR,
        currency="USD",
        cut=spend.Cut(vendor_ids=[vendor.public_id]),
    )

    assert [(row.label, row.credit.amount_minor) for row in rows] == [(vendor.name, 45_00)]


def test_a_figure_without_a_run_says_so(actor: access.Actor) -> None:
    with pytest.raises(figures.NoRun, match="No run of the model 'LINEAR' is published"):
        figures.totals(actor=actor, model="LINEAR", currency="USD", cut=EVERYTHING)


def test_an_actor_without_the_permission_starts_no_run(actor: access.Actor) -> None:
    auditor = access.Actor.member(
        user_id=1,
        organization_id=actor.organization_id,
        role=access.Role.AUDITOR,
        cost_center_ids=[],
    )

    with pytest.raises(refusals.Forbidden):
        run(auditor)

    assert models.AttributionRun.objects.count() == 0

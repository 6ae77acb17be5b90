"""Configurations on real PostgreSQL: versions, what each choice changes, and what stays."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
from collections.abc import Iterator
from decimal import Decimal

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from attribution import models
from attribution.domain import configurations, multitouch
from attribution.selectors import configurations as versions
from attribution.selectors import credits as figures
from attribution.services import configurations as choices
from attribution.services import runs
from gifting.domain import access, lifecycle, refusals
from gifting.selectors import spend
from gifting.services import tenancy
from tests.factories import opportunities, organizations, sends

pytestmark = pytest.mark.django_db

NOON = organizations.NOON
LINEAR = multitouch.Model.LINEAR
DEFAULT = configurations.Configuration()


@pytest.fixture
def actor() -> Iterator[access.Actor]:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        yield access.Actor.system(organization_id=organization.id)


def before_close(days: int) -> dt.datetime:
    return NOON - dt.timedelta(days=days)


def choose(actor: access.Actor, **changes: object) -> versions.Version:
    chosen = dataclasses.replace(DEFAULT, **changes)  # type: ignore[arg-type] # each test names one
    return choices.choose(actor=actor, chosen=chosen, at=NOON)


def credit(actor: access.Actor, model: multitouch.Model = LINEAR) -> dict[str, int]:
    runs.run(actor=actor, models_to_run=[model], at=NOON)
    rows = figures.by(
        actor=actor,
        model=model,
        dimension=figures.Dimension.CHANNEL,
        currency="USD",
        cut=spend.Cut(),
    )
    return {row.label: row.credit.amount_minor for row in rows}


def test_every_run_names_the_version_it_rests_on(actor: access.Actor) -> None:
    opportunities.make_opportunity()

    credit(actor)
    second = choose(actor, half_life_days=Decimal("7.5"))
    credit(actor)

    named = models.AttributionRun.objects.order_by("id").values_list(
        "configuration__version", flat=True
    )
    assert list(named) == [1, 2]
    assert second.version == 2
    assert versions.current().chosen.half_life_days == Decimal("7.5")


def test_the_same_choices_again_are_no_new_version(actor: access.Actor) -> None:
    first = choose(actor, channel_scheme={"egift": "gift"})
    again = choose(actor, channel_scheme={"egift": "gift"})

    assert (first.version, again) == (1, first)
    assert models.AttributionConfiguration.objects.count() == 1


def test_another_configuration_is_another_run_even_with_equal_figures(
    actor: access.Actor,
) -> None:
    opportunities.make_opportunity()
    credit(actor)
    credit(actor)

    choose(actor, step_days=Decimal(14))
    credit(actor)

    assert models.AttributionRun.objects.count() == 2


def test_a_configuration_says_what_is_computed_and_how_far_back(actor: access.Actor) -> None:
    """A touch 100 days before the close is outside 90 days, and inside no limit."""
    account = opportunities.make_account()
    opportunities.make_opportunity(account=account, amount_minor=100_00)
    opportunities.make_touchpoint(account=account, channel="email", at=before_close(100))
    choose(actor, models=(LINEAR, multitouch.Model.W_SHAPED), lookback_days=90)

    runs.run(actor=actor, at=NOON)

    found = models.AttributionRun.objects.values_list(
        "model", "lookback_days", "touchpoint_count", "missing_milestone_count"
    )
    assert sorted(found) == [("LINEAR", 90, 0, 0), ("W_SHAPED", None, 1, 1)]


def test_a_gift_counts_from_the_moment_that_is_chosen(actor: access.Actor) -> None:
    """Sent 30 days before the close, opened 20, delivered 10: windows of 25 and 14 days tell.

    What was never opened counts from its delivery.
    """
    account = opportunities.make_account()
    opportunities.make_opportunity(account=account, amount_minor=100_00)
    gift = sends.make_send(account_reference=account.external_id)
    for state, days in (("OFFERED", 30), ("OPENED", 20), ("SHIPPED", 15), ("DELIVERED", 10)):
        sends.make_event(gift, lifecycle.State(state), at=before_close(days))
    unopened = opportunities.make_account()
    opportunities.make_opportunity(account=unopened, amount_minor=1_00)
    gift = sends.make_send(account_reference=unopened.external_id)
    sends.make_event(gift, lifecycle.State.SHIPPED, at=before_close(15))
    sends.make_event(gift, lifecycle.State.DELIVERED, at=before_close(10))
    found = {}

    for anchor in configurations.WindowAnchor:
        for days in (25, 14):
            choose(actor, window_anchor=anchor, lookback_days=days)
            found[anchor.value, days] = credit(actor).get("(unattributed)", 0)

    assert found == {
        ("SENT", 25): 100_00,
        ("SENT", 14): 101_00,
        ("DELIVERED", 25): 0,
        ("DELIVERED", 14): 0,
        ("OPENED", 25): 0,
        ("OPENED", 14): 100_00,
    }


def test_contacts_with_a_role_can_be_the_only_ones_that_count(actor: access.Actor) -> None:
    """Two deals of one account. Rita has a role in the first, Paul the primary one; Nora none.

    One role stands twice, under two names, and its touch counts once.
    """
    account = opportunities.make_account()
    deal = opportunities.make_opportunity(account=account, amount_minor=100_00)
    opportunities.make_opportunity(account=account, amount_minor=7_00)
    rita, paul, nora = (opportunities.make_contact(account=account) for _ in range(3))
    for contact, role, is_primary in (
        (rita, "buyer", False),
        (rita, "user", False),
        (paul, "sponsor", True),
    ):
        models.OpportunityContactRole.objects.create(
            organization_id=actor.organization_id,
            opportunity=deal,
            contact=contact,
            role=role,
            is_primary=is_primary,
        )
    touched = {"email": rita, "gift": paul, "webinar": nora, "event": None}
    for channel, toucher in touched.items():
        touch = opportunities.make_touchpoint(account=account, channel=channel, at=before_close(9))
        touch.contact = toucher
        touch.save()
    mapping = configurations.ContactMapping

    choose(actor, contact_mapping=mapping.CONTACT_ROLES)
    by_role = credit(actor)
    choose(actor, contact_mapping=mapping.PRIMARY_ROLE)
    by_primary_role = credit(actor)
    choose(actor, contact_mapping=mapping.ALL_CONTACTS)
    by_account = credit(actor)

    assert by_role == {"email": 50_00, "gift": 50_00, "(unattributed)": 7_00}
    assert by_primary_role == {"gift": 100_00, "(unattributed)": 7_00}
    # 100.00 and 7.00 in four parts each.
    assert by_account == dict.fromkeys(["email", "event", "gift", "webinar"], 26_75)


def test_a_touch_in_two_deals_by_its_roles_is_one_touch(actor: access.Actor) -> None:
    account = opportunities.make_account()
    contact = opportunities.make_contact(account=account)
    for amount_minor in (100_00, 50_00):
        deal = opportunities.make_opportunity(account=account, amount_minor=amount_minor)
        opportunities.make_contact_role(opportunity=deal, contact=contact)
    touch = opportunities.make_touchpoint(account=account, channel="email", at=before_close(9))
    touch.contact = contact
    touch.save()
    choose(actor, contact_mapping=configurations.ContactMapping.CONTACT_ROLES)

    assert credit(actor) == {"email": 150_00}
    run = models.AttributionRun.objects.get(is_current=True)
    assert (run.touchpoint_count, run.credit_count) == (1, 2)


def test_a_channel_scheme_shows_channels_under_other_names(actor: access.Actor) -> None:
    account = opportunities.make_account()
    opportunities.make_opportunity(account=account, amount_minor=90_00)
    for channel in ("egift", "direct_mail", "email"):
        opportunities.make_touchpoint(account=account, channel=channel, at=before_close(9))
    choose(actor, channel_scheme={"egift": "gift", "direct_mail": "gift"})

    assert credit(actor) == {"gift": 60_00, "email": 30_00}
    # Two channels earn half each, where three would earn a third.
    assert credit(actor, multitouch.Model.LINEAR_DISTINCT_CHANNELS) == {
        "gift": 45_00,
        "email": 45_00,
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ()}, "at least one model"),
        ({"models": (LINEAR, LINEAR)}, "each once"),
        ({"models": (multitouch.Model.CUSTOM,)}, "CUSTOM needs what"),
        ({"lookback_days": -1}, "look-back of -1"),
        ({"milestone_lookback_days": 99_999}, "look-back of 99999"),
        ({"half_life_days": Decimal(0)}, "half-life of 0"),
        ({"step_days": Decimal("1.0000001")}, "more than 6 decimals"),
        ({"channel_scheme": {"egift": ""}}, "1 to 64 characters"),
        ({"channel_scheme": {str(n): "x" for n in range(201)}}, "may rename 200"),
    ],
)
def test_choices_that_cannot_be_used_are_refused(
    actor: access.Actor, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(refusals.Invalid, match=message):
        choose(actor, **changes)

    assert models.AttributionConfiguration.objects.count() == 0


def test_whoever_may_not_run_attribution_may_not_choose(actor: access.Actor) -> None:
    otto = dataclasses.replace(actor, permissions=frozenset())

    with pytest.raises(refusals.Forbidden):
        choose(otto)

    assert models.AttributionConfiguration.objects.count() == 0


COPIED = {
    name: name
    for name in (
        "organization_id",
        "version",
        "model_codes",
        "window_anchor",
        "contact_mapping",
        "half_life_days",
        "step_days",
        "channel_scheme",
        "set_at",
    )
}


def copy(**changes: str) -> str:
    """Write a statement that copies every version, with some columns changed."""
    columns = COPIED | changes
    return (
        f"INSERT INTO attribution_attributionconfiguration ({', '.join(columns)})"
        f" SELECT {', '.join(columns.values())} FROM attribution_attributionconfiguration"
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE attribution_attributionconfiguration SET half_life_days = 1",
        "DELETE FROM attribution_attributionconfiguration",
        copy(),
        copy(version="0"),
        copy(version="2", window_anchor="'LOST'"),
        copy(version="2", contact_mapping="'NOBODY'"),
        copy(version="2", half_life_days="0"),
        copy(version="2", step_days="-1"),
    ],
)
def test_a_version_stays_as_it_was_made(actor: access.Actor, statement: str) -> None:
    choose(actor)
    before = list(models.AttributionConfiguration.objects.values())

    with (
        pytest.raises(DatabaseError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert list(models.AttributionConfiguration.objects.values()) == before


def configure(slug: str, *options: str) -> dict[str, object]:
    shown = io.StringIO()
    call_command("configure_attribution", "--organization", slug, *options, "--json", stdout=shown)
    found: dict[str, object] = orjson.loads(shown.getvalue())
    return found


def test_the_command_changes_what_is_named_and_shows_the_rest() -> None:
    slug = organizations.make_organization().slug

    configure(slug, "--lookback-days", "none", "--channel", "egift=gift")
    found = configure(slug, "--model", "LINEAR", "--half-life-days", "14")

    assert found == {
        "version": 3,
        "models": ["LINEAR"],
        "lookback_days": None,
        "milestone_lookback_days": None,
        "window_anchor": "DELIVERED",
        "contact_mapping": "ALL_CONTACTS",
        "half_life_days": "14",
        "step_days": "7",
        "channel_scheme": {"egift": "gift"},
    }
    assert configure(slug) == found
    with pytest.raises(CommandError, match="half-life of 0 days") as caught:
        configure(slug, "--half-life-days", "0")
    assert caught.value.returncode == 2
    assert configure(slug) == found

"""Every cut of the spend adds up to the total, by a plain retelling of what was charged."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import hypothesis
import pytest
from django.db import transaction
from hypothesis import strategies as st

from gifting import models
from gifting.domain import access, cuts
from gifting.models.sends import Component
from gifting.selectors import consolidated
from gifting.services import tenancy
from tests.factories import organizations, sends

pytestmark = pytest.mark.django_db

SELLERS = ("", "seller-1", "seller-2")
CURRENCIES = ("EUR", "USD")

charges = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(Component), st.integers(-(10**12), 10**12)),
    max_size=8,
)
corrections = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(SELLERS)), max_size=3)


@dataclass(slots=True)
class Gift:
    """A send beside what a plain retelling knows of it."""

    row: models.Send
    labels: dict[cuts.Dimension, str]
    currency: str
    amounts: dict[Component, int]


@pytest.fixture
def company() -> Iterator[access.Actor]:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        yield access.Actor.system(organization_id=organization.id)


def _gifts() -> list[Gift]:
    """Four sends: two campaigns, one of a program; two vendors, departments and currencies."""
    north = organizations.make_cost_center("north")
    program = sends.make_program(name="Days")
    campaigns = [
        sends.make_campaign(name="Spring", cost_center=north, program=program),
        sends.make_campaign(name="Autumn"),
    ]
    vendors = [sends.make_vendor(name="Tea"), sends.make_vendor(name="Wine")]
    gifts: list[Gift] = []
    for campaign, vendor in itertools.product(campaigns, vendors):
        seller = SELLERS[len(gifts) % len(SELLERS)]
        row = sends.make_send(campaign=campaign, vendor=vendor, sender_reference=seller)
        labels = {
            cuts.Dimension.CAMPAIGN: campaign.name,
            cuts.Dimension.VENDOR: vendor.name,
            cuts.Dimension.DEPARTMENT: campaign.cost_center.name,
            cuts.Dimension.PROGRAM: program.name if campaign.program_id else cuts.NONE_LABEL,
            cuts.Dimension.PERSON: seller or cuts.NONE_LABEL,
            cuts.Dimension.PERIOD: sends.period_of(sends.DAY).name,
        }
        gifts.append(Gift(row, labels, CURRENCIES[len(gifts) % 2], {}))
    return gifts


def _label(gift: Gift, component: Component, dimension: cuts.Dimension) -> str:
    if dimension is cuts.Dimension.COMPONENT:
        return component.value
    return gift.currency if dimension is cuts.Dimension.CURRENCY else gift.labels[dimension]


def _expected(gifts: list[Gift], *dimensions: cuts.Dimension) -> Counter[tuple[str, ...]]:
    sums: Counter[tuple[str, ...]] = Counter()
    for gift in gifts:
        for component, amount in gift.amounts.items():
            labels = [_label(gift, component, each) for each in dimensions]
            sums[(*labels, gift.currency)] += amount
    return sums


def _shown(report: consolidated.Report) -> Counter[tuple[str, ...]]:
    return Counter(
        {
            (*(key.label for key in row.keys), row.amount.currency): row.amount.amount_minor
            for row in report.slices
        }
    )


@hypothesis.given(told=charges, corrected=corrections)
@hypothesis.settings(
    max_examples=5, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_every_cut_and_pair_is_what_was_charged(
    company: access.Actor,
    told: list[tuple[int, Component, int]],
    corrected: list[tuple[int, str]],
) -> None:
    with transaction.atomic():
        gifts = _gifts()
        for index, component, amount in told:
            gift = gifts[index]
            sends.make_cost_line(gift.row, amount, component=component, currency=gift.currency)
            gift.amounts[component] = amount
        for index, seller in corrected:
            models.Send.objects.filter(id=gifts[index].row.pk).update(sender_reference=seller)
            gifts[index].labels[cuts.Dimension.PERSON] = seller or cuts.NONE_LABEL

        total = _expected(gifts)
        for cut, then in itertools.product(cuts.Dimension, [None, *cuts.Dimension]):
            if cut is then:
                continue
            report = consolidated.get(actor=company, cut=cut, then=then)
            expected = _expected(gifts, *(each for each in (cut, then) if each))

            assert +_shown(report) == +expected, (cut, then)
            assert -_shown(report) == -expected, (cut, then)
            assert {each.currency: each.amount_minor for each in report.totals()} == {
                currency: amount for (currency,), amount in total.items()
            }
            if then is None:
                lines = consolidated.reconcile(actor=company, report=report)
                assert all(line.difference.amount_minor == 0 for line in lines)
        assert consolidated.differences(actor=company) == ()
        transaction.set_rollback(True)

"""The spend rollup equals the sum of cost lines in every cut, after any sequence of corrections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.db import models as db
from django.db import transaction
from hypothesis import strategies as st

from gifting import models
from gifting.models.sends import Component
from gifting.services import tenancy
from tests.factories import organizations, sends

pytestmark = pytest.mark.django_db

DIMENSIONS = (
    "fiscal_period_id",
    "campaign_id",
    "vendor_id",
    "cost_center_id",
    "component",
    "currency",
)
SENDS = 3

amounts = st.integers(-(10**12), 10**12)
operations = st.lists(
    st.tuples(st.integers(0, SENDS - 1), st.sampled_from(Component), amounts, st.booleans()),
    max_size=12,
)


@pytest.fixture
def gifts() -> Iterator[list[models.Send]]:
    with tenancy.organization(organizations.make_organization().id):
        campaign = sends.make_campaign()
        vendor = sends.make_vendor()
        yield [sends.make_send(campaign=campaign, vendor=vendor) for _ in range(SENDS)]


@hypothesis.given(told=operations)
@hypothesis.settings(
    max_examples=40, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_the_rollup_is_the_sum_of_the_lines(
    gifts: list[models.Send], told: list[tuple[int, Component, int, bool]]
) -> None:
    expected: dict[tuple[int, Component], int] = {}

    with transaction.atomic():
        for index, component, amount_minor, is_undone in told:
            _tell(gifts[index], component, amount_minor, is_undone=is_undone)
            if not is_undone:
                expected[index, component] = amount_minor

        assert _cut(models.SpendRollup, "amount_minor") == _cut(models.CostLine, "change_minor")
        assert _total("amount_minor") == sum(expected.values())
        transaction.set_rollback(True)


def _tell(gift: models.Send, component: Component, amount_minor: int, *, is_undone: bool) -> None:
    """Tell a cost; an undone one is rolled back and must leave no trace in the rollup."""
    with transaction.atomic():
        sends.make_cost_line(gift, amount_minor, component=component)
        transaction.set_rollback(is_undone)


def _cut(model: type[db.Model], amount: str) -> dict[tuple[Any, ...], int]:
    rows = model._default_manager.values_list(*DIMENSIONS).annotate(total=db.Sum(amount))
    return {tuple(row[:-1]): int(row[-1]) for row in rows}


def _total(amount: str) -> int:
    total = models.SpendRollup.objects.aggregate(total=db.Sum(amount))["total"]
    return int(total or 0)

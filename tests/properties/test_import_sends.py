"""However sends are told, and told again: spend is what was told last, and twice is once."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.db import models as db
from django.db import transaction
from hypothesis import strategies as st

from gifting.domain import lifecycle
from gifting.models import CostLine, Send, SendEvent, SpendRollup
from gifting.services import tenancy
from integrations.domain import fields
from tests.factories import files, organizations

pytestmark = pytest.mark.django_db

KIND = fields.Kind.SENDS
COMPONENTS = ("ITEM", "SHIPPING")

Row = tuple[str, str, str, str, str, str, str, str, str]

rows = st.tuples(
    st.sampled_from(["S1", "S2", "S3"]),
    st.sampled_from(["A", "B"]),
    st.sampled_from(["", "X"]),
    st.sampled_from(
        ["", "Sent", "Opened", "Shipped", "Delivered", "Declined", "Canceled", "Refunded"]
    ),
    st.sampled_from(["", "2024-01-31", "2024-02-01"]),
    st.sampled_from(["", "2024-02-01", "2024-02-02"]),
    st.sampled_from(["", "0", "1", "2.50"]),
    st.sampled_from(["", "3"]),
    st.sampled_from(["ESTIMATED", "ACTUAL"]),
)
tables = st.lists(st.lists(rows, max_size=5), min_size=1, max_size=4)


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@hypothesis.given(told=tables)
@hypothesis.settings(
    max_examples=20, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_spend_is_what_was_told_last(told: list[list[Row]]) -> None:
    campaigns: dict[str, str] = {}
    costs: dict[tuple[str, str], int] = {}

    with transaction.atomic(), tempfile.TemporaryDirectory() as folder:
        for table in told:
            text = "".join(map(_line, table))
            report = files.import_rows(KIND, text, folder=Path(folder))
            again = files.import_rows(KIND, text, folder=Path(folder))

            rejected = {row.line for row in report.rejections}
            for line, row in enumerate(table, start=2):
                if line not in rejected:
                    campaigns[row[0]] = row[1]
                    costs |= _told_costs(row)
            assert report.read == len(table) == again.unchanged + again.rejected
            assert again.rejections == report.rejections

        assert dict(Send.objects.values_list("external_id", "campaign__code")) == campaigns
        assert _spend(CostLine, "change_minor") == _spend(SpendRollup, "amount_minor")
        assert _spend(SpendRollup, "amount_minor") == _expected(campaigns, costs)
        assert _states_follow()
        transaction.set_rollback(True)


def _line(row: Row) -> str:
    key, campaign, center, status, sent, delivered, item, shipping, basis = row
    return (
        f"{key},{campaign},{center},,,,,,,ACME,,,{status},{sent},{delivered},{item},{shipping},"
        f"{basis}\n"
    )


def _told_costs(row: Row) -> dict[tuple[str, str], int]:
    amounts = {"ITEM": row[6], "SHIPPING": row[7]}
    return {
        (row[0], component): round(float(amount) * 100)
        for component, amount in amounts.items()
        if amount
    }


def _expected(
    campaigns: dict[str, str], costs: dict[tuple[str, str], int]
) -> Counter[tuple[str, str]]:
    expected: Counter[tuple[str, str]] = Counter()
    for (send, component), amount in costs.items():
        expected[campaigns[send], component] += amount
    return +expected


def _spend(model: type[db.Model], amount: str) -> Counter[tuple[str, str]]:
    rows = model._default_manager.values_list("campaign__code", "component")
    return +Counter({row[:2]: row[2] for row in rows.annotate(total=db.Sum(amount))})


def _states_follow() -> bool:
    """Say whether each send's events are a legal path that ends in its state."""
    for send in Send.objects.all():
        path = list(SendEvent.objects.filter(send=send).order_by("number").values_list("to_state"))
        states = [lifecycle.State(state) for (state,) in path]
        pairs = itertools.pairwise(states)
        if states[-1] != send.state or any(
            after not in lifecycle.TRANSITIONS[before] for before, after in pairs
        ):
            return False
    return True

"""Costs are told in versions without a gap, and their rollup is their sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db import models as db

from gifting import models
from gifting.services import tenancy
from tests.factories import organizations, sends

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _inside() -> Iterator[None]:
    with tenancy.organization(organizations.make_organization().id):
        yield


@pytest.fixture
def line() -> models.CostLine:
    return sends.make_cost_line(sends.make_send(), 40_00)


def test_a_corrected_cost_counts_once(line: models.CostLine) -> None:
    sends.make_cost_line(line.send, 55_00)
    sends.make_cost_line(line.send, 50_00)

    changes = list(models.CostLine.objects.order_by("version").values_list("change_minor"))

    assert changes == [(40_00,), (15_00,), (-5_00,)]
    assert _rollup() == {line.campaign_id: 50_00}


@pytest.mark.parametrize(
    ("made_up", "constraint"),
    [
        ({"version": 3}, "cost_line_versions_have_no_gap"),
        ({"version": 0}, "cost_line_first_version_is_the_change"),
        ({"version": 1}, "cost_line_first_version_is_the_change"),
        ({"version": 1, "change_minor": 60_00}, "cost_line_version_is_unique"),
        ({"change_minor": 1}, "cost_line_change_is_the_difference"),
        ({"change_minor": 60_00}, "cost_line_change_is_the_difference"),
        ({"currency": "EUR"}, "cost_line_change_is_the_difference"),
        ({"currency": "usd"}, "cost_line_change_is_the_difference"),
        ({"basis": "GUESSED"}, "cost_line_basis_is_known"),
        (
            {"component": "BRIBE", "version": 1, "change_minor": 60_00},
            "cost_line_component_is_known",
        ),
        ({"component": "TAX"}, "cost_line_versions_have_no_gap"),
        ({"component": "TAX", "version": 1}, "cost_line_first_version_is_the_change"),
        (
            {"component": "TAX", "version": 1, "change_minor": 60_00, "currency": "usd"},
            "cost_line_currency_is_iso",
        ),
    ],
)
def test_a_version_that_does_not_follow_is_refused(
    made_up: dict[str, Any], constraint: str, line: models.CostLine
) -> None:
    following = {"version": 2, "amount_minor": 60_00, "change_minor": 20_00, **made_up}

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        _add_after(line, **following)

    assert _constraint(caught.value) == constraint
    assert _rollup() == {line.campaign_id: 40_00}


@pytest.mark.parametrize("dimension", ["campaign", "vendor", "cost_center"])
def test_money_does_not_move_in_one_step(dimension: str, line: models.CostLine) -> None:
    makers: dict[str, Callable[[], db.Model]] = {
        "campaign": sends.make_campaign,
        "vendor": sends.make_vendor,
        "cost_center": organizations.make_cost_center,
    }
    elsewhere = makers[dimension]()

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        _add_after(line, version=2, amount_minor=40_00, change_minor=0, **{dimension: elsewhere})

    assert _constraint(caught.value) == "cost_line_moves_empty"
    assert _rollup() == {line.campaign_id: 40_00}


def test_money_moves_by_taking_it_back_first(line: models.CostLine) -> None:
    elsewhere = sends.make_campaign()
    _add_after(line, version=2, amount_minor=0, change_minor=-40_00)
    _add_after(line, version=3, amount_minor=40_00, change_minor=40_00, campaign=elsewhere)

    assert _rollup() == {line.campaign_id: 0, elsewhere.pk: 40_00}


def test_a_sum_beyond_64_bits_is_refused_whole(line: models.CostLine) -> None:
    another = sends.make_send(campaign=line.campaign, vendor=line.vendor)

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        sends.make_cost_line(another, 2**63 - 1)

    assert "out of range" in str(caught.value)
    assert _rollup() == {line.campaign_id: 40_00}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gifting_spendrollup SET amount_minor = 0",
        "DELETE FROM gifting_spendrollup",
        "TRUNCATE gifting_spendrollup",
        (
            "INSERT INTO gifting_spendrollup (organization_id, fiscal_period_id, campaign_id,"
            " vendor_id, cost_center_id, component, currency, amount_minor)"
            " SELECT organization_id, fiscal_period_id, campaign_id, vendor_id, cost_center_id,"
            " 'TAX', currency, 1 FROM gifting_spendrollup"
        ),
    ],
)
def test_the_rollup_is_not_written_by_hand(statement: str, line: models.CostLine) -> None:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        _sql(statement)

    assert "permission denied" in str(caught.value)
    assert _rollup() == {line.campaign_id: 40_00}


def test_the_summing_function_cannot_be_hung_on_a_table_of_ones_own(
    line: models.CostLine,
) -> None:
    _sql("CREATE TEMPORARY TABLE forged (LIKE gifting_costline)")

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        _sql(
            "CREATE TRIGGER forged AFTER INSERT ON pg_temp.forged REFERENCING NEW TABLE AS added"
            " FOR EACH STATEMENT EXECUTE FUNCTION roll_up_costs()"
        )

    assert "permission denied for function roll_up_costs" in str(caught.value)


def test_a_temporary_table_does_not_stand_in_for_the_version_before(
    line: models.CostLine,
) -> None:
    _sql("CREATE TEMPORARY TABLE gifting_costline AS SELECT * FROM public.gifting_costline")
    _sql("UPDATE pg_temp.gifting_costline SET amount_minor = 0")

    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        _sql(
            "INSERT INTO public.gifting_costline (organization_id, send_id, component, version,"
            " basis, amount_minor, change_minor, currency, occurred_on, fiscal_period_id,"
            " campaign_id, vendor_id, cost_center_id)"
            " SELECT organization_id, send_id, component, 2, basis, 60, 60, currency,"
            " occurred_on, fiscal_period_id, campaign_id, vendor_id, cost_center_id"
            " FROM public.gifting_costline"
        )

    assert _constraint(caught.value) == "cost_line_change_is_the_difference"


def _add_after(line: models.CostLine, **values: Any) -> models.CostLine:
    same = (
        "organization_id",
        "send_id",
        "component",
        "basis",
        "currency",
        "occurred_on",
        "fiscal_period_id",
    )
    linked = {name: getattr(line, name) for name in ("campaign", "vendor", "cost_center")}
    kept = {name: getattr(line, name) for name in same}
    return models.CostLine.objects.create(**{**kept, **linked, **values})


def _rollup() -> dict[int, int]:
    return dict(models.SpendRollup.objects.values_list("campaign_id", "amount_minor"))


def _constraint(refused: DatabaseError) -> str | None:
    cause: Any = refused.__cause__
    name: str | None = cause.diag.constraint_name
    return name


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)

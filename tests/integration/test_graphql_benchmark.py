"""The benchmark of the API measures what it says: three ways to the same rows."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from django.urls import path

from tests.benchmarks import graphql, stock_graphql

SENDS = 240


@pytest.fixture
def company(committed_db: None) -> graphql.Company:
    return graphql._seed(SENDS)


def answer(company: graphql.Company, view: Any, query: str) -> Any:
    with override_settings(ROOT_URLCONF=(path("x/", view),)):
        body = orjson.dumps({"query": query})
        return orjson.loads(graphql._send(get_wsgi_application(), company, "x", body))


def test_all_three_show_the_same_rows(company: graphql.Company) -> None:
    ours = answer(company, graphql._ours(), graphql.PAGE)["data"]["sends"]["edges"]
    stock = answer(company, stock_graphql.view, stock_graphql.QUERIES["page"])
    raw = answer(company, graphql._raw("page"), "")

    external_ids = [edge["node"]["externalId"] for edge in ours]
    assert external_ids == [f"send-{number}" for number in range(SENDS, 0, -1)]
    assert [row["external_id"] for row in raw] == external_ids
    assert sorted(edge["node"]["externalId"] for edge in stock["data"]["sends"]["edges"]) == sorted(
        external_ids
    )
    assert {edge["node"]["state"] for edge in ours} == {"DELIVERED"}


def test_all_three_find_the_same_spend(company: graphql.Company) -> None:
    ours = answer(company, graphql._ours(), graphql.AGGREGATE)["data"]["spend"]
    stock = answer(company, stock_graphql.view, stock_graphql.QUERIES["aggregate"])
    raw = answer(company, graphql._raw("aggregate"), "")

    expected = SENDS * (50_00 + 9_00)
    assert ours["total"]["amountMinor"] == expected
    assert stock["data"]["spend"]["total"]["amountMinor"] == expected
    assert raw["total"] == expected
    assert len(ours["slices"]) == len(raw["slices"]) == graphql.CAMPAIGNS


def test_every_shape_is_measured_for_every_contender(company: graphql.Company) -> None:
    figures = graphql._measured(company, 1)

    assert set(figures) == {"aggregate", "nested", "page"}
    for figure in figures.values():
        assert set(figure) == {
            "ours",
            "stock",
            "raw",
            "empty",
            "stock_over_ours",
            "ours_over_raw",
        }
        assert min(figure.values()) > 0

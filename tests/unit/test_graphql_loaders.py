"""A loader fetches what was announced with one query, and nothing that nobody asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest
from django.http import HttpRequest

from gifting.domain import access
from gifting.graphql import context
from gifting.services import access as memberships

NOON = dt.datetime(2026, 2, 28, 12, tzinfo=dt.UTC)
ACTOR = access.Actor.system(organization_id=UUID(int=1))


class NameById(context.Loader[int, str]):
    """Name odd numbers, and remember how often it was asked."""

    absent = "nobody"

    def __init__(self, request_context: context.Context) -> None:
        super().__init__(request_context)
        self.batches: list[list[int]] = []

    def fetch(self, keys: Sequence[int]) -> Mapping[int, str]:
        self.batches.append(list(keys))
        return {key: f"name {key}" for key in keys if key % 2}


@pytest.fixture
def request_context() -> context.Context:
    return context.Context(request=HttpRequest(), caller=ACTOR, at=NOON)


def test_the_first_load_fetches_all_that_was_announced(request_context: context.Context) -> None:
    names = request_context.loader(NameById)
    names.announce([1, 2, 3])

    loaded = [names.load(key) for key in (2, 1, 3, 1)]

    assert loaded == ["nobody", "name 1", "name 3", "name 1"]
    assert names.batches == [[2, 1, 3]]


def test_what_nobody_loads_is_not_fetched(request_context: context.Context) -> None:
    names = request_context.loader(NameById)

    names.announce(range(10))

    assert names.batches == []


def test_a_known_key_is_not_fetched_again(request_context: context.Context) -> None:
    names = request_context.loader(NameById)
    names.load(1)
    names.announce([1, 3])

    names.load(3)

    assert names.batches == [[1], [3]]


def test_a_batch_is_bounded(request_context: context.Context) -> None:
    names = request_context.loader(NameById)
    names.announce(range(2_500))

    for key in range(2_500):
        names.load(key)

    assert [len(batch) for batch in names.batches] == [1_000, 1_000, 500]


def test_a_request_has_one_loader_of_a_kind(request_context: context.Context) -> None:
    names = request_context.loader(NameById)

    assert request_context.loader(NameById) is names
    assert names.context is request_context


def test_nobody_is_no_actor() -> None:
    nobody = context.Context(request=HttpRequest(), caller=None, at=NOON)

    with pytest.raises(memberships.Unauthenticated):
        _ = nobody.actor

"""Refusals: what a caller can rely on."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
import re
from collections import Counter

import pytest

import attribution.domain
import gifting.domain
from gifting.domain import refusals


def all_refusals() -> list[type[refusals.Refusal]]:
    """Load every module of the domain floors, then walk the tree."""
    for package in (gifting.domain, attribution.domain):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found: list[type[refusals.Refusal]] = []
    unvisited: list[type[refusals.Refusal]] = [refusals.Refusal]
    while unvisited:
        leaf = unvisited.pop()
        found.append(leaf)
        unvisited.extend(leaf.__subclasses__())
    return [leaf for leaf in found if ".domain." in leaf.__module__]


def test_every_code_is_upper_snake_and_belongs_to_one_refusal() -> None:
    codes = [refusal.code for refusal in all_refusals()]

    assert len(codes) > 5
    assert [code for code in codes if not re.fullmatch(r"[A-Z]+(_[A-Z0-9]+)*", code)] == []
    assert [code for code, uses in Counter(codes).items() if uses > 1] == []


def test_every_refusal_belongs_to_one_of_the_four_families() -> None:
    families = (refusals.Invalid, refusals.Forbidden, refusals.NotFound, refusals.Conflict)

    strays = [refusal for refusal in all_refusals() if not issubclass(refusal, families)]

    assert strays == [refusals.Refusal]


def test_a_refusal_carries_its_message_and_the_field_at_fault() -> None:
    refusal = refusals.Conflict("The period FY2027 P03 is closed.", field="occurred_at")

    assert str(refusal) == "The period FY2027 P03 is closed."
    assert refusal.message == "The period FY2027 P03 is closed."
    assert refusal.field == "occurred_at"
    assert refusal.code == "CONFLICT"


def test_a_refusal_names_no_field_unless_one_is_at_fault() -> None:
    assert refusals.Forbidden("No.").field is None


@pytest.mark.parametrize("family", [refusals.Invalid, refusals.NotFound])
def test_a_refusal_survives_the_way_through_a_worker_process(
    family: type[refusals.Refusal],
) -> None:
    refusal = family("There is no budget 7.", field="budget")

    returned = pickle.loads(pickle.dumps(refusal))

    assert type(returned) is family
    assert (returned.message, returned.field) == ("There is no budget 7.", "budget")

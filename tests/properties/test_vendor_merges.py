"""Vendors merged and unmerged: every total comes back, and the total never moves (invariant 26)."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict

import hypothesis
import pytest
from django.db import transaction
from hypothesis import strategies as st

from gifting import models
from gifting.domain import refusals
from gifting.selectors import purchasing
from gifting.selectors import vendors as vendor_records
from gifting.services import tenancy
from tests.factories import ledger, organizations, procurement, sends

pytestmark = pytest.mark.django_db

VENDORS = 5
WINDOW = purchasing.Window("USD", ledger.DAY, ledger.DAY + dt.timedelta(days=1))
pairs = st.lists(st.tuples(st.integers(0, VENDORS - 1), st.integers(0, VENDORS - 1)), max_size=8)


class Retelling:
    """Know merges as a plain dictionary from a vendor to the one that it is."""

    def __init__(self) -> None:
        self.into: dict[int, int] = {}

    def entity(self, vendor: int) -> int:
        while vendor in self.into:
            vendor = self.into[vendor]
        return vendor

    def may_merge(self, vendor: int, into: int) -> bool:
        return vendor not in self.into and self.entity(into) != vendor


@hypothesis.settings(max_examples=4)
@hypothesis.given(
    st.lists(st.integers(1, 999), min_size=VENDORS, max_size=VENDORS),
    pairs,
    st.randoms(use_true_random=False),
)
def test_merges_move_names_and_never_a_total(
    amounts: list[int], wanted: list[tuple[int, int]], chance: random.Random
) -> None:
    with transaction.atomic():
        with tenancy.organization(organizations.make_organization().id):
            found = [sends.make_vendor(name=f"Shop {n}") for n in range(VENDORS)]
            for shop, amount in zip(found, amounts, strict=True):
                row = procurement.make_outside(amount)
                models.OutsideSpend.objects.filter(pk=row.pk).update(vendor_id=shop.pk)
            before = _by_entity()
            retelling = Retelling()
            merges = []
            for vendor, into in wanted:
                if retelling.may_merge(vendor, into):
                    merges.append((vendor, procurement.merge(found[vendor], found[into])))
                    retelling.into[vendor] = into
                else:
                    with pytest.raises(refusals.Conflict):
                        procurement.merge(found[vendor], found[into])
                _assert_told(retelling, found, amounts)
            chance.shuffle(merges)
            for vendor, event in merges:
                procurement.unmerge(event)
                del retelling.into[vendor]
                _assert_told(retelling, found, amounts)
            after = _by_entity()
        transaction.set_rollback(True)

    assert after == before


def _assert_told(retelling: Retelling, found: list[models.Vendor], amounts: list[int]) -> None:
    expected: dict[int | None, int] = defaultdict(int)
    for number, amount in enumerate(amounts):
        expected[found[retelling.entity(number)].pk] += amount
    told = _by_entity()
    entities = vendor_records.entities(actor=ledger.actor())

    assert told == dict(expected)
    assert sum(told.values()) == sum(amounts)
    assert entities == {vendor.pk: found[retelling.entity(n)].pk for n, vendor in enumerate(found)}


def _by_entity() -> dict[int | None, int]:
    bought = purchasing.purchases(actor=ledger.actor(), window=WINDOW)
    return {each.entity_id: each.amount_minor for each in purchasing.by_entity(bought)}

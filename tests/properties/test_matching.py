"""Matching follows from the papers, not from their order, and exceeds none of them (invariant 22).

The oracle counts units one by one: it lays every unit that was received and invoiced into a list.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import hypothesis
import pytest
from django.db import connection, transaction
from hypothesis import strategies as st

from gifting import models
from gifting.domain import documents, matching
from gifting.domain.matching import Invoiced, Ordered, Outcome, Received, Tolerance
from gifting.services import tenancy
from tests.factories import ledger, organizations, procurement

units = st.integers(1, 12)
tolerances = st.builds(
    Tolerance,
    st.integers(0, 3_000),
    st.integers(0, 400),
    st.integers(0, 3_000),
    st.integers(0, 4),
)
ordered = st.builds(Ordered, st.integers(1, 30), st.integers(0, 500))


@st.composite
def papers(draw: st.DrawFn) -> tuple[Ordered, list[Received], list[Invoiced]]:
    line = draw(ordered)
    receipts = [
        Received(n, (draw(st.integers(1, 3)), n), draw(units))
        for n in range(draw(st.integers(0, 5)))
    ]
    invoices = [
        Invoiced(
            n,
            (draw(st.integers(1, 3)), n),
            (quantity := draw(units)),
            max(0, quantity * line.unit_price_minor + draw(st.integers(-300, 300))),
            draw(tolerances),
        )
        for n in range(draw(st.integers(0, 5)))
    ]
    return line, receipts, invoices


def _oracle(
    line: Ordered, receipts: Sequence[Received], invoices: Sequence[Invoiced]
) -> dict[int, tuple[Outcome, dict[int, int]]]:
    """Judge each invoice line by counting single units."""
    arrived = [
        each.id for each in sorted(receipts, key=lambda r: r.key) for _ in range(each.quantity)
    ]
    told: dict[int, tuple[Outcome, dict[int, int]]] = {}
    place = 0
    for each in sorted(invoices, key=lambda i: i.key):
        met: dict[int, int] = {}
        for _ in range(each.quantity):
            if place < line.quantity and place < len(arrived):
                met[arrived[place]] = met.get(arrived[place], 0) + 1
            place += 1
        over = max(0, place - min(line.quantity, len(arrived)))
        off = each.net_minor - each.quantity * line.unit_price_minor
        limit = each.tolerance
        most_units = min(
            line.quantity * limit.quantity_basis_points // 10_000, limit.quantity_absolute
        )
        most_money = min(
            each.quantity * line.unit_price_minor * limit.price_basis_points // 10_000,
            limit.price_absolute_minor,
        )
        if not arrived:
            outcome = Outcome.NO_RECEIPT
        elif over > most_units:
            outcome = Outcome.QTY_VARIANCE
        elif abs(off) > most_money:
            outcome = Outcome.PRICE_VARIANCE
        else:
            outcome = Outcome.WITHIN_TOLERANCE if over or off else Outcome.MATCHED
        told[each.id] = outcome, met
    return told


@hypothesis.given(papers(), st.randoms(use_true_random=False))
def test_a_match_is_what_counting_units_says_in_any_order(
    given: tuple[Ordered, list[Received], list[Invoiced]], chance: random.Random
) -> None:
    line, receipts, invoices = given
    chance.shuffle(receipts)
    chance.shuffle(invoices)

    verdicts = matching.match(line, receipts, invoices)

    told = {
        each.invoiced_id: (each.outcome, {p.receipt_id: p.quantity for p in each.pieces})
        for each in verdicts
    }
    assert told == _oracle(line, receipts, invoices)


@hypothesis.given(papers())
def test_what_is_matched_exceeds_no_leg(
    given: tuple[Ordered, list[Received], list[Invoiced]],
) -> None:
    line, receipts, invoices = given

    verdicts = matching.match(line, receipts, invoices)

    pieces = [piece for verdict in verdicts for piece in verdict.pieces]
    assert sum(p.quantity for p in pieces) <= line.quantity
    assert sum(p.amount_minor for p in pieces) <= line.quantity * line.unit_price_minor
    for receipt in receipts:
        mine = [p for p in pieces if p.receipt_id == receipt.id]
        assert sum(p.quantity for p in mine) <= receipt.quantity
        assert sum(p.amount_minor for p in mine) <= receipt.quantity * line.unit_price_minor
    by_id = {each.id: each for each in invoices}
    for verdict in verdicts:
        billed = by_id[verdict.invoiced_id]
        assert sum(p.quantity for p in verdict.pieces) <= billed.quantity
        assert sum(p.amount_minor for p in verdict.pieces) <= billed.net_minor


@pytest.mark.django_db
@hypothesis.settings(max_examples=3)
@hypothesis.given(
    st.lists(st.tuples(st.just("receive"), st.integers(1, 6), st.just(0)), max_size=3),
    st.lists(
        st.tuples(st.just("invoice"), st.integers(1, 6), st.integers(-60, 60)),
        min_size=1,
        max_size=3,
    ),
    st.randoms(use_true_random=False),
)
def test_papers_in_any_order_leave_the_same_match_and_the_same_money(
    receipts: list[tuple[str, int, int]],
    invoices: list[tuple[str, int, int]],
    chance: random.Random,
) -> None:
    """Ten at 1.00 and 0.30 of tax; each paper has its own number, whenever it comes in."""
    numbered = list(enumerate([*receipts, *invoices]))
    shuffled = numbered[:]
    chance.shuffle(shuffled)
    with transaction.atomic():
        with tenancy.organization(organizations.make_organization().id):
            forward, any_order = _entered(numbered), _entered(shuffled)
        transaction.set_rollback(True)

    assert any_order == forward


def _entered(sequence: Sequence[tuple[int, tuple[str, int, int]]]) -> object:
    """Enter the papers of one order and return what is matched and what the budget holds."""
    budget = ledger.make_budget(10_000)
    order = procurement.make_order(procurement.order_of(10, 100, budget=budget, tax_minor=30))
    line = order.lines.get()
    for number, (kind, quantity, off) in sequence:
        if kind == "receive":
            procurement.receive(line, quantity, source_id=f"{order.pk}-{number}")
        else:
            net = max(0, quantity * 100 + off)
            procurement.take(
                procurement.invoice_of(line, quantity, net, tax_minor=3 * quantity),
                number=f"INV-{number}",
            )
    last = models.Match.objects.filter(order_line=line).order_by("-run").values("run")[:1]
    rows = models.Match.objects.filter(order_line=line, run__in=last)
    told = sorted(
        (row.invoice_line.invoice.number, row.outcome, row.quantity, row.amount_minor)
        for row in rows.select_related("invoice_line__invoice")
    )
    still_open = sorted(
        models.MatchException.objects.filter(
            invoice_line__order_line=line, resolved_at=None
        ).values_list("invoice__number", "outcome")
    )
    held = ledger.balances(budget)
    return told, still_open, held


@pytest.mark.django_db
@hypothesis.settings(max_examples=30)
@hypothesis.given(
    st.text(
        st.characters(exclude_characters="\0", exclude_categories=("Cs", "Cn", "Co")), max_size=20
    )
    | st.text("aB0 1-./\u2013\u00a0", max_size=12)
)
def test_postgresql_computes_the_same_keys_of_a_number(number: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT document_number_key(%s), document_number_parts(%s)", [number] * 2)
        keys = cursor.fetchone()

    assert keys == (documents.number_key(number), documents.number_parts(number))

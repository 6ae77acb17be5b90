"""Lowering an amount never adds an approver, raising one never removes any, for any matrix."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gifting.domain import access, approvals, money, recipients

APPROVERS = [
    approvals.Approver(approvals.ApproverKind.ROLE, role=access.Role.FINANCE),
    approvals.Approver(approvals.ApproverKind.ROLE, role=access.Role.APPROVER),
    approvals.Approver(approvals.ApproverKind.PERSON, user_id=7),
    approvals.Approver(approvals.ApproverKind.COST_CENTER_OWNER),
]
CLASSES = list(recipients.RecipientClass)[:4]
AMOUNTS = st.integers(0, 1_000)


@st.composite
def bands(draw: st.DrawFn) -> approvals.Band:
    return approvals.Band(
        number=draw(st.integers(1, 50)),
        approver=draw(st.sampled_from(APPROVERS)),
        count=draw(st.integers(1, 3)),
        amount_at_least_minor=draw(AMOUNTS),
        recipient_classes=draw(st.frozensets(st.sampled_from(CLASSES), max_size=2)),
        countries=draw(st.frozensets(st.sampled_from(["US", "DE"]), max_size=1)),
        left_below_percent=draw(st.none() | st.integers(0, 100)),
        left_below_minor=draw(st.none() | AMOUNTS),
        ratio_above_basis_points=draw(st.none() | st.integers(0, 10_000)),
        counts_unknown=draw(st.booleans()),
        when_rule_asks=draw(st.booleans()),
    )


@st.composite
def cases(draw: st.DrawFn) -> approvals.Facts:
    return approvals.Facts(
        amount=money.Money(draw(AMOUNTS), "USD"),
        recipient_class=draw(st.sampled_from(CLASSES)),
        country=draw(st.sampled_from(["US", "DE", "FR", ""])),
        available_minor=draw(st.none() | st.integers(-500, 2_000)),
        revised_minor=draw(st.none() | st.integers(0, 2_000)),
        opportunity_minor=draw(st.none() | st.integers(0, 20_000)),
        rules=draw(st.sampled_from([(), ("OFFICIAL-ANY",)])),
    )


@settings(max_examples=120)
@given(
    matrix=st.lists(bands(), max_size=6).map(tuple),
    facts=cases(),
    other=AMOUNTS,
)
def test_more_money_never_needs_fewer_approvers(
    matrix: tuple[approvals.Band, ...], facts: approvals.Facts, other: int
) -> None:
    policy = approvals.Policy(version=1, currency="USD", bands=matrix)
    small, large = sorted([facts.amount.amount_minor, other])

    of_small = needed(policy, replace(facts, amount=money.Money(small, "USD")))
    of_large = needed(policy, replace(facts, amount=money.Money(large, "USD")))

    assert all(of_large.get(approver, 0) >= count for approver, count in of_small.items())


@settings(max_examples=120)
@given(matrix=st.lists(bands(), max_size=6).map(tuple), facts=cases())
def test_the_steps_are_those_of_the_bands_that_hold(
    matrix: tuple[approvals.Band, ...], facts: approvals.Facts
) -> None:
    """The oracle reads the words of each condition with fractions, one band at a time."""
    policy = approvals.Policy(version=1, currency="USD", bands=matrix)
    expected: dict[approvals.Approver, int] = {}
    for band in matrix:
        if holds(band, facts):
            expected[band.approver] = max(band.count, expected.get(band.approver, 0))

    found = needed(policy, facts)

    extra = {approvals.RULE_APPROVER: 1} if facts.rules else {}
    assert found in (expected, {**extra, **expected})
    assert not facts.rules or set(found)


def needed(policy: approvals.Policy, facts: approvals.Facts) -> dict[approvals.Approver, int]:
    return {step.approver: step.count for step in approvals.decide(policy, facts).steps}


def holds(band: approvals.Band, facts: approvals.Facts) -> bool:
    amount = facts.amount.amount_minor
    left = None if facts.available_minor is None else facts.available_minor - amount
    share = left / facts.revised_minor * 100 if left is not None and facts.revised_minor else None
    ratio = amount / facts.opportunity_minor * 10_000 if facts.opportunity_minor else None
    conditions = [
        amount >= band.amount_at_least_minor,
        facts.recipient_class in (band.recipient_classes or CLASSES),
        not band.countries or facts.country in band.countries,
        bool(facts.rules) or not band.when_rule_asks,
        known_or(
            band,
            left,
            None if band.left_below_minor is None else below(left, band.left_below_minor),
        ),
        known_or(
            band,
            share,
            None if band.left_below_percent is None else below(share, band.left_below_percent),
        ),
        known_or(
            band,
            ratio,
            None
            if band.ratio_above_basis_points is None
            else ratio is not None and ratio > band.ratio_above_basis_points + 1e-9,
        ),
    ]
    return all(conditions)


def below(value: float | None, limit: int) -> bool:
    return value is not None and value < limit - 1e-9


def known_or(band: approvals.Band, value: float | None, outcome: object) -> bool:
    if outcome is None:
        return True
    return band.counts_unknown if value is None else bool(outcome)

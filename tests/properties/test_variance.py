"""The causes of any variance sum to it, to the minor unit."""

from __future__ import annotations

import hypothesis
from hypothesis import strategies as st

from gifting.domain import variance

amounts = st.integers(0, 10**12)
known = st.integers(-(10**9), 10**9)
lines = st.lists(
    st.builds(
        variance.Line,
        planned_minor=amounts,
        planned_quantity=st.integers(0, 10**6),
        actual_minor=st.integers(-(10**12), 10**12),
        actual_quantity=st.integers(0, 10**6),
        fx_minor=known,
        timing_minor=known,
    ),
    max_size=8,
)


@hypothesis.settings(max_examples=200)
@hypothesis.given(lines)
def test_causes_sum_exactly_to_the_variance(plan: list[variance.Line]) -> None:
    causes = variance.explain(plan)

    assert causes.total_minor == (
        causes.volume_minor
        + causes.mix_minor
        + causes.price_minor
        + causes.timing_minor
        + causes.fx_minor
    )
    assert causes.total_minor == sum(line.actual_minor - line.planned_minor for line in plan)


@hypothesis.given(lines.filter(bool), st.randoms())
def test_causes_do_not_depend_on_the_order(plan: list[variance.Line], random: object) -> None:
    shuffled = sorted(plan, key=lambda _: random.random())  # type: ignore[attr-defined]  # a Random

    assert variance.explain(shuffled) == variance.explain(plan)


def test_a_plan_kept_in_quantity_varies_by_price_alone() -> None:
    causes = variance.explain([variance.Line(100, 10, 130, 10), variance.Line(50, 5, 50, 5)])

    assert (causes.price_minor, causes.volume_minor, causes.mix_minor) == (30, 0, 0)

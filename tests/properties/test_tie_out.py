"""A tie-out loses no unit, and does not care in which order the lines come."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from gifting.domain import closes, tie_out

DAY = dt.date(2026, 3, 10)
NAMES = ["S1", "S2", "trb-000001", ""]
AMOUNTS = st.sampled_from([-700, -5, 5, 5, 12, 700, 705])


@st.composite
def gl_lines(draw: st.DrawFn) -> list[tie_out.GlLine]:
    drawn = draw(
        st.lists(
            st.tuples(AMOUNTS, st.sampled_from(NAMES), st.integers(0, 9), st.booleans()),
            max_size=12,
        )
    )
    return [
        tie_out.GlLine(
            id=number,
            dated_on=DAY + dt.timedelta(days=days),
            account="6420",
            amount_minor=amount,
            reference=name,
            memo="",
            is_foreign=is_foreign,
        )
        for number, (amount, name, days, is_foreign) in enumerate(drawn)
    ]


@st.composite
def our_lines(draw: st.DrawFn) -> list[tie_out.OurLine]:
    drawn = draw(
        st.lists(st.tuples(AMOUNTS, st.sampled_from(NAMES), st.integers(0, 9)), max_size=12)
    )
    return [
        tie_out.OurLine(
            id=(number, "SPEND"),
            dated_on=DAY + dt.timedelta(days=days),
            amount_minor=amount,
            keys=frozenset({tie_out.key(name)} - {""}),
        )
        for number, (amount, name, days) in enumerate(drawn)
    ]


@given(gl_lines(), our_lines())
@settings(max_examples=150, deadline=None)
def test_every_unit_of_every_line_is_matched_or_stands_alone(
    general: list[tie_out.GlLine], ours: list[tie_out.OurLine]
) -> None:
    found = tie_out.tie_out(general, ours)

    matched_gl: Counter[int] = Counter()
    matched_ours: Counter[tuple[int, str]] = Counter()
    for match in found.matches:
        matched_gl[match.gl_line] += match.amount_minor
        matched_ours[match.our_line] += match.amount_minor
    alone: defaultdict[object, int] = defaultdict(int)
    for single in found.singles:
        alone[single.gl_line if single.our_line is None else single.our_line] += single.amount_minor
    for line in general:
        assert matched_gl[line.id] + alone[line.id] == line.amount_minor
        assert abs(matched_gl[line.id]) <= abs(line.amount_minor)
    for our_line in ours:
        assert matched_ours[our_line.id] - alone[our_line.id] == our_line.amount_minor
        assert abs(matched_ours[our_line.id]) <= abs(our_line.amount_minor)
    gl_total = sum(line.amount_minor for line in general)
    ours_total = sum(line.amount_minor for line in ours)
    assert gl_total - ours_total == sum(single.amount_minor for single in found.singles)


@given(gl_lines(), our_lines(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_of_the_lines_does_not_matter(
    general: list[tie_out.GlLine], ours: list[tie_out.OurLine], dice: random.Random
) -> None:
    """A file with its lines in another order numbers them otherwise and says the same."""
    shuffled = dice.sample(general, len(general))
    renumbered = [dataclasses.replace(line, id=number) for number, line in enumerate(shuffled)]

    first = tie_out.tie_out(general, ours)
    second = tie_out.tie_out(renumbered, dice.sample(ours, len(ours)))

    assert _told(first, general) == _told(second, renumbered)


def test_lines_meet_by_reference_first_then_by_amount_within_days() -> None:
    """S1 by its reference though another has its amount; the rest by amount, the nearest day."""
    general = [_gl(1, 700, "S1", 0), _gl(2, 700, "unknown", 2), _gl(3, 700, "unknown", 9)]
    ours = [_ours(1, 700, "S1", 9), _ours(2, 700, "S2", 3)]

    found = tie_out.tie_out(general, ours)

    assert {(match.gl_line, match.our_line[0]) for match in found.matches} == {(1, 1), (2, 2)}
    (single,) = found.singles
    assert (single.gl_line, single.cause) == (3, closes.Cause.IN_GL_NOT_OURS)


def test_one_line_of_a_journal_is_many_of_ours_and_many_are_one() -> None:
    general = [_gl(1, 705, "TRB-000001", 0), _gl(2, 300, "S9", 0), _gl(3, 400, "S9", 0)]
    ours = [_ours(1, 700, "trb000001", 0), _ours(2, 5, "trb000001", 0), _ours(3, 700, "S9", 0)]

    found = tie_out.tie_out(general, ours)

    assert {(match.gl_line, match.our_line[0], match.amount_minor) for match in found.matches} == {
        (1, 1, 700),
        (1, 2, 5),
        (2, 3, 300),
        (3, 3, 400),
    }
    assert found.singles == ()


def test_a_small_difference_of_a_foreign_line_is_its_rate_and_a_large_one_is_not() -> None:
    near = tie_out.tie_out([_gl(1, 710, "S1", 0, is_foreign=True)], [_ours(1, 700, "S1", 0)])
    far = tie_out.tie_out([_gl(1, 900, "S1", 0, is_foreign=True)], [_ours(1, 700, "S1", 0)])
    home = tie_out.tie_out([_gl(1, 710, "S1", 0)], [_ours(1, 700, "S1", 0)])

    assert [(each.cause, each.amount_minor) for each in near.singles] == [
        (closes.Cause.FX_DIFFERENCE, 10)
    ]
    assert [each.cause for each in far.singles] == [closes.Cause.IN_GL_NOT_OURS]
    assert [bool(each.evidence) for each in home.singles] == [False]


def test_what_a_rate_alone_moved_has_its_cause() -> None:
    """Ours was converted at 7.00 and 0.10 of it is the rate's; theirs is 7.05."""
    converted = dataclasses.replace(_ours(1, 700, "S1", 0), is_foreign=True)
    moved = dataclasses.replace(_ours(2, 10, "S2", 0), is_rate=True)

    found = tie_out.tie_out([_gl(1, 705, "S1", 0)], [converted, moved])

    assert sorted((each.cause, each.amount_minor) for each in found.singles) == [
        (closes.Cause.FX_DIFFERENCE, -10),
        (closes.Cause.FX_DIFFERENCE, 5),
    ]


def test_a_line_of_a_neighboring_period_is_a_matter_of_timing() -> None:
    neighbors = {
        tie_out.neighbor("ours", "s1", 700): "FY2026 P02",
        tie_out.neighbor("gl", "s2", 12): "FY2026 P04",
    }

    found = tie_out.tie_out([_gl(1, 700, "S1", 0)], [_ours(1, 12, "S2", 0)], neighbors=neighbors)

    assert [(each.cause, each.amount_minor, each.evidence) for each in found.singles] == [
        (closes.Cause.TIMING, 700, "ours is in FY2026 P02"),
        (closes.Cause.TIMING, -12, "the general ledger has it in FY2026 P04"),
    ]


def _gl(
    number: int, amount: int, name: str, days: int, *, is_foreign: bool = False
) -> tie_out.GlLine:
    day = DAY + dt.timedelta(days=days)
    return tie_out.GlLine(number, day, "6420", amount, name, "", is_foreign)


def _ours(number: int, amount: int, name: str, days: int) -> tie_out.OurLine:
    day = DAY + dt.timedelta(days=days)
    return tie_out.OurLine((number, "SPEND"), day, amount, frozenset({tie_out.key(name)}))


def _told(found: tie_out.Result, general: list[tie_out.GlLine]) -> Counter[object]:
    """Say what was found without the numbers of the lines."""
    said = {line.id: dataclasses.replace(line, id=0) for line in general}
    return Counter(
        [(said[each.gl_line], each.our_line, each.amount_minor) for each in found.matches]
        + [
            (
                said[each.gl_line] if each.gl_line is not None else None,
                each.our_line,
                each.cause,
                each.amount_minor,
            )
            for each in found.singles
        ]
    )

"""Tie the general ledger to our own, line by line.

    general ledger - ours = sum of causes + unexplained, exactly

Lines meet by what they carry (a finance tag, a reference, a journal's number), the equal amounts
first; then by equal amount within a few days. What is left of a line stands alone: it is named by
evidence (the rate of a foreign currency, a neighboring period) or by a person, and until then is
unexplained. The result does not depend on the order of the lines: they are sorted by what they say.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gifting.domain import closes

WINDOW_DAYS: Final = 5
# A foreign amount may be booked at another rate, but not at any.
MOST_RATE_DIFFERENCE: Final = 10


@dataclass(frozen=True, slots=True)
class GlLine:
    """A line of the general ledger on an account of spend; debits are above zero."""

    id: int
    dated_on: dt.date
    account: str
    amount_minor: int
    reference: str
    memo: str
    is_foreign: bool = False


@dataclass(frozen=True, slots=True)
class OurLine:
    """A line of our spend; `keys` are what the general ledger may know it by."""

    id: tuple[int, str]
    dated_on: dt.date
    amount_minor: int
    keys: frozenset[str]
    is_foreign: bool = False
    # Moved by a rate alone: the general ledger has it in its own line, or not at all.
    is_rate: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    gl_line: int
    our_line: tuple[int, str]
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Single:
    """What is left of a line on one side; `amount_minor` is what it adds to the general ledger."""

    cause: closes.Cause
    gl_line: int | None
    our_line: tuple[int, str] | None
    amount_minor: int
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    matches: tuple[Match, ...]
    singles: tuple[Single, ...]


def key(text: str) -> str:
    """Return what two spellings of a reference have in common."""
    return re.sub(r"[^0-9a-z]", "", text.casefold())


def tie_out(
    gl_lines: Iterable[GlLine],
    our_lines: Iterable[OurLine],
    *,
    neighbors: Mapping[str, str] | None = None,
) -> Result:
    """Match the lines, and say of each that stands alone why, as far as there is evidence.

    `neighbors` names, by side, key and amount (see `neighbor`), lines of the periods beside.
    """
    work = _Work(
        sorted(gl_lines, key=_gl_order),
        sorted(our_lines, key=lambda line: (line.dated_on, line.amount_minor, line.id)),
    )
    work.match_by_key(whole=True)
    work.match_by_key(whole=False)
    work.match_by_amount()
    return work.result(neighbors or {})


def neighbor(side: str, name: str, amount_minor: int) -> str:
    """Name a line of a neighboring period: which side has it, its key and its amount."""
    return f"{side} {name} {amount_minor}"


class _Work:
    """What is left of each line while lines are matched."""

    def __init__(self, gl_lines: Sequence[GlLine], our_lines: Sequence[OurLine]) -> None:
        self.gl_lines = gl_lines
        self.our_lines = our_lines
        self.gl_left = {line.id: line.amount_minor for line in gl_lines}
        self.our_left = {line.id: line.amount_minor for line in our_lines}
        self.matched: dict[tuple[int, tuple[int, str]], int] = defaultdict(int)
        # Lines that were matched with one of another currency.
        self.foreign_of: set[int | tuple[int, str]] = set()
        self.by_key: dict[str, list[OurLine]] = defaultdict(list)
        for line in our_lines:
            for name in sorted(line.keys):
                self.by_key[name].append(line)

    def match_by_key(self, *, whole: bool) -> None:
        """Match lines that carry the same key: equal amounts, or whatever goes together."""
        for gl_line in self.gl_lines:
            for our_line in self._keyed(gl_line):
                left, ours = self.gl_left[gl_line.id], self.our_left[our_line.id]
                if left * ours > 0 and (not whole or left == ours):
                    self._take(gl_line, our_line, min(left, ours, key=abs))

    def match_by_amount(self) -> None:
        """Match whole lines of equal amounts, the nearest day first."""
        by_amount: dict[int, list[OurLine]] = defaultdict(list)
        for line in self.our_lines:
            if self.our_left[line.id] == line.amount_minor:
                by_amount[line.amount_minor].append(line)
        for gl_line in self.gl_lines:
            if self.gl_left[gl_line.id] != gl_line.amount_minor:
                continue
            near = [
                line
                for line in by_amount[gl_line.amount_minor]
                if self.our_left[line.id] and _days(gl_line, line) <= WINDOW_DAYS
            ]
            if near:
                nearest = min(near, key=lambda line: (_days(gl_line, line), line.id))
                self._take(gl_line, nearest, gl_line.amount_minor)

    def result(self, neighbors: Mapping[str, str]) -> Result:
        matches = tuple(
            Match(gl_line, our_line, amount) for (gl_line, our_line), amount in self.matched.items()
        )
        singles = [self._gl_single(line, neighbors) for line in self.gl_lines]
        singles += [self._our_single(line, neighbors) for line in self.our_lines]
        return Result(matches, tuple(single for single in singles if single is not None))

    def _keyed(self, line: GlLine) -> list[OurLine]:
        found = self.by_key.get(key(line.reference), []) if key(line.reference) else []
        return found or [
            ours for word in line.memo.split() for ours in self.by_key.get(key(word), ())
        ]

    def _take(self, gl_line: GlLine, our_line: OurLine, amount_minor: int) -> None:
        self.matched[gl_line.id, our_line.id] += amount_minor
        self.gl_left[gl_line.id] -= amount_minor
        self.our_left[our_line.id] -= amount_minor
        if gl_line.is_foreign or our_line.is_foreign:
            self.foreign_of |= {gl_line.id, our_line.id}

    def _gl_single(self, line: GlLine, neighbors: Mapping[str, str]) -> Single | None:
        left = self.gl_left[line.id]
        if not left:
            return None
        is_foreign = line.is_foreign or line.id in self.foreign_of
        if is_foreign and _is_within_rates(left, line.amount_minor):
            return Single(
                closes.Cause.FX_DIFFERENCE, line.id, None, left, "the line is of another currency"
            )
        beside = neighbors.get(neighbor("ours", key(line.reference), left))
        if beside and left == line.amount_minor:
            return Single(closes.Cause.TIMING, line.id, None, left, f"ours is in {beside}")
        return Single(closes.Cause.IN_GL_NOT_OURS, line.id, None, left)

    def _our_single(self, line: OurLine, neighbors: Mapping[str, str]) -> Single | None:
        left = self.our_left[line.id]
        if not left:
            return None
        if line.is_rate and left == line.amount_minor:
            return Single(closes.Cause.FX_DIFFERENCE, None, line.id, -left, "moved by a rate alone")
        is_foreign = line.is_foreign or line.id in self.foreign_of
        if is_foreign and _is_within_rates(left, line.amount_minor):
            return Single(
                closes.Cause.FX_DIFFERENCE, None, line.id, -left, "its line is of another currency"
            )
        beside = next(
            (
                neighbors[name]
                for name in (neighbor("gl", each, left) for each in sorted(line.keys))
                if name in neighbors
            ),
            None,
        )
        if beside and left == line.amount_minor:
            return Single(
                closes.Cause.TIMING, None, line.id, -left, f"the general ledger has it in {beside}"
            )
        return Single(closes.Cause.OURS_NOT_IN_GL, None, line.id, -left)


def _gl_order(line: GlLine) -> tuple[object, ...]:
    # Lines that say the same are interchangeable; the id only keeps them apart.
    return (line.dated_on, line.amount_minor, line.account, line.reference, line.memo, line.id)


def _days(gl_line: GlLine, our_line: OurLine) -> int:
    return abs((gl_line.dated_on - our_line.dated_on).days)


def _is_within_rates(left: int, whole: int) -> bool:
    return left != whole and abs(left) * 100 <= abs(whole) * MOST_RATE_DIFFERENCE

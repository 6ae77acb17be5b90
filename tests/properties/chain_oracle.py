"""Markov and Shapley in their slow and obvious form, in exact fractions.

The chain is a table of counts, solved by Gaussian elimination once with every channel and once
without each of them. The game lists every subset.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction

Path = tuple[int, ...]
State = tuple[int, ...]
START: State = ()


def moves(
    paths: Sequence[tuple[Path, bool]], order: int
) -> tuple[dict[State, Counter[State]], Counter[State], Counter[State]]:
    """Count moves between states, conversions and visits."""
    counts: dict[State, Counter[State]] = defaultdict(Counter)
    conversions: Counter[State] = Counter()
    visits: Counter[State] = Counter()
    for path, is_won in paths:
        if not path:
            continue
        state = START
        visits[state] += 1
        for place in range(len(path)):
            after = path[max(0, place - order + 1) : place + 1]
            counts[state][after] += 1
            state = after
            visits[state] += 1
        conversions[state] += is_won
    return counts, conversions, visits


def chance(
    counts: dict[State, Counter[State]],
    conversions: Counter[State],
    visits: Counter[State],
    removed: int | None,
) -> Fraction:
    """Solve for the chance of a conversion from the start; a removed channel leads to nothing."""
    states = [state for state in visits if removed is None or removed not in state]
    rows = [
        [
            *(
                Fraction(state == other) - Fraction(counts[state][other], visits[state])
                for other in states
            ),
            Fraction(conversions[state], visits[state]),
        ]
        for state in states
    ]
    return solve(rows)[states.index(START)]


def solve(rows: list[list[Fraction]]) -> list[Fraction]:
    size = len(rows)
    for column in range(size):
        pivot = next(row for row in range(column, size) if rows[row][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for row in range(size):
            factor = rows[row][column]
            if row != column and factor:
                rows[row] = [
                    value - factor * other
                    for value, other in zip(rows[row], rows[column], strict=True)
                ]
    return [row[-1] for row in rows]


def markov(paths: Sequence[tuple[Path, bool]], channels: int, order: int) -> list[Fraction]:
    counts, conversions, visits = moves(paths, order)
    if not any(conversions.values()):
        return [Fraction(0)] * channels
    whole = chance(counts, conversions, visits, None)
    effects = [1 - chance(counts, conversions, visits, each) / whole for each in range(channels)]
    return [effect / sum(effects) for effect in effects]


def shapley(paths: Sequence[tuple[Path, bool]], channels: int) -> list[Fraction]:
    """Give values, negative ones as they are; they add up to 1."""
    journeys = Counter(frozenset(path) for path, _ in paths if path)
    won = Counter(frozenset(path) for path, is_won in paths if path and is_won)
    total = sum(won.values())
    if not total:
        return [Fraction(0)] * channels

    def rate(members: frozenset[int]) -> Fraction:
        return Fraction(won[members], journeys[members]) if journeys[members] else Fraction(0)

    values = [Fraction(0)] * channels
    for whole in won:
        for each in whole:
            for size in range(len(whole)):
                weight = Fraction(
                    math.factorial(size) * math.factorial(len(whole) - size - 1),
                    math.factorial(len(whole)),
                )
                for others in itertools.combinations(sorted(whole - {each}), size):
                    gain = rate(frozenset(others) | {each}) - rate(frozenset(others))
                    values[each] += journeys[whole] * weight * gain / total
    return values

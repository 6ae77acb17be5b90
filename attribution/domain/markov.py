"""Markov removal effects: what share of the conversions would be lost without a channel.

A chain of order k moves between states made of the last k channels of a journey (fewer at its
beginning), from the start to a conversion or to nothing, with the frequencies that the journeys
show. With p the chance of a conversion, and p(c) the same when every state that ends in channel c
leads to nothing,

    effect(c) = 1 - p(c) / p,      share(c) = effect(c) / (sum of effects)

Source: Anderl, Becker, von Wangenheim and Schumann (2016), as in the R package ChannelAttribution,
whose results are simulated. Here the chain is solved: with F the expected visits and S the states
that end in c,

    effect(c) = F[start, S] * F[S, S]**-1 * p[S] / p

of which every term is positive, so that no digits cancel. All effects come from one inverse, of the
matrix of counts, which are exact in doubles. What is above MOST_STATES states is refused.

Each journey counts once, whatever its amount. Channels that follow themselves count as they stand:
at order 1 that changes nothing. Journeys without a touch say nothing about channels.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gifting.domain import refusals

MOST_STATES: Final = 4_096
HIGHEST_ORDER: Final = 3


class TooManyStates(refusals.Invalid):
    code = "TOO_MANY_STATES"


class OrderUnusable(refusals.Invalid):
    code = "ORDER_UNUSABLE"


def shares(
    channel: NDArray[np.int64],
    offsets: NDArray[np.int64],
    is_won: NDArray[np.bool_],
    *,
    channel_count: int,
    order: int = 1,
) -> NDArray[np.float64]:
    """Give each channel its share; journey i is channel[offsets[i]:offsets[i + 1]].

    The shares add up to 1, or are all 0 when no journey with a touch was won. Raises OrderUnusable
    and TooManyStates.
    """
    effects = removal_effects(channel, offsets, is_won, channel_count=channel_count, order=order)
    total = effects.sum()
    return effects / total if total > 0 else effects


def removal_effects(
    channel: NDArray[np.int64],
    offsets: NDArray[np.int64],
    is_won: NDArray[np.bool_],
    *,
    channel_count: int,
    order: int = 1,
) -> NDArray[np.float64]:
    """Give the removal effect of each channel, from 0 to 1."""
    if not 1 <= order <= HIGHEST_ORDER:
        raise OrderUnusable(
            f"A chain of order {order} cannot be used. Give 1 to {HIGHEST_ORDER}.", field="order"
        )
    effects = np.zeros(channel_count)
    counts = np.diff(offsets)
    has_touches = counts > 0
    is_won = is_won[has_touches]
    if not is_won.any():
        return effects

    state, ending = _states(channel, offsets, order, channel_count)
    first = state[offsets[:-1][has_touches]]
    last_touch = offsets[1:][has_touches] - 1
    is_last = np.zeros(len(state), dtype=np.bool_)
    is_last[last_touch] = True
    inverse, seen = _solved(state, is_last, len(ending))
    won = np.bincount(state[last_touch][is_won], minlength=len(ending)).astype(np.float64)
    chance = inverse @ won
    begins = np.bincount(first, minlength=len(ending)) / len(first)
    visits = begins @ inverse * seen
    whole = begins @ chance
    order_of = np.argsort(ending, kind="stable")
    edges = np.searchsorted(ending[order_of], np.arange(channel_count + 1))
    for each in range(channel_count):
        own = order_of[edges[each] : edges[each + 1]]
        if not len(own):
            continue
        within = inverse[np.ix_(own, own)] * seen[own]
        effects[each] = visits[own] @ np.linalg.solve(within, chance[own]) / whole
    return effects


def _states(
    channel: NDArray[np.int64], offsets: NDArray[np.int64], order: int, channel_count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each touch the number of the state after it, and each state its last channel."""
    place = np.arange(len(channel), dtype=np.int64) - np.repeat(offsets[:-1], np.diff(offsets))
    code = channel + 1
    for back in range(1, order):
        earlier = np.zeros_like(code)
        earlier[back:] = np.where(place[back:] >= back, channel[:-back] + 1, 0)
        code += earlier * (channel_count + 1) ** back
    if order == 1:
        ids = np.flatnonzero(np.bincount(channel, minlength=channel_count)) + 1
        number = np.zeros(channel_count + 2, dtype=np.int64)
        number[ids] = np.arange(len(ids))
        state = number[code]
    else:
        ids, state = np.unique(code, return_inverse=True)
    if len(ids) > MOST_STATES:
        raise TooManyStates(
            f"A Markov chain over these journeys has {len(ids):,} states, and {MOST_STATES:,} can "
            "be solved. Take a lower order, or cut by channel.",
            field="order",
        )
    return state, ids % (channel_count + 1) - 1


def _solved(
    state: NDArray[np.int64], is_last: NDArray[np.bool_], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Invert visits less moves; column j of it times the visits of j is column j of F."""
    visits = np.bincount(state, minlength=count).astype(np.float64)
    moves = (state[:-1] * count + state[1:])[~is_last[:-1]]
    move_counts = np.bincount(moves, minlength=count * count).reshape(count, count)
    inverse = np.asarray(np.linalg.inv(np.diag(visits) - move_counts), dtype=np.float64)
    return inverse, visits

"""Credit: an opportunity's amount divided over its touches, to the last minor unit.

Formula, for amount A and weights w with sum W:

    credit = floor(|A| * w / W), plus one unit for each of the largest remainders until all of |A|
             is given, ties to the earlier touch; then the sign of A

Source: largest remainder (Hamilton), the rule of `money.split`, which is its definition in plain
Python. Units: minor units of the opportunity's currency. No rounding ever loses or makes a unit:

    sum of credits + unattributed = amount          for every opportunity, model and currency

An opportunity of which no touch earns anything is unattributed as a whole. One without an amount
counts as 0 and is flagged: not given is not 0.

Exact for every amount of 64 bits. What is too large to divide by arrays, an amount of 2**50 minor
units or more, is divided alone in Python's unbounded integers.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from attribution.domain import grouping, journey, multitouch
from gifting.domain import money

# Within these a quotient by doubles is off by one at most, and a remainder fits; see `_divide`.
_SIZE_BOUND: Final = np.uint64(2**50)
_SUM_BOUND: Final = 2**61
_PACKED_BITS: Final = 63
_NO_TOUCH: Final = -1

# Odd constants of no meaning (the fraction bits of square roots), one for each column of a row.
_FACTORS: Final = tuple(
    np.uint64(factor)
    for factor in (
        0x6A09E667F3BCC909,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
    )
)


@dataclass(frozen=True, slots=True)
class Credits:
    """Hold what one model gives: rows of opportunities and touches, and what each pair earns.

    `unattributed` lists the rows of the opportunities of which no touch earns anything, and
    `incomplete` those of which a milestone is missing.
    """

    model: multitouch.Model
    opportunity: NDArray[np.int64]
    touch: NDArray[np.int64]
    weight: NDArray[np.int64]
    weight_sum: NDArray[np.int64]
    amount_minor: NDArray[np.int64]
    unattributed: NDArray[np.int64]
    incomplete: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.opportunity)


def share(model: multitouch.Model, case: multitouch.Case) -> Credits:
    """Divide the amount of every opportunity over its journey; raises ColumnMissing."""
    weights = multitouch.weigh(model, case)
    own = case.opportunities
    amounts_minor = np.where(own.has_amount, own.amount_minor, 0)
    everybody_earns = len(weights.rows) == len(case.journeys.touch)
    segments = case.segments if everybody_earns else grouping.Segments(weights.offsets)
    weight_sums = grouping.segment_sums(weights.weight, weights.offsets)
    spread_sums = segments.spread(weight_sums)
    credits_minor = _allocate(amounts_minor, weights.weight, weight_sums, spread_sums, segments)
    for place, exact in weights.wide.items():
        rows = slice(int(weights.offsets[place]), int(weights.offsets[place + 1]))
        credits_minor[rows] = money.split_minor(int(amounts_minor[place]), exact)
    return Credits(
        model=model,
        opportunity=segments.owner,
        touch=case.journeys.touch if everybody_earns else case.journeys.touch[weights.rows],
        weight=weights.weight,
        weight_sum=spread_sums,
        amount_minor=credits_minor,
        unattributed=np.flatnonzero(segments.counts == 0),
        incomplete=weights.incomplete,
    )


def allocate(
    amounts_minor: NDArray[np.int64], weight: NDArray[np.int64], offsets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Divide amounts_minor[i] in proportion to weight[offsets[i]:offsets[i + 1]], for each i.

    Weights are positive and those of one i add up to less than 2**63.
    """
    segments = grouping.Segments(offsets)
    weight_sums = grouping.segment_sums(weight, offsets)
    return _allocate(amounts_minor, weight, weight_sums, segments.spread(weight_sums), segments)


def _allocate(
    amounts_minor: NDArray[np.int64],
    weight: NDArray[np.int64],
    weight_sums: NDArray[np.int64],
    spread_sums: NDArray[np.int64],
    segments: grouping.Segments,
) -> NDArray[np.int64]:
    counts, offsets = segments.counts, segments.offsets
    if len(weight) == np.count_nonzero(counts):
        # One touch each: it earns the whole amount.
        return segments.spread(amounts_minor)
    # The magnitude of the smallest integer fits only without a sign.
    size = np.abs(amounts_minor).view(np.uint64)
    is_out = (size >= _SIZE_BOUND) | (weight_sums > _SUM_BOUND)
    size[is_out] = 0

    part, remainder = _divide(
        segments.spread(size.view(np.int64)),
        segments.spread(size / np.maximum(weight_sums, 1)),
        weight,
        spread_sums,
    )
    left_over = size.view(np.int64) - grouping.segment_sums(part, offsets)
    part[_favored(remainder, left_over, segments)] += 1

    is_negative = amounts_minor < 0
    if is_negative.any():
        np.negative(part, out=part, where=segments.spread(is_negative))
    # What passes the bounds is divided alone, in unbounded integers.
    for index in np.flatnonzero(is_out & (counts > 0)).tolist():
        rows = slice(int(offsets[index]), int(offsets[index + 1]))
        part[rows] = money.split_minor(int(amounts_minor[index]), weight[rows].tolist())
    return part


def _divide(
    size: NDArray[np.int64],
    ratio: NDArray[np.float64],
    weight: NDArray[np.int64],
    divisor: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give quotient and remainder of size * weight / divisor, for sizes and divisors in bounds.

    Doubles find a quotient below 2**50 that is off by one at most, and much faster than whole
    numbers divide; `ratio` is size / divisor. The product may wrap around 64 bits, and so does what
    is taken from it: the remainder lies between -divisor and twice the divisor, within 63 bits, and
    is right all the same.
    """
    ratio *= weight
    part = ratio.astype(np.int64)
    remainder = size * weight
    remainder -= part * divisor
    is_over = remainder >= divisor
    if is_over.any():
        part += is_over
        remainder[is_over] -= divisor[is_over]
    is_under = remainder < 0
    if is_under.any():
        part -= is_under
        remainder[is_under] += divisor[is_under]
    return part, remainder


def digest(
    credits_given: Credits, opportunities: journey.Opportunities, touches: journey.Touches
) -> int:
    """Give a 64-bit checksum of credits by their ids, free of the order of rows.

    The digest of several batches is the sum of theirs modulo 2**64. It finds differences between
    two computations; it is no proof against somebody who wants to hide one.
    """
    given = _mixed(
        credits_given.model,
        opportunities.id[credits_given.opportunity],
        touches.id[credits_given.touch],
        credits_given.weight,
        credits_given.weight_sum,
        credits_given.amount_minor,
    )
    rest = credits_given.unattributed
    nothing = np.zeros(len(rest), dtype=np.int64)
    kept_back = _mixed(
        credits_given.model,
        opportunities.id[rest],
        nothing + _NO_TOUCH,
        nothing,
        nothing,
        np.where(opportunities.has_amount[rest], opportunities.amount_minor[rest], 0),
    )
    return (given + kept_back) % 2**64


def _favored(
    remainder: NDArray[np.int64], left_over: NDArray[np.int64], segments: grouping.Segments
) -> NDArray[np.int64]:
    """List the rows of the `left_over` largest remainders of each i, ties by the earlier row."""
    chosen = np.flatnonzero(segments.place < segments.spread(left_over))
    if not len(chosen):
        return chosen
    # Where all remainders of an i are equal, as in linear credit, time alone decides.
    first = remainder[np.minimum(segments.offsets[:-1], len(remainder) - 1)]
    if not (remainder != segments.spread(first)).any():
        return chosen
    return _by_remainder(remainder, segments, chosen)


def _by_remainder(
    remainder: NDArray[np.int64], segments: grouping.Segments, chosen: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Give the chosen places of the rows of each i in the order of falling remainder, then place.

    Owner, remainder and place are packed into one number, and plain numbers sort several times
    faster than orders of them. Where they have too many bits, the last of the remainder are left
    out and looked at afterwards.
    """
    place_bits = int(segments.counts.max() - 1).bit_length()
    owner_bits = int(len(segments.counts) - 1).bit_length()
    largest = remainder.max()
    spare = _PACKED_BITS - owner_bits - place_bits
    cut = max(int(largest).bit_length() - spare, 0)
    packed = largest - remainder
    packed >>= cut
    packed <<= place_bits
    packed |= segments.place
    packed |= segments.owner << (_PACKED_BITS - owner_bits)
    packed.sort()
    mask = (1 << place_bits) - 1
    if cut:
        falls = remainder[segments.first + (packed & mask)]
        is_wrong = (falls[1:] > falls[:-1]) & (segments.owner[1:] == segments.owner[:-1])
        if is_wrong.any():
            return grouping.stable_order_by_two(
                segments.owner.view(np.uint64), (largest - remainder).view(np.uint64)
            )[chosen]
    rows: NDArray[np.int64] = segments.first[chosen] + (packed[chosen] & mask)
    return rows


def _mixed(model: multitouch.Model, *columns: NDArray[np.int64]) -> int:
    """Hash each row into 64 bits (the finalizer of SplitMix64) and sum the hashes."""
    word = np.full(len(columns[0]), zlib.crc32(model.encode()), dtype=np.uint64)
    for factor, column in zip(_FACTORS, columns, strict=True):
        word += column.view(np.uint64) * factor
    word ^= word >> np.uint64(30)
    word *= np.uint64(0xBF58476D1CE4E5B9)
    word ^= word >> np.uint64(27)
    word *= np.uint64(0x94D049BB133111EB)
    word ^= word >> np.uint64(31)
    return int(word.sum(dtype=np.uint64))

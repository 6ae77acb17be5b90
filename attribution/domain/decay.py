"""Time decay: a touch counts half as much as one that is a half-life younger.

    continuous   2 ** (-age / H)
    stepped      2 ** -floor(age / H)

where the age runs from the touch to the close (to the run's `as_of` while the deal is open), and a
touch earns its part of the journey's sum. Sources: Google Ads ("half-life of 7 days") and DP6's
Marketing Attribution Models 2 for the continuous form, its first version for the stepped one.

The weights are whole numbers: 2 ** SCALE_BITS times the value relative to the youngest touch of the
journey (to its step), rounded half up, and never below 1. They are good to 2 ** -SCALE_BITS, are
the same on every machine, and their sum fits in 62 bits; a journey of more than 2 ** 14 touches has
as many bits less as it is larger.

How. age = (k + f) * H with 0 <= f < 1. The first 12 bits of f choose from a table of exact values;
what is left of f is below 2 ** -12, where four terms of the series of 1 - 2 ** -r are good to 2 **
-64. Only additions and multiplications of doubles are used, which every machine rounds alike, and
what lies too near to a half is rounded again in whole numbers.
"""

from __future__ import annotations

import decimal
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from attribution.domain import journey
from gifting.domain import refusals

SCALE_BITS: Final = 48
DEFAULT_HALF_LIFE_DAYS: Final = 30
DEFAULT_STEP_DAYS: Final = 7
LONGEST_HALF_LIFE_DAYS: Final = 36_525

_SUM_BITS: Final = 62
_TABLE_BITS: Final = 12
_TABLE_SIZE: Final = 1 << _TABLE_BITS
_GUARD_BITS: Final = 40
# Above the error of the series, which is below 2 ** -15 of a unit, and that of a sum in doubles.
_UNSURE: Final = 2.0**-14
_UNSURE_PART: Final = 2.0**-50
_LN2: Final = math.log(2)


class HalfLifeUnusable(refusals.Invalid):
    code = "HALF_LIFE_UNUSABLE"


def half_life_microseconds(days: decimal.Decimal | int) -> int:
    """Count a half-life; raises HalfLifeUnusable."""
    moment = decimal.Decimal(days) * journey.MICROSECONDS_PER_DAY
    if not (moment.is_finite() and 1 <= moment <= LONGEST_HALF_LIFE_DAYS * 86_400_000_000):
        raise HalfLifeUnusable(
            f"A half-life of {days} days cannot be used. Give more than 0 and at most "
            f"{LONGEST_HALF_LIFE_DAYS} days.",
            field="half_life_days",
        )
    return int(moment)


def continuous(
    occurred_at: NDArray[np.int64], offsets: NDArray[np.int64], *, half_life: int
) -> NDArray[np.int64]:
    """Weigh touches that lie in the order of time; the last of a journey is its youngest."""
    counts = np.diff(offsets)
    ages = _youngest(occurred_at, offsets) - occurred_at
    halvings = ages // half_life
    rest = ages - halvings * half_life
    bits = np.repeat(_scale_bits(counts), counts)
    # Beyond the scale everything is the least weight.
    shift = np.minimum(halvings, bits + 1) + (SCALE_BITS - bits)
    weight = _halved(rest, shift, half_life)
    return np.maximum(weight, 1)


def stepped(
    occurred_at: NDArray[np.int64],
    offsets: NDArray[np.int64],
    *,
    ends_at: NDArray[np.int64],
    step: int,
) -> NDArray[np.int64]:
    """Weigh touches by whole steps before the instants at which their journeys end."""
    counts = np.diff(offsets)
    steps = (np.repeat(ends_at, counts) - occurred_at) // step
    behind = steps - _youngest(steps, offsets)
    bits = np.repeat(_scale_bits(counts), counts)
    return np.int64(1) << np.maximum(bits - behind, 0)


def _youngest(values: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each touch the value of the last one of its journey."""
    counts = np.diff(offsets)
    has_touches = counts > 0
    return np.repeat(values[offsets[1:][has_touches] - 1], counts[has_touches])


def _scale_bits(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the bits that leave room for the sum of so many touches."""
    room = _SUM_BITS - np.ceil(np.log2(np.maximum(counts, 1))).astype(np.int64)
    return np.minimum(room, SCALE_BITS)


def _halved(rest: NDArray[np.int64], shift: NDArray[np.int64], half_life: int) -> NDArray[np.int64]:
    """Round 2 ** (SCALE_BITS - shift - rest / half_life), half up."""
    place, left = np.divmod(rest.view(np.uint64) << np.uint64(_TABLE_BITS), np.uint64(half_life))
    angle = left.astype(np.float64) * (_LN2 / (half_life * float(_TABLE_SIZE)))
    # 1 - exp(-x) = x - x**2 / 2 + x**3 / 6 - x**4 / 24, good to x**5 / 120 < 2 ** -69.
    drop = angle * (1 - angle * (1 / 2 - angle * (1 / 6 - angle * (1 / 24))))
    whole, part = _TABLE_WHOLE[place], _TABLE_PART[place]
    # The value is whole + fine, in units of 2 ** -SCALE_BITS before it is shifted.
    fine = part - (whole.astype(np.float64) + part) * drop
    unit = np.ldexp(1.0, shift.astype(np.int32))
    low = (whole & ((np.int64(1) << shift) - 1)).astype(np.float64) + fine
    scaled = low / unit
    rounded = np.floor(scaled + 0.5)
    weight = (whole >> shift) + rounded.astype(np.int64)
    distance = np.abs(scaled + 0.5 - np.rint(scaled + 0.5))
    is_unsure = distance * unit < _UNSURE + unit * _UNSURE_PART
    for row in np.flatnonzero(is_unsure).tolist():
        weight[row] = _exactly(int(rest[row]), int(shift[row]), half_life)
    return weight


def _exactly(rest: int, shift: int, half_life: int) -> int:
    """Round as `_halved`, with so many digits that only an exact half could still be doubtful."""
    with decimal.localcontext(_DIGITS):
        power = decimal.Decimal(2) ** (-decimal.Decimal(rest) / half_life)
        scaled = power * decimal.Decimal(2) ** (SCALE_BITS - shift)
        return int((scaled + decimal.Decimal("0.5")).to_integral_value(decimal.ROUND_FLOOR))


def _table() -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Give 2 ** (SCALE_BITS - i / 2 ** 12) for each i, as whole numbers and what is left."""
    scale = 1 << _GUARD_BITS
    with decimal.localcontext(_DIGITS):
        step = decimal.Decimal(2) ** (decimal.Decimal(-1) / _TABLE_SIZE)
        value = decimal.Decimal(1 << (SCALE_BITS + _GUARD_BITS))
        fixed = []
        for _ in range(_TABLE_SIZE):
            fixed.append(int(value))
            value *= step
    whole = np.array([number // scale for number in fixed], dtype=np.int64)
    part = np.array([(number % scale) / scale for number in fixed], dtype=np.float64)
    return whole, part


_DIGITS: Final = decimal.Context(prec=60, rounding=decimal.ROUND_HALF_EVEN)
_TABLE_WHOLE, _TABLE_PART = _table()

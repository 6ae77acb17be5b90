"""Amounts of files: plain decimals, as whole minor units of the currency beside them.

A blank amount is not given, which is not 0. An amount may have no digit, other than 0, beyond the
decimals of its currency, and has to fit in 64 bits of minor units. Floats of Parquet are refused,
since they do not say which amount they mean.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.domain.files import faults, sheets
from gifting.domain import currencies, money

# Eighteen digits always fit in 64 bits.
_SURELY_FITS: Final = 18
_PLAIN: Final = r"^-?[0-9]+(\.[0-9]+)?$"
_DECIMAL: Final = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,60})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Hold minor units, 0 where no amount is given."""

    minor: NDArray[np.int64]
    is_given: NDArray[np.bool_]
    fault: faults.Fault | None = None


@dataclass(frozen=True, slots=True)
class Currencies:
    """Hold the currency of each row as a number of `codes`, and its decimals."""

    codes: tuple[str, ...]
    number: NDArray[np.int64]
    exponent: NDArray[np.int64]
    fault: faults.Fault | None = None


def read_currencies(sheet: sheets.Sheet, name: str) -> Currencies:
    """Read a column of currency codes, numbered in the order of the alphabet."""
    encoded = pc.ascii_trim_whitespace(sheets.text(sheet, name)).dictionary_encode()
    found = encoded.dictionary.to_pylist()
    numbers = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    for place, code in enumerate(found):
        if code not in currencies.EXPONENTS:
            row = int(np.flatnonzero(numbers == place)[0])
            what = f"{faults.shown(code)} is not a currency. Write a code of ISO 4217, such as USD."
            return Currencies((), numbers, numbers, faults.Fault(row, name, what))
    codes = tuple(sorted(found))
    place_of = np.array([codes.index(code) for code in found], dtype=np.int64)
    exponents = np.array([currencies.EXPONENTS[code] for code in found], dtype=np.int64)
    return Currencies(codes, place_of[numbers], exponents[numbers])


def read(sheet: sheets.Sheet, name: str, exponent: NDArray[np.int64]) -> Amounts:
    """Read a column of amounts; raises FileUnusable for a type that holds none."""
    column: Any = sheet.columns[name]
    if pa.types.is_decimal(column.type):
        plain = ["" if value is None else f"{value:f}" for value in column.to_pylist()]
        return _read_text(pa.array(plain, pa.string()), name, exponent)
    if pa.types.is_floating(column.type):
        raise faults.at(
            sheet.place.path,
            "line 1",
            name,
            "holds floating-point numbers, which are not exact. Write decimals or text.",
        )
    return _read_text(pc.ascii_trim_whitespace(sheets.text(sheet, name)), name, exponent)


def _blank(cells: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    lengths = pc.binary_length(cells).to_numpy(zero_copy_only=False)
    return np.zeros(len(cells), dtype=np.int64), lengths > 0


def _read_text(cells: pa.Array, name: str, exponent: NDArray[np.int64]) -> Amounts:
    minor, is_given = _blank(cells)
    lengths = pc.binary_length(cells).to_numpy(zero_copy_only=False)
    point = pc.find_substring(cells, ".").to_numpy(zero_copy_only=False)
    decimals = np.where(point < 0, 0, lengths - point - 1)
    is_plain = pc.match_substring_regex(cells, _PLAIN).to_numpy(zero_copy_only=False)
    is_quick = is_plain & (decimals <= exponent) & (lengths + exponent <= _SURELY_FITS)
    if is_quick.any():
        digits = pc.replace_substring(cells.filter(pa.array(is_quick)), ".", "")
        whole = digits.cast(pa.int64()).to_numpy(zero_copy_only=False)
        minor[is_quick] = whole * 10 ** (exponent - decimals)[is_quick]
    others = np.flatnonzero(is_given & ~is_quick).tolist()
    return _one_by_one(cells, name, exponent, minor, is_given, others)


def _one_by_one(  # noqa: PLR0917 - straight on from its one caller
    cells: pa.Array,
    name: str,
    exponent: NDArray[np.int64],
    minor: NDArray[np.int64],
    is_given: NDArray[np.bool_],
    rows: Sequence[int],
) -> Amounts:
    for row in rows:
        cell = cells[row].as_py()
        what = _read_one(cell, int(exponent[row]))
        if isinstance(what, str):
            return Amounts(minor, is_given, faults.Fault(row, name, what))
        minor[row] = what
    return Amounts(minor, is_given)


def _read_one(cell: str, exponent: int) -> int | str:
    """Give the minor units of an amount, or what is wrong with it."""
    if not _DECIMAL.fullmatch(cell):
        return (
            f"{faults.shown(cell)} is not an amount. Write digits with a point before the "
            "decimals, such as 1234.56, or leave it blank."
        )
    with decimal.localcontext(decimal.Context(prec=130)):
        scaled = decimal.Decimal(cell).scaleb(exponent)
        if scaled != scaled.to_integral_value():
            return (
                f"{faults.shown(cell)} has more decimals than its currency has ({exponent}). "
                "Round it at its source."
            )
        minor = int(scaled)
    if not money.MIN_AMOUNT_MINOR <= minor <= money.MAX_AMOUNT_MINOR:
        return (
            f"{faults.shown(cell)} does not fit in 64 bits of minor units. Look for a wrong "
            "amount, or split it over several opportunities."
        )
    return minor

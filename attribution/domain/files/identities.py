"""Identities: rows in the order of their ids, each once.

Ids are text and stand in the order of their characters. A row that repeats an id counts once when
it says the same; when it says something else, nobody knows which of the two is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attribution.domain.files import faults, sheets


@dataclass(frozen=True, slots=True)
class Ordered:
    """Hold the rows to keep, in the order of their ids, and how many were repeats."""

    rows: NDArray[np.int64]
    repeat_count: int


def order(
    sheet: sheets.Sheet, name: str, contents: Mapping[str, pa.Array | NDArray[Any]]
) -> Ordered:
    """Order rows by the id in a column; raises FileUnusable for a blank id or another content."""
    ids = sheets.text(sheet, name)
    _require_ids(sheet, name, ids)
    count = len(ids)
    if count < 2 or pc.all(pc.less(ids.slice(0, count - 1), ids.slice(1))).as_py():  # noqa: PLR2004 - fewer have no order
        return Ordered(np.arange(count, dtype=np.int64), 0)
    rows = pc.sort_indices(ids).to_numpy(zero_copy_only=False).astype(np.int64)
    ranked = ids.take(pa.array(rows))
    is_repeat = np.zeros(count, dtype=np.bool_)
    is_repeat[1:] = pc.equal(ranked.slice(0, count - 1), ranked.slice(1)).to_numpy(
        zero_copy_only=False
    )
    _require_same(sheet, name, contents, rows, is_repeat)
    return Ordered(rows[~is_repeat], int(is_repeat.sum()))


def _require_ids(sheet: sheets.Sheet, name: str, ids: pa.Array) -> None:
    is_blank = pc.equal(ids, "").to_numpy(zero_copy_only=False)
    if is_blank.any():
        row = int(np.flatnonzero(is_blank)[0])
        sheet.place.refuse_first([faults.Fault(row, name, "is blank. Give every row an id.")])


def _require_same(
    sheet: sheets.Sheet,
    name: str,
    contents: Mapping[str, pa.Array | NDArray[Any]],
    rows: NDArray[np.int64],
    is_repeat: NDArray[np.bool_],
) -> None:
    repeats = np.flatnonzero(is_repeat)
    found = []
    for column, values in contents.items():
        differ = _differ(values, rows[repeats], rows[repeats - 1])
        for later, earlier in zip(
            rows[repeats][differ].tolist(), rows[repeats - 1][differ].tolist(), strict=True
        ):
            found.append((max(later, earlier), min(later, earlier), column))
    if not found:
        return
    later, earlier, column = min(found)
    raise sheet.place.fault(
        faults.Fault(
            later,
            name,
            f"is on {sheet.place.name_row(earlier)} too, with another {column.strip()}. Drop one "
            "of the two.",
        )
    )


def _differ(
    values: pa.Array | NDArray[Any], some: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.bool_]:
    if isinstance(values, np.ndarray):
        unequal: NDArray[np.bool_] = values[some] != values[others]
        return unequal
    pairs = pc.not_equal(values.take(pa.array(some)), values.take(pa.array(others)))
    different: NDArray[np.bool_] = pairs.to_numpy(zero_copy_only=False)
    return different

"""Binary COPY as arrays."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from attribution.domain import binary_copy

COLUMNS = (
    binary_copy.Column("id", "i8"),
    binary_copy.Column("currency", "S3"),
    binary_copy.Column("is_open", "b"),
)


def test_rows_are_written_as_the_manual_says() -> None:
    values = {
        "id": np.array([1, -2]),
        "currency": np.array([b"USD", b"EUR"]),
        "is_open": np.array([True, False]),
    }

    rows = binary_copy.write(COLUMNS, values, 2)

    first = struct.pack(">hiqi3si?", 3, 8, 1, 3, b"USD", 1, True)
    second = struct.pack(">hiqi3si?", 3, 8, -2, 3, b"EUR", 1, False)
    assert rows == first + second


def test_what_was_written_is_read_back() -> None:
    values = {
        "id": np.array([2**63 - 1, -(2**63), 0]),
        "currency": np.array([b"USD", b"JPY", b"KWD"]),
        "is_open": np.array([True, False, True]),
    }

    data = b"".join(binary_copy.whole([binary_copy.write(COLUMNS, values, 3)]))

    read = binary_copy.read(data, COLUMNS)
    assert {name: column.tolist() for name, column in read.items()} == {
        "id": [2**63 - 1, -(2**63), 0],
        "currency": [b"USD", b"JPY", b"KWD"],
        "is_open": [True, False, True],
    }


def test_a_null_column_has_a_length_and_no_value() -> None:
    columns = (binary_copy.Column("id", "i8"), binary_copy.Column("touch", binary_copy.NULL))

    rows = binary_copy.write(columns, {"id": np.array([7])}, 1)

    assert rows == struct.pack(">hiqi", 2, 8, 7, -1)


def test_no_rows_are_columns_without_values() -> None:
    assert [len(column) for column in binary_copy.none(COLUMNS).values()] == [0, 0, 0]


def test_a_null_where_a_value_belongs_is_refused() -> None:
    row = struct.pack(">hiqi3si?", 3, 8, 1, 3, b"USD", -1, True)

    with pytest.raises(ValueError, match="holds a NULL"):
        binary_copy.read(binary_copy.HEADER + row + binary_copy.TRAILER, COLUMNS)


def test_a_cut_copy_is_refused() -> None:
    data = b"".join(binary_copy.whole([]))[:-1]

    with pytest.raises(ValueError, match="do not have the width"):
        binary_copy.read(data, COLUMNS)


def test_text_is_not_a_binary_copy() -> None:
    with pytest.raises(ValueError, match="not a binary COPY"):
        binary_copy.read(b"1,USD,t\n", COLUMNS)

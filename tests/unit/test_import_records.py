"""A broken record costs itself and nothing else, and every row knows its physical line."""

from __future__ import annotations

import io
import time

import hypothesis
import pytest
from hypothesis import strategies as st

from integrations.domain import records

PIECES = st.sampled_from(
    ["a", "b,c", '"d"', '"e\nf"', '"g""h"', '"', "\n", "\r\n", "\r", ",", '"x']
)


def test_lines_are_physical_lines() -> None:
    read = _read('h\n1\n"2\n2"\r\n\n3\r4\n')

    assert read == [(2, ["1"]), (3, ["2\n2"]), (6, ["3"]), (7, ["4"])]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('"a,b', "a quote is opened and not closed"),
        ('a,"b"c', "a quote inside a quoted cell is not doubled"),
        ("x" * records.LONGEST_LINE, "the line is longer than 262,144 characters"),
        ('"' + "x" * records.LONGEST_CELL + 'x"', "a cell is longer than 131,072 characters"),
    ],
)
def test_the_lines_after_a_broken_one_are_read(broken: str, reason: str) -> None:
    rejections: list[records.Rejection] = []

    read = _read(f"h\n1,1\n{broken}\n2,2\n3,3\n", rejections)

    assert read == [(2, ["1", "1"]), (4, ["2", "2"]), (5, ["3", "3"])]
    assert [(rejection.line, rejection.reason) for rejection in rejections] == [(3, reason)]


def test_a_stray_quote_before_quoted_rows_costs_one_row() -> None:
    rejections: list[records.Rejection] = []

    read = _read('h\n"1\n"2","2"\n"3","3"\n', rejections)

    assert read == [(3, ["2", "2"]), (4, ["3", "3"])]
    assert [rejection.line for rejection in rejections] == [2]


def test_an_unclosed_quote_far_above_the_end_costs_one_row() -> None:
    rejections: list[records.Rejection] = []
    rows = "".join(f"{number},x\n" for number in range(5_000))

    read = _read(f'h\n"broken\n{rows}', rejections)

    assert len(read) == 5_000
    assert read[0] == (3, ["0", "x"])
    assert read[-1] == (5_002, ["4999", "x"])
    assert [(rejection.line, rejection.content) for rejection in rejections] == [(2, '"broken')]


def test_an_endless_line_is_not_kept_in_memory() -> None:
    rejections: list[records.Rejection] = []

    read = _read("h\n" + "x" * 5_000_000 + "\n1\n", rejections)

    assert read == [(3, ["1"])]
    assert len(rejections[0].content) == records.LONGEST_CONTENT


def test_lines_that_each_open_a_quote_are_not_read_forever() -> None:
    # Every line closes the quote of the line before it and opens its own.
    hostile = 'x","\n' * 20_000
    rejections: list[records.Rejection] = []
    started = time.process_time()

    read = _read("h\n" + hostile, rejections)

    assert read == []
    assert 1 <= len(rejections) <= 20_000
    assert time.process_time() - started < 10


def test_content_is_kept_as_text_that_a_database_can_hold() -> None:
    content = records.joined(["a\0b", 'say "hi"', "c,d", "e\udce9f"], ",")

    assert content == 'a\\x00b,"say ""hi""","c,d",e\\udce9f'


def test_batches_are_bounded() -> None:
    reader = records.Records(io.StringIO("h\n" + "x,y\n" * 12_000), delimiter=",")
    reader.header()

    sizes = [len(batch.rows) for batch in reader.batches()]

    assert sizes == [12_000, 0]


@hypothesis.given(
    text=st.text(alphabet='a,"\n\r x\0', max_size=300) | st.lists(PIECES, max_size=60).map("".join),
    chunk=st.integers(1, 40),
)
@hypothesis.settings(deadline=None)
def test_chunks_and_single_records_read_the_same(text: str, chunk: int) -> None:
    def read(*, is_chunked: bool) -> list[tuple[int, list[str] | str]]:
        stream = _Dripping(text, chunk) if is_chunked else io.StringIO(text, newline="")
        reader = records.Records(stream, delimiter=",", is_chunked=is_chunked)
        found: list[tuple[int, list[str] | str]] = []
        for batch in reader.batches():
            found += zip(batch.lines, batch.rows, strict=True)
            found += [(row.line, row.reason) for row in batch.rejections]
        return sorted(found, key=lambda row: row[0])

    assert read(is_chunked=True) == read(is_chunked=False)


class _Dripping(io.StringIO):
    """A text that comes in pieces of one size, whatever is asked for."""

    def __init__(self, text: str, size: int) -> None:
        super().__init__(text, newline="")
        self._size = size

    def read(self, _size: int | None = -1, /) -> str:
        return super().read(self._size)


def _read(
    text: str, rejections: list[records.Rejection] | None = None
) -> list[tuple[int, list[str]]]:
    reader = records.Records(io.StringIO(text, newline=""), delimiter=",")
    assert reader.header() == ["h"]
    read: list[tuple[int, list[str]]] = []
    for batch in reader.batches():
        read.extend(zip(batch.lines, batch.rows, strict=True))
        if rejections is None:
            assert batch.rejections == []
        else:
            rejections.extend(batch.rejections)
    return read

"""Texts that people and machines give."""

from __future__ import annotations

import pytest

from gifting.domain import texts


@pytest.mark.parametrize("text", ["x", "x" * 64, " x "])
def test_a_text_that_fits_is_taken(text: str) -> None:
    texts.require(text, field="code", most=64)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The cost center is empty. Write 1 to 64 characters."),
        (" \t\n\u00a0", "The cost center is empty. Write 1 to 64 characters."),
        ("x" * 1_065, "The cost center has 1,065 characters and 64 are allowed. Cut it."),
    ],
)
def test_a_text_that_says_nothing_or_too_much_is_refused(text: str, message: str) -> None:
    with pytest.raises(texts.TextUnusable) as refused:
        texts.require(text, field="cost_center", most=64)

    assert (refused.value.message, refused.value.field) == (message, "cost_center")
    assert refused.value.code == "TEXT_UNUSABLE"

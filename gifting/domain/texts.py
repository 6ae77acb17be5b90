"""Texts that people and machines give: there, and not longer than the column that keeps them."""

from __future__ import annotations

from typing import Final

from gifting.domain import refusals

CODE_LENGTH: Final = 64
NAME_LENGTH: Final = 255


class TextUnusable(refusals.Invalid):
    code = "TEXT_UNUSABLE"


def require(text: str, *, field: str, most: int) -> None:
    """Refuse a text that says nothing or too much; raises TextUnusable."""
    if not text.strip():
        raise TextUnusable(
            f"The {_spoken(field)} is empty. Write 1 to {most} characters.", field=field
        )
    if len(text) > most:
        raise TextUnusable(
            f"The {_spoken(field)} has {len(text):,} characters and {most} are allowed. Cut it.",
            field=field,
        )


def _spoken(field: str) -> str:
    return field.replace("_", " ")

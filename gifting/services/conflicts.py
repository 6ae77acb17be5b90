"""Turn the database's "that is taken" or "that breaks a rule" into an answer for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction

from gifting.domain import refusals


@contextmanager
def refusing(constraint: str, refusal: refusals.Refusal) -> Iterator[None]:
    """Raise the refusal when the block breaks this constraint; nothing of the block stays."""
    with judging({constraint: refusal}):
        yield


@contextmanager
def judging(refused: Mapping[str, refusals.Refusal]) -> Iterator[None]:
    """Raise the refusal of the constraint that the block breaks; nothing of the block stays."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        cause: Any = error.__cause__
        if cause.diag.constraint_name not in refused:
            raise
        raise refused[cause.diag.constraint_name] from None

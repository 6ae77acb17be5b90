"""What every command does with an end that is not its own."""

from __future__ import annotations

from typing import NoReturn

import pytest
from django.core.management.base import CommandError

from gifting.domain import refusals
from gifting.management import console


class _Command(console.ConsoleCommand):
    def __init__(self, end: BaseException) -> None:
        super().__init__()
        self._end = end

    def handle(self, *_: object, **__: object) -> NoReturn:
        raise self._end


@pytest.mark.parametrize(
    ("end", "message", "returncode"),
    [
        (
            refusals.Invalid("There is no such file. Check the path."),
            "There is no such file. Check the path.",
            2,
        ),
        (KeyboardInterrupt(), "Interrupted.", 130),
    ],
)
def test_an_early_end_is_one_line_and_an_exit_code(
    end: BaseException, message: str, returncode: int
) -> None:
    command = _Command(end)

    with pytest.raises(CommandError) as raised:
        command.execute(force_color=False, no_color=True, skip_checks=True)

    assert (str(raised.value), raised.value.returncode) == (message, returncode)

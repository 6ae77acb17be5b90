"""Hear that a person, or a program that looks after this one, asks it to stop."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


class Request:
    """Whether it was asked.

    A plain attribute: an Event has a lock, and a signal that comes while another one holds it would
    wait for itself, deaf to every later signal.
    """

    is_made = False


@contextlib.contextmanager
def until_asked() -> Iterator[Request]:
    """Note Ctrl-C and its kin; the second Ctrl-C no longer waits for anybody."""
    request = Request()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def ask(number: int, frame: FrameType | None) -> None:
        if request.is_made and number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        request.is_made = True

    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

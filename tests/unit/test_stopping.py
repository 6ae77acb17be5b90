"""Whoever asks to stop is heard, however many ask at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config import stopping

ROOT = Path(__file__).parent.parent.parent
PATIENCE_SECONDS = 20

# `timeout` tells the whole process group and uv passes it on, so that the second signal comes while
# the first is being handled. Here one comes at every line of the handling.
INTERRUPTED_AT_EVERY_LINE = """
import os, signal, sys
from config import stopping

def interrupt(frame, event, argument):
    os.kill(os.getpid(), signal.SIGTERM)
    return interrupt

with stopping.until_asked() as request:
    sys.settrace(interrupt)
    os.kill(os.getpid(), signal.SIGTERM)
    sys.settrace(None)
    print("asked" if request.is_made else "not asked")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_to_stop(number: signal.Signals) -> None:
    with stopping.until_asked() as request:
        before = request.is_made
        signal.raise_signal(number)
        after = request.is_made

    assert (before, after) == (False, True)


def test_a_signal_amid_another_does_not_block_the_stop() -> None:
    told = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT_EVERY_LINE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )

    assert told.stdout == "asked\n"


def test_a_second_ctrl_c_no_longer_waits() -> None:
    with stopping.until_asked(), pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the second raises
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_signals_mean_afterwards_what_they_meant_before() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with stopping.until_asked():
        within = signal.getsignal(signal.SIGTERM)

    assert within != before
    assert signal.getsignal(signal.SIGTERM) == before

"""The time of a simulated CRM: the machine's, or one that a test moves by hand."""

from __future__ import annotations

import datetime as dt
import threading


class Clock:
    """Tells the CRM's time; a fixed one stands still until `advance`."""

    def __init__(self, fixed_at: dt.datetime | None = None) -> None:
        self._fixed_at = fixed_at
        self._ahead = dt.timedelta()
        self._lock = threading.Lock()

    def now(self) -> dt.datetime:
        with self._lock:
            return (self._fixed_at or dt.datetime.now(dt.UTC)) + self._ahead

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._ahead += dt.timedelta(seconds=seconds)

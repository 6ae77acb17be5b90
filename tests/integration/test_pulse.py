"""A worker that takes nothing is told from one that is busy."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from config import pulse
from config.celery import app
from integrations.services import heartbeats

# The look closes its connection behind it, which would end a test's transaction.
pytestmark = pytest.mark.usefixtures("committed_db")

LIMIT = dt.timedelta(seconds=60)
QUEUES = ("default", "sync", "attribution", "exports")


class Control:
    """Answer as the workers would: the tasks in hand of a pool of two."""

    def __init__(self, tasks_in_hand: int | None) -> None:
        self._tasks = tasks_in_hand

    def inspect(self, *, timeout: float) -> Control:
        return self

    def active(self) -> dict[str, Any] | None:
        return None if self._tasks is None else {"celery@here": [{}] * self._tasks}

    def stats(self) -> dict[str, Any] | None:
        return None if self._tasks is None else {"celery@here": {"pool": {"processes": [7, 8]}}}


class BrokenControl(Control):
    def active(self) -> dict[str, Any] | None:
        raise OperationalError


def beat(*, seconds_ago: int, queues: tuple[str, ...] = QUEUES) -> None:
    for queue in queues:
        heartbeats.beat(queue=queue, at=timezone.now() - dt.timedelta(seconds=seconds_ago))


def deaf(monkeypatch: pytest.MonkeyPatch, control: Control) -> tuple[str, ...]:
    monkeypatch.setattr(app, "control", control)
    return pulse.deaf_queues(limit=LIMIT)


def test_fresh_heartbeats_ask_no_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    beat(seconds_ago=59)

    assert deaf(monkeypatch, BrokenControl(0)) == ()


@pytest.mark.parametrize("tasks_in_hand", [None, 0, 1])
def test_an_old_heartbeat_beside_an_idle_or_silent_worker_is_deafness(
    tasks_in_hand: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat(seconds_ago=1, queues=("default", "sync", "exports"))
    beat(seconds_ago=61, queues=("attribution",))

    assert deaf(monkeypatch, Control(tasks_in_hand)) == ("attribution",)


def test_a_queue_that_never_beat_is_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    beat(seconds_ago=1, queues=("default", "sync", "exports"))

    assert deaf(monkeypatch, Control(0)) == ("attribution",)


def test_a_worker_with_all_hands_full_is_only_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    beat(seconds_ago=300)

    assert deaf(monkeypatch, Control(2)) == ()


def test_a_broker_that_is_down_is_no_fault_of_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    beat(seconds_ago=300)

    assert deaf(monkeypatch, BrokenControl(0)) == ()

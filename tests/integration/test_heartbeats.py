"""Heartbeats: the proof that a queue works from end to end."""

from __future__ import annotations

import datetime as dt

import pytest

from integrations import tasks
from integrations.selectors import heartbeats as ages
from integrations.services import heartbeats
from tests.factories import organizations

pytestmark = pytest.mark.django_db

LATER = organizations.NOON + dt.timedelta(seconds=30)


def test_a_beat_is_as_old_as_the_time_since() -> None:
    heartbeats.beat(queue="sync", at=organizations.NOON)

    assert ages.ages(at=LATER) == {"sync": dt.timedelta(seconds=30)}


def test_a_late_duplicate_does_not_make_a_queue_older() -> None:
    heartbeats.beat(queue="sync", at=LATER)

    heartbeats.beat(queue="sync", at=organizations.NOON)

    assert ages.ages(at=LATER) == {"sync": dt.timedelta(0)}


def test_the_task_leaves_a_beat_and_takes_arguments_of_later_versions() -> None:
    tasks.beat(queue="default", sent_by="a later version")

    assert list(ages.ages(at=LATER)) == ["default"]

"""What the scheduler sends is there to be run, in every organization."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings
from django.utils import timezone

from attribution import tasks as attribution_tasks
from gifting import models, tasks
from gifting.services import tenancy
from integrations import tasks as integration_tasks
from tests.factories import ledger, organizations

pytestmark = pytest.mark.django_db

SWEEPS = [tasks.expire_commitments, tasks.claw_back, tasks.expire_credits, tasks.sweep_approvals]


def test_every_scheduled_task_is_known_and_goes_to_a_queue_that_is() -> None:
    rooms = (tasks, attribution_tasks, integration_tasks)
    known = {each.name for room in rooms for each in vars(room).values() if hasattr(each, "delay")}

    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in known
        assert entry["options"]["queue"] in settings.CELERY_TASK_QUEUES


def test_the_sweeps_are_scheduled() -> None:
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert {sweep.name for sweep in SWEEPS} <= scheduled


def test_what_is_past_its_time_is_given_back_in_every_organization() -> None:
    past = timezone.now() - dt.timedelta(days=1)
    owners = [organizations.make_organization() for _ in range(2)]
    for organization in owners:
        with tenancy.organization(organization.id):
            ledger.make_commitment(expires_at=past)

    for sweep in SWEEPS:
        sweep()
        sweep()

    for organization in owners:
        with tenancy.organization(organization.id):
            commitment = models.Commitment.objects.get()
            assert commitment.voided_minor == commitment.amount_minor

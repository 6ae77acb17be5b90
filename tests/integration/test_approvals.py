"""Approvals: who is asked, who may answer, and what PostgreSQL refuses whoever asks."""

from __future__ import annotations

import pytest

from gifting.domain import access
from gifting.domain import approvals as matrix
from gifting.services import tenancy
from tests.factories import approvals, organizations

pytestmark = pytest.mark.django_db


def test_a_request_is_approved_by_the_role_that_the_band_names() -> None:
    cast = organizations.make_cast()
    with tenancy.organization(cast.organization.id):
        approvals.define(approvals.band(amount_at_least_minor=250_00))
        asked = approvals.ask(approvals.actor_of(cast.maya.pk, access.Role.MARKETING))

        decided = approvals.answer(asked, approvals.actor_of(cast.femi.pk, access.Role.FINANCE))

    assert asked.state is matrix.RequestState.PENDING
    assert decided.state is matrix.RequestState.APPROVED
    assert decided.policy_version == 1


def test_small_amounts_are_approved_at_once_with_their_policy() -> None:
    cast = organizations.make_cast()
    with tenancy.organization(cast.organization.id):
        approvals.define(approvals.band(amount_at_least_minor=250_00))

        asked = approvals.ask(amount_minor=249_99)

    assert (asked.state, asked.policy_version) == (matrix.RequestState.APPROVED, 1)

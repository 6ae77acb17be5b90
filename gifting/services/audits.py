"""Compare what the funds hold with what their history says, and park those that differ."""

from __future__ import annotations

from gifting import models
from gifting.domain import access
from gifting.selectors import funds
from gifting.services import tenancy


def replay(*, actor: access.Actor) -> tuple[funds.Difference, ...]:
    """Return the funds whose replay differs, parked from now on: they take no new commitment.

    What is owed is still posted to them. Raises Forbidden.
    """
    with tenancy.organization(actor.organization_id):
        found = funds.differences(actor=actor)
        models.Fund.objects.filter(id__in=[each.fund_id for each in found]).update(is_parked=True)
    return found

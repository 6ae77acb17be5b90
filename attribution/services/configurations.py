"""Choose how an organization attributes; every other choice is another version."""

from __future__ import annotations

import datetime as dt

from attribution import models
from attribution.domain import configurations
from attribution.selectors import configurations as versions
from attribution.services import turns
from gifting.domain import access
from gifting.services import tenancy


def choose(
    *, actor: access.Actor, chosen: configurations.Configuration, at: dt.datetime
) -> versions.Version:
    """Make these choices current; the same ones again change nothing. Raises Forbidden."""
    actor.require(access.Permission.RUN_ATTRIBUTION)
    with tenancy.organization(actor.organization_id):
        # A run that is under way took its version already, and two choices are made in turn.
        turns.wait(actor.organization_id)
        return _choose(actor, chosen, at)


def require_current(*, actor: access.Actor, at: dt.datetime) -> versions.Version:
    """Return the current version, which a run may name; the first one is made here."""
    actor.require(access.Permission.RUN_ATTRIBUTION)
    with tenancy.organization(actor.organization_id):
        found = versions.current()
        return found if found.version else _choose(actor, found.chosen, at)


def _choose(
    actor: access.Actor, chosen: configurations.Configuration, at: dt.datetime
) -> versions.Version:
    found = versions.current()
    if found.version and found.chosen == chosen:
        return found
    return versions.of(
        models.AttributionConfiguration.objects.create(
            organization_id=actor.organization_id,
            version=found.version + 1,
            model_codes=[model.value for model in chosen.models],
            lookback_days=chosen.lookback_days,
            milestone_lookback_days=chosen.milestone_lookback_days,
            window_anchor=chosen.window_anchor.value,
            contact_mapping=chosen.contact_mapping.value,
            half_life_days=chosen.half_life_days,
            step_days=chosen.step_days,
            channel_scheme=dict(chosen.channel_scheme),
            set_at=at,
        )
    )

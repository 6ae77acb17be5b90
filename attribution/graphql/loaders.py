"""The other ends of the attribution room's edges: one class an edge, one query for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from attribution.selectors import accounts, opportunities, runs
from gifting.graphql import context, loaders


class AccountByIdLoader(loaders.RecordByIdLoader):
    source = accounts.SOURCE


class ContactByIdLoader(loaders.RecordByIdLoader):
    source = accounts.CONTACTS


class ContactRolesByOpportunityIdLoader(loaders.DetailsByWholeIdLoader):
    details = opportunities.CONTACT_ROLES


class TotalsByRunIdLoader(loaders.DetailsByWholeIdLoader):
    details = runs.TOTALS


class RunByPublicIdLoader(context.Loader[UUID, Any]):
    """Find the runs that figures come from."""

    def fetch(self, keys: Sequence[UUID]) -> Mapping[UUID, Any]:
        found = runs.SOURCE.by_public_ids(actor=self.context.actor, ids=keys)
        self.context.meet(list(found.values()))
        return found

"""The reads of the gifting room: each field is one call into a selector."""

from __future__ import annotations

from typing import cast

import strawberry

from gifting.graphql import context, types
from gifting.selectors import organizations


@strawberry.type
class Query:
    """Hold the gifting part of the schema's query type."""

    @strawberry.field(description="Who asks, what they may do, and for which organization.")
    def viewer(self, info: context.Info) -> types.Viewer:
        actor = info.context.actor
        organization = organizations.get(organization_id=actor.organization_id)
        return types.Viewer(
            role=actor.role,
            permissions=sorted(actor.permissions),
            # The record has the type's own attributes.
            organization=cast("types.Organization", organization),
        )

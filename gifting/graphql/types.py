"""The records of the gifting room as the API shows them."""

from __future__ import annotations

import strawberry

from gifting.domain import access
from gifting.graphql import scalars

strawberry.enum(access.Role, description="What a member of an organization is there for.")
strawberry.enum(access.Permission, description="One thing that an actor may do.")


@strawberry.type(description="A company whose gifting is recorded here.")
class Organization:
    """Show the organization that a request belongs to."""

    name: str = strawberry.field(description="The company's name.")
    slug: str = strawberry.field(
        description="Its name in addresses and in the header X-Organization."
    )
    currency: str = strawberry.field(
        description="ISO 4217 code of the currency that totals are reported in."
    )
    time_zone: str = strawberry.field(
        description="IANA name of the time zone that decides the fiscal day of a fact."
    )
    is_synthetic: bool = strawberry.field(
        description="True for a sandbox, whose data is generated."
    )


@strawberry.type(description="Who asks, and for which organization.", directives=[scalars.FREE])
class Viewer:
    """Show the actor of the request."""

    role: access.Role = strawberry.field(description="The actor's role in the organization.")
    permissions: list[access.Permission] = strawberry.field(
        description="Everything the actor may do, in alphabetical order."
    )
    organization: Organization = strawberry.field(
        description="The organization that this request reads and writes."
    )

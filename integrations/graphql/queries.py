"""The reads of the integrations room: each field is one call into a selector."""

from __future__ import annotations

import strawberry

from gifting.graphql import pages
from gifting.selectors import records
from integrations.graphql import inputs, types
from integrations.selectors import imports


@strawberry.type
class Query:
    """Hold the integrations part of the schema's query type."""

    import_runs: pages.Connection[types.ImportRun] = pages.connection(
        imports.SOURCE,
        where=imports.Where,
        conditions=inputs.ImportRunFilter,
        order=inputs.ImportRunOrder,
        unsaid_order=records.Order("id", is_descending=True),
        description="The files that were read. Needs IMPORT.",
    )

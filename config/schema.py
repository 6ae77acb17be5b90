"""The one GraphQL schema: it merges what the rooms offer and executes what the doorway prepared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import strawberry
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute_sync
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from attribution.graphql import queries as attribution_queries
from config import documents, execution, limits
from gifting.graphql import (
    approvals,
    budget_changes,
    budgets,
    calendars,
    charges,
    closes,
    consolidated,
    context,
    deciding,
    exchange,
    gift_rules,
    journals,
    planning,
    reconciliations,
    reports,
    scalars,
)
from gifting.graphql import mutations as gifting_mutations
from gifting.graphql import queries as gifting_queries
from gifting.graphql.procurement import mutations as procurement_mutations
from gifting.graphql.procurement import queries as procurement_queries
from integrations.graphql import queries as integrations_queries

LIMITS: Final = limits.Limits()


@strawberry.type(description="Everything that can be read.")
class Query(
    gifting_queries.Query,
    consolidated.Query,
    charges.Query,
    budgets.Query,
    calendars.Query,
    closes.Query,
    exchange.Query,
    journals.Query,
    reconciliations.Query,
    reports.Query,
    procurement_queries.Query,
    approvals.Query,
    gift_rules.Query,
    attribution_queries.Query,
    integrations_queries.Query,
):
    """Merge the reads of all rooms."""


@strawberry.type(description="Everything that can be changed.")
class Mutation(
    gifting_mutations.Mutation,
    procurement_mutations.Mutation,
    budget_changes.Mutation,
    calendars.Mutation,
    planning.Mutation,
    closes.Mutation,
    journals.Mutation,
    reconciliations.Mutation,
    reports.Mutation,
    deciding.Mutation,
    gift_rules.Mutation,
    charges.Mutation,
):
    """Merge the writes of all rooms."""


class Schema(strawberry.Schema):
    """Execute prepared operations without parsing, validating or wrapping them again."""

    @property
    def core(self) -> GraphQLSchema:
        """Return the schema as graphql-core holds it."""
        return self._schema

    def run(
        self,
        prepared: documents.Prepared,
        *,
        variables: Mapping[str, Any],
        context: context.Context,
        hides_suggestions: bool,
    ) -> ExecutionResult:
        """Execute an operation; what a resolver raises is in the result's errors."""
        return execute_sync(
            self._schema,
            prepared.document,
            context_value=context,
            variable_values=dict(variables),
            operation_name=prepared.operation_name,
            executor_class=self.execution_context_class,
            hide_suggestions=hides_suggestions,
        )

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here: an error's text may quote a row; see `gifting.graphql.errors`."""


schema = Schema(
    query=Query,
    mutation=Mutation,
    config=StrawberryConfig(scalar_map=scalars.SCALARS, relay_max_results=LIMITS.page),
    execution_context_class=execution.Executor,
)

"""Connections: every list of records is asked for, paged and counted the same way.

A cursor is the public id of the row it stands on. A page is found by that row's place in the order,
which an index serves, so nothing is counted to reach it.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any, Final, Generic, cast

import strawberry
from strawberry import UNSET, relay
from strawberry.relay.types import NodeType

from gifting.graphql import context, fields, inputs, scalars
from gifting.selectors import records

UNSAID_SIZE: Final = 20


@strawberry.type(description="A record in a page.")
class Edge(Generic[NodeType]):
    """Show a record's place; the record itself stands for it, so nothing is made for each."""

    cursor: str = fields.derived(
        lambda record, _: str(record.public_id),
        description="Where the record stands: start behind it with `after`.",
    )
    node: NodeType = fields.derived(lambda record, _: record, description="The record.")


@strawberry.type(description="One page of records, and how to get the next.")
class Connection(Generic[NodeType]):
    """Show a page; the count is made when it is asked for."""

    count: strawberry.Private[Callable[[], int]]

    page_info: relay.PageInfo = strawberry.field(description="How to get the page after or before.")
    edges: list[Edge[NodeType]] = strawberry.field(description="The records in their order.")
    total_count: int = fields.derived(
        lambda page, _: page.count(),
        description=(
            "How many records fit the filter. Counting stops at 25001, which stands for more than "
            "25000."
        ),
    )


def connection(
    source: records.Source[Any],
    *,
    where: type[records.Where],
    conditions: type[Any],
    order: type[Any],
    unsaid_order: records.Order,
    description: str,
) -> Any:
    """Declare a paged list of a source's records."""

    def resolve(
        info: context.Info, *, conditions: Any = None, order_by: Any = None, **window: Any
    ) -> Any:
        return _page(
            info,
            source,
            where=inputs.condition(conditions, where),
            order=_order(order_by) if order_by is not None else unsaid_order,
            window=_window(**window),
        )

    # Strawberry reads the arguments from here; their types are those of the list.
    resolve.__signature__ = Signature(  # type: ignore[attr-defined]  # what `inspect` looks for
        [
            Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=context.Info),
            _parameter(
                "conditions", conditions, "Which are wanted; all when left out.", name="filter"
            ),
            _parameter("order_by", order, f"Their order; {_in_words(unsaid_order)} when left out."),
            _parameter(
                "first", int, f"This many from the start; {UNSAID_SIZE} if nothing is said."
            ),
            _parameter("after", str, "Start behind the row of this cursor."),
            _parameter("last", int, "This many from the end, in the same order."),
            _parameter("before", str, "Stop before the row of this cursor."),
        ]
    )
    return strawberry.field(
        resolver=resolve,
        description=description,
        directives=[scalars.ListSize(assumed_size=UNSAID_SIZE)],
    )


def _parameter(
    name_inside: str, kind: type[Any], description: str, *, name: str | None = None
) -> Parameter:
    argument = strawberry.argument(description=description, name=name)
    annotation = Annotated[kind | None, argument]  # type: ignore[valid-type]  # made at run time
    return Parameter(name_inside, Parameter.KEYWORD_ONLY, default=UNSET, annotation=annotation)


def _in_words(order: records.Order) -> str:
    column = "recording" if order.column == "id" else order.column.replace("_", " ")
    return f"by {column}, {'last' if order.is_descending else 'first'} first"


def _page(
    info: context.Info,
    source: records.Source[Any],
    *,
    where: records.Where,
    order: records.Order,
    window: records.Window,
) -> Any:
    request = info.context
    page = source.page(
        actor=request.actor,
        where=where,
        order=order,
        window=window,
        most=info.schema.config.relay_max_results,
    )
    request.meet(page.records)
    return Connection(
        page_info=relay.PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=_cursor(page.records[0]) if page.records else None,
            end_cursor=_cursor(page.records[-1]) if page.records else None,
        ),
        edges=cast("list[Edge[Any]]", page.records),
        count=lambda: source.count(actor=request.actor, where=where),
    )


def _cursor(record: Any) -> str:
    return str(record.public_id)


def _order(asked: Any) -> records.Order:
    is_descending = asked.direction is inputs.OrderDirection.DESCENDING
    return records.Order(asked.field.value, is_descending=is_descending)


def _window(
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> records.Window:
    return records.Window(
        first=UNSAID_SIZE if first is None and last is None else first,
        after=None if after is None else inputs.read_public_id(after, field="after"),
        last=last,
        before=None if before is None else inputs.read_public_id(before, field="before"),
    )

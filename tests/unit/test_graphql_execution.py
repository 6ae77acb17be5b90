"""The executor answers as graphql-core does: the same data, the same errors in the same places."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast
from uuid import UUID

import orjson
import pytest
import strawberry
from django.http import HttpRequest
from graphql import execute_sync, parse
from strawberry import relay
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from config import execution
from gifting.domain import money
from gifting.graphql import context, fields, scalars

PUBLIC_ID = UUID("3f2b8c1e-0d4a-4c55-9c6e-1f7a2b3c4d5e")
BERLIN = dt.timezone(dt.timedelta(hours=2))


@strawberry.enum
class Color(Enum):
    RED = "red"
    BLUE = strawberry.enum_value("blue", name="AZURE")


@dataclass(frozen=True, slots=True)
class Row:
    """A row with something of everything, and some of it wrong."""

    public_id: UUID = PUBLIC_ID
    name: str = "tea"
    number: int = 7
    is_new: bool = True
    color: Any = "red"
    day: dt.date = dt.date(2026, 2, 28)
    at: dt.datetime = dt.datetime(2026, 2, 28, 9, 30, tzinfo=dt.UTC)
    price_minor: int | None = 12_34
    currency: str = "USD"
    nothing: str | None = None
    parent: Row | None = None
    children: tuple[Row | None, ...] = ()

    def fail(self) -> str:
        raise ValueError(self.name)


@strawberry.type
class Item(relay.Node):
    public_id: relay.NodeID[UUID]
    name: str
    number: int
    is_new: bool
    color: Color
    day: dt.date
    at: dt.datetime
    nothing: str | None
    price: scalars.Money | None = fields.amount("price_minor", description="price")
    parent: Item | None = fields.derived(lambda row, _: row.parent, description="parent")
    shared: Item | None = fields.derived(
        lambda row, _: row.parent, description="parent", metadata={fields.SHARED: True}
    )
    children: list[Item]
    maybe_children: list[Item | None] = fields.derived(
        lambda row, _: row.children, description="children"
    )
    wrong: str | None = fields.derived(lambda row, _: row.fail(), description="always fails")
    wrong_at_all: str = fields.derived(lambda row, _: row.fail(), description="always fails")
    required: str = fields.derived(lambda row, _: row.nothing, description="null")

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, Row)

    @strawberry.field
    def times(self, by: int) -> int:
        return self.number * by


@strawberry.type
class Query:
    @strawberry.field
    def item(self) -> Item:
        return cast("Item", ROOT)

    @strawberry.field
    def maybe(self) -> Item | None:
        return cast("Item", ROOT)

    @strawberry.field
    def odd(self) -> Item | None:
        return cast("Item", Row(children=(LEAF, None), number=2**31, color="green"))

    @strawberry.field
    def many(self) -> Item | None:
        return cast("Item", Row(name="many", children=tuple(Row(parent=LEAF) for _ in range(3))))

    @strawberry.field
    def node(self) -> relay.Node:
        return cast("relay.Node", ROOT)

    @strawberry.field
    def far(self) -> Item:
        summer = dt.datetime(2026, 7, 1, 12, 0, 0, 120_000, tzinfo=BERLIN)
        return cast("Item", Row(at=summer, color=Color.BLUE, price_minor=2**60))


LEAF = Row(name="leaf", color="blue", price_minor=None)
ROOT = Row(parent=LEAF, children=(LEAF, Row(name="second", parent=LEAF)))
SCHEMA = strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map=scalars.SCALARS))


def executed(query: str, executor: type[Any], **variables: Any) -> tuple[Any, Any]:
    result = execute_sync(
        SCHEMA._schema,
        parse(query),
        context_value=context.Context(
            request=HttpRequest(), caller=None, at=dt.datetime.now(tz=dt.UTC)
        ),
        variable_values=variables,
        executor_class=executor,
    )
    written = orjson.loads(orjson.dumps(result.data, option=orjson.OPT_UTC_Z))
    return written, [(error.message, error.path, error.locations) for error in result.errors or ()]


@pytest.mark.parametrize(
    "query",
    [
        "{ item { id name number isNew color day at nothing __typename } }",
        "{ item { again: name name name parent { name } } }",
        "{ item { price { amountMinor amount currency } parent { price { amount } } } }",
        "{ item { children { name color parent { name } shared { id name } } } }",
        "{ item { maybeChildren { name } } odd { maybeChildren { name } } }",
        "{ item { times(by: 3) children { times(by: 2) ... on Node { id } } } }",
        "{ far { at color price { amountMinor amount } } }",
        "{ node { __typename id ... on Item { name } } }",
        "{ __typename __schema { queryType { name } } item { __typename } }",
        """fragment part on Item { name parent { ...deep } } fragment deep on Item { color }
        { item { ...part ... on Item { number } } }""",
        # What goes wrong, at every kind of place.
        "{ item { name wrong } }",
        "{ maybe { name wrongAtAll } }",
        "{ item { wrongAtAll } }",
        "{ maybe { required } }",
        "{ maybe { parent { required } } }",
        "{ maybe { children { wrong name } } }",
        "{ maybe { children { wrongAtAll } name } }",
        "{ maybe { maybeChildren { wrongAtAll } name } }",
        "{ maybe { children { shared { wrong name } } } }",
        "{ many { children { shared { wrong name } } } }",
        "{ many { children { shared { wrongAtAll name } } } }",
        "{ odd { number } }",
        "{ odd { color } }",
        "{ odd { children { name } } }",
        "{ odd { name maybeChildren { required } } }",
    ],
)
def test_the_answer_is_the_one_of_graphql_core(query: str) -> None:
    expected = executed(query, StrawberryGraphQLCoreExecutionContext)

    found = executed(query, execution.Executor)

    assert found == expected


@pytest.mark.parametrize("wanted", [True, False])
def test_fields_are_left_out_as_directives_say(wanted: bool) -> None:  # noqa: FBT001 - a parameter
    query = (
        "query ($wanted: Boolean!) { item { name @include(if: $wanted) children {"
        " number @skip(if: $wanted) name } } }"
    )

    found = executed(query, execution.Executor, wanted=wanted)

    assert found == executed(query, StrawberryGraphQLCoreExecutionContext, wanted=wanted)
    assert ("name" in found[0]["item"]) is wanted


def test_a_record_that_many_rows_lead_to_is_answered_once() -> None:
    reads: list[str] = []

    class Counted(execution.Executor):
        def execute_fields(self, parent_type: Any, source_value: Any, *others: Any) -> Any:
            reads.append(getattr(source_value, "name", ""))
            return super().execute_fields(parent_type, source_value, *others)

    found = executed("{ many { children { shared { name } } } }", Counted)

    assert found == ({"many": {"children": [{"shared": {"name": "leaf"}}] * 3}}, [])
    assert reads.count("leaf") == 1


def test_money_of_the_domain_is_shown_without_being_copied() -> None:
    found, errors = executed(
        "{ item { price { amountMinor amount currency } } }", execution.Executor
    )

    expected = money.Money(12_34, "USD")
    assert errors == []
    assert found["item"]["price"] == {
        "amountMinor": expected.amount_minor,
        "amount": expected.decimal_text,
        "currency": "USD",
    }

"""What one request to the API may ask for, decided before anything is executed.

One walk over the document measures depth, aliases, spreads, repeated fields, page sizes, list
lengths and cost together. Each fragment is walked once and its weight remembered, so the time is
linear in the text however often fragments spread each other.

Cost counts the objects that can come back: an object is 1 and what is in it is added, a list
multiplies by its size, a connection multiplies its rows by `first` or `last` (by the largest page
when neither is given), a mutation is 10. `@cost` and `@listSize` in the schema say where it is
otherwise. Fields left out by `@skip` or `@include` are counted all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from gifting.graphql import scalars

MUTATION_COST: Final = 10
ASSUMED_LIST_SIZE: Final = 10
PAGE_ARGUMENTS: Final = frozenset({"first", "last"})
ROW_FIELDS: Final = frozenset({"edges", "nodes"})
INTROSPECTION_FIELDS: Final = frozenset({"__schema", "__type"})
INTROSPECTION_PREFIX: Final = "__"
LONGEST_PAGE_DIGITS: Final = 9
NUL: Final = "\0"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound one request; every figure is the most that is still accepted."""

    depth: int = 12
    aliases: int = 15
    fragments: int = 20
    spreads: int = 50
    repeats: int = 15
    tokens: int = 2_000
    comments: int = 200
    document_characters: int = 100_000
    cost: int = 1_000
    page: int = 100
    list_items: int = 250
    variable_values: int = 10_000
    body_bytes: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Measure:
    """The cost of an operation, and whether other variables would make another one."""

    cost: int
    depends_on_variables: bool


class LimitExceeded(GraphQLError):  # noqa: N818 - an answer to the client, as a Refusal is
    """Say which limit was passed and how to ask for less."""

    def __init__(self, code: str, message: str, node: Node | None = None, *, cost: int = 0) -> None:
        super().__init__(message, node, extensions={"code": code})
        self.cost = cost


class Meter:
    """Measure operations against the limits, with the prices of one schema."""

    def __init__(
        self, schema: GraphQLSchema, limits: Limits, *, allows_introspection: bool
    ) -> None:
        self.limits = limits
        self.allows_introspection = allows_introspection
        self.prices = _price_list(schema, limits)
        self._schema = schema

    def measure(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> Measure:
        """Walk the whole document once; raises LimitExceeded."""
        walk = _Walk(self, document, _page_sizes(operation, variables))
        cost = walk.document(operation)
        if cost > self.limits.cost:
            raise LimitExceeded(
                "COST_LIMIT",
                f"This asks for up to {cost:,} objects at once and {self.limits.cost:,} are "
                "allowed. Ask for smaller pages with `first`, or nest fewer lists.",
                cost=cost,
            )
        return Measure(cost, walk.depends_on_variables)

    def check_variables(self, variables: Mapping[str, Any]) -> None:
        """Refuse long lists, too many values, and NUL, which no text column can hold."""
        waiting: list[Any] = [variables]
        values_seen = 0
        while waiting:
            value = waiting.pop()
            values_seen += 1
            if isinstance(value, dict):
                waiting.extend(value.values())
            elif isinstance(value, list):
                self.check_list(len(value))
                waiting.extend(value)
            elif isinstance(value, str) and NUL in value:
                raise _nul_refused()
            if values_seen > self.limits.variable_values:
                raise LimitExceeded(
                    "LIST_LIMIT",
                    f"The variables hold more than {self.limits.variable_values:,} values. Send "
                    "them in several requests.",
                )

    def check_list(self, length: int, node: Node | None = None) -> None:
        if length > self.limits.list_items:
            raise LimitExceeded(
                "LIST_LIMIT",
                f"A list holds {length:,} entries and {self.limits.list_items} are allowed. Send "
                "them in several requests.",
                node,
            )

    def root_name(self, operation: OperationDefinitionNode) -> str:
        root = self._schema.get_root_type(operation.operation)
        return root.name if root else ""


class _Shape(Enum):
    ONE = "one object or value"
    LIST = "a list"
    CONNECTION = "a connection, which pages its rows"
    ROWS = "the rows of a connection"


class _Price(NamedTuple):
    weight: int
    size: int
    shape: _Shape
    is_paged: bool
    result: str


class _Weight(NamedTuple):
    """What a selection set adds up to; `per_row` is still to be multiplied by a page."""

    depth: int = 0
    aliases: int = 0
    cost: int = 0
    per_row: int = 0


_NOTHING: Final = _Weight()
_UNKNOWN: Final = _Price(weight=0, size=1, shape=_Shape.ONE, is_paged=False, result="")


class _Walk:
    """Weigh one document; the counters run over its whole text, fragments are weighed once."""

    def __init__(self, meter: Meter, document: DocumentNode, page_sizes: Mapping[str, Any]) -> None:
        self.meter = meter
        self.limits = meter.limits
        self.page_sizes = page_sizes
        self.depends_on_variables = False
        self.level = 0
        self.spreads = 0
        self.repeats = 0
        self.weights: dict[str, _Weight] = {}
        self.fragments: dict[str, FragmentDefinitionNode] = {}
        self.operations: list[OperationDefinitionNode] = []
        for definition in document.definitions:
            if isinstance(definition, FragmentDefinitionNode):
                self.fragments[definition.name.value] = definition
            elif isinstance(definition, OperationDefinitionNode):
                self.operations.append(definition)

    def document(self, chosen: OperationDefinitionNode) -> int:
        """Weigh every definition, since validation reads them all; return the chosen one's cost."""
        if len(self.fragments) > self.limits.fragments:
            raise LimitExceeded(
                "FRAGMENT_LIMIT",
                f"The document defines {len(self.fragments)} fragments and "
                f"{self.limits.fragments} are allowed. Merge some, or send several requests.",
            )
        for name in self.fragments:
            self.fragment(name)
        cost = 0
        for operation in self.operations:
            weight = self.selections(operation.selection_set, self.meter.root_name(operation))
            self.check_aliases(weight, operation)
            if operation is chosen:
                cost = weight.cost
        return cost

    def fragment(self, name: str) -> _Weight:
        if name not in self.fragments:
            return _NOTHING
        if name not in self.weights:
            # A fragment met inside itself weighs nothing here; validation refuses the circle.
            self.weights[name] = _NOTHING
            node = self.fragments[name]
            condition = node.type_condition.name.value
            if condition.startswith(INTROSPECTION_PREFIX):
                self.weights[name] = self.introspection(node)
            else:
                self.weights[name] = self.selections(node.selection_set, condition)
        return self.weights[name]

    def selections(self, node: SelectionSetNode, parent: str) -> _Weight:
        depth = aliases = cost = per_row = 0
        response_names: set[str] = set()
        for selection in node.selections:
            if isinstance(selection, FragmentSpreadNode | InlineFragmentNode):
                weight = self.spread(selection, parent)
            elif isinstance(selection, FieldNode):
                self.count_repeat((selection.alias or selection.name).value, response_names, node)
                weight = self.field(selection, parent)
            depth = max(depth, weight.depth)
            aliases += weight.aliases
            cost += weight.cost
            per_row += weight.per_row
        return _Weight(depth, aliases, cost, per_row)

    def field(self, node: FieldNode, parent: str) -> _Weight:
        name = node.name.value
        if name in INTROSPECTION_FIELDS:
            return self.introspection(node)
        self.check_depth(1, node)
        price = self.meter.prices.get((parent, name), _UNKNOWN)
        size = self.size(node, price)
        under = _NOTHING
        if node.selection_set:
            self.level += 1
            under = self.selections(node.selection_set, price.result)
            self.level -= 1
        cost, per_row = _cost(price, size, under)
        return _Weight(under.depth + 1, under.aliases + bool(node.alias), cost, per_row)

    def spread(self, node: FragmentSpreadNode | InlineFragmentNode, parent: str) -> _Weight:
        self.spreads += 1
        if self.spreads > self.limits.spreads:
            raise LimitExceeded(
                "SPREAD_LIMIT",
                f"The document spreads fragments more than {self.limits.spreads} times. Write the "
                "fields out, or send several requests.",
                node,
            )
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            inside = condition.name.value if condition else parent
            return self.selections(node.selection_set, inside)
        weight = self.fragment(node.name.value)
        self.check_depth(weight.depth, node)
        return weight

    def size(self, node: FieldNode, price: _Price) -> int:
        """Look through the arguments; return how many entries they ask for."""
        asked: list[int] = []
        for argument in node.arguments or ():
            self.value(argument.value)
            if price.is_paged and argument.name.value in PAGE_ARGUMENTS:
                asked.extend(self.page(argument.value))
        return max(asked, default=price.size)

    def page(self, node: ValueNode) -> Iterator[int]:
        size: Any = None
        if isinstance(node, VariableNode):
            self.depends_on_variables = True
            size = self.page_sizes.get(node.name.value)
        elif isinstance(node, IntValueNode):
            size = int(node.value[:LONGEST_PAGE_DIGITS])
        # What is no whole number is refused later, by its type.
        if type(size) is int:
            if not 0 <= size <= self.limits.page:
                raise LimitExceeded(
                    "PAGE_LIMIT",
                    f"A page holds 0 to {self.limits.page} entries. Ask for one that size and "
                    "follow its `pageInfo.endCursor` with `after`.",
                    node,
                )
            yield size

    def value(self, node: ValueNode) -> None:
        if isinstance(node, ListValueNode):
            self.meter.check_list(len(node.values), node)
            for item in node.values:
                self.value(item)
        elif isinstance(node, ObjectValueNode):
            for field in node.fields:
                self.value(field.value)
        elif isinstance(node, StringValueNode) and NUL in node.value:
            raise _nul_refused(node)

    def introspection(self, node: Node) -> _Weight:
        """Let tools read the schema where that is allowed: it costs no row of anybody's."""
        if not self.meter.allows_introspection:
            raise LimitExceeded(
                "INTROSPECTION_DISABLED",
                "The schema is not served here. It is published with the product as "
                "config/schema.graphql.",
                node,
            )
        return _NOTHING

    def count_repeat(self, name: str, seen: set[str], node: Node) -> None:
        self.repeats += name in seen
        seen.add(name)
        if self.repeats > self.limits.repeats:
            raise LimitExceeded(
                "REPEAT_LIMIT",
                f"The document writes a field again more than {self.limits.repeats} times. Write "
                "each field of a selection once.",
                node,
            )

    def check_depth(self, below: int, node: Node) -> None:
        if self.level + below > self.limits.depth:
            raise LimitExceeded(
                "DEPTH_LIMIT",
                f"The document nests fields more than {self.limits.depth} deep. Ask for the inner "
                "records in a request of their own.",
                node,
            )

    def check_aliases(self, weight: _Weight, node: Node) -> None:
        if weight.aliases > self.limits.aliases:
            raise LimitExceeded(
                "ALIAS_LIMIT",
                f"The operation renames fields {weight.aliases:,} times and "
                f"{self.limits.aliases} are allowed. Send several requests.",
                node,
            )


def _cost(price: _Price, size: int, under: _Weight) -> tuple[int, int]:
    """Return what a field costs, and what it costs for each row of the connection it stands in."""
    one = price.weight + under.cost + under.per_row
    if price.shape is _Shape.ROWS:
        return 0, one
    if price.shape is _Shape.CONNECTION:
        return price.weight + under.cost + size * under.per_row, 0
    return size * one, 0


def _page_sizes(
    operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Give each variable the value it will have where a page size is read."""
    defaults = {
        definition.variable.name.value: int(definition.default_value.value[:LONGEST_PAGE_DIGITS])
        for definition in operation.variable_definitions or ()
        if isinstance(definition.default_value, IntValueNode)
    }
    return {**defaults, **variables}


def _nul_refused(node: Node | None = None) -> LimitExceeded:
    return LimitExceeded(
        "BAD_USER_INPUT",
        "A text holds the character NUL (U+0000), which cannot be stored. Remove it.",
        node,
    )


def _price_list(schema: GraphQLSchema, limits: Limits) -> Mapping[tuple[str, str], _Price]:
    """Read the price of every field once, from its type and the directives on both."""
    mutation = schema.mutation_type
    return {
        (parent.name, name): _price(
            field, limits, parent=parent.name, name=name, is_mutation=parent is mutation
        )
        for parent in schema.type_map.values()
        if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
        for name, field in parent.fields.items()
    }


def _price(
    field: GraphQLField, limits: Limits, *, parent: str, name: str, is_mutation: bool
) -> _Price:
    result = get_named_type(field.type)
    is_list = isinstance(_nullable(field.type), GraphQLList)
    is_paged = any(argument in PAGE_ARGUMENTS for argument in field.args)
    shape = _Shape.LIST if is_list else _Shape.ONE
    if is_list and name in ROW_FIELDS and _is_connection(parent):
        shape = _Shape.ROWS
    elif _is_connection(result.name):
        shape = _Shape.CONNECTION
    size = 1
    if is_list or is_paged:
        size = _assumed_size(field, unsaid=limits.page if is_paged else ASSUMED_LIST_SIZE)
    return _Price(
        _weight_of(field, result, is_mutation=is_mutation), size, shape, is_paged, result.name
    )


def _weight_of(field: GraphQLField, result: Any, *, is_mutation: bool) -> int:
    stated = [*_directives(field, scalars.Cost), *_directives(result, scalars.Cost)]
    if _directives(field, scalars.Cost):
        return int(stated[0].weight)
    if is_mutation:
        return MUTATION_COST
    if stated:
        return int(stated[0].weight)
    is_leaf = isinstance(result, GraphQLScalarType | GraphQLEnumType)
    return 0 if is_leaf or _is_wrapper(result.name) else 1


def _assumed_size(field: GraphQLField, *, unsaid: int) -> int:
    stated = _directives(field, scalars.ListSize)
    return int(stated[0].assumed_size) if stated else unsaid


def _directives(defined: Any, kind: type[Any]) -> list[Any]:
    definition = defined.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return [
        stated for stated in getattr(definition, "directives", None) or () if type(stated) is kind
    ]


def _is_connection(type_name: str) -> bool:
    return type_name.endswith("Connection")


def _is_wrapper(type_name: str) -> bool:
    """Tell the types that only hold other objects together, as Relay names them."""
    return type_name.endswith(("Connection", "Edge", "Payload")) or type_name == "PageInfo"


def _nullable(type_: Any) -> Any:
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_

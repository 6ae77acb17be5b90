"""Execute a prepared operation: as graphql-core does, without its machinery where none is needed.

Most fields of a page are a column, a function of the row, or an object made from the row, and none
takes an argument. For each selection of such fields a plan is made once a request, and each row
runs through it. Every other field (one with arguments, extensions or an abstract type) is left to
graphql-core, field by field. Errors are located, and null goes up to the next nullable field,
exactly as it does there.

Moments, days and UUIDs stay values in the result: the doorway's JSON writer writes them as their
scalars do, and much faster.
"""

from __future__ import annotations

import datetime as dt
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path
from strawberry import relay
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from gifting.graphql import context, fields

TYPENAME: Final = "__typename"
LARGEST_INT: Final = 2**31

# Values of exactly this class are written as they are.
AS_THEY_ARE: Final[Mapping[str, type]] = MappingProxyType(
    {"String": str, "ID": str, "Boolean": bool, "Date": dt.date, "UUID": UUID}
)

Read = Callable[[Any], Any]
Complete = Callable[[Any, "Path | None"], Any]


class Step(NamedTuple):
    """One field of a plan; without `read` it is left to graphql-core."""

    name: str
    details: FieldDetailsList
    type_: Any
    read: Read | None
    as_it_is: type | None
    complete: Complete


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Execute one operation."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Held with the selection it is for: the key is its identity, which must not be used again.
        self._plans: dict[int, tuple[GroupedFieldSet, list[Step]]] = {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> Any:
        """Answer the fields of one object."""
        known = self._plans.get(id(grouped_field_set))
        if known is None:
            plan = [self._step(parent_type, *field) for field in grouped_field_set.items()]
            known = self._plans[id(grouped_field_set)] = (grouped_field_set, plan)
        results = {}
        # This loop runs for each field of each row: what it does not do is what makes it fast.
        for name, details, type_, read, as_it_is, complete in known[1]:
            if read is None:
                place = Path(path, name, parent_type.name)
                results[name] = self.execute_field(
                    parent_type, source_value, details, place, position_context
                )
                continue
            try:
                value = read(source_value)
                if value.__class__ is as_it_is:
                    results[name] = value
                elif value is not None:
                    results[name] = complete(value, path)
                else:
                    _require_nullable(type_, parent_type, details)
                    results[name] = None
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this field's error
                place = Path(path, name, parent_type.name)
                self.handle_field_error(error, type_, details, place)
                results[name] = None
        return results

    def _step(self, parent: GraphQLObjectType, name: str, details: FieldDetailsList) -> Step:
        field_name = details[0].node.name.value
        if field_name == TYPENAME:
            return Step(name, details, None, lambda _: parent.name, str, _unreachable)
        field = parent.fields.get(field_name)
        read = _read(parent, field, self.context_value) if field else None
        if field is None or read is None:
            return Step(name, details, None, None, None, _unreachable)
        inner = _nullable(field.type)
        if isinstance(inner, GraphQLScalarType | GraphQLEnumType):
            as_it_is = AS_THEY_ARE.get(inner.name)
            return Step(name, details, field.type, read, as_it_is, _writer(inner))
        if isinstance(inner, GraphQLObjectType):
            complete = self._object(parent, name, inner, details)
            if _is_shared(field):
                complete = self._once(complete)
        elif _is_list_of_objects(inner):
            complete = self._list(parent, name, inner.of_type.of_type, details)
        else:
            return Step(name, details, None, None, None, _unreachable)
        return Step(name, details, field.type, read, None, complete)

    def _object(
        self, parent: GraphQLObjectType, name: str, kind: GraphQLObjectType, details: Any
    ) -> Complete:
        selected = self.collect_subfields(kind, details).grouped_field_set
        execute, parent_name = self.execute_fields, parent.name

        def complete(value: Any, path: Path | None) -> Any:
            return execute(kind, value, Path(path, name, parent_name), selected, None)

        return complete

    def _once(self, complete: Complete) -> Complete:
        """Answer for each record once: many rows lead to the same few."""
        known: dict[int, Any] = {}
        collected = self.collected_errors

        def complete_once(value: Any, path: Path | None) -> Any:
            # A loader holds the record, so its identity stays its own.
            if id(value) not in known:
                errors = len(collected.errors)
                answer = complete(value, path)
                if len(collected.errors) > errors:
                    return answer
                known[id(value)] = answer
            return known[id(value)]

        return complete_once

    def _list(
        self, parent: GraphQLObjectType, name: str, kind: GraphQLObjectType, details: Any
    ) -> Complete:
        selected = self.collect_subfields(kind, details).grouped_field_set
        execute, parent_name = self.execute_fields, parent.name
        item_type = GraphQLNonNull(kind)

        def complete(values: Any, path: Path | None) -> Any:
            place = Path(path, name, parent_name)
            answers = []
            for index, value in enumerate(values):
                spot = Path(place, index, None)
                if value is None:
                    self.handle_field_error(_no_null(parent, details), item_type, details, spot)
                answers.append(execute(kind, value, spot, selected, None))
            return answers

        return complete


def _read(parent: GraphQLObjectType, field: GraphQLField, request: context.Context) -> Read | None:
    """Return how to read a field from its row alone, if it can be."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryField) or field.args or definition.extensions:
        return None
    read = definition.metadata.get(fields.READ)
    if read is not None:
        return lambda row: read(row, request)
    if definition.is_basic_field:
        return attrgetter(definition.python_name)
    return _read_id(parent) if definition.python_name == "_id" else None


def _is_shared(field: GraphQLField) -> bool:
    definition = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return fields.SHARED in definition.metadata


def _read_id(parent: GraphQLObjectType) -> Read | None:
    """Read a Relay id as `GlobalID` writes it."""
    origin = parent.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].origin
    if not issubclass(origin, relay.Node):
        return None
    key_of, kind = attrgetter(origin.resolve_id_attr()), parent.name
    return lambda row: b2a_base64(f"{kind}:{key_of(row)}".encode(), newline=False).decode()


def _writer(type_: GraphQLScalarType | GraphQLEnumType) -> Complete:
    coerce = type_.coerce_output_value
    if isinstance(type_, GraphQLEnumType):
        names = {value.value: name for name, value in type_.values.items()}
        return lambda value, _: names.get(value) or _written(type_, coerce(value))
    if type_.name == "Int":
        return lambda value, _: (
            value
            if value.__class__ is int and -LARGEST_INT <= value < LARGEST_INT
            else _written(type_, coerce(value))
        )
    if type_.name == "DateTime":
        return lambda value, _: value if value.tzinfo is dt.UTC else _written(type_, coerce(value))
    return lambda value, _: _written(type_, coerce(value))


def _written(type_: GraphQLScalarType | GraphQLEnumType, written: Any) -> Any:
    if written is None:
        raise TypeError(f"A value of {type_.name} was written as nothing.")
    return written


def _require_nullable(type_: Any, parent: GraphQLObjectType, details: FieldDetailsList) -> None:
    if isinstance(type_, GraphQLNonNull):
        raise _no_null(parent, details)


def _no_null(parent: GraphQLObjectType, details: FieldDetailsList) -> TypeError:
    name = details[0].node.name.value
    return TypeError(f"Cannot return null for non-nullable field {parent.name}.{name}.")


def _nullable(type_: Any) -> Any:
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_


def _is_list_of_objects(type_: Any) -> bool:
    return (
        isinstance(type_, GraphQLList)
        and isinstance(type_.of_type, GraphQLNonNull)
        and isinstance(type_.of_type.of_type, GraphQLObjectType)
    )


def _unreachable(value: Any, path: Path | None) -> Any:
    raise AssertionError((value, path))

"""Write a selection of everything that a type of the schema shows, some levels deep."""

from __future__ import annotations

from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type, is_leaf_type

from config import schema

CORE = schema.schema.core


def everything_of(type_name: str, *, levels: int) -> str:
    """Select all fields without arguments, and those of the records they lead to."""
    kind = CORE.type_map[type_name]
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    chosen = []
    for name, field in kind.fields.items():
        result = get_named_type(field.type)
        if field.args:
            continue
        if is_leaf_type(result):
            chosen.append(name)
        elif levels > 0 or result.name == "Money":
            chosen.append(f"{name} {everything_of(result.name, levels=levels - 1)}")
    return "{ " + " ".join(chosen) + " }"


def connections() -> dict[str, str]:
    """Return the type of record that each connection of the query type pages."""
    assert CORE.query_type is not None
    results = {
        name: get_named_type(field.type).name for name, field in CORE.query_type.fields.items()
    }
    return {
        name: result.removesuffix("Connection")
        for name, result in results.items()
        if result.endswith("Connection")
    }

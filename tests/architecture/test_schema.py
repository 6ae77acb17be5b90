"""The GraphQL schema keeps the house's conventions, and the committed text is the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import astuple
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
    is_specified_scalar_type,
    parse,
    validate,
)

from config import schema
from config.limits import PAGE_ARGUMENTS

CORE = schema.schema.core
CODE = re.compile(r'^ +(?:\d{3}, )?"([A-Z]{3,}(?:_[A-Z]+)+)",', re.MULTILINE)
DOORWAY = ("requests", "documents", "limits", "view")
COMMITTED = Path(settings.BASE_DIR) / "config" / "schema.graphql"


def own_types() -> list[GraphQLNamedType]:
    return [
        type_
        for type_ in CORE.type_map.values()
        if not is_introspection_type(type_) and not is_specified_scalar_type(type_)
    ]


def own_fields() -> Iterator[tuple[str, GraphQLField]]:
    for type_ in own_types():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", field


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    exported = StringIO()

    call_command("export_schema", "config.schema", stdout=exported)

    assert COMMITTED.read_text().strip() == exported.getvalue().strip(), (
        "Run `uv run manage.py export_schema config.schema --path config/schema.graphql`."
    )


def test_everything_is_described() -> None:
    undescribed = [type_.name for type_ in own_types() if not type_.description]
    for where, field in own_fields():
        undescribed += [where] * (not field.description)
        undescribed += [
            f"{where}({name}:)" for name, argument in field.args.items() if not argument.description
        ]
    for type_ in own_types():
        if isinstance(type_, GraphQLInputObjectType):
            undescribed += [
                f"{type_.name}.{name}"
                for name, field in type_.fields.items()
                if not field.description
            ]
        if isinstance(type_, GraphQLEnumType):
            undescribed += [
                f"{type_.name}.{name}"
                for name, value in type_.values.items()
                if not value.description
            ]

    assert undescribed == []


def test_every_example_of_the_guide_is_valid() -> None:
    guide = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()
    examples = re.findall(r"```graphql\n(.*?)```", guide, re.DOTALL)

    errors = [validate(CORE, parse(example)) for example in examples]

    assert errors == [[], []]


def test_no_number_is_a_float() -> None:
    assert "Float" not in CORE.type_map


def test_every_list_of_records_is_paged_or_says_how_long_it_is() -> None:
    endless = [
        where
        for where, field in own_fields()
        if isinstance(get_nullable_type(field.type), GraphQLList)
        and isinstance(get_named_type(field.type), GraphQLObjectType)
        and not where.endswith((".edges", ".nodes", ".userErrors"))
        and not PAGE_ARGUMENTS & field.args.keys()
        and not _says_its_size(field)
    ]

    assert endless == []


def test_every_mutation_takes_one_input_and_answers_with_user_errors() -> None:
    mutations = CORE.mutation_type.fields if CORE.mutation_type else {}

    for name, field in mutations.items():
        payload = get_named_type(field.type)
        assert list(field.args) == ["input"], name
        assert isinstance(field.args["input"].type, GraphQLNonNull), name
        assert isinstance(payload, GraphQLObjectType), name
        assert payload.name.endswith("Payload"), name
        assert str(payload.fields["userErrors"].type) == "[UserError!]!", name


def test_no_root_field_is_written_in_two_rooms() -> None:
    """A room that repeats another's field would hide it without a word."""
    roots = [root for root in (CORE.query_type, CORE.mutation_type) if root]
    merged = [vars(schema)[root.name] for root in roots]

    written = [
        field.name
        for root in merged
        for room in root.__bases__
        if room is not object
        for field in room.__strawberry_definition__.fields
    ]

    assert sorted(written) == sorted(name for root in merged for name in _field_names(root))


def test_the_guide_names_every_code_and_every_limit() -> None:
    guide = (Path(settings.BASE_DIR) / "docs" / "api.md").read_text()
    doorway = [Path(settings.BASE_DIR) / "config" / f"{name}.py" for name in DOORWAY]
    codes = {code for file in doorway for code in CODE.findall(file.read_text())}

    unnamed = {code for code in codes if f"`{code}`" not in guide}
    unsaid = [most for most in astuple(schema.LIMITS) if f"{most:,}" not in guide]

    assert (unnamed, unsaid) == (set(), [])


def _field_names(root: type[Any]) -> list[str]:
    return [field.name for field in root.__strawberry_definition__.fields]


def _says_its_size(field: GraphQLField) -> bool:
    definition = field.extensions.get("strawberry-definition")
    directives = getattr(definition, "directives", ())
    return any(type(directive).__name__ == "ListSize" for directive in directives)

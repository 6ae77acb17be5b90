"""Fields that need nothing but the row they stand on and the request they belong to.

Such a field is declared with a `read`, a plain function of both. It is an ordinary resolver to
GraphQL; the executor (`config/execution.py`) calls the function itself, without the machinery that
a resolver with arguments needs, which is what makes a page cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeVar

import strawberry
from strawberry import relay

from gifting.domain import money
from gifting.graphql import context
from gifting.selectors import records

READ: Final = "read"
# Marks a field whose values are held for the whole request, so that an answer can be used again.
SHARED: Final = "shared"

Read = Callable[[Any, context.Context], Any]
EnumType = TypeVar("EnumType", bound=type[Enum])


class Record(relay.Node):
    """Be the base of every type that shows the rows of a source, with their public ids."""

    rows: ClassVar[records.Source[Any]]

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        """Know the source's rows as values of this type."""
        return isinstance(value, cls.rows.record)


def derived(
    read: Read,
    *,
    description: str,
    directives: Sequence[object] = (),
    metadata: Mapping[str, object] = MappingProxyType({}),
) -> Any:
    """Show what a function makes of the row and the request."""

    def resolve(root: Any, info: context.Info) -> Any:
        return read(root, info.context)

    return strawberry.field(
        resolver=resolve,
        description=description,
        directives=directives,
        metadata={READ: read, **metadata},
    )


def link(
    kind: type[context.Loader[Any, Any]],
    key: str,
    *,
    description: str,
    directives: Sequence[object] = (),
) -> Any:
    """Follow an edge: the first row that asks brings the keys of all its siblings along."""
    read = partial(_follow, kind=kind, key_of=attrgetter(key))
    return derived(read, description=description, directives=directives, metadata={SHARED: True})


def amount(minor: str, *, description: str, currency: str = "currency") -> Any:
    """Show a column of minor units as money, null where it is not given."""
    minor_of, currency_of = attrgetter(minor), attrgetter(currency)

    def read(row: Any, _: context.Context) -> money.Money | None:
        amount_minor = minor_of(row)
        return None if amount_minor is None else money.Money(amount_minor, currency_of(row))

    return derived(read, description=description)


def synthetic_organization() -> Any:
    """Tell whether a row, which has no mark of its own, may be generated."""
    return derived(
        lambda _, request: request.organization.is_synthetic,
        description=(
            "True when the organization holds generated sandbox data, of which this may be a part."
        ),
    )


def describe(enum: EnumType, *, description: str, values: Mapping[str, str], name: str) -> EnumType:
    """Offer an enumeration of the rooms below, each value with its meaning."""
    described = strawberry.enum(enum, name=name, description=description)
    for value in described.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by Strawberry
        value.description = values[value.name]
    return enum


def _follow(
    row: Any,
    request: context.Context,
    *,
    kind: type[context.Loader[Any, Any]],
    key_of: Callable[[Any], Any],
) -> Any:
    key = key_of(row)
    if key is None:
        return None
    loader = request.loader(kind)
    if not loader.knows(key):
        keys = map(key_of, request.siblings(row))
        loader.announce(key for key in keys if key is not None)
    return loader.load(key)

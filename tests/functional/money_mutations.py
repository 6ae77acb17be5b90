"""Every mutation that takes money, found in the schema, and an input of each that is accepted."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from graphql import GraphQLInputObjectType, GraphQLNamedType, get_named_type

from config import schema
from tests.factories import organizations, sends

CORE = schema.schema.core
MONEY = "MoneyInput"
MINOR = "MinorUnits"
DECIMAL = "Decimal"

Path = tuple[str | int, ...]
Input = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A place in an input, and the type that is written there."""

    path: Path
    kind: str


def names() -> list[str]:
    """Name every mutation with money anywhere in its input."""
    fields = CORE.mutation_type.fields if CORE.mutation_type else {}
    return sorted(
        name
        for name, field in fields.items()
        if any(_holds_money(get_named_type(argument.type)) for argument in field.args.values())
    )


def document(name: str) -> str:
    """Ask for the mutation's refusals."""
    return f"""mutation ($input: {_input_of(name)}) {{
        {name}(input: $input) {{ userErrors {{ code field message }} }} }}"""


def leaves(name: str, given: Input) -> Iterator[Leaf]:
    """List each scalar that the input gives, by its place."""
    kind = get_named_type(_input_of(name))
    yield from _leaves(kind, given, ())


def changed(given: Any, path: Path, value: Any) -> Any:
    """Return the input with another value in one place."""
    if not path:
        return value
    first, *rest = path
    if isinstance(given, list):
        return [
            changed(each, tuple(rest), value) if place == first else each
            for place, each in enumerate(given)
        ]
    return {**given, first: changed(given[first], tuple(rest), value)}


def id_of(kind: str, public_id: UUID) -> str:
    return base64.b64encode(f"{kind}:{public_id}".encode()).decode()


def money(amount_minor: int = 10_00, currency: str = "USD") -> Input:
    return {"amountMinor": amount_minor, "currency": currency}


def _input_of(name: str) -> Any:
    assert CORE.mutation_type is not None
    return CORE.mutation_type.fields[name].args["input"].type


def _holds_money(kind: GraphQLNamedType, seen: frozenset[str] = frozenset()) -> bool:
    if kind.name in {MONEY, MINOR}:
        return True
    if kind.name in seen or not isinstance(kind, GraphQLInputObjectType):
        return False
    return any(
        _holds_money(get_named_type(field.type), seen | {kind.name})
        for field in kind.fields.values()
    )


def _leaves(kind: GraphQLNamedType, given: Any, path: Path) -> Iterator[Leaf]:
    if given is None:
        return
    if isinstance(given, list):
        for place, each in enumerate(given):
            yield from _leaves(kind, each, (*path, place))
    elif isinstance(kind, GraphQLInputObjectType):
        for name, value in given.items():
            yield from _leaves(get_named_type(kind.fields[name].type), value, (*path, name))
    else:
        yield Leaf(path, kind.name)


def _approve_budget() -> Input:
    return {
        "name": "Spring",
        "amount": money(),
        "costCenterId": id_of("CostCenter", organizations.make_cost_center().public_id),
        "fiscalPeriodId": id_of("FiscalPeriod", sends.period_of(sends.DAY).public_id),
    }


# Each makes what the input names, in the organization that is entered.
ACCEPTED: Mapping[str, Callable[[], Input]] = {
    "approveBudget": _approve_budget,
}
# Mutations for which an amount below zero means something.
SIGNED: Mapping[str, str] = {}
# Mutations that post to no fiscal period.
TIMELESS: Mapping[str, str] = {
    "approveBudget": "a budget is planned, not posted",
}

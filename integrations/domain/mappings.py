"""Mappings: a TOML file that says which column of a file holds which field, and how it is written.

    kind = "opportunities"          accounts, opportunities, sends or touches
    source = "maven"                the system that the external ids belong to
    currency = "USD"                of every amount, unless a column `currency` says otherwise
    time_zone = "Europe/Berlin"     of times without an offset; the organization's, if not given
    date_formats = ["ISO"]          tried in order; "ISO" or a pattern such as "%d.%m.%Y %H:%M"
    decimal = "."                   thousands = "" (none), "," "." "'" or " "
    delimiter = ","                 encoding = "latin-1"; found out if not given
    empty = ["-", "N/A"]            words that mean that nothing is told
    [columns]                       field = "column", as the header writes it
    [constants]                     field = "the same value in every row"
    [remove]                        field = ["$"], cut out of every cell
    [replace.product]               "GTXPro" = "GTX Pro", a whole cell for another
    [transforms]                    product = ["upper"]: upper, lower, title, single_spaces
    [stages]                        open = ["Engaging"], won = ["Won"], lost = ["Lost"]
    [states]                        "In transit" = "SHIPPED", before the known words of vendors

The rule kept here: a mapping is wrong or right before anything is written. What it does not say is
refused or has the default above; nothing is guessed from the file.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from gifting.domain import fiscal, lifecycle, money, refusals
from integrations.domain import dates, fields

ENCODINGS: Final = ("utf-8", "latin-1", "cp1252")
DELIMITERS: Final = (",", ";", "\t", "|")
DECIMALS: Final = (".", ",")
THOUSANDS: Final = ("", ",", ".", "'", " ")
SOURCE_LENGTH: Final = 64
_COLUMNS_SHOWN: Final = 20
_SHOWN_LENGTH: Final = 80

_TEXTS: Final = ("kind", "source", "currency", "time_zone", "decimal", "thousands", "delimiter")
_LISTS: Final = ("date_formats", "empty")
_TABLES: Final = ("columns", "constants", "remove", "replace", "transforms", "stages", "states")
_KNOWN: Final = frozenset({*_TEXTS, "encoding", *_LISTS, *_TABLES})


class Status(StrEnum):
    """What a stage means for the money."""

    OPEN = "OPEN"
    WON = "WON"
    LOST = "LOST"


class Transform(StrEnum):
    UPPER = "upper"
    LOWER = "lower"
    TITLE = "title"
    SINGLE_SPACES = "single_spaces"


class MappingUnusable(refusals.Invalid):
    code = "MAPPING_UNUSABLE"


class ColumnMissing(refusals.Invalid):
    """The mapping names a column that the file does not have, or has twice."""

    code = "COLUMN_MISSING"


@dataclass(frozen=True, slots=True)
class FileMapping:
    """Hold what one mapping says, checked."""

    kind: fields.Kind
    source: str
    currency: str
    time_zone: str | None
    encoding: str | None
    delimiter: str
    date_formats: tuple[str, ...]
    decimal: str
    thousands: str
    empty: frozenset[str]
    columns: Mapping[str, str]
    constants: Mapping[str, str]
    removals: Mapping[str, tuple[str, ...]]
    replacements: Mapping[str, Mapping[str, str]]
    transforms: Mapping[str, tuple[Transform, ...]]
    stages: Mapping[str, Status]
    states: Mapping[str, lifecycle.State]

    def tells(self, field: str) -> bool:
        """Say whether the file, or a constant, gives this field."""
        return field in self.columns or field in self.constants


def read(text: str, *, kind: fields.Kind) -> FileMapping:
    """Read a mapping for one kind of file; raises MappingUnusable, which names the fault."""
    told = _parse(text)
    _require_known("setting", told, _KNOWN)
    _require_kind(told, kind)
    mapping = FileMapping(
        kind=kind,
        source=_source(told),
        currency=_currency(told),
        time_zone=_time_zone(told),
        encoding=_one_of(told, "encoding", ENCODINGS, None),
        delimiter=_one_of(told, "delimiter", DELIMITERS, ",") or ",",
        date_formats=_date_formats(told),
        decimal=_one_of(told, "decimal", DECIMALS, ".") or ".",
        thousands=_one_of(told, "thousands", THOUSANDS, "") or "",
        empty=frozenset(_texts(told, "empty")),
        columns=_field_texts(told, "columns", kind),
        constants=_field_texts(told, "constants", kind),
        removals=_field_lists(told, "remove", kind),
        replacements=_replacements(told, kind),
        transforms=_transforms(told, kind),
        stages=_stages(told),
        states=_states(told),
    )
    _require_fields(mapping)
    return mapping


def bind(mapping: FileMapping, header: Sequence[str]) -> dict[str, int]:
    """Find the position of every mapped column in a header; raises ColumnMissing by name."""
    positions: dict[str, int] = {}
    for field, column in mapping.columns.items():
        found = [position for position, name in enumerate(header) if name == column]
        if not found:
            raise ColumnMissing(_missing(field, column, header), field=column)
        if len(found) > 1:
            raise ColumnMissing(
                f"The file has {len(found)} columns {column!r}, so that {field} is not clear. "
                "Give each its own name in the header.",
                field=column,
            )
        positions[field] = found[0]
    return positions


def _missing(field: str, column: str, header: Sequence[str]) -> str:
    near = difflib.get_close_matches(column, header[:1000], n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    if len(header) == 1:
        guess = next((mark for mark in DELIMITERS if mark in header[0]), None)
        if guess:
            hint = f"Its header is cut by {guess!r}: write delimiter = {guess!r} in the mapping. "
    names = ", ".join(repr(name[:_SHOWN_LENGTH]) for name in header[:_COLUMNS_SHOWN])
    return (
        f"The mapping reads {field} from column {column!r}, which the file does not have. {hint}"
        f"The file has {names}{' …' if len(header) > _COLUMNS_SHOWN else ''}."
    )


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingUnusable(f"The mapping is not valid TOML: {error}.") from error


def _require_known(what: str, told: Mapping[str, Any], known: frozenset[str]) -> None:
    for name in told:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = (
                f"Did you mean {str(near[0])!r}?" if near else f"Known: {', '.join(sorted(known))}."
            )
            raise MappingUnusable(f"The mapping has an unknown {what} {name!r}. {hint}", field=name)


def _require_kind(told: Mapping[str, Any], kind: fields.Kind) -> None:
    given = _text(told, "kind", "")
    if given != kind.lower():
        raise MappingUnusable(
            f'The mapping must say kind = "{kind.lower()}" for this command, and says '
            f"{given!r}. Use the mapping or the command of that kind.",
            field="kind",
        )


def _text(told: Mapping[str, Any], name: str, default: str) -> str:
    value = told.get(name, default)
    if not isinstance(value, str):
        raise MappingUnusable(f"The mapping's {name} must be a text in quotes.", field=name)
    return value


def _texts(told: Mapping[str, Any], name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    value = told.get(name, default)
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise MappingUnusable(f"The mapping's {name} must be a list of texts.", field=name)
    return tuple(value)


def _one_of(
    told: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str | None
) -> str | None:
    if name not in told:
        return default
    value = _text(told, name, "")
    if value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise MappingUnusable(f"The mapping's {name} is {value!r}. Use one of {known}.", field=name)
    return value


def _source(told: Mapping[str, Any]) -> str:
    source = _text(told, "source", "")
    if not source or len(source) > SOURCE_LENGTH:
        raise MappingUnusable(
            f"The mapping must name its source in 1 to {SOURCE_LENGTH} characters: the system "
            'that the external ids belong to, for example source = "salesforce".',
            field="source",
        )
    return source


def _currency(told: Mapping[str, Any]) -> str:
    currency = _text(told, "currency", "")
    try:
        money.exponent(currency)
    except money.UnknownCurrency as error:
        raise MappingUnusable(
            f"The mapping's currency: {error.message}", field="currency"
        ) from None
    return currency


def _time_zone(told: Mapping[str, Any]) -> str | None:
    if "time_zone" not in told:
        return None
    name = _text(told, "time_zone", "")
    try:
        fiscal.zone(name)
    except refusals.Refusal as error:
        raise MappingUnusable(
            f"The mapping's time_zone: {error.message}", field="time_zone"
        ) from None
    return name


def _date_formats(told: Mapping[str, Any]) -> tuple[str, ...]:
    formats = _texts(told, "date_formats", (dates.ISO,))
    for pattern in formats:
        if not dates.is_pattern(pattern):
            raise MappingUnusable(
                f'The mapping\'s date format {pattern!r} has no day, month and year. Write "ISO" '
                'or a pattern such as "%d.%m.%Y".',
                field="date_formats",
            )
    if not formats:
        raise MappingUnusable("The mapping's date_formats is empty.", field="date_formats")
    return formats


def _table(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = told.get(name, {})
    if not isinstance(value, dict):
        raise MappingUnusable(f"The mapping's {name} must be a table [{name}].", field=name)
    return value


def _field_table(told: Mapping[str, Any], name: str, kind: fields.Kind) -> Mapping[str, Any]:
    table = _table(told, name)
    _require_known(f"field in [{name}]:", table, frozenset(fields.FIELDS[kind]))
    return table


def _field_texts(told: Mapping[str, Any], name: str, kind: fields.Kind) -> Mapping[str, str]:
    table = _field_table(told, name, kind)
    return MappingProxyType({field: _text(table, field, "") for field in table})


def _field_lists(
    told: Mapping[str, Any], name: str, kind: fields.Kind
) -> Mapping[str, tuple[str, ...]]:
    table = _field_table(told, name, kind)
    return MappingProxyType({field: _texts(table, field) for field in table})


def _replacements(told: Mapping[str, Any], kind: fields.Kind) -> Mapping[str, Mapping[str, str]]:
    table = _field_table(told, "replace", kind)
    return MappingProxyType(
        {
            field: MappingProxyType(
                {old: _text(_table(table, field), old, "") for old in _table(table, field)}
            )
            for field in table
        }
    )


def _transforms(told: Mapping[str, Any], kind: fields.Kind) -> Mapping[str, tuple[Transform, ...]]:
    table = _field_lists(told, "transforms", kind)
    for field, names in table.items():
        _require_known(f"transform of {field}:", dict.fromkeys(names), frozenset(Transform))
    return MappingProxyType(
        {field: tuple(Transform(name) for name in names) for field, names in table.items()}
    )


def _stages(told: Mapping[str, Any]) -> Mapping[str, Status]:
    table = _table(told, "stages")
    _require_known("outcome in [stages]:", table, frozenset(status.lower() for status in Status))
    stages: dict[str, Status] = {}
    for outcome in table:
        for stage in _texts(table, outcome):
            if stages.setdefault(stage, Status(outcome.upper())) != outcome.upper():
                raise MappingUnusable(
                    f"The stage {stage!r} stands under two outcomes in [stages].", field=stage
                )
    return MappingProxyType(stages)


def _states(told: Mapping[str, Any]) -> Mapping[str, lifecycle.State]:
    table = _table(told, "states")
    for word in table:
        if _text(table, word, "") not in set(lifecycle.State):
            raise MappingUnusable(
                f"[states] maps {word!r} to {table[word]!r}, which is no state of a send. Use one "
                f"of {', '.join(lifecycle.State)}.",
                field=word,
            )
    return MappingProxyType({word: lifecycle.State(state) for word, state in table.items()})


def _require_fields(mapping: FileMapping) -> None:
    if mapping.decimal == mapping.thousands:
        raise MappingUnusable(
            f"{mapping.decimal!r} cannot be both decimal and thousands. Change one of them.",
            field="thousands",
        )
    for field, column in mapping.columns.items():
        if field in mapping.constants:
            raise MappingUnusable(
                f"{field} is told twice: by column {column!r} and by a constant. Keep one.",
                field=column,
            )
    for field, told in fields.FIELDS[mapping.kind].items():
        if told.is_required and not mapping.tells(field):
            raise MappingUnusable(
                f"The mapping does not say where {field} stands. Add it to [columns] or "
                "[constants].",
                field=field,
            )
    _KIND_CHECKS[mapping.kind](mapping)


def _check_opportunities(mapping: FileMapping) -> None:
    if not mapping.stages:
        raise MappingUnusable(
            "The mapping has no [stages]. Say which stages are open, won and lost, for example "
            'won = ["Closed Won"].',
            field="stages",
        )
    ends = sorted(stage for stage, status in mapping.stages.items() if status != Status.OPEN)
    if ends and not mapping.tells("closed_at"):
        raise MappingUnusable(
            f"The stage {ends[0]!r} is an end, and the mapping does not say where closed_at "
            "stands. Add it to [columns].",
            field="closed_at",
        )


def _check_touches(mapping: FileMapping) -> None:
    if not mapping.tells("account") and not mapping.tells("contact"):
        raise MappingUnusable(
            "A touch belongs to an account. Map the field account or contact.", field="account"
        )


def _check_sends(mapping: FileMapping) -> None:
    if not any(mapping.tells(field) for field in fields.STATE_TIMES):
        needed = [field for field in ("status", "status_at") if not mapping.tells(field)]
        if needed:
            raise MappingUnusable(
                f"A send needs a state and its time. Map {needed[0]}, or one of "
                f"{', '.join(fields.STATE_TIMES)}.",
                field=needed[0],
            )
    for field, component in fields.AMOUNTS.items():
        basis = f"{component.lower()}_basis"
        if mapping.tells(field) and not mapping.tells(basis) and not mapping.tells("cost_basis"):
            raise MappingUnusable(
                f"{field} is estimated or actual, and the mapping does not say which. Add "
                'cost_basis = "ACTUAL" to [constants], or a column.',
                field=field,
            )
    for field, needs in (("gift", "gift_price"), ("recipient_email", "recipient")):
        if mapping.tells(field) and not mapping.tells(needs):
            raise MappingUnusable(f"A mapping of {field} needs one of {needs}.", field=field)


def _check_accounts(mapping: FileMapping) -> None:
    """Accept it: an account needs no more than its required fields."""


_KIND_CHECKS: Final = {
    fields.Kind.ACCOUNTS: _check_accounts,
    fields.Kind.OPPORTUNITIES: _check_opportunities,
    fields.Kind.SENDS: _check_sends,
    fields.Kind.TOUCHES: _check_touches,
}

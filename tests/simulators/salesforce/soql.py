"""The part of SOQL that the simulated org understands: one object, no sub-queries.

query   = SELECT fields | COUNT() FROM object [WHERE test] [ORDER BY field [ASC|DESC], ...]
          [LIMIT n] [OFFSET n]
test    = NOT test | (test) | test AND test | test OR test | field operator value
          | field [NOT] IN (value, ...)

As in Salesforce, AND and OR may not stand side by side without parentheses.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:\\.|[^'\\])*')"
    r"|(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<day>\d{4}-\d\d-\d\d)"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_.]*)"
    r"|(?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,))"
)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t"}
MAX_OFFSET: Final = 2000


class Malformed(Exception):  # noqa: N818 - named as the API names it
    """The API answers MALFORMED_QUERY."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was understood."""

    fields: tuple[str, ...]
    is_count: bool
    object_name: str
    test: Test
    test_fields: tuple[str, ...]
    order: tuple[tuple[str, bool], ...]
    limit: int | None
    offset: int


def parse(text: str) -> Query:
    """Understand a query; raises Malformed."""
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    place = 0
    text = text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise Malformed(f"unexpected token: {text[place : place + 20]!r}")
        tokens.append((found.lastgroup, found.group(found.lastgroup)))
        place = found.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._place = 0
        self._fields: list[str] = []

    def query(self) -> Query:
        self._expect("SELECT")
        fields = [self._field()]
        while self._accept(","):
            fields.append(self._field())
        self._expect("FROM")
        object_name = self._take("word")
        test = self._any() if self._accept("WHERE") else _all
        order = self._order()
        limit = self._number("LIMIT")
        offset = self._number("OFFSET") or 0
        if self._place != len(self._tokens):
            raise Malformed(f"unexpected token: {self._tokens[self._place][1]}")
        if offset > MAX_OFFSET:
            raise Malformed("Maximum SOQL offset allowed is 2000")
        return Query(
            fields=tuple(fields),
            is_count=fields == ["COUNT()"],
            object_name=object_name,
            test=test,
            test_fields=tuple(self._fields),
            order=order,
            limit=limit,
            offset=offset,
        )

    def _field(self) -> str:
        name = self._take("word")
        if name.upper() == "COUNT" and self._accept("("):
            self._expect(")")
            return "COUNT()"
        return name

    def _order(self) -> tuple[tuple[str, bool], ...]:
        if not self._accept("ORDER"):
            return ()
        self._expect("BY")
        keys = []
        while True:
            name = self._take("word")
            is_descending = self._accept("DESC")
            if not is_descending:
                self._accept("ASC")
            if self._accept("NULLS") and not self._accept("FIRST"):
                self._expect("LAST")
            keys.append((name, is_descending))
            if not self._accept(","):
                return tuple(keys)

    def _number(self, word: str) -> int | None:
        return int(self._take("number")) if self._accept(word) else None

    def _any(self) -> Test:
        first = self._one()
        for word, joined in (("AND", _both), ("OR", _either)):
            if self._accept(word):
                tests = [first, self._one()]
                while self._accept(word):
                    tests.append(self._one())
                if self._peek() in ("AND", "OR"):
                    raise Malformed("AND and OR may not stand together without parentheses")
                return joined(tests)
        return first

    def _one(self) -> Test:
        if self._accept("NOT"):
            inner = self._one()
            return lambda row: not inner(row)
        if self._accept("("):
            inner = self._any()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        name = self._take("word")
        self._fields.append(name)
        is_not = self._accept("NOT")
        if self._accept("IN"):
            self._expect("(")
            values = [self._value()]
            while self._accept(","):
                values.append(self._value())
            self._expect(")")
            return lambda row: (_comparable(row.get(name)) in values) is not is_not
        if self._accept("LIKE"):
            pattern = _like(str(self._value()))
            return lambda row: pattern.fullmatch(str(row.get(name) or "")) is not None
        return _compare(name, self._take("sign"), self._value())

    def _value(self) -> Any:
        kind, text = self._next()
        if kind == "text":
            return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1])
        if kind == "moment":
            return dt.datetime.fromisoformat(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text))
        if kind == "day":
            return text
        if kind == "number":
            return float(text)
        words = {"TRUE": True, "FALSE": False, "NULL": None}
        if kind == "word" and text.upper() in words:
            return words[text.upper()]
        raise Malformed(f"unexpected token: {text}")

    def _peek(self) -> str:
        if self._place == len(self._tokens):
            return ""
        return self._tokens[self._place][1].upper()

    def _next(self) -> tuple[str, str]:
        if self._place == len(self._tokens):
            raise Malformed("unexpected token: <EOF>")
        self._place += 1
        return self._tokens[self._place - 1]

    def _accept(self, word: str) -> bool:
        if self._peek() != word:
            return False
        self._place += 1
        return True

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise Malformed(f"expecting {word}, found {self._peek() or '<EOF>'}")

    def _take(self, kind: str) -> str:
        found, text = self._next()
        if found != kind:
            raise Malformed(f"unexpected token: {text}")
        return text


def _all(row: Row) -> bool:
    del row
    return True


def _both(tests: list[Test]) -> Test:
    return lambda row: all(test(row) for test in tests)


def _either(tests: list[Test]) -> Test:
    return lambda row: any(test(row) for test in tests)


def _like(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace("%", ".*").replace("_", ".")
    return re.compile(escaped, re.IGNORECASE | re.DOTALL)


def _compare(name: str, sign: str, value: Any) -> Test:
    if sign == "=":
        return lambda row: _comparable(row.get(name)) == value
    if sign in ("!=", "<>"):
        return lambda row: _comparable(row.get(name)) != value
    compared: dict[str, Callable[[Any, Any], bool]] = {
        "<": lambda left, right: left < right,
        "<=": lambda left, right: left <= right,
        ">": lambda left, right: left > right,
        ">=": lambda left, right: left >= right,
    }
    if sign not in compared:
        raise Malformed(f"unexpected token: {sign}")
    test = compared[sign]

    def ordered(row: Row) -> bool:
        held = _comparable(row.get(name))
        return held is not None and test(held, value)

    return ordered


def _comparable(held: Any) -> Any:
    """Numbers compare as numbers; moments and days are kept so that they compare already."""
    if isinstance(held, int | float) and not isinstance(held, bool):
        return float(held)
    return held

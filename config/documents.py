"""Turn the text of a GraphQL request into an operation that may be executed.

A document is parsed, measured and validated in that order, so what is too large is refused before
the costly step. Only documents that passed are kept, the least recently used go first, and what is
kept is bounded by its text: garbage evicts nothing and a flood does not grow the process.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from config import limits

# A parsed document takes about 300 bytes for each character, so this is at most 45 MB.
KEPT_CHARACTERS: Final = 150_000
VALIDATION_ERRORS: Final = 10
RULES: Final = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)

SCHEMA_FIELDS: Final = limits.INTROSPECTION_FIELDS | {"__typename"}

# The parser tells only in words which of its bounds was passed.
PARSER_BOUNDS: Final = {
    "tokens. Parsing aborted.": "TOKEN_LIMIT",
    "comments. Parsing aborted.": "TOKEN_LIMIT",
    "nested too deeply. Parsing aborted.": "DEPTH_LIMIT",
}


class DocumentRefused(Exception):  # noqa: N818 - an answer to the client, as a Refusal is
    """Carry the errors of a document that will not be executed, and its cost where it is known."""

    def __init__(self, errors: list[GraphQLError], *, cost: int = 0) -> None:
        super().__init__(errors[0].message)
        self.errors = errors
        self.cost = cost


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that passed, with the cost it can reach."""

    document: DocumentNode
    operation: OperationDefinitionNode
    cost: int

    @property
    def operation_name(self) -> str | None:
        return self.operation.name.value if self.operation.name else None

    @property
    def changes_data(self) -> bool:
        return self.operation.operation is not OperationType.QUERY

    @property
    def reads_data(self) -> bool:
        """Tell whether a root field is asked for that is not about the schema itself."""
        fragments = {
            definition.name.value: definition
            for definition in self.document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        waiting = [self.operation.selection_set]
        while waiting:
            for selection in waiting.pop().selections:
                if isinstance(selection, InlineFragmentNode):
                    waiting.append(selection.selection_set)
                elif isinstance(selection, FragmentSpreadNode):
                    # Popped, so that a fragment spread twice is read once.
                    fragment = fragments.pop(selection.name.value, None)
                    waiting.extend([fragment.selection_set] if fragment else [])
                elif isinstance(selection, FieldNode) and selection.name.value not in SCHEMA_FIELDS:
                    return True
        return False


class Library:
    """Prepare documents for one schema and remember those that passed."""

    def __init__(
        self, schema: GraphQLSchema, meter: limits.Meter, *, hides_suggestions: bool
    ) -> None:
        self._schema = schema
        self._meter = meter
        self._hides_suggestions = hides_suggestions
        self._shelf = _Shelf(KEPT_CHARACTERS)

    def prepare(
        self, text: str, operation_name: str | None, variables: Mapping[str, Any]
    ) -> Prepared:
        """Return the operation to execute; raises DocumentRefused."""
        self._check_variables(variables)
        key = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
        kept = self._shelf.get(key)
        document = kept or self._parse(text)
        operation = document.operation(operation_name)
        measure = self._measure(document, operation, variables)
        if kept is None:
            self._validate(document, measure)
            self._shelf.put(key, document)
        return Prepared(document.node, operation, measure.cost)

    def _check_variables(self, variables: Mapping[str, Any]) -> None:
        try:
            self._meter.check_variables(variables)
        except limits.LimitExceeded as exceeded:
            raise DocumentRefused([exceeded]) from None

    def _parse(self, text: str) -> _Document:
        bounds = self._meter.limits
        if len(text) > bounds.document_characters:
            raise DocumentRefused(
                [
                    limits.LimitExceeded(
                        "DOCUMENT_LIMIT",
                        f"The document has {len(text):,} characters and "
                        f"{bounds.document_characters:,} are allowed. Send values as variables.",
                    )
                ]
            )
        try:
            node = parse(text, max_lexical_tokens=bounds.tokens, max_comments=bounds.comments)
        except GraphQLSyntaxError as error:
            raise DocumentRefused([_coded(error, _syntax_code(error))]) from None
        return _Document(node, len(text))

    def _measure(
        self,
        document: _Document,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> limits.Measure:
        name = operation.name.value if operation.name else None
        known = document.measures.get(name)
        if known is not None:
            return known
        try:
            measure = self._meter.measure(document.node, operation, variables)
        except limits.LimitExceeded as exceeded:
            raise DocumentRefused([exceeded], cost=exceeded.cost) from None
        if not measure.depends_on_variables:
            document.measures[name] = measure
        return measure

    def _validate(self, document: _Document, measure: limits.Measure) -> None:
        errors = validate(
            self._schema,
            document.node,
            RULES,
            max_errors=VALIDATION_ERRORS,
            hide_suggestions=self._hides_suggestions,
        )
        if errors:
            raise DocumentRefused(
                [_coded(error, "GRAPHQL_VALIDATION_FAILED") for error in errors],
                cost=measure.cost,
            )


@dataclass(slots=True)
class _Document:
    """A parsed document and the measures that hold whatever its variables are."""

    node: DocumentNode
    characters: int
    measures: dict[str | None, limits.Measure] = field(default_factory=dict)

    def operation(self, name: str | None) -> OperationDefinitionNode:
        operations = [
            definition
            for definition in self.node.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]
        named = [
            operation
            for operation in operations
            if name is None or (operation.name and operation.name.value == name)
        ]
        if len(named) == 1:
            return named[0]
        raise DocumentRefused([_no_operation(name, len(operations))])


class _Shelf:
    """Keep the documents used last, up to a number of characters; safe to share by threads."""

    def __init__(self, most_characters: int) -> None:
        self._room = most_characters
        self._documents: OrderedDict[bytes, _Document] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> _Document | None:
        with self._lock:
            document = self._documents.get(key)
            if document is not None:
                self._documents.move_to_end(key)
            return document

    def put(self, key: bytes, document: _Document) -> None:
        with self._lock:
            if key in self._documents:
                return
            self._documents[key] = document
            self._room -= document.characters
            while self._room < 0:
                _, forgotten = self._documents.popitem(last=False)
                self._room += forgotten.characters


def _no_operation(name: str | None, operations: int) -> GraphQLError:
    if operations == 0:
        message = "The document holds no operation. Write a query or a mutation."
    elif name is None:
        message = f"The document holds {operations} operations. Name one in operationName."
    else:
        message = "The document holds no single operation of the name in operationName."
    return GraphQLError(message, extensions={"code": "OPERATION_NOT_FOUND"})


def _syntax_code(error: GraphQLSyntaxError) -> str:
    for ending, code in PARSER_BOUNDS.items():
        if error.message.endswith(ending):
            return code
    return "GRAPHQL_PARSE_FAILED"


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    error.extensions = {"code": code}
    return error

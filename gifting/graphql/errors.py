"""What leaves the API when the answer is no, or when something went wrong.

A refusal of the business is an answer: in a query it is an error with the refusal's code, in a
mutation it is data, `userErrors` in the payload. Anything unexpected leaves as a reference and
nothing else, and is logged once under that reference: the kind of error and where it happened,
never its text, which may quote a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple

import strawberry
import structlog
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.db import InterfaceError, OperationalError, transaction
from django.db.transaction import TransactionManagementError
from graphql import GraphQLError
from strawberry.extensions import FieldExtension
from strawberry.extensions.field_extension import SyncExtensionResolver
from strawberry.relay import GlobalIDValueError
from strawberry.utils.str_converters import to_camel_case

from gifting.domain import refusals
from gifting.graphql import scalars

log = structlog.get_logger(__name__)

INTERNAL_ERROR: Final = "INTERNAL_ERROR"
TRANSACTION_ABORTED: Final = "25P02"
LOGGED_FRAMES: Final = 40


class Public(NamedTuple):
    """What a client may know of an error."""

    code: str
    message: str
    field: str | None = None


TIMEOUT: Final = Public(
    "TIMEOUT", "The request took longer than one may take. Ask for a smaller period or page."
)
BUSY: Final = Public(
    "BUSY", "Others are changing the same records. Send the same request again in a moment."
)
UNAVAILABLE: Final = Public(
    "UNAVAILABLE", "The database does not answer. Send the same request again in a moment."
)
BAD_ID: Final = Public(
    "BAD_USER_INPUT", "An id is not one that this API gave out for that kind of record."
)
BAD_CURSOR: Final = Public(
    "BAD_USER_INPUT", "A cursor is not one that this API gave out. Start again without it."
)

SQLSTATES: Final = {
    "57014": TIMEOUT,  # query_canceled, by statement_timeout
    "55P03": BUSY,  # lock_not_available
    "40001": BUSY,  # serialization_failure
    "40P01": BUSY,  # deadlock_detected
    "57P01": UNAVAILABLE,  # admin_shutdown
    "57P03": UNAVAILABLE,  # cannot_connect_now
}

# A database error without a state never reached the server.
EXPECTED_KINDS: Final[Mapping[type[Exception], Public]] = {
    OperationalError: UNAVAILABLE,
    InterfaceError: UNAVAILABLE,
    GlobalIDValueError: BAD_ID,
    ValidationError: BAD_ID,
    ObjectDoesNotExist: Public(refusals.NotFound.code, "There is no such record for you."),
    PermissionDenied: Public(refusals.Forbidden.code, "Your role does not include this."),
}

# What these modules raise is about what the client sent, though they raise it while executing.
ARGUMENT_MODULES: Final = frozenset({"graphql.execution.values", "strawberry.types.arguments"})
CURSOR_MODULES: Final = frozenset({"strawberry.relay.utils"})


@strawberry.type(
    description="Why a mutation was refused. The request itself was understood.",
    directives=[scalars.FREE],
)
class UserError:
    """Show a refusal inside a payload."""

    code: str = strawberry.field(description="Stable and safe to switch on, such as NOT_FOUND.")
    message: str = strawberry.field(
        description="For people: what happened, on which record, and what to do next."
    )
    field: str | None = strawberry.field(
        description="The input field at fault; null when it is no single one."
    )


@strawberry.type
class Payload:
    """Be the base of every mutation's payload; its own fields are null when it was refused."""

    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was done; empty when it was done."
    )


class RefusalsAsUserErrors(FieldExtension):
    """Answer a refused mutation with its payload, and leave nothing of what it had begun.

    Being unknown or not allowed is no matter of the input and stays an error of the request.
    """

    def __init__(self, payload: type[Payload]) -> None:
        self.payload = payload

    def resolve(
        self, next_: SyncExtensionResolver, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        try:
            with transaction.atomic():
                return next_(source, info, **kwargs)
        except refusals.Forbidden:
            raise
        except refusals.Refusal as refusal:
            field = _input_field(refusal.field, kwargs.get("input"))
            return self.payload(
                user_errors=[UserError(code=refusal.code, message=refusal.message, field=field)]
            )


class Report:
    """Write the errors of one response; all unexpected ones share its reference."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self._database_answer: Public | None = None

    def write(self, errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
        """Return the errors as the response carries them, and log what nobody expected."""
        return [self._written(error) for error in errors]

    def write_one(self, error: Exception) -> dict[str, Any]:
        """Return an error that ended the request before or after anything was executed."""
        return self._entry(self.of(error))

    def of(self, error: Exception, path: Sequence[str | int] = ()) -> Public:
        """Return what may be known of an error that was raised while answering."""
        sqlstate = _sqlstate(error)
        is_aftermath = (
            isinstance(error, TransactionManagementError) or sqlstate == TRANSACTION_ABORTED
        )
        if is_aftermath and self._database_answer is not None:
            return self._database_answer
        public = _expected(error, sqlstate) or self._internal()
        if public.code in {INTERNAL_ERROR, UNAVAILABLE.code}:
            self._log(error, sqlstate, path)
        elif isinstance(error, refusals.Forbidden):
            log.info("graphql.denied", code=public.code, path=".".join(map(str, path)))
        if sqlstate is not None:
            self._database_answer = public
        return public

    def _written(self, error: GraphQLError) -> dict[str, Any]:
        if error.path is None:
            # A request that cannot begin is refused in words about what the client sent.
            code = (error.extensions or {}).get("code", "BAD_USER_INPUT")
            public = Public(code, error.message)
        else:
            public = self.of(_origin(error), error.path)
        written = self._entry(public)
        if error.locations:
            written["locations"] = [location.formatted for location in error.locations]
        if error.path is not None:
            written["path"] = error.path
        return written

    def _entry(self, public: Public) -> dict[str, Any]:
        extensions = {"code": public.code}
        if public.field is not None:
            extensions["field"] = to_camel_case(public.field)
        if public.code == INTERNAL_ERROR:
            extensions["reference"] = self.reference
        return {"message": public.message, "extensions": extensions}

    def _internal(self) -> Public:
        return Public(INTERNAL_ERROR, f"Internal error, reference {self.reference}")

    def _log(self, error: Exception, sqlstate: str | None, path: Sequence[str | int]) -> None:
        log.error(
            "graphql.internal_error",
            reference=self.reference,
            kinds=[type(link).__name__ for link in _chain(error)],
            sqlstate=sqlstate,
            constraint=_constraint(error),
            path=".".join(map(str, path)),
            frames=list(_frames(error.__traceback__))[-LOGGED_FRAMES:],
        )


def _input_field(name: str | None, asked: object) -> str | None:
    """Return the input's own name for a field: what a record calls `vendor` is its `vendorId`."""
    if name is None:
        return None
    is_id = not hasattr(asked, name) and hasattr(asked, f"{name}_id")
    return to_camel_case(f"{name}_id" if is_id else name)


def _expected(error: Exception, sqlstate: str | None) -> Public | None:
    """Return the answer to an error that has one."""
    if isinstance(error, refusals.Refusal):
        return Public(error.code, error.message, error.field)
    if isinstance(error, GraphQLError):
        return _expected_graphql(error)
    if sqlstate is not None:
        return SQLSTATES.get(sqlstate)
    for kind, public in EXPECTED_KINDS.items():
        if isinstance(error, kind):
            return public
    is_about_cursor = _passed_through(error, CURSOR_MODULES)
    return BAD_CURSOR if is_about_cursor and isinstance(error, ValueError | TypeError) else None


def _expected_graphql(error: GraphQLError) -> Public | None:
    code = (error.extensions or {}).get("code")
    if code is None and _passed_through(error, ARGUMENT_MODULES):
        code = "BAD_USER_INPUT"
    return Public(code, error.message) if code else None


def _origin(error: GraphQLError) -> Exception:
    """Return the exception that a resolver raised, under the places it was wrapped with."""
    origin: Exception = error
    while isinstance(origin, GraphQLError) and origin.original_error is not None:
        origin = origin.original_error
    return origin


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__


def _sqlstate(error: BaseException) -> str | None:
    return next((link.sqlstate for link in _chain(error) if hasattr(link, "sqlstate")), None)


def _constraint(error: BaseException) -> str | None:
    return next(
        (link.diag.constraint_name for link in _chain(error) if hasattr(link, "diag")), None
    )


def _passed_through(error: BaseException, modules: frozenset[str]) -> bool:
    return any(frame.split(":")[0] in modules for frame in _frames(error.__traceback__))


def _frames(link: TracebackType | None) -> Iterator[str]:
    """Name each place the error passed, without a value of it."""
    while link is not None:
        module = link.tb_frame.f_globals.get("__name__", "?")
        yield f"{module}:{link.tb_lineno} {link.tb_frame.f_code.co_name}"
        link = link.tb_next

"""The business "no": every refusal a person, an importer or an API client can meet.

    Refusal
    ├── Invalid     what was asked is wrong in itself; asking again never helps
    ├── Forbidden   the actor may not do or see this
    ├── NotFound    there is no such record for this actor
    └── Conflict    the record's present state does not allow it; look again, then decide

Leaves are defined in the module that raises them (`money.CurrencyMismatch` is an `Invalid`). A
refusal is an answer, not an accident: it is never logged as an error and never retried by itself.
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):  # noqa: N818 - it is the house's word for a business "no", not an error
    """Say what happened, on which record, and what to do next.

    `code` is stable and safe to switch on; `message` is for people and may be reworded; `field`
    names the input at fault, when there is one.
    """

    code: ClassVar[str] = "REFUSED"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Invalid(Refusal):
    code = "INVALID"


class Forbidden(Refusal):
    code = "FORBIDDEN"


class NotFound(Refusal):
    code = "NOT_FOUND"


class Conflict(Refusal):
    code = "CONFLICT"

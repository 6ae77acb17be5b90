"""What can go wrong between a CRM and us, by what has to be done about it.

SyncError
├── Transient                  the same request may work later; the cursor stays
│   ├── Unreachable            no connection, a time-out, a connection that was reset
│   ├── Unavailable            the server says that it is busy or broken
│   ├── Throttled              a limit is used up; says which, and for how long where that is told
│   ├── AnswerBroken           not what the protocol promises: never "no more data"
│   ├── SessionEnded           the token has expired: refresh it once
│   ├── LocatorLost            the place in a result is gone: ask again after the committed cursor
│   └── QueryTooLong           the window is too wide: halve it
└── Permanent                  a person has to do something
    ├── AuthorizationLost      the connection as a whole: connect it again
    ├── StreamForbidden        one stream: a scope or the access to an object is missing
    ├── FieldUnknown           the mapping names a field that is not there
    └── RequestRefused         the server does not take what was asked

A record that cannot be read is no error of the run: a `BadRecord` is kept aside with its reason.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum


class Limit(StrEnum):
    """Which of the CRM's limits is used up."""

    BURST = "BURST"
    SEARCH = "SEARCH"
    CONCURRENT = "CONCURRENT"
    DAILY = "DAILY"


class SyncError(Exception):
    """A sentence for the operator, without secrets and without personal data."""

    code = "SYNC_FAILED"


class Transient(SyncError):  # noqa: N818 - the tree above is read by these names
    code = "TRY_AGAIN"


class Unreachable(Transient):
    code = "UNREACHABLE"


class Unavailable(Transient):
    code = "UNAVAILABLE"

    def __init__(self, message: str, *, retry_after: dt.timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Throttled(Transient):
    code = "THROTTLED"

    def __init__(
        self, message: str, *, limit: Limit, retry_after: dt.timedelta | None = None
    ) -> None:
        super().__init__(message)
        self.limit = limit
        self.retry_after = retry_after


class AnswerBroken(Transient):
    code = "ANSWER_BROKEN"


class SessionEnded(Transient):
    code = "SESSION_ENDED"


class LocatorLost(Transient):
    code = "LOCATOR_LOST"


class QueryTooLong(Transient):
    code = "QUERY_TOO_LONG"


class Permanent(SyncError):  # noqa: N818 - the same
    code = "NEEDS_A_PERSON"


class AuthorizationLost(Permanent):
    code = "AUTHORIZATION_LOST"


class StreamForbidden(Permanent):
    code = "STREAM_FORBIDDEN"


class FieldUnknown(Permanent):
    code = "FIELD_UNKNOWN"


class RequestRefused(Permanent):
    code = "REQUEST_REFUSED"


class BadRecord(Exception):  # noqa: N818 - a record's fate, not the run's
    """One record cannot be read; the others can."""

    def __init__(self, reason: str, *, field: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field

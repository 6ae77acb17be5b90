"""Why the database cannot be used, said in one sentence to a person."""

from __future__ import annotations

from django.db import OperationalError


class DatabaseUnavailable(OperationalError):  # noqa: N818 - what it is, in the reader's words
    """The database cannot be used; the message is one sentence that says what to do."""

"""The one way in which the embedded servers say no."""

from __future__ import annotations


class ServerFailure(Exception):  # noqa: N818 - the word a person uses
    """An embedded server cannot run; the message is one sentence that says what to do."""

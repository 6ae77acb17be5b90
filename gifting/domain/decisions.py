"""The decision on a send: what it may say, and what it is based on.

The rule kept here: budget room, approval policy and recipient rule are judged together, in one
transaction, and what they looked at is kept with the answer, so that it can be judged again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

FORMULA: Final = (
    "ROOM_2: in each fund that pays and in those above it, "
    "revised - committed - accrued - actual >= its part; plus overrun, if it is not HARD"
)


class Outcome(StrEnum):
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"


class Mode(StrEnum):
    """What happens to a batch that does not fit as a whole."""

    ALL_OR_NOTHING = "ALL_OR_NOTHING"
    AS_MANY_AS_FIT = "AS_MANY_AS_FIT"


def inputs_hash(facts: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what was looked at, the same for the same facts."""
    plain = json.dumps(facts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(plain.encode()).hexdigest()

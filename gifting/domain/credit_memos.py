"""What becomes of the credit memos that vendors give instead of money."""

from __future__ import annotations

from enum import StrEnum


class UseKind(StrEnum):
    """Where a part of a credit went: into a gift, away unused, or back to its vendor."""

    USED = "USED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"

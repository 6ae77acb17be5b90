"""What a drill tried and found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Report:
    """`accepted` of `tried` went through where there was `room`; `held` is the verdict."""

    drill: str
    tried: int
    room: int
    accepted: int
    refused: int
    deadlocks: int
    errors: tuple[str, ...]
    held: bool
    details: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        return {
            "drill": self.drill,
            "tried": self.tried,
            "room": self.room,
            "accepted": self.accepted,
            "refused": self.refused,
            "deadlocks": self.deadlocks,
            "errors": list(self.errors),
            "held": self.held,
            **self.details,
        }

"""What a resolver knows about the request it answers, and how it avoids one query a row.

Execution is synchronous and goes down into each row before the next, so a loader cannot wait for
its keys to gather. Instead a resolver that has a page of rows in hand announces their keys, and the
first `load` fetches all that were announced with one query; if no field asks, nothing is fetched.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, ClassVar, Final, Generic, TypeVar, cast

import strawberry
from django.http import HttpRequest

from gifting.domain import access as access_rules
from gifting.services import access

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

BATCH_KEYS: Final = 1_000


@dataclass(slots=True)
class Context:
    """Carry who asks, and the moment the answer is true for."""

    request: HttpRequest
    caller: access_rules.Actor | None
    at: datetime
    loaders: dict[type[Any], Any] = field(default_factory=dict)

    @property
    def actor(self) -> access_rules.Actor:
        """Return who asks; raises Unauthenticated for nobody."""
        if self.caller is None:
            raise access.Unauthenticated(
                "Nobody is signed in. Sign in, or send `Authorization: Bearer <token>`."
            )
        return self.caller

    def loader(self, kind: type[LoaderKind]) -> LoaderKind:
        """Return this request's loader of the kind."""
        if kind not in self.loaders:
            self.loaders[kind] = kind(self.actor, self.at)
        return cast("LoaderKind", self.loaders[kind])


class Loader(ABC, Generic[Key, Value]):
    """Fetch the other end of one edge for many keys at once; one class an edge."""

    absent: ClassVar[Any] = None

    def __init__(self, actor: access_rules.Actor, at: datetime) -> None:
        self.actor = actor
        self.at = at
        self._known: dict[Key, Value] = {}
        self._announced: dict[Key, None] = {}

    @abstractmethod
    def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Value]:
        """Read the values of the keys with one query; keys without one may be left out."""

    def announce(self, keys: Iterable[Key]) -> None:
        """Say that these keys may be loaded."""
        self._announced.update((key, None) for key in keys if key not in self._known)

    def load(self, key: Key) -> Value:
        """Return the value of the key, or `absent`."""
        if key not in self._known:
            self._fetch_with(key)
        return self._known[key]

    def _fetch_with(self, key: Key) -> None:
        self._announced.pop(key, None)
        batch = [key, *islice(self._announced, BATCH_KEYS - 1)]
        found = self.fetch(batch)
        for fetched in batch:
            self._announced.pop(fetched, None)
            self._known[fetched] = found.get(fetched, self.absent)


LoaderKind = TypeVar("LoaderKind", bound=Loader[Any, Any])

Info = strawberry.Info[Context, None]

"""What a resolver knows about the request it answers, and how it avoids one query a row.

Execution is synchronous and goes down into each row before the next, so a loader cannot wait for
its keys to gather. Instead whoever reads rows lets the context meet all of them, and the first row
that asks for the other end of an edge brings the keys of its siblings along: one query for the
whole page, and for the pages below it. If no field asks, nothing is fetched.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import Any, ClassVar, Final, Generic, TypeVar, cast

import strawberry
from django.http import HttpRequest

from gifting.domain import access as access_rules
from gifting.selectors import organizations
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
    _met: dict[type[Any], list[Sequence[Any]]] = field(default_factory=dict)
    _organization: organizations.OrganizationRecord | None = None

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
            self.loaders[kind] = kind(self)
        return cast("LoaderKind", self.loaders[kind])

    @property
    def organization(self) -> organizations.OrganizationRecord:
        """Return the organization that the request belongs to, read once."""
        if self._organization is None:
            self._organization = organizations.get(organization_id=self.actor.organization_id)
        return self._organization

    def meet(self, rows: Sequence[Any]) -> None:
        """Remember rows of one kind that were read together, to follow their edges together."""
        if rows:
            self._met.setdefault(type(rows[0]), []).append(rows)

    def siblings(self, row: Any) -> Iterator[Any]:
        """Yield all rows of the row's kind that this request has read."""
        return chain.from_iterable(self._met.get(type(row), ()))


class Loader(ABC, Generic[Key, Value]):
    """Fetch the other end of one edge for many keys at once; one class an edge."""

    absent: ClassVar[Any] = None

    def __init__(self, context: Context) -> None:
        self.context = context
        self._known: dict[Key, Value] = {}
        self._announced: dict[Key, None] = {}

    @abstractmethod
    def fetch(self, keys: Sequence[Key]) -> Mapping[Key, Value]:
        """Read the values of the keys with one query; keys without one may be left out."""

    def announce(self, keys: Iterable[Key]) -> None:
        """Say that these keys may be loaded."""
        self._announced.update((key, None) for key in keys if key not in self._known)

    def knows(self, key: Key) -> bool:
        """Tell whether the value is here already."""
        return key in self._known

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

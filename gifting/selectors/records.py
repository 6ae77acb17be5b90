"""Records for readers: pages, counts and look-ups of what an actor may see.

The rules kept here: every read is limited to what the actor sees, personal columns of an actor who
may not read them never leave the database, and a page is found by the place of its first row, not
by counting the rows before it, so the last page costs what the first one does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import reduce
from operator import or_
from typing import Any, Final, Generic, TypeVar, cast
from uuid import UUID

from django.db import connection
from django.db.models import CharField, Field, ForeignKey, Lookup, Model, Q, QuerySet, Value

from gifting.domain import access, refusals

MOST_RECORDS: Final = 100
# One more than this is counted and no further: the count of a large table reads all of it.
MOST_COUNTED: Final = 25_000
MOST_DETAILS: Final = 250
LOOKUP: Final = "lookup"
HIDDEN: Final = Value(None, output_field=CharField())


class CursorUnknown(refusals.Invalid):
    code = "CURSOR_UNKNOWN"


class PageUnusable(refusals.Invalid):
    code = "PAGE_UNUSABLE"


# Statements that find rows by a key, by record, key, limit to cost centers and hidden columns.
_STATEMENTS: Final[dict[tuple[type[Any], str, bool, bool], str]] = {}

# A record is a named tuple whose fields are columns: cheap to make, and nobody changes it.
Record = TypeVar("Record", bound=tuple[Any, ...])
Detail = TypeVar("Detail", bound=tuple[Any, ...])


@ForeignKey.register_lookup
@Field.register_lookup
class Among(Lookup):
    """Find a column's value in one array: `in` prepares each value by itself, in Python."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Write the comparison."""
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", (*parameters, self.rhs)


@dataclass(frozen=True, slots=True)
class Order:
    """One column to order by; rows that are equal in it follow in the order of recording.

    As in PostgreSQL's indexes, a missing value counts as larger than all others.
    """

    column: str = "id"
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of the ordered rows is wanted; a cursor is the public id of a row."""

    first: int | None = None
    after: UUID | None = None
    last: int | None = None
    before: UUID | None = None

    @property
    def is_backward(self) -> bool:
        return self.last is not None

    def size(self, most: int) -> int:
        """Return how many rows are wanted; raises PageUnusable."""
        if self.first is not None and self.last is not None:
            raise PageUnusable("Ask for the first or the last rows, not for both.", field="last")
        size = self.last if self.last is not None else self.first
        if size is None or not 0 <= size <= most:
            raise PageUnusable(f"A page holds 0 to {most} rows.", field="first")
        return size


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """Some rows in order, and whether there are more on either side."""

    records: Sequence[Record]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions that all must hold; None is no condition. Each field names its lookup."""

    def condition(self) -> Q:
        """Return the conditions together."""
        wanted = Q()
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None:
                wanted &= Q(**{each.metadata[LOOKUP]: _plain(value)})
        return wanted


def lookup(path: str) -> Any:
    """Declare a condition of a `Where`: the Django lookup that it stands for."""
    return field(default=None, metadata={LOOKUP: path})


@dataclass(frozen=True, slots=True)
class Source(Generic[Record]):
    """One kind of record: where its rows are, who may read them, and what is personal in them.

    `permissions` are alternatives. `cost_center` is the column that limits senders; rows without
    one are shown to those who see the whole company. `columns` says where a field of the record is
    when it is no column of the table itself.
    """

    model: type[Model]
    record: type[Record]
    permissions: tuple[access.Permission, ...]
    cost_center: str | None = None
    personal: frozenset[str] = frozenset()
    columns: Mapping[str, str] = field(default_factory=dict)

    def may_read(self, actor: access.Actor) -> bool:
        return any(actor.may(permission) for permission in self.permissions)

    def visible(self, *, actor: access.Actor) -> QuerySet[Any]:
        """Return the rows that the actor sees; raises Forbidden."""
        if not self.may_read(actor):
            actor.require(self.permissions[0])
        rows = self.model._default_manager.all()  # noqa: SLF001 - Django's public name for it
        if self.cost_center is None or actor.cost_center_ids is None:
            return rows
        return rows.filter(**{f"{self.cost_center}__among": list(actor.cost_center_ids)})

    def page(
        self,
        *,
        actor: access.Actor,
        where: Where,
        order: Order,
        window: Window,
        most: int = MOST_RECORDS,
    ) -> Page[Record]:
        """Return a page; raises Forbidden, PageUnusable and CursorUnknown."""
        size = window.size(most)
        rows = self.visible(actor=actor).filter(where.condition())
        start, end = window.after, window.before
        if window.is_backward:
            start, end = end, start
        if end is not None:
            rows = rows.filter(
                reduce(or_, self._beyond(actor, end, order, is_after=window.is_backward))
            )
        stretches: Sequence[Q] = (Q(),)
        if start is not None:
            stretches = self._beyond(actor, start, order, is_after=not window.is_backward)
        ordered = rows.order_by(*_ordering(order, is_reversed=window.is_backward))
        found: list[Record] = []
        for stretch in stretches:
            if len(found) <= size:
                found += self._records(ordered.filter(stretch)[: size + 1 - len(found)], actor)
        has_more = len(found) > size
        del found[size:]
        if window.is_backward:
            found.reverse()
            return Page(found, has_next=window.before is not None, has_previous=has_more)
        return Page(found, has_next=has_more, has_previous=window.after is not None)

    def count(self, *, actor: access.Actor, where: Where) -> int:
        """Return how many rows there are, or 25,001 for more than 25,000; raises Forbidden."""
        rows = self.visible(actor=actor).filter(where.condition()).order_by()
        return rows[: MOST_COUNTED + 1].count()

    def by_ids(self, *, actor: access.Actor, ids: Collection[int]) -> dict[int, Record]:
        """Return the visible rows among these: what the actor may not read is not there."""
        return self._by("id", ids, actor) if self.may_read(actor) else {}

    def by_public_ids(self, *, actor: access.Actor, ids: Collection[UUID]) -> dict[UUID, Record]:
        """Return the visible rows among these; raises Forbidden."""
        if not self.may_read(actor):
            actor.require(self.permissions[0])
        return self._by("public_id", ids, actor)

    def key(self, *, actor: access.Actor, public_id: UUID, field: str) -> int:
        """Return the internal key of a visible row; raises Forbidden and NotFound."""
        found = self.by_public_ids(actor=actor, ids=[public_id])
        if public_id not in found:
            kind = self.model._meta.verbose_name  # noqa: SLF001 - Django's own name for it
            raise refusals.NotFound(
                f"There is no such {kind} for you. Look its id up and send that.", field=field
            )
        return int(found[public_id][_names(self.record).index("id")])

    def _by(self, key: str, values: Collection[Any], actor: access.Actor) -> dict[Any, Record]:
        """Return the visible rows by a key; the statement is written once a process.

        Django takes three times as long to write it as PostgreSQL and psycopg take to run it, and a
        page follows half a dozen edges.
        """
        is_limited = self.cost_center is not None and actor.cost_center_ids is not None
        hides = not actor.may(access.Permission.READ_PERSONAL_DATA)
        name = (self.record, key, is_limited, hides)
        if name not in _STATEMENTS:
            _STATEMENTS[name] = self._statement(key, actor)
        limits = [list(actor.cost_center_ids or ())] if is_limited else []
        with connection.cursor() as cursor:
            cursor.execute(_STATEMENTS[name], [*limits, list(values)])
            found = map(_maker(self.record), cursor.fetchall())
            place = _names(self.record).index(key)
            return {record[place]: record for record in found}

    def _statement(self, key: str, actor: access.Actor) -> str:
        rows = self.visible(actor=actor).filter(**{f"{key}__among": []}).order_by()
        statement, _ = rows.values_list(*self._selected(actor)).query.sql_with_params()
        return statement

    def _records(self, rows: QuerySet[Any], actor: access.Actor) -> list[Record]:
        return list(map(_maker(self.record), rows.values_list(*self._selected(actor))))

    def _selected(self, actor: access.Actor) -> list[Any]:
        may_read_all = actor.may(access.Permission.READ_PERSONAL_DATA)
        return [
            HIDDEN if name in self.personal and not may_read_all else self.columns.get(name, name)
            for name in _names(self.record)
        ]

    def _beyond(
        self, actor: access.Actor, cursor: UUID, order: Order, *, is_after: bool
    ) -> Sequence[Q]:
        """Return the rows on one side of the row that a cursor names, the nearer stretch first."""
        names = {"id", order.column}
        place = self.visible(actor=actor).filter(public_id=cursor).values(*names).first()
        if place is None:
            raise CursorUnknown(
                "A cursor names a row that is not there for you. Start again without it.",
                field="after" if is_after else "before",
            )
        is_upward = order.is_descending != is_after
        column: Field[Any, Any] = self.model._meta.get_field(order.column)  # type: ignore[assignment]  # noqa: SLF001 - a column; Django's own name
        return _beside(order.column, place, is_upward=is_upward, is_nullable=column.null)


@dataclass(frozen=True, slots=True)
class Details(Generic[Detail]):
    """Rows that are a part of another record, such as the cost components of a send.

    `link` is the column that names the whole, and the first field of the record. With `latest_of`
    only the last version of each of these columns counts.
    """

    model: type[Model]
    record: type[Detail]
    whole: Source[Any]
    link: str
    order: tuple[str, ...]
    latest_of: tuple[str, ...] = ()

    def by_whole(
        self, *, actor: access.Actor, ids: Collection[int]
    ) -> dict[int, tuple[Detail, ...]]:
        """Return the first 250 details of each visible whole; none where the actor may not read."""
        if not self.whole.may_read(actor):
            return {}
        rows = self.model._default_manager.filter(self._seen(actor, ids))  # noqa: SLF001 - Django's public name for it
        ordered = rows.order_by(self.link, *self.order)
        latest = ordered.distinct(self.link, *self.latest_of) if self.latest_of else ordered
        found: dict[int, list[Detail]] = {}
        for detail in map(_maker(self.record), latest.values_list(*_names(self.record))):
            found.setdefault(detail[0], []).append(detail)
        return {whole: tuple(details[:MOST_DETAILS]) for whole, details in found.items()}

    def _seen(self, actor: access.Actor, ids: Collection[int]) -> Q:
        if self.whole.cost_center is None or actor.cost_center_ids is None:
            return Q(**{f"{self.link}__among": list(ids)})
        wholes = self.whole.visible(actor=actor).filter(id__among=list(ids))
        return Q(**{f"{self.link}__in": wholes.values("id")})


def _ordering(order: Order, *, is_reversed: bool) -> list[str]:
    sign = "-" if order.is_descending != is_reversed else ""
    return [f"{sign}{name}" for name in dict.fromkeys((order.column, "id"))]


def _beside(
    column: str, place: Mapping[str, Any], *, is_upward: bool, is_nullable: bool
) -> Sequence[Q]:
    """Return the rows above or below a place, where a missing value is above all others.

    Rows with a value and rows without are two stretches, each served by an index; together in one
    condition they would not be.
    """
    side = "gt" if is_upward else "lt"
    further = Q(**{f"id__{side}": place["id"]})
    if column == "id":
        return (further,)
    missing = Q(**{f"{column}__isnull": True})
    value = place[column]
    if value is None:
        level = missing & further
        return (level,) if is_upward else (level, ~missing)
    # The first condition is implied by the others, and is the one that an index can serve.
    within = Q(**{f"{column}__{side}e": value}) & (
        Q(**{f"{column}__{side}": value}) | Q(**{column: value}) & further
    )
    return (within, missing) if is_upward and is_nullable else (within,)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | frozenset | set) else value


def _names(record: type[tuple[Any, ...]]) -> tuple[str, ...]:
    return cast("tuple[str, ...]", cast("Any", record)._fields)


def _maker(record: type[Detail]) -> Callable[[Iterable[Any]], Detail]:
    return cast("Callable[[Iterable[Any]], Detail]", cast("Any", record)._make)

"""The one place that chooses an organization for a transaction.

PostgreSQL shows a tenant row only while `tribute.organization` names its organization, so
everything that reads or writes happens inside `organization(...)`: a request, a task, a
command. The setting is local to the transaction: it cannot outlive it in a pooled connection.
Before an organization is known, `door(...)` opens the one row that its key belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

from django.db import connection, transaction

ORGANIZATION_SETTING = "tribute.organization"
DOOR_SETTING = "tribute.door"

First = TypeVar("First")


class OrganizationAlreadyChosenError(RuntimeError):
    """A transaction belongs to one organization; a second one inside it is a programming error."""


@contextmanager
def organization(organization_id: UUID, *, is_snapshot: bool = False) -> Iterator[None]:
    """Open a transaction in which the rows of this organization, and no others, exist.

    A snapshot sees all rows as of one moment and changes none: what is read in several statements,
    such as a total and its slices, fits together. Inside another transaction it is that one's.
    """
    begins = not connection.in_atomic_block
    with transaction.atomic():
        if is_snapshot and begins:
            _hold_still()
        chosen = _enter(organization_id)
        if chosen is not None and chosen != organization_id:
            raise OrganizationAlreadyChosenError(
                f"This transaction belongs to organization {chosen}, not to {organization_id}."
            )
        yield
        # The setting ends with the transaction, which ends here unless it began elsewhere.
        if chosen is None and not begins:
            _set(ORGANIZATION_SETTING, "")


@contextmanager
def organization_by(organization_id: UUID, first: Callable[[], First]) -> Iterator[First]:
    """Open a transaction of this organization whose first statement enters it by itself.

    It saves those who wait for it a journey: `first` asks something that calls `enter_and_claim`
    or sets `tribute.organization` in another way. Inside another transaction it is `organization`.
    """
    if connection.in_atomic_block:
        with organization(organization_id):
            yield first()
        return
    with transaction.atomic():
        yield first()


@contextmanager
def door(key: str) -> Iterator[None]:
    """Open a transaction that may read the row this key belongs to, such as `slug:acme`."""
    with transaction.atomic():
        _set(DOOR_SETTING, key)
        yield
        _set(DOOR_SETTING, "")


def current() -> UUID | None:
    """Return the organization of this transaction, or None."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_organization()")
        chosen: UUID | None = cursor.fetchone()[0]
        return chosen


def _enter(organization_id: UUID) -> UUID | None:
    """Name the organization, and return the one that was named before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_organization(), set_config(%s, %s, true)",
            [ORGANIZATION_SETTING, str(organization_id)],
        )
        chosen: UUID | None = cursor.fetchone()[0]
        return chosen


def _hold_still() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _set(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])

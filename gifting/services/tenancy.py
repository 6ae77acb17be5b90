"""The one place that chooses an organization for a transaction.

PostgreSQL shows a tenant row only while `tribute.organization` names its organization, so
everything that reads or writes happens inside `organization(...)`: a request, a task, a
command. The setting is local to the transaction: it cannot outlive it in a pooled connection.
Before an organization is known, `door(...)` opens the one row that its key belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction

ORGANIZATION_SETTING = "tribute.organization"
DOOR_SETTING = "tribute.door"


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
        chosen = current()
        if chosen is not None and chosen != organization_id:
            raise OrganizationAlreadyChosenError(
                f"This transaction belongs to organization {chosen}, not to {organization_id}."
            )
        _set(ORGANIZATION_SETTING, str(organization_id))
        yield
        if chosen is None:
            _set(ORGANIZATION_SETTING, "")


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


def _hold_still() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _set(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])

"""An organization that a drill makes, attacks and has removed."""

from __future__ import annotations

import datetime as dt
import itertools
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from django.db import DatabaseError, connection

from config import ownership
from gifting.domain import access, fiscal, money
from gifting.domain.decisions import Outcome
from gifting.selectors import funds, organizations
from gifting.services import (
    budgets,
    campaigns,
    cost_centers,
    decisions,
    ledger,
    operations,
    plans,
    requests,
    tenancy,
    vendors,
)
from gifting.services import organizations as books

CURRENCY: Final = "USD"
NOON: Final = dt.time(12, tzinfo=dt.UTC)
AMOUNT: Final = money.Money(25_00, CURRENCY)
# The other half is for those who work on the server meanwhile.
FEWEST_CONNECTIONS: Final = 2
START_SECONDS: Final = 60.0
GONE_SECONDS: Final = 5.0

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Scratch:
    """A scratch organization with budgets, each with room for the same number of gifts."""

    organization: organizations.OrganizationRecord
    actor: access.Actor
    budget_ids: tuple[int, ...]
    day: dt.date

    def commit(
        self, *, key: str, budget_ids: Sequence[int], amount: money.Money = AMOUNT
    ) -> operations.Answer:
        """Reserve one gift in each budget."""
        return ledger.commit(
            actor=self.actor,
            key=key,
            shares=[ledger.Share(budget_id, amount) for budget_id in budget_ids],
            effective_on=self.day,
        )

    def request_sends(self, count: int) -> tuple[UUID, ...]:
        """Ask for sends, each of one gift's price in every budget."""
        at = dt.datetime.combine(self.day, NOON)
        with tenancy.organization(self.organization.id):
            root_id = organizations.root_cost_center_id()
            vendor_id = vendors.create(actor=self.actor, code="DRILL", name="Drill gifts")
            campaign_id = campaigns.create(
                actor=self.actor,
                code="DRILL",
                details=campaigns.Details(
                    name="Drill",
                    kind="OTHER",
                    motion="ABM",
                    channel="gift",
                    personalization="NONE",
                    cost_center_id=root_id,
                ),
            )
            gift = requests.Gift(campaign_id, vendor_id, root_id)
            shares = [requests.Share(budget_id) for budget_id in self.budget_ids]
            price = {"ITEM": AMOUNT * len(self.budget_ids)}
            return tuple(
                requests.request(
                    actor=self.actor,
                    asked=requests.Asked(f"drill-{number}", gift, price, shares),
                    at=at,
                )
                for number in range(count)
            )

    def decide(self, *, key: str, send: UUID) -> Outcome | None:
        """Decide on one send and return what was said."""
        at = dt.datetime.combine(self.day, NOON)
        return decisions.decide(actor=self.actor, key=key, send=send, at=at).outcome

    def committed_minor(self) -> list[int]:
        """Return what is committed in each budget."""
        with tenancy.organization(self.organization.id):
            found = funds.figures(actor=self.actor, budget_ids=self.budget_ids)
        return [figures.committed_minor for figures in found]

    def differences(self) -> int:
        """Return how many funds hold something else than the replay of their transfers."""
        with tenancy.organization(self.organization.id):
            return len(funds.differences(actor=self.actor))


@contextmanager
def organization(*, day: dt.date, room: int, budget_count: int) -> Iterator[Scratch]:
    """Make a scratch organization, and remove it with everything in it, whatever happened."""
    made = books.create(
        name=f"Drill {uuid.uuid4()}",
        currency=CURRENCY,
        time_zone="UTC",
        calendar=fiscal.Calendar(),
        is_synthetic=True,
        is_scratch=True,
    )
    try:
        actor = access.Actor.system(organization_id=made.id)
        with tenancy.organization(made.id):
            budget_ids = _budgets(actor, day, room, budget_count)
        yield Scratch(made, actor, budget_ids, day)
    finally:
        remove(made.id)


def remove(organization_id: UUID) -> None:
    """Remove a scratch organization, as the owner of the tables, who alone can."""
    with ownership.owner(), connection.cursor() as cursor:
        cursor.execute("CALL remove_scratch_organization(%s)", [organization_id])


def all_at_once(work: Callable[[int], Found], *, workers: int) -> tuple[list[Found], int]:
    """Do the work of every worker, as many at once as the server has connections for.

    Returns what they found, by worker, and how many connections there were.
    """
    width = min(workers, _free_connections())
    start = threading.Barrier(width)
    left = queue.SimpleQueue[int]()
    for number in range(workers):
        left.put(number)
    pids: set[int] = set()

    def work_in_line(_: int) -> list[tuple[int, Found]]:
        is_connected = _connect(pids)
        start.wait(START_SECONDS)
        try:
            return list(_work_through(left, work)) if is_connected else []
        finally:
            connection.close()

    with futures.ThreadPoolExecutor(width) as threads:
        lines = list(threads.map(work_in_line, range(width)))
    _wait_until_gone(pids)
    by_worker = dict(itertools.chain.from_iterable(lines))
    return [by_worker[number] for number in range(workers)], len(pids)


def _connect(pids: set[int]) -> bool:
    """Connect; another program may have taken the last connection in between."""
    try:
        connection.ensure_connection()
    except DatabaseError:
        return False
    pids.add(connection.connection.info.backend_pid)
    return True


def _work_through(
    left: queue.SimpleQueue[int], work: Callable[[int], Found]
) -> Iterator[tuple[int, Found]]:
    while True:
        try:
            number = left.get_nowait()
        except queue.Empty:
            return
        yield number, work(number)


def deadlocks() -> int:
    """Return how many deadlocks this database has seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def _budgets(actor: access.Actor, day: dt.date, room: int, budget_count: int) -> tuple[int, ...]:
    (period_id,) = plans.period_ids(actor=actor, first=day, last=day)
    return tuple(
        budgets.approve(
            actor=actor,
            name=f"Drill budget {number}",
            amount=AMOUNT * room,
            cost_center_id=cost_centers.create(
                actor=actor,
                code=f"DRILL-{number}",
                name=f"Drill {number}",
                parent_id=organizations.root_cost_center_id(),
            ),
            fiscal_period_id=period_id,
        )
        for number in range(budget_count)
    )


def _free_connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int"
            " - current_setting('superuser_reserved_connections')::int"
            " - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"
        )
        return max(FEWEST_CONNECTIONS, int(cursor.fetchone()[0]) // 2)


def _wait_until_gone(pids: set[int]) -> None:
    """Wait for the server processes to end, which is when they tell their statistics."""
    end = time.monotonic() + GONE_SECONDS
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY (%s)", [sorted(pids)]
            )
            if cursor.fetchone()[0] == 0:
                return
        time.sleep(0.02)

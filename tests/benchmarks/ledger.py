"""Commitments a second through the whole ledger, beside a bare conditional UPDATE loop.

Both run in one database in the same run, first with one client, then with several at once, all on
one budget: the hottest row there is. The bare loop is what is left when nothing is kept but a
number: one UPDATE that fits or not, committed. The ledger's turn claims a key, finds the period and
the fund, writes the operation, its transfer and its commitment, and moves the fund.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db import connection, connections

from config import ownership
from config.drills import scratch
from tests import databases
from tests.factories import sends

NAME: Final = "ledger"
ROOM: Final = 1_000_000

BARE: Final = (
    "CREATE TABLE bare_fund (id int PRIMARY KEY, used bigint NOT NULL, allocated bigint NOT NULL)",
    f"INSERT INTO bare_fund VALUES (1, 0, {ROOM * scratch.AMOUNT.amount_minor})",
    "GRANT SELECT, UPDATE ON bare_fund TO tribute_app",
)
_fork = multiprocessing.get_context("fork")

SPEND: Final = "UPDATE bare_fund SET used = used + %s WHERE id = 1 AND used + %s <= allocated"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--clients", type=int, nargs="+", default=[1, 8, 64], help="how many at once"
    )
    parser.add_argument("--sends", type=int, default=1000, help="how many each run commits")


def run(options: argparse.Namespace) -> Mapping[str, Any]:
    """Commit so many sends with so many clients, in both ways; report both and their ratio."""
    database = databases.Database("ledger")
    try:
        with ownership.owner(), connection.cursor() as cursor:
            for statement in BARE:
                cursor.execute(statement)
        return _measured(options.clients, options.sends)
    finally:
        database.leave()
        databases.drop_abandoned()


def _measured(clients: list[int], sends_count: int) -> Mapping[str, Any]:
    result: dict[str, Any] = {"sends": sends_count, "fsync": _setting("fsync")}
    with scratch.organization(day=sends.DAY, room=ROOM, budget_count=1) as books:

        def commit(key: str) -> None:
            books.commit(key=key, budget_ids=books.budget_ids)

        for count in clients:
            bare = _rate(f"bare-{count}", _spend_bare, count, sends_count)
            ledger = _rate(f"ledger-{count}", commit, count, sends_count)
            result[f"{count}_clients"] = {
                "ledger_per_second": round(ledger, 1),
                "bare_update_per_second": round(bare, 1),
                "ledger_against_bare": round(ledger / bare, 3),
            }
        # Each client's first one warms its connection and is not timed.
        done = sum((sends_count // count + 1) * count for count in clients)
        if books.committed_minor() != [done * scratch.AMOUNT.amount_minor] or books.differences():
            raise AssertionError("The ledger did not do what is measured.")
    return result


def _rate(name: str, work: Callable[[str], None], clients: int, sends_count: int) -> float:
    """Let every client work in a process of its own, and time the slowest."""
    connections.close_all()
    start = _fork.Barrier(clients)
    seconds: Any = _fork.SimpleQueue()

    def client(number: int) -> None:
        work(f"{name}-{number}-warm")
        start.wait()
        started = time.monotonic()
        for turn in range(sends_count // clients):
            work(f"{name}-{number}-{turn}")
        seconds.put(time.monotonic() - started)

    processes = [_fork.Process(target=client, args=(number,)) for number in range(clients)]
    for process in processes:
        process.start()
    slowest = max(seconds.get() for _ in processes)
    for process in processes:
        process.join()
    return float(sends_count // clients * clients / slowest)


def _spend_bare(_: str) -> None:
    amount = scratch.AMOUNT.amount_minor
    with connection.cursor() as cursor:
        cursor.execute(SPEND, [amount, amount])
        if cursor.rowcount != 1:
            raise AssertionError("The bare fund is empty.")


def _setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])

"""Kill workers and their connections in mid-work: what was answered is kept, nothing is half done.

The moments are drawn from a seed. A worker writes a key down when it has its answer; after a kill
it starts again with the key that it has no answer for, as a client would.
"""

from __future__ import annotations

import datetime as dt
import itertools
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Final

from django.db import DatabaseError, InterfaceError, connection, connections

from config import ownership
from config.drills import scratch
from config.drills.report import Report
from gifting.domain import ledger
from gifting.services import tenancy

FUNDS: Final = 3
ROOM: Final = 1_000_000
LONGEST_PAUSE_SECONDS: Final = 0.12
CUT_RATE: Final = 0.5
BACKEND: Final = "backend "
LONGEST_RUN_SECONDS: Final = 300.0

_fork = multiprocessing.get_context("fork")


def run(*, day: dt.date, workers: int, points: int, seed: int) -> Report:
    """Kill at so many points, let the workers finish, and compare with what they were told."""
    dice = random.Random(seed)  # noqa: S311 - moments to try, not secrets
    before = scratch.deadlocks()
    with (
        scratch.organization(day=day, room=ROOM, budget_count=FUNDS) as books,
        tempfile.TemporaryDirectory() as folder,
    ):
        crew = [_Worker(books, Path(folder) / f"{number}.log", number) for number in range(workers)]
        kills = _kill(crew, dice, points)
        answered = _answered(crew)
        lost = answered - set(_transfers_by_key(books))
        _finish(crew)
        told, kept = _answered(crew), _transfers_by_key(books)
        committed = books.committed_minor()
        differences = books.differences()
    deadlocks = scratch.deadlocks() - before
    faults = (
        *(f"lost: {key}" for key in sorted(lost | (told - set(kept)))),
        *(f"never answered: {key}" for key in sorted(set(kept) - told)),
        *(f"half done: {key}" for key, count in sorted(kept.items()) if count != FUNDS),
    )
    return Report(
        drill="crash",
        tried=len(told),
        room=ROOM,
        accepted=len(kept),
        refused=0,
        deadlocks=deadlocks,
        errors=faults,
        held=len(told) == len(kept) > 0
        and committed == [len(kept) * scratch.AMOUNT.amount_minor] * FUNDS
        and sum(kills.values()) == points
        and not (faults or differences or deadlocks),
        details={
            "seed": seed,
            **kills,
            "answered_before_the_last_kill": len(answered),
            "committed_minor": committed,
            "funds_that_differ_from_their_replay": differences,
        },
    )


class _Worker:
    """A process that commits one gift after the other and can be killed."""

    def __init__(self, books: scratch.Scratch, log: Path, number: int) -> None:
        self._books = books
        self._log = log
        self._number = number
        self.process: BaseProcess | None = None

    def start(self, *, gifts: int | None = None) -> None:
        """Go on where the answers end, for so many gifts or until killed."""
        connections.close_all()
        self.process = _fork.Process(target=self._work, args=(gifts,), daemon=True)
        self.process.start()

    def kill(self) -> None:
        """End the process without a word, as the kernel does when memory is out."""
        if self.process is not None:
            self.process.kill()
            self.process.join()

    def join(self) -> None:
        if self.process is not None:
            self.process.join(LONGEST_RUN_SECONDS)

    def answered(self) -> list[str]:
        """Return the keys that the worker has an answer for."""
        return [word for word in self._words() if not word.startswith(BACKEND)]

    def backend(self) -> int | None:
        """Return the server process that the worker last said it talks to."""
        told = [word for word in self._words() if word.startswith(BACKEND)]
        return int(told[-1].removeprefix(BACKEND)) if told else None

    def _work(self, gifts: int | None) -> None:
        connections.close_all()
        done = len(self.answered())
        for gift in itertools.count(done) if gifts is None else range(done, done + gifts):
            key = f"crash-{self._number}-{gift}"
            while not self._is_answered(key):
                # The connection was cut: ask again under the same key.
                connection.close()
            self._tell(key)
        os._exit(0)

    def _is_answered(self, key: str) -> bool:
        try:
            connection.ensure_connection()
            backend = connection.connection.info.backend_pid
            if backend != self.backend():
                self._tell(f"{BACKEND}{backend}")
            self._books.commit(key=key, budget_ids=self._books.budget_ids)
        except (DatabaseError, InterfaceError):
            return False
        return True

    def _words(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def _tell(self, word: str) -> None:
        with self._log.open("a") as stream:
            stream.write(f"{word}\n")


def _kill(crew: Sequence[_Worker], dice: random.Random, points: int) -> dict[str, int]:
    kills = {"processes_killed": 0, "connections_cut": 0}
    for worker in crew:
        worker.start()
    for _ in range(points):
        time.sleep(dice.uniform(0, LONGEST_PAUSE_SECONDS))
        worker = dice.choice(crew)
        backend = worker.backend()
        if backend is not None and dice.random() < CUT_RATE:
            _cut(backend)
            kills["connections_cut"] += 1
        else:
            worker.kill()
            worker.start()
            kills["processes_killed"] += 1
    for worker in crew:
        worker.kill()
    return kills


def _finish(crew: Sequence[_Worker]) -> None:
    """Let each worker ask once more for what it has no answer for."""
    for worker in crew:
        worker.start(gifts=1)
    for worker in crew:
        worker.join()


def _answered(crew: Sequence[_Worker]) -> set[str]:
    return {key for worker in crew for key in worker.answered()}


def _cut(backend: int) -> None:
    with ownership.owner(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])


def _transfers_by_key(books: scratch.Scratch) -> dict[str, int]:
    """Count the transfers of each commitment that is there."""
    with tenancy.organization(books.organization.id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT operation.idempotency_key, count(step.id)"
            " FROM gifting_operation AS operation LEFT JOIN gifting_transfer AS step"
            " ON step.organization_id = operation.organization_id"
            " AND step.operation_id = operation.id WHERE operation.kind = %s GROUP BY 1",
            [ledger.OperationKind.COMMIT.value],
        )
        return {key: int(count) for key, count in cursor.fetchall()}

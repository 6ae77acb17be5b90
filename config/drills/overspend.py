"""Many senders on little room: exactly what fits is accepted, whatever they do at once."""

from __future__ import annotations

import datetime as dt
import random
import time
from typing import Final

from django.db import DatabaseError

from config.drills import scratch
from config.drills.report import Report
from gifting.domain import ledger, refusals
from gifting.domain.decisions import Outcome

ACCEPTED = "accepted"
REFUSED = "refused"


LEDGER: Final = "ledger"
SENDS: Final = "sends"


def run(*, day: dt.date, workers: int, room: int, funds: int, through: str = LEDGER) -> Report:
    """Let each worker commit one gift in every fund, naming the funds in an order of its own.

    Through sends, each worker decides on a request of its own, which every fund pays a part of.
    """
    before = scratch.deadlocks()
    with scratch.organization(day=day, room=room, budget_count=funds) as books:
        asked = books.request_sends(workers) if through == SENDS else ()

        def attempt(number: int) -> str:
            order = random.Random(number).sample(books.budget_ids, funds)  # noqa: S311 - an order to try, not a secret
            try:
                if asked:
                    decided = books.decide(key=f"overspend-{number}", send=asked[number])
                    return ACCEPTED if decided is Outcome.APPROVED else REFUSED
                books.commit(key=f"overspend-{number}", budget_ids=order)
            except ledger.BudgetExceeded:
                return REFUSED
            except (DatabaseError, refusals.Refusal) as error:
                return f"{type(error).__name__}: {error}"
            return ACCEPTED

        started = time.monotonic()
        found, connections = scratch.all_at_once(attempt, workers=workers)
        seconds = time.monotonic() - started
        committed = books.committed_minor()
        differences = books.differences()
    accepted, refused = found.count(ACCEPTED), found.count(REFUSED)
    errors = tuple(sorted(set(found) - {ACCEPTED, REFUSED}))
    deadlocks = scratch.deadlocks() - before
    fits = min(workers, room)
    return Report(
        drill="overspend",
        tried=workers,
        room=room,
        accepted=accepted,
        refused=refused,
        deadlocks=deadlocks,
        errors=errors,
        held=accepted == fits
        and refused == workers - fits
        and committed == [fits * scratch.AMOUNT.amount_minor] * funds
        and not (deadlocks or errors or differences),
        details={
            "through": through,
            "funds": funds,
            "connections": connections,
            "committed_minor": committed,
            "funds_that_differ_from_their_replay": differences,
            "seconds": round(seconds, 2),
        },
    )

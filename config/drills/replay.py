"""The same key many times at once: one effect, one answer, and no second request under it."""

from __future__ import annotations

import datetime as dt

from django.db import DatabaseError

from config.drills import scratch
from config.drills.report import Report
from gifting.domain import money, refusals
from gifting.services import operations

KEY = "replay"
# Every tenth worker sends another request under the same key.
OTHER_EVERY = 10


def run(*, day: dt.date, workers: int) -> Report:
    """Send one request from every worker, all under one key."""
    before = scratch.deadlocks()
    with scratch.organization(day=day, room=workers, budget_count=1) as books:
        one_more = money.Money(scratch.AMOUNT.amount_minor + 1, scratch.CURRENCY)

        # The key belongs to the first request; it is settled before another one can take it.
        first = books.commit(key=KEY, budget_ids=books.budget_ids)

        def attempt(number: int) -> object:
            is_other = number % OTHER_EVERY == 0
            amount = one_more if is_other else scratch.AMOUNT
            try:
                answer = books.commit(key=KEY, budget_ids=books.budget_ids, amount=amount)
            except operations.IdempotencyKeyReused:
                return None
            except (DatabaseError, refusals.Refusal) as error:
                return f"{type(error).__name__}: {error}"
            return answer

        fresh_key = f"{KEY}-at-once"

        def attempt_fresh(_: int) -> object:
            try:
                return books.commit(key=fresh_key, budget_ids=books.budget_ids)
            except (DatabaseError, refusals.Refusal) as error:
                return f"{type(error).__name__}: {error}"

        repeated, _ = scratch.all_at_once(attempt, workers=workers)
        fresh, connections = scratch.all_at_once(attempt_fresh, workers=workers)
        committed = books.committed_minor()
    answers = [each for each in fresh if isinstance(each, operations.Answer)]
    repeats = [each for each in repeated if isinstance(each, operations.Answer)]
    acted = sum(not each.replayed for each in (*answers, *repeats, first))
    same = (
        len({each.operation_id for each in answers}) == 1
        and {each.operation_id for each in repeats} <= {first.operation_id}
        and all(each.response == first.response for each in repeats)
    )
    refused = repeated.count(None)
    errors = tuple(sorted({each for each in (*fresh, *repeated) if isinstance(each, str)}))
    deadlocks = scratch.deadlocks() - before
    return Report(
        drill="replay",
        tried=2 * workers + 1,
        room=2,
        accepted=acted,
        refused=refused,
        deadlocks=deadlocks,
        errors=errors,
        held=acted == len((KEY, fresh_key))
        and same
        and refused == len(range(0, workers, OTHER_EVERY))
        and committed == [2 * scratch.AMOUNT.amount_minor]
        and not (deadlocks or errors),
        details={
            "answered_from_the_store": sum(each.replayed for each in (*answers, *repeats)),
            "connections": connections,
            "committed_minor": committed,
        },
    )

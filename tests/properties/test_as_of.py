"""A cut never changes, whatever happens later, and what changed since is exactly the difference.

Held after every round of random requests, some of them open on a second connection while a report
is taken: every report so far has the same bytes (invariants 16 and 17), and its rows plus the facts
that came since are the rows of now.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import hypothesis
from django.db import connection
from hypothesis import strategies as st

from gifting import models
from gifting.domain import access, refusals
from gifting.services import reports as services
from gifting.services import tenancy
from tests.factories import ledger, organizations, reports

KINDS = ("BUDGETS", "COMMITMENTS")
requests = st.lists(
    st.tuples(
        st.sampled_from(["commit", "fact", "revise", "invoice"]),
        st.integers(1, 60),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


@hypothesis.given(rounds=st.lists(requests, min_size=1, max_size=3))
@hypothesis.settings(
    max_examples=4, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_a_cut_stays_and_the_rest_is_the_difference(
    committed_db: None, rounds: list[list[tuple[str, int, bool]]]
) -> None:
    organization = organizations.make_organization().id
    budget: models.Budget = _inside(organization, lambda: ledger.make_budget(100))
    taken: list[services.Taken] = []

    for told in rounds:
        taken += _round(organization, budget, told)

        for each in taken:
            _require_same(organization, each)


def _round(
    organization: UUID, budget: models.Budget, told: list[tuple[str, int, bool]]
) -> list[services.Taken]:
    """Do the requests; a report is taken while one that stays open is in flight."""
    found = []
    for kind, amount, stays_open in told:
        request = _request(budget, kind, amount)
        if stays_open:
            with _open(organization, request):
                organizations.make_organization()
                found += _inside(organization, lambda: [reports.take(kind) for kind in KINDS])
        else:
            with contextlib.suppress(refusals.Refusal):
                _inside(organization, request)
    return found


def _require_same(organization: UUID, taken: services.Taken) -> None:
    actor = access.Actor.system(organization_id=organization)
    again = services.rerun(actor=actor, snapshot=taken.public_id)
    changes = services.changes(actor=actor, snapshot=taken.public_id)
    came: Counter[tuple[tuple[str, ...], int]] = Counter()
    for fact in changes.facts:
        for place, value in enumerate(fact.measures):
            came[fact.keys, place] += value
    differs = {
        (each.keys, place): value
        for each in changes.figures
        for place, value in enumerate(each.difference)
        if value
    }

    assert again.document == taken.document
    assert {key: value for key, value in came.items() if value} == differs


def _request(budget: models.Budget, kind: str, amount: int) -> Callable[[], Any]:
    def invoice() -> Any:
        found = models.Commitment.objects.filter(posted_minor=0, voided_minor=0).first()
        return ledger.invoice(found, amount) if found else None

    return {
        "commit": lambda: ledger.commit((budget, amount)),
        "fact": lambda: ledger.record_fact(budget, amount),
        "revise": lambda: ledger.revise(budget, amount),
        "invoice": invoice,
    }[kind]


@contextlib.contextmanager
def _open(organization: UUID, request: Callable[[], Any]) -> Any:
    """Do a request on another connection, and commit it when the block is over."""
    done, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with contextlib.suppress(refusals.Refusal), tenancy.organization(organization):
            try:
                request()
            finally:
                done.set()
                may_end.wait(20)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    done.wait(20)
    try:
        yield
    finally:
        may_end.set()
        thread.join()


def _inside(organization: UUID, what: Callable[[], Any]) -> Any:
    with tenancy.organization(organization):
        return what()

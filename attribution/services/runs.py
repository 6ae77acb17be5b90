"""Run attribution: credits, rollup and totals change in one transaction, or nothing changes.

A run is a version. It is published only after PostgreSQL found that each won opportunity's credits
add up to its amount, that each credit belongs to this organization, and that credit plus
unattributed is won revenue in every currency; a run that breaks this is kept as refused, without
figures. A run that finds exactly what the current one found is not kept: the current one stands.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

import orjson
from django.db import connection, transaction

from attribution import models
from attribution.domain import journey, kernel, multitouch
from attribution.selectors import configurations as versions
from attribution.selectors import journeys
from attribution.services import books, configurations, touchpoints, turns
from gifting.domain import access
from gifting.services import tenancy


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run: published, refused with a reason, or equal to the current one."""

    run_id: UUID
    model: multitouch.Model
    is_published: bool
    is_unchanged: bool
    refusal: str


class Configured(Enum):
    """Stands for what the configuration says, where no limit is an answer too."""

    LOOKBACK = "LOOKBACK"


class FiguresDoNotReconcileError(Exception):
    """PostgreSQL found credits that do not add up."""


def run(
    *,
    actor: access.Actor,
    at: dt.datetime,
    models_to_run: Sequence[multitouch.Model] | None = None,
    lookback_days: int | Configured | None = Configured.LOOKBACK,
) -> tuple[Outcome, ...]:
    """Attribute all won opportunities by each model; raises Forbidden and LookbackUnusable.

    Models and look-back are those of the current configuration unless given.
    """
    actor.require(access.Permission.RUN_ATTRIBUTION)
    if not isinstance(lookback_days, Configured):
        journey.require_lookback(lookback_days)
    with tenancy.organization(actor.organization_id), _without_row_by_row_joins():
        # Two runs of one organization would both write what only one may publish.
        turns.wait(actor.organization_id)
        touchpoints.pull_sends(actor=actor)
        version = configurations.require_current(actor=actor, at=at)
        request = Request(
            actor.organization_id,
            version.chosen.models if models_to_run is None else tuple(models_to_run),
            lookback_days,
            at,
            version,
        )
        try:
            with transaction.atomic():
                return _publish_changes(request, _compute(request))
        except FiguresDoNotReconcileError as error:
            return tuple(_refuse(request, model, str(error)) for model in request.models)
        except _Unchanged as same:
            return same.outcomes


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for."""

    organization_id: UUID
    models: tuple[multitouch.Model, ...]
    lookback_days: int | Configured | None
    at: dt.datetime
    version: versions.Version

    def lookback_of(self, model: multitouch.Model) -> int | None:
        if isinstance(self.lookback_days, Configured):
            return self.version.chosen.lookback_of(model)
        return self.lookback_days

    def models_by_lookback(self) -> dict[int | None, list[multitouch.Model]]:
        """Group the models that see the same journeys."""
        grouped: dict[int | None, list[multitouch.Model]] = {}
        for model in self.models:
            grouped.setdefault(self.lookback_of(model), []).append(model)
        return grouped


class _Unchanged(Exception):  # noqa: N818 - it carries an answer out of the transaction, not an error
    def __init__(self, outcomes: tuple[Outcome, ...]) -> None:
        super().__init__()
        self.outcomes = outcomes


def _compute(request: Request) -> list[tuple[models.AttributionRun, books.Book]]:
    open_books = [
        (run := _start(request, model), books.Book(request.organization_id, run.id, model))
        for model in request.models
    ]
    chosen = request.version.chosen
    book_of = {book.model: book for _, book in open_books}
    for batch in journeys.batches(chosen):
        deals, touches = batch.journeys_in()
        cuts = books.Cuts.of(batch)
        for _, book in open_books:
            book.open_batch(touches)
        for lookback_days, together in request.models_by_lookback().items():
            for part in kernel.attribute(
                deals,
                touches,
                models=together,
                as_of=journeys.microseconds(request.at),
                lookback_days=lookback_days,
                settings=chosen.settings,
            ):
                for model in together:
                    book_of[model].add(part, deals, touches, cuts)
                books.write([book_of[model] for model in together])
    for _, book in open_books:
        book.close_batch()
    return open_books


def _publish_changes(
    request: Request, open_books: list[tuple[models.AttributionRun, books.Book]]
) -> tuple[Outcome, ...]:
    current = {
        run.model: run
        for run in models.AttributionRun.objects.filter(model__in=request.models, is_current=True)
    }
    if all(_is_same(current.get(run.model), run, book) for run, book in open_books):
        raise _Unchanged(
            tuple(
                Outcome(current[model].public_id, model, True, True, "") for model in request.models
            )
        )
    return tuple(_publish(request, run, book) for run, book in open_books)


def _is_same(
    current: models.AttributionRun | None, run: models.AttributionRun, book: books.Book
) -> bool:
    return (
        current is not None
        and _basis(current) == _basis(run)
        and current.digest == _digest(book)
        # Not given and 0 earn the same nothing, but a figure says how many were not given.
        and current.missing_amount_count == book.missing_amount_count
    )


def _basis(run: models.AttributionRun) -> tuple[object, ...]:
    """Name what a run rests on beside the data."""
    return run.rule_version, run.lookback_days, run.configuration_id


def _publish(request: Request, run: models.AttributionRun, book: books.Book) -> Outcome:
    book.write_sums()
    _check(run, book)
    models.AttributionRun.objects.filter(model=run.model, is_current=True).update(is_current=False)
    run.status = models.credits.Status.PUBLISHED
    run.is_current = True
    run.finished_at = request.at
    run.opportunity_count = book.opportunity_count
    run.touchpoint_count = book.touchpoint_count
    run.credit_count = book.credit_count
    run.missing_amount_count = book.missing_amount_count
    run.missing_milestone_count = book.missing_milestone_count
    run.digest = _digest(book)
    run.save()
    return Outcome(run.public_id, multitouch.Model(run.model), True, False, "")


def _start(request: Request, model: multitouch.Model) -> models.AttributionRun:
    return models.AttributionRun.objects.create(
        organization_id=request.organization_id,
        model=model.value,
        rule_version=multitouch.RULES[model].version,
        lookback_days=request.lookback_of(model),
        configuration_id=request.version.id,
        as_of=request.at,
    )


def _refuse(request: Request, model: multitouch.Model, reason: str) -> Outcome:
    run = _start(request, model)
    run.status = models.credits.Status.REFUSED
    run.refusal = reason
    run.finished_at = request.at
    run.save()
    return Outcome(run.public_id, model, False, False, reason)


def _digest(book: books.Book) -> str:
    return hashlib.sha256(orjson.dumps(book.fingerprint())).hexdigest()


@contextlib.contextmanager
def _without_row_by_row_joins() -> Iterator[None]:
    """Have whole tables joined as wholes.

    What came in since the last ANALYZE, such as this run's own credits, is not in the statistics:
    taken for one row, each of them would be compared with every touchpoint.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = on")


_CHECKS = {
    "credits of an opportunity do not add up to its amount": """
        SELECT count(*) FROM attribution_opportunity AS deal
        FULL JOIN (
            SELECT opportunity_id, sum(amount_minor) AS amount_minor
            FROM attribution_credit WHERE run_id = %(run)s GROUP BY opportunity_id
        ) AS given ON given.opportunity_id = deal.id
        WHERE (deal.status = 'WON' OR given.opportunity_id IS NOT NULL)
            AND (deal.id IS NULL OR deal.status <> 'WON'
                OR coalesce(deal.amount_minor, 0) IS DISTINCT FROM given.amount_minor)
    """,
    "credits name a touchpoint that is not there": """
        SELECT count(*) FROM attribution_credit AS credit
        LEFT JOIN attribution_touchpoint AS touch ON touch.id = credit.touchpoint_id
        WHERE credit.run_id = %(run)s AND credit.touchpoint_id IS NOT NULL AND touch.id IS NULL
    """,
    "credits are missing or belong to nobody here": """
        SELECT count(*) - %(count)s FROM attribution_credit WHERE run_id = %(run)s
    """,
    "credit and unattributed do not add up to won revenue": """
        SELECT count(*) FROM (
            SELECT currency, sum(coalesce(amount_minor, 0)) AS amount_minor
            FROM attribution_opportunity WHERE status = 'WON' GROUP BY currency
        ) AS won FULL JOIN (
            SELECT currency, won_revenue_minor AS amount_minor
            FROM attribution_attributiontotal WHERE run_id = %(run)s
        ) AS total USING (currency)
        WHERE won.amount_minor IS DISTINCT FROM total.amount_minor
    """,
    "rollup and totals differ": """
        SELECT count(*) FROM (
            SELECT currency,
                coalesce(sum(amount_minor) FILTER (WHERE NOT is_unattributed), 0) AS attributed,
                coalesce(sum(amount_minor) FILTER (WHERE is_unattributed), 0) AS unattributed
            FROM attribution_creditrollup WHERE run_id = %(run)s GROUP BY currency
        ) AS rolled FULL JOIN (
            SELECT currency, attributed_minor, unattributed_minor
            FROM attribution_attributiontotal WHERE run_id = %(run)s
        ) AS total USING (currency)
        WHERE (rolled.attributed, rolled.unattributed)
            IS DISTINCT FROM (total.attributed_minor, total.unattributed_minor)
    """,
}


def _check(run: models.AttributionRun, book: books.Book) -> None:
    with connection.cursor() as cursor:
        for complaint, query in _CHECKS.items():
            cursor.execute(query, {"run": run.id, "count": book.credit_count})
            found = int(cursor.fetchone()[0])
            if found:
                raise FiguresDoNotReconcileError(f"{run.model}: {complaint} ({found:,} rows)")

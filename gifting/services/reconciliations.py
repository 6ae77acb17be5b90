"""Tie the general ledger to ours, keep what was found, and let people explain what is left.

A run compares the latest import of a period with the period's spend (`selectors/booked`) in one
currency. Explanations stay for later runs. PostgreSQL proves of every run that its totals are those
of both ledgers and that its causes add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from django.db import connection

from gifting import models
from gifting.domain import access, closes, money, refusals, tie_out
from gifting.domain.journals import batches
from gifting.domain.ledger import OperationKind
from gifting.selectors import booked
from gifting.services import journals, operations
from gifting.services.operations import Answer, Plan

_BATCH: Final = 2_000


class NothingImported(refusals.Conflict):
    code = "GL_NOT_IMPORTED"


class NothingToExplain(refusals.NotFound):
    code = "NOTHING_TO_EXPLAIN"


class ExplainedAlready(refusals.Conflict):
    code = "EXPLAINED_ALREADY"


@dataclass(frozen=True, slots=True)
class _Sides:
    """The lines of both ledgers, each with its row."""

    gl: Sequence[models.GlLine]
    ours: Sequence[booked.Line]

    def result(self, neighbors: dict[str, str]) -> tie_out.Result:
        return tie_out.tie_out(
            [_gl_line(line) for line in self.gl],
            [_our_line(line) for line in self.ours],
            neighbors=neighbors,
        )


def run(*, actor: access.Actor, key: str, period_id: int, currency: str) -> Answer:
    """Compare the latest import of a period with ours; the answer names the run and its figures.

    Raises Forbidden, UnknownPeriod, UnknownCurrency, NothingImported and what `operations.perform`
    refuses.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    money.exponent(currency)

    def plan(_: UUID) -> Plan:
        period = journals.period_of(period_id)
        _hold(period)
        imported = latest_import(period)
        if imported is None:
            raise NothingImported(
                f"Nothing of the general ledger was imported for {period.name}. Import it first.",
                field="period",
            )
        sides = _Sides(
            gl=spend_lines(imported, currency),
            ours=_ours(actor, period, currency),
        )
        result = sides.result(_neighbors(actor, period, currency))
        causes = _explained(result, period)
        made = _new_run(actor, imported, currency, sides, causes)

        def then(operation_pk: int) -> None:
            made.operation_id = operation_pk
            made.save(force_insert=True)
            _write_parts(actor, made, result, causes)

        return Plan(
            response={
                "run": str(made.public_id),
                "gl_total_minor": made.gl_total_minor,
                "ours_total_minor": made.ours_total_minor,
                "explained_minor": made.explained_minor,
                "unexplained_minor": made.unexplained_minor,
                "is_clear": made.is_clear,
            },
            then=then,
        )

    return operations.perform(
        actor=actor,
        kind=OperationKind.RECONCILE,
        key=key,
        request={"period": period_id, "currency": currency},
        plan=plan,
    )


def explain(
    *, actor: access.Actor, key: str, difference: UUID, cause: closes.Cause, note: str
) -> Answer:
    """Say why a line stands alone; every later run counts it under that cause.

    Raises Forbidden, NothingToExplain, ExplainedAlready and TextUnusable.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    why = operations.text(note, field="note")

    def plan(_: UUID) -> Plan:
        single = (
            models.ReconciliationCause.objects.select_related("run")
            .filter(public_id=difference)
            .first()
        )
        if single is None:
            raise NothingToExplain("There is no such line that stands alone.", field="difference")
        of_line = {
            "fiscal_period_id": single.run.fiscal_period_id,
            "gl_line_id": single.gl_line_id,
            "transfer_id": single.transfer_id,
            "role": single.role,
        }
        said = models.ReconciliationExplanation.objects.filter(**of_line)
        if single.is_explained or said.exists():
            raise ExplainedAlready("The line is explained already. Run the reconciliation again.")
        public_id = uuid4()

        def then(operation_pk: int) -> None:
            models.ReconciliationExplanation.objects.create(
                organization_id=actor.organization_id,
                public_id=public_id,
                operation_id=operation_pk,
                cause=cause.value,
                note=why,
                user_id=actor.user_id,
                **of_line,
            )

        return Plan(response={"explanation": str(public_id)}, then=then)

    return operations.perform(
        actor=actor,
        kind=OperationKind.EXPLAIN,
        key=key,
        request={"difference": difference, "cause": cause.value, "note": note},
        plan=plan,
    )


def latest_import(period: models.FiscalPeriod) -> models.GlImport | None:
    """Return the import of a period that counts."""
    return models.GlImport.objects.filter(fiscal_period=period).order_by("-id").first()


def spend_lines(imported: models.GlImport, currency: str) -> list[models.GlLine]:
    """Return the lines of an import that stand on accounts of spend."""
    spend_accounts = models.GlAccount.objects.filter(kind__in=batches.SPEND_ACCOUNTS)
    return list(
        imported.lines.filter(
            currency=currency, account_code__in=spend_accounts.values("code")
        ).order_by("id")
    )


def _new_run(
    actor: access.Actor,
    imported: models.GlImport,
    currency: str,
    sides: _Sides,
    causes: Sequence[models.ReconciliationCause],
) -> models.ReconciliationRun:
    return models.ReconciliationRun(
        organization_id=actor.organization_id,
        public_id=uuid4(),
        fiscal_period_id=imported.fiscal_period_id,
        gl_import=imported,
        currency=currency,
        gl_total_minor=sum(line.amount_minor for line in sides.gl),
        ours_total_minor=sum(line.amount_minor for line in sides.ours),
        explained_minor=sum(each.amount_minor for each in causes if each.is_explained),
        unexplained_minor=sum(each.amount_minor for each in causes if not each.is_explained),
        is_clear=all(each.is_explained for each in causes),
    )


def _write_parts(
    actor: access.Actor,
    made: models.ReconciliationRun,
    result: tie_out.Result,
    causes: Sequence[models.ReconciliationCause],
) -> None:
    models.ReconciliationMatch.objects.bulk_create(
        (
            models.ReconciliationMatch(
                organization_id=actor.organization_id,
                run=made,
                gl_line_id=match.gl_line,
                transfer_id=match.our_line[0],
                role=match.our_line[1],
                amount_minor=match.amount_minor,
            )
            for match in result.matches
        ),
        batch_size=_BATCH,
    )
    for each in causes:
        each.organization_id = actor.organization_id
        each.run = made
    models.ReconciliationCause.objects.bulk_create(causes, batch_size=_BATCH)


def _explained(
    result: tie_out.Result, period: models.FiscalPeriod
) -> list[models.ReconciliationCause]:
    """Return the causes: by evidence, by what people said, or open."""
    said = models.ReconciliationExplanation.objects.filter(fiscal_period=period)
    of_line = {(each.gl_line_id, each.transfer_id, each.role): each for each in said}
    return [_cause(single, of_line) for single in result.singles]


def _cause(
    single: tie_out.Single,
    of_line: dict[tuple[int | None, int | None, str], models.ReconciliationExplanation],
) -> models.ReconciliationCause:
    transfer_id, role = single.our_line or (None, "")
    explanation = of_line.get((single.gl_line, transfer_id, role))
    return models.ReconciliationCause(
        cause=explanation.cause if explanation else single.cause.value,
        gl_line_id=single.gl_line,
        transfer_id=transfer_id,
        role=role,
        amount_minor=single.amount_minor,
        is_explained=bool(explanation or single.evidence),
        explanation=explanation,
        evidence="" if explanation else single.evidence,
    )


def _ours(actor: access.Actor, period: models.FiscalPeriod, currency: str) -> list[booked.Line]:
    found = booked.lines(actor=actor, period=period)
    return [line for line in found if line.currency == currency]


def _neighbors(actor: access.Actor, period: models.FiscalPeriod, currency: str) -> dict[str, str]:
    """Name the unmatched lines of the periods beside, where what is missing here may stand."""
    beside = models.FiscalPeriod.objects.filter(calendar_id=period.calendar_id)
    named: dict[str, str] = {}
    for each in (
        beside.filter(ends_on=period.starts_on).first(),
        beside.filter(starts_on=period.ends_on).first(),
    ):
        if each is None:
            continue
        matched = models.ReconciliationMatch.objects.filter(run__fiscal_period=each)
        told = set(matched.values_list("transfer_id", flat=True))
        for line in booked.spends(actor=actor, period=each):
            if line.currency == currency and line.transfer_id not in told:
                for name in _our_line(line).keys:
                    named[tie_out.neighbor("ours", name, line.amount_minor)] = each.name
        known = set(matched.values_list("gl_line_id", flat=True))
        imported = latest_import(each)
        for gl_line in spend_lines(imported, currency) if imported else ():
            if gl_line.pk not in known:
                name = tie_out.key(gl_line.reference)
                named[tie_out.neighbor("gl", name, gl_line.amount_minor)] = each.name
    return named


def _gl_line(line: models.GlLine) -> tie_out.GlLine:
    return tie_out.GlLine(
        id=line.pk,
        dated_on=line.dated_on,
        account=line.account_code,
        amount_minor=line.amount_minor,
        reference=line.reference,
        memo=line.memo,
        is_foreign=bool(line.original_currency),
    )


def _our_line(line: booked.Line) -> tie_out.OurLine:
    told = [batches.reference(line.batch_number)] if line.batch_number else []
    keys = {tie_out.key(name) for name in (line.tag, line.reference, str(line.public_id), *told)}
    return tie_out.OurLine(
        id=(line.transfer_id, line.role.value),
        dated_on=line.effective_on,
        amount_minor=line.amount_minor,
        keys=frozenset(keys - {""}),
        is_foreign=line.is_foreign,
        is_rate=line.is_rate,
    )


def _hold(period: models.FiscalPeriod) -> None:
    """Keep whoever posts to the period waiting, so that both totals are of one moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM gifting_fiscalperiod WHERE id = %s FOR NO KEY UPDATE", [period.pk]
        )

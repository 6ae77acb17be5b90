"""Close a fiscal period: run the checklist, waive by name what is open, sign, and it is closed.

The closing figures are stored by PostgreSQL in the statement that closes the period, whoever does
it. A close by this service is signed besides: by someone who did not prepare it, when each item of
the checklist is met, then and now, or waived by someone who did not prepare it either.
"""

from __future__ import annotations

from uuid import UUID, uuid4

from gifting import models
from gifting.domain import access, closes, ledger, refusals
from gifting.domain.ledger import OperationKind
from gifting.selectors import closes as figures
from gifting.services import journals, operations, periods
from gifting.services.operations import Answer, Plan


class UnknownPreparation(refusals.NotFound):
    code = "UNKNOWN_CLOSE_PREPARATION"


class PreparationOutdated(refusals.Conflict):
    code = "CLOSE_PREPARATION_OUTDATED"


class ChecklistOpen(refusals.Conflict):
    code = "CLOSE_CHECKLIST_OPEN"


class PreparerMayNot(refusals.Forbidden):
    code = "PREPARER_MAY_NOT_SIGN"


class PersonRequired(refusals.Forbidden):
    code = "PERSON_REQUIRED"


class NothingToWaive(refusals.Conflict):
    code = "NOTHING_TO_WAIVE"


def prepare(*, actor: access.Actor, key: str, period_id: int) -> Answer:
    """Close the period softly, if it is open, and run the checklist; the answer holds all items.

    Raises Forbidden, UnknownPeriod and PeriodClosed.
    """
    actor.require(access.Permission.CLOSE_PERIODS)

    def plan(_: UUID) -> Plan:
        period = journals.period_of(period_id)
        if period.status == ledger.PeriodStatus.CLOSED:
            raise operations.PeriodClosed(
                f"{period.name} is closed. Open it again before it is closed anew.", field="period"
            )
        if period.status == ledger.PeriodStatus.OPEN:
            periods.move(
                actor=actor,
                period_id=period.pk,
                status=ledger.PeriodStatus.SOFT_CLOSED,
                reason="The close is prepared",
            )
            period.refresh_from_db()
        checks = [check.as_plain() for check in figures.checklist(actor=actor, period=period)]
        public_id = uuid4()

        def then(operation_pk: int) -> None:
            models.ClosePreparation.objects.create(
                organization_id=actor.organization_id,
                public_id=public_id,
                operation_id=operation_pk,
                fiscal_period=period,
                checks=checks,
                prepared_by_id=actor.user_id,
            )

        return Plan(response={"preparation": str(public_id), "checks": checks}, then=then)

    return operations.perform(
        actor=actor,
        kind=OperationKind.PREPARE_CLOSE,
        key=key,
        request={"period": period_id},
        plan=plan,
    )


def waive(
    *, actor: access.Actor, key: str, preparation: UUID, item: closes.Item, reason: str
) -> Answer:
    """Let a close pass although an item is open, under one's own name.

    Raises Forbidden, PersonRequired, PreparerMayNot, UnknownPreparation, NothingToWaive and
    TextUnusable.
    """
    actor.require(access.Permission.APPROVE)
    why = operations.text(reason, field="reason")
    person = _person(actor)

    def plan(_: UUID) -> Plan:
        prepared = _preparation(preparation)
        _require_another(prepared, person)
        open_items = {check.item for check in _checks(prepared) if not check.is_met}
        waived = set(prepared.waivers.values_list("item", flat=True))
        if item not in open_items - waived or item is closes.Item.SOFT_CLOSED:
            raise NothingToWaive(
                f"{item} is met, waived already, or cannot be waived.", field="item"
            )

        def then(_: int) -> None:
            models.CloseWaiver.objects.create(
                organization_id=actor.organization_id,
                preparation=prepared,
                item=item.value,
                reason=why,
                waived_by_id=person,
            )

        return Plan(response={"preparation": str(preparation), "item": item.value}, then=then)

    return operations.perform(
        actor=actor,
        kind=OperationKind.WAIVE,
        key=key,
        request={"preparation": preparation, "item": item.value, "reason": reason},
        plan=plan,
    )


def close(*, actor: access.Actor, key: str, preparation: UUID, reason: str) -> Answer:
    """Sign the latest preparation and close its period for good, until someone opens it again.

    Whoever posts to the period is waited for, and the checklist is run once more after that.
    Raises Forbidden, PersonRequired, PreparerMayNot, UnknownPreparation, PreparationOutdated,
    ChecklistOpen, PeriodStatusKept and TextUnusable.
    """
    actor.require(access.Permission.CLOSE_PERIODS)
    why = operations.text(reason, field="reason")
    person = _person(actor)

    def plan(_: UUID) -> Plan:
        prepared = _preparation(preparation)
        period = prepared.fiscal_period
        _require_another(prepared, person)
        _require_latest(prepared)
        periods.enter(
            actor=actor, period_id=period.pk, status=ledger.PeriodStatus.CLOSED, reason=why
        )
        period.refresh_from_db()
        waived = {closes.Item(item) for item in prepared.waivers.values_list("item", flat=True)}
        now = figures.checklist(actor=actor, period=period)
        _require_met(closes.unmet((*_checks(prepared), *now), waived))
        closed = models.PeriodClose.objects.filter(fiscal_period=period).latest("version")

        def then(_: int) -> None:
            models.CloseSignature.objects.create(
                organization_id=actor.organization_id,
                preparation=prepared,
                period_close=closed,
                signed_by_id=person,
            )

        return Plan(
            response={
                "close": str(closed.public_id),
                "version": closed.version,
                "line_count": closed.line_count,
                "control_total_minor": int(closed.control_total_minor),
                "sha256": closed.sha256,
            },
            then=then,
        )

    return operations.perform(
        actor=actor,
        kind=OperationKind.CLOSE,
        key=key,
        request={"preparation": preparation, "reason": reason},
        plan=plan,
    )


def _preparation(public_id: UUID) -> models.ClosePreparation:
    found = (
        models.ClosePreparation.objects.select_related("fiscal_period")
        .filter(public_id=public_id)
        .first()
    )
    if found is None:
        raise UnknownPreparation(
            f"There is no preparation {public_id} of a close.", field="preparation"
        )
    return found


def _checks(prepared: models.ClosePreparation) -> tuple[closes.Check, ...]:
    return tuple(closes.Check.from_plain(plain) for plain in prepared.checks)


def _person(actor: access.Actor) -> int:
    if actor.user_id is None:
        raise PersonRequired("A close is signed and waived by a person. Sign in as one.")
    return actor.user_id


def _require_another(prepared: models.ClosePreparation, person: int) -> None:
    if prepared.prepared_by_id == person:
        raise PreparerMayNot(
            "Whoever prepared a close does not sign it or waive an item of it. Ask a colleague."
        )


def _require_latest(prepared: models.ClosePreparation) -> None:
    later = models.ClosePreparation.objects.filter(
        fiscal_period_id=prepared.fiscal_period_id, id__gt=prepared.pk
    )
    if later.exists():
        raise PreparationOutdated(
            "The close was prepared again since. Sign the latest preparation.", field="preparation"
        )


def _require_met(unmet: tuple[closes.Check, ...]) -> None:
    if unmet:
        named = "; ".join(f"{check.item}: {check.open_count}, {check.detail}" for check in unmet)
        raise ChecklistOpen(
            f"The checklist is open ({named}). Settle it and prepare again, or have it waived."
        )

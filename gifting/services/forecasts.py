"""Write down what the owners of budgets expect, version by version, and submit it once."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from gifting import models
from gifting.domain import access, money, refusals, texts
from gifting.domain.ledger import OperationKind
from gifting.services import conflicts, ledger, operations, tenancy
from gifting.services.operations import Answer, Plan


class UnknownForecast(refusals.NotFound):
    code = "UNKNOWN_FORECAST"


class ForecastSubmitted(refusals.Conflict):
    code = "FORECAST_SUBMITTED"


class ForecastExists(refusals.Conflict):
    code = "FORECAST_EXISTS"


class ForecastNegative(refusals.Invalid):
    code = "FORECAST_NEGATIVE"


def begin(*, actor: access.Actor, name: str) -> UUID:
    """Begin a version; raises Forbidden, TextUnusable and ForecastExists."""
    actor.require(access.Permission.WRITE_BUDGETS)
    texts.require(name, field="name", most=texts.NAME_LENGTH)
    exists = ForecastExists(f"A forecast {name!r} exists. Choose another name.", field="name")
    version = models.ForecastVersion(organization_id=actor.organization_id, name=name)
    with (
        tenancy.organization(actor.organization_id),
        conflicts.refusing("forecast_version_name_is_unique", exists),
    ):
        version.save()
        version.refresh_from_db(fields=["public_id"])
    return version.public_id


def plan(
    *,
    actor: access.Actor,
    version: UUID,
    budget_id: int,
    planned: money.Money,
    remaining: money.Money,
    quantity: int,
) -> None:
    """Say what a budget plans in a version, instead of what it said before.

    Raises Forbidden, UnknownForecast, UnknownBudget, CurrencyMismatch, ForecastNegative and
    ForecastSubmitted.
    """
    actor.require(access.Permission.WRITE_BUDGETS)
    if min(planned.amount_minor, remaining.amount_minor, quantity) < 0:
        raise ForecastNegative("A plan is zero or above. Correct the amounts.", field="planned")
    kept = ForecastSubmitted("The forecast is submitted. Begin another version.", field="version")
    with tenancy.organization(actor.organization_id):
        row = _version(version)
        fund = ledger.fund_of(budget_id=budget_id)
        actor.require_cost_center(fund.budget.cost_center_id)
        for amount in (planned, remaining):
            ledger.require_currency(fund, amount)
        with conflicts.refusing("forecast_line_is_open", kept):
            models.ForecastLine.objects.update_or_create(
                organization_id=actor.organization_id,
                version=row,
                budget_id=budget_id,
                defaults={
                    "planned_minor": planned.amount_minor,
                    "planned_quantity": quantity,
                    "remaining_minor": remaining.amount_minor,
                },
            )


def submit(*, actor: access.Actor, key: str, version: UUID, at: dt.datetime) -> Answer:
    """Submit a version, which is kept as it is from then on.

    Raises Forbidden, UnknownForecast, ForecastSubmitted and what `operations.perform` refuses.
    """
    actor.require(access.Permission.WRITE_BUDGETS)

    def planned(_: UUID) -> Plan:
        row = _version(version)
        open_version = models.ForecastVersion.objects.filter(id=row.pk, submitted_at=None)
        if not open_version.update(submitted_at=at, submitted_by_id=actor.user_id):
            raise ForecastSubmitted("The forecast is submitted already.", field="version")
        return Plan(response={"version": str(version), "lines": row.lines.count()})

    return operations.perform(
        actor=actor,
        kind=OperationKind.SUBMIT_FORECAST,
        key=key,
        request={"version": version},
        plan=planned,
    )


def _version(version: UUID) -> models.ForecastVersion:
    row = models.ForecastVersion.objects.filter(public_id=version).first()
    if row is None:
        raise UnknownForecast(f"There is no forecast {version}.", field="version")
    return row

"""History is added to; nobody, the owner of the tables included, changes, removes or empties it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, models, transaction

from attribution import models as attribution
from gifting import models as gifting
from gifting.services import tenancy
from integrations import models as integrations
from tests.factories import everything, opportunities, organizations, sends

pytestmark = pytest.mark.django_db

HISTORIES = [
    attribution.AmountChange,
    attribution.AttributionConfiguration,
    attribution.AttributionTotal,
    attribution.Credit,
    attribution.CreditRollup,
    attribution.OwnerChange,
    attribution.StageChange,
    gifting.Approval,
    gifting.ApprovalEvent,
    gifting.ApprovalPolicy,
    gifting.BudgetEntry,
    gifting.BudgetPolicy,
    gifting.Reach,
    gifting.RequestOutcome,
    gifting.Rollover,
    gifting.SpendRequest,
    gifting.Conversion,
    gifting.ClosePreparation,
    gifting.CloseSignature,
    gifting.CloseWaiver,
    gifting.ClosingLine,
    gifting.GlAccount,
    gifting.GlImport,
    gifting.GlLine,
    gifting.GlMapping,
    gifting.GlRejectedLine,
    gifting.JournalFile,
    gifting.PeriodClose,
    gifting.ReconciliationCause,
    gifting.ReconciliationExplanation,
    gifting.ReconciliationMatch,
    gifting.ReconciliationRun,
    gifting.Restatement,
    gifting.SpendCoding,
    gifting.CostLine,
    gifting.CreditNote,
    gifting.CreditNoteLine,
    gifting.FundAncestor,
    gifting.FundingLineage,
    gifting.Match,
    gifting.MatchPolicy,
    gifting.GiftRule,
    gifting.LedgerSeal,
    gifting.Operation,
    gifting.Override,
    gifting.OverrideUse,
    gifting.OrganizationRate,
    gifting.PeriodEvent,
    gifting.RateFile,
    gifting.PriceTier,
    gifting.PurchaseOrder,
    gifting.PurchaseOrderLine,
    gifting.Receipt,
    gifting.RecipientGift,
    gifting.ReportSnapshot,
    gifting.SendEvent,
    gifting.SignOff,
    gifting.TaxRule,
    gifting.Transfer,
    gifting.VendorInvoice,
    gifting.VendorInvoiceLine,
    gifting.VendorMerge,
    integrations.ImportRun,
    integrations.QuarantinedRow,
]
# Kept by other means than the seal: derived by triggers, corrected, marked, but never removed.
KEPT = [
    gifting.ApprovalRequest,
    gifting.Delegation,
    gifting.RecipientLink,
    gifting.RecipientLock,
    attribution.Account,
    attribution.AttributionRun,
    attribution.Contact,
    attribution.Opportunity,
    attribution.Touchpoint,
    gifting.Budget,
    gifting.Commitment,
    gifting.ContractPrice,
    gifting.Fund,
    gifting.FundingSource,
    gifting.MatchException,
    gifting.OutsideSpend,
    gifting.JournalBatch,
    gifting.JournalItem,
    gifting.OverrunException,
    gifting.Send,
    gifting.SenderSpend,
    gifting.SpendRollup,
    gifting.VendorIdentity,
]


@pytest.mark.parametrize("model", HISTORIES, ids=lambda model: model.__name__)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET organization_id = organization_id",
        "UPDATE {table} SET organization_id = organization_id WHERE false",
        "DELETE FROM {table}",
        "DELETE FROM {table} WHERE false",
        "TRUNCATE {table} CASCADE",
    ],
)
def test_the_application_is_told_no(model: type[models.Model], statement: str) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        everything.make_row(model)

        refusal = _refusal(statement.format(table=model._meta.db_table))

        assert refusal == "InsufficientPrivilege"
        assert model._default_manager.count() > 0


@pytest.mark.parametrize("model", HISTORIES, ids=lambda model: model.__name__)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET organization_id = organization_id",
        "DELETE FROM {table}",
        "TRUNCATE {table} CASCADE",
    ],
)
def test_the_owner_is_told_no(model: type[models.Model], statement: str) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        everything.make_row(model)
        _sql("SET CONSTRAINTS ALL IMMEDIATE")
        _sql("SET LOCAL ROLE NONE")

        refusal = _refusal(statement.format(table=model._meta.db_table))

        _sql("SET LOCAL ROLE tribute_app")
        assert refusal == "IntegrityConstraintViolation"
        assert model._default_manager.count() > 0


@pytest.mark.parametrize("model", KEPT, ids=lambda model: model.__name__)
def test_what_figures_rest_on_is_never_removed(model: type[models.Model]) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        everything.make_row(model)

        refusals = {
            _refusal(f"DELETE FROM {model._meta.db_table}"),
            _refusal(f"TRUNCATE {model._meta.db_table} CASCADE"),
        }

        assert refusals == {"InsufficientPrivilege"}
        assert model._default_manager.count() > 0


def test_the_application_adds_no_credit() -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        opportunities.make_credit()

        refusal = _refusal(
            "INSERT INTO attribution_credit (organization_id, run_id, opportunity_id, weight,"
            " weight_total, amount_minor, currency)"
            " SELECT organization_id, run_id, opportunity_id, 1, 1, 1, 'USD'"
            " FROM attribution_credit"
        )

        assert refusal == "InsufficientPrivilege"
        assert attribution.Credit.objects.count() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM attribution_credit",
        "UPDATE attribution_credit SET amount_minor = 0",
        "DELETE FROM attribution_credit",
        "SELECT 1 FROM gifting_recipient",
        "SELECT 1 FROM gifting_organization",
        "INSERT INTO gifting_vendor (organization_id, code) VALUES (gen_random_uuid(), 'x')",
        "SELECT 1 FROM auth_user",
    ],
)
def test_the_writer_of_credits_reads_and_writes_nothing_else(statement: str) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        opportunities.make_credit()
        _sql("SET LOCAL ROLE tribute_credits")

        refusal = _refusal(statement)

        _sql("SET LOCAL ROLE tribute_app")
        assert refusal == "InsufficientPrivilege"


@pytest.mark.parametrize(
    "change",
    [
        "original_amount_minor = original_amount_minor + 1",
        "currency = 'EUR'",
        "fiscal_period_id = fiscal_period_id + 1",
        "campaign_id = NULL",
        "cost_center_id = cost_center_id + 1",
    ],
)
def test_the_first_approved_budget_stays(change: str) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        budget = sends.make_budget(campaign=sends.make_campaign(), amount_minor=500_00)

        with pytest.raises(DatabaseError) as caught, transaction.atomic():
            _sql(f"UPDATE gifting_budget SET {change}")
        gifting.Budget.objects.filter(pk=budget.pk).update(name="Renamed")

        assert "the original amount of a budget" in str(caught.value)
        budget.refresh_from_db()
        assert (budget.original_amount_minor, budget.name) == (500_00, "Renamed")


@pytest.mark.parametrize(
    "change",
    [
        "status = 'RUNNING'",
        "digest = 'forged'",
        "as_of = now()",
        "credit_count = credit_count + 1",
        "model = 'MINE'",
        "refusal = 'changed my mind'",
    ],
)
def test_what_a_run_found_stays(change: str) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        run = opportunities.make_run()

        with pytest.raises(DatabaseError) as caught, transaction.atomic():
            _sql(f"UPDATE attribution_attributionrun SET {change}")
        attribution.AttributionRun.objects.filter(pk=run.pk).update(is_current=False)

        assert "an attribution run that ended does not change" in str(caught.value)
        run.refresh_from_db()
        assert (run.status, run.is_current, run.digest) == ("PUBLISHED", False, "")


@pytest.mark.parametrize("add", [opportunities.make_credit_rollup, opportunities.make_total])
def test_no_figure_is_added_to_a_run_that_ended(add: Callable[..., object]) -> None:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        run = opportunities.make_run()

        with pytest.raises(DatabaseError) as caught, transaction.atomic():
            add(run=run)

        assert "the figures of an attribution run that ended do not change" in str(caught.value)
        assert attribution.CreditRollup.objects.count() == 0
        assert attribution.AttributionTotal.objects.count() == 0


def _refusal(statement: str) -> str | None:
    """Return the name of PostgreSQL's refusal, or None when the statement went through."""
    try:
        with transaction.atomic():
            _sql(statement)
    except DatabaseError as refused:
        return type(refused.__cause__).__name__
    return None


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)

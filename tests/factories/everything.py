"""One row of every tenant model, for tests that must hold for all of them.

A model that is missing here fails `tests/architecture/test_tenancy_coverage.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.apps import apps
from django.db import models

from attribution import models as attribution
from gifting import models as gifting
from gifting.domain import access, lifecycle
from integrations import models as integrations
from tests.factories import (
    approvals,
    closes,
    controls,
    crm,
    exchange,
    imports,
    ledger,
    opportunities,
    organizations,
    planning,
    procurement,
    reports,
    requests,
    sends,
)

ROOMS = ("gifting", "attribution", "integrations")
# Rows that no tenant owns, with the reason.
SHARED_MODELS = frozenset(
    {
        "integrations.Heartbeat",  # A queue serves every organization.
        "gifting.ClusterEpoch",  # A server holds every organization.
        "gifting.ReferenceFile",  # The central bank's rates are everybody's.
        "gifting.ReferenceRate",
    }
)


def tenant_models() -> list[type[models.Model]]:
    """Return every model of the rooms that belongs to an organization."""
    return [
        model
        for room in ROOMS
        for model in apps.get_app_config(room).get_models()
        if model._meta.label not in SHARED_MODELS and model is not gifting.Organization
    ]


def make_row(model: type[models.Model]) -> models.Model:
    """Make a row of the model with all that it needs."""
    return MAKERS[model]()


def make_one_of_each() -> None:
    """Put at least one row into every tenant table."""
    for model in tenant_models():
        make_row(model)


def _fiscal_calendar() -> models.Model:
    return gifting.FiscalCalendar.objects.get(is_default=True)


def _membership() -> models.Model:
    person = organizations.make_person(f"person-{organizations.next_number()}")
    return gifting.Membership.objects.create(
        organization_id=organizations.here(), user=person, role=access.Role.MARKETING.value
    )


def _service_token() -> models.Model:
    issued = organizations.make_service_token()
    return gifting.ServiceToken.objects.get(public_id=issued.public_id)


def _spend_rollup() -> models.Model:
    line = sends.make_cost_line(sends.make_send(), 10_00)
    return gifting.SpendRollup.objects.get(campaign=line.campaign)


def _sender_spend() -> models.Model:
    send = sends.make_send(sender_reference=f"seller-{organizations.next_number()}")
    sends.make_cost_line(send, 10_00)
    return gifting.SenderSpend.objects.get(sender_reference=send.sender_reference)


def _sandbox_truth() -> models.Model:
    found = integrations.SandboxTruth.objects.first()
    return found or integrations.SandboxTruth.objects.create(
        organization_id=organizations.here(), kind="COMPANY", parameters={"seed": 7}
    )


MAKERS: Mapping[type[models.Model], Callable[[], models.Model]] = {
    gifting.Approval: approvals.make_approval,
    gifting.ApprovalEvent: approvals.make_event,
    gifting.ApprovalPolicy: approvals.make_policy,
    gifting.ApprovalRequest: approvals.make_request,
    gifting.Delegation: approvals.make_delegation,
    gifting.GiftRule: approvals.make_gift_rule,
    gifting.Override: approvals.make_override,
    gifting.OverrideUse: approvals.make_override_use,
    gifting.RecipientGift: approvals.make_gift,
    gifting.RecipientLink: approvals.make_link,
    gifting.RecipientLock: approvals.make_lock,
    gifting.TaxRule: approvals.make_tax_rule,
    gifting.Budget: lambda: sends.make_budget(campaign=sends.make_campaign()),
    gifting.BudgetEntry: ledger.make_budget_entry,
    gifting.BudgetPolicy: controls.make_policy,
    gifting.ForecastLine: planning.make_line,
    gifting.ForecastVersion: planning.make_version,
    gifting.SharedActivation: planning.make_activation,
    gifting.SharedBudget: planning.make_shared_budget,
    gifting.SharedConsent: planning.make_consent,
    gifting.SharedLoan: planning.make_loan,
    gifting.SharedRepayment: planning.make_repayment,
    gifting.SharedSide: planning.make_side,
    gifting.SharedTerms: planning.make_terms,
    gifting.DimensionValue: controls.make_value,
    gifting.Reach: controls.make_reach,
    gifting.RequestOutcome: controls.make_outcome,
    gifting.Rollover: controls.make_rollover,
    gifting.SpendRequest: controls.make_request,
    gifting.Commitment: ledger.make_commitment,
    gifting.Fund: ledger.make_fund,
    gifting.FundAncestor: ledger.make_fund_ancestor,
    gifting.FundingLineage: ledger.make_lineage,
    gifting.FundingSource: ledger.make_funding_source,
    gifting.LedgerSeal: ledger.make_seal,
    gifting.Operation: ledger.make_operation,
    gifting.OverrunException: ledger.make_overrun_exception,
    gifting.PeriodEvent: ledger.make_period_event,
    gifting.Transfer: ledger.make_transfer,
    gifting.ContractPrice: procurement.agree,
    gifting.CreditNote: lambda: procurement.credit(procurement.make_invoice(), 1_00),
    gifting.CreditNoteLine: procurement.make_credit_line,
    gifting.Match: procurement.make_match,
    gifting.MatchException: procurement.make_exception,
    gifting.MatchPolicy: procurement.set_tolerance,
    gifting.OutsideSpend: lambda: procurement.claim(
        procurement.make_outside(), ledger.make_budget()
    ),
    gifting.PriceTier: procurement.make_price_tier,
    gifting.PurchaseOrder: procurement.make_order,
    gifting.PurchaseOrderLine: procurement.make_order_line,
    gifting.Receipt: lambda: procurement.receive(procurement.make_order_line()),
    gifting.VendorIdentity: procurement.make_identity,
    gifting.VendorInvoice: procurement.make_invoice,
    gifting.VendorInvoiceLine: procurement.make_invoice_line,
    gifting.VendorMerge: procurement.merge,
    gifting.ClosePreparation: closes.make_preparation,
    gifting.CloseSignature: closes.make_signature,
    gifting.CloseWaiver: closes.make_waiver,
    gifting.ClosingLine: closes.make_closing_line,
    gifting.GlAccount: closes.make_account,
    gifting.GlImport: closes.make_gl_import,
    gifting.GlLine: closes.make_gl_line,
    gifting.GlMapping: closes.make_mapping,
    gifting.GlRejectedLine: closes.make_gl_rejected_line,
    gifting.JournalBatch: closes.make_journal_batch,
    gifting.JournalFile: closes.make_journal_file,
    gifting.JournalItem: closes.make_journal_item,
    gifting.PeriodClose: closes.make_period_close,
    gifting.ReconciliationCause: closes.make_cause,
    gifting.ReconciliationExplanation: closes.make_explanation,
    gifting.ReconciliationMatch: closes.make_match,
    gifting.ReconciliationRun: closes.make_run,
    gifting.Restatement: closes.make_restatement,
    gifting.SpendCoding: closes.make_spend_coding,
    gifting.Campaign: sends.make_campaign,
    gifting.Conversion: exchange.make_conversion,
    gifting.OrganizationRate: exchange.make_own_rate,
    gifting.RateFile: exchange.make_rate_file,
    gifting.ReportSnapshot: reports.make_snapshot,
    gifting.SignOff: reports.make_sign_off,
    gifting.CostCenter: organizations.make_cost_center,
    gifting.CostLine: lambda: sends.make_cost_line(sends.make_send(), 10_00),
    gifting.FiscalCalendar: _fiscal_calendar,
    gifting.FiscalPeriod: lambda: sends.period_of(sends.DAY),
    gifting.GiftItem: sends.make_gift_item,
    gifting.CostShare: requests.make_cost_share,
    gifting.CreditMemo: lambda: requests.make_credit_use().credit_memo,
    gifting.CreditUse: requests.make_credit_use,
    gifting.MoneyTiming: requests.make_money_timing,
    gifting.SendCommitment: requests.make_send_commitment,
    gifting.SendDecision: requests.make_decision,
    gifting.SendFact: requests.make_fact,
    gifting.SendPosting: requests.make_posting,
    gifting.SendRequest: requests.make_send_request,
    gifting.SendShare: requests.make_share,
    gifting.Membership: _membership,
    gifting.Program: sends.make_program,
    gifting.Recipient: sends.make_recipient,
    gifting.Send: sends.make_send,
    gifting.SendEvent: lambda: sends.make_event(sends.make_send(), lifecycle.State.SHIPPED),
    gifting.ServiceToken: _service_token,
    gifting.SenderSpend: _sender_spend,
    gifting.SpendRollup: _spend_rollup,
    gifting.Vendor: sends.make_vendor,
    attribution.Account: lambda: opportunities.make_account(parent=opportunities.make_account()),
    attribution.AmountChange: opportunities.make_amount_change,
    attribution.AttributionConfiguration: opportunities.make_configuration,
    attribution.AttributionRun: lambda: opportunities.make_run(
        model=f"MODEL_{organizations.next_number()}"
    ),
    attribution.AttributionTotal: opportunities.make_total,
    attribution.Contact: opportunities.make_contact,
    attribution.Credit: opportunities.make_credit,
    attribution.CreditRollup: opportunities.make_credit_rollup,
    attribution.Opportunity: opportunities.make_opportunity,
    attribution.OpportunityContactRole: opportunities.make_contact_role,
    attribution.OwnerChange: opportunities.make_owner_change,
    attribution.StageChange: opportunities.make_stage_change,
    attribution.Touchpoint: lambda: opportunities.make_touchpoint(
        send=sends.make_send(), contact=opportunities.make_contact()
    ),
    integrations.Connection: crm.make_connection,
    integrations.CrmRecord: crm.make_record,
    integrations.RecordAlias: crm.make_alias,
    integrations.RejectedRecord: crm.make_rejected_record,
    integrations.StreamState: crm.make_stream_state,
    integrations.SyncRun: crm.make_sync_run,
    integrations.ImportRun: imports.make_import_run,
    integrations.QuarantinedRow: imports.make_quarantined_row,
    integrations.SandboxTruth: _sandbox_truth,
}

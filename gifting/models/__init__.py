"""The tables of the gifting room, gathered where Django looks for them."""

from __future__ import annotations

from gifting.models.approvals import (
    Approval,
    ApprovalEvent,
    ApprovalPolicy,
    ApprovalRequest,
    Delegation,
    Override,
    OverrideUse,
)
from gifting.models.budgets import Budget, BudgetEntry, BudgetPolicy, Rollover
from gifting.models.campaigns import Campaign, Program
from gifting.models.catalog import GiftItem
from gifting.models.charges import CostShare, SendFact, SendPosting
from gifting.models.chart import GlAccount, GlMapping, SpendCoding
from gifting.models.closes import (
    ClosePreparation,
    CloseSignature,
    CloseWaiver,
    ClosingLine,
    PeriodClose,
    Restatement,
)
from gifting.models.credit_memos import CreditMemo, CreditUse
from gifting.models.dimensions import DimensionValue, Reach
from gifting.models.exchange import (
    Conversion,
    OrganizationRate,
    RateFile,
    ReferenceFile,
    ReferenceRate,
)
from gifting.models.fiscal import FiscalCalendar, FiscalPeriod, PeriodEvent
from gifting.models.forecasts import ForecastLine, ForecastVersion
from gifting.models.gift_rules import GiftRule, RecipientGift, RecipientLink, RecipientLock, TaxRule
from gifting.models.invoices import (
    CreditNote,
    CreditNoteLine,
    Match,
    MatchException,
    MatchPolicy,
    VendorInvoice,
    VendorInvoiceLine,
)
from gifting.models.journals import JournalBatch, JournalFile, JournalItem
from gifting.models.ledger import (
    Commitment,
    Fund,
    FundAncestor,
    FundingLineage,
    FundingSource,
    Operation,
    OverrunException,
    Transfer,
)
from gifting.models.orders import (
    ContractPrice,
    PriceTier,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
)
from gifting.models.organizations import CostCenter, Membership, Organization, ServiceToken
from gifting.models.outside import OutsideSpend
from gifting.models.reconciliations import (
    GlImport,
    GlLine,
    GlRejectedLine,
    ReconciliationCause,
    ReconciliationExplanation,
    ReconciliationMatch,
    ReconciliationRun,
)
from gifting.models.reports import ClusterEpoch, ReportSnapshot, SignOff
from gifting.models.requests import SendCommitment, SendDecision, SendRequest, SendShare
from gifting.models.seals import LedgerSeal
from gifting.models.sends import CostLine, Recipient, Send, SenderSpend, SendEvent, SpendRollup
from gifting.models.shared import (
    SharedActivation,
    SharedBudget,
    SharedConsent,
    SharedLoan,
    SharedRepayment,
    SharedSide,
    SharedTerms,
)
from gifting.models.spend_requests import RequestOutcome, SpendRequest
from gifting.models.timing import MoneyTiming
from gifting.models.vendors import Vendor, VendorIdentity, VendorMerge

__all__ = [
    "Approval",
    "ApprovalEvent",
    "ApprovalPolicy",
    "ApprovalRequest",
    "Budget",
    "BudgetEntry",
    "BudgetPolicy",
    "Campaign",
    "ClosePreparation",
    "CloseSignature",
    "CloseWaiver",
    "ClosingLine",
    "ClusterEpoch",
    "Commitment",
    "ContractPrice",
    "Conversion",
    "CostCenter",
    "CostLine",
    "CostShare",
    "CreditMemo",
    "CreditNote",
    "CreditNoteLine",
    "CreditUse",
    "Delegation",
    "DimensionValue",
    "FiscalCalendar",
    "FiscalPeriod",
    "ForecastLine",
    "ForecastVersion",
    "Fund",
    "FundAncestor",
    "FundingLineage",
    "FundingSource",
    "GiftItem",
    "GiftRule",
    "GlAccount",
    "GlImport",
    "GlLine",
    "GlMapping",
    "GlRejectedLine",
    "JournalBatch",
    "JournalFile",
    "JournalItem",
    "LedgerSeal",
    "Match",
    "MatchException",
    "MatchPolicy",
    "Membership",
    "MoneyTiming",
    "Operation",
    "Organization",
    "OrganizationRate",
    "OutsideSpend",
    "Override",
    "OverrideUse",
    "OverrunException",
    "PeriodClose",
    "PeriodEvent",
    "PriceTier",
    "Program",
    "PurchaseOrder",
    "PurchaseOrderLine",
    "RateFile",
    "Reach",
    "Receipt",
    "Recipient",
    "RecipientGift",
    "RecipientLink",
    "RecipientLock",
    "ReconciliationCause",
    "ReconciliationExplanation",
    "ReconciliationMatch",
    "ReconciliationRun",
    "ReferenceFile",
    "ReferenceRate",
    "ReportSnapshot",
    "RequestOutcome",
    "Restatement",
    "Rollover",
    "Send",
    "SendCommitment",
    "SendDecision",
    "SendEvent",
    "SendFact",
    "SendPosting",
    "SendRequest",
    "SendShare",
    "SenderSpend",
    "ServiceToken",
    "SharedActivation",
    "SharedBudget",
    "SharedConsent",
    "SharedLoan",
    "SharedRepayment",
    "SharedSide",
    "SharedTerms",
    "SignOff",
    "SpendCoding",
    "SpendRequest",
    "SpendRollup",
    "TaxRule",
    "Transfer",
    "Vendor",
    "VendorIdentity",
    "VendorInvoice",
    "VendorInvoiceLine",
    "VendorMerge",
]

"""The ledger: every movement of budget money, once, and what each fund holds because of them.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/ledger.sql`):
- `Operation`, `Transfer`, `FundingLineage` and `FundAncestor` are append-only.
- A `Fund` starts empty and moves with the transfers alone, in the statement that adds them, and so
  does every fund above it, in the order of their ids. It never holds more than it has room for.
- A `Commitment` is made by the transfer that reserves its money. What was posted and voided never
  exceeds it, and a resolved one never moves again.
- An overrun has its exception, a spend its lineage, before the transaction can commit.
- No transfer is posted to a closed period, or joins an operation of an earlier transaction.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from gifting.domain import budgets, ledger
from gifting.models import tenancy

KEY_LENGTH = 255
HASH_LENGTH = 64
REFERENCE_LENGTH = 255
BALANCES = ("allocated_minor", "committed_minor", "accrued_minor", "actual_minor", "overrun_minor")


class TransactionId(models.Field):  # type: ignore[type-arg]  # not generic at run time
    """PostgreSQL's number of a transaction, which is not used twice."""

    def db_type(self, connection: object) -> str:
        del connection
        return "xid8"


class Snapshot(models.Field):  # type: ignore[type-arg]  # not generic at run time
    """Which transactions a statement could see."""

    def db_type(self, connection: object) -> str:
        del connection
        return "pg_snapshot"


def _amount(help_text: str = "", **options: Any) -> models.BigIntegerField[Any, Any]:
    return models.BigIntegerField(help_text=help_text, **options)


def _balance() -> models.BigIntegerField[Any, Any]:
    return models.BigIntegerField(db_default=0, editable=False)


def _pairs(pairs: frozenset[ledger.Pair]) -> models.Q:
    moves = models.Q()
    for from_bucket, to_bucket in sorted(pairs):
        moves |= models.Q(from_bucket=from_bucket.value, to_bucket=to_bucket.value)
    return moves


def _if_and_only_if(one: models.Q, other: models.Q) -> models.Q:
    return (one & other) | (~one & ~other)


class Operation(tenancy.TenantModel):
    """What was asked for under one key, and the answer, kept for ever. Append-only."""

    kind = models.CharField(max_length=32, choices=tenancy.labels(ledger.OperationKind))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    token = tenancy.link("gifting.ServiceToken", null=True)
    idempotency_key = models.CharField(max_length=KEY_LENGTH)
    request_hash = models.CharField(max_length=HASH_LENGTH, help_text="SHA-256 of the request")
    response = models.JSONField()
    overrun_reason = models.TextField(
        blank=True, db_default="", help_text="Why a decision may pass the room of a soft budget"
    )
    transaction_id = TransactionId(
        db_default=models.Func(function="pg_current_xact_id"), editable=False
    )
    snapshot = Snapshot(db_default=models.Func(function="pg_current_snapshot"), editable=False)
    cluster_epoch = models.SmallIntegerField(db_default=1, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("operation_key_is_unique", "idempotency_key"),
            tenancy.unique("operation_public_id_is_unique", "public_id"),
            tenancy.known("operation_kind_is_known", "kind", ledger.OperationKind),
            models.CheckConstraint(
                condition=~models.Q(idempotency_key=""), name="operation_key_is_not_empty"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.idempotency_key}"


class Fund(tenancy.TenantModel):
    """What one budget holds. Moved by transfers alone; parked when its replay differs."""

    budget = tenancy.link("gifting.Budget")
    currency = tenancy.currency_field()
    allocated_minor = _balance()
    committed_minor = _balance()
    accrued_minor = _balance()
    actual_minor = _balance()
    overrun_minor = _balance()
    requested_minor = _balance()
    row_version = models.BigIntegerField(db_default=0, editable=False)
    is_parked = models.BooleanField(
        db_default=False, help_text="Takes no new commitment until its figures are explained"
    )
    enforcement = models.CharField(
        max_length=16,
        choices=tenancy.labels(budgets.Enforcement),
        db_default=budgets.Enforcement.HARD.value,
        editable=False,
        help_text="By the newest policy of the budget",
    )
    counts_requested = models.BooleanField(
        db_default=False, editable=False, help_text="By the newest policy of the budget"
    )
    is_scoped = models.BooleanField(
        db_default=False, editable=False, help_text="Is a limit beside others, not a home of money"
    )

    class Meta:
        constraints = (
            tenancy.unique("fund_budget_is_unique", "budget"),
            tenancy.unique("fund_public_id_is_unique", "public_id"),
            tenancy.currency_code("fund_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(**{f"{name}__gte": 0 for name in BALANCES}),
                name="fund_balances_are_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(requested_minor__gte=0), name="fund_requested_is_not_negative"
            ),
            tenancy.known("fund_enforcement_is_known", "enforcement", budgets.Enforcement),
            models.CheckConstraint(
                condition=models.Q(
                    allocated_minor__gte=models.F("committed_minor")
                    + models.F("accrued_minor")
                    + models.F("actual_minor")
                    - models.F("overrun_minor")
                ),
                name="no_overspend",
            ),
        )

    def __str__(self) -> str:
        return f"Fund of budget {self.budget_id}"


class FundAncestor(tenancy.TenantModel):
    """A fund above another, which every use of the lower one's money moves too. Append-only."""

    fund = tenancy.link("gifting.Fund")
    ancestor = tenancy.link("gifting.Fund")
    depth = models.PositiveSmallIntegerField(help_text="1 is the nearest above")

    class Meta:
        constraints = (
            tenancy.unique("fund_ancestor_is_unique", "fund", "ancestor"),
            models.CheckConstraint(
                condition=~models.Q(fund=models.F("ancestor")), name="fund_is_not_its_own_ancestor"
            ),
        )

    def __str__(self) -> str:
        return f"Fund {self.ancestor_id} above fund {self.fund_id}"


class Transfer(tenancy.TenantModel):
    """A positive amount that went from one bucket of a fund to another. Append-only."""

    operation = tenancy.link("gifting.Operation", related_name="transfers")
    fund = tenancy.link("gifting.Fund", related_name="transfers")
    fiscal_period = tenancy.link(
        "gifting.FiscalPeriod", help_text="Where it is posted; not always the budget's own period"
    )
    from_bucket = models.CharField(max_length=16, choices=tenancy.labels(ledger.Bucket))
    to_bucket = models.CharField(max_length=16, choices=tenancy.labels(ledger.Bucket))
    amount_minor = _amount("Minor units of the fund's currency")
    effective_on = models.DateField(help_text="In the organization's time zone")
    reference = models.CharField(
        max_length=REFERENCE_LENGTH,
        blank=True,
        db_default="",
        help_text="What it was for: a send, an order line, an invoice",
    )
    expires_at = models.DateTimeField(null=True, help_text="When reserved money comes back")
    entry = tenancy.link("gifting.BudgetEntry", null=True, help_text="What allocated the money")
    commitment = tenancy.link("gifting.Commitment", null=True, related_name="transfers")
    refunds = tenancy.link("gifting.Transfer", null=True, help_text="The spend that it gives back")
    reverses = tenancy.link("gifting.Transfer", null=True, help_text="The move that it takes back")
    reach = tenancy.link(
        "gifting.Reach", null=True, help_text="What else it is of, and the funds that limit that"
    )
    request = tenancy.link(
        "gifting.SpendRequest", null=True, help_text="The request that it grants"
    )
    continues = tenancy.link(
        "gifting.Commitment", null=True, help_text="The commitment that it carries over"
    )
    conversion = tenancy.link(
        "gifting.Conversion", null=True, help_text="How a foreign amount became the fund's currency"
    )
    transaction_amount_minor = _amount(
        "This transfer's part of the foreign amount, in minor units of its currency", null=True
    )
    cause = models.CharField(
        max_length=16,
        blank=True,
        choices=tenancy.labels(ledger.Cause),
        db_default="",
        help_text="FX: what a changed rate alone moved, between a commitment and its invoice",
    )

    class Meta:
        constraints = (
            tenancy.unique("transfer_public_id_is_unique", "public_id"),
            tenancy.unique("transfer_entry_is_unique", "entry"),
            tenancy.unique("transfer_is_reversed_once", "reverses"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="transfer_amount_is_positive"
            ),
            models.CheckConstraint(
                condition=(_pairs(ledger.ALLOWED) & models.Q(reverses__isnull=True))
                | (_pairs(ledger.REVERSALS) & models.Q(reverses__isnull=False)),
                name="transfer_pair_is_allowed",
            ),
            models.CheckConstraint(
                condition=_if_and_only_if(
                    models.Q(from_bucket=ledger.Bucket.SOURCE.value)
                    | models.Q(to_bucket=ledger.Bucket.SOURCE.value),
                    models.Q(entry__isnull=False),
                ),
                name="transfer_from_source_has_an_entry",
            ),
            models.CheckConstraint(
                condition=models.Q(commitment__isnull=False)
                | ~models.Q(
                    from_bucket__in=[ledger.Bucket.COMMITTED.value, ledger.Bucket.ACCRUED.value]
                ),
                name="transfer_of_reserved_money_names_it",
            ),
            models.CheckConstraint(
                condition=models.Q(commitment__isnull=True) | ~_pairs(frozenset({ledger.PEND})),
                name="transfer_pends_once",
            ),
            tenancy.unique("commitment_is_carried_once", "continues"),
            models.CheckConstraint(
                condition=models.Q(continues__isnull=True) | _pairs(frozenset({ledger.PEND})),
                name="transfer_continues_when_pending",
            ),
            models.CheckConstraint(
                condition=models.Q(request__isnull=True) | _pairs(frozenset({ledger.PEND})),
                name="transfer_grants_when_pending",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__isnull=True) | _pairs(frozenset({ledger.PEND})),
                name="transfer_expires_when_pending",
            ),
            models.CheckConstraint(
                condition=_if_and_only_if(
                    _pairs(frozenset({(ledger.Bucket.ACTUAL, ledger.Bucket.AVAILABLE)})),
                    models.Q(refunds__isnull=False),
                ),
                name="transfer_out_of_actual_names_its_spend",
            ),
            models.CheckConstraint(
                condition=models.Q(cause="")
                | models.Q(cause=ledger.Cause.FX.value, transaction_amount_minor=0),
                name="transfer_of_a_rate_moves_nothing_foreign",
            ),
            models.CheckConstraint(
                condition=models.Q(conversion__isnull=True, transaction_amount_minor__isnull=True)
                | models.Q(conversion__isnull=False, transaction_amount_minor__gte=0),
                name="transfer_of_foreign_money_names_its_conversion",
            ),
        )
        indexes = (
            models.Index(fields=["organization", "fund"], name="transfer_by_fund"),
            models.Index(fields=["organization", "operation"], name="transfer_by_operation"),
            models.Index(
                fields=["organization", "commitment"],
                name="transfer_by_commitment",
                condition=models.Q(commitment__isnull=False),
            ),
            models.Index(
                fields=["organization", "refunds"],
                name="transfer_by_refunded",
                condition=models.Q(refunds__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.from_bucket} to {self.to_bucket} {self.amount_minor}"


class Commitment(tenancy.TenantModel):
    """Money reserved by one transfer, until it is posted, voided or expired."""

    pend = tenancy.link("gifting.Transfer")
    fund = tenancy.link("gifting.Fund")
    amount_minor = _amount(editable=False)
    posted_minor = _balance()
    voided_minor = _balance()
    accrued_minor = _balance()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            tenancy.unique("commitment_pend_is_unique", "pend"),
            tenancy.unique("commitment_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=models.Q(
                    amount_minor__gte=models.F("posted_minor") + models.F("voided_minor")
                ),
                name="commitment_is_not_exceeded",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    amount_minor__gt=0,
                    posted_minor__gte=models.F("accrued_minor"),
                    voided_minor__gte=0,
                    accrued_minor__gte=0,
                ),
                name="commitment_figures_are_not_negative",
            ),
        )
        indexes = (
            models.Index(
                fields=["organization", "expires_at"],
                name="commitment_by_expiry",
                condition=models.Q(
                    expires_at__isnull=False,
                    amount_minor__gt=models.F("posted_minor") + models.F("voided_minor"),
                ),
            ),
        )

    def __str__(self) -> str:
        return f"Commitment of {self.amount_minor}"


class OverrunException(tenancy.TenantModel):
    """Why something was accepted although its budget had no room, and who settled that."""

    transfer = tenancy.link("gifting.Transfer")
    kind = models.CharField(
        max_length=16,
        choices=tenancy.labels(budgets.ExceptionKind),
        db_default=budgets.ExceptionKind.FACT.value,
        editable=False,
        help_text="By trigger; a warning needs no settling",
    )
    reason = models.TextField()
    opened_at = models.DateTimeField(db_default=Now(), editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True)
    resolution = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = (
            tenancy.unique("overrun_exception_transfer_is_unique", "transfer"),
            tenancy.unique("overrun_exception_public_id_is_unique", "public_id"),
            tenancy.known("overrun_exception_kind_is_known", "kind", budgets.ExceptionKind),
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="overrun_exception_has_a_reason"
            ),
        )

    def __str__(self) -> str:
        return f"Overrun: {self.reason}"


class FundingSource(tenancy.TenantModel):
    """How much of a register entry has been spent. Kept by trigger, never written by hand."""

    entry = tenancy.link("gifting.BudgetEntry")
    amount_minor = _amount(editable=False)
    spent_minor = _balance()

    class Meta:
        constraints = (
            tenancy.unique("funding_source_entry_is_unique", "entry"),
            models.CheckConstraint(
                condition=models.Q(spent_minor__gte=0, spent_minor__lte=models.F("amount_minor")),
                name="funding_source_is_not_exceeded",
            ),
        )

    def __str__(self) -> str:
        return f"{self.spent_minor} of {self.amount_minor}"


class FundingLineage(tenancy.TenantModel):
    """Which register entry paid a part of a spend; none for what overran them. Append-only."""

    transfer = tenancy.link("gifting.Transfer", related_name="lineage")
    entry = tenancy.link("gifting.BudgetEntry", null=True)
    amount_minor = _amount()

    class Meta:
        constraints = (
            tenancy.unique("funding_lineage_is_unique", "transfer", "entry", nulls_distinct=False),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="funding_lineage_is_positive"
            ),
        )

    def __str__(self) -> str:
        return f"{self.amount_minor} from entry {self.entry_id}"

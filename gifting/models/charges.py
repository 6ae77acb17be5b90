"""What a send whose money is in the ledger really cost, and which posting says so.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/send_money.sql`):
- All three tables are append-only, and a fact is told once, under its reference.
- Every change of a cost line of such a send is shared among funds, exactly; and what an operation
  moved into accrued and actual in a fund is exactly what its shares say.
"""

from __future__ import annotations

from django.db import models

from gifting.domain import lifecycle, timing
from gifting.models import tenancy

REFERENCE_LENGTH = 255


class SendFact(tenancy.TenantModel):
    """One thing known of a send, whenever it was told. Append-only."""

    send = tenancy.link("gifting.Send", related_name="facts")
    kind = models.CharField(max_length=16, choices=tenancy.labels(timing.FactKind))
    state = models.CharField(max_length=32, blank=True, choices=tenancy.labels(lifecycle.State))
    amounts = models.JSONField(default=dict, help_text="Minor units by cost component")
    occurred_at = models.DateTimeField(help_text="When it happened at the source")
    source = models.CharField(max_length=64)
    reference = models.CharField(
        max_length=REFERENCE_LENGTH, help_text="The state, or the id of the charge at its source"
    )

    class Meta:
        constraints = (
            tenancy.unique("send_fact_is_told_once", "send", "kind", "reference"),
            tenancy.unique("send_fact_public_id_is_unique", "public_id"),
            tenancy.known("send_fact_kind_is_known", "kind", timing.FactKind),
            models.CheckConstraint(
                condition=models.Q(
                    kind=timing.FactKind.MOMENT.value,
                    state__in=[state.value for state in lifecycle.State],
                    reference=models.F("state"),
                )
                | (~models.Q(kind=timing.FactKind.MOMENT.value) & models.Q(state="")),
                name="send_fact_moment_is_its_state",
            ),
            models.CheckConstraint(
                condition=~models.Q(reference=""), name="send_fact_has_a_reference"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class SendPosting(tenancy.TenantModel):
    """An operation that moved the money of one send. Append-only."""

    send = tenancy.link("gifting.Send", related_name="postings")
    operation = tenancy.link("gifting.Operation")

    class Meta:
        constraints = (tenancy.unique("send_posting_operation_is_unique", "operation"),)
        indexes = (models.Index(fields=["organization", "send"], name="send_posting_by_send"),)

    def __str__(self) -> str:
        return f"Operation {self.operation_id} of send {self.send_id}"


class CostShare(tenancy.TenantModel):
    """What of a cost line's change one fund bore, and the operation that posted it. Append-only."""

    cost_line = tenancy.link("gifting.CostLine", related_name="shares")
    fund = tenancy.link("gifting.Fund")
    operation = tenancy.link("gifting.Operation")
    amount_minor = models.BigIntegerField(help_text="Minor units; below zero came back")

    class Meta:
        constraints = (
            tenancy.unique("cost_share_fund_is_unique", "cost_line", "fund"),
            models.CheckConstraint(
                condition=~models.Q(amount_minor=0), name="cost_share_is_not_empty"
            ),
        )
        indexes = (
            models.Index(fields=["organization", "operation"], name="cost_share_by_operation"),
        )

    def __str__(self) -> str:
        return f"{self.amount_minor} of cost line {self.cost_line_id}"

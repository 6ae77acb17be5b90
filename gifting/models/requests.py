"""Sends that ask for budget money, and the one decision that reserves it.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/send_money.sql`):
- All four tables are append-only. An estimate sums to its total; its shares are budgets of its
  currency, and are fixed with the first decision.
- A send is approved once, by somebody else than asked for it, and never without its money: what
  its commitments hold for it is the whole estimate, reserved by the decision's own operation.
- The sends that draw from one commitment never draw more than it reserved.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gifting.domain import decisions, timing
from gifting.models import tenancy

HASH_LENGTH = 64


class SendRequest(tenancy.TenantModel):
    """What a send was expected to cost, by component, and who asked for it. Append-only."""

    send = tenancy.link("gifting.Send")
    gift_kind = models.CharField(max_length=16, choices=tenancy.labels(timing.GiftKind))
    money_timing = tenancy.link(
        "gifting.MoneyTiming", null=True, help_text="The terms of the day; empty means standard"
    )
    requested_on = models.DateField(help_text="In the organization's time zone")
    currency = tenancy.currency_field()
    estimate = models.JSONField(help_text="Minor units by cost component")
    total_minor = models.BigIntegerField(help_text="Minor units; the sum of the estimate")
    nature = models.TextField(blank=True, default="", help_text="What it is, for the gift register")
    purpose = models.TextField(blank=True, default="", help_text="Why it is given")
    has_advert = models.BooleanField(default=False, help_text="Carries a conspicuous advert")
    is_widely_given = models.BooleanField(
        default=False, help_text="Branded, of small value and given to many"
    )
    dimensions = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        help_text="Codes by kind of what budgets may be scoped by, as given",
    )
    batch = models.UUIDField(null=True, help_text="Shared by sends that are decided together")
    position = models.PositiveIntegerField(default=0, help_text="Its place in the batch")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    token = tenancy.link("gifting.ServiceToken", null=True)
    request_hash = models.CharField(max_length=HASH_LENGTH, help_text="SHA-256 of the request")

    class Meta:
        constraints = (
            tenancy.unique("send_request_send_is_unique", "send"),
            tenancy.unique("send_request_public_id_is_unique", "public_id"),
            tenancy.unique("send_request_position_is_unique", "batch", "position"),
            tenancy.known("send_request_kind_is_known", "gift_kind", timing.GiftKind),
            tenancy.currency_code("send_request_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(total_minor__gt=0), name="send_request_total_is_positive"
            ),
        )

    def __str__(self) -> str:
        return f"Request of {self.total_minor} {self.currency}"


class SendShare(tenancy.TenantModel):
    """A budget that pays a part of a send, in proportion to its weight. Append-only."""

    send = tenancy.link("gifting.Send")
    budget = tenancy.link("gifting.Budget")
    weight = models.PositiveIntegerField()

    class Meta:
        constraints = (
            tenancy.unique("send_share_budget_is_unique", "send", "budget"),
            models.CheckConstraint(
                condition=models.Q(weight__gt=0), name="send_share_weight_is_positive"
            ),
        )

    def __str__(self) -> str:
        return f"{self.weight} parts of send {self.send_id}"


class SendDecision(tenancy.TenantModel):
    """One answer to a request, with everything that decided it. Append-only."""

    send = tenancy.link("gifting.Send", related_name="decisions")
    outcome = models.CharField(max_length=16, choices=tenancy.labels(decisions.Outcome))
    reasons = models.JSONField(default=list, help_text="Code and message of each reason")
    facts = models.JSONField(help_text="What was looked at")
    inputs_hash = models.CharField(max_length=HASH_LENGTH, help_text="SHA-256 of the facts")
    formula = models.CharField(max_length=255, help_text="How the room was computed")
    versions = models.JSONField(help_text="The policies and rules that decided, by kind")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    token = tenancy.link("gifting.ServiceToken", null=True)
    operation = tenancy.link("gifting.Operation", null=True)

    class Meta:
        constraints = (
            tenancy.unique("send_decision_public_id_is_unique", "public_id"),
            tenancy.unique(
                "send_decision_approves_once",
                "send",
                condition=models.Q(outcome=decisions.Outcome.APPROVED.value),
            ),
            tenancy.unique("send_decision_is_told_once", "send", "outcome", "inputs_hash"),
            tenancy.known("send_decision_outcome_is_known", "outcome", decisions.Outcome),
            models.CheckConstraint(
                condition=models.Q(
                    outcome=decisions.Outcome.APPROVED.value, operation__isnull=False
                )
                | models.Q(outcome=decisions.Outcome.REFUSED.value, operation__isnull=True),
                name="send_decision_approves_with_money",
            ),
            models.CheckConstraint(
                condition=models.Q(requested_by__isnull=True)
                | models.Q(decided_by__isnull=True)
                | ~models.Q(decided_by=models.F("requested_by")),
                name="send_decision_is_somebody_elses",
            ),
        )

    def __str__(self) -> str:
        return f"{self.outcome} send {self.send_id}"


class SendCommitment(tenancy.TenantModel):
    """What of a commitment is there for one send. Append-only."""

    send = tenancy.link("gifting.Send")
    commitment = tenancy.link("gifting.Commitment")
    fund = tenancy.link("gifting.Fund")
    amount_minor = models.BigIntegerField(help_text="Minor units of the fund's currency")

    class Meta:
        constraints = (
            tenancy.unique("send_commitment_fund_is_unique", "send", "fund"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0), name="send_commitment_is_positive"
            ),
        )
        indexes = (
            models.Index(
                fields=["organization", "commitment"], name="send_commitment_by_commitment"
            ),
        )

    def __str__(self) -> str:
        return f"{self.amount_minor} for send {self.send_id}"

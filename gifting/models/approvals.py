"""Approvals: the matrix, what was asked, what was answered and for whom, and what let it through.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/approvals.sql`):
- A version of the matrix, a request, an answer and an event are never changed; a newer version
  supersedes an older one. The state of a request is derived from its answers and events.
- Nobody answers their own request, nor one they prepared, nor for its requester, nor twice, nor
  for somebody without a delegation that is in force, nor a step that is not theirs.
- A delegation names one delegate at a time and is never changed, only ended.
- An override has an approver who is neither its requester nor its user, an end and a count.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.db import models

from gifting.domain import access, approvals, recipients
from gifting.models import tenancy

SUBJECT_LENGTH = 32


def person(**options: Any) -> models.ForeignKey[Any, Any]:
    """Point at who did it; a person may belong to several organizations."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        **options,
    )


class ApprovalPolicy(tenancy.TenantModel):
    """One version of the approval matrix. Append-only: the next version supersedes it."""

    version = models.PositiveIntegerField(help_text="1, 2, 3 …; the highest that has begun counts")
    currency = tenancy.currency_field()
    bands = models.JSONField(help_text="The lines of the matrix; amounts in minor units")
    forbids_delegates = models.BooleanField(
        help_text="Whether a delegate of the requester may not decide"
    )
    expires_after_hours = models.PositiveIntegerField()
    escalates_after_hours = models.PositiveIntegerField(null=True)
    escalates_to = models.CharField(
        max_length=tenancy.CODE_LENGTH, choices=tenancy.labels(access.Role)
    )
    effective_at = models.DateTimeField()
    reason = models.TextField()
    user = person(null=True)

    class Meta:
        verbose_name_plural = "approval policies"
        constraints = (
            tenancy.unique("approval_policy_version_is_unique", "version"),
            tenancy.unique("approval_policy_public_id_is_unique", "public_id"),
            tenancy.currency_code("approval_policy_currency_is_iso"),
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="approval_policy_has_a_reason"
            ),
        )

    def __str__(self) -> str:
        return f"Version {self.version}"


class ApprovalRequest(tenancy.TenantModel):
    """What somebody wants to do, the facts it was judged by, and the steps that it needs."""

    subject_kind = models.CharField(max_length=SUBJECT_LENGTH, help_text="For example SEND")
    subject_id = models.UUIDField(help_text="The public id of what is to be approved")
    policy = tenancy.link("gifting.ApprovalPolicy", null=True)
    policy_version = models.PositiveIntegerField(help_text="0 when there was no policy")
    steps = models.JSONField(help_text="Who has to approve, and how many")
    reasons = models.JSONField(help_text="Why")
    forbids_delegates = models.BooleanField()
    amount_minor = models.BigIntegerField(help_text="Minor units of the policy's currency")
    currency = tenancy.currency_field()
    recipient_class = models.CharField(
        max_length=32, choices=tenancy.labels(recipients.RecipientClass)
    )
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166 code")
    cost_center = tenancy.link("gifting.CostCenter", null=True)
    available_minor = models.BigIntegerField(null=True, help_text="Left of the budget before this")
    revised_minor = models.BigIntegerField(null=True, help_text="The budget")
    opportunity_minor = models.BigIntegerField(null=True, help_text="Open, as the caller said")
    rules = ArrayField(
        models.CharField(max_length=tenancy.CODE_LENGTH), help_text="Gift rules that ask for it"
    )
    requested_by = person(null=True)
    prepared_by = person(null=True)
    token = tenancy.link("gifting.ServiceToken", null=True)
    reason = models.TextField(blank=True)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    escalates_at = models.DateTimeField(null=True)
    escalates_to = models.CharField(
        max_length=tenancy.CODE_LENGTH, choices=tenancy.labels(access.Role)
    )
    is_escalated = models.BooleanField(db_default=False, editable=False)
    state = models.CharField(
        max_length=16,
        choices=tenancy.labels(approvals.RequestState),
        editable=False,
        help_text="Derived from answers and events",
    )
    decided_at = models.DateTimeField(null=True, editable=False, help_text="Derived")

    class Meta:
        constraints = (
            tenancy.unique("approval_request_public_id_is_unique", "public_id"),
            tenancy.unique(
                "approval_request_is_open_once",
                "subject_kind",
                "subject_id",
                condition=models.Q(state=approvals.RequestState.PENDING.value),
            ),
            tenancy.known("approval_request_state_is_known", "state", approvals.RequestState),
            tenancy.known(
                "approval_request_class_is_known", "recipient_class", recipients.RecipientClass
            ),
            tenancy.currency_code("approval_request_currency_is_iso"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gte=0),
                name="approval_request_amount_is_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(requested_at__lt=models.F("expires_at")),
                name="approval_request_expires_later",
            ),
        )
        indexes = (
            models.Index(
                fields=["organization", "expires_at"],
                name="approval_request_open",
                condition=models.Q(state=approvals.RequestState.PENDING.value),
            ),
            models.Index(
                fields=["organization", "subject_id", "id"], name="approval_request_by_subject"
            ),
        )

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.subject_id}"


class Approval(tenancy.TenantModel):
    """One person's answer to a request. Append-only."""

    request = tenancy.link("gifting.ApprovalRequest", related_name="approvals")
    verdict = models.CharField(max_length=16, choices=tenancy.labels(approvals.Verdict))
    approved_by = person()
    on_behalf_of = person()
    delegation = tenancy.link("gifting.Delegation", null=True)
    step_numbers = ArrayField(models.PositiveSmallIntegerField())
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField()

    class Meta:
        constraints = (
            tenancy.unique("approval_public_id_is_unique", "public_id"),
            tenancy.unique("approval_person_is_unique", "request", "approved_by"),
            tenancy.unique("approval_principal_is_unique", "request", "on_behalf_of"),
            tenancy.known("approval_verdict_is_known", "verdict", approvals.Verdict),
            models.CheckConstraint(
                condition=models.Q(delegation__isnull=True, on_behalf_of=models.F("approved_by"))
                | (
                    models.Q(delegation__isnull=False)
                    & ~models.Q(on_behalf_of=models.F("approved_by"))
                ),
                name="approval_for_another_is_delegated",
            ),
            models.CheckConstraint(
                condition=~models.Q(reason="") | models.Q(verdict=approvals.Verdict.APPROVED.value),
                name="approval_refusal_has_a_reason",
            ),
        )

    def __str__(self) -> str:
        return f"{self.verdict} by {self.approved_by_id}"


class ApprovalEvent(tenancy.TenantModel):
    """What became of a request without an answer: passed on, lapsed, withdrawn. Append-only."""

    request = tenancy.link("gifting.ApprovalRequest", related_name="events")
    kind = models.CharField(max_length=16, choices=tenancy.labels(approvals.EventKind))
    reason = models.TextField()
    user = person(null=True)
    occurred_at = models.DateTimeField()

    class Meta:
        constraints = (
            tenancy.unique("approval_event_public_id_is_unique", "public_id"),
            tenancy.unique("approval_event_is_told_once", "request", "kind"),
            tenancy.known("approval_event_kind_is_known", "kind", approvals.EventKind),
        )

    def __str__(self) -> str:
        return self.kind


class Delegation(tenancy.TenantModel):
    """Who decides for an approver, from one day up to, and without, another."""

    delegator = person()
    delegate = person()
    starts_on = models.DateField(help_text="In the organization's time zone")
    ends_on = models.DateField(help_text="The first day without it")
    reason = models.TextField()
    made_by = person(null=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    revoked_by = person(null=True, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("delegation_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=~models.Q(delegator=models.F("delegate")),
                name="delegation_is_to_another",
            ),
            models.CheckConstraint(
                condition=models.Q(starts_on__lt=models.F("ends_on")),
                name="delegation_is_not_empty",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="delegation_has_a_reason"),
            ExclusionConstraint(
                name="delegation_is_to_one_at_a_time",
                expressions=[
                    ("organization", RangeOperators.EQUAL),
                    ("delegator", RangeOperators.EQUAL),
                    (
                        models.Func("starts_on", "ends_on", function="daterange"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=models.Q(revoked_at__isnull=True),
            ),
        )
        indexes = (
            models.Index(fields=["organization", "delegate"], name="delegation_by_delegate"),
        )

    def __str__(self) -> str:
        return f"{self.delegator_id} to {self.delegate_id}"


class Override(tenancy.TenantModel):
    """Lets one gift rule pass, or one request go unanswered, for a reason and until an end.

    Append-only: it ends by itself, and each use is a row.
    """

    rule_code = models.CharField(
        max_length=tenancy.CODE_LENGTH, blank=True, help_text="Empty lets an approval pass"
    )
    recipient = tenancy.link("gifting.Recipient", null=True, help_text="Empty means everybody")
    subject_id = models.UUIDField(null=True, help_text="The one thing that it is for")
    reason = models.TextField()
    requested_by = person(null=True)
    approved_by = person()
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    most_uses = models.PositiveIntegerField(null=True, help_text="Empty means any number")

    class Meta:
        constraints = (
            tenancy.unique("override_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=models.Q(requested_by__isnull=True)
                | ~models.Q(requested_by=models.F("approved_by")),
                name="override_approver_is_not_its_requester",
            ),
            models.CheckConstraint(
                condition=models.Q(valid_from__lt=models.F("valid_until")),
                name="override_ends_after_it_begins",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="override_has_a_reason"),
            models.CheckConstraint(
                condition=models.Q(most_uses__isnull=True) | models.Q(most_uses__gte=1),
                name="override_can_be_used",
            ),
            models.CheckConstraint(
                condition=~models.Q(rule_code="") | models.Q(subject_id__isnull=False),
                name="override_of_an_approval_names_it",
            ),
        )
        indexes = (models.Index(fields=["organization", "rule_code"], name="override_by_rule"),)

    def __str__(self) -> str:
        return self.rule_code or f"approval of {self.subject_id}"


class OverrideUse(tenancy.TenantModel):
    """One thing that an override let pass. Append-only."""

    override = tenancy.link("gifting.Override", related_name="uses")
    subject_id = models.UUIDField()
    user = person(null=True)
    used_at = models.DateTimeField()

    class Meta:
        constraints = (
            tenancy.unique("override_use_public_id_is_unique", "public_id"),
            tenancy.unique("override_use_is_one_a_subject", "override", "subject_id"),
        )

    def __str__(self) -> str:
        return str(self.subject_id)

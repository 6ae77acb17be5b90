"""Screens of approvals: the inbox, the matrix, delegations and overrides."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest
from django.utils import timezone
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import access
from gifting.domain import approvals as matrix
from gifting.selectors import approvals as records
from gifting.services import access as memberships
from gifting.services import approvals, delegations, overrides

READS = (access.Permission.READ_SPEND, access.Permission.APPROVE)
STATE_COLORS: Mapping[str, str] = {
    matrix.RequestState.PENDING: "warning",
    matrix.RequestState.APPROVED: "success",
    matrix.RequestState.REJECTED: "danger",
    matrix.RequestState.EXPIRED: "danger",
}
APPROVING_ROLES = [
    (role.value, role.value.capitalize())
    for role in access.Role
    if access.Permission.APPROVE in access.ROLE_PERMISSIONS[role]
]


def person_field(help_text: str, *, required: bool = True) -> forms.CharField:
    """Ask for a person by their login; nobody is shown a list of everybody on the server."""
    return forms.CharField(
        max_length=150,
        required=required,
        widget=widgets.UnfoldAdminTextInputWidget(),
        help_text=help_text,
    )


class AnswerForm(screens.RefusableForm):
    """Ask for an answer to a request."""

    verdict = forms.ChoiceField(
        choices=[("", "No answer yet"), ("APPROVED", "Approve"), ("REJECTED", "Reject")],
        required=False,
        widget=widgets.UnfoldAdminSelectWidget(),
    )
    answer_reason = forms.CharField(
        required=False,
        widget=widgets.UnfoldAdminTextareaWidget(),
        help_text="Needed to reject",
    )
    on_behalf_of = person_field(
        "Who delegated it to you; empty when you decide for yourself", required=False
    )


@admin.register(models.ApprovalRequest)
class ApprovalRequestScreen(screens.FactScreen):
    reads = READS
    writes = access.Permission.APPROVE
    cost_center = "cost_center"
    form = AnswerForm
    list_display = ("subject_kind", "subject_id", "amount", "where", "requested_by", "expires_at")
    list_select_related = ("requested_by",)
    list_filter = ("state", "subject_kind", "expires_at")
    search_fields = ("subject_kind__iexact",)
    readonly_fields = (
        "subject_kind",
        "subject_id",
        "amount",
        "recipient_class",
        "country",
        "cost_center",
        "needed",
        "why",
        "policy_version",
        "requested_by",
        "prepared_by",
        "reason",
        "requested_at",
        "expires_at",
        "state",
        "is_escalated",
        "decided_at",
        "public_id",
        "recorded_at",
    )
    fieldsets = (
        (None, {"fields": ("subject_kind", "subject_id", "amount", "state")}),
        ("For", {"fields": ("recipient_class", "country", "cost_center")}),
        ("Needs", {"fields": ("needed", "why", "policy_version", "is_escalated")}),
        ("Asked", {"fields": ("requested_by", "prepared_by", "reason")}),
        ("Answer", {"fields": ("verdict", "answer_reason", "on_behalf_of")}),
        (
            screens.RECORD,
            {"fields": ("requested_at", "expires_at", "decided_at", "public_id", "recorded_at")},
        ),
    )
    amount = screens.amount("amount_minor", "Amount")
    where = screens.state("state", "State", STATE_COLORS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="Steps")
    def needed(self, row: models.ApprovalRequest) -> str:
        """Name each step's approver and how many are needed."""
        return "; ".join(f"{step['count']} of {step['role'] or 'one person'}" for step in row.steps)

    @admin.display(description="Why")
    def why(self, row: models.ApprovalRequest) -> str:
        return "; ".join(row.reasons)

    def change(
        self, *, actor: access.Actor, row: models.ApprovalRequest, values: Mapping[str, Any]
    ) -> None:
        if not values["verdict"]:
            return
        principal = (
            memberships.user_id_of(username=values["on_behalf_of"])
            if values["on_behalf_of"]
            else None
        )
        answer = approvals.approve if values["verdict"] == "APPROVED" else approvals.reject
        answer(
            actor=actor,
            # Each person answers a request once, so this names the answer.
            key=f"admin:{row.public_id}:{actor.user_id}:{values['verdict']}",
            request_id=row.public_id,
            on_behalf_of=principal,
            reason=values["answer_reason"],
            at=timezone.now(),
        )


@admin.register(models.Approval)
class ApprovalScreen(screens.FactScreen):
    reads = READS
    cost_center = "request__cost_center"
    list_display = ("request", "verdict", "approved_by", "on_behalf_of", "decided_at")
    list_select_related = ("request", "approved_by", "on_behalf_of")
    list_filter = ("verdict", "decided_at")
    search_fields = ("request__subject_kind__iexact",)
    fieldsets = (
        (None, {"fields": ("request", "verdict", "steps", "reason")}),
        ("By", {"fields": ("approved_by", "on_behalf_of", "delegation")}),
        (screens.RECORD, {"fields": ("decided_at", "public_id", "recorded_at")}),
    )

    @admin.display(description="Steps")
    def steps(self, row: models.Approval) -> str:
        return ", ".join(str(number) for number in row.step_numbers)


@admin.register(models.ApprovalEvent)
class ApprovalEventScreen(screens.FactScreen):
    reads = READS
    cost_center = "request__cost_center"
    list_display = ("request", "kind", "reason", "user", "occurred_at")
    list_select_related = ("request", "user")
    list_filter = ("kind", "occurred_at")
    search_fields = ("request__subject_kind__iexact",)
    fieldsets = (
        (None, {"fields": ("request", "kind", "reason", "user")}),
        (screens.RECORD, {"fields": ("occurred_at", "public_id", "recorded_at")}),
    )


class PolicyForm(screens.RefusableForm):
    """Write a version of the matrix; see docs/approvals.md for what a band may say."""

    bands = forms.JSONField(
        initial=list,
        widget=widgets.UnfoldAdminTextareaWidget(),
        help_text=(
            'For example [{"kind": "ROLE", "role": "FINANCE", "amount_at_least_minor": 25000}]; '
            "amounts in minor units"
        ),
    )
    expires_after_hours = forms.IntegerField(
        initial=336, widget=widgets.UnfoldAdminIntegerFieldWidget()
    )
    escalates_after_hours = forms.IntegerField(
        required=False, widget=widgets.UnfoldAdminIntegerFieldWidget()
    )
    escalates_to = forms.ChoiceField(
        choices=APPROVING_ROLES, widget=widgets.UnfoldAdminSelectWidget()
    )


@admin.register(models.ApprovalPolicy)
class ApprovalPolicyScreen(screens.WrittenOnceScreen):
    reads = READS
    writes = access.Permission.MANAGE_POLICIES
    form = PolicyForm
    list_display = ("version", "currency", "effective_at", "reason", "user")
    list_select_related = ("user",)
    search_fields = ("reason",)
    add_fieldsets = (
        (
            None,
            {
                "fields": (
                    "currency",
                    "bands",
                    "forbids_delegates",
                    "expires_after_hours",
                    "escalates_after_hours",
                    "escalates_to",
                    "reason",
                )
            },
        ),
    )
    fieldsets = (
        (None, {"fields": ("version", "currency", "matrix", "forbids_delegates")}),
        ("Time", {"fields": ("expires_after_hours", "escalates_after_hours", "escalates_to")}),
        ("Record", {"fields": ("effective_at", "reason", "user", "public_id", "recorded_at")}),
    )
    readonly_fields = ("version", "matrix", "effective_at", "user", "public_id", "recorded_at")

    @admin.display(description="Bands")
    def matrix(self, row: models.ApprovalPolicy) -> str:
        """Show each band as what it needs and when."""
        policy = matrix.Policy(
            version=row.version,
            currency=row.currency,
            bands=tuple(records.band_of(band) for band in row.bands),
        )
        return "; ".join(matrix.described(policy))

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        at = timezone.now()
        version = approvals.define_policy(
            actor=actor,
            key=f"admin:{uuid.uuid4()}",
            policy=matrix.Policy(
                version=0,
                currency=values["currency"],
                bands=records.bands_given(values["bands"]),
                forbids_delegates=values["forbids_delegates"],
                expires_after_hours=values["expires_after_hours"],
                escalates_after_hours=values["escalates_after_hours"],
                escalates_to=access.Role(values["escalates_to"]),
            ),
            reason=values["reason"],
            at=at,
        )
        return int(models.ApprovalPolicy.objects.get(version=version).pk)


class DelegationForm(screens.RefusableForm):
    """Ask who decides for whom, or end it."""

    delegator_name = person_field("Who is away: your own login unless you administer")
    delegate_name = person_field("Who decides meanwhile")
    starts_on = forms.DateField(widget=widgets.UnfoldAdminDateWidget())
    ends_on = forms.DateField(
        widget=widgets.UnfoldAdminDateWidget(), help_text="The first day without it"
    )
    why = forms.CharField(widget=widgets.UnfoldAdminTextInputWidget())
    revoke = forms.BooleanField(
        required=False, widget=widgets.UnfoldBooleanWidget(), help_text="From now on"
    )


@admin.register(models.Delegation)
class DelegationScreen(screens.Screen):
    reads = READS
    writes = access.Permission.APPROVE
    form = DelegationForm
    add_only = ("delegator_name", "delegate_name", "starts_on", "ends_on", "why")
    change_only = ("revoke",)
    list_display = ("delegator", "delegate", "first_day", "last_day", "reason", "revoked_at")
    list_select_related = ("delegator", "delegate")
    search_fields = ("delegator__username__exact", "delegate__username__exact")
    readonly_fields = (
        "delegator",
        "delegate",
        "first_day",
        "last_day",
        "reason",
        "made_by",
        "revoked_at",
        "revoked_by",
        "public_id",
        "recorded_at",
    )
    add_fieldsets = ((None, {"fields": add_only}),)
    fieldsets = (
        (None, {"fields": ("delegator", "delegate", "first_day", "last_day", "reason", "revoke")}),
        (
            screens.RECORD,
            {"fields": ("made_by", "revoked_at", "revoked_by", "public_id", "recorded_at")},
        ),
    )

    @admin.display(description="From", ordering="starts_on")
    def first_day(self, row: models.Delegation) -> dt.date:
        return row.starts_on

    @admin.display(description="Last day", ordering="ends_on")
    def last_day(self, row: models.Delegation) -> dt.date:
        """Show the day that people mean; the column holds the one after it."""
        return row.ends_on - dt.timedelta(days=1)

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        made = delegations.delegate(
            actor=actor,
            key=f"admin:{uuid.uuid4()}",
            delegator=memberships.user_id_of(username=values["delegator_name"]),
            to=memberships.user_id_of(username=values["delegate_name"]),
            starts_on=values["starts_on"],
            ends_on=values["ends_on"],
            reason=values["why"],
        )
        return int(models.Delegation.objects.get(public_id=made).pk)

    def change(
        self, *, actor: access.Actor, row: models.Delegation, values: Mapping[str, Any]
    ) -> None:
        if values["revoke"]:
            delegations.revoke(actor=actor, delegation_id=row.public_id, at=timezone.now())


class OverrideForm(screens.RefusableForm):
    """Ask what may pass, why, for whom and until when."""

    subject_id = forms.UUIDField(required=False, widget=widgets.UnfoldAdminTextInputWidget())
    recipient_public_id = forms.UUIDField(
        required=False,
        widget=widgets.UnfoldAdminTextInputWidget(),
        help_text="Empty means everybody",
    )
    requested_by_name = person_field("Who asked for it; not you", required=False)
    most_uses = forms.IntegerField(
        required=False, initial=1, widget=widgets.UnfoldAdminIntegerFieldWidget()
    )


@admin.register(models.Override)
class OverrideScreen(screens.WrittenOnceScreen):
    reads = READS
    writes = access.Permission.APPROVE
    form = OverrideForm
    add_only = ("requested_by_name", "recipient_public_id")
    list_display = ("__str__", "reason", "approved_by", "valid_until", "most_uses")
    list_select_related = ("approved_by",)
    list_filter = ("valid_until",)
    search_fields = ("rule_code__iexact",)
    add_fieldsets = (
        (None, {"fields": ("rule_code", "subject_id", "recipient_public_id", "reason")}),
        ("How long", {"fields": ("valid_until", "most_uses", "requested_by_name")}),
    )
    fieldsets = (
        (None, {"fields": ("rule_code", "recipient", "subject_id", "reason")}),
        ("How long", {"fields": ("valid_from", "valid_until", "most_uses")}),
        ("By", {"fields": ("requested_by", "approved_by", "public_id", "recorded_at")}),
    )

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        made = overrides.grant(
            actor=actor,
            key=f"admin:{uuid.uuid4()}",
            rule_code=values["rule_code"],
            subject_id=values["subject_id"],
            recipient_id=_recipient(values["recipient_public_id"]),
            reason=values["reason"],
            requested_by=(
                memberships.user_id_of(username=values["requested_by_name"])
                if values["requested_by_name"]
                else None
            ),
            valid_until=values["valid_until"],
            most_uses=values["most_uses"],
            at=timezone.now(),
        )
        return int(models.Override.objects.get(public_id=made).pk)


@admin.register(models.OverrideUse)
class OverrideUseScreen(screens.FactScreen):
    reads = READS
    list_display = ("override", "subject_id", "user", "used_at")
    list_select_related = ("override", "user")
    list_filter = ("used_at",)
    search_fields = ("override__rule_code__iexact",)
    fieldsets = (
        (None, {"fields": ("override", "subject_id", "user", "used_at")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


def _recipient(public_id: uuid.UUID | None) -> int | None:
    if public_id is None:
        return None
    try:
        return int(models.Recipient.objects.get(public_id=public_id).pk)
    except ObjectDoesNotExist:
        raise overrides.OverrideUnusable(
            "There is no such recipient for you.", field="recipient_public_id"
        ) from None

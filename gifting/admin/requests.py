"""Screens of sends that budget money pays for: what was asked, decided, told and posted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import access, money
from gifting.domain.decisions import Outcome
from gifting.domain.lifecycle import State
from gifting.services import charges, decisions, desk

READS: Final = (access.Permission.READ_SPEND,)
OUTCOME_COLORS: Final[Mapping[str, str]] = {
    Outcome.APPROVED: "success",
    Outcome.REFUSED: "danger",
}
DECIDE: Final = "DECIDE"
TOLD: Final[Mapping[str, tuple[State, str]]] = {
    "DISPATCH": (State.OFFERED, "Send it"),
    "DELIVERED": (State.DELIVERED, "It was delivered"),
    "CANCELLED": (State.CANCELLED, "Cancel it"),
}


class ActForm(screens.RefusableForm):
    """Ask what is to be done about the send."""

    act = forms.ChoiceField(
        choices=[
            ("", "Nothing"),
            (DECIDE, "Decide on it"),
            *((code, label) for code, (_, label) in TOLD.items()),
        ],
        required=False,
        widget=widgets.UnfoldAdminSelectWidget(),
    )
    overrun_reason = forms.CharField(
        required=False,
        help_text="Why a soft budget may be passed; kept with the decision",
        widget=widgets.UnfoldAdminTextareaWidget(),
    )


@admin.register(models.SendRequest)
class SendRequestScreen(screens.FactScreen):
    reads = READS
    writes = access.Permission.WRITE_SENDS
    cost_center = "send__cost_center"
    form = ActForm
    list_display = ("send", "total", "gift_kind", "requested_by", "requested_on")
    list_select_related = ("send", "requested_by")
    list_filter = ("gift_kind", "requested_on")
    search_fields = ("send__external_id__exact",)
    readonly_fields = (
        "send",
        "where",
        "total",
        "estimate",
        "gift_kind",
        "money_timing",
        "requested_by",
        "requested_on",
        "nature",
        "purpose",
        "dimensions",
        "has_advert",
        "is_widely_given",
        "batch",
        "position",
        "public_id",
        "recorded_at",
    )
    fieldsets = (
        (None, {"fields": ("send", "where", "total", "estimate", "act", "overrun_reason")}),
        ("Terms", {"fields": ("gift_kind", "money_timing")}),
        (
            "Asked",
            {"fields": ("requested_by", "requested_on", "dimensions", ("batch", "position"))},
        ),
        ("Register", {"fields": ("nature", "purpose", "has_advert", "is_widely_given")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    total = screens.amount("total_minor", "Estimate")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return desk.may(request, access.Permission.WRITE_SENDS, access.Permission.APPROVE)

    @admin.display(description="State")
    def where(self, row: models.SendRequest) -> str:
        return str(row.send.get_state_display())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor, act, send = desk.actor(request), form.cleaned_data["act"], obj.send.public_id
        if act == DECIDE:
            self._decide(request, actor, send, form.cleaned_data["overrun_reason"])
        elif act:
            state, _ = TOLD[act]
            tell = charges.dispatch if act == "DISPATCH" else charges.tell
            tell(actor=actor, send=send, moment=charges.Moment(state, timezone.now()))

    def _decide(
        self, request: HttpRequest, actor: access.Actor, send: UUID, overrun_reason: str
    ) -> None:
        """Decide, and say so: a refusal is kept and shown, not taken back."""
        # A send is approved once, so this names the decision.
        answer = decisions.decide(
            actor=actor,
            key=f"admin:decide:{send}",
            send=send,
            at=timezone.now(),
            overrun_reason=overrun_reason,
        )
        if answer.outcome is not Outcome.APPROVED:
            for reason in answer.reasons:
                messages.warning(request, reason.message)


@admin.register(models.SendShare)
class SendShareScreen(screens.FactScreen):
    reads = READS
    cost_center = "send__cost_center"
    list_display = ("send", "budget", "weight")
    list_select_related = ("send", "budget")
    search_fields = ("send__external_id__exact",)
    fieldsets = ((None, {"fields": ("send", "budget", "weight")}),)


@admin.register(models.SendDecision)
class SendDecisionScreen(screens.FactScreen):
    reads = READS
    cost_center = "send__cost_center"
    list_display = ("send", "said", "requested_by", "decided_by", "recorded_at")
    list_select_related = ("send", "requested_by", "decided_by")
    list_filter = ("outcome", "recorded_at")
    search_fields = ("send__external_id__exact",)
    fieldsets = (
        (None, {"fields": ("send", "outcome", "reasons")}),
        ("By", {"fields": ("requested_by", "decided_by", "token")}),
        ("Because of", {"fields": ("facts", "formula", "versions", "inputs_hash", "operation")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    said = screens.state("outcome", "Outcome", OUTCOME_COLORS)


@admin.register(models.SendCommitment)
class SendCommitmentScreen(screens.FactScreen):
    reads = READS
    cost_center = "send__cost_center"
    list_display = ("send", "fund", "amount", "commitment")
    list_select_related = ("send", "fund", "commitment")
    search_fields = ("send__external_id__exact",)
    fieldsets = ((None, {"fields": ("send", "fund", "amount", "commitment")}),)

    @admin.display(description="Reserved")
    def amount(self, row: models.SendCommitment) -> str:
        return money.Money(row.amount_minor, row.fund.currency).format()


@admin.register(models.SendFact)
class SendFactScreen(screens.FactScreen):
    reads = READS
    cost_center = "send__cost_center"
    list_display = ("send", "kind", "reference", "occurred_at", "source")
    list_select_related = ("send",)
    list_filter = ("kind", "occurred_at")
    search_fields = ("send__external_id__exact", "reference__exact")
    fieldsets = (
        (None, {"fields": ("send", "kind", "state", "amounts")}),
        ("Source", {"fields": ("source", "reference", "occurred_at")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.SendPosting)
class SendPostingScreen(screens.FactScreen):
    reads = READS
    cost_center = "send__cost_center"
    list_display = ("send", "operation", "recorded_at")
    list_select_related = ("send", "operation")
    search_fields = ("send__external_id__exact",)
    fieldsets = ((None, {"fields": ("send", "operation")}),)


@admin.register(models.CostShare)
class CostShareScreen(screens.FactScreen):
    reads = READS
    cost_center = "cost_line__cost_center"
    list_display = ("cost_line", "fund", "amount", "operation")
    list_select_related = ("cost_line", "fund", "operation")
    search_fields = ("cost_line__send__external_id__exact",)
    fieldsets = ((None, {"fields": ("cost_line", "fund", "amount", "operation")}),)

    @admin.display(description="Share of the change")
    def amount(self, row: models.CostShare) -> str:
        return money.Money(row.amount_minor, row.fund.currency).format()

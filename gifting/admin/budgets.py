"""The screen of budgets: approve one, and change what it may spend by entries of its register.

What was approved first is kept. Every act goes through a service under the key that the form holds:
a form that is sent twice does once what it asks for.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.admin import widgets as django_widgets
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import access, money, refusals
from gifting.domain import budgets as rules
from gifting.services import budgets, dimensions, policies

LONGEST_AMOUNT: Final = 40
# What each act of a budget needs beside its reason and its day.
ACTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "REVISE": ("Revise it", ("amount",)),
        "TRANSFER": ("Transfer from it", ("amount", "to_budget")),
        "CARRY_FORWARD": ("Carry forward from it", ("amount", "to_budget")),
        "LAPSE": ("Let what is available lapse", ()),
        "ROLL_OVER": ("Roll it over by its policy", ()),
    }
)


class ApproveForm(screens.RefusableForm):
    """Take the amount as people write money; it is approved once and kept."""

    amount = forms.CharField(
        max_length=LONGEST_AMOUNT,
        widget=widgets.UnfoldAdminTextInputWidget(),
        help_text="Such as 12500.00; approved once, never changed",
    )
    scope_values = forms.CharField(
        required=False,
        widget=widgets.UnfoldAdminTextInputWidget(),
        help_text="Such as REGION:EMEA, PERSON:005A; a budget with a scope limits what names all "
        "of them",
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if cleaned and "amount" in cleaned and "currency" in cleaned:
            _read(self, "amount", cleaned, cleaned["currency"])
        if cleaned and cleaned.get("scope_values"):
            cleaned["named"] = self._named(cleaned["scope_values"])
        return cleaned

    def _named(self, written: str) -> list[tuple[rules.DimensionKind, str]]:
        found = []
        for each in written.split(","):
            kind, _, code = each.strip().partition(":")
            if kind not in set(rules.DimensionKind) or not code:
                kinds = ", ".join(rules.DimensionKind)
                self.add_error(
                    "scope_values",
                    f"{each.strip()!r} is no value. Write one of {kinds}, a colon and its code.",
                )
            else:
                found.append((rules.DimensionKind(kind), code.strip()))
        return found


class ActForm(screens.KeyedForm):
    """Ask for another name, which needs no key, or for what is to be done with the budget."""

    idempotency_key = forms.UUIDField(
        initial=uuid.uuid4, required=False, widget=forms.HiddenInput()
    )
    act = forms.ChoiceField(
        choices=[("", "Nothing"), *((code, label) for code, (label, _) in ACTS.items())],
        required=False,
        widget=widgets.UnfoldAdminSelectWidget(),
    )
    amount = forms.CharField(
        max_length=LONGEST_AMOUNT,
        required=False,
        widget=widgets.UnfoldAdminTextInputWidget(),
        help_text="Such as 12500.00; a revision below zero takes away",
    )
    to_budget = forms.ModelChoiceField(
        queryset=models.Budget.objects.all(),
        required=False,
        # A table of budgets has no end: it is searched, never listed.
        widget=django_widgets.AutocompleteSelect(
            models.BudgetPolicy.claw_back_to.field, admin.site
        ),
        help_text="Where the money goes, or the later budget",
    )
    effective_on = forms.DateField(required=False, widget=widgets.UnfoldAdminDateWidget())
    reason = forms.CharField(required=False, widget=widgets.UnfoldAdminTextInputWidget())

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if not cleaned or not cleaned.get("act"):
            return cleaned
        label, needed = ACTS[cleaned["act"]]
        for name in (*needed, "effective_on", "reason", screens.KEY):
            if name not in self.errors and not cleaned.get(name):
                self.add_error(name, f"Needed to do this: {label.lower()}.")
        if cleaned.get("amount"):
            _read(self, "amount", cleaned, self.instance.currency)
        return cleaned


@admin.register(models.Budget)
class BudgetScreen(screens.Screen):
    reads = (access.Permission.READ_BUDGETS,)
    writes = access.Permission.WRITE_BUDGETS
    cost_center = "cost_center"
    list_display = ("name", "original", "cost_center", "campaign", "fiscal_period")
    list_select_related = ("cost_center", "campaign", "fiscal_period")
    list_filter = ("currency", "fiscal_period__fiscal_year")
    search_fields = ("name",)
    autocomplete_fields = ("cost_center", "campaign", "fiscal_period")
    add_fieldsets = (
        (None, {"fields": ("name", "amount", "currency")}),
        ("For", {"fields": ("cost_center", "campaign", "fiscal_period", "scope_values")}),
    )
    fieldsets = (
        (None, {"fields": ("name", "original")}),
        ("For", {"fields": ("cost_center", "campaign", "fiscal_period", "scope_names")}),
        (
            "Change",
            {"fields": ("act", "amount", "to_budget", "effective_on", "reason", screens.KEY)},
        ),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    original = screens.amount("original_amount_minor", "Original amount")

    @admin.display(description="Scope")
    def scope_names(self, row: models.Budget) -> str:
        values = models.DimensionValue.objects.filter(id__in=row.scope).order_by("kind", "code")
        return ", ".join(f"{value.kind}:{value.code}" for value in values)

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[Any]]:
        kwargs["form"] = ActForm if obj else ApproveForm
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = [*super().get_readonly_fields(request, obj), "original", "scope_names"]
        if obj is None:
            return fixed
        return [*fixed, "cost_center", "campaign", "fiscal_period", "public_id", "recorded_at"]

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        return budgets.approve(
            actor=actor,
            name=values["name"],
            amount=values["money"],
            cost_center_id=values["cost_center"].pk,
            fiscal_period_id=values["fiscal_period"].pk,
            campaign_id=values["campaign"].pk if values["campaign"] else None,
            scope=dimensions.scope_of(actor=actor, named=values.get("named", ())),
        )

    def change(self, *, actor: access.Actor, row: models.Budget, values: Mapping[str, Any]) -> None:
        budgets.rename(actor=actor, budget_id=row.pk, name=values["name"])
        if values["act"]:
            _DOES[values["act"]](actor, row, values)


def _read(form: ModelForm[Any], field: str, cleaned: dict[str, Any], currency: str) -> None:
    """Keep what was written as money, or say at its field what is wrong with it."""
    try:
        cleaned["money"] = money.Money.parse(cleaned[field], currency)
    except refusals.Refusal as refusal:
        form.add_error(refusal.field, refusal.message)


def _revise(actor: access.Actor, row: models.Budget, values: Mapping[str, Any]) -> None:
    budgets.revise(budget_id=row.pk, amount=values["money"], **_asked(actor, values))


def _transfer(actor: access.Actor, row: models.Budget, values: Mapping[str, Any]) -> None:
    budgets.transfer(
        from_budget_id=row.pk,
        to_budget_id=values["to_budget"].pk,
        amount=values["money"],
        **_asked(actor, values),
    )


def _carry_forward(actor: access.Actor, row: models.Budget, values: Mapping[str, Any]) -> None:
    budgets.carry_forward(
        from_budget_id=row.pk,
        to_budget_id=values["to_budget"].pk,
        amount=values["money"],
        **_asked(actor, values),
    )


def _lapse(actor: access.Actor, row: models.Budget, values: Mapping[str, Any]) -> None:
    budgets.lapse(budget_id=row.pk, **_asked(actor, values))


def _roll_over(actor: access.Actor, row: models.Budget, values: Mapping[str, Any]) -> None:
    later = values["to_budget"]
    policies.roll_over(
        budget_id=row.pk, to_budget_id=later.pk if later else None, **_asked(actor, values)
    )


def _asked(actor: access.Actor, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every act is given."""
    return {
        "actor": actor,
        "key": screens.key_of(values),
        "reason": values["reason"],
        "effective_on": values["effective_on"],
    }


_DOES: Final[Mapping[str, Callable[[access.Actor, models.Budget, Mapping[str, Any]], None]]] = (
    MappingProxyType(
        {
            "REVISE": _revise,
            "TRANSFER": _transfer,
            "CARRY_FORWARD": _carry_forward,
            "LAPSE": _lapse,
            "ROLL_OVER": _roll_over,
        }
    )
)

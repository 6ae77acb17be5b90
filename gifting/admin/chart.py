"""Screens of the chart of accounts and of what maps spend to it: added to, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import admin

from gifting import models
from gifting.admin import screens
from gifting.domain import access, ledger
from gifting.domain.journals import batches
from gifting.selectors import booked
from gifting.services import chart

READS: Final = booked.READERS
LABELS: Final = ("department", "class_name", "location", "subsidiary", "payee")
_FOR: Final = ("For", {"fields": ("bucket", "cost_center", "component", "recipient_class")})
_CARRIES: Final = ("Carries", {"fields": LABELS})
_RECORD: Final = (screens.RECORD, {"fields": ("public_id", "recorded_at")})


class AccountForm(screens.RefusableForm):
    """Say at its parent that there is no such account; the same account again is the same one."""

    fields_named = {"account": "parent"}


@admin.register(models.GlAccount)
class GlAccountScreen(screens.WrittenOnceScreen):
    reads = READS
    writes = access.Permission.WRITE_BUDGETS
    form = AccountForm
    autocomplete_fields = ("parent",)
    add_fieldsets = ((None, {"fields": ("code", "name", "kind", "parent", "tax_rate")}),)
    list_display = ("code", "name", "kind", "parent")
    list_select_related = ("parent",)
    list_filter = ("kind",)
    search_fields = ("code__istartswith", "name")
    ordering = ("code",)
    fieldsets = (
        (None, {"fields": ("code", "name", "kind", "parent", "tax_rate")}),
        _RECORD,
    )

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        return chart.add_account(
            actor=actor,
            code=values["code"],
            name=values["name"],
            kind=batches.AccountKind(values["kind"]),
            parent_id=values["parent"].pk if values["parent"] else None,
            tax_rate=values["tax_rate"],
        )


@admin.register(models.GlMapping)
class GlMappingScreen(screens.WrittenOnceScreen):
    reads = READS
    writes = access.Permission.WRITE_BUDGETS
    autocomplete_fields = ("cost_center", "account", "counter_account")
    list_display = (
        "bucket",
        "cost_center",
        "component",
        "recipient_class",
        "account",
        "counter_account",
        "valid_from",
    )
    list_select_related = ("cost_center", "account", "counter_account")
    list_filter = ("bucket", "component", "recipient_class")
    search_fields = ("account__code__istartswith",)
    add_fieldsets = (
        _FOR,
        ("Goes to", {"fields": ("account", "counter_account", "valid_from")}),
        _CARRIES,
    )
    fieldsets = (
        _FOR,
        ("Goes to", {"fields": ("account", "counter_account", "valid_from", "user")}),
        _CARRIES,
        _RECORD,
    )

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        return chart.add_mapping(
            actor=actor,
            mapping=chart.Mapping(
                bucket=ledger.Bucket(values["bucket"]),
                account_id=values["account"].pk,
                counter_account_id=values["counter_account"].pk,
                valid_from=values["valid_from"],
                cost_center_id=values["cost_center"].pk if values["cost_center"] else None,
                component=values["component"],
                recipient_class=values["recipient_class"],
                **{name: values[name] for name in LABELS},
            ),
        )


@admin.register(models.SpendCoding)
class SpendCodingScreen(screens.FactScreen):
    reads = READS
    list_display = ("operation", "component", "recipient_class", "finance_tag")
    list_select_related = ("operation",)
    list_filter = ("component", "recipient_class")
    search_fields = ("finance_tag__exact",)
    fieldsets = ((None, {"fields": ("operation", "component", "recipient_class", "finance_tag")}),)

"""Screens of rules about gifts, of who counts as whom, and of what recipients were given."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import access, gift_rules, money, recipients
from gifting.services import gift_rules as rules

READS = (
    access.Permission.READ_SPEND,
    access.Permission.READ_BUDGETS,
    access.Permission.APPROVE,
)
VERSION = ("code", "version", "jurisdiction", "is_shipped")
VALIDITY = ("valid_from", "valid_until", "source", "reviewer")


class GiftRuleForm(screens.RefusableForm):
    """Write a rule of the organization's own, or the next version of one."""

    limit_minor = forms.IntegerField(
        label="Limit",
        widget=widgets.UnfoldAdminIntegerFieldWidget(),
        help_text="The most that is allowed, in minor units of the currency",
    )
    side = forms.ChoiceField(
        choices=[(side.value, side.value.capitalize()) for side in gift_rules.Side],
        initial=gift_rules.Side.RECIPIENT.value,
        widget=widgets.UnfoldAdminSelectWidget(),
        help_text="Whose country the jurisdiction is compared with",
    )


@admin.register(models.GiftRule)
class GiftRuleScreen(screens.WrittenOnceScreen):
    reads = READS
    writes = access.Permission.MANAGE_POLICIES
    form = GiftRuleForm
    list_display = (
        "code",
        "version",
        "limit",
        "window",
        "basis",
        "action",
        "valid_from",
        "origin",
    )
    list_filter = ("action", "jurisdiction", "recipient_class", "is_shipped")
    search_fields = ("code__istartswith", "source")
    ordering = ("code", "version")
    add_fieldsets = (
        (None, {"fields": ("code", "jurisdiction", "side", "recipient_class", "gift_kind")}),
        (
            "Limit",
            {"fields": ("limit_minor", "currency", "window", "basis", "is_cliff", "action")},
        ),
        ("Held to", {"fields": VALIDITY}),
    )
    fieldsets = (
        (None, {"fields": (*VERSION, "side", "recipient_class", "gift_kind")}),
        ("Limit", {"fields": ("limit", "window", "basis", "is_cliff", "action")}),
        ("Held to", {"fields": VALIDITY}),
        (screens.RECORD, {"fields": ("user", "public_id", "recorded_at")}),
    )
    limit = screens.amount("limit_minor", "Limit")
    origin = screens.badge("is_shipped", "Origin", "Shipped, not legal advice", "info")

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        rule = gift_rules.Rule(
            code=values["code"],
            version=0,
            limit=money.Money(values["limit_minor"], values["currency"]),
            window=gift_rules.Window(values["window"]),
            basis=gift_rules.Basis(values["basis"]),
            action=gift_rules.Action(values["action"]),
            jurisdiction=values["jurisdiction"],
            side=gift_rules.Side(values["side"]),
            recipient_class=(
                recipients.RecipientClass(values["recipient_class"])
                if values["recipient_class"]
                else None
            ),
            gift_kind=(gift_rules.GiftKind(values["gift_kind"]) if values["gift_kind"] else None),
            is_cliff=values["is_cliff"],
            valid_from=values["valid_from"],
            valid_until=values["valid_until"],
            source=values["source"],
            reviewer=values["reviewer"],
        )
        version = rules.define_rule(actor=actor, key=f"admin:{uuid.uuid4()}", rule=rule)
        return int(models.GiftRule.objects.get(code=rule.code, version=version).pk)


@admin.register(models.TaxRule)
class TaxRuleScreen(screens.Screen):
    reads = READS
    list_display = ("code", "version", "tax", "shape", "limit", "window", "valid_from", "origin")
    list_filter = ("tax", "jurisdiction", "is_shipped")
    search_fields = ("code__istartswith", "source")
    ordering = ("code", "version")
    fieldsets = (
        (None, {"fields": (*VERSION, "tax", "shape")}),
        ("Limit", {"fields": ("limit", "window", "basis", "exempt", "needs_advert", "excluded")}),
        ("Held to", {"fields": VALIDITY}),
        (screens.RECORD, {"fields": ("user", "public_id", "recorded_at")}),
    )
    limit = screens.amount("limit_minor", "Limit")
    exempt = screens.amount("exempt_item_minor", "Exempt up to")
    origin = screens.badge("is_shipped", "Origin", "Shipped, not legal advice", "info")

    @admin.display(description="Excluded kinds")
    def excluded(self, row: models.TaxRule) -> str:
        return ", ".join(row.excluded_kinds)


@admin.register(models.RecipientGift)
class RecipientGiftScreen(screens.FactScreen):
    reads = (access.Permission.READ_SPEND,)
    cost_center = "send__cost_center"
    list_display = ("given_on", "recipient", "kind", "recipient_class", "cost", "is_taken_back")
    list_select_related = ("recipient",)
    list_filter = ("kind", "recipient_class", "given_on")
    search_fields = ("recipient__external_id__exact",)
    fieldsets = (
        (None, {"fields": ("recipient", "recipient_class", "country", "given_on", "kind")}),
        ("Register", {"fields": ("nature", "purpose", "conflict_note", "giver")}),
        ("Cost", {"fields": ("cost", "has_advert", "is_widely_given")}),
        ("Because of", {"fields": ("send", "subject_id", "reverses")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    @admin.display(description="Cost")
    def cost(self, row: models.RecipientGift) -> str:
        """Show what the recipient's share cost in all."""
        parts = (getattr(row, f"{part}_minor") for part in models.gift_rules.PARTS)
        return money.Money(sum(parts), row.currency).format()

    @admin.display(description="Takes another back", boolean=True)
    def is_taken_back(self, row: models.RecipientGift) -> bool:
        return row.reverses_id is not None


@admin.register(models.RecipientLink)
class RecipientLinkScreen(screens.FactScreen):
    reads = (access.Permission.READ_SPEND,)
    list_display = ("recipient", "counts_as", "relation", "reason", "linked_at", "ended_at")
    list_select_related = ("recipient", "counts_as")
    list_filter = ("relation", "linked_at")
    search_fields = ("recipient__external_id__exact", "counts_as__external_id__exact")
    fieldsets = (
        (None, {"fields": ("recipient", "counts_as", "relation", "reason", "user")}),
        ("Time", {"fields": ("linked_at", "ended_at", "ended_by")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )


@admin.register(models.RecipientLock)
class RecipientLockScreen(screens.FactScreen):
    reads = (access.Permission.READ_SPEND,)
    list_display = ("recipient", "recorded_at")
    list_select_related = ("recipient",)
    search_fields = ("recipient__external_id__exact",)
    fieldsets = ((None, {"fields": ("recipient", "public_id", "recorded_at")}),)

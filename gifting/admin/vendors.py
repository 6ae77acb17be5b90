"""Screens of vendors and of what they sell."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from gifting import models
from gifting.admin import screens
from gifting.domain import access
from gifting.services import vendors

READS = (access.Permission.READ_SPEND, access.Permission.READ_CAMPAIGNS)


@admin.register(models.Vendor)
class VendorScreen(screens.Screen):
    reads = READS
    writes = access.Permission.WRITE_VENDORS
    list_display = ("code", "name", "recorded_at")
    search_fields = ("code__istartswith", "name")
    ordering = ("name",)
    readonly_fields = ("public_id", "recorded_at")
    fieldsets = (
        (None, {"fields": ("code", "name")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, "code"] if obj else fixed

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        return vendors.create(actor=actor, code=values["code"], name=values["name"])

    def change(self, *, actor: access.Actor, row: models.Vendor, values: Mapping[str, Any]) -> None:
        vendors.rename(actor=actor, vendor_id=row.pk, name=values["name"])


@admin.register(models.GiftItem)
class GiftItemScreen(screens.Screen):
    reads = READS
    list_display = ("name", "sku", "vendor", "list_price", "personalization")
    list_select_related = ("vendor",)
    list_filter = ("personalization",)
    search_fields = ("name", "sku__istartswith")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "sku", "vendor", "list_price", "personalization")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    list_price = screens.amount("list_price_amount_minor", "List price")


@admin.register(models.VendorIdentity)
class VendorIdentityScreen(screens.Screen):
    reads = READS
    list_display = ("vendor", "kind", "value", "retired_at")
    list_select_related = ("vendor",)
    list_filter = ("kind",)
    search_fields = ("value__iexact", "vendor__name__istartswith")
    fieldsets = (
        (None, {"fields": ("vendor", "kind", "value")}),
        (screens.RECORD, {"fields": ("retired_at", "public_id", "recorded_at")}),
    )


@admin.register(models.VendorMerge)
class VendorMergeScreen(screens.FactScreen):
    """Merge vendors by adding an event; to end a merge, add one that names it in `undoes`."""

    reads = READS
    writes = access.Permission.WRITE_VENDORS
    autocomplete_fields = ("vendor", "into")
    add_fieldsets = (
        (None, {"fields": ("vendor", "into", "reason")}),
        ("End a merge", {"fields": ("undoes",)}),
    )
    list_display = ("vendor", "into", "undoes", "reason", "user", "recorded_at")
    list_select_related = ("vendor", "into", "undoes", "user")
    search_fields = ("vendor__name__istartswith", "into__name__istartswith")
    fieldsets = (
        (None, {"fields": ("vendor", "into", "undoes", "reason")}),
        (screens.RECORD, {"fields": ("user", "public_id", "recorded_at")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if "undoes" in form.base_fields:
            form.base_fields["undoes"].required = False
            merges: Any = form.base_fields["undoes"]
            merges.queryset = models.VendorMerge.objects.filter(undoes=None)
        return form

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        key = f"admin-merge:{uuid.uuid4()}"
        if values["undoes"]:
            event = vendors.unmerge(
                actor=actor, key=key, merge=values["undoes"].public_id, reason=values["reason"]
            )
        else:
            event = vendors.merge(
                actor=actor,
                key=key,
                vendor_id=values["vendor"].pk,
                into_id=values["into"].pk,
                reason=values["reason"],
            )
        return int(models.VendorMerge.objects.get(public_id=event).pk)

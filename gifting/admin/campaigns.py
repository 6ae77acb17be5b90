"""Screens of programs and of their campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, auth
from django.db.models import ForeignKey, Model
from django.http import HttpRequest

from gifting import models
from gifting.admin import screens
from gifting.domain import access
from gifting.services import campaigns, programs


@admin.register(models.Program)
class ProgramScreen(screens.Screen):
    reads = (access.Permission.READ_CAMPAIGNS,)
    writes = access.Permission.WRITE_CAMPAIGNS
    list_display = ("code", "name")
    search_fields = ("code__istartswith", "name")
    ordering = ("code",)
    readonly_fields = ("public_id", "recorded_at")
    fieldsets = (
        (None, {"fields": ("code", "name")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, "code"] if obj else fixed

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        return programs.create(actor=actor, code=values["code"], name=values["name"])

    def change(
        self, *, actor: access.Actor, row: models.Program, values: Mapping[str, Any]
    ) -> None:
        programs.rename(actor=actor, program_id=row.pk, name=values["name"])


@admin.register(models.Campaign)
class CampaignScreen(screens.Screen):
    reads = (access.Permission.READ_CAMPAIGNS,)
    writes = access.Permission.WRITE_CAMPAIGNS
    cost_center = "cost_center"
    list_display = ("code", "name", "program", "kind", "motion", "channel", "cost_center", "owner")
    list_select_related = ("program", "cost_center", "owner")
    list_filter = ("kind", "motion", "personalization")
    search_fields = ("code__istartswith", "name")
    ordering = ("code",)
    autocomplete_fields = ("cost_center", "program")
    readonly_fields = ("public_id", "recorded_at")
    fieldsets = (
        (None, {"fields": ("code", "name", "kind", "motion", "channel", "personalization")}),
        ("Who and when", {"fields": ("program", "cost_center", "owner", "starts_on", "ends_on")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, "code"] if obj else fixed

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **options: Any
    ) -> Any:
        if db_field.name == "owner":
            members = models.Membership.objects.values("user_id")
            options["queryset"] = (
                auth.get_user_model().objects.filter(pk__in=members).order_by("username")
            )
        return super().formfield_for_foreignkey(db_field, request, **options)

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        return campaigns.create(actor=actor, code=values["code"], details=_details(values))

    def change(
        self, *, actor: access.Actor, row: models.Campaign, values: Mapping[str, Any]
    ) -> None:
        campaigns.change(actor=actor, campaign_id=row.pk, details=_details(values))


def _details(values: Mapping[str, Any]) -> campaigns.Details:
    owner = values["owner"]
    return campaigns.Details(
        name=values["name"],
        kind=values["kind"],
        motion=values["motion"],
        channel=values["channel"],
        personalization=values["personalization"],
        cost_center_id=values["cost_center"].pk,
        owner_id=owner.pk if owner else None,
        starts_on=values["starts_on"],
        ends_on=values["ends_on"],
        program_id=values["program"].pk if values["program"] else None,
    )

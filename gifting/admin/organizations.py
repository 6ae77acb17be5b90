"""Screens of the organization, its cost centers, its members and its machines' keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold import widgets

from gifting import models
from gifting.admin import screens
from gifting.domain import access
from gifting.selectors import organizations as tree
from gifting.services import access as memberships
from gifting.services import cost_centers, desk

DEFAULT_TOKEN_DAYS = 90
PEOPLES_ROLES = [
    (role.value, role.value.capitalize()) for role in access.Role if role is not access.Role.SERVICE
]
SECRET = "tribute_secret"  # noqa: S105 - the name of an attribute of one request


@admin.register(models.Organization)
class OrganizationScreen(screens.Screen):
    list_display = ("name", "slug", "currency", "time_zone", "origin")
    search_fields = ("name", "slug")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "slug", "currency", "time_zone", "is_synthetic")}),
        (screens.RECORD, {"fields": ("id", "recorded_at")}),
    )
    origin = screens.synthetic()


class CostCenterForm(screens.RefusableForm):
    """Name the owner by their login; nobody is shown a list of everybody on the server."""

    owner_name = forms.CharField(
        label="Owner",
        max_length=150,
        required=False,
        widget=widgets.UnfoldAdminTextInputWidget(),
        help_text="The login of who approves what is charged here and below; empty for the next "
        "owner above",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        owner = getattr(self.instance, "owner", None)
        if owner is not None and "owner_name" in self.fields:
            self.fields["owner_name"].initial = owner.get_username()


@admin.register(models.CostCenter)
class CostCenterScreen(screens.Screen):
    form = CostCenterForm
    reads = (access.Permission.READ_SPEND, access.Permission.READ_BUDGETS)
    writes = access.Permission.MANAGE_ACCESS
    cost_center = "id"
    list_display = ("code", "name", "parent")
    list_select_related = ("parent",)
    search_fields = ("code", "name")
    ordering = ("code",)
    autocomplete_fields = ("parent",)
    fieldsets = (
        (None, {"fields": ("code", "name", "parent", "owner_name")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    readonly_fields = ("public_id", "recorded_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, "code"] if obj else fixed

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        made = cost_centers.create(
            actor=actor,
            code=values["code"],
            name=values["name"],
            parent_id=_id(values["parent"]) or tree.root_cost_center_id(),
        )
        self._assign(actor, made, values)
        return made

    def change(
        self, *, actor: access.Actor, row: models.CostCenter, values: Mapping[str, Any]
    ) -> None:
        cost_centers.change(
            actor=actor,
            cost_center_id=row.pk,
            name=values["name"],
            parent_id=_id(values["parent"]),
        )
        self._assign(actor, row.pk, values)

    def _assign(self, actor: access.Actor, cost_center_id: int, values: Mapping[str, Any]) -> None:
        name = values["owner_name"]
        cost_centers.assign_owner(
            actor=actor,
            cost_center_id=cost_center_id,
            user_id=memberships.user_id_of(username=name) if name else None,
        )


class MembershipForm(screens.RefusableForm):
    """Name a person by their login; nobody is shown a list of everybody on the server."""

    username = forms.CharField(
        max_length=150,
        widget=widgets.UnfoldAdminTextInputWidget(),
        help_text="How the person logs in",
    )
    role = forms.ChoiceField(choices=PEOPLES_ROLES, widget=widgets.UnfoldAdminSelectWidget())


@admin.register(models.Membership)
class MembershipScreen(screens.Screen):
    reads = (access.Permission.READ_ACCESS,)
    writes = access.Permission.MANAGE_ACCESS
    form = MembershipForm
    add_only = ("username",)
    list_display = ("user", "role", "branch")
    list_select_related = ("user", "cost_center")
    list_filter = ("role",)
    search_fields = ("user__username__exact",)
    autocomplete_fields = ("cost_center",)
    readonly_fields = ("user", "public_id", "recorded_at")
    fieldsets = (
        (None, {"fields": ("user", "role", "cost_center")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "role", "cost_center")}),)

    @admin.display(description="Branch", ordering="cost_center")
    def branch(self, row: models.Membership) -> str:
        return str(row.cost_center) if row.cost_center_id else "The whole organization"

    def add(self, *, actor: access.Actor, values: Mapping[str, Any]) -> int:
        user_id = memberships.user_id_of(username=values["username"])
        return memberships.add_member(
            actor=actor,
            user_id=user_id,
            role=access.Role(values["role"]),
            cost_center_id=_id(values["cost_center"]),
        )

    def change(
        self, *, actor: access.Actor, row: models.Membership, values: Mapping[str, Any]
    ) -> None:
        memberships.add_member(
            actor=actor,
            user_id=row.user_id,
            role=access.Role(values["role"]),
            cost_center_id=_id(values["cost_center"]),
        )


class ServiceTokenForm(screens.RefusableForm):
    """Ask for what a new token may do and how long; an old one can only be revoked."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in access.Scope],
        widget=widgets.UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    lifetime_days = forms.IntegerField(
        min_value=1,
        max_value=memberships.LONGEST_TOKEN_DAYS,
        initial=DEFAULT_TOKEN_DAYS,
        widget=widgets.UnfoldAdminIntegerFieldWidget(),
    )
    revoke = forms.BooleanField(
        required=False,
        widget=widgets.UnfoldBooleanWidget(),
        help_text="From its next request on; a revoked token stays revoked",
    )


@admin.register(models.ServiceToken)
class ServiceTokenScreen(screens.Screen):
    reads = (access.Permission.READ_ACCESS,)
    writes = access.Permission.MANAGE_ACCESS
    form = ServiceTokenForm
    add_only = ("name", "scopes", "lifetime_days")
    change_only = ("revoke",)
    list_display = ("name", "shown_prefix", "scopes", "created_by", "expires_at", "status")
    list_select_related = ("created_by",)
    search_fields = ("name", "prefix__exact")
    readonly_fields = (
        "name_and_prefix",
        "scopes_given",
        "status",
        "created_by",
        "expires_at",
        "revoked_at",
        "recorded_at",
    )
    add_fieldsets = ((None, {"fields": ("name", "scopes", "lifetime_days")}),)
    fieldsets = (
        (None, {"fields": ("name_and_prefix", "scopes_given", "status", "revoke")}),
        (screens.RECORD, {"fields": ("created_by", "expires_at", "revoked_at", "recorded_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("secret_hash")

    @admin.display(description="Token")
    def name_and_prefix(self, row: models.ServiceToken) -> str:
        return str(row)

    @admin.display(description="Scopes")
    def scopes_given(self, row: models.ServiceToken) -> str:
        return ", ".join(row.scopes)

    @admin.display(description="Begins with", ordering="prefix")
    def shown_prefix(self, row: models.ServiceToken) -> str:
        return f"{row.prefix}…"

    @admin.display(description="Status")
    def status(self, row: models.ServiceToken) -> str:
        if row.revoked_at:
            return "Revoked"
        return "Expired" if row.expires_at <= timezone.now() else "Works"

    status = screens.colored(
        status, {"Works": "success", "Revoked": "danger", "Expired": "warning"}
    )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor = desk.actor(request)
        if change:
            if form.cleaned_data["revoke"]:
                memberships.revoke_token(actor=actor, public_id=obj.public_id, at=timezone.now())
            return
        issued = memberships.issue_token(
            actor=actor,
            name=form.cleaned_data["name"],
            scopes=frozenset(access.Scope(scope) for scope in form.cleaned_data["scopes"]),
            lifetime=dt.timedelta(days=form.cleaned_data["lifetime_days"]),
            at=timezone.now(),
        )
        obj.pk = issued.id
        setattr(request, SECRET, issued)

    def response_add(
        self, request: HttpRequest, obj: Model, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret in this one answer; it is kept in no session, message or log."""
        context = {
            **self.admin_site.each_context(request),
            "title": "The new service token",
            "issued": getattr(request, SECRET),
            "opts": self.opts,
        }
        return TemplateResponse(request, "gifting/issued_token.html", context)


def _id(row: Model | None) -> int | None:
    return None if row is None else int(row.pk)

"""Screens of accounts and contacts as the CRM knows them. All read-only."""

from __future__ import annotations

from django.contrib import admin

from attribution import models
from gifting.admin import screens
from gifting.domain import access


@admin.register(models.Account)
class AccountScreen(screens.Screen):
    reads = (access.Permission.READ_ATTRIBUTION,)
    list_display = ("name", "external_id", "parent", "industry", "country", "employees", "origin")
    list_select_related = ("parent",)
    list_filter = ("source", "is_synthetic")
    search_fields = ("external_id__exact", "name")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "parent", "industry", "country", "employees", "origin")}),
        ("Source", {"fields": ("source", "external_id")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    origin = screens.synthetic()


@admin.register(models.Contact)
class ContactScreen(screens.FactScreen):
    reads = (access.Permission.READ_ATTRIBUTION,)
    personal = frozenset({"name", "email"})
    list_display = ("external_id", "name", "email", "title", "account", "origin")
    list_select_related = ("account",)
    list_filter = ("source", "is_synthetic")
    search_fields = ("external_id__exact", "account__name__istartswith", "name", "email")
    fieldsets = (
        (None, {"fields": ("name", "email", "title", "account", "origin")}),
        ("Source", {"fields": ("source", "external_id")}),
        (screens.RECORD, {"fields": ("public_id", "recorded_at")}),
    )
    origin = screens.synthetic()

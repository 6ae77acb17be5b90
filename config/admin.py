"""Screens of what no room owns: logins, and the clock of scheduled work. For the operator alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import models as auth
from django.db.models import Model
from django.http import HttpRequest
from django_celery_beat import models as beat
from unfold import forms

from gifting.admin import screens
from gifting.services import desk

CLOCK = (
    beat.ClockedSchedule,
    beat.CrontabSchedule,
    beat.IntervalSchedule,
    beat.PeriodicTask,
    beat.SolarSchedule,
)

for registered in (auth.User, auth.Group, *CLOCK):
    if admin.site.is_registered(registered):
        admin.site.unregister(registered)


@admin.register(auth.User)
class UserScreen(auth_admin.UserAdmin, screens.OperatorScreen):  # type: ignore[misc,type-arg]  # the stubs type the two bases differently
    """Logins are made here; what a person may do is a membership's, not a login's."""

    form = forms.UserChangeForm
    add_form = forms.UserCreationForm
    change_password_form = forms.AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("username", "email", "first_name", "last_name")
    ordering = ("username",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Login", {"fields": ("is_active", "is_staff", "is_superuser")}),
        (screens.RECORD, {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return desk.is_operator(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return desk.is_operator(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.save()


@admin.register(beat.PeriodicTask)
class PeriodicTaskScreen(screens.OperatorScreen):
    list_display = ("name", "task", "enabled", "interval", "crontab", "last_run_at")
    list_select_related = ("interval", "crontab")
    list_filter = ("enabled",)
    search_fields = ("name", "task")
    ordering = ("name",)


@admin.register(beat.IntervalSchedule)
class IntervalScheduleScreen(screens.OperatorScreen):
    list_display = ("every", "period")


@admin.register(beat.CrontabSchedule)
class CrontabScheduleScreen(screens.OperatorScreen):
    list_display = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year", "timezone")

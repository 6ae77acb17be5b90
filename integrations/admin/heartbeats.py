"""The screen of heartbeats, for the operator of the server. Read-only."""

from __future__ import annotations

from django.contrib import admin

from gifting.admin import screens
from integrations import models


@admin.register(models.Heartbeat)
class HeartbeatScreen(screens.OperatorScreen):
    list_display = ("queue", "beat_at")
    search_fields = ("queue",)
    ordering = ("queue",)

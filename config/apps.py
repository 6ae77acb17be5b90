"""Register the wiring room, whose commands start and show the whole product."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as admin

# Tasks belong to the Celery application that exists when they are sent.
from config import celery as celery  # noqa: PLC0414 - loaded for its effect, kept by name


class ConfigConfig(AppConfig):
    """Wiring only: settings, processes, doorway."""

    name = "config"


class AdminConfig(admin.AdminConfig):
    """The admin, served by the product's own site."""

    default = False
    default_site = "config.site.Site"

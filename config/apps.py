"""Register the wiring room, whose commands start and show the whole product."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Wiring only: settings, processes, doorway."""

    name = "config"

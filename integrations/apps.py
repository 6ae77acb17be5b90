"""Register the integrations room with Django."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """The outside world: files, CRM connections and their sync."""

    name = "integrations"

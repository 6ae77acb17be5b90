"""Register the attribution room with Django."""

from django.apps import AppConfig


class AttributionConfig(AppConfig):
    """Opportunities, touchpoints, credit and return on investment."""

    name = "attribution"

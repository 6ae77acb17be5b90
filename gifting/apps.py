"""Register the gifting room with Django."""

from django.apps import AppConfig


class GiftingConfig(AppConfig):
    """Budgets, vendors, campaigns, sends and their money."""

    name = "gifting"

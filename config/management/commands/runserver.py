"""`manage.py runserver`: Django's server for development, with a plain word about the database."""

from __future__ import annotations

from typing import Any

from django.contrib.staticfiles.management.commands import runserver

from config import boot


class Command(runserver.Command):
    """Look for the database before the reloader's thread does, where nobody turns it into words."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until Ctrl-C."""
        boot.require_database()
        super().handle(*args, **options)

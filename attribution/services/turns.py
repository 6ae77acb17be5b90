"""Turns: what writes an organization's attribution does so one after another."""

from __future__ import annotations

from uuid import UUID

from django.db import connection


def wait(organization_id: UUID) -> None:
    """Wait for others of this organization, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"attribution:{organization_id}"],
        )

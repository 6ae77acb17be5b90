"""Checksums of all that an organization holds, for tests that nothing, or only this, changed."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from gifting.services import tenancy
from tests.factories import everything


def by_table(organization_id: UUID) -> dict[str, str]:
    """Give the number of rows of each table, and a checksum of all their columns."""
    sums = {}
    with tenancy.organization(organization_id), connection.cursor() as cursor:
        for model in everything.tenant_models():
            table = model._meta.db_table
            cursor.execute(
                "SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
                f" FROM {table} AS t"
            )
            sums[table] = "{} rows {}".format(*cursor.fetchone())
    return sums

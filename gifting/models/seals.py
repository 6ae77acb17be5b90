"""The chain of seals: each operation of the ledger once, with a hash that holds all before it.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/seals.sql`): number and hashes are what
the database computes, whatever is inserted; an operation is sealed once; seals never change.
"""

from __future__ import annotations

from django.db import models

from gifting.models import tenancy

HASH_LENGTH = 64


class LedgerSeal(tenancy.TenantModel):
    """An operation with all that belongs to it, chained to the one before. Append-only."""

    operation = tenancy.link("gifting.Operation")
    number = models.BigIntegerField(db_default=0, editable=False, help_text="1, 2, 3 …, by trigger")
    previous_hash = models.CharField(max_length=HASH_LENGTH, db_default="", editable=False)
    hash = models.CharField(
        max_length=HASH_LENGTH,
        db_default="",
        editable=False,
        help_text="SHA-256 of the hash before and of the operation with all that belongs to it",
    )

    class Meta:
        constraints = (
            tenancy.unique("ledger_seal_public_id_is_unique", "public_id"),
            tenancy.unique("ledger_seal_number_is_unique", "number"),
            tenancy.unique("ledger_seal_operation_is_unique", "operation"),
        )

    def __str__(self) -> str:
        return f"Seal {self.number} {self.hash[:12]}"

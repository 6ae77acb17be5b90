"""Vendors: the companies that gifts are bought from, by whatever name they appear.

Rules kept, all by PostgreSQL (`gifting/migrations/sql/procurement.sql`):
- One identity (tax id, domain, name, payee) stands for one vendor at a time.
- Vendors are merged and unmerged by append-only events. A merge says that two vendors are one legal
  entity and rewrites no row, so that totals by vendor stay and totals by entity follow. A vendor is
  merged into one other at a time, never in a circle, and a merge is undone once.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gifting.domain import documents
from gifting.models import tenancy


class Vendor(tenancy.TenantModel):
    """A gifting platform, shop, printer or carrier."""

    code = models.CharField(max_length=tenancy.CODE_LENGTH)
    name = models.CharField(max_length=tenancy.NAME_LENGTH)

    class Meta:
        ordering = ("name",)
        constraints = (
            tenancy.unique("vendor_code_is_unique", "code"),
            tenancy.unique("vendor_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return self.name


class VendorIdentity(tenancy.TenantModel):
    """By what a vendor is known elsewhere, in the form that compares; retired, never removed."""

    vendor = tenancy.link("gifting.Vendor", related_name="identities")
    kind = models.CharField(max_length=16, choices=tenancy.labels(documents.IdentityKind))
    value = models.CharField(
        max_length=tenancy.NAME_LENGTH, help_text="Normalized; of a payee a digest"
    )
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            tenancy.unique("vendor_identity_public_id_is_unique", "public_id"),
            tenancy.unique(
                "vendor_identity_is_one_vendors",
                "kind",
                "value",
                condition=models.Q(retired_at__isnull=True),
            ),
            tenancy.known("vendor_identity_kind_is_known", "kind", documents.IdentityKind),
            models.CheckConstraint(
                condition=~models.Q(value=""), name="vendor_identity_is_not_empty"
            ),
        )
        indexes = (models.Index(fields=["organization", "vendor"], name="identity_by_vendor"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class VendorMerge(tenancy.TenantModel):
    """A vendor was found to be another one, or was found not to be after all. Append-only."""

    vendor = tenancy.link("gifting.Vendor", help_text="The name that stands for the other one")
    into = tenancy.link("gifting.Vendor", help_text="The vendor that it is")
    undoes = tenancy.link("gifting.VendorMerge", null=True, help_text="The merge that ends here")
    reason = models.TextField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            tenancy.unique("vendor_merge_public_id_is_unique", "public_id"),
            tenancy.unique("vendor_merge_is_undone_once", "undoes"),
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="vendor_merge_has_a_reason"
            ),
            models.CheckConstraint(
                condition=~models.Q(vendor=models.F("into")),
                name="vendor_is_not_merged_into_itself",
            ),
        )
        indexes = (models.Index(fields=["organization", "vendor"], name="merge_by_vendor"),)

    def __str__(self) -> str:
        return f"Vendor {self.vendor_id} {'is not' if self.undoes_id else 'is'} {self.into_id}"

"""Vendors: the companies that gifts are bought from."""

from __future__ import annotations

from django.db import models

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

"""Accounts and the contacts who work there, as the CRM knows them."""

from __future__ import annotations

from django.db import models

from gifting.models import tenancy

SOURCE_LENGTH = 64
EXTERNAL_ID_LENGTH = 255


class Account(tenancy.TenantModel):
    """A company that is sold to; it may belong to a larger one."""

    source = models.CharField(
        max_length=SOURCE_LENGTH, help_text="The system that knows the account"
    )
    external_id = models.CharField(max_length=EXTERNAL_ID_LENGTH)
    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    parent = tenancy.link("attribution.Account", null=True, blank=True)
    industry = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    country = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    employees = models.PositiveIntegerField(null=True, blank=True)
    merged_into = tenancy.link(
        "attribution.Account", null=True, blank=True, help_text="The account that it is now"
    )
    is_synthetic = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ("name",)
        constraints = (
            tenancy.unique("account_external_id_is_unique", "source", "external_id"),
            tenancy.unique("account_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=~models.Q(parent=models.F("id")), name="account_is_not_its_own_parent"
            ),
            models.CheckConstraint(
                condition=~models.Q(merged_into=models.F("id")),
                name="account_is_not_merged_into_itself",
            ),
        )
        indexes = (models.Index(fields=["organization", "name"], name="account_by_name"),)

    def __str__(self) -> str:
        return self.name


class Contact(tenancy.TenantModel):
    """A person at an account. Name and address of mail are personal data: see access rules."""

    source = models.CharField(max_length=SOURCE_LENGTH)
    external_id = models.CharField(max_length=EXTERNAL_ID_LENGTH)
    account = tenancy.link("attribution.Account", null=True, blank=True)
    name = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    email = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    title = models.CharField(max_length=tenancy.NAME_LENGTH, blank=True)
    merged_into = tenancy.link(
        "attribution.Contact", null=True, blank=True, help_text="The contact that it is now"
    )
    is_synthetic = models.BooleanField(default=False, editable=False)

    class Meta:
        constraints = (
            tenancy.unique("contact_external_id_is_unique", "source", "external_id"),
            tenancy.unique("contact_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=~models.Q(merged_into=models.F("id")),
                name="contact_is_not_merged_into_itself",
            ),
        )
        indexes = (models.Index(fields=["organization", "account"], name="contact_by_account"),)

    def __str__(self) -> str:
        return f"Contact {self.external_id}"

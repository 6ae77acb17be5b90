"""Organizations, who may enter them, and the cost centers that divide them.

Rule kept: one organization never learns of another. `Organization`, `Membership` and
`ServiceToken` can be read before an organization is chosen only through a door that holds the
key to that one row (a slug, a user id, a token's hash): see the policies in
`gifting/migrations/sql/doors.sql`.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from gifting.domain import access
from gifting.models import tenancy

HASH_LENGTH = 64


class Organization(models.Model):
    """A company whose gifting is recorded here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    slug = models.SlugField(max_length=tenancy.CODE_LENGTH, unique=True)
    currency = tenancy.currency_field()
    time_zone = models.CharField(
        max_length=tenancy.CODE_LENGTH,
        default="UTC",
        help_text="IANA name; decides the fiscal date of every fact",
    )
    country = models.CharField(
        max_length=2,
        db_default="",
        blank=True,
        help_text="ISO 3166 code; where taxes are filed, which decides the giver's rules on gifts",
    )
    is_synthetic = models.BooleanField(
        default=False, help_text="Holds generated data; every page and report says so"
    )
    is_scratch = models.BooleanField(
        db_default=False,
        editable=False,
        help_text="Made by a drill, which removes it; never set or unset later",
    )
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("name",)
        constraints = (tenancy.currency_code("organization_currency_is_iso"),)

    def __str__(self) -> str:
        return self.name


class CostCenter(tenancy.TenantModel):
    """A node of the tree that spending is charged to."""

    parent = tenancy.link("gifting.CostCenter", null=True, blank=True)
    code = models.CharField(max_length=tenancy.CODE_LENGTH)
    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        # Functions of the ledger call the organization that rows belong to their owner_id.
        db_column="owner_user_id",
        help_text="Approves what is charged here and below, where the approval policy asks for it",
    )

    class Meta:
        ordering = ("code",)
        constraints = (
            tenancy.unique("cost_center_code_is_unique", "code"),
            tenancy.unique("cost_center_public_id_is_unique", "public_id"),
            models.CheckConstraint(
                condition=~models.Q(parent=models.F("id")), name="cost_center_is_not_its_own_parent"
            ),
        )

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class Membership(tenancy.TenantModel):
    """A person's role in an organization, on one branch of the cost center tree or on all of it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=tenancy.CODE_LENGTH, choices=tenancy.labels(access.Role))
    cost_center = tenancy.link(
        "gifting.CostCenter", null=True, blank=True, help_text="Empty means the whole organization"
    )

    class Meta:
        constraints = (
            tenancy.unique("membership_user_is_unique", "user"),
            tenancy.unique("membership_public_id_is_unique", "public_id"),
            tenancy.known("membership_role_is_known", "role", access.Role),
        )

    def __str__(self) -> str:
        return f"{self.user_id} as {self.role}"


class ServiceToken(tenancy.TenantModel):
    """A machine's key. Only its SHA-256 is kept: the secret is shown once and never again."""

    name = models.CharField(max_length=tenancy.NAME_LENGTH)
    prefix = models.CharField(max_length=16, help_text="First characters, to tell tokens apart")
    secret_hash = models.CharField(max_length=HASH_LENGTH)
    scopes = ArrayField(models.CharField(max_length=tenancy.CODE_LENGTH))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            tenancy.unique("service_token_name_is_unique", "name"),
            tenancy.unique("service_token_secret_hash_is_unique", "secret_hash"),
            tenancy.unique("service_token_public_id_is_unique", "public_id"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

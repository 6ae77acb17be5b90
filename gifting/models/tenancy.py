"""The base of every row that belongs to one organization.

Rule kept: a row is visible, countable, referable and unique inside its organization alone.
PostgreSQL enforces it: `protect_tenant` gives each table forced row-level security, every unique
key starts with the organization, and `link_tenant` makes each foreign key carry it (see
`gifting/migrations/sql/tenancy.sql`). Django's own single-column constraints are therefore switched
off. `tests/architecture/test_tenancy_coverage.py` reads it all back from PostgreSQL's catalog.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.postgres.functions import RandomUUID
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

CODE_LENGTH = 64
NAME_LENGTH = 255
CURRENCY_PATTERN = "^[A-Z]{3}$"


class TenantModel(models.Model):
    """A row of one organization, with an internal key and a random public one."""

    organization = models.ForeignKey(
        "gifting.Organization", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    public_id = models.UUIDField(db_default=RandomUUID(), editable=False)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


def organization_of_parent() -> models.ForeignKey[Any, Any]:
    """Name the organization of a row that only ever stands below another one.

    The link to that other row carries the organization, and the other row proves that it exists:
    to look it up once more for each row of a long history costs as much as the row.
    """
    return models.ForeignKey(
        "gifting.Organization",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )


def link(to: str, **options: Any) -> models.ForeignKey[Any, Any]:
    """Point at a row of the same organization; the database checks both columns together."""
    options.setdefault("on_delete", models.PROTECT)
    options.setdefault("related_name", "+")
    options.setdefault("db_index", False)
    return models.ForeignKey(to, db_constraint=False, **options)


def unique(name: str, *fields: str, **options: Any) -> models.UniqueConstraint:
    """Make the fields unique inside one organization."""
    return models.UniqueConstraint(fields=["organization", *fields], name=name, **options)


def known(name: str, field: str, codes: Iterable[str]) -> models.CheckConstraint:
    """Allow only these codes; NULL passes where the column allows it."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{field}__in": [str(code) for code in codes]}), name=name
    )


def labels(codes: Iterable[str]) -> list[tuple[str, str]]:
    """Offer the codes of a domain enumeration as choices, written for people."""
    return [(str(code), str(code).replace("_", " ").capitalize()) for code in codes]


def currency_field(**options: Any) -> models.CharField[Any, Any]:
    """Hold an ISO 4217 code."""
    return models.CharField(
        max_length=3,
        validators=[RegexValidator(CURRENCY_PATTERN, "Write an ISO 4217 code such as USD.")],
        help_text="ISO 4217 code",
        **options,
    )


def currency_code(name: str, field: str = "currency") -> models.CheckConstraint:
    """Allow only text that looks like an ISO 4217 code."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{field}__regex": CURRENCY_PATTERN}), name=name
    )
